//! Runs against a child that the test plays: what is read, in which order, and how each end is told.

use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use domain::json::JsonText;
use domain::name::{RuntimeId, TenantId};
use domain::sandbox::{Entry, Isolation, Job, Limits, Purpose, Reason, Secrets, Stream};
use sandbox_protocol::control::{Command, Exit, Usage as ChildUsage};
use sandbox_protocol::frame::Kind;

use super::*;
use crate::live::{How, LiveSandbox, Round, tests as played};

/// A child played by the test.
struct Played {
    live: Arc<LiveSandbox>,
    agent: OwnedFd,
    request: Option<std::fs::File>,
    result: Option<std::fs::File>,
    stdout: Option<std::fs::File>,
    stderr: Option<std::fs::File>,
}

impl Played {
    fn answer(&mut self, kind: Kind, payload: &str) {
        let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
        let bytes = [&[kind.byte()], length.as_slice(), payload.as_bytes()].concat();
        self.result.as_mut().unwrap().write_all(&bytes).unwrap();
    }

    /// Returns once the agent has got this command.
    async fn asked_to(&self, command: &str) {
        let mut packet = vec![0; 4096];
        loop {
            let length = rustix::net::recv(&self.agent, &mut packet, rustix::net::RecvFlags::DONTWAIT).map_or(0, |(_, length)| length);
            if String::from_utf8_lossy(&packet[..length]).contains(command) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The child reads its program, up to the end of what lies in the pipe.
    fn read_program(&mut self) {
        let request = self.request.as_mut().unwrap();
        let mut length = [0; 4];
        request.read_exact(&mut length).unwrap();
        request.read_exact(&mut vec![0; u32::from_le_bytes(length) as usize]).unwrap();
    }

    /// The child is put back.
    fn put_back(&self) {
        let usage = ChildUsage { user_micros: 7, ..ChildUsage::default() };
        let end = End { how: How::Exit(Exit::Code(0)), usage, at: Instant::now() };
        self.live.restored(1, 1).unwrap().tell(end);
    }

    /// The child is gone: its pipes are closed, its end is reported.
    fn end(&mut self, exit: Exit) {
        (self.request, self.result, self.stdout, self.stderr) = (None, None, None, None);
        let usage = ChildUsage { user_micros: 7, ..ChildUsage::default() };
        self.live.ended(1).unwrap().expect("it was used").tell(End { how: How::Exit(exit), usage, at: Instant::now() });
    }
}

fn job(entry: Entry, limits: Limits) -> Job {
    Job {
        tenant: TenantId::parse("tenant", "acme").unwrap(),
        purpose: Purpose::Trial,
        isolation: Isolation::TenantWarm,
        runtime: RuntimeId::default(),
        code: "pass".into(),
        entry,
        params_json: JsonText::read(r#"{"big": 9007199254740993}"#),
        secrets: Secrets::default(),
        limits,
        fresh: false,
    }
}

fn start(entry: Entry, limits: Limits) -> (ChildRun, Played) {
    let (live, agent) = played::live();
    begin(live, agent, entry, limits)
}

/// The same in a sandbox whose children are put back.
fn start_to_be_put_back(entry: Entry, limits: Limits) -> (ChildRun, Played, played::Nursery) {
    let (live, agent, nursery) = played::restoring();
    let (run, child) = begin(live, agent, entry, limits);
    (run, child, nursery)
}

fn begin(live: Arc<LiveSandbox>, agent: OwnedFd, entry: Entry, limits: Limits) -> (ChildRun, Played) {
    live.fork();
    let (ours, theirs) = played::pipes();
    let child = live.arrived(1, played::seal(), ours).unwrap();
    let [request, result, stdout, stderr] = theirs.map(|fd| Some(std::fs::File::from(fd)));
    let job = job(entry, limits);
    let run = ChildRun::start(child, Program::encode(&job).unwrap(), ProgramKey { tenant: 1, program: 1 }, Mask::new(&job.secrets), &job);
    (run, Played { live, agent, request, result, stdout, stderr })
}

fn failure(progress: Option<Progress>) -> Failure {
    match progress {
        Some(Progress::Outcome(Err(failure))) => failure,
        other => panic!("not a failure: {other:?}"),
    }
}

#[tokio::test]
async fn output_comes_before_the_outcome_and_the_exit_comes_last() {
    let (mut run, mut child) = start(Entry::Script, Limits::DEFAULT);
    child.stdout.as_mut().unwrap().write_all(b"one").unwrap();
    child.stderr.as_mut().unwrap().write_all(b"two").unwrap();
    child.answer(Kind::Success, "42");
    let (mut seen, mut outcome) = (Vec::new(), None);
    while outcome.is_none() {
        match run.next().await.unwrap() {
            Progress::Output { stream, offset, data } => seen.push((stream, offset, data)),
            Progress::Outcome(result) => outcome = Some(result),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, [(Stream::Stdout, 0, b"one".to_vec()), (Stream::Stderr, 0, b"two".to_vec())]);
    assert_eq!(outcome, Some(Ok(JsonText::read("42"))));
    child.end(Exit::Signal(9));
    let Some(Progress::Exited(usage)) = run.next().await else { panic!("no exit") };
    assert_eq!((usage.stdout_bytes, usage.stderr_bytes, usage.user_micros), (3, 3, 7));
    assert!(run.next().await.is_none());
}

#[tokio::test]
async fn a_program_that_printed_too_much_is_stopped_however_fast_it_ended() {
    let limits = Limits { output: 5, on_output_limit: OnOutputLimit::Stop, ..Limits::DEFAULT };
    let own = r#"{"reason":"USER_ERROR","message":"own","exception":"ValueError"}"#;
    for (kind, payload) in [(Kind::Success, "\"done\""), (Kind::Failure, own)] {
        let (mut run, mut child) = start(Entry::Script, limits);
        // Both lie in their pipes before anybody looks, and the result is looked at first.
        child.stdout.as_mut().unwrap().write_all(b"too much").unwrap();
        child.answer(kind, payload);
        child.end(Exit::Code(0));
        assert!(matches!(run.next().await, Some(Progress::Output { data, .. }) if data == b"too m"));
        assert_eq!(failure(run.next().await).reason, Reason::OutputLimit, "{payload}");
    }
    let (mut run, mut child) = start(Entry::Script, limits);
    child.stdout.as_mut().unwrap().write_all(b"right").unwrap();
    child.answer(Kind::Success, "1");
    child.end(Exit::Code(0));
    assert!(matches!(run.next().await, Some(Progress::Output { .. })));
    assert!(matches!(run.next().await, Some(Progress::Outcome(Ok(_)))), "a limit that is reached is not passed");
}

#[tokio::test]
async fn a_result_written_just_before_the_end_counts() {
    let (mut run, mut child) = start(Entry::Script, Limits::DEFAULT);
    child.answer(Kind::Success, "\"late\"");
    child.end(Exit::Code(0));
    assert!(matches!(run.next().await, Some(Progress::Outcome(Ok(result))) if result == "\"late\""));
}

#[tokio::test]
async fn an_end_without_a_result_keeps_what_was_printed() {
    let (mut run, mut child) = start(Entry::Script, Limits::DEFAULT);
    child.stdout.as_mut().unwrap().write_all(b"partial").unwrap();
    child.end(Exit::Code(0));
    assert!(matches!(run.next().await, Some(Progress::Output { data, .. }) if data == b"partial"));
    assert_eq!(failure(run.next().await).reason, Reason::NoResult);
}

#[tokio::test]
async fn values_arrive_one_by_one() {
    let (mut run, mut child) = start(Entry::Transform(vec![JsonText::read("1"), JsonText::read("2")]), Limits::DEFAULT);
    child.answer(Kind::Value, "10");
    assert!(matches!(run.next().await, Some(Progress::Value(Ok(value))) if value == "10"));
    child.answer(Kind::ValueFailure, r#"{"reason":"USER_ERROR","message":"no"}"#);
    assert!(matches!(run.next().await, Some(Progress::Value(Err(failure))) if failure.reason == Reason::UserError));
    child.answer(Kind::Success, "null");
    assert!(matches!(run.next().await, Some(Progress::Outcome(Ok(_)))));
}

#[tokio::test]
async fn a_forged_frame_ends_the_run_without_a_result() {
    let (mut run, mut child) = start(Entry::Script, Limits::DEFAULT);
    child.result.as_mut().unwrap().write_all(b"R\xff\xff\xff\xffgarbage").unwrap();
    assert_eq!(failure(run.next().await).reason, Reason::ResultTooLarge);
    let (mut run, mut child) = start(Entry::Script, Limits::DEFAULT);
    child.result.as_mut().unwrap().write_all(b"print('hello')").unwrap();
    assert_eq!(failure(run.next().await).reason, Reason::NoResult);
}

#[tokio::test]
async fn closing_the_result_pipe_early_ends_nothing() {
    let (mut run, mut child) = start(Entry::Script, Limits::DEFAULT);
    child.result = None;
    child.stdout.as_mut().unwrap().write_all(b"still here").unwrap();
    assert!(matches!(run.next().await, Some(Progress::Output { data, .. }) if data == b"still here"));
    child.end(Exit::Signal(11));
    assert_eq!(failure(run.next().await).signal.as_deref(), Some("SIGSEGV"));
}

#[tokio::test]
async fn a_caller_that_stops_asking_does_not_delay_the_deadline() {
    let (mut run, child) = start(Entry::Script, Limits { wall: Duration::from_millis(20), ..Limits::DEFAULT });
    // The played agent kills nothing, so the sandbox itself is condemned; nobody polls the run meanwhile.
    let mut end = run.end.clone();
    played::condemned(&child.live).await;
    child.live.lost(How::SandboxLost);
    ended(&mut end).await;
    assert_eq!(failure(run.next().await).reason, Reason::Timeout);
}

#[tokio::test]
async fn a_program_that_arrives_while_a_kill_is_unanswered_is_spared_like_one_that_was_there() {
    let (_run, child) = start(Entry::Script, Limits { wall: Duration::from_millis(20), ..Limits::DEFAULT });
    child.asked_to("kill").await;
    child.live.fork();
    child.live.running(Round { child: 2, restored: 0 }, ProgramKey { tenant: 1, program: 2 });
    let early = tokio::time::timeout(Duration::from_millis(500), played::condemned(&child.live)).await;
    assert!(early.is_err(), "the sandbox goes with the newcomer in it");
}

#[tokio::test]
async fn output_beyond_the_limit_stops_the_run_when_asked_to() {
    let limits = Limits { output: 4, on_output_limit: OnOutputLimit::Stop, ..Limits::DEFAULT };
    let (mut run, mut child) = start(Entry::Script, limits);
    child.stdout.as_mut().unwrap().write_all(b"too much").unwrap();
    assert!(matches!(run.next().await, Some(Progress::Output { data, .. }) if data == b"too "));
    child.end(Exit::Signal(9));
    assert_eq!(failure(run.next().await).reason, Reason::OutputLimit);
    let Some(Progress::Exited(usage)) = run.next().await else { panic!("no exit") };
    assert_eq!((usage.stdout_bytes, usage.dropped_bytes), (4, 4));
}

#[tokio::test]
async fn a_request_larger_than_the_pipe_is_written_while_output_is_read() {
    let value = format!("\"{}\"", "x".repeat(1 << 20));
    let (mut run, mut child) = start(Entry::Transform(vec![JsonText::read(value)]), Limits::DEFAULT);
    let mut request = child.request.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reader = tokio::task::spawn_blocking(move || {
        // A child that prints more than a pipe holds before it has read its program.
        stdout.write_all(&vec![b'y'; 200_000]).unwrap();
        let mut length = [0; 4];
        request.read_exact(&mut length).unwrap();
        let mut program = vec![0; u32::from_le_bytes(length) as usize];
        request.read_exact(&mut program).unwrap();
        program
    });
    let mut printed = 0;
    while printed < 200_000 {
        let Some(Progress::Output { data, .. }) = run.next().await else { panic!("no output") };
        printed += data.len();
    }
    let program = String::from_utf8(reader.await.unwrap()).unwrap();
    assert!(program.contains(r#"{"big": 9007199254740993}"#), "numbers keep their digits");
    child.answer(Kind::Success, "1");
    assert!(matches!(run.next().await, Some(Progress::Outcome(Ok(_)))));
}

/// Everything up to the exit.
async fn to_the_end(run: &mut ChildRun) -> Vec<Progress> {
    let mut all = Vec::new();
    while let Some(progress) = run.next().await {
        all.push(progress);
    }
    all
}

#[tokio::test]
async fn a_program_that_ends_as_it_should_leaves_its_child_to_the_next_one() {
    let (mut run, mut child, nursery) = start_to_be_put_back(Entry::Script, Limits::DEFAULT);
    child.asked_to("run").await;
    child.read_program();
    child.stdout.as_mut().unwrap().write_all(b"printed").unwrap();
    child.answer(Kind::Success, "42");
    child.put_back();
    let all = to_the_end(&mut run).await;
    let [Progress::Output { .. }, Progress::Outcome(Ok(result)), Progress::Exited(usage)] = &all[..] else { panic!("{all:?}") };
    assert_eq!((&**result, usage.user_micros, usage.stdout_bytes), ("42", 7, 7));
    assert_eq!(nursery.children().iter().map(|child| child.round.restored).collect::<Vec<_>>(), [1]);
    drop(run);
    assert!(played::commands(&child.agent).is_empty(), "it is not killed");
}

#[tokio::test]
async fn a_program_that_fails_by_its_own_words_leaves_its_child_to_the_next_one() {
    let (mut run, mut child, nursery) = start_to_be_put_back(Entry::Script, Limits::DEFAULT);
    child.read_program();
    child.answer(Kind::Failure, r#"{"reason":"USER_ERROR","message":"own"}"#);
    child.put_back();
    assert_eq!(to_the_end(&mut run).await.len(), 2);
    assert_eq!(nursery.children().len(), 1);
}

/// The child of a program that did this ends, although its agent has put it back.
async fn ends(limits: Limits, what: &str, does: impl FnOnce(&mut ChildRun, &mut Played)) {
    let (mut run, mut child, nursery) = start_to_be_put_back(Entry::Script, limits);
    child.asked_to("run").await;
    does(&mut run, &mut child);
    child.put_back();
    to_the_end(&mut run).await;
    assert!(nursery.children().is_empty(), "{what}");
    child.asked_to("kill").await;
}

#[tokio::test]
async fn a_doubt_about_a_program_costs_its_child_its_life() {
    ends(Limits::DEFAULT, "an end without an answer", |_, child| child.read_program()).await;
    ends(Limits::DEFAULT, "a program that was not read", |_, child| child.answer(Kind::Success, "1")).await;
    ends(Limits::DEFAULT, "a forged frame", |_, child| {
        child.read_program();
        child.result.as_mut().unwrap().write_all(b"R\xff\xff\xff\xffgarbage").unwrap();
    })
    .await;
    ends(Limits::DEFAULT, "a frame too many", |_, child| {
        child.read_program();
        child.answer(Kind::Success, "1");
        child.answer(Kind::Success, "2");
    })
    .await;
    ends(Limits::DEFAULT, "it was stopped", |run, child| {
        child.read_program();
        run.stop();
        child.answer(Kind::Success, "1");
    })
    .await;
    for on_output_limit in [OnOutputLimit::Stop, OnOutputLimit::Drop] {
        ends(Limits { output: 4, on_output_limit, ..Limits::DEFAULT }, "it printed too much", |_, child| {
            child.read_program();
            child.stdout.as_mut().unwrap().write_all(b"too much").unwrap();
            child.answer(Kind::Success, "1");
        })
        .await;
    }
}

#[tokio::test]
async fn what_is_printed_after_the_answer_costs_the_child_its_life() {
    let (mut run, mut child, nursery) = start_to_be_put_back(Entry::Script, Limits::DEFAULT);
    child.read_program();
    child.answer(Kind::Success, "1");
    assert!(matches!(run.next().await, Some(Progress::Outcome(Ok(_)))));
    child.stderr.as_mut().unwrap().write_all(b"late").unwrap();
    child.put_back();
    assert!(matches!(run.next().await, Some(Progress::Exited(_))));
    assert!(nursery.children().is_empty());
    child.asked_to("kill").await;
}

#[tokio::test]
async fn a_run_that_nobody_waits_for_any_more_costs_the_child_its_life() {
    let (mut run, mut child, nursery) = start_to_be_put_back(Entry::Script, Limits::DEFAULT);
    child.read_program();
    child.answer(Kind::Success, "1");
    assert!(matches!(run.next().await, Some(Progress::Outcome(Ok(_)))));
    drop(run);
    child.put_back();
    assert!(nursery.children().is_empty());
    child.asked_to("kill").await;
}

/// The child that came home by itself, whatever its reader does.
async fn came_home(nursery: &played::Nursery) -> Child {
    loop {
        if let Some(child) = nursery.children().pop() {
            return child;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_child_that_is_done_goes_home_though_nobody_asks_for_the_end_of_its_run() {
    let (mut run, mut child, nursery) = start_to_be_put_back(Entry::Script, Limits::DEFAULT);
    child.asked_to("run").await;
    child.read_program();
    child.answer(Kind::Success, "1");
    assert!(matches!(run.next().await, Some(Progress::Outcome(Ok(_)))));
    child.put_back();
    assert_eq!(came_home(&nursery).await.round.restored, 1);
    assert!(matches!(run.next().await, Some(Progress::Exited(usage)) if usage.user_micros == 7));
    drop(run);
    assert!(played::commands(&child.agent).is_empty(), "and is not killed for the run that was read late");
    assert!(nursery.children().is_empty(), "it goes home once");
}

#[tokio::test]
async fn a_child_whose_answer_nobody_reads_is_kept_by_nobody_and_the_answer_stays() {
    let (mut run, mut child, nursery) = start_to_be_put_back(Entry::Script, Limits::DEFAULT);
    child.read_program();
    child.stdout.as_mut().unwrap().write_all(b"printed").unwrap();
    child.answer(Kind::Success, "42");
    child.put_back();
    child.asked_to("kill").await;
    (child.request, child.result, child.stdout, child.stderr) = (None, None, None, None);
    assert!(!child.live.ended(1).unwrap().unwrap().news, "its run has heard of its end");
    let all = to_the_end(&mut run).await;
    let [Progress::Output { .. }, Progress::Outcome(Ok(result)), Progress::Exited(usage)] = &all[..] else { panic!("{all:?}") };
    assert_eq!((&**result, usage.user_micros, usage.stdout_bytes), ("42", 7, 7));
    assert!(nursery.children().is_empty());
    assert_eq!(nursery.lost(), [crate::live::Doubt::Unread]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_larger_than_the_pipe_leaves_its_child_to_the_next_one() {
    let value = format!("\"{}\"", "x".repeat(1 << 20));
    let (mut run, mut child, nursery) = start_to_be_put_back(Entry::Transform(vec![JsonText::read(value)]), Limits::DEFAULT);
    let child = tokio::task::spawn_blocking(move || {
        child.read_program();
        child.answer(Kind::Success, "1");
        child.put_back();
        child
    });
    assert_eq!(to_the_end(&mut run).await.len(), 2);
    let child = child.await.unwrap();
    assert_eq!(nursery.children().len(), 1, "however long its writer takes to see that all is written");
    assert!(!played::commands(&child.agent).iter().any(|command| matches!(command, Command::Kill { .. })));
}
