//! Random programs, each in a process that has run the ones before and in one that was forked for it: both say the same. The same programs as in
//! the agent's test, through all of the sandbox.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use domain::sandbox::{Entry, Isolation, Limits, Progress, Stream};

use crate::context::Context;
use crate::part::Part;
use crate::peers::sandbox::{Children, Engine, Kind, job};
use crate::report::{Report, Table};

#[path = "../../../../crates/sandbox-agent/tests/it/differential/random.rs"]
mod random;

use random::{Random, without_addresses};

const TENANT: &str = "bench";
const PROGRAMS: u32 = 100_000;
const QUICK_PROGRAMS: u32 = 2_000;
/// After how many programs it is said how far it has come.
const STEP: u32 = 5_000;
/// What the programs import: to load a library costs the child its life.
const PRELOAD: [&str; 10] = ["collections", "ctypes", "datetime", "decimal", "hashlib", "json", "mmap", "random", "re", "signal"];

/// What a program has said, in words, and how often its process had been put back.
struct Said {
    text: String,
    restored: u32,
}

/// Runs them on the namespace backend.
///
/// # Errors
/// When two processes say something else, with seed, number and program.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64;
    let seed = context.arguments.seed.unwrap_or(now);
    let programs = if context.arguments.quick { QUICK_PROGRAMS } else { PROGRAMS };
    let open = async |children| {
        let preload = |config: &mut sandbox::Config| config.preload = PRELOAD.map(str::to_owned).to_vec();
        Engine::configured(Kind::Namespace, children, context.arguments, sandbox::Pool::default(), preload).await
    };
    let restored = open(Children::Restored).await?;
    let fresh = match open(Children::Fresh).await {
        Ok(fresh) => fresh,
        Err(error) => {
            restored.shutdown().await;
            return Err(error);
        }
    };
    let compared = compare([&restored, &fresh], seed, programs, report).await;
    restored.shutdown().await;
    fresh.shutdown().await;
    compared
}

async fn compare([restored, fresh]: [&Engine; 2], seed: u64, programs: u32, report: &mut Report) -> anyhow::Result<()> {
    let mut random = Random::new(seed);
    let (mut again, mut most) = (0_usize, 0);
    for number in 0..programs {
        let code = random.program();
        let (left, right) = tokio::try_join!(said(restored, &code), said(fresh, &code))?;
        anyhow::ensure!(
            left.text == right.text,
            "seed {seed}, program {number}, in a process that was put back {} times: {} instead of {}\n{code}",
            left.restored,
            left.text,
            right.text
        );
        again += usize::from(left.restored > 0);
        most = most.max(left.restored);
        if (number + 1) % STEP == 0 {
            eprintln!("  {} of {programs} programs, seed {seed}", number + 1);
        }
    }
    anyhow::ensure!(again > programs as usize / 20, "only {again} of {programs} programs have met a process that was put back");
    let columns = ["programs, all of which said the same", "in a process that was put back", "programs before in one process, at most"];
    let mut table = Table::new(Part::Differential.name(), "Random programs in processes that are put back beside fresh ones", &columns);
    table.row([(programs as usize).into(), again.into(), (most as usize).into()]);
    table.note(format!(
        "Seed {seed}; `--seed` repeats it. Compared: answer or failure, both streams, and in the answer all that a program sees of"
    ));
    table.note("its interpreter, memory of libraries, descriptors, files, signals and limits.");
    report.add(table);
    Ok(())
}

async fn said(engine: &Engine, code: &str) -> anyhow::Result<Said> {
    let mut run = engine.start(job(TENANT, Isolation::TenantWarm, code, Entry::Script, Limits::DEFAULT)?).await?;
    let restored = run.attestation().restored;
    let (mut streams, mut outcome) = ([Vec::new(), Vec::new()], None);
    while let Some(progress) = run.next().await {
        match progress {
            Progress::Output { stream: Stream::Stdout, data, .. } => streams[0].extend(data),
            Progress::Output { stream: Stream::Stderr, data, .. } => streams[1].extend(data),
            Progress::Outcome(said) => outcome = Some(said),
            Progress::Value(_) | Progress::Exited(_) => {}
        }
    }
    let outcome = outcome.context("a run ended without an outcome")?;
    let [stdout, stderr] = streams.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok(Said { text: without_addresses(&format!("{outcome:?} {stdout:?} {stderr:?}")), restored })
}
