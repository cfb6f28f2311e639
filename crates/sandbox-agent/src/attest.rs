//! Looks at a sealed child from outside, through procfs, before the child is handed out: until then only our own code has run
//! in it, so nothing here can be forged. A child that is not sealed as it must be is a fault, never a report.
//!
//! Process ids differ between procfs instances; the kernel itself translates, in the `fdinfo` of a pidfd.

use std::{io, os::fd::AsRawFd};

use rustix::{
    process::{Pid, PidfdFlags, pidfd_open},
    thread::no_new_privs,
};
use sandbox_protocol::control::Seal;

use crate::{
    confined::Wall,
    fault::{AtStage, Fault},
    outside::Outside,
    weaken,
};

const NAMESPACES: [&str; 6] = ["user", "pid", "mnt", NETWORK, "ipc", "uts"];
/// Made by the agent for all children of the sandbox; the others by the seal for each.
const NETWORK: &str = "net";
const CAPABILITY_SETS: [&str; 4] = ["CapInh", "CapPrm", "CapEff", AMBIENT_SET];
const AMBIENT_SET: &str = "CapAmb";
const BOUNDING_SET: &str = "CapBnd";
const FILTER_MODE: u32 = 2;

/// What the agent itself lives in, to compare with.
pub struct Own {
    /// Of the network the one that the agent was started in.
    namespaces: Vec<String>,
    filters: u32,
    /// User id, as this procfs shows it.
    uid: u64,
    /// Capabilities that could come back: none, unless the agent was started without the right to give them up.
    bounding: u64,
    /// Version of the Landlock rules that children get; 0 where they get none.
    landlock: u32,
    /// Whether the kernel is gVisor's, whose procfs says less.
    gvisor: bool,
}

// === impl Own ===

impl Own {
    /// Reads the agent's namespaces, identity and filters; call it when it is locked in.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(outside: &Outside, wall: Option<&Wall>) -> Result<Self, Fault> {
        const STAGE: &str = "read own status";
        let landlock = wall.map_or(0, Wall::landlock);
        if wall.is_some_and(Wall::is_gvisor) {
            return Self::read_in_gvisor(outside).at(STAGE);
        }
        let mut namespaces = namespaces(outside, "self").at("read own namespaces")?;
        for (own, _) in namespaces.iter_mut().zip(NAMESPACES).filter(|(_, name)| *name == NETWORK) {
            own.clone_from(&outside.network);
        }
        let status = outside.read("self/status").at(STAGE)?;
        let status = Status(&status);
        let filters = status.number("Seccomp_filters", 10).at(STAGE)? as u32;
        let (uid, bounding) = (status.number("Uid", 10).at(STAGE)?, status.number("CapBnd", 16).at(STAGE)?);
        Ok(Own { namespaces, filters, uid, bounding, landlock, gvisor: false })
    }

    /// gVisor counts no filters; the agent has none there, so a child's shows all the same.
    fn read_in_gvisor(outside: &Outside) -> io::Result<Self> {
        let status = outside.read("self/status")?;
        let status = Status(&status);
        if status.number("Seccomp", 10)? != 0 {
            return Err(io::Error::other("the container has a filter of its own, behind which a child's would not show"));
        }
        let (uid, bounding) = (status.number("Uid", 10)?, status.number("CapBnd", 16)?);
        Ok(Own { namespaces: Vec::new(), filters: 0, uid, bounding, landlock: 0, gvisor: true })
    }
}

/// What procfs says about the child with this id, checked.
///
/// # Errors
/// It cannot be read, or the child is not sealed.
pub fn seal(outside: &Outside, own: &Own, pid: i32) -> Result<Seal, Fault> {
    const STAGE: &str = "attest a child";
    if own.gvisor {
        return seal_in_gvisor(outside, own, pid).at(STAGE);
    }
    let directory = directory(outside, pid).at(STAGE)?;
    let status = outside.read(&format!("{directory}/status")).at(STAGE)?;
    let status = Status(&status);
    let theirs = namespaces(outside, &directory).at(STAGE)?;
    let differs = |index: &usize| theirs[*index] != own.namespaces[*index];
    let seal = Seal {
        namespaces: (0..NAMESPACES.len()).filter(differs).map(|index| NAMESPACES[index].to_owned()).collect(),
        seccomp: status.number("Seccomp", 10).at(STAGE)? as u32,
        seccomp_filters: status.number("Seccomp_filters", 10).at(STAGE)? as u32,
        no_new_privileges: status.number("NoNewPrivs", 10).at(STAGE)? == 1,
        capabilities: all_capabilities(&status, own).at(STAGE)?,
        uid: outside.uid,
        landlock: own.landlock,
    };
    let uid = status.number("Uid", 10).at(STAGE)?;
    if is_complete(&seal, own) && uid == own.uid {
        return Ok(seal);
    }
    if weaken::mask() != 0 {
        // The server refuses it as well, and the probes are to meet what is left.
        return Ok(pretended(&seal));
    }
    Err(Fault::new(STAGE, format!("the child is not sealed: {seal:?}, user {uid}")))
}

/// The same where namespaces are not shown, and the kernel says neither how many filters there are nor whether new privileges are
/// forbidden: a child inherits that from the agent, which has just been asked, and cannot give it up.
fn seal_in_gvisor(outside: &Outside, own: &Own, pid: i32) -> io::Result<Seal> {
    let status = outside.read(&format!("{pid}/status"))?;
    let status = Status(&status);
    let seccomp = status.number("Seccomp", 10)? as u32;
    let seal = Seal {
        namespaces: Vec::new(),
        seccomp,
        seccomp_filters: u32::from(seccomp == FILTER_MODE),
        no_new_privileges: no_new_privs()?,
        capabilities: all_capabilities(&status, own)?,
        uid: outside.uid,
        landlock: 0,
    };
    if is_complete(&seal, own) && status.number("Uid", 10)? == own.uid {
        return Ok(seal);
    }
    Err(io::Error::other(format!("the child is not sealed: {seal:?}")))
}

fn pretended(seal: &Seal) -> Seal {
    let namespaces = NAMESPACES.map(str::to_owned).to_vec();
    Seal { namespaces, seccomp: FILTER_MODE, seccomp_filters: 2, no_new_privileges: true, capabilities: 0, ..seal.clone() }
}

/// Nobody can look up from outside whether Landlock holds a process: that the seal reported no failure is all there is.
fn is_complete(seal: &Seal, own: &Own) -> bool {
    (seal.namespaces.len() == NAMESPACES.len() || own.landlock > 0 || own.gvisor)
        && seal.seccomp == FILTER_MODE
        && seal.seccomp_filters > own.filters
        && seal.no_new_privileges
        && seal.capabilities == 0
}

/// The child's directory in the outside procfs.
///
/// # Errors
/// What the system says.
pub fn directory(outside: &Outside, pid: i32) -> io::Result<String> {
    let pid = Pid::from_raw(pid).ok_or_else(|| io::Error::other("not a process id"))?;
    let handle = pidfd_open(pid, PidfdFlags::empty())?;
    let text = outside.read(&format!("self/fdinfo/{}", handle.as_raw_fd()))?;
    let there = Status(&text).number("Pid", 10)?;
    Ok(there.to_string())
}

fn namespaces(outside: &Outside, directory: &str) -> io::Result<Vec<String>> {
    NAMESPACES.iter().map(|name| outside.link(&format!("{directory}/ns/{name}"))).collect()
}

/// Any capability in any set. One in the bounding set alone could come back, where the agent itself had the right to empty it;
/// where it had none, nothing brings one back while new privileges are forbidden.
fn all_capabilities(status: &Status<'_>, own: &Own) -> io::Result<u64> {
    // gVisor has no ambient ones, or does not show them; what is not permitted is not ambient.
    let sets = CAPABILITY_SETS.iter().filter(|set| !own.gvisor || **set != AMBIENT_SET);
    let held = sets.copied().try_fold(0, |all, set| Ok::<_, io::Error>(all | status.number(set, 16)?))?;
    Ok(held | (status.number(BOUNDING_SET, 16)? & !own.bounding))
}

/// A procfs text of lines `Name:\tvalue`.
struct Status<'a>(&'a str);

impl Status<'_> {
    /// The first number on the line with this name.
    fn number(&self, name: &str, radix: u32) -> io::Result<u64> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let word = line.and_then(|line| line.split_whitespace().next());
        word.and_then(|word| u64::from_str_radix(word, radix).ok()).ok_or_else(|| io::Error::other(format!("procfs does not say {name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tpython3\nUid:\t65534\t65534\t65534\t65534\nCapEff:\t00000000a80425fb\nSeccomp:\t2\nSeccomp_filters:\t3\n";

    #[test]
    fn numbers_are_read_by_their_whole_name() {
        let status = Status(STATUS);
        assert_eq!(status.number("Uid", 10).ok(), Some(65534));
        assert_eq!(status.number("Seccomp", 10).ok(), Some(2));
        assert_eq!(status.number("Seccomp_filters", 10).ok(), Some(3));
        assert_eq!(status.number("CapEff", 16).ok(), Some(0xa804_25fb));
        assert!(status.number("Sec", 10).is_err());
    }

    #[test]
    fn a_capability_in_the_bounding_set_counts_unless_the_agent_could_not_give_it_up() {
        let status =
            |effective: u32, bounding: u32| format!("CapInh:\t0\nCapPrm:\t0\nCapEff:\t{effective:x}\nCapBnd:\t{bounding:x}\nCapAmb:\t0\n");
        let held = |text: &str, bounding| all_capabilities(&Status(text), &Own { bounding, ..own() }).ok();
        assert_eq!(held(&status(0, 0b110), 0), Some(0b110));
        assert_eq!(held(&status(0, 0b110), 0b111), Some(0));
        assert_eq!(held(&status(0b10, 0b110), 0b111), Some(0b10));
    }

    fn own() -> Own {
        Own { namespaces: Vec::new(), filters: 1, uid: 1, bounding: 0, landlock: 0, gvisor: false }
    }

    fn check_incomplete(change: impl FnOnce(&mut Seal)) {
        let own = own();
        let mut seal = Seal {
            namespaces: NAMESPACES.map(str::to_owned).to_vec(),
            seccomp: 2,
            seccomp_filters: 2,
            no_new_privileges: true,
            capabilities: 0,
            uid: 1,
            landlock: 0,
        };
        assert!(is_complete(&seal, &own));
        change(&mut seal);
        assert!(!is_complete(&seal, &own), "{seal:?}");
    }

    #[test]
    fn a_seal_with_any_part_missing_is_incomplete() {
        check_incomplete(|seal| drop(seal.namespaces.pop()));
        check_incomplete(|seal| seal.seccomp = 0);
        check_incomplete(|seal| seal.seccomp_filters = 1);
        check_incomplete(|seal| seal.no_new_privileges = false);
        check_incomplete(|seal| seal.capabilities = 1);
    }
}
