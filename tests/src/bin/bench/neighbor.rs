//! A process of its own beside what is measured: what a busy processor costs the other one, whoever keeps it busy.

use std::io::{BufRead as _, BufReader, Read as _};
use std::num::NonZeroUsize;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;

use anyhow::Context as _;
use auth::{Argon2Passwords, LEAST_ITERATIONS, LEAST_MEMORY_KIB, LEAST_PARALLELISM, PasswordConfig};
use clap::ValueEnum;
use domain::identity::{PasswordHasher as _, Secret};

/// What it says once it works.
const WORKS: &str = "works";

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Work {
    /// Computes in registers alone, in the kernel's least urgent class (`SCHED_IDLE`)
    Spin,
    /// Checks one password after the other, as a server does: on a thread that is as nice, in as much memory
    Hash,
}

/// The running process; killed when dropped.
pub struct Neighbor {
    process: Child,
}

// === impl Neighbor ===

impl Neighbor {
    /// Starts this binary again, and waits until it works.
    ///
    /// # Errors
    /// When it does not.
    pub fn start(work: Work) -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let (mut command, name) = match work {
            Work::Spin => {
                let mut command = Command::new("chrt");
                command.args(["--idle", "0"]).arg(own);
                (command, "spin")
            }
            Work::Hash => (Command::new(own), "hash"),
        };
        let mut process = command.args(["--neighbor", name]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = process.stdout.take().context("its output is piped")?;
        let neighbor = Neighbor { process };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        anyhow::ensure!(line.trim() == WORKS, "the neighbor says {line:?}");
        Ok(neighbor)
    }
}

impl Drop for Neighbor {
    fn drop(&mut self) {
        // Both fail only for a process that is gone already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Works until the standard input ends, with whoever holds its other end.
///
/// # Errors
/// When a password cannot be checked.
pub async fn work(work: Work) -> anyhow::Result<ExitCode> {
    thread::Builder::new().name("end".to_owned()).spawn(|| {
        // Whatever is read or fails to be: whoever started this has gone.
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        std::process::exit(0)
    })?;
    match work {
        Work::Spin => spin(),
        Work::Hash => hash().await,
    }
}

fn spin() -> ! {
    println!("{WORKS}");
    let mut number = 1_u64;
    loop {
        number = std::hint::black_box(number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(7));
    }
}

async fn hash() -> anyhow::Result<ExitCode> {
    let parameters = PasswordConfig {
        memory_kib: LEAST_MEMORY_KIB,
        iterations: LEAST_ITERATIONS,
        parallelism: LEAST_PARALLELISM,
        at_once: NonZeroUsize::MIN,
    };
    let (passwords, password) = (Argon2Passwords::new(parameters)?, Secret::new("any".to_owned()));
    println!("{WORKS}");
    loop {
        // Two under way: while one waits, its memory goes on to the next, as it does where a hundred wait.
        let both = [passwords.verify(&password, None), passwords.verify(&password, None)];
        futures_util::future::try_join_all(both).await?;
    }
}
