//! Instructions of a program: from the processor's counters through `perf`, or else from valgrind's emulation, which needs no
//! counters. Unlike time they do not depend on what else the machine does. Where there is neither, nothing is counted.

use std::process::Command;
use std::sync::LazyLock;

use anyhow::Context as _;

/// Rounds of the longer run; the difference to one round is free of start and end.
const ROUNDS: usize = 4;

/// What counts here.
static COUNTER: LazyLock<Option<Counter>> = LazyLock::new(|| {
    let counts = |counter: &Counter| matches!(counter.count(&Command::new("true")), Ok(Some(_)));
    [Counter::Perf, Counter::Callgrind].into_iter().find(counts)
});

/// A way to count instructions.
#[derive(Debug, Clone, Copy)]
enum Counter {
    Perf,
    Callgrind,
}

/// How instructions are counted, for a note below a table.
pub fn how() -> &'static str {
    match *COUNTER {
        Some(Counter::Perf) => "instructions: the processor's, in user mode, by perf",
        Some(Counter::Callgrind) => "instructions: valgrind's callgrind; perf has no counters here",
        None => "instructions are not counted: neither perf nor valgrind works here",
    }
}

/// Instructions of one round of a program that is started with a number of rounds.
///
/// # Errors
/// When the program fails, or its instructions cannot be counted although others' can.
pub fn per_round(program: impl Fn(usize) -> anyhow::Result<Command>) -> anyhow::Result<Option<f64>> {
    let Some(counter) = *COUNTER else { return Ok(None) };
    let count = |rounds| counter.count(&program(rounds)?)?.context("no count");
    let (one, more) = (count(1)?, count(ROUNDS)?);
    Ok(Some(more.saturating_sub(one) as f64 / (ROUNDS - 1) as f64))
}

impl Counter {
    /// `None` when this way of counting does not work on this machine.
    fn count(self, program: &Command) -> anyhow::Result<Option<u64>> {
        let mut command = match self {
            Counter::Perf => prefixed("perf", &["stat", "-x", ",", "-e", "instructions:u", "--"], program),
            Counter::Callgrind => prefixed("valgrind", &["--tool=callgrind", "--callgrind-out-file=/dev/null"], program),
        };
        let Ok(output) = command.output() else { return Ok(None) };
        let told = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "{command:?}: {told}");
        Ok(match self {
            Counter::Perf => told.lines().find_map(|line| line.contains("instructions").then(|| line.split(',').next()?.parse().ok())?),
            Counter::Callgrind => told.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok()),
        })
    }
}

fn prefixed(counter: &str, arguments: &[&str], program: &Command) -> Command {
    let mut command = Command::new(counter);
    command.args(arguments).arg(program.get_program()).args(program.get_args());
    command
}
