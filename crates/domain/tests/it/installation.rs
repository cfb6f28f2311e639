//! An installation whose callers are known: tenants with people and programs, who do what their roles let them do, on fakes of the ports.

use std::sync::Arc;
use std::time::Duration;

use domain::access::{
    AccessPolicy, Action, Authenticator as _, Caller, Credential, CredentialKind, ExplanationPorts, Explanations, LocalRules, MatrixRules,
    Origin, Permit, Presented, Shares, Sharing,
};
use domain::admission::{self, Admission};
use domain::audit::{self, Auditor, Notes};
use domain::event::{EventLog, EventPorts};
use domain::identity::{
    Asked, Authentication, AuthenticationPorts, CertificateNames, Identities, IdentityPorts, Issued, Lives, Principal, PrincipalDraft,
    PrincipalRepository as _, Proof, Role, Secret, actions,
};
use domain::lease::InstanceId;
use domain::name::{PrincipalName, TenantName, UtilityName};
use domain::tenant::Tenants;
use domain::time::{Clock as _, Timestamp};
use domain::utility::{Copies, Gate, GatePorts, Utilities, Utility, UtilityRepository as _};
use domain::{Error, Result};
use test_support::{
    CountingProcessor, FakeChecker, FakeClock, FakeCompiler, FakeHasher, FakeSecrets, FakeTokens, InMemoryCodePolicyRepository,
    InMemoryEvents, InMemoryExecutionRepository, InMemoryIdentity, InMemorySessions, InMemoryTenants, InMemoryUtilityRepository,
    RecordedIncidents, SequentialIds, TokioSpawner, UtcCalendar, sample,
};

/// A password that nobody expects.
pub const PASSWORD: &str = "correct horse battery";
/// How long an access token is valid.
pub const TOKEN_LIFE: Duration = Duration::from_secs(600);
/// How long a session goes on.
pub const SESSION_LIFE: Duration = Duration::from_secs(86_400);
/// How long a session of a browser lasts.
pub const BROWSER_LIFE: Duration = Duration::from_secs(3_600);

/// The first super administrator.
pub const ROOT: &str = "tenants/system/users/root";
/// An administrator of tenant `acme`.
pub const ADA: &str = "tenants/acme/users/adam";
/// A creator there.
pub const CLEO: &str = "tenants/acme/users/cleo";
/// A user there.
pub const UMA: &str = "tenants/acme/users/umas";
/// An administrator of tenant `beta`.
pub const BEA: &str = "tenants/beta/users/beas";

/// Tenants `system`, `acme` and `beta`, and what is kept of them.
pub struct Installed {
    pub clock: Arc<FakeClock>,
    pub kept_tenants: Arc<InMemoryTenants>,
    pub store: Arc<InMemoryIdentity>,
    pub hasher: Arc<FakeHasher>,
    pub tokens: Arc<FakeTokens>,
    pub utilities: Arc<InMemoryUtilityRepository>,
    pub executions: Arc<InMemoryExecutionRepository>,
    pub identities: Identities,
    pub authentication: Authentication,
    pub tenants: Tenants,
    pub shares: Shares,
    pub sharing: Sharing,
    pub explanations: Explanations,
    pub event_log: EventLog,
    pub policy: AccessPolicy,
    pub auditor: Auditor,
    /// The use cases of utilities.
    pub makers: Utilities,
    pub copies: Copies,
}

impl Installed {
    /// Nobody is known yet.
    pub fn empty() -> Self {
        let clock = Arc::new(FakeClock::default());
        let events = Arc::new(InMemoryEvents::new(clock.clone()));
        let store = Arc::new(InMemoryIdentity::new(clock.clone()).noting(events.clone()));
        let kept_tenants = Arc::new(InMemoryTenants::of(clock.clone(), &["system", "acme", "beta"]).noting(events.clone()));
        let utilities = Arc::new(InMemoryUtilityRepository::new(clock.clone()).noting(events.clone()));
        let executions = Arc::new(InMemoryExecutionRepository::new(clock.clone()));
        let (hasher, secrets) = (Arc::new(FakeHasher::default()), Arc::new(FakeSecrets::default()));
        let (tokens, ids) = (Arc::new(FakeTokens::default()), Arc::new(SequentialIds::default()));
        let ports = IdentityPorts {
            principals: store.clone(),
            api_keys: store.clone(),
            sessions: Arc::new(InMemorySessions::new(store.clone(), executions.clone())),
            bootstrap: store.clone(),
            subjects: store.clone(),
            grants: store.grants(),
            utilities: utilities.clone(),
            executions: executions.clone(),
            audit: executions.clone(),
            events: events.clone(),
            hasher: hasher.clone(),
            secrets: secrets.clone(),
            issuer: tokens.clone(),
            codes: tokens.clone(),
            tenants: kept_tenants.clone(),
            clock: clock.clone(),
            ids,
        };
        let shown = AuthenticationPorts {
            principals: store.clone(),
            api_keys: store.clone(),
            sessions: store.clone(),
            secrets,
            verifier: tokens.clone(),
            tenants: kept_tenants.clone(),
            clock: clock.clone(),
        };
        let rules = MatrixRules::new(LocalRules::new(sample::tenant("acme")), store.grants(), clock.clone());
        let explained = ExplanationPorts {
            principals: store.clone(),
            utilities: utilities.clone(),
            executions: executions.clone(),
            schedules: executions.clone(),
            operations: executions.clone(),
            grants: store.grants(),
            tenants: kept_tenants.clone(),
        };
        let policy = AccessPolicy::new(Arc::new(rules.clone()), kept_tenants.clone());
        let recorded = audit::Ports {
            repository: executions.clone(),
            spawner: Arc::new(TokioSpawner::current()),
            incidents: Arc::new(RecordedIncidents::default()),
            clock: clock.clone(),
            ids: Arc::new(SequentialIds::default()),
        };
        let auditor = Auditor::new(recorded, InstanceId::new("first"));
        let compiler = Arc::new(FakeCompiler::default());
        let gate = Gate::new(GatePorts {
            policies: Arc::new(InMemoryCodePolicyRepository::default()),
            checker: Arc::new(FakeChecker),
            runtimes: compiler.clone(),
            compiler,
            admission: Admission::new(admission::Config::default()),
            tenants: kept_tenants.clone(),
            clock: clock.clone(),
        });
        let ids = Arc::new(SequentialIds::default());
        let makers = Utilities::new(utilities.clone(), gate, clock.clone(), ids, Arc::new(CountingProcessor::default()));
        let incidents = Arc::new(RecordedIncidents::default());
        let (reading, states) = (policy.clone(), kept_tenants.clone());
        let copies = Copies::new(makers.clone(), utilities.clone(), reading, states, incidents, clock.clone());
        Installed {
            identities: Identities::new(ports, Lives { token: TOKEN_LIFE, session: SESSION_LIFE, browser: BROWSER_LIFE }),
            authentication: Authentication::new(shown, CertificateNames::default(), None),
            tenants: Tenants::new(kept_tenants.clone(), Arc::new(UtcCalendar), clock.clone()),
            shares: Shares::new(store.grants(), utilities.clone(), kept_tenants.clone(), clock.clone()),
            sharing: Sharing::new(store.grants(), utilities.clone(), store.clone(), clock.clone()),
            explanations: Explanations::new(rules, explained),
            event_log: EventLog::new(EventPorts { repository: events.clone(), auditor: auditor.clone(), clock: clock.clone() }),
            policy,
            auditor,
            makers,
            copies,
            clock,
            kept_tenants,
            store,
            hasher,
            tokens,
            utilities,
            executions,
        }
    }

    /// With a super administrator, an administrator of each tenant, and a creator and a user in `acme`.
    pub async fn new() -> Self {
        let installed = Installed::empty();
        for (name, role) in [(ROOT, Role::SuperAdmin), (ADA, Role::Admin), (BEA, Role::Admin), (CLEO, Role::Creator), (UMA, Role::User)] {
            installed.make(name, role).await;
        }
        installed
    }

    /// Makes a user with [`PASSWORD`], as a super administrator would.
    pub async fn make(&self, name: &str, role: Role) -> Principal {
        let name = principal(name);
        let permit = self.by_role::<actions::CreateUser>(&principal(ROOT), Role::SuperAdmin, tenant(name.tenant().as_str())).await.unwrap();
        let draft = PrincipalDraft { role: Some(role), password: Some(Secret::new(PASSWORD)), ..PrincipalDraft::default() };
        self.identities.create_user(&permit, Some(name), draft, Asked::default()).await.unwrap()
    }

    /// Makes a service account, as a super administrator would.
    pub async fn make_account(&self, name: &str, role: Role) -> Principal {
        let name = principal(name);
        let permit = self.by::<actions::CreateServiceAccount>(ROOT, tenant(name.tenant().as_str())).await.unwrap();
        let draft = PrincipalDraft { role: Some(role), ..PrincipalDraft::default() };
        self.identities.create_service_account(&permit, Some(name), draft, Asked::default()).await.unwrap()
    }

    /// What somebody who is known may do, by the role that the store says.
    pub async fn by<A: Action>(&self, who: &str, target: A::Target) -> Result<Permit<A>> {
        let name = principal(who);
        let found = self.store.find(&sample::scope(name.tenant().as_str()), &name).await?;
        let role = found.open_for_system().expect("a test names whom it has made").role;
        self.by_role(&name, role, target).await
    }

    async fn by_role<A: Action>(&self, name: &PrincipalName, role: Role, target: A::Target) -> Result<Permit<A>> {
        let credential = Credential {
            kind: CredentialKind::AccessToken,
            session: None,
            key: None,
            issuer: None,
            issued: self.clock.now(),
            expires: None,
        };
        let caller = Caller {
            principal: name.clone(),
            origin: Origin::Credential(credential),
            role: Some(role),
            address: Some([192, 0, 2, 1].into()),
        };
        self.policy.require(&caller, target).await
    }

    /// Signs in with [`PASSWORD`].
    pub async fn sign_in(&self, user: &str) -> Result<Issued> {
        self.sign_in_with(user, PASSWORD).await
    }

    pub async fn sign_in_with(&self, user: &str, password: &str) -> Result<Issued> {
        let proof = Proof::Password { user: principal(user), password: Secret::new(password) };
        self.identities.issue(proof, None, &Notes::default()).await
    }

    /// Who calls, by what it shows as a bearer.
    pub async fn shows(&self, credential: &str) -> Result<Caller> {
        let shown = format!("Bearer {credential}");
        self.authentication.authenticate(Presented { authorization: Some(&shown), ..Presented::default() }).await
    }

    /// Whether what somebody shows is accepted.
    pub async fn accepts(&self, credential: &str) -> bool {
        match self.shows(credential).await {
            Ok(_) => true,
            Err(Error::Unauthenticated) => false,
            Err(other) => panic!("{other}"),
        }
    }

    /// A utility of tenant `acme` that belongs to `owner`.
    pub async fn keep_utility(&self, id: &str, owner: &str) -> UtilityName {
        let scope = sample::scope("acme");
        let utility = sample::utility(&scope, id);
        let name = utility.name.clone();
        let change = sample::creation(Utility { owner: principal(owner), ..utility });
        self.utilities.commit(&scope, change).await.unwrap();
        name
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

pub fn principal(name: &str) -> PrincipalName {
    PrincipalName::parse("name", name).expect("a test writes names that are some")
}

pub fn tenant(code: &str) -> TenantName {
    TenantName { tenant: sample::tenant(code) }
}

/// A request of whoever calls, as it can be remembered.
pub fn asked(id: &str) -> Asked {
    Asked { request: Some(sample::request("/zona.Test/Any", id, 1)), ..Asked::default() }
}

/// The fields and reasons of what is wrong.
pub fn violations<T: std::fmt::Debug>(outcome: Result<T>) -> Vec<(String, &'static str)> {
    match outcome {
        Err(Error::Invalid(violations)) => violations.into_iter().map(|violation| (violation.field, violation.reason)).collect(),
        other => panic!("{other:?}"),
    }
}

/// The reason of a refusal.
pub fn reason<T: std::fmt::Debug>(outcome: Result<T>) -> &'static str {
    outcome.expect_err("it is refused").reason()
}
