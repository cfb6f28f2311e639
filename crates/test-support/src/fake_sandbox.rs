//! A sandbox that runs nothing: what a program does is written in comments of its code. For tests of everything around
//! executions; what containment means is tested on the real one.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::json::JsonText;
use domain::name::RuntimeId;
use domain::sandbox::{Attestation, Entry, Error, Failure, Isolation, Job, MAX_CHUNK, Progress, Reason, Run, Sandbox, Stream, Usage};
use tokio::sync::watch;

use crate::sample;

/// What stands before an instruction in the code.
///
/// `print TEXT`, `error TEXT`: a line on stdout or stderr. `flood N`: N bytes on stdout. `wait`: until [`FakeSandbox::release`] or
/// a stop. `return JSON`, `raise TYPE MESSAGE`: the outcome of a script (default `null`). A transformer answers each value as it is, but
/// fails on `"fail"`, on `"fail N"` with a traceback of N bytes, grows `"grow N"` to a text of N bytes, and dies on `"die"`.
pub const INSTRUCTION: &str = "#: ";

/// Runs programs that exist only in their comments.
pub struct FakeSandbox {
    gate: watch::Sender<bool>,
    running: Arc<AtomicUsize>,
    started: AtomicUsize,
    fault: Mutex<Option<Fault>>,
}

/// Why nothing can be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The runtime's image is missing.
    ImageMissing,
    /// Every sandbox is taken.
    Busy,
    /// The backend does not answer.
    Down,
}

struct FakeRun {
    attestation: Attestation,
    steps: VecDeque<Step>,
    written: [u64; 2],
    gate: watch::Receiver<bool>,
    stopped: watch::Sender<bool>,
    running: Arc<AtomicUsize>,
}

enum Step {
    Write(Stream, Vec<u8>),
    Wait,
    Value(Result<JsonText, Failure>),
    Outcome(Result<JsonText, Failure>),
    Exit,
}

impl Default for FakeSandbox {
    fn default() -> Self {
        FakeSandbox { gate: watch::Sender::new(false), running: Arc::default(), started: AtomicUsize::new(0), fault: Mutex::default() }
    }
}

impl FakeSandbox {
    /// Lets every program that waits go on, and later ones not wait at all.
    pub fn release(&self) {
        self.gate.send_replace(true);
    }

    /// Refuses every program from now on, or no longer.
    pub fn set_fault(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// Programs that run now.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    /// Programs that were ever started.
    pub fn started(&self) -> usize {
        self.started.load(Ordering::SeqCst)
    }

    fn check(&self) -> Result<(), Error> {
        match *self.fault.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(Fault::ImageMissing) => {
                let message = "the image of runtime python is missing; build it first".to_owned();
                Err(Error::Refused { reason: "RUNTIME_IMAGE_MISSING", message })
            }
            Some(Fault::Busy) => Err(Error::Busy { retry_after: Duration::from_secs(2) }),
            Some(Fault::Down) => Err(Error::Unavailable("connection refused".into())),
        }
    }
}

#[async_trait]
impl Sandbox for FakeSandbox {
    fn ready(&self, _isolation: Isolation, _runtime: &RuntimeId) -> Result<(), Error> {
        self.check()
    }

    async fn start(&self, job: Job) -> Result<Box<dyn Run>, Error> {
        self.check()?;
        self.started.fetch_add(1, Ordering::SeqCst);
        self.running.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(FakeRun {
            attestation: sample::attestation(),
            steps: steps(&job),
            written: [0, 0],
            gate: self.gate.subscribe(),
            stopped: watch::Sender::new(false),
            running: Arc::clone(&self.running),
        }))
    }
}

#[async_trait]
impl Run for FakeRun {
    fn attestation(&self) -> &Attestation {
        &self.attestation
    }

    async fn next(&mut self) -> Option<Progress> {
        if let Some(Step::Wait) = self.steps.front() {
            let mut stopped = self.stopped.subscribe();
            tokio::select! {
                _ = self.gate.wait_for(|open| *open) => {}
                _ = stopped.wait_for(|stopped| *stopped) => {}
            }
            self.steps.pop_front();
        }
        let is_over = matches!(self.steps.front(), None | Some(Step::Exit));
        if *self.stopped.borrow() && !is_over {
            let stopped = Failure::new(Reason::Cancelled, "it was asked to stop");
            self.steps = VecDeque::from([Step::Outcome(Err(stopped)), Step::Exit]);
            // Asked once: what follows is the end.
            self.stopped.send_replace(false);
        }
        Some(match self.steps.pop_front()? {
            Step::Write(stream, data) => self.write(stream, data),
            Step::Wait => return self.next().await,
            Step::Value(value) => Progress::Value(value),
            Step::Outcome(outcome) => Progress::Outcome(outcome),
            Step::Exit => Progress::Exited(self.usage()),
        })
    }

    fn stop(&self) {
        self.stopped.send_replace(true);
    }
}

impl FakeRun {
    fn write(&mut self, stream: Stream, data: Vec<u8>) -> Progress {
        let written = &mut self.written[usize::from(stream == Stream::Stderr)];
        let offset = *written;
        *written += data.len() as u64;
        Progress::Output { stream, offset, data }
    }

    fn usage(&self) -> Usage {
        let [stdout_bytes, stderr_bytes] = self.written;
        Usage { wall_micros: 1_500, user_micros: 900, stdout_bytes, stderr_bytes, ..Usage::default() }
    }
}

impl Drop for FakeRun {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
    }
}

fn steps(job: &Job) -> VecDeque<Step> {
    let mut outcome = Ok(JsonText::read("null"));
    let mut steps = VecDeque::new();
    for line in job.code.lines().filter_map(|line| line.trim().strip_prefix(INSTRUCTION)) {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("print", text) => steps.push_back(Step::Write(Stream::Stdout, format!("{text}\n").into_bytes())),
            ("error", text) => steps.push_back(Step::Write(Stream::Stderr, format!("{text}\n").into_bytes())),
            ("flood", bytes) => steps.extend(flood(bytes.parse().expect("a number of bytes"))),
            ("wait", _) => steps.push_back(Step::Wait),
            ("return", json) => outcome = Ok(JsonText::read(json)),
            ("raise", text) => outcome = Err(raised(text)),
            (unknown, _) => panic!("no such instruction: {unknown}"),
        }
    }
    match &job.entry {
        Entry::Transform(values) => steps.extend(transform(values)),
        Entry::Script => steps.push_back(Step::Outcome(outcome)),
    }
    steps.push_back(Step::Exit);
    steps
}

fn transform(values: &[JsonText]) -> Vec<Step> {
    let results = values.iter().map(|value| match value.trim_matches('"').split_once(' ').unwrap_or((value.trim_matches('"'), "")) {
        ("fail", "") => Err(raised("ValueError this value fails")),
        ("fail", bytes) => Err(Failure { traceback: Some(text_of(bytes)), ..raised("ValueError this value fails") }),
        ("grow", bytes) => Ok(JsonText::read(format!("\"{}\"", text_of(bytes)))),
        _ => Ok(value.clone()),
    });
    let died = Failure::new(Reason::OutOfMemory, "the memory limit was reached");
    let death = values.iter().position(|value| **value == *"\"die\"");
    let results: Vec<_> = results.take(death.unwrap_or(values.len())).collect();
    match (results.as_slice(), death) {
        ([only], None) => vec![Step::Outcome(only.clone())],
        (_, None) => results.into_iter().map(Step::Value).chain([Step::Outcome(Ok(JsonText::read("null")))]).collect(),
        (_, Some(_)) => results.into_iter().map(Step::Value).chain([Step::Outcome(Err(died))]).collect(),
    }
}

fn text_of(bytes: &str) -> String {
    "x".repeat(bytes.parse().expect("a number of bytes"))
}

fn flood(bytes: usize) -> impl Iterator<Item = Step> {
    let chunks = (0..bytes).step_by(MAX_CHUNK);
    chunks.map(move |start| Step::Write(Stream::Stdout, vec![b'x'; MAX_CHUNK.min(bytes - start)]))
}

fn raised(text: &str) -> Failure {
    let (exception, message) = text.split_once(' ').unwrap_or((text, ""));
    Failure {
        exception: Some(exception.to_owned()),
        traceback: Some(format!("Traceback (most recent call last):\n  line 1\n{exception}: {message}\n")),
        line: Some(1),
        ..Failure::new(Reason::UserError, message)
    }
}
