//! Whether processes of T1 can be put back after their programs here, by doing it.

use domain::sandbox::{Isolation, Job, Sandbox as _};

use super::check::Check;
use super::trial::{PROGRAM_WITHOUT_FILES, TIER_DEADLINE, trial};
use crate::config::{Backend, Config, ContainerRuntime, Docker, RuntimeKey};
use crate::failure::chain;
use crate::service::Sandboxes;

const ADVICE: &str = "where `sandbox.children` is `restored`, each process runs one program all the same; it takes Linux 6.7 or newer, and a host \
                      that lets the agent trace its own children";

/// Runs two programs in one process of a backend that can do so; nothing for others.
pub(super) async fn check(base: &Config, backend: &Backend) -> Option<Check> {
    let (name, suffix) = match backend {
        Backend::Namespace(_) => ("restored processes, namespace", "rn"),
        Backend::Docker(Docker { runtime: ContainerRuntime::Default, .. }) => ("restored processes, docker", "rd"),
        Backend::Docker(Docker { runtime: ContainerRuntime::Runsc, .. }) | Backend::Landlock(_) => return None,
    };
    let mut config = base.clone();
    config.backend = backend.clone();
    config.instance = format!("{}-{suffix}", base.instance);
    (config.pool.unassigned, config.pool.single_use, config.pool.children, config.pool.restore) = (0, 0, 1, true);
    let tried = match Sandboxes::open(config).await {
        Err(error) => Err(chain(&error)),
        Ok(sandboxes) => {
            let tried = tokio::time::timeout(TIER_DEADLINE, restored(&sandboxes)).await;
            sandboxes.shutdown().await;
            tried.unwrap_or_else(|_elapsed| Err(format!("no second result within {TIER_DEADLINE:?}")))
        }
    };
    Some(match tried {
        Ok(()) => Check::good(name, "a process of T1 can run one program of a tenant after the other"),
        Err(why) => Check::limited(name, why, ADVICE),
    })
}

async fn restored(sandboxes: &Sandboxes) -> Result<(), String> {
    for times in 0..2 {
        let job = Job { code: PROGRAM_WITHOUT_FILES.into(), ..trial(Isolation::TenantWarm, sandboxes.default_runtime())? };
        let mut run = sandboxes.start(job).await.map_err(|error| error.cause())?;
        let found = run.attestation().restored;
        // To its end: until then its process cannot be put back.
        while run.next().await.is_some() {}
        sandboxes.restores(RuntimeKey::DEFAULT)?;
        if found != times {
            return Err(format!("a process was not put back after a program that leaves nothing: {:?}", sandboxes.stats().left));
        }
    }
    Ok(())
}
