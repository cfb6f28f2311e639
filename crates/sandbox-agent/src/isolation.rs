//! Leaves the host: takes an identity of its own and enters new namespaces, as far as the container around it has not done so.
//!
//! In a container a user and a mount namespace are added, because the sandbox's root is built by mounting, and a network
//! namespace, empty whatever the container's holds, in which all children live. On the host the agent makes all of them and
//! becomes process 1 of its own; a second process stays outside, waits, and takes the sandbox down when it is killed.

use std::{io, os::fd::OwnedFd, process::ExitCode};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    pipe::{PipeFlags, pipe_with},
    process::{DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal, setsid},
    thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};
use sandbox_protocol::control::Exit;

use crate::{
    arguments::{Identity, Namespaced},
    fault::{AtStage, Fault},
    outside::Outside,
    part, privileges,
    sys::{self, Fork},
    weaken,
};

/// The agent's user and group id in its own user namespace: nobody.
pub const INNER_ID: u32 = 65534;

/// And the network namespace of [`network`].
const CONTAINER: i32 = libc::CLONE_NEWUSER | libc::CLONE_NEWNS;
const HOST: i32 = CONTAINER | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS | libc::CLONE_NEWCGROUP;

/// Where this process ended up.
pub enum Side {
    /// In the sandbox.
    Inside(Outside),
    /// On the host, to wait for the one inside.
    Outside(Waiting),
}

/// The process that stays on the host.
pub struct Waiting {
    inside: i32,
    /// Closed by the kernel when this process ends, however it ends.
    _alive: OwnedFd,
}

/// Enters the namespaces of a mode. On the host the process forks: both sides return.
///
/// # Errors
/// The step that failed, with the host's setting where it is known.
pub fn enter(mode: Namespaced) -> Result<Side, Fault> {
    match mode {
        Namespaced::InContainer => enter_from_container().map(Side::Inside),
        Namespaced::OnHost(identity) => enter_from_host(identity),
    }
}

// === impl Waiting ===

impl Waiting {
    /// Waits until the process inside ends, and ends like it.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn until_inside_ends(self) -> Result<ExitCode, Fault> {
        let ended = sys::await_end(self.inside).at("wait for the sandbox")?;
        Ok(match ended.map(|ended| ended.exit) {
            Some(Exit::Code(0)) => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        })
    }
}

fn enter_from_container() -> Result<Outside, Fault> {
    let identity = current_identity();
    if identity.uid == 0 {
        return Err(Fault::new("identity", "the container runs as root").with_hint("set a user for the container"));
    }
    let outside = Outside::open(identity.uid).at("open /proc")?;
    sys::unshare(CONTAINER | network()).at("unshare user, mount and network namespaces")?;
    map_ids(&outside, identity)?;
    Ok(outside)
}

fn enter_from_host(identity: Option<Identity>) -> Result<Side, Fault> {
    // A terminal's Ctrl-C is for the server, which then ends sandboxes in order. Fails for a session's leader, which is as good.
    let _ = setsid();
    // Opened with the rights the agent was started with: a cgroup's files may not be readable afterwards.
    let identity = identity.unwrap_or_else(current_identity);
    let outside = Outside::open(identity.uid).at("open /proc")?;
    take(identity)?;
    sys::unshare(HOST | network()).at("unshare namespaces")?;
    map_ids(&outside, identity)?;
    let (watch, alive) = pipe_with(PipeFlags::CLOEXEC).at("make a pipe")?;
    match sys::fork().at("fork")? {
        Fork::Parent(inside) => Ok(Side::Outside(Waiting { inside, _alive: alive })),
        Fork::Child => {
            drop(alive);
            die_with_parent(&watch)?;
            Ok(Side::Inside(outside))
        }
    }
}

/// Made once for all children of the sandbox: the kernel needs longer to make and remove one than a short program to run.
fn network() -> i32 {
    if weaken::off(part::NETWORK_NAMESPACE) { 0 } else { libc::CLONE_NEWNET }
}

/// Becomes another user and gives up every capability, in the one namespace there is.
///
/// # Errors
/// The step that failed.
pub fn take_with_empty_hands(identity: Identity) -> Result<(), Fault> {
    let stage = "drop capabilities";
    if weaken::off(part::HOST_RIGHTS) {
        return Ok(());
    }
    // Whoever is not root has none that could come back: programs cannot grant any once new privileges are forbidden.
    if current_identity().uid == 0 {
        privileges::give_up_sources().map_err(io::Error::from_raw_os_error).at(stage)?;
    }
    take(identity)?;
    privileges::empty_sets().map_err(io::Error::from_raw_os_error).at(stage)
}

/// The user and group of this process.
pub fn current_identity() -> Identity {
    Identity { uid: rustix::process::getuid().as_raw(), gid: rustix::process::getgid().as_raw() }
}

/// Becomes another user for good, when that is not the case already.
fn take(identity: Identity) -> Result<(), Fault> {
    let current = current_identity();
    if identity.uid == 0 || identity.gid == 0 {
        let fault = Fault::new("identity", "a sandbox never runs as root");
        return Err(fault.with_hint("start the agent with --uid and --gid of an unused range"));
    }
    if current == identity {
        return Ok(());
    }
    let (uid, gid) = (rustix::process::Uid::from_raw(identity.uid), rustix::process::Gid::from_raw(identity.gid));
    let groups: &[rustix::process::Gid] = if weaken::off(part::IDENTITY) { &[rustix::process::Gid::from_raw(4)] } else { &[] };
    set_thread_groups(groups).at("leave all groups")?;
    set_thread_res_gid(gid, gid, gid).at(format!("become group {}", identity.gid))?;
    set_thread_res_uid(uid, uid, uid).at(format!("become user {}", identity.uid))?;
    // Changing identity hides a process's own procfs files from it; mapping ids needs them.
    set_dumpable_behavior(DumpableBehavior::Dumpable).at("become dumpable")
}

fn map_ids(outside: &Outside, identity: Identity) -> Result<(), Fault> {
    outside.write("self/setgroups", "deny").at("deny setgroups")?;
    outside.write("self/uid_map", &format!("{INNER_ID} {} 1", identity.uid)).at("map the user id")?;
    outside.write("self/gid_map", &format!("{INNER_ID} {} 1", identity.gid)).at("map the group id")
}

/// Asks for SIGKILL when the waiting process ends, and makes sure that it has not ended before asking.
fn die_with_parent(watch: &OwnedFd) -> Result<(), Fault> {
    set_parent_process_death_signal(Some(Signal::KILL)).at("tie the sandbox to its parent")?;
    let mut polled = [PollFd::new(watch, PollFlags::empty())];
    let ready = poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).at("look after the parent")?;
    if ready > 0 {
        return Err(io::Error::other("the parent is gone")).at("tie the sandbox to its parent");
    }
    Ok(())
}
