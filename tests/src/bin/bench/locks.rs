//! Locks that a program asks for on a library file: what opening that file takes beside it, and what the kernel keeps of them.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use domain::sandbox::{Entry, Isolation, Limits, Progress};

use crate::context::Context;
use crate::peers::sandbox::{Engine, Kind, job};
use crate::report::{Cell, Report, Table};
use crate::samples::{Samples, median};

const PART: &str = "locks";
/// Prints once it has asked for every lock, and stays.
const PROGRAM: &str = "import fcntl, os, time
file = open(os.__file__, 'rb')
for number in range(22_000):
    try:
        fcntl.lockf(file, fcntl.LOCK_SH, 1, 2 * number)
    except PermissionError:
        pass
print('asked', flush=True)
time.sleep(60)";
/// Times that the file is opened and closed in a slice; few, because it takes milliseconds where the locks are held.
const OPENED: usize = 50;
const SLICES: usize = 7;
/// Where the kernel counts what it keeps, a line for each kind of object. Only root reads it.
const SLABS: &str = "/proc/slabinfo";
const KEPT: &str = "file_lock_cache";

/// Measures alone, beside programs in sandboxes, and beside one without a sandbox.
///
/// # Errors
/// When a program does not run.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let library = library(&context.arguments.python)?;
    let columns = ["beside", "open and close p50 µs", "locks on the file", "kernel memory of all locks KiB"];
    let mut table = Table::new(PART, "A library file, beside a program that asks for 22,000 locks on it", &columns);
    table.row(row("nothing", &library)?);
    let engine = Engine::open(Kind::Namespace, context.arguments, sandbox::Pool::default()).await?;
    let measured = in_sandboxes(&engine, &library, &mut table).await;
    engine.shutdown().await;
    measured?;
    let mut bare = bare(&context.arguments.python)?;
    let held = row("a bare interpreter: the locks are taken", &library);
    bare.kill()?;
    bare.wait()?;
    table.row(held?);
    table
        .note("The file is one, of the host's Python, which the namespace backend shows to programs. Another's locks count in the memory.");
    report.add(table);
    Ok(())
}

async fn in_sandboxes(engine: &Engine, library: &Path, table: &mut Table) -> anyhow::Result<()> {
    for (tier, name) in [(Isolation::TenantWarm, "a program in T1"), (Isolation::OneShot, "a program in T3")] {
        let limits = Limits { wall: Duration::from_secs(60), ..Limits::DEFAULT };
        let mut run = engine.start(job("locks", tier, PROGRAM, Entry::Script, limits)?).await?;
        let asked = matches!(run.next().await, Some(Progress::Output { .. }));
        anyhow::ensure!(asked, "{name} ended before it had asked for every lock");
        table.row(row(name, library)?);
        run.stop();
        while run.next().await.is_some() {}
    }
    Ok(())
}

fn bare(python: &Path) -> anyhow::Result<Child> {
    let mut bare = Command::new(python).args(["-I", "-S", "-c", PROGRAM]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(bare.stdout.take().context("its output is piped")?).read_line(&mut line)?;
    if line.trim() != "asked" {
        bare.kill()?;
        anyhow::bail!("the bare interpreter says {line:?}");
    }
    Ok(bare)
}

fn library(python: &Path) -> anyhow::Result<PathBuf> {
    let asked = Command::new(python).args(["-I", "-S", "-c", "import os; print(os.__file__)"]).output()?;
    Ok(PathBuf::from(String::from_utf8(asked.stdout)?.trim()))
}

fn row(beside: &str, library: &Path) -> anyhow::Result<Vec<Cell>> {
    let mut medians = Vec::new();
    for _ in 0..SLICES {
        let mut times = Samples::default();
        for _ in 0..OPENED {
            let begun = Instant::now();
            drop(File::open(library)?);
            times.push(begun.elapsed());
        }
        medians.push(times.median() * 1e3);
    }
    let kept = kept().map_or(Cell::Absent, |bytes| (bytes as f64 / 1024.0).into());
    Ok(vec![beside.into(), median(&medians).into(), locks_on(library)?.into(), kept])
}

fn locks_on(file: &Path) -> anyhow::Result<usize> {
    use std::os::unix::fs::MetadataExt as _;
    let inode = format!(":{} ", file.metadata()?.ino());
    Ok(std::fs::read_to_string("/proc/locks")?.lines().filter(|line| line.contains(&inode)).count())
}

/// Bytes that the kernel keeps for locks; `None` where it does not say.
fn kept() -> Option<u64> {
    let slabs = std::fs::read_to_string(SLABS).ok()?;
    let line = slabs.lines().find(|line| line.split_whitespace().next() == Some(KEPT))?;
    let mut figures = line.split_whitespace().skip(2).map(str::parse::<u64>);
    let (objects, size) = (figures.next()?.ok()?, figures.next()?.ok()?);
    Some(objects * size)
}
