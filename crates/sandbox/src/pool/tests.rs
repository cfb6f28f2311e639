//! The pool on a backend whose agents the tests play.

use std::os::fd::OwnedFd;
use std::path::Path;

use async_trait::async_trait;
use domain::json::JsonText;
use domain::name::RuntimeId;
use domain::sandbox::{BackendKind, Entry, Isolation, Limits, Purpose, ResourceControl, Secrets};
use rustix::net::{AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketType};
use rustix::process::Pid;
use sandbox_protocol::VERSION;
use sandbox_protocol::control::{Command, Layout, MEANS_STAGE, RESTORE_STAGE, Report};

use super::*;
use crate::backend::{Container, Order, RuntimeFacts};
use crate::config::{self, AgentBinary};
use crate::instance::Dead;
use crate::live::tests as played;
use crate::users::UidLease;

/// A kernel that cannot track pages: agents that are asked to put children back say so, at once or with their first child; others work.
struct WithoutMeans(When);

struct Played(Order, When);

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// And whatever the runtime.
    Everywhere,
    AtOnce,
    WithItsChild,
}

#[async_trait]
impl Backend for WithoutMeans {
    fn kind(&self) -> BackendKind {
        BackendKind::Namespace
    }

    async fn runtime(&self, _key: RuntimeKey) -> Result<Arc<RuntimeFacts>, StartFailure> {
        Ok(self.known_runtime(RuntimeKey::DEFAULT).expect("there is one"))
    }

    fn known_runtime(&self, _key: RuntimeKey) -> Option<Arc<RuntimeFacts>> {
        let text = String::new;
        let layout = Layout { python: text(), read_only: Vec::new(), links: Vec::new(), packages: Vec::new() };
        let (packages, preload) = (Vec::new(), Vec::new());
        Some(Arc::new(RuntimeFacts {
            layout,
            python_version: text(),
            digest: text(),
            packages,
            version: text(),
            lock: text(),
            preload,
            interface: None,
        }))
    }

    fn supports(&self, _isolation: Isolation) -> Result<(), StartFailure> {
        Ok(())
    }

    fn lease_uid(&self) -> std::io::Result<UidLease> {
        Ok(UidLease::own())
    }

    fn container(&self, order: Order, _runtime: RuntimeKey) -> Box<dyn Container> {
        Box::new(Played(order, self.0))
    }

    async fn sweep(&self, _dead: &Dead) -> Result<(), StartFailure> {
        Ok(())
    }
}

#[async_trait]
impl Container for Played {
    async fn start(&mut self) -> Result<(), StartFailure> {
        let (socket, restore, when) = (self.0.directory.join("s"), self.0.restore, self.1);
        let thread = std::thread::Builder::new().name("played-agent".to_owned());
        thread.spawn(move || play(&socket, restore, when)).expect("a thread can be started");
        Ok(())
    }

    fn peer_uid(&self) -> u32 {
        rustix::process::geteuid().as_raw()
    }

    fn connected(&mut self, _pid: Pid) -> Result<(), StartFailure> {
        Ok(())
    }

    fn oom_kills(&self) -> Option<u64> {
        None
    }

    fn resource_control(&self) -> ResourceControl {
        ResourceControl::Process
    }

    async fn destroy(&mut self) {}
}

/// An agent, up to its first child or its fault.
fn play(path: &Path, restore: bool, when: When) {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
    rustix::net::connect(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
    report(&socket, &Report::Hello { version: VERSION }, &[]);
    let mut kept = Vec::new();
    let mut is_asked = false;
    let stage = if when == When::Everywhere { MEANS_STAGE } else { RESTORE_STAGE };
    let fault = || Report::Fault { stage: stage.to_owned(), message: "no means".to_owned(), hint: String::new() };
    while let Some(command) = command(&socket) {
        match command {
            Command::Configure(configure) if configure.restore => {
                assert!(restore, "its container lets the calls through that it needs");
                is_asked = true;
                if when != When::WithItsChild {
                    return report(&socket, &fault(), &[]);
                }
                report(&socket, &Report::Ready { python_version: "3.11.2".to_owned() }, &[]);
            }
            Command::Configure(_) => {
                assert!(!restore, "its container lets through what others do");
                report(&socket, &Report::Ready { python_version: "3.11.2".to_owned() }, &[]);
            }
            Command::Fork { .. } if is_asked => return report(&socket, &fault(), &[]),
            Command::Fork { child } => {
                let (ours, theirs) = played::pipes();
                report(&socket, &Report::Child { child, seal: played::seal() }, &ours);
                kept.push(theirs);
            }
            Command::Run { .. } | Command::Interrupt { .. } | Command::Kill { .. } | Command::Shutdown => {}
        }
    }
}

fn command(socket: &OwnedFd) -> Option<Command> {
    let mut packet = vec![0; sandbox_protocol::MAX_CONTROL_PACKET];
    let (_, length) = rustix::net::recv(socket, &mut packet, RecvFlags::empty()).ok()?;
    serde_json::from_slice(&packet[..length]).ok()
}

fn report(socket: &OwnedFd, report: &Report, descriptors: &[OwnedFd]) {
    let borrowed: Vec<_> = descriptors.iter().map(std::os::fd::AsFd::as_fd).collect();
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !borrowed.is_empty() {
        assert!(control.push(SendAncillaryMessage::ScmRights(&borrowed)));
    }
    let packet = serde_json::to_vec(report).unwrap();
    rustix::net::sendmsg(socket, &[std::io::IoSlice::new(&packet)], &mut control, SendFlags::empty()).unwrap();
}

fn job() -> Job {
    Job {
        tenant: TenantId::parse("tenant", "acme").unwrap(),
        purpose: Purpose::Trial,
        isolation: Isolation::TenantWarm,
        runtime: RuntimeId::default(),
        code: "pass".into(),
        entry: Entry::Script,
        params_json: JsonText::read("{}"),
        secrets: Secrets::default(),
        limits: Limits::DEFAULT,
        fresh: false,
    }
}

/// One whose children are put back, where there are the means.
fn pool(directory: &Path, when: When) -> Arc<Pool> {
    let backend = config::Backend::Namespace(config::Namespace::default());
    let mut config = Config::new("t", "one", AgentBinary(b"never started"), backend);
    config.runtime_directory = directory.join("run");
    config.runtimes = vec![config::RuntimeConfig { name: "other".to_owned(), ..config::RuntimeConfig::default() }];
    config.pool = config::Pool { restore: true, unassigned: 0, ..config::Pool::default() };
    let instance = Instance::create(&config).unwrap();
    Pool::new(config, instance, Arc::new(WithoutMeans(when)))
}

#[tokio::test]
async fn a_host_without_the_means_forks_for_each_program_and_says_why() {
    for when in [When::Everywhere, When::AtOnce, When::WithItsChild] {
        let directory = tempfile::tempdir().unwrap();
        let pool = pool(directory.path(), when);
        let job = job();
        let (_, group) = pool.place_of(&job, RuntimeKey::DEFAULT, false);
        assert!(group.restored && pool.restores(group), "nobody knows yet");
        let child = pool.acquire(&job.tenant, group).await.unwrap().into_child();
        assert!(!child.live.restores());
        assert_eq!(child.attestation.restored, 0);
        let why = pool.cannot_restore(RuntimeKey::DEFAULT);
        assert_eq!((why.as_deref(), pool.restores(group)), (Some("no means"), false), "no later sandbox tries");
        assert_eq!(pool.counters.start_failures.load(Relaxed), 0, "the program waited for one start more, and that is all");
        assert_eq!(pool.counters.anomalies.load(Relaxed), 0);
        let (_, group) = pool.place_of(&job, RuntimeKey::DEFAULT, false);
        assert!(!group.restored, "programs are sent to where the fresh children are");
        let other = pool.config.runtime_key("other").unwrap();
        assert_eq!(pool.cannot_restore(other).is_some(), when == When::Everywhere, "another runtime may have what it takes");
        assert_eq!(pool.place_of(&job, other, false).1.restored, when != When::Everywhere);
        pool.close(Duration::from_secs(5)).await;
    }
}

#[tokio::test]
async fn a_probe_runs_where_it_is_sent_whatever_others_have_left() {
    let directory = tempfile::tempdir().unwrap();
    let pool = pool(directory.path(), When::AtOnce);
    let job = job();
    let (program, _) = pool.place_of(&job, RuntimeKey::DEFAULT, false);
    for _ in 0..2 {
        pool.left_behind(Some(program), Left::Descriptors);
    }
    let restored = |job: &Job, probe| pool.place_of(job, RuntimeKey::DEFAULT, probe).1.restored;
    assert!(!restored(&job, false));
    assert!(restored(&job, true));
    assert!(!restored(&Job { fresh: true, ..job }, true));
    pool.close(Duration::from_secs(5)).await;
}
