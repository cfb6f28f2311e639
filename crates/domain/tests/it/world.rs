//! The use cases wired to fakes, and a tenant's administrator who calls them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::Result;
use domain::access::{
    AccessPolicy, Action, ActionSpec, Authenticator, Caller, LocalRules, LoopbackAuthenticator, Permit, Reach, Rules, Target, TenantScope,
};
use domain::admission::{self, Admission};
use domain::audit::{self, Auditor, Removal};
use domain::code::{Bound, Code, ParameterBinder, Schema};
use domain::code_policy::{CodeChecker, CodePolicies, ExceptionDraft, PolicyPatch};
use domain::execution::{Config, Execution, Executions, Launch, Ports, TransformCall, Transformed, Watch, Watched};
use domain::identity::Secret;
use domain::json::JsonText;
use domain::lease::{InstanceId, Keeper};
use domain::name::{CodePolicyName, ExecutionName, RuntimeId, TenantName, UtilityId, UtilityName};
use domain::operation::Operations;
use domain::request::RequestKey;
use domain::retention::{Due, Retention, RetentionConfig, RetentionPorts, RetentionStore, Step};
use domain::revision::{Etag, Revision};
use domain::sandbox::{Error, Isolation, Job, Limits, Run, Sandbox, Secrets};
use domain::schedule::{SchedulePorts, Scheduler, SchedulerPorts, Schedules};
use domain::secret::References;
use domain::utility::{Call, Draft, Gate, GatePorts, Utilities, Utility, Version};
use domain::violation::Violation;
use futures_util::{FutureExt as _, StreamExt as _};
use test_support::{
    CountingProcessor, EveryMinutes, FakeChecker, FakeClock, FakeCompiler, FakeSandbox, FakeTree, InMemoryCodePolicyRepository,
    InMemoryExecutionRepository, InMemoryGrantRepository, InMemorySecrets, InMemorySignals, InMemoryTenants, InMemoryUtilityRepository,
    RecordedIncidents, SequentialIds, TokioSpawner, UtcCalendar, sample,
};

/// What it takes to keep and run utilities of tenant `acme`.
pub struct World {
    pub clock: Arc<FakeClock>,
    pub admission: Admission,
    pub compiler: Arc<FakeCompiler>,
    pub sandbox: Arc<RecordingSandbox>,
    pub utilities: Utilities,
    pub stored: Arc<InMemoryUtilityRepository>,
    pub policies: CodePolicies,
    pub stored_policies: Arc<InMemoryCodePolicyRepository>,
    pub executions: Executions,
    pub operations: Operations,
    pub incidents: Arc<RecordedIncidents>,
    stores: Stores,
    instance: InstanceId,
    auditor: Auditor,
    spawner: Arc<TokioSpawner>,
    rules: AccessPolicy,
    /// What callers may do by the time at which their code is handed over.
    pub now: Arc<RulesOfNow>,
    pub binder: Arc<AnyBinder>,
}

/// What the servers of an installation share.
#[derive(Clone)]
pub struct Stores {
    pub utilities: Arc<InMemoryUtilityRepository>,
    pub grants: Arc<InMemoryGrantRepository>,
    pub executions: Arc<InMemoryExecutionRepository>,
    pub policies: Arc<InMemoryCodePolicyRepository>,
    pub signals: Arc<InMemorySignals>,
    pub tenants: Arc<InMemoryTenants>,
    pub secrets: Arc<InMemorySecrets>,
    ids: Arc<SequentialIds>,
    /// Names what is recorded.
    calls: Arc<SequentialIds>,
    clock: Arc<FakeClock>,
}

/// Remembers how strongly each program was to be isolated, and what it was handed.
#[derive(Default)]
pub struct RecordingSandbox {
    inner: FakeSandbox,
    /// Whether no program begins.
    holds_starts: AtomicBool,
    /// A runtime whose image is missing here.
    missing: Mutex<Option<RuntimeId>>,
    isolations: Mutex<Vec<Isolation>>,
    fresh: Mutex<Vec<bool>>,
    handed: Mutex<Vec<(String, Secrets)>>,
}

/// Nothing of what tenants could have settled is due.
struct NothingSettled;

/// Everybody may do everything to what is their own, and nothing to what is not.
struct OwnOnly;

/// The rules as they are, until others are set.
pub struct RulesOfNow {
    rules: LocalRules,
    set: Mutex<Option<Option<Reach>>>,
}

/// Takes parameters as they are, and counts how often it was to look for something in them.
#[derive(Default)]
pub struct AnyBinder {
    looked: AtomicUsize,
    read: AtomicUsize,
}

impl World {
    pub fn new() -> Self {
        World::admitting(admission::Config::default())
    }

    /// A world with these limits of admission.
    pub fn admitting(admission: admission::Config) -> Self {
        World::built(Stores::new(), "first", admission, Arc::default(), Arc::new(FakeChecker)).begun()
    }

    /// Another server of the same installation; it has not begun.
    pub fn beside(&self, instance: &str) -> Self {
        World::built(self.stores.clone(), instance, admission::Config::default(), Arc::default(), Arc::new(FakeChecker))
    }

    /// The same once it holds its lease.
    pub fn begun(self) -> Self {
        let begun = self.executions.begin().now_or_never().expect("stores in memory answer at once");
        begun.expect("stores in memory answer");
        self
    }

    /// A world with this compiler and this scan.
    pub fn judged_by(compiler: Arc<FakeCompiler>, checker: Arc<dyn CodeChecker>) -> Self {
        World::built(Stores::new(), "first", admission::Config::default(), compiler, checker).begun()
    }

    fn built(
        stores: Stores,
        instance: &str,
        admission: admission::Config,
        compiler: Arc<FakeCompiler>,
        checker: Arc<dyn CodeChecker>,
    ) -> Self {
        let Stores { utilities: store, policies: stored_policies, ids, clock, .. } = stores.clone();
        let spawner = Arc::new(TokioSpawner::current());
        let sandbox = Arc::new(RecordingSandbox::default());
        let incidents = Arc::new(RecordedIncidents::default());
        let admission = Admission::new(admission);
        let gate = Gate::new(GatePorts {
            policies: stored_policies.clone(),
            checker: Arc::clone(&checker),
            runtimes: compiler.clone(),
            compiler: compiler.clone(),
            admission: admission.clone(),
            tenants: stores.tenants.clone(),
            clock: clock.clone(),
        });
        let auditor = stores.auditor(instance, &spawner);
        let now = Arc::new(RulesOfNow { rules: LocalRules::new(sample::tenant("acme")), set: Mutex::default() });
        let binder = Arc::new(AnyBinder::default());
        let ports = Ports {
            utilities: store.clone(),
            grants: stores.grants.clone(),
            executions: stores.executions.clone(),
            queue: stores.executions.clone(),
            signals: stores.signals.clone(),
            keeper: Arc::new(Keeper::new(stores.executions.clone(), clock.clone(), InstanceId::new(instance))),
            sandbox: sandbox.clone(),
            tenants: stores.tenants.clone(),
            gate: gate.clone(),
            admission: admission.clone(),
            auditor: auditor.clone(),
            incidents: incidents.clone(),
            secrets: stores.secrets.clone(),
            policy: AccessPolicy::new(now.clone(), stores.tenants.clone()),
            authenticator: Arc::new(LoopbackAuthenticator::new(sample::user("ann"))),
            binder: binder.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            spawner: spawner.clone(),
        };
        let heartbeat = std::time::Duration::from_secs(5);
        let config = Config { heartbeat };
        let executions = Executions::new(ports, config);
        World {
            admission,
            clock: clock.clone(),
            compiler,
            sandbox,
            utilities: Utilities::new(store.clone(), gate, clock.clone(), ids, Arc::new(CountingProcessor::default())),
            stored: store,
            policies: CodePolicies::new(stored_policies.clone(), checker, clock.clone()),
            stored_policies,
            operations: Operations::new(stores.executions.clone(), executions.clone()),
            executions,
            incidents,
            rules: AccessPolicy::new(Arc::new(LocalRules::new(sample::tenant("acme"))), stores.tenants.clone()),
            stores,
            instance: InstanceId::new(instance),
            auditor,
            spawner,
            now,
            binder,
        }
    }

    /// What the servers of the installation share.
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// What records what this server does of its own accord.
    pub fn auditor(&self) -> Auditor {
        self.auditor.clone()
    }

    /// What removes executions older than `keep`, and the oldest beyond so much output, on this server.
    pub fn retention(&self, keep: Duration, max_output_bytes: u64) -> Retention {
        let Stores { tenants, executions, clock, .. } = self.stores.clone();
        let (store, calendar, auditor) = (Arc::new(NothingSettled), Arc::new(UtcCalendar), self.auditor.clone());
        let incidents = self.incidents.clone();
        let tree = Arc::new(FakeTree::new(executions.clone()));
        let audit = Removal { repository: executions.clone(), tree, auditor: auditor.clone() };
        let ports = RetentionPorts {
            tenants,
            executions: executions.clone(),
            store,
            leases: executions,
            calendar,
            auditor,
            audit,
            incidents,
            clock,
        };
        Retention::new(ports, RetentionConfig { instance: self.instance.clone(), keep, max_output_bytes })
    }

    /// The use cases of schedules on this server.
    pub fn schedules(&self) -> Schedules {
        let Stores { tenants, executions, clock, .. } = self.stores.clone();
        Schedules::new(SchedulePorts {
            repository: executions,
            executions: self.executions.clone(),
            policy: AccessPolicy::new(self.now.clone(), tenants.clone()),
            authenticator: Arc::new(LoopbackAuthenticator::new(sample::user("ann"))),
            tenants,
            calendar: Arc::new(UtcCalendar),
            timetable: Arc::new(EveryMinutes),
            clock,
        })
    }

    /// What starts executions at the times of schedules, on this server.
    pub fn scheduler(&self) -> Scheduler {
        self.scheduler_knowing(Arc::new(LoopbackAuthenticator::new(sample::user("ann"))))
    }

    /// The same, where owners are whom this knows.
    pub fn scheduler_knowing(&self, authenticator: Arc<dyn Authenticator>) -> Scheduler {
        let Stores { tenants, executions, clock, .. } = self.stores.clone();
        let ports = SchedulerPorts {
            schedules: executions.clone(),
            executions: self.executions.clone(),
            policy: AccessPolicy::new(self.now.clone(), tenants.clone()),
            authenticator,
            tenants,
            leases: executions,
            timetable: Arc::new(EveryMinutes),
            auditor: self.auditor.clone(),
            incidents: self.incidents.clone(),
            clock,
        };
        Scheduler::new(ports, self.instance.clone())
    }

    /// Ends like a killed process: whatever it was doing, it does not go on.
    pub fn kill(&self) {
        self.spawner.abort();
    }

    /// Runs the sandbox's programs to their end.
    pub fn release(&self) {
        self.sandbox.inner.release();
    }

    /// Programs that run now.
    pub fn running(&self) -> usize {
        self.sandbox.inner.running()
    }

    /// What the administrator may do.
    pub async fn permit<A: Action>(&self, target: A::Target) -> Permit<A> {
        let caller = Caller::loopback(sample::user("ann"));
        self.rules.require(&caller, target).await.unwrap()
    }

    /// What a user may do who reaches only what is their own.
    pub async fn own<A: Action>(&self, user: &str, target: A::Target) -> Permit<A> {
        let caller = Caller::loopback(sample::user(user));
        AccessPolicy::new(Arc::new(OwnOnly), self.stores.tenants.clone()).require(&caller, target).await.unwrap()
    }

    pub async fn create(&self, id: &str, code: &str) -> Result<(Utility, Version)> {
        self.create_for(RuntimeId::default(), id, code).await
    }

    /// Creates one that runs by this runtime.
    pub async fn create_for(&self, runtime: RuntimeId, id: &str, code: &str) -> Result<(Utility, Version)> {
        let draft = Draft { code: code.as_bytes().to_vec(), limits: Limits::DEFAULT, runtime: Some(runtime), ..Draft::default() };
        self.utilities.create(&self.permit(acme()).await, Some(sample::utility_id(id)), draft, Call::default()).await
    }

    /// The version as it is stored.
    pub async fn version(&self, id: &str, number: u32) -> Version {
        self.utilities.get_version(&self.permit(name(id).version(number)).await).await.unwrap()
    }

    /// Sends one value through.
    pub async fn transform(&self, id: &str) -> Result<Transformed> {
        let values_json = vec!["1".to_owned()];
        let call = TransformCall { version: None, params_json: String::new(), secrets: References::new(), values_json, timeout: None };
        self.executions.transform(&self.permit(name(id)).await, call).await
    }

    /// Changes the code policy.
    pub async fn decree(&self, patch: PolicyPatch) {
        self.policies.update(&self.permit(code_policy()).await, patch, &Etag::default()).await.unwrap();
    }
}

impl Stores {
    /// What a server records of its own work; its incidents are not those of executions.
    fn auditor(&self, instance: &str, spawner: &Arc<TokioSpawner>) -> Auditor {
        let ports = audit::Ports {
            repository: self.executions.clone(),
            spawner: spawner.clone(),
            incidents: Arc::new(RecordedIncidents::default()),
            clock: self.clock.clone(),
            ids: self.calls.clone(),
        };
        Auditor::new(ports, InstanceId::new(instance))
    }

    fn new() -> Self {
        let clock = Arc::new(FakeClock::default());
        Stores {
            utilities: Arc::new(InMemoryUtilityRepository::new(clock.clone())),
            grants: Arc::new(InMemoryGrantRepository::new(clock.clone())),
            executions: Arc::new(InMemoryExecutionRepository::new(clock.clone())),
            policies: Arc::default(),
            signals: Arc::default(),
            tenants: Arc::new(InMemoryTenants::of(clock.clone(), &["acme", "beta", "system"])),
            secrets: Arc::new(InMemorySecrets::new(clock.clone())),
            ids: Arc::default(),
            calls: Arc::default(),
            clock,
        }
    }
}

#[async_trait]
impl RetentionStore for NothingSettled {
    async fn is_due(&self, _scope: &TenantScope, _due: Due) -> Result<bool> {
        Ok(false)
    }

    async fn remove_some(&self, _scope: &TenantScope, _due: Due, _judged: Revision) -> Result<Step> {
        Ok(Step::default())
    }

    async fn tidy_some(&self) -> Result<bool> {
        Ok(false)
    }
}

impl RecordingSandbox {
    /// The image of a runtime is missing here from now on; with `None`, none is any more.
    pub fn lose_image(&self, runtime: Option<&RuntimeId>) {
        *self.missing.lock().unwrap() = runtime.cloned();
    }

    /// Programs that are handed over do not begin from now on; or later ones do again.
    pub fn hold_starts(&self, held: bool) {
        self.holds_starts.store(held, Ordering::SeqCst);
    }

    pub fn isolations(&self) -> Vec<Isolation> {
        self.isolations.lock().unwrap().clone()
    }

    pub fn fresh(&self) -> Vec<bool> {
        self.fresh.lock().unwrap().clone()
    }

    /// Parameters of each program, and what was to be masked.
    pub fn handed(&self) -> Vec<(String, Secrets)> {
        self.handed.lock().unwrap().clone()
    }
}

#[async_trait]
impl Sandbox for RecordingSandbox {
    fn ready(&self, isolation: Isolation, runtime: &RuntimeId) -> Result<(), Error> {
        if self.missing.lock().unwrap().as_ref() == Some(runtime) {
            return Err(Error::Refused { reason: "RUNTIME_IMAGE_MISSING", message: "build it first".to_owned() });
        }
        self.inner.ready(isolation, runtime)
    }

    async fn start(&self, job: Job) -> Result<Box<dyn Run>, Error> {
        self.isolations.lock().unwrap().push(job.isolation);
        self.fresh.lock().unwrap().push(job.fresh);
        self.handed.lock().unwrap().push((job.params_json.to_string(), job.secrets.clone()));
        if self.holds_starts.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.inner.start(job).await
    }
}

#[async_trait]
impl Rules for OwnOnly {
    async fn decide(&self, _caller: &Caller, _action: ActionSpec, _target: Target<'_>) -> Result<Option<Reach>> {
        Ok(Some(Reach::Own))
    }
}

impl RulesOfNow {
    /// What everybody reaches from now on; `None` for nothing.
    pub fn set(&self, reach: Option<Reach>) {
        *self.set.lock().unwrap() = Some(reach);
    }
}

#[async_trait]
impl Rules for RulesOfNow {
    async fn decide(&self, caller: &Caller, action: ActionSpec, target: Target<'_>) -> Result<Option<Reach>> {
        let set = self.set.lock().unwrap().clone();
        match set {
            Some(set) => Ok(set),
            None => self.rules.decide(caller, action, target).await,
        }
    }
}

impl AnyBinder {
    /// How often it was to look for members.
    pub fn looked(&self) -> usize {
        self.looked.load(Ordering::SeqCst)
    }

    /// How often it was to read code.
    pub fn read(&self) -> usize {
        self.read.load(Ordering::SeqCst)
    }
}

impl ParameterBinder for AnyBinder {
    fn bind(&self, _schema: Schema<'_>, json: &str) -> Result<Bound, Vec<Violation>> {
        let json = JsonText::read(if json.is_empty() { "{}" } else { json });
        Ok(Bound { public_json: json.clone(), json, secrets: Secrets::default() })
    }

    fn take(&self, json: &str, _member: &str) -> Result<(Option<JsonText>, JsonText), Vec<Violation>> {
        self.looked.fetch_add(1, Ordering::SeqCst);
        Ok((None, JsonText::read(json)))
    }

    /// Nobody gives other members here.
    fn put(&self, _json: &str, texts: &[(String, Secret)]) -> Result<(JsonText, Vec<String>), Vec<Violation>> {
        self.looked.fetch_add(1, Ordering::SeqCst);
        let members: Vec<String> = texts.iter().map(|(name, text)| format!("\"{name}\":\"{}\"", text.expose())).collect();
        Ok((JsonText::read(format!("{{{}}}", members.join(","))), Vec::new()))
    }

    fn input_name(&self, _code: &Code) -> Option<String> {
        self.read.fetch_add(1, Ordering::SeqCst);
        None
    }

    fn read_value(&self, json: String) -> Result<JsonText, String> {
        Ok(JsonText::read(json))
    }
}

pub fn acme() -> TenantName {
    TenantName { tenant: sample::tenant("acme") }
}

pub fn code_policy() -> CodePolicyName {
    CodePolicyName { tenant: sample::tenant("acme") }
}

/// A launch of the current version without parameters.
pub fn launch(request: Option<RequestKey>) -> Launch {
    Launch {
        retry_if_lost: false,
        version: None,
        params_json: String::new(),
        secrets: References::new(),
        timeout: None,
        on_output_limit: None,
        request,
        firing: None,
        cancel_on_disconnect: false,
    }
}

/// Starts an execution of a script.
pub async fn start(world: &World, id: &str) -> ExecutionName {
    try_start(world, id).await.unwrap().name
}

/// Tries to.
pub async fn try_start(world: &World, id: &str) -> Result<Execution> {
    world.executions.start(&world.permit(name(id)).await, launch(None)).await
}

/// The next item of a watch, which goes on.
pub async fn next(watch: &mut Watch) -> Watched {
    watch.next().await.expect("the watch goes on").expect("the store answers")
}

/// The next item of a watch while time passes, a second whenever nothing else is left to do.
pub async fn next_in_time(world: &World, watch: &mut Watch) -> Watched {
    let mut item = std::pin::pin!(next(watch));
    for _ in 0..10_000 {
        tokio::select! {
            biased;
            item = &mut item => return item,
            () = tokio::task::yield_now() => world.clock.advance(Duration::from_secs(1)),
        }
    }
    panic!("nothing came in hours");
}

/// Lets all other work go on until `holds`.
///
/// # Panics
/// When it does not come to hold although nothing else is left to do.
pub async fn eventually(holds: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if holds() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never came to hold");
}

pub fn name(id: &str) -> UtilityName {
    UtilityName { tenant: sample::tenant("acme"), utility: sample::utility_id(id) }
}

/// An exception of `rule` for a utility, until so many milliseconds after the start.
pub fn exception(utility: UtilityId, rule: &str, until: u64) -> ExceptionDraft {
    ExceptionDraft { utility: Some(utility), rule: rule.to_owned(), reason: "reviewed".to_owned(), expires: sample::at(until) }
}
