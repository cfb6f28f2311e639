//! The server: services, health and reflection behind the layer, on a hardened HTTP/2 connection. It binds no port and reads no
//! configuration; that is the composition root's.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use api_proto::DESCRIPTOR_SET;
use api_proto::zona::access::v1::access_service_server::AccessServiceServer;
use api_proto::zona::audit::v1::audit_service_server::AuditServiceServer;
use api_proto::zona::event::v1::event_service_server::EventServiceServer;
use api_proto::zona::event::v1::webhook_service_server::WebhookServiceServer;
use api_proto::zona::execution::v1::execution_service_server::ExecutionServiceServer;
use api_proto::zona::identity::v1::identity_service_server::IdentityServiceServer;
use api_proto::zona::operation::v1::batch_service_server::BatchServiceServer;
use api_proto::zona::operation::v1::operation_service_server::OperationServiceServer;
use api_proto::zona::process::v1::process_service_server::ProcessServiceServer;
use api_proto::zona::runtime::v1::runtime_service_server::RuntimeServiceServer;
use api_proto::zona::schedule::v1::schedule_service_server::ScheduleServiceServer;
use api_proto::zona::secret::v1::secret_service_server::SecretServiceServer;
use api_proto::zona::server::v1::server_service_server::ServerServiceServer;
use api_proto::zona::tenant::v1::tenant_service_server::TenantServiceServer;
use api_proto::zona::utility::v1::code_policy_service_server::CodePolicyServiceServer;
use api_proto::zona::utility::v1::copy_service_server::CopyServiceServer;
use api_proto::zona::utility::v1::utility_service_server::UtilityServiceServer;
use domain::access::{AccessPolicy, Authenticator, Explanations, Shares, Sharing};
use domain::audit::{AuditLog, Auditor};
use domain::code_policy::CodePolicies;
use domain::event::EventLog;
use domain::execution::{Executions, MAX_OUTCOMES, MAX_REQUEST};
use domain::identity::Identities;
use domain::limit::CallLimits;
use domain::operation::Operations;
use domain::process::Platforms;
use domain::runtime::Runtimes;
use domain::schedule::Schedules;
use domain::secret::NamedSecrets;
use domain::server::Servers;
use domain::tenant::Tenants;
use domain::time::Clock;
use domain::utility::{Copies, Utilities};
use domain::webhook::Webhooks;
use domain::work::Spawner;
use futures_util::{Stream, StreamExt as _};
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::transport::server::{Connected, TcpConnectInfo};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tower::Layer as _;
use tower::util::BoxCloneSyncService;

use crate::access_handler::AccessUseCases;
use crate::budget::Budget;
use crate::check_permissions;
use crate::compression;
use crate::copy_handler::CopyUseCases;
use crate::error::Error;
use crate::execution_handler::ExecutionUseCases;
use crate::handler::Handler;
use crate::layer::{CallLayer, CallMetrics, Deadlines, LinkTrace, NoMetrics, Parts};
use crate::method::{Methods, RecordedSingly};
use crate::perform::Performer;
use crate::settle::{Places, Settling};
use opening::{Opened, Opening};

mod accept;
mod connection;
mod counted;
mod idle_frames;
mod opening;
mod place;
mod web;

pub use web::Web;

/// Connections that are open at once, unless somebody says otherwise: a few for each caller, and far fewer than a process may
/// have descriptors.
pub const DEFAULT_MAX_CONNECTIONS: usize = 512;
/// How long a connection may be open before it begins to speak HTTP/2. A client begins at once, so this is for slow links; who says
/// nothing holds one of the places for no longer.
const PREFACE_PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection without an open call stays open. A client opens another when it needs one; who only holds one of the places
/// does so for no longer.
const IDLE_PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of one answer, so that no execution that ran is too large to be answered: parameters and stored values of a request, what the
/// verdicts on all values may add up to, and everything else of an execution.
const MAX_ANSWER: usize = MAX_REQUEST + MAX_OUTCOMES + 1024 * 1024;

/// The use cases behind the services.
#[derive(Clone)]
pub struct Services {
    /// Finds out who calls.
    pub authenticator: Arc<dyn Authenticator>,
    /// Decides who may do what.
    pub policy: AccessPolicy,
    /// How often tenants may call.
    pub limits: Arc<dyn CallLimits>,
    /// Runs changes, which go on when their caller goes away.
    pub spawner: Arc<dyn Spawner>,
    /// Records what happens.
    pub auditor: Auditor,
    /// Use cases of audit logs.
    pub audit: AuditLog,
    /// Use cases of events.
    pub events: EventLog,
    /// Use cases of webhooks.
    pub webhooks: Webhooks,
    /// Use cases of the platform.
    pub platforms: Platforms,
    /// Use cases of schedules.
    pub schedules: Schedules,
    /// Use cases of named secrets.
    pub secrets: NamedSecrets,
    /// Use cases of utilities.
    pub utilities: Utilities,
    /// Use cases of copies.
    pub copies: Copies,
    /// Use cases of executions.
    pub executions: Executions,
    /// Use cases of operations.
    pub operations: Operations,
    /// Use cases of code policies.
    pub policies: CodePolicies,
    /// Use cases of grants.
    pub sharing: Sharing,
    /// Use cases of tenants.
    pub tenants: Tenants,
    /// Use cases of sharing across tenants.
    pub shares: Shares,
    /// Explains what may be done.
    pub explanations: Explanations,
    /// Use cases of runtimes.
    pub runtimes: Runtimes,
    /// Use cases about servers.
    pub servers: Servers,
    /// Use cases of identity.
    pub identities: Identities,
    /// Time of heartbeats.
    pub clock: Arc<dyn Clock>,
}

/// Settings of the server.
#[derive(Clone)]
pub struct Config {
    /// How long calls may take.
    pub deadlines: Deadlines,
    /// Joins the span of a call to the trace of its caller.
    pub link_trace: LinkTrace,
    /// Counts calls.
    pub metrics: Arc<dyn CallMetrics>,
    /// What is recorded singly beyond what always is.
    pub record_singly: RecordedSingly,
    /// Connections that are open at once; more are refused.
    pub max_connections: usize,
    /// How long a connection may take to begin, its handshake included; then it is closed.
    pub preface_patience: Duration,
    /// How long a connection without an open call stays open.
    pub idle_patience: Duration,
    /// The certificate, and who lets clients in; `None` serves plain text.
    pub tls: Option<Arc<tls::Server>>,
}

/// A server that is ready to serve.
pub struct Server {
    routes: Routes,
    layer: CallLayer,
    health: Health,
    max_connections: usize,
    preface_patience: Duration,
    idle_patience: Duration,
    tls: Option<Arc<tls::Server>>,
    request_patience: Duration,
    /// What requests that have not ended may hold, on all ports.
    budget: Budget,
}

/// The services behind their layers, for who makes calls of other protocols. Cheap to clone.
pub type Calls = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// What health checks answer. Cheap to clone.
#[derive(Clone)]
pub struct Health {
    reporter: HealthReporter,
    methods: Methods,
}

impl Default for Config {
    /// Default deadlines, no metrics, no traces, and no TLS.
    fn default() -> Self {
        Config {
            deadlines: Deadlines::default(),
            link_trace: Arc::new(|_, _| String::new()),
            metrics: Arc::new(NoMetrics),
            record_singly: RecordedSingly::default(),
            max_connections: DEFAULT_MAX_CONNECTIONS,
            preface_patience: PREFACE_PATIENCE,
            idle_patience: IDLE_PATIENCE,
            tls: None,
        }
    }
}

impl Server {
    /// Puts the server together.
    ///
    /// # Errors
    /// [`Error`]: the contract that was built in does not fit the domain.
    pub async fn new(services: Services, config: Config) -> Result<Self, Error> {
        check_permissions()?;
        let methods = Methods::of_contract(&config.record_singly);
        let settling = Settling::new(Arc::clone(&services.spawner), Arc::clone(&config.metrics), Places::of_server());
        let request_patience = config.deadlines.request;
        let layer = CallLayer::new(Parts {
            methods: methods.clone(),
            deadlines: config.deadlines,
            link_trace: config.link_trace,
            metrics: config.metrics,
        });
        let (reporter, health_service) = tonic_health::server::health_reporter();
        let health = Health { reporter, methods };
        health.set_serving(true).await;
        // With the descriptors of error details, generic clients show an error's parts in place of their bytes.
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        };
        let routes = services
            .routes(settling)
            .add_service(health_service)
            .add_service(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?);
        let Config { max_connections, preface_patience, idle_patience, tls, .. } = config;
        let budget = Budget::of_server();
        Ok(Server { routes, layer, health, max_connections, preface_patience, idle_patience, tls, request_patience, budget })
    }

    /// The services behind their layers: whoever calls them here passes all that a call over a connection passes.
    pub fn calls(&self) -> Calls {
        BoxCloneSyncService::new(self.layer.layer(self.routes.clone().prepare()))
    }

    /// What it takes to serve other protocols beside this one: the same certificate, and the same bounds.
    pub fn web(&self) -> Web {
        Web {
            tls: self.tls.clone(),
            budget: self.budget.clone(),
            max_connections: self.max_connections,
            preface_patience: self.preface_patience,
            idle_patience: self.idle_patience,
            request_patience: self.request_patience,
        }
    }

    /// What health checks answer, for who starts and stops the server.
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// Serves the connections of `listener` until `shutdown` completes and the calls that are open then have ended. Health turns
    /// to NOT_SERVING at once. Connections beyond the most are refused, and those that say nothing are closed; while others cannot be accepted, for want of descriptors, they wait.
    ///
    /// # Errors
    /// Never: a connection that fails is its own matter.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> Result<(), Infallible> {
        let connections = accept::connections(listener, self.tls.clone(), self.max_connections, self.preface_patience);
        self.serve_openings(connections, shutdown).await
    }

    /// Serves connections of any kind, as they come; a caller is local only where the connection says so.
    ///
    /// # Errors
    /// Never: a connection that fails is its own matter.
    pub async fn serve_with_incoming<I, C, E>(self, incoming: I, shutdown: impl Future<Output = ()>) -> Result<(), Infallible>
    where
        I: Stream<Item = Result<C, E>>,
        C: AsyncRead + AsyncWrite + Connected<ConnectInfo = TcpConnectInfo> + Unpin + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.serve_openings(incoming.map(|accepted| accepted.map(Opened)), shutdown).await
    }

    async fn serve_openings<I, O, E>(self, incoming: I, shutdown: impl Future<Output = ()>) -> Result<(), Infallible>
    where
        I: Stream<Item = Result<O, E>>,
        O: Opening,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let health = self.health;
        let stop = async move {
            shutdown.await;
            health.set_serving(false).await;
        };
        let service = self.layer.layer(self.routes.prepare());
        connection::serve(incoming, service, self.budget, self.idle_patience, stop).await;
        Ok(())
    }
}

impl Services {
    fn routes(self, settling: Settling) -> Routes {
        let performer = Performer::new(self.authenticator, self.policy, self.limits, settling, self.auditor, Arc::clone(&self.clock));
        let executions = ExecutionUseCases { executions: self.executions, clock: self.clock };
        let mut routes = Routes::default();
        // One line a service; what the servers have in common, their generated types do not say in a trait.
        macro_rules! serve {
            ($server:ident: $use_cases:expr) => {{
                let server = $server::new(Handler::new(performer.clone(), $use_cases)).send_compressed(compression::ENCODING);
                routes = routes.add_service(server.max_decoding_message_size(MAX_REQUEST).max_encoding_message_size(MAX_ANSWER));
            }};
        }
        serve!(CopyServiceServer: CopyUseCases { copies: self.copies, utilities: self.utilities.clone() });
        serve!(UtilityServiceServer: Arc::new(self.utilities));
        serve!(ExecutionServiceServer: executions);
        serve!(CodePolicyServiceServer: self.policies);
        serve!(AccessServiceServer: AccessUseCases { sharing: self.sharing, shares: self.shares, explanations: self.explanations });
        serve!(TenantServiceServer: self.tenants);
        serve!(RuntimeServiceServer: self.runtimes);
        serve!(ServerServiceServer: self.servers);
        serve!(AuditServiceServer: self.audit);
        serve!(IdentityServiceServer: self.identities);
        serve!(EventServiceServer: self.events);
        serve!(WebhookServiceServer: self.webhooks);
        serve!(ScheduleServiceServer: self.schedules);
        serve!(SecretServiceServer: self.secrets);
        serve!(ProcessServiceServer: self.platforms);
        serve!(OperationServiceServer: self.operations.clone());
        serve!(BatchServiceServer: self.operations);
        routes
    }
}

impl Health {
    /// Whether calls are welcome, for each service and the server as a whole.
    pub async fn set_serving(&self, serving: bool) {
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in std::iter::once("").chain(self.methods.services()) {
            self.reporter.set_service_status(service, status).await;
        }
    }
}
