//! One live sandbox, as the users of its children see it: commands to its agent, and how each child ended.
//!
//! It deliberately owns neither container nor directory; the task that made the sandbox does.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use domain::sandbox::{Attestation, BackendKind, Seccomp};
use sandbox_protocol::control::{Command, Exit, Seal, Usage};
use tokio::net::unix::pipe;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::wire::{CHILD_DESCRIPTORS, Channel};

/// Namespaces that every child has of its own.
const NAMESPACES: [&str; 6] = ["user", "pid", "mnt", "net", "ipc", "uts"];
/// The kernel's number for a seccomp filter.
const SECCOMP_FILTER: u32 = 2;

/// A live sandbox.
#[derive(Debug)]
pub(crate) struct LiveSandbox {
    /// What every attestation of this sandbox says before a child adds its own.
    facts: Attestation,
    channel: Channel,
    children: Mutex<HashMap<u64, Slot>>,
    last_child: AtomicU64,
    /// Cancelled when the sandbox must go.
    close: CancellationToken,
}

#[derive(Debug, Default)]
struct Slot {
    arrived: bool,
    running: bool,
    /// Whether its program is a probe of ours, which no metric counts.
    probe: bool,
    /// Whether its pipes could not be received, so that nobody ever uses it.
    refused: bool,
    end: watch::Sender<Option<End>>,
}

/// A sealed child that waits for its program.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) live: Arc<LiveSandbox>,
    pub(crate) id: u64,
    pub(crate) pipes: Pipes,
    pub(crate) attestation: Attestation,
    pub(crate) end: watch::Receiver<Option<End>>,
}

/// The server's ends of a child's pipes, non-blocking.
#[derive(Debug)]
pub(crate) struct Pipes {
    pub(crate) request: pipe::Sender,
    pub(crate) result: pipe::Receiver,
    pub(crate) stdout: pipe::Receiver,
    pub(crate) stderr: pipe::Receiver,
}

/// The end of a child, not yet told.
#[derive(Debug)]
pub(crate) struct Notice {
    end: watch::Sender<Option<End>>,
    /// Whether its program was a probe of ours.
    pub(crate) probe: bool,
}

/// How a child ended. All its processes are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) how: How,
    pub(crate) usage: Usage,
    pub(crate) at: Instant,
}

/// What ended a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// It exited, or a signal ended it.
    Exit(Exit),
    /// The kernel killed it for lack of memory in the sandbox.
    OutOfMemory,
    /// Its whole sandbox ended.
    SandboxLost,
    /// The server shuts down.
    Shutdown,
}

/// Something that a sound sandbox never does; it is destroyed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Anomaly {
    #[error(transparent)]
    Wire(#[from] crate::wire::Error),
    #[error("a report about child {0}, which does not exist or has already arrived")]
    UnknownChild(u64),
    #[error("a packet with {0} descriptors")]
    Descriptors(usize),
    #[error("the pipes of a container's child cannot be opened")]
    Streams(#[source] io::Error),
    #[error("a child's descriptor is not the expected end of a pipe")]
    NotAPipe(#[source] io::Error),
    #[error("a child that is not sealed: {0}")]
    Unsealed(String),
    #[error("an unexpected {0} report")]
    Unexpected(&'static str),
    #[error("the agent gave up at {stage}: {message}")]
    Fault { stage: String, message: String },
    #[error("the agent hung up")]
    HungUp,
}

// === impl LiveSandbox ===

impl LiveSandbox {
    pub(crate) fn new(facts: Attestation, channel: Channel, close: CancellationToken) -> Self {
        LiveSandbox { facts, channel, children: Mutex::default(), last_child: AtomicU64::new(0), close }
    }

    pub(crate) fn channel(&self) -> &Channel {
        &self.channel
    }

    pub(crate) fn name(&self) -> &str {
        &self.facts.sandbox
    }

    /// Asks for one more child.
    pub(crate) fn fork(&self) {
        let child = self.last_child.fetch_add(1, Ordering::Relaxed) + 1;
        self.children().insert(child, Slot::default());
        self.command(&Command::Fork { child });
    }

    /// A child has got its program.
    pub(crate) fn running(&self, child: u64) {
        if let Some(slot) = self.children().get_mut(&child) {
            slot.running = true;
        }
    }

    /// A child is to run a probe of ours.
    pub(crate) fn probed(&self, child: u64) {
        if let Some(slot) = self.children().get_mut(&child) {
            slot.probe = true;
        }
    }

    /// Whether another child than this one runs a program.
    pub(crate) fn others_run(&self, child: u64) -> bool {
        self.children().iter().any(|(other, slot)| *other != child && slot.running)
    }

    pub(crate) fn interrupt(&self, child: u64) {
        self.command(&Command::Interrupt { child });
    }

    pub(crate) fn kill(&self, child: u64) {
        self.command(&Command::Kill { child });
    }

    /// The sandbox is not trusted any more, and goes.
    pub(crate) fn condemn(&self, why: &str) {
        if !self.close.is_cancelled() {
            tracing::warn!(sandbox = self.name(), why, "destroying a sandbox");
            self.close.cancel();
        }
    }

    fn command(&self, command: &Command) {
        if self.close.is_cancelled() {
            return;
        }
        if let Err(error) = self.channel.send(command) {
            tracing::debug!(sandbox = self.name(), %error, "failed to send a command");
            self.condemn("its agent does not read its commands");
        }
    }

    /// A child has arrived with its pipes.
    pub(crate) fn arrived(self: &Arc<Self>, id: u64, seal: Seal, descriptors: Vec<OwnedFd>) -> Result<Child, Anomaly> {
        check_seal(&seal, self.facts.backend)?;
        let pipes = Pipes::from_descriptors(descriptors)?;
        let mut children = self.children();
        let slot = children.get_mut(&id).filter(|slot| !slot.arrived).ok_or(Anomaly::UnknownChild(id))?;
        slot.arrived = true;
        let end = slot.end.subscribe();
        drop(children);
        let attestation = Attestation {
            namespaces: seal.namespaces,
            seccomp: Seccomp::Filter,
            no_new_privileges: seal.no_new_privileges,
            capabilities: seal.capabilities,
            uid: seal.uid,
            ..self.facts.clone()
        };
        Ok(Child { live: self.clone(), id, pipes, attestation, end })
    }

    /// A child's pipes could not be received: it goes.
    pub(crate) fn refuse(&self, id: u64) -> Result<(), Anomaly> {
        let mut children = self.children();
        let slot = children.get_mut(&id).filter(|slot| !slot.arrived).ok_or(Anomaly::UnknownChild(id))?;
        (slot.arrived, slot.refused) = (true, true);
        drop(children);
        self.kill(id);
        Ok(())
    }

    /// A child has ended. Its user hears so by [`Notice::tell`], once the books are in order; a child that was refused
    /// has no user, and so no notice.
    pub(crate) fn ended(&self, id: u64) -> Result<Option<Notice>, Anomaly> {
        let slot = self.children().remove(&id).ok_or(Anomaly::UnknownChild(id))?;
        if slot.refused {
            return Ok(None);
        }
        // A child that dies while it is forked never waited for a program: its seal failed.
        if slot.arrived {
            Ok(Some(Notice { end: slot.end, probe: slot.probe }))
        } else {
            Err(Anomaly::Unsealed(format!("child {id} ended while it was sealed")))
        }
    }

    /// Every child is gone, because the sandbox is.
    pub(crate) fn lost(&self, how: How) {
        let end = End { how, usage: Usage::default(), at: Instant::now() };
        for (_, slot) in self.children().drain() {
            slot.end.send_replace(Some(end));
        }
    }

    fn children(&self) -> MutexGuard<'_, HashMap<u64, Slot>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Notice ===

impl Notice {
    pub(crate) fn tell(self, end: End) {
        self.end.send_replace(Some(end));
    }
}

// === impl Pipes ===

impl Pipes {
    fn from_descriptors(descriptors: Vec<OwnedFd>) -> Result<Self, Anomaly> {
        let descriptors: [OwnedFd; CHILD_DESCRIPTORS] =
            descriptors.try_into().map_err(|found: Vec<_>| Anomaly::Descriptors(found.len()))?;
        let [request, result, stdout, stderr] = descriptors;
        Self::open(request, result, stdout, stderr).map_err(Anomaly::NotAPipe)
    }

    fn open(request: OwnedFd, result: OwnedFd, stdout: OwnedFd, stderr: OwnedFd) -> io::Result<Self> {
        Ok(Pipes {
            request: pipe::Sender::from_owned_fd(request)?,
            result: pipe::Receiver::from_owned_fd(result)?,
            stdout: pipe::Receiver::from_owned_fd(stdout)?,
            stderr: pipe::Receiver::from_owned_fd(stderr)?,
        })
    }
}

/// Refuses a child that lacks any layer: better no execution than an open one. Landlock or gVisor take the place of namespaces only
/// where they were chosen.
fn check_seal(seal: &Seal, backend: BackendKind) -> Result<(), Anomaly> {
    let unsealed = |what: String| Err(Anomaly::Unsealed(what));
    if backend == BackendKind::Landlock && seal.landlock == 0 {
        return unsealed("no Landlock rules hold it".to_owned());
    }
    if ![BackendKind::Landlock, BackendKind::DockerRunsc].contains(&backend)
        && let Some(missing) = NAMESPACES.iter().find(|&&name| !seal.namespaces.iter().any(|own| own == name))
    {
        return unsealed(format!("it shares the agent's {missing} namespace"));
    }
    if seal.seccomp != SECCOMP_FILTER {
        return unsealed(format!("seccomp mode {}", seal.seccomp));
    }
    if !seal.no_new_privileges {
        return unsealed("it may gain privileges".to_owned());
    }
    if seal.capabilities != 0 {
        return unsealed(format!("capabilities {:#x}", seal.capabilities));
    }
    if seal.uid == 0 {
        return unsealed("it is root outside".to_owned());
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use domain::name::RuntimeId;
    use domain::sandbox::{Isolation, Network, ResourceControl};
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;

    pub(crate) fn seal() -> Seal {
        Seal {
            namespaces: NAMESPACES.iter().map(|&name| name.to_owned()).collect(),
            seccomp: 2,
            seccomp_filters: 1,
            no_new_privileges: true,
            capabilities: 0,
            uid: 200_000,
            landlock: 0,
        }
    }

    pub(crate) fn facts() -> Attestation {
        let text = String::new;
        Attestation {
            tier: Isolation::TenantWarm,
            backend: BackendKind::Namespace,
            runtime: RuntimeId::default(),
            runtime_digest: text(),
            python_version: text(),
            sandbox: "s1".to_owned(),
            namespaces: Vec::new(),
            seccomp: Seccomp::Disabled,
            no_new_privileges: false,
            capabilities: 0,
            uid: 0,
            network: Network::None,
            resource_control: ResourceControl::Process,
            battery: None,
        }
    }

    /// A live sandbox whose agent is the returned socket.
    pub(crate) fn live() -> (Arc<LiveSandbox>, OwnedFd) {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
        (Arc::new(LiveSandbox::new(facts(), Channel::new(ours).unwrap(), CancellationToken::new())), theirs)
    }

    /// Returns when the sandbox must go.
    pub(crate) async fn condemned(live: &LiveSandbox) {
        live.close.cancelled().await;
    }

    /// The four server ends of a child's pipes, and the child's.
    pub(crate) fn pipes() -> (Vec<OwnedFd>, [OwnedFd; 4]) {
        let pipe = || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
        let ((request_end, request), (result, result_end)) = (pipe(), pipe());
        let ((stdout, stdout_end), (stderr, stderr_end)) = (pipe(), pipe());
        (vec![request, result, stdout, stderr], [request_end, result_end, stdout_end, stderr_end])
    }

    #[test]
    fn a_child_that_lacks_any_layer_is_refused() {
        assert!(check_seal(&seal(), BackendKind::Docker).is_ok());
        let broken: [fn(&mut Seal); 5] = [
            |seal| drop(seal.namespaces.remove(3)),
            |seal| seal.seccomp = 0,
            |seal| seal.no_new_privileges = false,
            |seal| seal.capabilities = 1 << 21,
            |seal| seal.uid = 0,
        ];
        for breaks in broken {
            let mut seal = seal();
            breaks(&mut seal);
            assert!(matches!(check_seal(&seal, BackendKind::Docker), Err(Anomaly::Unsealed(_))), "{seal:?}");
        }
    }

    #[test]
    fn landlock_takes_the_place_of_namespaces_only_where_it_was_chosen() {
        let confined = Seal { namespaces: Vec::new(), landlock: 6, ..seal() };
        assert!(check_seal(&confined, BackendKind::Landlock).is_ok());
        assert!(matches!(check_seal(&confined, BackendKind::Namespace), Err(Anomaly::Unsealed(_))));
        assert!(matches!(check_seal(&Seal { landlock: 0, ..confined.clone() }, BackendKind::Landlock), Err(Anomaly::Unsealed(_))));
        assert!(matches!(check_seal(&Seal { seccomp: 0, ..confined }, BackendKind::Landlock), Err(Anomaly::Unsealed(_))));
    }

    #[test]
    fn gvisor_takes_the_place_of_namespaces_only_where_it_was_chosen() {
        let inside = Seal { namespaces: Vec::new(), ..seal() };
        assert!(check_seal(&inside, BackendKind::DockerRunsc).is_ok());
        assert!(matches!(check_seal(&inside, BackendKind::Docker), Err(Anomaly::Unsealed(_))));
        assert!(matches!(check_seal(&Seal { seccomp: 0, ..inside }, BackendKind::DockerRunsc), Err(Anomaly::Unsealed(_))));
    }

    #[tokio::test]
    async fn a_child_arrives_once_and_only_when_asked_for() {
        let (live, _agent) = live();
        live.fork();
        assert!(matches!(live.arrived(2, seal(), pipes().0), Err(Anomaly::UnknownChild(2))));
        assert!(matches!(live.arrived(1, seal(), Vec::new()), Err(Anomaly::Descriptors(0))));
        live.arrived(1, seal(), pipes().0).unwrap();
        assert!(matches!(live.arrived(1, seal(), pipes().0), Err(Anomaly::UnknownChild(1))));
    }

    #[tokio::test]
    async fn an_agent_that_has_ended_is_not_condemned_for_what_it_did_not_read() {
        let (live, agent) = live();
        live.fork();
        drop(agent);
        // Reset, and then closed.
        live.fork();
        live.fork();
        assert!(!live.close.is_cancelled(), "whoever reads from it tells why it ended");
    }

    #[tokio::test]
    async fn the_end_of_a_child_that_was_refused_is_nobodys_news() {
        let (live, _agent) = live();
        live.fork();
        assert!(matches!(live.refuse(2), Err(Anomaly::UnknownChild(2))));
        live.refuse(1).unwrap();
        assert!(matches!(live.arrived(1, seal(), pipes().0), Err(Anomaly::UnknownChild(1))));
        assert!(matches!(live.ended(1), Ok(None)));
        assert!(matches!(live.ended(1), Err(Anomaly::UnknownChild(1))));
    }

    #[tokio::test]
    async fn pipes_handed_over_the_wrong_way_round_are_refused() {
        let (live, _agent) = live();
        live.fork();
        let (mut ends, _child) = pipes();
        ends.swap(0, 1);
        assert!(matches!(live.arrived(1, seal(), ends), Err(Anomaly::NotAPipe(_))));
    }
}
