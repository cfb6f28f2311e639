//! Children that arrive, are put back and end, as an agent reports them; and what tests of others need to play one.

use domain::name::RuntimeId;
use domain::sandbox::{BackendKind, Isolation, Network, ResourceControl};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::sealed::NAMESPACES;
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
        restored: 0,
    }
}

/// Keeps the children that go home.
#[derive(Debug, Clone, Default)]
pub(crate) struct Nursery(Arc<Mutex<Vec<Child>>>, Arc<Mutex<Vec<Doubt>>>);

impl Nursery {
    /// Those that came home since the last time.
    pub(crate) fn children(&self) -> Vec<Child> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// Why others were lost since the last time.
    pub(crate) fn lost(&self) -> Vec<Doubt> {
        std::mem::take(&mut self.1.lock().unwrap())
    }
}

impl Home for Nursery {
    fn take_back(&self, child: Child) {
        self.0.lock().unwrap().push(child);
    }

    fn lose(&self, why: Doubt) {
        self.1.lock().unwrap().push(why);
    }
}

/// A live sandbox whose agent is the returned socket.
pub(crate) fn live() -> (Arc<LiveSandbox>, OwnedFd) {
    live_with(None)
}

/// One whose children are put back.
pub(crate) fn restoring() -> (Arc<LiveSandbox>, OwnedFd, Nursery) {
    let nursery = Nursery::default();
    let (live, agent) = live_with(Some(Box::new(nursery.clone())));
    (live, agent, nursery)
}

fn live_with(home: Option<Box<dyn Home>>) -> (Arc<LiveSandbox>, OwnedFd) {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
    (Arc::new(LiveSandbox::new(facts(), Channel::new(ours).unwrap(), CancellationToken::new(), home)), theirs)
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

/// The commands that the agent has got since the last time.
pub(crate) fn commands(agent: &OwnedFd) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut packet = vec![0; 4096];
    while let Ok((_, length @ 1..)) = rustix::net::recv(agent, &mut packet, rustix::net::RecvFlags::DONTWAIT) {
        commands.push(serde_json::from_slice(&packet[..length]).unwrap());
    }
    commands
}

fn end() -> End {
    End { how: How::Exit(sandbox_protocol::control::Exit::Code(0)), usage: Usage::default(), at: Instant::now() }
}

/// A child that runs its first program, and its own ends of the pipes.
fn running(live: &Arc<LiveSandbox>) -> (Child, [OwnedFd; 4]) {
    live.fork();
    let (ours, theirs) = pipes();
    let child = live.arrived(1, seal(), ours).unwrap();
    live.running(child.round, ProgramKey { tenant: 1, program: 7 });
    (child, theirs)
}

/// The child after its program, as long as nothing speaks against it.
fn put_back(live: &Arc<LiveSandbox>, round: Round) {
    live.restored(round.child, round.restored + 1).unwrap().tell(end());
    live.release(round, None);
}

#[tokio::test]
async fn a_child_that_was_put_back_goes_home_and_says_how_often() {
    let (live, agent, nursery) = restoring();
    let (mut child, _theirs) = running(&live);
    for times in 1..4 {
        put_back(&live, child.round);
        let mut home = nursery.children();
        assert_eq!(home.len(), 1);
        child = home.remove(0);
        assert_eq!((child.round.restored, child.attestation.restored, child.attestation.uid), (times, times, 200_000));
        assert!(child.end.borrow().is_none(), "its next program has not ended");
        live.running(child.round, ProgramKey { tenant: 1, program: 7 });
    }
    assert_eq!(commands(&agent), [Command::Fork { child: 1 }], "nothing else is said to it");
}

#[tokio::test]
async fn what_lies_in_a_pipe_costs_the_child_its_life() {
    for pipe in 0..4 {
        let (live, agent, nursery) = restoring();
        let (child, theirs) = running(&live);
        match pipe {
            // Of the program's own bytes some were left unread.
            0 => rustix::io::write(&child.pipes.request, b"x").unwrap(),
            _ => rustix::io::write(&theirs[pipe], b"x").unwrap(),
        };
        put_back(&live, child.round);
        assert!(nursery.children().is_empty(), "pipe {pipe}");
        assert_eq!(nursery.lost(), [Doubt::Unsound]);
        assert_eq!(commands(&agent)[1..], [Command::Kill { child: 1 }]);
    }
}

#[tokio::test]
async fn a_child_that_was_told_to_end_never_goes_home_whichever_comes_first() {
    let told: [fn(&Arc<LiveSandbox>, Round); 3] =
        [|live, round| live.kill(round), |live, round| live.interrupt(round), |live, round| live.abandon(round)];
    for tell in told {
        let (live, agent, nursery) = restoring();
        let (child, _theirs) = running(&live);
        tell(&live, child.round);
        put_back(&live, child.round);
        assert!(nursery.children().is_empty());
        assert_eq!(commands(&agent).last(), Some(&Command::Kill { child: 1 }), "and it does not wait for ever");
        assert_eq!(nursery.lost(), [], "that is no loss of what was written");

        let (live, agent, nursery) = restoring();
        let (child, _theirs) = running(&live);
        live.restored(1, 1).unwrap().tell(end());
        tell(&live, child.round);
        live.release(child.round, None);
        assert!(nursery.children().is_empty());
        assert_eq!(commands(&agent).last(), Some(&Command::Kill { child: 1 }));
    }
}

#[tokio::test]
async fn a_child_whose_user_is_not_content_with_it_ends() {
    let (live, agent, nursery) = restoring();
    let (child, _theirs) = running(&live);
    live.restored(1, 1).unwrap().tell(end());
    for _ in 0..2 {
        live.release(child.round, Some(Doubt::Unsound));
    }
    assert!(nursery.children().is_empty());
    assert_eq!(nursery.lost(), [Doubt::Unsound], "it is counted once, whoever else gives it back");
    assert!(commands(&agent)[1..].iter().all(|command| *command == Command::Kill { child: 1 }));
}

#[tokio::test]
async fn a_kill_that_comes_late_does_not_meet_the_next_program() {
    let (live, agent, nursery) = restoring();
    let (child, _theirs) = running(&live);
    put_back(&live, child.round);
    live.kill(child.round);
    live.interrupt(child.round);
    live.abandon(child.round);
    let next = nursery.children().remove(0);
    assert!(live.waits(next.round) && !live.waits(child.round));
    assert_eq!(commands(&agent), [Command::Fork { child: 1 }]);
    live.kill(next.round);
    assert_eq!(commands(&agent), [Command::Kill { child: 1 }]);
}

#[tokio::test]
async fn a_report_that_does_not_fit_the_child_is_believed_of_none() {
    let (live, _agent, nursery) = restoring();
    live.fork();
    live.fork();
    let child = live.arrived(1, seal(), pipes().0).unwrap();
    let refused = |id, count| assert!(matches!(live.restored(id, count), Err(Anomaly::NotInRound(_))), "{id} {count}");
    refused(1, 1);
    refused(2, 1);
    refused(3, 1);
    live.running(child.round, ProgramKey { tenant: 1, program: 7 });
    refused(1, 0);
    refused(1, 2);
    live.restored(1, 1).unwrap().tell(end());
    refused(1, 1);
    refused(1, 2);
    live.release(child.round, None);
    assert_eq!(nursery.children().len(), 1);
    refused(1, 2);
    let notice = live.ended(1).unwrap().unwrap();
    assert!(notice.news, "it waited, and nobody has heard of its end");
    assert!(!notice.ran, "which is not the end of a program: the one before was counted");
    refused(1, 2);
}

#[tokio::test]
async fn nobody_puts_a_child_back_where_each_runs_one_program() {
    let (live, _agent) = live();
    let (child, _theirs) = running(&live);
    assert!(matches!(live.restored(1, 1), Err(Anomaly::NotInRound(1))));
    live.release(child.round, None);
    assert!(!live.restores());
}

#[tokio::test]
async fn the_end_of_a_child_whose_program_had_ended_is_told_to_nobody() {
    let (live, _agent, _nursery) = restoring();
    let (child, _theirs) = running(&live);
    live.restored(1, 1).unwrap().tell(end());
    let first = *child.end.borrow();
    let notice = live.ended(1).unwrap().unwrap();
    assert!(!notice.news);
    notice.tell(End { how: How::OutOfMemory, ..end() });
    assert_eq!(*child.end.borrow(), first);
}

#[tokio::test]
async fn only_a_child_that_waits_where_it_is_put_back_is_told_to_go_on() {
    let limits = RunLimits { memory: 1, cpu_seconds: 2, open_files: 3, tmpfs: 4 };
    let (live, agent, _nursery) = restoring();
    let (child, _theirs) = running(&live);
    live.go_on(child.round, limits);
    assert_eq!(commands(&agent)[1..], [Command::Run { child: 1, limits }]);
    let (live, agent) = super::tests::live();
    let (child, _theirs) = running(&live);
    live.go_on(child.round, limits);
    assert_eq!(commands(&agent), [Command::Fork { child: 1 }]);
}
