//! Says what works on this host, by trying it: host settings, interpreter, daemon and image, and one real program in each tier of
//! each backend, with what to change where one does not work.

use std::time::{Duration, Instant};

use domain::sandbox::{Attestation, Isolation, Job, Progress, Sandbox as _};
use futures_util::future::BoxFuture;

use crate::config::{Backend, Config, ContainerRuntime, Docker, Namespace};
use crate::failure::chain;
use crate::service::Sandboxes;

mod check;
mod container;
mod daemon;
mod host;
mod restoring;
mod trial;

pub use check::{Check, Verdict};
pub use container::{complies, inspect_container};
use trial::{PROGRAM, PROGRAM_WITHOUT_FILES, TIER_DEADLINE, VALUE, trial};

const TIERS: &[Isolation] = &[Isolation::TenantWarm, Isolation::SingleUse, Isolation::OneShot];

/// What was found.
#[derive(Debug, Clone)]
pub struct Diagnosis {
    /// The host, the interpreter, the daemon.
    pub checks: Vec<Check>,
    /// Every tier of every backend on the default runtime, and a backend's first tier on every other runtime.
    pub tiers: Vec<TierReport>,
}

/// Whether one tier of one backend works.
#[derive(Debug, Clone)]
pub struct TierReport {
    /// `docker`, `docker-runsc`, `namespace` or `landlock`.
    pub backend: &'static str,
    /// `T1`, `T2` or `T3`.
    pub tier: &'static str,
    /// The runtime.
    pub runtime: String,
    /// How a program ran in it, or why none could.
    pub outcome: Result<TierWorks, String>,
}

/// How a program ran in a tier.
#[derive(Debug, Clone)]
pub struct TierWorks {
    /// From the request to the result, with the start of the sandbox.
    pub first: Duration,
    /// How it was isolated.
    pub attestation: Attestation,
}

/// Looks at the host and tries every tier of every backend that has it. `base` gives directories, ids, agent and limits; its backend is not
/// used, and its instance id is extended for the trial.
pub fn diagnose<'a>(base: &'a Config, namespace: &'a Namespace, docker: &'a Docker) -> BoxFuture<'a, Diagnosis> {
    Box::pin(look_and_try(base, namespace, docker))
}

async fn look_and_try(base: &Config, namespace: &Namespace, docker: &Docker) -> Diagnosis {
    let mut checks = host::checks(base);
    checks.extend(host::runtimes(base, namespace).await);
    checks.extend(daemon::checks(base, docker).await);
    let mut tiers = Vec::new();
    for backend in [Backend::Namespace(namespace.clone()), Backend::Docker(docker.clone()), Backend::Landlock(namespace.clone())] {
        let tried = try_backend(base, backend.clone()).await;
        if tried.iter().any(|report| report.tier == Isolation::TenantWarm.tier() && report.outcome.is_ok()) {
            checks.extend(restoring::check(base, &backend).await);
        }
        tiers.extend(tried);
    }
    Diagnosis { checks, tiers }
}

async fn try_backend(base: &Config, backend: Backend) -> Vec<TierReport> {
    let (name, suffix) = match &backend {
        Backend::Namespace(_) => ("namespace", "dn"),
        Backend::Docker(docker) => (docker.runtime.backend().as_str(), "dd"),
        Backend::Landlock(_) => ("landlock", "dl"),
    };
    let (tiers, program) = match &backend {
        Backend::Docker(Docker { runtime: ContainerRuntime::Runsc, .. }) => (&TIERS[1..], PROGRAM),
        Backend::Namespace(_) | Backend::Docker(_) => (TIERS, PROGRAM),
        Backend::Landlock(_) => (&TIERS[..1], PROGRAM_WITHOUT_FILES),
    };
    let offered: Vec<&str> =
        base.runtimes.iter().filter(|runtime| runtime.is_offered_by(&backend)).map(|runtime| runtime.name.as_str()).collect();
    let mut config = base.clone();
    config.backend = backend;
    config.instance = format!("{}-{suffix}", base.instance);
    config.pool.unassigned = 0;
    config.pool.single_use = 0;
    let report =
        |tier: Isolation, runtime: &str, outcome| TierReport { backend: name, tier: tier.tier(), runtime: runtime.to_owned(), outcome };
    let further = offered.into_iter().map(|runtime| (tiers[0], runtime));
    let trials: Vec<_> = tiers.iter().map(|tier| (*tier, base.runtime.as_str())).chain(further).collect();
    let sandboxes = match Sandboxes::open(config).await {
        Ok(sandboxes) => sandboxes,
        Err(error) => return trials.into_iter().map(|(tier, runtime)| report(tier, runtime, Err(chain(&error)))).collect(),
    };
    let mut reports = Vec::new();
    for (tier, runtime) in trials {
        let tried = tokio::time::timeout(TIER_DEADLINE, try_tier(&sandboxes, tier, runtime, program)).await;
        reports.push(report(tier, runtime, tried.unwrap_or_else(|_elapsed| Err(format!("no result within {TIER_DEADLINE:?}")))));
    }
    sandboxes.shutdown().await;
    reports
}

async fn try_tier(sandboxes: &Sandboxes, isolation: Isolation, runtime: &str, program: &str) -> Result<TierWorks, String> {
    let began = Instant::now();
    let job = Job { code: program.into(), ..trial(isolation, runtime)? };
    let mut run = sandboxes.start(job).await.map_err(|error| error.cause())?;
    let attestation = run.attestation().clone();
    while let Some(progress) = run.next().await {
        if let Progress::Outcome(outcome) = progress {
            let result = outcome.map_err(|failure| format!("{}: {}", failure.reason.as_str(), failure.message))?;
            let same = serde_json::from_str::<serde_json::Value>(&result).ok() == serde_json::from_str(VALUE).ok();
            return if same { Ok(TierWorks { first: began.elapsed(), attestation }) } else { Err(format!("a wrong result: {result}")) };
        }
    }
    Err("it ended without an outcome".to_owned())
}
