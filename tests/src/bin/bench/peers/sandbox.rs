//! Zona's sandbox, called directly through the domain's port: what the tiers cost without server, store and wire.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use domain::json::JsonText;
use domain::name::{RuntimeId, TenantId};
use domain::sandbox::{Attestation, Entry, Failure, Isolation, Job, Limits, Progress, Purpose, Run, Sandbox, Secrets};
use e2e::workspace;
use sandbox::{AgentBinary, Backend, Config, Docker, Namespace, Pool, Sandboxes, UidRange};

use super::{CODE, Peer, VALUE, check};
use crate::arguments::Arguments;
use crate::cpu::Scope;

#[path = "../../../../../crates/sandbox-agent/build_support.rs"]
mod agent_build;

/// User ids of each engine's sandboxes, apart from every other installation's, so that `/proc` tells whose processes are whose.
const USERS: u32 = 1_000;
const FIRST_USER: u32 = 300_000;
/// Executions within which a child has been put back.
const TRIES: usize = 100;

/// Sandboxes of one backend.
#[derive(Clone)]
pub struct Engine {
    sandboxes: Arc<Sandboxes>,
    users: RangeInclusive<u32>,
    directory: PathBuf,
    backend: &'static str,
}

/// What one run came to.
pub struct Ran {
    /// When it was asked for.
    pub asked: Instant,
    /// When the program was handed over.
    pub started: Instant,
    /// When its result was there.
    pub result: Instant,
    /// When its process tree was gone.
    pub gone: Instant,
    /// The result as JSON text, or why there is none.
    pub outcome: Result<JsonText, Failure>,
    /// How it was isolated.
    pub attestation: Attestation,
}

/// Which backend an engine uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No daemon.
    Namespace,
    /// Containers.
    Docker,
}

/// What becomes of an engine's children of tier T1 after a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Children {
    /// They end.
    Fresh,
    /// They are put back, and run the next one.
    Restored,
}

// === impl Engine ===

impl Engine {
    /// Starts sandboxes whose children run one program each; `pool` says how many are kept warm. Must be shut down.
    ///
    /// # Errors
    /// When the backend cannot run here, or the agent's binary cannot be read.
    pub async fn open(kind: Kind, arguments: &Arguments, pool: Pool) -> anyhow::Result<Self> {
        Self::with(kind, Children::Fresh, arguments, pool).await
    }

    /// The same with either kind of children.
    ///
    /// # Errors
    /// As [`Engine::open`], and when children cannot be put back here.
    pub async fn with(kind: Kind, children: Children, arguments: &Arguments, pool: Pool) -> anyhow::Result<Self> {
        Self::configured(kind, children, arguments, pool, |_| {}).await
    }

    /// The same with something else configured, too.
    ///
    /// # Errors
    /// As [`Engine::with`].
    pub async fn configured(
        kind: Kind,
        children: Children,
        arguments: &Arguments,
        pool: Pool,
        adjust: impl FnOnce(&mut Config),
    ) -> anyhow::Result<Self> {
        let pool = Pool { restore: children == Children::Restored, ..pool };
        let (name, place) = match (kind, children) {
            (Kind::Namespace, Children::Fresh) => ("T1 namespace", 0),
            (Kind::Docker, Children::Fresh) => ("T1 docker", 1),
            (Kind::Namespace, Children::Restored) => ("T1 namespace, restored", 2),
            (Kind::Docker, Children::Restored) => ("T1 docker, restored", 3),
        };
        let backend = match kind {
            Kind::Namespace => Backend::Namespace(Namespace { python: Some(arguments.python.clone()), ..Namespace::default() }),
            Kind::Docker => Backend::Docker(Docker { image: arguments.image.clone(), ..Docker::default() }),
        };
        let first = FIRST_USER + place * USERS;
        let users = first..=first + USERS - 1;
        let mut config = Config::new("bench", &instance(), agent()?, backend);
        config.uids = UidRange::new(*users.start(), *users.end()).context("the range of user ids is empty")?;
        config.pool = pool;
        adjust(&mut config);
        let directory = config.runtime_directory.join(&config.instance);
        let sandboxes = Arc::new(Sandboxes::open(config).await?);
        let engine = Engine { sandboxes, users, directory, backend: name };
        match engine.check(children).await {
            Ok(()) => Ok(engine),
            Err(error) => {
                engine.shutdown().await;
                Err(error.context(name))
            }
        }
    }

    /// Waits until the backend takes programs, and until it does with children what it was asked for.
    async fn check(&self, children: Children) -> anyhow::Result<()> {
        self.warm_up("warm-up").await?;
        for _ in 0..TRIES {
            if children == Children::Fresh || self.transform("warm-up", Isolation::TenantWarm).await?.attestation.restored > 0 {
                return Ok(());
            }
        }
        anyhow::bail!("no child was put back in {TRIES} executions")
    }

    /// Waits until the backend takes programs, and runs one for the tenant, so that its sandbox is bound.
    ///
    /// # Errors
    /// When that fails for half a minute.
    pub async fn warm_up(&self, tenant: &str) -> anyhow::Result<()> {
        let patience = Instant::now() + Duration::from_secs(30);
        loop {
            match self.transform(tenant, Isolation::TenantWarm).await {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > patience => return Err(error.context("the sandbox does not become ready")),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// Runs the program of every comparison.
    ///
    /// # Errors
    /// When it does not succeed.
    pub async fn transform(&self, tenant: &str, isolation: Isolation) -> anyhow::Result<Ran> {
        let ran = self.run(job(tenant, isolation, CODE, Entry::Transform(vec![JsonText::read(VALUE)]), Limits::DEFAULT)?).await?;
        match &ran.outcome {
            Ok(result) => check(result)?,
            Err(failure) => anyhow::bail!("the program failed: {failure:?}"),
        }
        Ok(ran)
    }

    /// Runs any program to its end.
    ///
    /// # Errors
    /// When it could not be started, or its end was not reported.
    pub async fn run(&self, job: Job) -> anyhow::Result<Ran> {
        self.run_until(job, false).await
    }

    /// Starts any program.
    ///
    /// # Errors
    /// When that fails.
    pub async fn start(&self, job: Job) -> anyhow::Result<Box<dyn Run>> {
        Ok(self.sandboxes.start(job).await?)
    }

    /// Runs any program to its end, or stops it once it has printed something.
    ///
    /// # Errors
    /// When it could not be started, or its end was not reported.
    pub async fn run_until(&self, job: Job, it_prints: bool) -> anyhow::Result<Ran> {
        let asked = Instant::now();
        let mut run = self.sandboxes.start(job).await?;
        let (started, mut result) = (Instant::now(), None);
        while let Some(progress) = run.next().await {
            match progress {
                Progress::Output { .. } if it_prints => run.stop(),
                Progress::Output { .. } | Progress::Value(_) => {}
                Progress::Outcome(outcome) => result = Some((Instant::now(), outcome)),
                Progress::Exited(_) => {
                    let (result, outcome) = result.context("the run exited without an outcome")?;
                    let attestation = run.attestation().clone();
                    return Ok(Ran { asked, started, result, gone: Instant::now(), outcome, attestation });
                }
            }
        }
        anyhow::bail!("the run ended without saying so")
    }

    /// This engine as a peer, working for one tenant.
    pub fn peer(&self, tenant: &'static str) -> Peer {
        let engine = self.clone();
        self.peer_of(move || {
            let engine = engine.clone();
            Box::pin(async move { Ok(engine.transform(tenant, Isolation::TenantWarm).await?.result) })
        })
    }

    /// This engine as a peer that does something else.
    pub fn peer_of(&self, subject: impl Fn() -> crate::load::Call + Send + Sync + 'static) -> Peer {
        Peer { name: self.backend, subject: Arc::new(subject), scope: Some(Scope::Users(self.users.clone())) }
    }

    /// The user ids of its sandboxes.
    pub fn users(&self) -> &RangeInclusive<u32> {
        &self.users
    }

    /// Where its sockets are.
    pub fn directory(&self) -> PathBuf {
        self.directory.clone()
    }

    /// Its name in tables.
    pub fn name(&self) -> &'static str {
        self.backend
    }

    /// Ends every sandbox.
    pub async fn shutdown(self) {
        self.sandboxes.shutdown().await;
    }
}

/// A program for the sandbox.
///
/// # Errors
/// When the tenant's code is malformed.
pub fn job(tenant: &str, isolation: Isolation, code: &str, entry: Entry, limits: Limits) -> anyhow::Result<Job> {
    Ok(Job {
        tenant: TenantId::parse("tenant", tenant)?,
        purpose: Purpose::Trial,
        isolation,
        runtime: RuntimeId::default(),
        code: code.into(),
        entry,
        params_json: JsonText::read("{}"),
        secrets: Secrets::default(),
        limits,
        fresh: false,
    })
}

/// Unique among all engines that live; what a killed bench left behind is swept by the next.
fn instance() -> String {
    static ENGINES: AtomicU32 = AtomicU32::new(1);
    format!("{}-{}", std::process::id(), ENGINES.fetch_add(1, Ordering::Relaxed))
}

/// Built once and kept: the type promises bytes that live as long as the process.
fn agent() -> anyhow::Result<AgentBinary> {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    if BYTES.get().is_none() {
        let path = agent_build::build_agent(&workspace::root(), &workspace::path("target/agent-build")).map_err(anyhow::Error::msg)?;
        let bytes = std::fs::read(&path).with_context(|| format!("failed to read the sandbox agent {}", path.display()))?;
        // Another thread's bytes are the same.
        drop(BYTES.set(bytes));
    }
    Ok(AgentBinary(BYTES.get().context("the agent was just read")?))
}
