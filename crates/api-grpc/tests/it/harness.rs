//! A server on a loopback socket with everything behind it faked, and clients that speak to it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api_grpc::{Calls, Config, Deadlines, RecordedSingly, Server, Services, Web};
use api_proto::zona::access::v1::access_service_client::AccessServiceClient;
use api_proto::zona::audit::v1::audit_service_client::AuditServiceClient;
use api_proto::zona::event::v1::{event_service_client::EventServiceClient, webhook_service_client::WebhookServiceClient};
use api_proto::zona::execution::v1 as executions;
use api_proto::zona::identity::v1::identity_service_client::IdentityServiceClient;
use api_proto::zona::operation::v1::batch_service_client::BatchServiceClient;
use api_proto::zona::operation::v1::operation_service_client::OperationServiceClient;
use api_proto::zona::process::v1::process_service_client::ProcessServiceClient;
use api_proto::zona::runtime::v1::runtime_service_client::RuntimeServiceClient;
use api_proto::zona::schedule::v1::schedule_service_client::ScheduleServiceClient;
use api_proto::zona::secret::v1::secret_service_client::SecretServiceClient;
use api_proto::zona::server::v1::server_service_client::ServerServiceClient;
use api_proto::zona::tenant::v1::tenant_service_client::TenantServiceClient;
use api_proto::zona::utility::v1 as utilities;
use domain::access::{
    AccessPolicy, Authenticator, ExplanationPorts, Explanations, LocalRules, LoopbackAuthenticator, MatrixRules, Rules, Shares, Sharing,
};
use domain::admission;
use domain::audit::{AuditLog, Auditor, LogPorts};
use domain::code_policy::CodePolicies;
use domain::event::{EventLog, EventPorts};
use domain::execution::{Executions, Ports};
use domain::identity::{Authentication, AuthenticationPorts, CertificateNames, Identities, IdentityPorts, Lives};
use domain::lease::{InstanceId, Keeper, Tenure};
use domain::name::PrincipalName;
use domain::operation::Operations;
use domain::process::{PLATFORM_JOB, PlatformPorts, Platforms};
use domain::runtime::Runtimes;
use domain::schedule::{SchedulePorts, Schedules};
use domain::secret::NamedSecrets;
use domain::server::Servers;
use domain::tenant::Tenants;
use domain::utility::{Copies, Gate, GatePorts, Utilities, UtilityRepository};
use domain::webhook::{WebhookPorts, Webhooks};
use executions::execution_service_client::ExecutionServiceClient;
use futures_util::FutureExt as _;
use test_support::{
    CountingProcessor, EveryMinutes, FakeChecker, FakeClock, FakeCompiler, FakeHasher, FakeLimits, FakeManifests, FakePlatform,
    FakeSandbox, FakeSecrets, FakeSender, FakeTokens, FakeTree, Faults, InMemoryCodePolicyRepository, InMemoryEvents,
    InMemoryExecutionRepository, InMemoryIdentity, InMemoryPlatform, InMemorySecrets, InMemorySessions, InMemorySignals, InMemoryTenants,
    InMemoryUtilityRepository, InMemoryWebhooks, RecordedIncidents, SequentialIds, TokioSpawner, UtcCalendar, sample,
};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::transport::Channel;
use tonic_types::{ErrorDetails, StatusExt as _};
use tower::Service;
use utilities::code_policy_service_client::CodePolicyServiceClient;
use utilities::copy_service_client::CopyServiceClient;
use utilities::utility_service_client::UtilityServiceClient;

use crate::disguised::Disguised;
use crate::encrypted;
use crate::fakes::{FakeBinder, FakeKeys, FakeServerFacts, RecordedCalls};
use crate::halting::HaltingUtilities;

pub const TENANT: &str = "tenants/demo";
pub const LOCAL: &str = "tenants/demo/users/local";
pub const HEARTBEAT: Duration = Duration::from_secs(5);
/// The tenants that there are.
pub const TENANTS: [&str; 5] = ["system", "demo", "acme", "beta", "other"];

/// What a test may have otherwise.
pub struct Options {
    /// Decides who may do what; the rules of the server where nothing is said.
    pub rules: Option<Arc<dyn Rules>>,
    /// Finds out who calls; takes everybody for `principal` where nothing is said.
    pub authenticator: Option<Arc<dyn Authenticator>>,
    pub deadlines: Deadlines,
    pub admission: admission::Config,
    /// How often tenants may call.
    pub limits: Arc<FakeLimits>,
    /// Connections at most; the server's default where nothing is said.
    pub max_connections: Option<usize>,
    /// How long a connection may say nothing; the server's default where nothing is said.
    pub preface_patience: Option<Duration>,
    /// How long a connection may have no open call; the server's default where nothing is said.
    pub idle_patience: Option<Duration>,
    /// What the server shows, and the client that the harness connects with then.
    pub tls: Option<(Arc<tls::Server>, tls::Client)>,
    /// Makes every connection look as if it came from there.
    pub peer: Option<SocketAddr>,
    /// What is recorded singly beyond what always is.
    pub record_singly: RecordedSingly,
    /// Who comes over the loopback interface.
    pub principal: String,
    /// Callers must show a credential, whose principals are kept there, perhaps by several servers.
    pub known: Option<Arc<Known>>,
}

/// What servers that know their callers share.
pub struct Known {
    pub clock: Arc<FakeClock>,
    pub store: Arc<InMemoryIdentity>,
    pub hasher: Arc<FakeHasher>,
    pub secrets: Arc<FakeSecrets>,
    pub tokens: Arc<FakeTokens>,
    pub ids: Arc<SequentialIds>,
    /// What happened.
    pub events: Arc<InMemoryEvents>,
    pub webhooks: Arc<InMemoryWebhooks>,
    pub named_secrets: Arc<InMemorySecrets>,
    pub platforms: Arc<InMemoryPlatform>,
    pub tenants: Arc<InMemoryTenants>,
}

impl Known {
    pub fn new() -> Self {
        let clock = Arc::new(FakeClock::default());
        let events = Arc::new(InMemoryEvents::new(clock.clone()));
        Known {
            store: Arc::new(InMemoryIdentity::new(clock.clone()).noting(events.clone())),
            tenants: Arc::new(InMemoryTenants::of(clock.clone(), &TENANTS).noting(events.clone())),
            webhooks: Arc::new(InMemoryWebhooks::new(clock.clone(), events.clone())),
            named_secrets: Arc::new(InMemorySecrets::new(clock.clone())),
            platforms: Arc::new(InMemoryPlatform::new(clock.clone()).noting(events.clone())),
            events,
            clock,
            hasher: Arc::default(),
            secrets: Arc::default(),
            tokens: Arc::default(),
            ids: Arc::default(),
        }
    }

    fn identities(&self, utilities: Arc<dyn UtilityRepository>, executions: &Arc<InMemoryExecutionRepository>) -> Identities {
        let ports = IdentityPorts {
            subjects: self.store.clone(),
            grants: self.store.grants(),
            utilities,
            executions: executions.clone(),
            audit: executions.clone(),
            events: self.events.clone(),
            principals: self.store.clone(),
            api_keys: self.store.clone(),
            sessions: Arc::new(InMemorySessions::new(self.store.clone(), executions.clone())),
            bootstrap: self.store.clone(),
            hasher: self.hasher.clone(),
            secrets: self.secrets.clone(),
            issuer: self.tokens.clone(),
            codes: self.tokens.clone(),
            tenants: self.tenants.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
        };
        let lives = Lives { token: Duration::from_secs(900), session: Duration::from_secs(86_400), browser: Duration::from_secs(3_600) };
        Identities::new(ports, lives)
    }

    /// What finds out who calls; `without` answers for those who show nothing.
    pub fn authentication(&self, names: CertificateNames, without: Option<Arc<dyn Authenticator>>) -> Authentication {
        let ports = AuthenticationPorts {
            principals: self.store.clone(),
            api_keys: self.store.clone(),
            sessions: self.store.clone(),
            secrets: self.secrets.clone(),
            verifier: self.tokens.clone(),
            tenants: self.tenants.clone(),
            clock: self.clock.clone(),
        };
        Authentication::new(ports, names, without)
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            rules: None,
            authenticator: None,
            deadlines: Deadlines::default(),
            max_connections: None,
            preface_patience: None,
            idle_patience: None,
            tls: None,
            admission: admission::Config::default(),
            limits: Arc::default(),
            peer: None,
            principal: LOCAL.to_owned(),
            known: None,
            record_singly: RecordedSingly::default(),
        }
    }
}

pub struct Harness {
    pub channel: Channel,
    pub address: std::net::SocketAddr,
    pub utilities: UtilityServiceClient<Channel>,
    pub copies: CopyServiceClient<Channel>,
    pub executions: ExecutionServiceClient<Channel>,
    pub policies: CodePolicyServiceClient<Channel>,
    pub access: AccessServiceClient<Channel>,
    pub tenants: TenantServiceClient<Channel>,
    pub runtimes: RuntimeServiceClient<Channel>,
    pub servers: ServerServiceClient<Channel>,
    pub audit: AuditServiceClient<Channel>,
    pub events: EventServiceClient<Channel>,
    pub webhooks: WebhookServiceClient<Channel>,
    pub schedules: ScheduleServiceClient<Channel>,
    pub secrets: SecretServiceClient<Channel>,
    pub operations: OperationServiceClient<Channel>,
    pub batches: BatchServiceClient<Channel>,
    pub processes: ProcessServiceClient<Channel>,
    /// Where services run.
    pub platform: Arc<FakePlatform>,
    pub auditor: Auditor,
    /// Where executions, leases and audit logs lie.
    pub execution_store: Arc<InMemoryExecutionRepository>,
    pub identity: IdentityServiceClient<Channel>,
    /// The use cases behind it.
    pub identities: Identities,
    /// Ends what runs of suspended tenants, once it is asked to.
    pub running: Executions,
    /// What is known of tenants, which other servers may share.
    pub known_tenants: Arc<InMemoryTenants>,
    /// Whom it knows.
    pub known: Arc<Known>,
    pub sandbox: Arc<FakeSandbox>,
    pub compiler: Arc<FakeCompiler>,
    pub clock: Arc<FakeClock>,
    pub calls: Arc<RecordedCalls>,
    pub stored: Arc<HaltingUtilities>,
    pub utility_faults: Faults,
    pub spawner: Arc<TokioSpawner>,
    /// Where differences are looked for.
    pub processor: Arc<CountingProcessor>,
    pub health: api_grpc::Health,
    /// What serves other protocols beside gRPC, once.
    web: Option<(Web, Calls)>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

impl Harness {
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let known = options.known.clone().unwrap_or_else(|| Arc::new(Known::new()));
        let clock = known.clock.clone();
        let sandbox = Arc::new(FakeSandbox::default());
        let calls = Arc::new(RecordedCalls::default());
        let compiler = Arc::new(FakeCompiler::default());
        let utilities = InMemoryUtilityRepository::new(clock.clone()).noting(known.events.clone()).bounded_by(known.tenants.clone());
        let utility_faults = utilities.faults().clone();
        let stored = Arc::new(HaltingUtilities::new(utilities));
        let spawner = Arc::new(TokioSpawner::current());
        let processor = Arc::new(CountingProcessor::default());
        let execution_store = Arc::new(InMemoryExecutionRepository::new(clock.clone()).noting(known.events.clone()));
        let platform = Arc::new(FakePlatform::new(Arc::new(FakeManifests), clock.clone()));
        let services = services(
            &options,
            &Parts {
                platform: platform.clone(),
                clock: clock.clone(),
                sandbox: sandbox.clone(),
                compiler: compiler.clone(),
                stored: stored.clone(),
                spawner: spawner.clone(),
                processor: processor.clone(),
                execution_store: execution_store.clone(),
                known: known.clone(),
            },
        );
        let auditor = services.auditor.clone();
        let (identities, running) = (services.identities.clone(), services.executions.clone());
        let config = Config { deadlines: options.deadlines, metrics: calls.clone(), ..Config::default() };
        let max_connections = options.max_connections.unwrap_or(config.max_connections);
        let preface_patience = options.preface_patience.unwrap_or(config.preface_patience);
        let idle_patience = options.idle_patience.unwrap_or(config.idle_patience);
        let (shown, client) = options.tls.clone().unzip();
        let record_singly = options.record_singly.clone();
        let config = Config { max_connections, preface_patience, idle_patience, record_singly, tls: shown, ..config };
        let server = Server::new(services, config).await.expect("contract and domain agree");
        let health = server.health();
        let web = Some((server.web(), server.calls()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(serve(server, listener, options.peer, stopped));
        let channel = match client {
            None => Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap(),
            Some(client) => encrypted::channel(address, client).await.unwrap(),
        };
        Harness {
            utilities: UtilityServiceClient::new(channel.clone()),
            copies: CopyServiceClient::new(channel.clone()),
            executions: ExecutionServiceClient::new(channel.clone()),
            policies: CodePolicyServiceClient::new(channel.clone()),
            access: AccessServiceClient::new(channel.clone()),
            tenants: TenantServiceClient::new(channel.clone()),
            runtimes: RuntimeServiceClient::new(channel.clone()),
            servers: ServerServiceClient::new(channel.clone()),
            audit: AuditServiceClient::new(channel.clone()),
            events: EventServiceClient::new(channel.clone()),
            webhooks: WebhookServiceClient::new(channel.clone()),
            schedules: ScheduleServiceClient::new(channel.clone()),
            secrets: SecretServiceClient::new(channel.clone()),
            operations: OperationServiceClient::new(channel.clone()),
            batches: BatchServiceClient::new(channel.clone()),
            processes: ProcessServiceClient::new(channel.clone()),
            platform,
            auditor,
            execution_store,
            identity: IdentityServiceClient::new(channel.clone()),
            identities,
            running,
            known_tenants: known.tenants.clone(),
            known,
            channel,
            address,
            sandbox,
            compiler,
            clock,
            calls,
            stored,
            utility_faults,
            spawner,
            processor,
            health,
            web,
            stop: Some(stop),
            server,
        }
    }

    /// Creates a utility with this code.
    pub async fn create(&self, id: &str, code: &str) -> utilities::Utility {
        let utility = utilities::Utility { code: code.to_owned(), ..Default::default() };
        self.create_as(id, utility).await.unwrap()
    }

    pub async fn create_as(&self, id: &str, utility: utilities::Utility) -> Result<utilities::Utility, Status> {
        let request = utilities::CreateUtilityRequest {
            parent: TENANT.to_owned(),
            utility_id: id.to_owned(),
            utility: Some(utility),
            ..Default::default()
        };
        Ok(self.utilities.clone().create_utility(request).await?.into_inner())
    }

    pub async fn get(&self, id: &str) -> utilities::Utility {
        let request = utilities::GetUtilityRequest { name: utility_name(id) };
        self.utilities.clone().get_utility(request).await.unwrap().into_inner()
    }

    pub async fn execution(&self, name: &str) -> executions::Execution {
        let request = executions::GetExecutionRequest { name: name.to_owned() };
        self.executions.clone().get_execution(request).await.unwrap().into_inner()
    }

    /// Follows an execution to its end, from the first event on.
    pub async fn watch(&self, name: &str, after_sequence: i64) -> Vec<executions::ExecutionEvent> {
        let request = executions::WatchExecutionRequest { name: name.to_owned(), after_sequence };
        let stream = self.executions.clone().watch_execution(request).await.unwrap().into_inner();
        stream.map(|event| event.unwrap()).collect().await
    }

    /// The execution, once it has ended.
    pub async fn ended(&self, name: &str) -> executions::Execution {
        self.watch(name, 0).await;
        self.execution(name).await
    }

    /// Serves the calls themselves on a port for other protocols, for as long as the test lasts.
    pub async fn serve_web(&mut self) -> SocketAddr {
        let calls = self.web.as_ref().expect("served once").1.clone();
        self.serve_web_of(calls).await
    }

    /// Serves what answers by itself there.
    pub async fn serve_web_of<S>(&mut self, service: S) -> SocketAddr
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        let (web, _calls) = self.web.take().expect("served once");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(web.serve(listener, service, std::future::pending()));
        address
    }

    /// Asks the server to stop, and waits until it has.
    pub async fn stop(mut self) {
        let stop = self.stop.take().expect("stopped once");
        stop.send(()).expect("the server runs");
        (&mut self.server).await.expect("the server ends well");
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub fn utility_name(id: &str) -> String {
    format!("{TENANT}/utilities/{id}")
}

/// Details of a status; every status of ours has an ErrorInfo.
pub fn details(status: &Status) -> ErrorDetails {
    let details = status.get_error_details();
    assert!(details.error_info().is_some(), "{status:?} has no ErrorInfo");
    details
}

pub fn reason(status: &Status) -> String {
    let details = details(status);
    let info = details.error_info().expect("checked above");
    assert_eq!(info.domain, api_grpc::ERROR_DOMAIN);
    info.reason.clone()
}

/// Field and reason of each violation.
pub fn violations(status: &Status) -> Vec<(String, String)> {
    assert_eq!(status.code(), tonic::Code::InvalidArgument, "{status:?}");
    let details = details(status);
    let request = details.bad_request().expect("violations are listed");
    request.field_violations.iter().map(|violation| (violation.field.clone(), violation.reason.clone())).collect()
}

pub fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(field, reason)| ((*field).to_owned(), (*reason).to_owned())).collect()
}

/// A lease that does not end however far a test moves the clock: a century.
const FOR_EVER: Duration = Duration::from_secs(100 * 366 * 86_400);

/// What stands behind the services.
struct Parts {
    platform: Arc<FakePlatform>,
    clock: Arc<FakeClock>,
    sandbox: Arc<FakeSandbox>,
    compiler: Arc<FakeCompiler>,
    stored: Arc<HaltingUtilities>,
    spawner: Arc<TokioSpawner>,
    processor: Arc<CountingProcessor>,
    execution_store: Arc<InMemoryExecutionRepository>,
    known: Arc<Known>,
}

fn services(options: &Options, parts: &Parts) -> Services {
    let Parts { platform, clock, sandbox, compiler, stored, spawner, processor, execution_store, known } = parts;
    let local = PrincipalName::parse("principal", &options.principal).unwrap();
    let authenticator: Arc<dyn Authenticator> = match (&options.authenticator, &options.known) {
        (Some(authenticator), _) => authenticator.clone(),
        (None, Some(known)) => Arc::new(known.authentication(CertificateNames::default(), None)),
        (None, None) => Arc::new(LoopbackAuthenticator::new(local)),
    };
    let ids = Arc::new(SequentialIds::default());
    let policy_store = Arc::new(InMemoryCodePolicyRepository::default());
    let checker = Arc::new(FakeChecker);
    let grants = known.store.grants();
    let matrix = MatrixRules::new(LocalRules::new(sample::tenant("demo")), grants.clone(), clock.clone());
    let rules = options.rules.clone().unwrap_or_else(|| Arc::new(matrix.clone()));
    let explanations = ExplanationPorts {
        principals: known.store.clone(),
        utilities: stored.clone(),
        executions: execution_store.clone(),
        schedules: execution_store.clone(),
        operations: execution_store.clone(),
        grants: grants.clone(),
        tenants: known.tenants.clone(),
    };
    let admission = admission::Admission::new(options.admission.clone());
    let gate = Gate::new(GatePorts {
        policies: policy_store.clone(),
        checker: checker.clone(),
        runtimes: compiler.clone(),
        compiler: compiler.clone(),
        admission: admission.clone(),
        tenants: known.tenants.clone(),
        clock: clock.clone(),
    });
    let utilities = Utilities::new(stored.clone(), gate.clone(), clock.clone(), ids.clone(), processor.clone());
    let policy = AccessPolicy::new(rules, known.tenants.clone());
    let incidents = Arc::new(RecordedIncidents::default());
    let copies = Copies::new(utilities.clone(), stored.clone(), policy.clone(), known.tenants.clone(), incidents, clock.clone());
    let audit_ports = domain::audit::Ports {
        repository: execution_store.clone(),
        spawner: spawner.clone(),
        incidents: Arc::new(RecordedIncidents::default()),
        clock: clock.clone(),
        ids: ids.clone(),
    };
    let auditor = Auditor::new(audit_ports, InstanceId::new("test"));
    let ports = Ports {
        utilities: stored.clone(),
        grants: grants.clone(),
        executions: execution_store.clone(),
        queue: execution_store.clone(),
        signals: Arc::new(InMemorySignals::default()),
        keeper: Arc::new(Keeper::new(execution_store.clone(), clock.clone(), InstanceId::new("test"))),
        sandbox: sandbox.clone(),
        tenants: known.tenants.clone(),
        gate,
        admission,
        auditor: auditor.clone(),
        incidents: Arc::new(RecordedIncidents::default()),
        secrets: known.named_secrets.clone(),
        policy: policy.clone(),
        authenticator: authenticator.clone(),
        binder: Arc::new(FakeBinder),
        clock: clock.clone(),
        ids,
        spawner: spawner.clone(),
    };
    let config = domain::execution::Config { heartbeat: HEARTBEAT };
    let executions = Executions::new(ports, config);
    executions.begin().now_or_never().expect("stores in memory answer at once").expect("stores in memory answer");
    let tenure = Tenure::of_job(PLATFORM_JOB, execution_store.clone(), clock.clone(), InstanceId::new("test")).lasting(FOR_EVER);
    tenure.keep().now_or_never().expect("stores in memory answer at once").expect("stores in memory answer");
    let webhook_ports = WebhookPorts { repository: known.webhooks.clone(), sender: Arc::new(FakeSender::default()), clock: clock.clone() };
    let event_ports = EventPorts { repository: known.events.clone(), auditor: auditor.clone(), clock: clock.clone() };
    let schedules = Schedules::new(SchedulePorts {
        repository: execution_store.clone(),
        executions: executions.clone(),
        policy: policy.clone(),
        authenticator: authenticator.clone(),
        tenants: known.tenants.clone(),
        calendar: Arc::new(UtcCalendar),
        timetable: Arc::new(EveryMinutes),
        clock: clock.clone(),
    });
    Services {
        schedules,
        authenticator,
        auditor,
        events: EventLog::new(event_ports),
        webhooks: Webhooks::new(webhook_ports),
        secrets: NamedSecrets::new(known.named_secrets.clone(), clock.clone()),
        platforms: Platforms::new(PlatformPorts {
            manifests: Arc::new(FakeManifests),
            platform: platform.clone(),
            repository: known.platforms.clone(),
            tenure: Arc::new(tenure),
            spawner: spawner.clone(),
            clock: clock.clone(),
        }),
        audit: AuditLog::new(LogPorts {
            repository: execution_store.clone(),
            tree: Arc::new(FakeTree::new(execution_store.clone())),
            executions: execution_store.clone(),
            policies: policy_store.clone(),
            clock: clock.clone(),
        }),
        spawner: spawner.clone(),
        policy,
        limits: options.limits.clone(),
        copies,
        tenants: Tenants::new(known.tenants.clone(), Arc::new(UtcCalendar), clock.clone()),
        explanations: Explanations::new(matrix, explanations),
        shares: Shares::new(grants.clone(), stored.clone(), known.tenants.clone(), clock.clone()),
        sharing: Sharing::new(grants, stored.clone(), known.store.clone(), clock.clone()),
        utilities,
        policies: CodePolicies::new(policy_store, checker, clock.clone()),
        runtimes: Runtimes::new(compiler.clone()),
        servers: Servers::new(Arc::new(FakeServerFacts), executions.clone(), Arc::new(FakeKeys::default())),
        operations: Operations::new(execution_store.clone(), executions.clone()),
        executions,
        identities: known.identities(stored.clone(), execution_store),
        clock: clock.clone(),
    }
}

async fn serve(server: Server, listener: TcpListener, peer: Option<SocketAddr>, stopped: oneshot::Receiver<()>) {
    // A harness that is dropped aborts the server; only a message stops it.
    let stopped = async {
        if stopped.await.is_err() {
            std::future::pending::<()>().await
        }
    };
    let served = match peer {
        None => server.serve(listener, stopped).await,
        Some(peer) => {
            let incoming = TcpListenerStream::new(listener).map(move |stream| stream.map(|stream| Disguised { stream, peer }));
            server.serve_with_incoming(incoming, stopped).await
        }
    };
    served.expect("connections are accepted");
}
