//! The configuration of a server: one file a section, each with its settings, their meaning, and what its component is configured
//! with. Documents and error messages come from these declarations.

use std::collections::BTreeSet;
use std::path::Path;

use ::gateway::Way;
use auth::ExternalConfig;
use domain::admission;
use domain::name::{PrincipalName, TenantId};
use settings::{Flag, Reader, Section, Surroundings};

mod audit;
mod blobs;
mod engine;
mod events;
mod executions;
mod gateway;
mod identity;
mod keys;
mod listening;
mod logs;
mod runtimes;
mod sandbox;
mod shared;
mod storage;
mod tenants;
mod tls;
mod webhooks;

pub use audit::Audit;
pub use blobs::Blobs;
pub use engine::{Engine, Kind as EngineKind};
pub use events::Events;
pub use executions::Executions;
pub use gateway::{DEFAULT_GATEWAY, Gateway};
pub use identity::Identity;
pub use keys::{Keys, Protection};
pub use listening::{DEFAULT_ADMIN, DEFAULT_LISTEN, Listening};
pub use logs::{Log, Otlp};
pub use runtimes::Runtime;
pub use sandbox::{BackendKind, Sandbox};
pub use shared::{Cache, Limits};
pub use storage::Store;
pub(crate) use storage::WRAPPING_KEYS;
pub use tls::Tls;
pub use webhooks::Webhooks;

/// Every section of a server, in the order in which they are printed.
pub const SECTIONS: [Section; 21] = [
    Listening::SECTION,
    Gateway::SECTION,
    Tls::SECTION,
    Log::SECTION,
    Otlp::SECTION,
    Sandbox::SECTION,
    Executions::SECTION,
    Identity::SECTION,
    identity::Issuer::SECTION,
    identity::Certificate::SECTION,
    Audit::SECTION,
    Events::SECTION,
    Webhooks::SECTION,
    Store::SECTION,
    Blobs::SECTION,
    Keys::SECTION,
    Cache::SECTION,
    Limits::SECTION,
    Engine::SECTION,
    Runtime::SECTION,
    tenants::Tenant::SECTION,
];

/// The configuration of a server.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it serves, and with which files.
    pub listening: Listening,
    /// JSON over HTTP.
    pub gateway: Gateway,
    /// How connections are protected.
    pub tls: Tls,
    /// What is logged.
    pub log: Log,
    /// Where spans go.
    pub otlp: Otlp,
    /// What contains executions.
    pub sandbox: Sandbox,
    /// Runtimes beside the one that `sandbox` describes, by name.
    pub runtimes: Vec<(String, Runtime)>,
    /// How long executions are kept.
    pub executions: Executions,
    /// Who runs and who waits.
    pub admission: admission::Config,
    /// How callers are known.
    pub identity: Identity,
    /// Who else says who a caller is.
    pub issuers: Vec<ExternalConfig>,
    /// Which of them sign people in at pages of their own.
    pub ways: Vec<Way>,
    /// Which service accounts certificates are about that do not say it themselves: their URIs.
    pub certificates: Vec<(String, PrincipalName)>,
    /// Who vouches for audit logs.
    pub audit: Audit,
    /// How long events are kept.
    pub events: Events,
    /// How events are sent to others.
    pub webhooks: Webhooks,
    /// How the store is used.
    pub store: Store,
    /// Where large output is kept.
    pub blobs: Blobs,
    /// What protects the keys that wrap others.
    pub keys: Keys,
    /// What is kept of what was read.
    pub cache: Cache,
    /// How often tenants may call.
    pub limits: Limits,
    /// What runs the services of the platform.
    pub engine: Engine,
}

impl Config {
    /// Reads every section before it gives up, so that every problem is known.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let listening = Listening::read(reader, Listening::SECTION.path());
        let gateway = Gateway::read(reader, Gateway::SECTION.path());
        let tls = Tls::checked(reader);
        let log = Log::read(reader, Log::SECTION.path());
        let otlp = Otlp::read(reader, Otlp::SECTION.path());
        let sandbox = Sandbox::checked(reader);
        let runtimes = runtimes::all(reader);
        let executions = Executions::read(reader, Executions::SECTION.path());
        let tenants = tenants::all(reader);
        let identity = Identity::checked(reader, listening.as_ref());
        let issuers = identity::issuers(reader);
        let certificates = identity::certificates(reader);
        let audit = Audit::read(reader, Audit::SECTION.path());
        let events = Events::read(reader, Events::SECTION.path());
        let webhooks = Webhooks::read(reader, Webhooks::SECTION.path());
        let store = Store::checked(reader);
        let blobs = Blobs::checked(reader);
        let keys = Keys::checked(reader, store.as_ref());
        let cache = Cache::checked(reader);
        let limits = Limits::checked(reader, store.as_ref(), cache.as_ref());
        let engine = Engine::checked(reader);
        let executions = executions?;
        let (issuers, ways) = issuers?;
        Some(Config {
            listening: listening?,
            gateway: gateway?,
            tls: tls?,
            log: log?,
            otlp: otlp?,
            sandbox: sandbox?,
            runtimes: runtimes?,
            admission: executions.admission(tenants?),
            executions,
            identity: identity?,
            issuers,
            ways,
            certificates: certificates?,
            audit: audit?,
            events: events?,
            webhooks: webhooks?,
            store: store?,
            blobs: blobs?,
            keys: keys?,
            cache: cache?,
            limits: limits?,
            engine: engine?,
        })
    }

    /// The tenants that there are from the start: the installation's own, that of the local caller, and those that are named here.
    pub(crate) fn named_tenants(&self) -> Vec<TenantId> {
        let named = self.admission.tenants.keys().chain(self.issuers.iter().flat_map(|issuer| &issuer.tenants));
        let others: BTreeSet<TenantId> = named.cloned().collect();
        [TenantId::system(), crate::loopback::tenant()].into_iter().chain(others).collect()
    }

    /// Where keys lie that are not for one server alone.
    pub(crate) fn keys_directory(&self) -> &Path {
        self.keys.directory.as_deref().unwrap_or(&self.listening.data)
    }

    /// Has everything kept in the data directory, whatever else is said; says whether something was.
    pub fn embed(&mut self) -> bool {
        self.keys.directory = None;
        self.store.mongodb.take().is_some()
    }

    /// Defaults that depend on the machine.
    pub fn defaults(surroundings: &Surroundings) -> Vec<Flag> {
        vec![Flag { key: "data", value: surroundings.data().display().to_string() }]
    }
}
