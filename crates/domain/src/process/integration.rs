//! Integrations of tenants: what runs for one tenant, in the surroundings of a service, with parameters that several places may set.

use std::collections::BTreeMap;

use crate::process::{ServiceState, ServiceStatus};

/// What was asked of integrations, and the ports that they have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntegrationsWanted {
    /// What was asked, by number.
    pub overrides: BTreeMap<i32, IntegrationOverride>,
    /// Ports that are leased.
    pub leases: BTreeMap<PortHolder, u16>,
}

/// What was asked of one integration; nothing leaves what the manifest says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntegrationOverride {
    /// Whether it shall run.
    pub enabled: Option<bool>,
    /// Parameters that are stronger than all others.
    pub parameters: BTreeMap<String, String>,
}

/// Who holds a port: an integration, for one of its ports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortHolder {
    /// Its number.
    pub integration_id: i32,
    /// The port's name.
    pub port: String,
}

/// An integration of a manifest, with everything that it is started with. `IntegrationsResponse` of the low-level design.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredIntegration {
    /// Its number.
    pub integration_id: i32,
    /// Its title.
    pub title: String,
    /// What it does.
    pub action: String,
    /// The service in whose surroundings it runs.
    pub service_name: String,
    /// The directory that it begins in.
    pub execution_dir: String,
    /// The program; empty where its service itself is it.
    pub executable: String,
    /// Whether it shall run.
    pub enabled: bool,
    /// The code of its tenant.
    pub tenant_code: String,
    /// What the engine knows it as: its service, or one of its own.
    pub runs_as: String,
    /// Databases that it needs.
    pub databases: Vec<String>,
    /// One of them that is not used at present, which keeps it from running.
    pub blocked_by: Option<String>,
    /// Its parameters, by name.
    pub parameters: Vec<DeclaredParameter>,
    /// Its ports, by name, with the range that each is leased from.
    pub ports: Vec<DeclaredLease>,
}

/// A parameter, and why it is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredParameter {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Where that was set: `service`, `integration`, `tenant`, `environment` or `override`.
    pub origin: &'static str,
    /// What weaker places had set, strongest first, with their names.
    pub hidden: Vec<(&'static str, String)>,
}

/// A port that is leased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredLease {
    /// Its name.
    pub name: String,
    /// The range.
    pub range: String,
    /// The port.
    pub port: u16,
}

/// An integration as it is declared, and how it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegrationView {
    /// As it is declared.
    pub declared: DeclaredIntegration,
    /// How it is.
    pub state: IntegrationState,
    /// Why; empty where there is nothing to say.
    pub detail: String,
}

/// How an integration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntegrationState {
    /// It shall not run.
    Disabled,
    /// A database that it needs is not used at present.
    Blocked,
    /// It waits for something, or for its turn.
    Waiting,
    /// It starts, or is replaced.
    Starting,
    /// It runs and is well.
    Running,
    /// It runs and is not well.
    Degraded,
    /// It stops.
    Stopping,
    /// It has ended, and is not started again by itself.
    Stopped,
    /// It failed and is not started again by itself.
    Failed,
    /// Nobody knows: no engine tells.
    Unknown,
}

// === impl IntegrationView ===

impl IntegrationView {
    /// How an integration is, by what the engine says of what it runs as.
    pub(super) fn of(declared: DeclaredIntegration, statuses: Option<&[ServiceStatus]>) -> Self {
        let status = statuses.and_then(|all| all.iter().find(|status| status.name == declared.runs_as));
        let detail = status.map(|status| status.detail.clone()).unwrap_or_default();
        let (state, detail) = match (&declared.blocked_by, status) {
            _ if !declared.enabled => (status.map_or(IntegrationState::Disabled, stopping), detail),
            (Some(database), _) => (IntegrationState::Blocked, format!("its database `{database}` is not used")),
            (None, Some(status)) => (running(status), detail),
            (None, None) if statuses.is_none() => (IntegrationState::Unknown, "no engine tells".to_owned()),
            (None, None) => (IntegrationState::Waiting, detail),
        };
        IntegrationView { declared, state, detail }
    }
}

/// Of one that shall not run.
fn stopping(status: &ServiceStatus) -> IntegrationState {
    // What its service is does not stop with it.
    if status.wanted == 0 && status.running > 0 { IntegrationState::Stopping } else { IntegrationState::Disabled }
}

fn running(status: &ServiceStatus) -> IntegrationState {
    match status.state {
        ServiceState::Waiting => IntegrationState::Waiting,
        ServiceState::Starting | ServiceState::Updating => IntegrationState::Starting,
        ServiceState::Running => IntegrationState::Running,
        ServiceState::Degraded => IntegrationState::Degraded,
        ServiceState::Stopping => IntegrationState::Stopping,
        ServiceState::Stopped | ServiceState::Completed => IntegrationState::Stopped,
        ServiceState::Failed => IntegrationState::Failed,
    }
}

impl IntegrationState {
    /// Its name, as the low-level design has the field `status`.
    pub const fn as_str(self) -> &'static str {
        match self {
            IntegrationState::Disabled => "disabled",
            IntegrationState::Blocked => "blocked",
            IntegrationState::Waiting => "waiting",
            IntegrationState::Starting => "starting",
            IntegrationState::Running => "running",
            IntegrationState::Degraded => "degraded",
            IntegrationState::Stopping => "stopping",
            IntegrationState::Stopped => "stopped",
            IntegrationState::Failed => "failed",
            IntegrationState::Unknown => "unknown",
        }
    }
}
