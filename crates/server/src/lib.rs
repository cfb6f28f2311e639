//! The composition root: puts adapters behind the domain's ports, serves, and takes everything down again in order.
//!
//! Ports are bound before any heavy work, so that a second server fails at once; what was started is stopped in reverse.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use api_grpc::{Server, Services};
use auth::KeyRing;
use domain::access::{AccessPolicy, Authenticator, ExplanationPorts, Explanations, LocalRules, MatrixRules, Shares, Sharing};
use domain::admission::Admission;
use domain::archive::{ArchivePorts, Archiver};
use domain::audit::Auditor;
use domain::code_policy::CodePolicies;
use domain::event::{EventLog, EventPorts};
use domain::execution::{self, Executions, Ports};
use domain::id::IdSource;
use domain::lease::{InstanceId, Keeper, Tenure};
use domain::operation::Operations;
use domain::process::PLATFORM_JOB;
use domain::retention::{Retention, RetentionConfig, RetentionPorts};
use domain::runtime::Runtimes;
use domain::secret::NamedSecrets;
use domain::server::Servers;
use domain::tenant::{TenantRepository, Tenants};
use domain::time::Clock;
use domain::utility::{Copies, Gate, GatePorts, Utilities};
use domain::webhook::{Deliveries, DeliveryPorts, WebhookPorts, WebhookSender, Webhooks};
use futures_util::future::BoxFuture;
use python_check::JsonBinder;
use sandbox::Sandboxes;
use settings::Surroundings;
use telemetry::admin::{Names, Readiness};
use telemetry::{Metrics, Telemetry};
use tokio::net::TcpListener;
use webhooks::HttpSender;

mod agent;
mod archive;
mod audit;
mod bridge;
mod callers;
mod certificates;
pub mod config;
mod developer;
mod directory;
mod error;
mod gateway;
mod identity;
mod loopback;
mod platform;
mod proof;
pub mod redis;
mod rotation;
pub mod sandboxes;
mod schedules;
pub mod seed;
mod stop;
pub mod storage;
mod stores;
mod system;
mod tasks;

use audit::{Audit, Reported, Signing};
use bridge::advisories::Feed;
use bridge::calendar::IanaCalendar;
use bridge::checker::BlockingChecker;
use bridge::compiler::SandboxCompiler;
use bridge::facts::ProcessFacts;
use bridge::incidents::LoggedIncidents;
use bridge::measured::MeasuredExecutions;
use bridge::processor::BlockingProcessor;
use bridge::readings::{self, CallCounts};
use bridge::traced::TracedSandbox;
use callers::Callers;
use certificates::Certificates;
use config::Config;
pub use developer::Developer;
use developer::Maker;
pub use error::{Error, StoreTrouble};
use loopback::tenant;
pub use stop::Running;
use stores::Stores;
use system::{SystemClock, UuidIds};
use tasks::Tasks;

/// Silence after which a watcher gets a heartbeat.
const HEARTBEAT: std::time::Duration = std::time::Duration::from_secs(5);

/// What the use cases and the store need, made before anything is served.
struct Parts {
    /// The keys of access tokens.
    ring: Arc<KeyRing>,
    metrics: Arc<Metrics>,
    stores: Stores,
    sandboxes: Sandboxes,
    tasks: Tasks,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    instance: String,
    runtime_directory: Option<PathBuf>,
}

/// How a server differs from the usual one.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Creates the example utilities.
    pub seeds: bool,
    /// Makes an account that administers the tenant `demo`, for whoever starts the server.
    pub developer: bool,
    /// Names the installation instead of the data directory, for one that does not last: the next of its name sweeps what it left.
    pub installation: Option<String>,
    /// Takes calls for welcome, in what health answers, only once the sandbox has withstood the escape probes; programs wait
    /// for that, too. Otherwise the probes run beside the first programs.
    pub proves_itself_first: bool,
    /// Lets what runs come to its end when it stops, for as long as is configured.
    pub drains: bool,
    /// What the log should say first: what was odd about the configuration.
    pub warnings: Vec<String>,
}

/// Starts a server.
///
/// # Errors
/// See [`Error`]; what was started until then is stopped again.
pub fn start<'a>(config: &'a Config, surroundings: &'a Surroundings, options: Options) -> BoxFuture<'a, Result<Running, Error>> {
    // Boxed, so that what it awaits is compiled with this crate instead of with the binary, where nothing is left to compile beside it.
    Box::pin(assemble(config, surroundings, options))
}

async fn assemble(config: &Config, surroundings: &Surroundings, options: Options) -> Result<Running, Error> {
    let listener = bind(config.listening.listen).await?;
    let gateway = match config.gateway.listen {
        Some(address) => {
            let listener = bind(address).await?;
            let address = local(&listener)?;
            Some(gateway::Port::new(listener, address))
        }
        None => None,
    };
    let admin = bind(config.listening.admin_listen).await?;
    let (address, admin_address) = (local(&listener)?, local(&admin)?);
    let metrics = Arc::new(Metrics::new());
    let instance = identity::instance();
    let telemetry = Telemetry::start(&config.log.config(&config.otlp, &instance), metrics.spans_dropped())?;
    for warning in &options.warnings {
        tracing::warn!("{warning}");
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (stores, ring) = Stores::open(config, clock.now(), &instance).await?;
    let lasting = options.installation.is_none() && config.sandbox.runtime_directory.is_none();
    let installation = options.installation.map_or_else(|| identity::installation(&config.listening.data), Ok)?;
    let settings = sandboxes::for_server(config, surroundings, &installation, &instance, options.proves_itself_first);
    let runtime_directory = lasting.then(|| settings.runtime_directory.clone());
    let sandboxes = match Sandboxes::open(settings).await {
        Ok(sandboxes) => sandboxes,
        Err(error) => {
            stop::remove_runtime_directory(runtime_directory.as_deref());
            stores.close().await;
            return Err(error.into());
        }
    };
    let parts = Parts {
        ring,
        stores,
        sandboxes,
        tasks: Tasks::new(Arc::new(LoggedIncidents::new(Arc::clone(&metrics))), Arc::clone(&clock)),
        clock,
        ids: Arc::new(UuidIds),
        instance,
        runtime_directory,
        metrics,
    };
    let Options { seeds, developer, proves_itself_first, drains, .. } = options;
    let manner = Manner { seeds, developer, proves_itself_first, drains };
    let (undo_stores, undo_sandboxes, undo_directory) = (parts.stores.clone(), parts.sandboxes.clone(), parts.runtime_directory.clone());
    let started = serve(config, parts, Listeners { listener, gateway, admin, address, admin_address }, telemetry, manner).await;
    if started.is_err() {
        undo_sandboxes.shutdown().await;
        stop::remove_runtime_directory(undo_directory.as_deref());
        undo_stores.close().await;
    }
    started
}

struct Manner {
    seeds: bool,
    developer: bool,
    proves_itself_first: bool,
    drains: bool,
}

struct Listeners {
    listener: TcpListener,
    gateway: Option<gateway::Port>,
    admin: TcpListener,
    address: SocketAddr,
    admin_address: SocketAddr,
}

async fn serve(config: &Config, parts: Parts, listeners: Listeners, telemetry: Telemetry, manner: Manner) -> Result<Running, Error> {
    let advisories = Arc::new(Feed::open(config.listening.advisories.as_deref(), Arc::clone(&parts.clock))?);
    let rules = MatrixRules::new(LocalRules::new(tenant()), Arc::clone(&parts.stores.grants), Arc::clone(&parts.clock));
    let tenants: Arc<dyn TenantRepository> = parts.stores.store.clone();
    tenants.ensure(&config.named_tenants(), parts.clock.now()).await.map_err(Error::Tenants)?;
    let policy = AccessPolicy::new(Arc::new(rules.clone()), parts.stores.store.clone());
    let gate_ports = gate_ports(config, &parts, Arc::clone(&advisories));
    let gate = Gate::new(gate_ports.clone());
    let GatePorts { policies, checker, runtimes, admission, clock, .. } = gate_ports;
    let (kept, processor, ids) = (Arc::clone(&parts.stores.utilities), Arc::new(BlockingProcessor::new()), Arc::clone(&parts.ids));
    let utilities = Utilities::new(kept, gate.clone(), Arc::clone(&clock), ids, processor);
    let audit = audit_log(config, &parts)?;
    let callers = Callers::open(config, Arc::clone(&parts.ring), &parts.stores, &parts.clock, &parts.ids, &audit.auditor).await?;
    let rights = (policy.clone(), Arc::clone(&callers.authenticator));
    let executions = executions(&parts, gate, admission, audit.auditor.clone(), rights);
    let (retention, archiver) = (retention(config, &parts, &audit), archiver(&parts));
    let recovered = executions.begin().await.map_err(Error::Recover)?;
    let left_open = audit.tend().await;
    let events = event_log(&parts, &audit.auditor);
    let sender: Arc<dyn WebhookSender> = Arc::new(HttpSender::open(config.webhooks.sender()).map_err(Error::Receivers)?);
    let instance = InstanceId::new(parts.instance.as_str());
    let deliveries = Deliveries::new(delivery_ports(&parts, &audit.auditor, &sender), config.webhooks.deliveries(), instance);
    let certificates = certificates(config, &parts)?;
    let bootstrap_code = callers.bootstrap_code(config).await?;
    let mut closed = None;
    let developer = match manner.developer {
        true => unless_closed(developer(config, &policy, &callers, &audit.auditor, clock.as_ref()).await, &mut closed)?,
        false => None,
    };
    let seeded = match manner.seeds {
        true => unless_closed(seed::create(&policy, &utilities, &audit.auditor).await.map_err(Error::Seed), &mut closed)?,
        false => None,
    };
    readings::observe(&parts.metrics, executions.clone(), parts.sandboxes.clone());
    readings::observe_cache(&parts.metrics, &parts.stores.cache);
    readings::observe_live(&parts.metrics, parts.stores.live.as_ref());
    readings::observe_advisories(&parts.metrics, Arc::clone(&advisories));
    readings::observe_store(&parts.metrics, parts.stores.store.clone());

    let api = api_grpc::Config {
        max_connections: config.listening.max_connections,
        link_trace: Arc::new(telemetry::trace_context::continue_trace),
        metrics: Arc::new(CallCounts::new(Arc::clone(&parts.metrics))),
        record_singly: config.audit.record_singly(),
        tls: certificates.as_ref().map(Certificates::server),
        ..api_grpc::Config::default()
    };
    let servers = Servers::new(Arc::new(facts(config, &parts)), executions.clone(), parts.stores.store.clone());
    let Stores { utilities: sources, store: states, .. } = &parts.stores;
    let incidents = Arc::new(LoggedIncidents::new(Arc::clone(&parts.metrics)));
    let copies = Copies::new(utilities.clone(), Arc::clone(sources), policy.clone(), states.clone(), incidents, Arc::clone(&clock));
    let limits = Arc::new(stores::call_limits(config)?);
    readings::observe_limits(&parts.metrics, Arc::clone(&limits));
    let instance = InstanceId::new(parts.instance.as_str());
    let tenure = Arc::new(Tenure::of_job(PLATFORM_JOB, parts.stores.store.clone(), Arc::clone(&parts.clock), instance));
    let (platforms, orchestrator) =
        platform::platforms(config, parts.stores.store.clone(), tenure, Arc::new(parts.tasks.clone()), Arc::clone(&parts.clock))?;
    let managing = platforms.clone();
    let owners = schedules::Owners { policy: &policy, authenticator: &callers.authenticator };
    let place = schedules::Place { store: &parts.stores.store, clock: &parts.clock };
    let instance = InstanceId::new(parts.instance.as_str());
    let starter = schedules::Starter { instance, auditor: &audit.auditor, metrics: &parts.metrics };
    let scheduler = schedules::scheduler(&place, &executions, &owners, starter);
    let kept_schedules = schedules::schedules(&place, &executions, &owners);
    let operations = Operations::new(parts.stores.store.clone(), executions.clone());
    let services = Services {
        schedules: kept_schedules,
        authenticator: Arc::clone(&callers.authenticator),
        policy,
        limits,
        auditor: audit.auditor.clone(),
        audit: audit.log.clone(),
        events: events.clone(),
        webhooks: Webhooks::new(WebhookPorts { repository: parts.stores.store.clone(), sender, clock: Arc::clone(&parts.clock) }),
        platforms,
        secrets: NamedSecrets::new(parts.stores.store.clone(), Arc::clone(&parts.clock)),
        spawner: Arc::new(parts.tasks.clone()),
        utilities,
        copies,
        runtimes: Runtimes::new(runtimes),
        tenants: Tenants::new(tenants, Arc::new(IanaCalendar), Arc::clone(&clock)),
        explanations: Explanations::new(rules, explanation_ports(&parts)),
        sharing: sharing(&parts),
        shares: shares(&parts),
        policies: CodePolicies::new(policies, checker, clock),
        servers: servers.clone(),
        identities: callers.identities.clone(),
        executions: executions.clone(),
        operations: operations.clone(),
        clock: Arc::clone(&parts.clock),
    };
    let server = Server::new(services, api).await?;
    let health = server.health();
    health.set_serving(!manner.proves_itself_first).await;
    let readiness = Readiness::default();
    let tasks = parts.tasks;

    let gateway = listeners.gateway.as_ref().map(|port| port.address);
    if let Some(port) = listeners.gateway {
        port.serve(config, &server, Arc::clone(&callers.issuers), &tasks)?;
    }
    let stopping = tasks.stopping();
    tasks.critical("grpc", async move { server.serve(listeners.listener, stopping.cancelled_owned()).await });
    let names = Names::new(config.listening.admin_names.as_deref().unwrap_or_default());
    let router = telemetry::admin::router(Arc::clone(&parts.metrics), readiness.clone(), names);
    let stopping = tasks.stopping();
    tasks.critical("admin", async move { axum::serve(listeners.admin, router).with_graceful_shutdown(stopping.cancelled_owned()).await });
    tasks.background("retention", move || stop::retain(retention.clone()));
    if let Some((archiver, clock)) = archiver {
        tasks.background("archive", move || archive::go_on(archiver.clone(), Arc::clone(&clock)));
    }
    if let Some(orchestrator) = orchestrator {
        let watch_over = move || {
            let orchestrator = Arc::clone(&orchestrator);
            async move { orchestrator.watch_over().await }
        };
        tasks.background("platform", watch_over);
    }
    tasks.until_stopped("platform lease", move |stopping| {
        let managing = managing.clone();
        async move { managing.manage_until(stopping.cancelled()).await }
    });
    tasks.until_stopped("webhooks", move |stopping| {
        let deliveries = deliveries.clone();
        async move { deliveries.go_on_until(stopping.cancelled()).await }
    });
    tasks.until_stopped("schedules", move |stopping| {
        let scheduler = scheduler.clone();
        async move { scheduler.go_on_until(stopping.cancelled()).await }
    });
    let (keep, most) = (config.events.keep, config.events.max_per_tenant);
    tasks.background("event retention", move || stop::retain_events(events.clone(), keep, most));
    parts.stores.share(&tasks);
    let callers = Arc::new(callers);
    let tended = Arc::clone(&callers);
    tasks.background("keys", move || tended.tend_keys());
    tasks.background("erasures", move || callers.go_on_erasing());
    let clock = Arc::clone(&parts.clock);
    tasks.background("rotations", move || rotation::go_on(servers.clone(), Arc::clone(&clock)));
    tasks.background("advisories", move || Arc::clone(&advisories).follow());
    let encrypted = certificates.is_some();
    if let Some(certificates) = certificates {
        tasks.background("certificates", move || certificates.clone().follow());
    }
    let tended = audit.clone();
    tasks.until_stopped("audit", move |stopping| tended.clone().tend_until(stopping));
    let (tending, hearing) = (executions.clone(), executions.clone());
    // Without its lease a server may begin nothing: it must not go on serving when this ends.
    let stopping = tasks.stopping();
    tasks.critical("lease", async move {
        stopping.run_until_cancelled(tending.tend_forever()).await;
        Ok::<(), Infallible>(())
    });
    tasks.background("stops", move || {
        let hearing = hearing.clone();
        async move { hearing.hear_stops().await }
    });
    let watching = executions.clone();
    tasks.background("lease watch", move || {
        let watching = watching.clone();
        async move { watching.watch_lease().await }
    });
    let (claiming, proven) = (executions.clone(), proof::Proven::new());
    let may_claim = proven.clone();
    tasks.background("claims", move || {
        let (claiming, may_claim) = (claiming.clone(), may_claim.clone());
        async move {
            may_claim.wait().await;
            claiming.claim_forever().await;
        }
    });
    tasks.background("operations", move || {
        let tending = operations.clone();
        async move { tending.tend_forever().await }
    });
    let heeding = executions.clone();
    tasks.background("suspensions", move || {
        let heeding = heeding.clone();
        async move { heeding.heed_suspensions().await }
    });
    if manner.proves_itself_first {
        let (sandboxes, health, readiness) = (parts.sandboxes.clone(), health.clone(), readiness.clone());
        let welcome = move || proof::welcome_once_proven(sandboxes.clone(), health.clone(), readiness.clone(), proven.clone());
        tasks.background("proof", welcome);
    } else {
        readiness.set(true);
        proven.set();
    }
    tracing::info!(address = %listeners.address, recovered, left_open, "serving");
    Ok(Running {
        address: listeners.address,
        gateway,
        encrypted,
        admin_address: listeners.admin_address,
        sandboxes: parts.sandboxes,
        recovered,
        seeded: seeded.unwrap_or_default(),
        bootstrap_code,
        developer,
        closed,
        broken: tasks.broken(),
        drain: if manner.drains { config.executions.drain } else { Duration::ZERO },
        executions,
        audit,
        stores: parts.stores,
        runtime_directory: parts.runtime_directory,
        health,
        readiness,
        tasks,
        telemetry,
    })
}

/// What connections begin with; `None` for plain text.
fn certificates(config: &Config, parts: &Parts) -> Result<Option<Certificates>, Error> {
    let incidents = || Arc::new(LoggedIncidents::new(Arc::clone(&parts.metrics)));
    let files = config.tls.files();
    Ok(files.map(|files| Certificates::open(files, incidents(), Arc::clone(&parts.clock))).transpose()?)
}

/// The audit log, with the key of the directory of keys.
fn audit_log(config: &Config, parts: &Parts) -> Result<Audit, Error> {
    let ports = domain::audit::Ports {
        repository: parts.stores.store.clone(),
        spawner: Arc::new(parts.tasks.clone()),
        incidents: Arc::new(LoggedIncidents::new(Arc::clone(&parts.metrics))),
        clock: Arc::clone(&parts.clock),
        ids: Arc::clone(&parts.ids),
    };
    let (keys, witnesses) = (config.keys_directory(), config.audit.witnesses());
    let signing = Signing { installation: identity::installation(keys)?, key: audit::key(keys)?, witnesses };
    let reported = Reported { executions: parts.stores.store.clone(), policies: parts.stores.store.clone() };
    Ok(Audit::new(ports, reported, &parts.instance, signing))
}

fn delivery_ports(parts: &Parts, auditor: &Auditor, sender: &Arc<dyn WebhookSender>) -> DeliveryPorts {
    DeliveryPorts {
        events: parts.stores.store.clone(),
        webhooks: parts.stores.store.clone(),
        tenants: parts.stores.store.clone(),
        sender: Arc::clone(sender),
        spawner: Arc::new(parts.tasks.clone()),
        leases: parts.stores.store.clone(),
        auditor: auditor.clone(),
        incidents: Arc::new(LoggedIncidents::new(Arc::clone(&parts.metrics))),
        clock: Arc::clone(&parts.clock),
    }
}

fn event_log(parts: &Parts, auditor: &Auditor) -> EventLog {
    EventLog::new(EventPorts { repository: parts.stores.store.clone(), auditor: auditor.clone(), clock: Arc::clone(&parts.clock) })
}

/// What the gate asks; use cases of policies and runtimes ask some of it, too.
fn gate_ports(config: &Config, parts: &Parts, advisories: Arc<Feed>) -> GatePorts {
    let compiler = Arc::new(SandboxCompiler::new(parts.sandboxes.clone(), config.sandbox.backend.as_str(), advisories));
    GatePorts {
        policies: Arc::clone(&parts.stores.policies),
        checker: Arc::new(BlockingChecker::new(parts.sandboxes.clone())),
        runtimes: compiler.clone(),
        compiler,
        admission: Admission::new(config.admission.clone()),
        tenants: parts.stores.store.clone(),
        clock: Arc::clone(&parts.clock),
    }
}

fn sharing(parts: &Parts) -> Sharing {
    let Stores { grants, utilities, store, .. } = &parts.stores;
    Sharing::new(Arc::clone(grants), Arc::clone(utilities), store.clone(), Arc::clone(&parts.clock))
}

fn shares(parts: &Parts) -> Shares {
    let Stores { grants, utilities, store, .. } = &parts.stores;
    Shares::new(Arc::clone(grants), Arc::clone(utilities), store.clone(), Arc::clone(&parts.clock))
}

fn explanation_ports(parts: &Parts) -> ExplanationPorts {
    ExplanationPorts {
        schedules: parts.stores.store.clone(),
        principals: parts.stores.store.clone(),
        utilities: Arc::clone(&parts.stores.utilities),
        executions: parts.stores.store.clone(),
        operations: parts.stores.store.clone(),
        grants: Arc::clone(&parts.stores.grants),
        tenants: parts.stores.store.clone(),
    }
}

fn retention(config: &Config, parts: &Parts, audit: &Audit) -> Retention {
    let store = &parts.stores.store;
    let ports = RetentionPorts {
        tenants: store.clone(),
        executions: Arc::new(MeasuredExecutions::new(store.clone(), Arc::clone(&parts.metrics))),
        store: store.clone(),
        leases: store.clone(),
        calendar: Arc::new(IanaCalendar),
        auditor: audit.auditor.clone(),
        audit: audit.removal.clone(),
        incidents: Arc::new(LoggedIncidents::new(Arc::clone(&parts.metrics))),
        clock: Arc::clone(&parts.clock),
    };
    let executions = &config.executions;
    let instance = InstanceId::new(parts.instance.as_str());
    Retention::new(ports, RetentionConfig { instance, keep: executions.keep, max_output_bytes: executions.max_output_bytes })
}

/// What archives, and the clock that it waits by; `None` where nothing is archived.
fn archiver(parts: &Parts) -> Option<(Archiver, Arc<dyn Clock>)> {
    let (store, objects) = (&parts.stores.store, parts.stores.objects.clone()?);
    let ports = ArchivePorts {
        executions: store.clone(),
        archive: store.clone(),
        objects,
        leases: store.clone(),
        incidents: Arc::new(LoggedIncidents::new(Arc::clone(&parts.metrics))),
        clock: Arc::clone(&parts.clock),
    };
    Some((Archiver::new(ports, InstanceId::new(parts.instance.as_str())), Arc::clone(&parts.clock)))
}

fn facts(config: &Config, parts: &Parts) -> ProcessFacts {
    ProcessFacts {
        instance: parts.instance.clone(),
        started: parts.clock.now(),
        backend: config.sandbox.backend.as_str(),
        sandboxes: parts.sandboxes.clone(),
    }
}

async fn developer(
    config: &Config,
    policy: &AccessPolicy,
    callers: &Callers,
    auditor: &Auditor,
    clock: &dyn Clock,
) -> Result<Developer, Error> {
    let maker = Maker { policy, identities: &callers.identities, authenticator: callers.authenticator.as_ref(), auditor, clock };
    Developer::of(&config.listening.data, maker).await
}

/// What the tenant `demo` is to have at the start, it does not get while it is suspended or deleted, which `closed` then says: the
/// server is there for others, too.
fn unless_closed<T>(made: Result<T, Error>, closed: &mut Option<String>) -> Result<Option<T>, Error> {
    match made {
        Err(Error::Developer(error @ domain::Error::Closed { .. }) | Error::Seed(error @ domain::Error::Closed { .. })) => {
            *closed = Some(error.to_string());
            Ok(None)
        }
        made => made.map(Some),
    }
}

fn executions(
    parts: &Parts,
    gate: Gate,
    admission: Admission,
    auditor: Auditor,
    (policy, authenticator): (AccessPolicy, Arc<dyn Authenticator>),
) -> Executions {
    let store = &parts.stores.store;
    let keeper = Keeper::new(store.clone(), Arc::clone(&parts.clock), InstanceId::new(parts.instance.as_str()));
    let ports = Ports {
        utilities: Arc::clone(&parts.stores.utilities),
        grants: Arc::clone(&parts.stores.grants),
        executions: Arc::new(MeasuredExecutions::new(Arc::clone(&parts.stores.executions), Arc::clone(&parts.metrics))),
        queue: store.clone(),
        signals: Arc::clone(&parts.stores.signals),
        keeper: Arc::new(keeper),
        sandbox: Arc::new(TracedSandbox::new(Arc::new(parts.sandboxes.clone()))),
        tenants: store.clone(),
        gate,
        admission,
        auditor,
        incidents: Arc::new(LoggedIncidents::new(Arc::clone(&parts.metrics))),
        secrets: store.clone(),
        policy,
        authenticator,
        binder: Arc::new(JsonBinder),
        clock: Arc::clone(&parts.clock),
        ids: Arc::clone(&parts.ids),
        spawner: Arc::new(parts.tasks.clone()),
    };
    let settings = execution::Config { heartbeat: HEARTBEAT };
    Executions::new(ports, settings)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Bind { address, source })
}

fn local(listener: &TcpListener) -> Result<SocketAddr, Error> {
    listener.local_addr().map_err(|source| Error::Bind { address: SocketAddr::from(([127, 0, 0, 1], 0)), source })
}
