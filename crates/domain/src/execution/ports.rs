//! What the use cases of executions need from outside, and what they share.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::access::{AccessPolicy, Authenticator, GrantRepository, TenantScope};
use crate::admission::Admission;
use crate::audit::Auditor;
use crate::code::ParameterBinder;
use crate::error::{Error, Result};
use crate::execution::claims::Claims;
use crate::execution::live::Registry;
use crate::execution::orphans::Orphans;
use crate::execution::{Execution, ExecutionQueue, ExecutionRepository, Signals};
use crate::id::IdSource;
use crate::incident::Incidents;
use crate::lease::Keeper;
use crate::sandbox::Sandbox;
use crate::secret::SecretRepository;
use crate::tenant::TenantStates;
use crate::time::{Clock, Timestamp};
use crate::utility::{Gate, UtilityRepository};
use crate::work::Spawner;

/// Ports that the use cases need.
pub struct Ports {
    /// Utilities and versions.
    pub utilities: Arc<dyn UtilityRepository>,
    /// What tenants share with each other.
    pub grants: Arc<dyn GrantRepository>,
    /// Executions and events.
    pub executions: Arc<dyn ExecutionRepository>,
    /// Executions that wait, in the same store.
    pub queue: Arc<dyn ExecutionQueue>,
    /// What instances tell each other.
    pub signals: Arc<dyn Signals>,
    /// The lease of this server, under whose fence it writes executions.
    pub keeper: Arc<Keeper>,
    /// Where programs run.
    pub sandbox: Arc<dyn Sandbox>,
    /// Says of whom something may run.
    pub tenants: Arc<dyn TenantStates>,
    /// Checks versions before they execute, and knows tenants' policies.
    pub gate: Gate,
    /// Places among what runs.
    pub admission: Admission,
    /// Records what the server does with executions by itself.
    pub auditor: Auditor,
    /// Secrets that parameters are bound to.
    pub secrets: Arc<dyn SecretRepository>,
    /// Says what a caller may do by the time at which code is handed over.
    pub policy: AccessPolicy,
    /// Says what a caller is by then.
    pub authenticator: Arc<dyn Authenticator>,
    /// Reads parameters.
    pub binder: Arc<dyn ParameterBinder>,
    /// What operators hear of.
    pub incidents: Arc<dyn Incidents>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Identities.
    pub ids: Arc<dyn IdSource>,
    /// Background work.
    pub spawner: Arc<dyn Spawner>,
}

/// Settings of the use cases.
#[derive(Debug, Clone)]
pub struct Config {
    /// Silence after which a watcher gets a heartbeat.
    pub heartbeat: Duration,
}

pub(super) struct Shared {
    pub(super) ports: Ports,
    pub(super) config: Config,
    pub(super) registry: Arc<Registry>,
    pub(super) orphans: Orphans,
    pub(super) claims: Claims,
    pub(super) rounds: Rounds,
}

/// What a server remembers from one of its rounds to the next.
#[derive(Default)]
pub(super) struct Rounds(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    /// When it was last asked to renew or acquire the lease, and that was done.
    renewed: Timestamp,
    /// Work that failed in the round before.
    failing: HashSet<&'static str>,
}

impl Rounds {
    /// Takes note that the lease was renewed or acquired, by a call that began then.
    pub(super) fn renewed(&self, begun: Timestamp) {
        self.lock().renewed = begun;
    }

    /// When it last was.
    pub(super) fn last_renewal(&self) -> Timestamp {
        self.lock().renewed
    }

    /// Takes note of whether a piece of work failed; says whether that is news.
    pub(super) fn is_news(&self, work: &'static str, failed: bool) -> bool {
        let mut memory = self.lock();
        if failed { memory.failing.insert(work) } else { memory.failing.remove(work) }
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server may not begin anything without its lease: a server that took it for dead would end it.
pub(super) fn no_lease() -> Error {
    Error::Unavailable { dependency: "lease", retry_after: Keeper::period(), source: None }
}

impl Shared {
    /// The document may be older than the events: a killed server stores events first.
    pub(super) async fn last_stored_sequence(&self, scope: &TenantScope, execution: &Execution) -> Result<u64> {
        const STEP_BYTES: usize = 1024 * 1024;
        let mut last = execution.last_sequence;
        loop {
            let events = self.ports.executions.events_after(scope, &execution.name.execution, last, STEP_BYTES).await?;
            match events.last() {
                Some(event) => last = event.sequence,
                None => return Ok(last),
            }
        }
    }
}
