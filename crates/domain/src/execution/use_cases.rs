//! Use cases of executions: run, transform, start, read, watch, cancel.
//!
//! Rule order of a launch: look for what the same request launched, load the version, check that its runtime may be used and its code be
//! run, check the parameters, check that a sandbox could be had, take a place, store the execution durably, and the intent of the call
//! with it; only then does user code run.

use std::sync::Arc;
use std::time::Duration;

use crate::access::{Action, Found, Permit, TenantScope};
use crate::admission::{Load, Ticket};
use crate::code::{Bound, Kind};
use crate::error::{Error, Result};
use crate::execution::live::LiveExecution;
use crate::execution::orphans::Orphans;
use crate::execution::ports::{Rounds, Shared};
use crate::execution::{
    Config, Execution, ExecutionQuery, Launch, MAX_VALUES, Mode, Ports, State, Step, StopOnDrop, TransformCall, Transformed, Values, Watch,
    actions, arguments, driver, handover, watch,
};
use crate::json::JsonText;
use crate::lease::Keeper;
use crate::name::{ExecutionName, UtilityName};
use crate::page::{Page, PageRequest};
use crate::request::{Committed, RequestKey, key_reused, once};
use crate::revision::Revision;
use crate::sandbox::{Entry, Job, Purpose, Secrets};
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
    ticket: Ticket,
    bindings: Option<Bindings>,
}

impl Prepared {
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
            shared: Arc::new(Shared { ports, config, registry: Arc::default(), orphans: Orphans::default(), rounds: Rounds::default() }),
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
        let (execution, live) = self.launch(permit, launch).await?;
        let guard = guarded.then(|| self.guard(live.clone()));
        let watch = self.watch_from(permit.account(), &execution.name, live, 0);
        Ok((execution.name, watch, guard))
    }

    /// Starts an execution and answers at once.
    ///
    /// # Errors
    /// As [`Executions::execute`].
    pub async fn start(&self, permit: &Permit<actions::StartExecution>, launch: Launch) -> Result<Execution> {
        let (execution, _) = self.launch(permit, launch).await?;
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
        let driven = self.drive(permit, prepared, None, Some((count, utility.metadata.store_values)));
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
        if after > execution.last_sequence {
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
    async fn ask_holder_to_stop(&self, scope: TenantScope, mut execution: Execution) -> Result<Execution> {
        let ports = &self.shared.ports;
        ports.executions.ask_stop(&scope, &execution.name.execution).await?;
        ports.signals.stop_asked(&execution.fence.holder, &execution.name);
        if execution.state != State::Cancelling {
            execution.step(Step::AskCancel, ports.clock.now())?;
        }
        Ok(execution)
    }

    /// What a request launched before is answered as it is by now, whatever became of its utility, its policy and the load since.
    async fn launch<A>(&self, permit: &Permit<A>, launch: Launch) -> Result<Launched>
    where
        A: Action<Target = UtilityName>,
    {
        let request = launch.request.clone();
        let launched = once(|| self.answered(permit, request.as_ref()), self.launch_new(permit, launch)).await?;
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

    async fn launch_new<A>(&self, permit: &Permit<A>, launch: Launch) -> Result<Launched>
    where
        A: Action<Target = UtilityName>,
    {
        let (utility, version, fresh) = self.load(permit, launch.version).await?;
        let definition = &version.definition;
        let binder = self.shared.ports.binder.as_ref();
        let (params_json, bindings) =
            handover::bind(&self.shared.ports, permit, (&utility, &version), launch.params_json, &launch.secrets).await?;
        let called = arguments(binder, definition.kind, definition.schema(), &version.code, &params_json);
        let (entry, bound) = called.map_err(Error::Invalid)?;
        let request = launch.request.as_ref();
        let mut prepared = self.prepare(permit, &utility, &version, bound, entry, Mode::Run, launch.timeout, request).await?;
        prepared.job.fresh = fresh;
        prepared.give(bindings);
        if let Some(action) = launch.on_output_limit {
            prepared.execution.limits.on_output_limit = action;
            prepared.job.limits.on_output_limit = action;
        }
        let driven = self.drive(permit, prepared, launch.request, None);
        // From here on somebody drives it: who goes away while it is being stored must not leave it behind.
        let guard = launch.cancel_on_disconnect.then(|| self.guard(Some(Arc::clone(&driven.live))));
        let accepted = driven.accepted.await.unwrap_or_else(|_dropped| Err(abandoned()))?;
        if let Some(guard) = guard {
            guard.disarm();
        }
        match accepted {
            Committed::Stored => Ok((driven.live.snapshot(), Some(driven.live))),
            Committed::Answered(first) => self.attach(permit, *first),
            Committed::Removed { resource } => Err(Error::NotFound { resource }),
            Committed::KeyReused => Err(key_reused()),
            Committed::Conflict => Err(id_taken()),
        }
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

    /// The version as it is executed, and whether it or a policy demands a fresh process for it.
    async fn load<A>(&self, permit: &Permit<A>, number: Option<u32>) -> Result<(Utility, Version, bool)>
    where
        A: Action<Target = UtilityName>,
    {
        let (scope, name, utilities) = (&permit.scope(), permit.target(), &self.shared.ports.utilities);
        let (utility, current) = permit.open(utilities.find_current(scope, &name.utility).await?, name)?;
        utility.check_active()?;
        let mut version = match number {
            Some(number) if number != current.number => {
                let found = utilities.find_version(scope, &name.utility, number).await?;
                permit.open_part(&utility, found, &name.version(number))?
            }
            Some(_) | None => current,
        };
        self.require_runtime(permit, &utility, &version).await?;
        let gate = &self.shared.ports.gate;
        if !gate.is_compiled(&version) {
            // What a compiler accepts is stored before there is an execution.
            permit.store_intent().await?;
            gate.require_compiled((scope, &permit.account()), utilities.as_ref(), &name.version(version.number), &version).await?;
        }
        let policy = gate.policy(scope).await?;
        let (mut weakest, mut fresh) = (policy.minimum_isolation, version.definition.fresh_processes | policy.fresh_processes);
        // What another tenant shares passes the policy of the one that runs it, too.
        let account = permit.account();
        if account != *scope {
            gate.require_admitted(&account, &name.version(version.number), &version).await?;
            let policy = gate.policy(&account).await?;
            (weakest, fresh) = (weakest.max(policy.minimum_isolation), fresh | policy.fresh_processes);
        }
        version.head.definition.isolation = version.definition.isolation.max(weakest);
        Ok((utility, version, fresh))
    }

    /// Refuses a runtime that the tenant may not use on whose account it would run, or the one of the utility, before that is started even to
    /// compile.
    async fn require_runtime<A>(&self, permit: &Permit<A>, utility: &Utility, version: &Version) -> Result<()>
    where
        A: Action<Target = UtilityName>,
    {
        let (tenants, runtime) = (&self.shared.ports.tenants, &version.definition.runtime);
        let refused = |description| Error::Precondition { reason: "RUNTIME_NOT_ALLOWED", subject: utility.name.to_string(), description };
        let account = permit.account();
        let settings = tenants.settings(account.tenant()).await?;
        if !settings.allows(runtime) {
            return Err(refused(settings.not_allowed(runtime)));
        }
        if account.tenant() != &utility.name.tenant && !tenants.settings(&utility.name.tenant).await?.allows(runtime) {
            // What else that tenant may use is not said to another.
            return Err(refused(format!("the tenant that shares it may not use the runtime `{runtime}`")));
        }
        Ok(())
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
        let most = shared.ports.tenants.settings(&account).await?.quota.running;
        let ticket = shared.ports.admission.enter(&account, most)?;
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
            fence,
            revision: Revision::FIRST,
        };
        let job = Job {
            tenant: name.tenant,
            purpose: Purpose::Execution(name.execution),
            isolation: definition.isolation,
            runtime: definition.runtime.clone(),
            code: Arc::clone(version.code.text()),
            entry,
            params_json: bound.json,
            secrets,
            limits,
            fresh: false,
        };
        Ok(Prepared { execution, job, ticket, bindings: None })
    }

    /// Starts the one task of an execution. It stores the execution first, so that a caller who goes away in between leaves
    /// nothing that is stored and not driven.
    fn drive<A>(&self, permit: &Permit<A>, prepared: Prepared, request: Option<RequestKey>, transform: Option<(usize, bool)>) -> Driven
    where
        A: Action<Target = UtilityName>,
    {
        let live = Arc::new(LiveExecution::new(prepared.execution.clone()));
        let (reply, accepted, answer) = driver::reply(transform);
        let (scope, intent) = (permit.account(), permit.take_intent());
        let Prepared { job, ticket, bindings, .. } = prepared;
        let drive = driver::Drive { scope, job, ticket, bindings, request, intent };
        let work = driver::drive(Arc::clone(&self.shared), Arc::clone(&live), drive, reply);
        self.shared.ports.spawner.spawn("execution", Box::pin(work));
        Driven { live, accepted, answer }
    }

    async fn find<A: Action<Target = ExecutionName>>(&self, permit: &Permit<A>) -> Result<Execution> {
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

fn abandoned() -> Error {
    Error::Internal { context: "an execution's task ended without an answer", source: None }
}

/// A server may not begin anything without its lease: a server that took it for dead would end it.
fn no_lease() -> Error {
    Error::Unavailable { dependency: "lease", retry_after: Keeper::period(), source: None }
}

fn id_taken() -> Error {
    Error::Internal { context: "a new execution id was taken", source: None }
}

/// What was permitted is the running of a utility; its record says which run of it that was, and which secrets it was to get.
fn note_execution<A: Action>(permit: &Permit<A>, execution: &Execution) {
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
