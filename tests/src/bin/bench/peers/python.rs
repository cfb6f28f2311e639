//! Peers that are Python libraries. A host process of each, in the virtual environment of `tests/peers`, takes one job a line and
//! answers one result a line, so that a call pays for the library's own work and not for importing it.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use e2e::workspace;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{PYTHON_FLAGS, Peer, RUNNER, check, job};

/// A host for each processor of the reference machine; a job waits for a free one.
const HOSTS: usize = 2;

/// One host process; killed when dropped.
struct Host {
    _process: Child,
    jobs: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// Hosts that have nothing to do.
struct Idle {
    give: Sender<Host>,
    take: tokio::sync::Mutex<Receiver<Host>>,
}

/// Monty: an interpreter in Rust for a subset of Python, its worker process kept.
///
/// # Errors
/// When its environment is missing or a host does not start.
pub fn monty() -> anyhow::Result<Peer> {
    peer("Monty 1.4 (subset of Python)", || {
        let mut command = Command::new(workspace::peers());
        command.arg(workspace::path("tests/peers/host_monty.py"));
        command
    })
}

/// sandlock: an interpreter for each job, inside Landlock and seccomp.
///
/// # Errors
/// When its environment is missing or a host does not start.
pub fn sandlock(python: &std::path::Path) -> anyhow::Result<Peer> {
    peer("sandlock 0.9", || {
        let mut command = Command::new(workspace::peers());
        command.arg(workspace::path("tests/peers/host_sandlock.py")).arg(python).arg(RUNNER).args(PYTHON_FLAGS);
        command
    })
}

fn peer(name: &'static str, command: impl Fn() -> Command) -> anyhow::Result<Peer> {
    let (give, take) = channel(HOSTS);
    for _ in 0..HOSTS {
        give.try_send(Host::start(command())?).ok().context("there is room for every host")?;
    }
    let idle = Arc::new(Idle { give, take: tokio::sync::Mutex::new(take) });
    let line = Arc::new(format!("{}\n", job()));
    let subject = Arc::new(move || -> crate::load::Call {
        let (idle, line) = (Arc::clone(&idle), Arc::clone(&line));
        Box::pin(async move { idle.run(&line).await })
    });
    // What they start ends as nobody's child, and its time with it.
    Ok(Peer { name, subject, scope: None })
}

// === impl Idle ===

impl Idle {
    async fn run(&self, line: &str) -> anyhow::Result<Instant> {
        let mut host = self.take.lock().await.recv().await.context("every host has failed")?;
        let answer = host.run(line).await?;
        let done = Instant::now();
        self.give.send(host).await.ok().context("the hosts are gone")?;
        check(&answer)?;
        Ok(done)
    }
}

// === impl Host ===

impl Host {
    fn start(mut command: Command) -> anyhow::Result<Self> {
        command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().with_context(|| format!("failed to start {command:?}"))?;
        let jobs = process.stdin.take().context("standard input is piped")?;
        let answers = BufReader::new(process.stdout.take().context("standard output is piped")?).lines();
        Ok(Host { _process: process, jobs, answers })
    }

    async fn run(&mut self, line: &str) -> anyhow::Result<String> {
        self.jobs.write_all(line.as_bytes()).await?;
        self.answers.next_line().await?.context("a host ended; what it said stands above")
    }
}
