//! The battery as a whole: which probes apply to a tier, run on a runtime, and judged by what the backend promises.

use domain::sandbox::Isolation;
use domain::time::Timestamp;

use super::catalog::PROBES;
use super::report::{Outcome, ProbeResult, Report};
use super::runner::Runner;
use super::{guest, gvisor, landlock};
use crate::service::Sandboxes;

/// The battery as it is in this build.
pub struct Battery;

// === impl Battery ===

impl Battery {
    /// The start of the digest over every probe and its program.
    pub fn version() -> String {
        let names: Vec<String> = PROBES.iter().map(|probe| format!("{probe:?}")).collect();
        let parts: Vec<&[u8]> = names.iter().map(String::as_bytes).chain(guest::SOURCES.iter().map(|source| source.as_bytes())).collect();
        crate::backend::digest(&parts).trim_start_matches("sha256:").chars().take(12).collect()
    }

    /// Runs every probe that applies to a tier, on the default runtime; where T1 has processes that are put back, in those and in fresh ones. Takes well below a second in T1 beside the one that uses up CPU time, and a few
    /// seconds in T2 and T3, where every probe that may end its process costs a sandbox.
    ///
    /// # Errors
    /// Why no program runs in the tier at all.
    pub async fn run(sandboxes: &Sandboxes, isolation: Isolation) -> Result<Report, domain::sandbox::Error> {
        Self::run_on(sandboxes, sandboxes.default_runtime(), isolation).await
    }

    /// The same on a runtime of one's choice.
    pub(crate) async fn run_on(sandboxes: &Sandboxes, runtime: &str, isolation: Isolation) -> Result<Report, domain::sandbox::Error> {
        let mut runner = Runner::new(sandboxes, runtime, isolation);
        let mut probes = run_in_order(&runner).await?;
        if isolation == Isolation::TenantWarm && sandboxes.puts_back(runtime) {
            runner.fresh = false;
            probes = probes.into_iter().zip(run_in_order(&runner).await?).map(worse).collect();
        }
        match sandboxes.backend() {
            landlock::BACKEND => probes.iter_mut().for_each(landlock::judge),
            gvisor::BACKEND => probes.iter_mut().for_each(gvisor::judge),
            _ => {}
        }
        let (version, backend, runtime) = (Self::version(), sandboxes.backend(), runtime.to_owned());
        Ok(Report { version, at: now(), backend, isolation, runtime, probes })
    }

    /// Names of all probes, in the catalog's order.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PROBES.iter().map(|probe| probe.name)
    }
}

/// What all probes of a tier find in one kind of processes.
async fn run_in_order(runner: &Runner<'_>) -> Result<Vec<ProbeResult>, domain::sandbox::Error> {
    runner.check().await?;
    let probes = runner.run(PROBES.iter().filter(|probe| probe.tiers.include(runner.isolation)).collect()).await;
    runner.leave();
    Ok(probes)
}

/// Of what a probe has found in fresh processes and in those that are put back, what is worse.
fn worse((fresh, mut restored): (ProbeResult, ProbeResult)) -> ProbeResult {
    let badness = |outcome| match outcome {
        Outcome::Stopped | Outcome::Open => 0,
        Outcome::Error => 1,
        Outcome::Reached => 2,
    };
    let took = fresh.took + restored.took;
    let found = if badness(restored.outcome) > badness(fresh.outcome) {
        restored.detail = format!("in a process that is put back: {}", restored.detail);
        restored
    } else {
        fresh
    };
    ProbeResult { took, ..found }
}

/// Wall time, for the report.
fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
