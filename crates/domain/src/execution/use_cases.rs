//! Use cases of executions: run, transform, start, read, watch, cancel.
//!
//! Rule order of a launch: look for what the same request launched, load the version, check that its runtime may be used and its code be
//! run, check the parameters, check that a sandbox could be had, take a place, store the execution durably, and the intent of the call
//! with it; only then does user code run. What was started and finds no place is stored as waiting, for any server to claim.

use std::sync::Arc;
use std::time::Duration;

use crate::access::{Action, Found, Permit, TenantScope};
use crate::admission::{Load, Ticket};
use crate::code::{Bound, Kind};
use crate::error::{Error, Result};
use crate::execution::claims::Claims;
use crate::execution::launch::Waits;
use crate::execution::live::LiveExecution;
use crate::execution::orphans::Orphans;
use crate::execution::ports::{Rounds, Shared, no_lease};
use crate::execution::program::job;
use crate::execution::{
    Claimable, Config, Execution, ExecutionQuery, Launch, MAX_VALUES, Mode, Ports, State, Step, StopOnDrop, TransformCall, Transformed,
    Values, Watch, actions, arguments, driver, handover, kept, watch,
};
use crate::json::JsonText;
use crate::lease::Fence;
use crate::name::{ExecutionName, TenantId, UtilityName};
use crate::page::{Page, PageRequest};
use crate::request::{Committed, RequestKey, key_reused, once};
use crate::revision::Revision;
use crate::sandbox::{Entry, Job, Purpose, Secrets};
use crate::schedule::Firing;
use crate::secret::{self, Bindings};
use crate::utility::{Utility, Version};
use crate::violation::Violation;

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Executions {
    pub(super) shared: Arc<Shared>,
}

/// An execution that was launched, and what is alive of it here.
pub(super) type Launched = (Execution, Option<Arc<LiveExecution>>);

struct Driven {
    live: Arc<LiveExecution>,
    accepted: driver::Accepted,
    answer: driver::Answer,
}

struct Prepared {
    execution: Execution,
    job: Job,
    bindings: Option<Bindings>,
}

impl Prepared {
    /// Names it as what it is an item of has it; says whether it is one.
    fn is_item(&mut self, waits: Waits) -> bool {
        let Waits::AsItem(id) = waits else { return false };
        self.execution.name.execution = id.clone();
        self.job.purpose = Purpose::Execution(id);
        true
    }

    /// What is bound comes in at the last moment; the execution says from the beginning what it is.
    fn give(&mut self, bindings: Option<Bindings>) {
        self.execution.secrets = bindings.as_ref().map(|bindings| bindings.bound().to_vec()).unwrap_or_default();
        self.bindings = bindings;
    }
}

impl Executions {
    /// Wires the use cases to their ports.
    pub fn new(ports: Ports, config: Config) -> Self {
        Executions {
            shared: Arc::new(Shared {
                ports,
                config,
                registry: Arc::default(),
                orphans: Orphans::default(),
                claims: Claims::default(),
                rounds: Rounds::default(),
            }),
        }
    }

    /// Starts an execution and follows it from its first event. Dropping the watch leaves the execution alone; the guard is there
    /// where the launch asks for it, and dropping it stops the execution.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::NotFound`], [`Error::Precondition`], [`Error::Exhausted`], [`Error::Unavailable`]: in each
    /// case nothing ran.
    pub async fn execute(
        &self,
        permit: &Permit<actions::ExecuteUtility>,
        launch: Launch,
    ) -> Result<(ExecutionName, Watch, Option<StopOnDrop>)> {
        let guarded = launch.cancel_on_disconnect;
        let (execution, live) = self.launch(permit, launch, Waits::Never).await?;
        let guard = guarded.then(|| self.guard(live.clone()));
        let watch = self.watch_from(permit.account(), &execution.name, live, 0);
        Ok((execution.name, watch, guard))
    }

    /// Starts an execution and answers at once. Where no place is free here it waits in the store, for this or another server; unless it was
    /// given secrets, which are never stored: then it waits here.
    ///
    /// # Errors
    /// As [`Executions::execute`].
    pub async fn start(&self, permit: &Permit<actions::StartExecution>, launch: Launch) -> Result<Execution> {
        let (execution, _) = self.launch(permit, launch, Waits::WhereFull).await?;
        Ok(execution)
    }

    /// Sends values through a transformer in one execution.
    ///
    /// # Errors
    /// As [`Executions::execute`]; a failing program is an outcome, not an error.
    pub async fn transform(&self, permit: &Permit<actions::Transform>, call: TransformCall) -> Result<Transformed> {
        let (utility, version, fresh) = self.load(permit, call.version).await?;
        require_kind(&utility, &version, Kind::Transformer)?;
        let (params_json, bindings) =
            handover::bind(&self.shared.ports, permit, (&utility, &version), call.params_json, &call.secrets).await?;
        let (bound, values_json) = self.bind(&version, &params_json, call.values_json)?;
        let count = values_json.len();
        let inputs_json = if utility.metadata.store_values { values_json.clone() } else { Vec::new() };
        let values = Values { count: count as u32, failed: 0, inputs_json, outcomes: Vec::new() };
        let entry = Entry::Transform(values_json);
        let mut prepared = self.prepare(permit, &utility, &version, bound, entry, Mode::Transform, call.timeout, None).await?;
        prepared.execution.values = Some(values);
        prepared.job.fresh = fresh;
        prepared.give(bindings);
        let execution = prepared.execution.clone();
        let ticket = self.enter(permit.account().tenant()).await?;
        let driven = self.drive(permit, prepared, ticket, (None, None), Some((count, utility.metadata.store_values)));
        let guard = self.guard(Some(driven.live));
        match driven.accepted.await.unwrap_or_else(|_dropped| Err(abandoned()))? {
            Committed::Stored => {}
            Committed::Conflict | Committed::Answered(_) | Committed::Removed { .. } | Committed::KeyReused => return Err(id_taken()),
        }
        // Now, as the caller may go away before it ends.
        note_execution(permit, &execution);
        let outcomes = driven.answer.await.unwrap_or_else(|_dropped| Err(abandoned()))?;
        guard.disarm();
        Ok(Transformed { execution: execution.name, outcomes })
    }

    /// Reads an execution.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(&self, permit: &Permit<actions::GetExecution>) -> Result<Execution> {
        self.find(permit).await
    }

    /// A page of executions.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a cursor that is not one.
    pub async fn list(
        &self,
        permit: &Permit<actions::ListExecutions>,
        mut query: ExecutionQuery,
        page: &PageRequest,
    ) -> Result<Page<Execution>> {
        query.caller = permit.only_owner().cloned();
        let found = self.shared.ports.executions.list(&permit.scope(), &query, page).await?;
        let mut found = permit.open_page(found);
        for execution in &mut found.items {
            if let Some(live) = self.shared.registry.find(&execution.name.execution) {
                *execution = live.snapshot();
            }
        }
        // The stored state, by which they were found, may be older.
        found.items.retain(|execution| query.states.is_empty() || query.states.contains(&execution.state));
        Ok(found)
    }

    /// Follows an execution from the event after `after`.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::OutOfRange`] beyond the last event. A pruned range is the stream's first item.
    pub async fn watch(&self, permit: &Permit<actions::WatchExecution>, after: u64) -> Result<Watch> {
        let name = permit.target();
        let execution = self.find(permit).await?;
        if after > execution.last_sequence && !self.is_stored(&permit.scope(), &execution, after).await? {
            return Err(Error::OutOfRange {
                reason: "SEQUENCE_IN_FUTURE",
                description: format!("the last event so far is {}; watch from there", execution.last_sequence),
            });
        }
        let live = self.shared.registry.find(&name.execution);
        Ok(self.watch_from(permit.scope(), name, live, after))
    }

    /// Asks an execution to stop; changes nothing once it ended.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn cancel(&self, permit: &Permit<actions::CancelExecution>) -> Result<Execution> {
        let execution = self.find(permit).await?;
        match self.shared.registry.find(&permit.target().execution) {
            Some(live) => Ok(live.ask_stop(self.shared.ports.clock.now())),
            None if execution.state.is_terminal() => Ok(execution),
            None if execution.is_waiting() => self.cancel_waiting(permit, execution).await,
            None => self.ask_holder_to_stop(permit.scope(), execution).await,
        }
    }

    /// How many executions have news that the store refuses.
    pub fn unstored_now(&self) -> usize {
        self.shared.registry.all().iter().filter(|live| live.store_failing()).count()
    }

    /// How many run and wait.
    pub fn load_now(&self) -> Load {
        self.shared.ports.admission.load()
    }

    /// It runs on another server, which hears of the stored wish at once, or finds it at its next round.
    pub(super) async fn ask_holder_to_stop(&self, scope: TenantScope, mut execution: Execution) -> Result<Execution> {
        let ports = &self.shared.ports;
        ports.executions.ask_stop(&scope, &execution.name.execution).await?;
        ports.signals.stop_asked(&execution.fence.holder, &execution.name);
        if execution.state != State::Cancelling {
            execution.step(Step::AskCancel, ports.clock.now())?;
        }
        Ok(execution)
    }

    /// What a request launched before is answered as it is by now, whatever became of its utility, its policy and the load since.
    /// Whether it waits in the store, who asks says.
    async fn launch<A>(&self, permit: &Permit<A>, launch: Launch, waits: Waits) -> Result<Launched>
    where
        A: Action<Target = UtilityName>,
    {
        let request = launch.request.clone();
        let launched = once(|| self.answered(permit, request.as_ref()), self.launch_new(permit, launch, waits)).await?;
        note_execution(permit, &launched.0);
        Ok(launched)
    }

    pub(super) async fn answered<A>(&self, permit: &Permit<A>, request: Option<&RequestKey>) -> Result<Option<Launched>>
    where
        A: Action<Target = UtilityName>,
    {
        let Some(request) = request else { return Ok(None) };
        match self.shared.ports.executions.find_answer(&permit.account(), request).await? {
            Some(Committed::Answered(first)) => self.attach(permit, *first).map(Some),
            Some(Committed::Removed { resource }) => Err(Error::NotFound { resource }),
            Some(Committed::KeyReused) => Err(key_reused()),
            Some(Committed::Stored | Committed::Conflict) | None => Ok(None),
        }
    }

    pub(super) async fn launch_new<A>(&self, permit: &Permit<A>, launch: Launch, waits: Waits) -> Result<Launched>
    where
        A: Action<Target = UtilityName>,
    {
        let (utility, version, fresh) = self.load(permit, launch.version).await?;
        let definition = &version.definition;
        let binder = self.shared.ports.binder.as_ref();
        if launch.firing.is_some() {
            kept::keeps_no_secret(binder, definition.schema(), &launch.params_json)?;
        }
        let (params_json, bindings) =
            handover::bind(&self.shared.ports, permit, (&utility, &version), launch.params_json, &launch.secrets).await?;
        let called = arguments(binder, definition.kind, definition.schema(), &version.code, &params_json);
        let (entry, bound) = called.map_err(Error::Invalid)?;
        // Any server could run it: whatever it takes is stored.
        let is_claimable = waits != Waits::Never && bindings.is_none() && bound.json == bound.public_json;
        if launch.retry_if_lost && !is_claimable {
            return Err(kept::not_claimable());
        }
        let request = launch.request.as_ref();
        let mut prepared = self.prepare(permit, &utility, &version, bound, entry, Mode::Run, launch.timeout, request).await?;
        prepared.job.fresh = fresh;
        prepared.give(bindings);
        let is_item = prepared.is_item(waits);
        if let Some(action) = launch.on_output_limit {
            prepared.execution.limits.on_output_limit = action;
            prepared.job.limits.on_output_limit = action;
        }
        let firing = launch.firing.map(|firing| firing.starting(&prepared.execution.name));
        let account = permit.account();
        // A server that stops begins nothing: others do.
        let is_stopping = self.shared.claims.is_stopping();
        let free = if is_stopping || (is_item && is_claimable) { None } else { self.enter_at_once(account.tenant()).await? };
        let is_stored = is_claimable && (free.is_none() || launch.retry_if_lost);
        let claimable = is_stored.then(|| Claimable { params_json: params_json.into(), retries: u32::from(launch.retry_if_lost) });
        let ticket = match (free, claimable) {
            (Some(ticket), claimable) => {
                prepared.execution.claimable = claimable;
                ticket
            }
            (None, Some(claimable)) => {
                let execution = Execution { claimable: Some(claimable), fence: Fence::nobody(), ..prepared.execution };
                return self.enqueue(permit, execution, launch.request, firing).await;
            }
            (None, None) => self.enter(account.tenant()).await?,
        };
        let is_scheduled = firing.is_some();
        let driven = self.drive(permit, prepared, ticket, (launch.request, firing), None);
        // From here on somebody drives it: who goes away while it is being stored must not leave it behind.
        let guard = launch.cancel_on_disconnect.then(|| self.guard(Some(Arc::clone(&driven.live))));
        let accepted = overtaken_as_stale(is_scheduled, driven.accepted.await.unwrap_or_else(|_dropped| Err(abandoned()))?)?;
        if let Some(guard) = guard {
            guard.disarm();
        }
        self.launched(permit, accepted, || (driven.live.snapshot(), Some(driven.live)))
    }

    pub(super) fn launched<A>(
        &self,
        permit: &Permit<A>,
        committed: Committed<Execution>,
        new: impl FnOnce() -> Launched,
    ) -> Result<Launched>
    where
        A: Action<Target = UtilityName>,
    {
        match committed {
            Committed::Stored => Ok(new()),
            Committed::Answered(first) => self.attach(permit, *first),
            Committed::Removed { resource } => Err(Error::NotFound { resource }),
            Committed::KeyReused => Err(key_reused()),
            Committed::Conflict => Err(id_taken()),
        }
    }

    /// Takes a place of this server.
    async fn enter(&self, tenant: &TenantId) -> Result<Ticket> {
        if self.shared.claims.is_stopping() {
            return Err(Error::stopping());
        }
        let ports = &self.shared.ports;
        let most = ports.tenants.settings(tenant).await?.quota.running;
        ports.admission.enter(tenant, most)
    }

    /// Takes a place among what runs on this server, where one is free.
    async fn enter_at_once(&self, tenant: &TenantId) -> Result<Option<Ticket>> {
        let ports = &self.shared.ports;
        let most = ports.tenants.settings(tenant).await?.quota.running;
        Ok(ports.admission.enter_at_once(tenant, most))
    }

    /// What a request launched, opened like any other execution, as it is by now.
    fn attach<A: Action<Target = UtilityName>>(&self, permit: &Permit<A>, first: Execution) -> Result<Launched> {
        let name = first.name.clone();
        let first = permit.open(Found::one(first), &name)?;
        let live = self.shared.registry.find(&first.name.execution);
        Ok((live.as_ref().map_or(first, |live| live.snapshot()), live))
    }

    fn guard(&self, live: Option<Arc<LiveExecution>>) -> StopOnDrop {
        StopOnDrop { live, clock: Arc::clone(&self.shared.ports.clock) }
    }

    /// Checks parameters and values together, so that every violation is reported at once.
    fn bind(&self, version: &Version, params_json: &str, values_json: Vec<String>) -> Result<(Bound, Vec<JsonText>)> {
        let binder = &self.shared.ports.binder;
        let mut violations = Vec::new();
        if values_json.len() > MAX_VALUES {
            let text = format!("{} values; the limit is {MAX_VALUES}", values_json.len());
            return Err(Error::invalid("values_json", "TOO_MANY", text));
        }
        let mut values = Vec::with_capacity(values_json.len());
        for (index, value) in values_json.into_iter().enumerate() {
            match binder.read_value(value) {
                Ok(value) => values.push(value),
                Err(rule) => violations.push(Violation::new(format!("values_json[{index}]"), "NOT_JSON", rule)),
            }
        }
        match binder.bind(version.definition.schema(), params_json) {
            Ok(bound) if violations.is_empty() => Ok((bound, values)),
            Ok(_) => Err(Error::Invalid(violations)),
            Err(more) => {
                violations.extend(more);
                Err(Error::Invalid(violations))
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "an execution has this many independent parts")]
    async fn prepare<A: Action<Target = UtilityName>>(
        &self,
        permit: &Permit<A>,
        utility: &Utility,
        version: &Version,
        bound: Bound,
        entry: Entry,
        mode: Mode,
        timeout: Option<Duration>,
        request: Option<&RequestKey>,
    ) -> Result<Prepared> {
        let shared = &self.shared;
        let definition = &version.definition;
        let secrets = if utility.metadata.show_secrets { Secrets::default() } else { bound.secrets };
        secrets.check("params_json").map_err(|violation| Error::Invalid(vec![violation]))?;
        let account = permit.account().tenant().clone();
        shared.ports.sandbox.ready(definition.isolation, &definition.runtime)?;
        let fence = shared.ports.keeper.fence().ok_or_else(no_lease)?;
        let limits = definition.limits.with_wall(timeout);
        let name = ExecutionName { tenant: account, execution: shared.ports.ids.execution() };
        let execution = Execution {
            name: name.clone(),
            version: utility.name.version(version.number),
            kind: definition.kind,
            mode,
            caller: permit.principal().clone(),
            state: State::Pending,
            params_json: bound.public_json,
            secrets: Vec::new(),
            limits,
            created: shared.ports.clock.now(),
            started: None,
            ended: None,
            result_json: None,
            values: None,
            request_id: request.map(|key| key.id.clone()).unwrap_or_default(),
            failure: None,
            usage: None,
            attestation: None,
            last_sequence: 0,
            claimable: None,
            fence,
            revision: Revision::FIRST,
        };
        let job = job(name, version, entry, bound.json, secrets, limits);
        Ok(Prepared { execution, job, bindings: None })
    }

    /// Starts the one task of an execution. It stores the execution first, so that a caller who goes away in between leaves
    /// nothing that is stored and not driven.
    fn drive<A>(
        &self,
        permit: &Permit<A>,
        prepared: Prepared,
        ticket: Ticket,
        (request, firing): (Option<RequestKey>, Option<Firing>),
        transform: Option<(usize, bool)>,
    ) -> Driven
    where
        A: Action<Target = UtilityName>,
    {
        let live = Arc::new(LiveExecution::new(prepared.execution.clone()));
        let (reply, accepted, answer) = driver::reply(transform);
        let (scope, intent) = (permit.account(), permit.take_intent());
        let Prepared { job, bindings, .. } = prepared;
        let drive = driver::Drive { scope, job, ticket, bindings, request, intent, firing };
        let work = driver::drive(Arc::clone(&self.shared), Arc::clone(&live), drive, reply);
        self.shared.ports.spawner.spawn("execution", Box::pin(work));
        Driven { live, accepted, answer }
    }

    /// Whether there is an event of this number, although the document does not count it yet: output is stored without it.
    async fn is_stored(&self, scope: &TenantScope, execution: &Execution, sequence: u64) -> Result<bool> {
        if execution.state.is_terminal() {
            return Ok(false);
        }
        let found = self.shared.ports.executions.events_after(scope, &execution.name.execution, sequence.saturating_sub(1), 1).await?;
        Ok(found.last().is_some_and(|event| event.sequence >= sequence))
    }

    pub(super) async fn find<A: Action<Target = ExecutionName>>(&self, permit: &Permit<A>) -> Result<Execution> {
        let (shared, name) = (&self.shared, permit.target());
        let live = shared.registry.find(&name.execution).map(|live| live.snapshot());
        let found = match live.filter(|execution| execution.name == *name) {
            Some(execution) => Found::one(execution),
            None => shared.ports.executions.find(&permit.scope(), &name.execution).await?,
        };
        permit.open(found, name)
    }

    fn watch_from(&self, scope: TenantScope, name: &ExecutionName, live: Option<Arc<LiveExecution>>, after: u64) -> Watch {
        let shared = &self.shared;
        let source = watch::Source {
            repository: Arc::clone(&shared.ports.executions),
            registry: Arc::clone(&shared.registry),
            signals: Arc::clone(&shared.ports.signals),
            clock: Arc::clone(&shared.ports.clock),
            heartbeat: shared.config.heartbeat,
            scope,
            name: name.clone(),
        };
        watch::watch(source, live, after)
    }
}

pub(super) fn abandoned() -> Error {
    Error::Internal { context: "an execution's task ended without an answer", source: None }
}

/// A schedule that another server has gone on with, or that was changed, starts nothing here.
///
/// # Errors
/// [`Error::Stale`].
pub(super) fn overtaken_as_stale(is_scheduled: bool, committed: Committed<Execution>) -> Result<Committed<Execution>> {
    if is_scheduled && committed == Committed::Conflict { Err(Error::Stale { resource: "the schedule".to_owned() }) } else { Ok(committed) }
}

fn id_taken() -> Error {
    Error::Internal { context: "a new execution id was taken", source: None }
}

/// What was permitted is the running of a utility; its record says which run of it that was, and which secrets it was to get.
pub(super) fn note_execution<A: Action>(permit: &Permit<A>, execution: &Execution) {
    permit.note_resource(&execution.name);
    permit.note_version(execution.version.number);
    permit.note_changes(secret::named(execution.secrets.iter().map(|binding| (&binding.parameter, &binding.secret))));
}

fn require_kind(utility: &Utility, version: &Version, kind: Kind) -> Result<()> {
    if version.definition.kind == kind {
        return Ok(());
    }
    Err(Error::Precondition {
        reason: "NOT_A_TRANSFORMER",
        subject: utility.name.to_string(),
        description: format!("{} is a {}; execute it instead", utility.name, version.definition.kind.as_str()),
    })
}
