//! The service: opens the pool, implements the domain's port on it, and closes it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::name::{RuntimeId, TenantId};
use domain::sandbox::{BackendKind, BatteryPass, Error, Isolation, Job, Run, Sandbox};
use futures_util::future::BoxFuture;

use crate::attack::{Ground, Proofs, Report};
use crate::backend::{self, RuntimeFacts};
use crate::config::{Config, RuntimeKey};
use crate::failure::{JOB_MALFORMED, OpenError, RUNTIME_UNKNOWN, StartFailure};
use crate::instance::{Dead, Instance, SandboxDirectory};
use crate::live::{Child, ProgramKey};
use crate::pool::Pool;
use crate::run::{ChildRun, Mask, Program};
use crate::stats::Stats;
use crate::users;

/// How long a shutdown waits for sandboxes to be gone.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(3);
/// How often a backend that did not answer at the start is asked again for what dead servers left.
const SWEEP_PAUSE: Duration = Duration::from_secs(5);

/// Runs programs in sandboxes. Cheap to clone. [`Sandboxes::shutdown`] must be called before the process ends; what a killed
/// process leaves is removed by the next one of its installation.
#[derive(Clone)]
pub struct Sandboxes {
    pool: Arc<Pool>,
    proofs: Arc<Proofs>,
}

impl Sandboxes {
    /// Takes the instance's place in the runtime directory, removes what dead instances of the installation left, and starts to
    /// fill the pool. Succeeds while the backend is down: programs are refused until it answers.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(config: Config) -> BoxFuture<'static, Result<Self, OpenError>> {
        // Boxed, so that what it awaits, a client of Docker included, is compiled with this crate, not once in each that opens one.
        Box::pin(Self::assemble(config))
    }

    async fn assemble(mut config: Config) -> Result<Self, OpenError> {
        let violations = config.violations();
        if !violations.is_empty() {
            return Err(OpenError::Config(violations));
        }
        let instance = Instance::create(&config)?;
        let backend = backend::make(&config, Some(&instance));
        if backend.supports(Isolation::TenantWarm).is_err_and(|failure| matches!(failure, StartFailure::Refused { .. })) {
            // None could start.
            config.pool.unassigned = 0;
        }
        // gVisor's kernel has not the means, and Landlock would let a child follow another.
        config.pool.restore &= matches!(backend.kind(), BackendKind::Docker | BackendKind::Namespace);
        for other in users::others_of(&config) {
            tracing::warn!(other, "somebody on this host has ids of the sandboxes' users; choose others in sandbox.first_uid and last_uid");
        }
        let unprepared = |source| OpenError::Prepare { path: config.runtime_directory.clone(), source };
        let swept = sweep(&config, backend.as_ref()).await.map_err(unprepared)?;
        let proofs = Arc::new(Proofs::new(config.proof, config.runtime_names().count()));
        let pool = Pool::new(config, instance, backend);
        let kept = pool.clone();
        pool.tasks.lasting("sandbox-keeper", pool.until_closed(), move || kept.clone().keep());
        if !swept {
            tracing::warn!("what dead servers left is not swept yet: the backend does not answer");
            let sweeping = pool.clone();
            pool.tasks.lasting("sweeper", pool.until_closed(), move || sweep_later(sweeping.clone()));
        }
        let sandboxes = Sandboxes { pool, proofs };
        // Other tiers, where a probe costs a whole sandbox, and other runtimes are tried when they are first used.
        sandboxes.proofs.begin(&sandboxes, on_default(sandboxes.first_tier()));
        Ok(sandboxes)
    }

    /// Names of the runtimes that programs run on, the default one first.
    pub fn runtime_names(&self) -> impl Iterator<Item = &str> {
        self.pool.config.runtime_names()
    }

    /// Name of the runtime of utilities that name none.
    pub fn default_runtime(&self) -> &str {
        &self.pool.config.runtime
    }

    /// What a runtime holds.
    ///
    /// # Errors
    /// `RUNTIME_UNKNOWN` for one that this server does not have; else why it cannot be used, with what to do.
    pub async fn runtime(&self, name: &str) -> Result<Arc<RuntimeFacts>, Error> {
        let key = self.key(name)?;
        Ok(self.pool.backend.runtime(key).await?)
    }

    /// What a runtime holds, if it was found already.
    pub fn known_runtime(&self, name: &str) -> Option<Arc<RuntimeFacts>> {
        self.pool.backend.known_runtime(self.pool.config.runtime_key(name)?)
    }

    /// Whether programs of the tier are accepted on the default runtime, as far as is known without trying.
    ///
    /// # Errors
    /// When the host cannot contain them, or a probe of the battery got through; with what to change.
    pub fn accepts(&self, isolation: Isolation) -> Result<(), Error> {
        self.pool.backend.supports(isolation)?;
        self.proofs.check(on_default(isolation))
    }

    /// The first tier that the backend offers: the one that is proven when the service opens.
    pub fn first_tier(&self) -> Isolation {
        let refused = |isolation| matches!(self.pool.backend.supports(isolation), Err(StartFailure::Refused { .. }));
        if refused(Isolation::TenantWarm) { Isolation::SingleUse } else { Isolation::TenantWarm }
    }

    /// Whether processes of T1 are put back after their programs on a runtime, as far as is known.
    ///
    /// # Errors
    /// Why they are not, though it was asked for.
    pub(crate) fn restores(&self, runtime: RuntimeKey) -> Result<bool, String> {
        self.pool.cannot_restore(runtime).map_or(Ok(self.pool.config.pool.restore), Err)
    }

    /// Counts and gauges, for metrics.
    pub fn stats(&self) -> Stats {
        Stats::of(&self.pool)
    }

    /// What the escape probes found, one report for each tier and runtime in which they have run, those of the default
    /// runtime first.
    pub fn battery_reports(&self) -> Vec<Arc<Report>> {
        self.proofs.reports()
    }

    /// Waits until the tier has withstood the battery on the default runtime, which is started where it is due; no longer than a
    /// program would wait.
    ///
    /// # Errors
    /// `TIER_UNSAFE` when a probe got through: it stays so. Else that nothing is known yet, and why.
    pub async fn prove(&self, isolation: Isolation) -> Result<BatteryPass, Error> {
        self.proofs.wait(self, on_default(isolation)).await
    }

    /// Ends all programs and removes all sandboxes, within seconds.
    pub async fn shutdown(&self) {
        self.pool.close(SHUTDOWN_DEADLINE).await;
        // Normally the end of the last sandbox removes what all share; a server may end before its first one.
        self.pool.backend.close();
        self.pool.instance.remove();
    }

    /// Starts a probe of the battery, whether or not its tier has withstood the others.
    pub(crate) async fn start_probe(&self, job: Job) -> Result<Box<dyn Run>, Error> {
        self.check(job.isolation, &job.runtime)?;
        let (program, key, mask, child) = self.child(&job, true).await?;
        child.live.probed(child.round);
        Ok(Box::new(ChildRun::start(child, program, key, mask, &job)))
    }

    /// What is ready to be handed over, and who takes it: the child is taken last, since it waits for nothing.
    async fn child(&self, job: &Job, probe: bool) -> Result<(Program, ProgramKey, Mask, Child), Error> {
        let program = Program::encode(job)
            .map_err(|error| Error::Refused { reason: JOB_MALFORMED, message: format!("parameters or values are not JSON: {error}") })?;
        let mask = Mask::of(&job.secrets).await;
        let (key, group) = self.pool.place_of(job, self.key(&job.runtime)?, probe);
        if !probe {
            self.pool.asked(group);
        }
        let lease = self.pool.acquire(&job.tenant, group).await?;
        Ok((program, key, mask, lease.into_child()))
    }

    fn check(&self, isolation: Isolation, runtime: &RuntimeId) -> Result<RuntimeKey, Error> {
        let key = self.key(runtime)?;
        self.pool.backend.supports(isolation)?;
        Ok(key)
    }

    fn key(&self, runtime: &str) -> Result<RuntimeKey, Error> {
        self.pool.config.runtime_key(runtime).ok_or_else(|| {
            let known: Vec<String> = self.runtime_names().map(|name| format!("`{name}`")).collect();
            let message = format!("there is no runtime `{runtime}`; this server has {}", known.join(", "));
            Error::Refused { reason: RUNTIME_UNKNOWN, message }
        })
    }
}

// --- what the battery needs to know and to do ---

impl Sandboxes {
    pub(crate) fn proofs(&self) -> &Proofs {
        &self.proofs
    }

    pub(crate) fn runtime_name(&self, key: RuntimeKey) -> &str {
        self.pool.config.runtime_name(key)
    }

    /// `docker`, `docker-runsc`, `namespace` or `landlock`.
    pub(crate) fn backend(&self) -> &'static str {
        self.pool.backend.kind().as_str()
    }

    /// Whether a program may get a process of T1 that was put back, on a runtime of this name.
    pub(crate) fn puts_back(&self, runtime: &str) -> bool {
        self.key(runtime).is_ok_and(|key| self.restores(key) == Ok(true))
    }

    /// Threads and processes that a program of T2 or T3 may have beside itself.
    pub(crate) fn processes(&self) -> u32 {
        self.pool.config.pool.processes
    }

    /// A directory of this server's that programs cannot reach.
    pub(crate) fn directory(&self) -> std::io::Result<SandboxDirectory> {
        self.pool.instance.sandbox_directory()
    }

    /// How long a program waits for a sandbox.
    pub(crate) fn patience(&self) -> Duration {
        self.pool.config.pool.max_wait
    }

    /// Destroys a tenant's sandboxes once nothing runs in them.
    pub(crate) fn release(&self, tenant: &TenantId) {
        self.pool.release(tenant);
    }

    /// Runs a task that a shutdown waits for.
    pub(crate) fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.pool.tasks.spawn(name, task);
    }

    /// Returns when the service shuts down.
    pub(crate) async fn closed(&self) {
        self.pool.closed().await;
    }
}

#[async_trait]
impl Sandbox for Sandboxes {
    fn ready(&self, isolation: Isolation, runtime: &RuntimeId) -> Result<(), Error> {
        let key = self.check(isolation, runtime)?;
        self.proofs.check(Ground { runtime: key, isolation })?;
        match self.pool.known_failure(key) {
            Some(failure) => Err(failure.into()),
            None => Ok(()),
        }
    }

    async fn start(&self, job: Job) -> Result<Box<dyn Run>, Error> {
        let runtime = self.check(job.isolation, &job.runtime)?;
        let battery = self.proofs.admit(self, Ground { runtime, isolation: job.isolation }).await?;
        let (program, key, mask, mut child) = self.child(&job, false).await?;
        child.attestation.battery = battery;
        Ok(Box::new(ChildRun::start(child, program, key, mask, &job)))
    }
}

fn on_default(isolation: Isolation) -> Ground {
    Ground { runtime: RuntimeKey::DEFAULT, isolation }
}

/// Removes what dead instances left; never anything of a live one, or of another installation. Says whether the backend has
/// answered; what it has not swept keeps its directory, which the next sweep finds.
async fn sweep(config: &Config, backend: &dyn backend::Backend) -> std::io::Result<bool> {
    let dead = Dead::find(config)?;
    if let Err(error) = backend.sweep(&dead).await {
        tracing::debug!(%error, "failed to look for containers of dead servers");
        return Ok(false);
    }
    dead.remove_directories();
    Ok(true)
}

/// The task `sweeper`: sweeps once the backend answers.
async fn sweep_later(pool: Arc<Pool>) {
    let work = async {
        loop {
            tokio::time::sleep(SWEEP_PAUSE).await;
            match sweep(&pool.config, pool.backend.as_ref()).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "failed to look for dead servers"),
            }
        }
    };
    tokio::select! {
        () = work => {}
        () = pool.closed() => {}
    }
}
