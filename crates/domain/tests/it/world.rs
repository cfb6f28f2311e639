//! The use cases wired to fakes, and a tenant's administrator who calls them.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::Result;
use domain::access::{Action, ActionSpec, Caller, LocalRules, Permit, Policy, Reach, Rules, Target};
use domain::admission::{self, Admission};
use domain::code::{Bound, Parameter, ParameterBinder};
use domain::code_policy::{CodeChecker, CodePolicies, ExceptionDraft, PolicyPatch};
use domain::execution::{Config, Executions, Ports, TransformCall, Transformed};
use domain::name::{CodePolicyName, TenantName, UtilityId, UtilityName};
use domain::sandbox::{Error, Isolation, Job, Limits, Run, Sandbox};
use domain::utility::{Call, Draft, Gate, GatePorts, Utilities, Utility, Version};
use domain::violation::Violation;
use test_support::{
    FakeChecker, FakeClock, FakeCompiler, FakeSandbox, InMemoryCodePolicyRepository, InMemoryExecutionRepository,
    InMemoryUtilityRepository, RecordedIncidents, SequentialIds, TokioSpawner, sample,
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
    rules: Policy,
}

/// Remembers how strongly each program was to be isolated.
#[derive(Default)]
pub struct RecordingSandbox {
    inner: FakeSandbox,
    isolations: Mutex<Vec<Isolation>>,
}

/// Everybody may do everything to what is their own, and nothing to what is not.
struct OwnOnly;

/// Takes parameters as they are.
struct AnyBinder;

impl World {
    pub fn new() -> Self {
        World::admitting(admission::Config::default())
    }

    /// A world with these limits of admission.
    pub fn admitting(admission: admission::Config) -> Self {
        World::built(admission, Arc::default(), Arc::new(FakeChecker))
    }

    /// A world with this compiler and this scan.
    pub fn judged_by(compiler: Arc<FakeCompiler>, checker: Arc<dyn CodeChecker>) -> Self {
        World::built(admission::Config::default(), compiler, checker)
    }

    fn built(admission: admission::Config, compiler: Arc<FakeCompiler>, checker: Arc<dyn CodeChecker>) -> Self {
        let clock = Arc::new(FakeClock::default());
        let sandbox = Arc::new(RecordingSandbox::default());
        let incidents = Arc::new(RecordedIncidents::default());
        let ids = Arc::new(SequentialIds::default());
        let store = Arc::new(InMemoryUtilityRepository::new(clock.clone()));
        let admission = Admission::new(admission);
        let stored_policies = Arc::new(InMemoryCodePolicyRepository::default());
        let gate = Gate::new(GatePorts {
            policies: stored_policies.clone(),
            checker: Arc::clone(&checker),
            runtimes: compiler.clone(),
            compiler: compiler.clone(),
            admission: admission.clone(),
            clock: clock.clone(),
        });
        let ports = Ports {
            utilities: store.clone(),
            executions: Arc::new(InMemoryExecutionRepository::new(clock.clone())),
            sandbox: sandbox.clone(),
            gate: gate.clone(),
            admission: admission.clone(),
            incidents: incidents.clone(),
            binder: Arc::new(AnyBinder),
            clock: clock.clone(),
            ids: ids.clone(),
            spawner: Arc::new(TokioSpawner::current()),
        };
        let heartbeat = std::time::Duration::from_secs(5);
        let config = Config { heartbeat, fence: sample::fence("test", 1) };
        World {
            admission,
            clock: clock.clone(),
            compiler,
            sandbox,
            utilities: Utilities::new(store.clone(), gate, clock.clone(), ids),
            stored: store,
            policies: CodePolicies::new(stored_policies.clone(), checker, clock.clone()),
            stored_policies,
            executions: Executions::new(ports, config),
            rules: Policy::new(Arc::new(LocalRules::new(sample::tenant("acme")))),
        }
    }

    /// What the administrator may do.
    pub async fn permit<A: Action>(&self, target: A::Target) -> Permit<A> {
        let caller = Caller { principal: sample::user("ann"), local: true };
        self.rules.require(&caller, target).await.unwrap()
    }

    /// What a user may do who reaches only what is their own.
    pub async fn own<A: Action>(&self, user: &str, target: A::Target) -> Permit<A> {
        let caller = Caller { principal: sample::user(user), local: true };
        Policy::new(Arc::new(OwnOnly)).require(&caller, target).await.unwrap()
    }

    pub async fn create(&self, id: &str, code: &str) -> Result<(Utility, Version)> {
        let draft = Draft { code: code.as_bytes().to_vec(), limits: Limits::DEFAULT, ..Draft::default() };
        self.utilities.create(&self.permit(acme()).await, sample::utility_id(id), draft, Call::default()).await
    }

    /// The version as it is stored.
    pub async fn version(&self, id: &str, number: u32) -> Version {
        self.utilities.get_version(&self.permit(name(id).version(number)).await).await.unwrap()
    }

    /// Sends one value through.
    pub async fn transform(&self, id: &str) -> Result<Transformed> {
        let values_json = vec!["1".to_owned()];
        let call = TransformCall { version: None, params_json: String::new(), values_json, timeout: None };
        self.executions.transform(&self.permit(name(id)).await, call).await
    }

    /// Changes the code policy.
    pub async fn decree(&self, patch: PolicyPatch) {
        self.policies.update(&self.permit(code_policy()).await, patch, "").await.unwrap();
    }
}

impl RecordingSandbox {
    pub fn isolations(&self) -> Vec<Isolation> {
        self.isolations.lock().unwrap().clone()
    }
}

#[async_trait]
impl Sandbox for RecordingSandbox {
    fn ready(&self, isolation: Isolation, runtime: &str) -> Result<(), Error> {
        self.inner.ready(isolation, runtime)
    }

    async fn start(&self, job: Job) -> Result<Box<dyn Run>, Error> {
        self.isolations.lock().unwrap().push(job.isolation);
        self.inner.start(job).await
    }
}

#[async_trait]
impl Rules for OwnOnly {
    async fn decide(&self, _caller: &Caller, _action: ActionSpec, _target: Target<'_>) -> Result<Option<Reach>> {
        Ok(Some(Reach::Own))
    }
}

impl ParameterBinder for AnyBinder {
    fn bind(&self, _schema: &[Parameter], json: &str) -> Result<Bound, Vec<Violation>> {
        let json = if json.is_empty() { "{}" } else { json }.to_owned();
        Ok(Bound { public_json: json.clone(), json })
    }

    fn take(&self, json: &str, _member: &str) -> Result<(Option<String>, String), Vec<Violation>> {
        Ok((None, json.to_owned()))
    }

    fn check_value(&self, _json: &str) -> Result<(), String> {
        Ok(())
    }
}

pub fn acme() -> TenantName {
    TenantName { tenant: sample::tenant("acme") }
}

pub fn code_policy() -> CodePolicyName {
    CodePolicyName { tenant: sample::tenant("acme") }
}

pub fn name(id: &str) -> UtilityName {
    UtilityName { tenant: sample::tenant("acme"), utility: sample::utility_id(id) }
}

/// An exception of `rule` for a utility, until so many milliseconds after the start.
pub fn exception(utility: UtilityId, rule: &str, until: u64) -> ExceptionDraft {
    ExceptionDraft { utility, rule: rule.to_owned(), reason: "reviewed".to_owned(), expires: sample::at(until) }
}
