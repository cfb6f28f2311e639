//! A server that serves, and taking it down, in order: what runs comes to its end, where the server drains, and then within five seconds no new work,
//! runs cancelled and stored, sandboxes gone, store closed.
//! And the work that goes on until then: retention.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use api_grpc::Health;
use domain::event::EventLog;
use domain::execution::Executions;
use domain::identity::Secret;
use domain::retention::{Removed, Retention};
use futures_util::future::BoxFuture;
use sandbox::Sandboxes;
use telemetry::Telemetry;
use telemetry::admin::Readiness;
use tokio_util::sync::CancellationToken;

use crate::audit::Audit;
use crate::developer::Developer;
use crate::stores::Stores;
use crate::tasks::Tasks;

/// Everything behind the drain together.
const STOP_DEADLINE: Duration = Duration::from_millis(4_800);
/// How long runs may take to end and to be stored.
const RUNS_DEADLINE: Duration = Duration::from_secs(2);
/// How long watchers may take to read the end.
const PORTS_DEADLINE: Duration = Duration::from_millis(700);
/// How long changes may take to be stored whose callers have gone.
const CHANGES_DEADLINE: Duration = Duration::from_secs(1);
/// How long the last records may take to be stored and covered by a checkpoint.
const AUDIT_DEADLINE: Duration = Duration::from_secs(1);
/// How often retention looks, and how soon after the start first.
const RETENTION_PERIOD: Duration = Duration::from_secs(3_600);
const RETENTION_DELAY: Duration = Duration::from_secs(30);

/// A server that serves. [`Running::stop`] takes it down.
pub struct Running {
    /// Where the contract is served.
    pub address: SocketAddr,
    /// Where JSON over HTTP is served, if it is.
    pub gateway: Option<SocketAddr>,
    /// Whether that is TLS.
    pub encrypted: bool,
    /// Where metrics and health are.
    pub admin_address: SocketAddr,
    /// What contains executions.
    pub sandboxes: Sandboxes,
    /// Executions of a dead server that were stored as LOST.
    pub recovered: u64,
    /// Example utilities that were created.
    pub seeded: usize,
    /// What the first super administrator is made with, to be shown to whoever starts the server and to nobody else.
    pub bootstrap_code: Option<Secret>,
    /// Whom whoever starts the server is signed in as.
    pub developer: Option<Developer>,
    /// Why the tenant `demo` got neither a new developer nor examples, where it is suspended or deleted.
    pub closed: Option<String>,
    /// Completes when a part that must run has ended.
    pub broken: CancellationToken,
    /// How long what runs may go on when it stops.
    pub(crate) drain: Duration,
    pub(crate) executions: Executions,
    pub(crate) audit: Audit,
    pub(crate) stores: Stores,
    /// Removed at the stop: nobody else has this installation while its data directory is locked.
    pub(crate) runtime_directory: Option<PathBuf>,
    pub(crate) health: Health,
    pub(crate) readiness: Readiness,
    pub(crate) tasks: Tasks,
    pub(crate) telemetry: Telemetry,
}

impl Running {
    /// Where it serves, as a URL.
    pub fn serving(&self) -> String {
        format!("{}://{}", self.scheme(), self.address)
    }

    /// Where JSON over HTTP is served, as a URL; empty where it is not.
    pub fn gateway_url(&self) -> String {
        self.gateway.map(|address| format!("{}://{address}", self.scheme())).unwrap_or_default()
    }

    /// Where client commands of this machine connect to.
    pub fn url(&self) -> String {
        let mut address = self.address;
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        format!("{}://{address}", self.scheme())
    }

    fn scheme(&self) -> &'static str {
        if self.encrypted { "https" } else { "http" }
    }

    /// Begins nothing more and drains, stops accepting, ends runs as CANCELLED, leaves nothing behind. Says whether everything ended in time.
    pub fn stop(self) -> BoxFuture<'static, bool> {
        Box::pin(self.take_down())
    }

    async fn take_down(self) -> bool {
        let begun = Instant::now();
        tracing::info!("stopping");
        self.readiness.set(false);
        self.health.set_serving(false).await;
        // The port is open meanwhile, for those who follow what runs; and the lease is renewed.
        let drained = self.drain.is_zero() || self.executions.drain(self.drain).await;
        tracing::info!(drained, elapsed_ms = begun.elapsed().as_millis() as u64, "ending what still runs");
        let begun = Instant::now();
        self.tasks.stop();
        let mut clean = self.executions.shutdown(RUNS_DEADLINE).await;
        // A call that had come in before the port closed may have started one more.
        let ports = self.tasks.ports_ended(PORTS_DEADLINE).await;
        clean &= self.executions.shutdown(Duration::from_millis(500)).await;
        clean &= self.tasks.work_ended(CHANGES_DEADLINE).await;
        clean &= tokio::time::timeout(AUDIT_DEADLINE, self.audit.finish()).await.is_ok();
        // Not earlier: whoever is without a lease has its open intents closed by others, as those of the dead.
        self.executions.leave().await;
        let left = STOP_DEADLINE.saturating_sub(begun.elapsed());
        clean &= tokio::time::timeout(left, self.sandboxes.shutdown()).await.is_ok();
        remove_runtime_directory(self.runtime_directory.as_deref());
        self.stores.close().await;
        tracing::info!(clean, watchers_gone = ports, elapsed_ms = begun.elapsed().as_millis() as u64, "stopped");
        let telemetry = self.telemetry;
        // The exporter's thread answers soon or not at all; a panic in it ends with the process.
        let _ = tokio::task::spawn_blocking(move || telemetry.shutdown()).await;
        clean
    }
}

/// The sandbox has removed what was this instance's; of the installation only the lock of its sweeps is left. Nobody else uses it
/// while the data directory is ours; a directory that somebody else named, or that others share, is none of it.
pub(crate) fn remove_runtime_directory(directory: Option<&Path>) {
    let Some(directory) = directory else { return };
    let removed = std::fs::remove_file(directory.join("sweep.lock")).and_then(|()| std::fs::remove_dir(directory));
    if let Err(error) = removed {
        tracing::debug!(%error, directory = %directory.display(), "the runtime directory stays");
    }
}

/// Removes what has been kept long enough, or is too much, hourly.
pub(crate) async fn retain(retention: Retention) {
    tokio::time::sleep(RETENTION_DELAY).await;
    loop {
        match retention.run().await {
            Ok(Some(removed)) if removed != Removed::default() => {
                let Removed { executions, output_bytes, utilities, records } = removed;
                tracing::info!(executions, output_bytes, utilities, records, "removed what was kept long enough");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "failed to remove what was kept long enough"),
        }
        tokio::time::sleep(RETENTION_PERIOD).await;
    }
}

/// Removes events that are too old or too many, hourly.
pub(crate) async fn retain_events(events: EventLog, keep: Duration, most: u64) {
    tokio::time::sleep(RETENTION_DELAY).await;
    loop {
        match events.prune(keep, most).await {
            Ok(pruned) if pruned > 0 => tracing::info!(events = pruned, "removed old events"),
            Ok(_) => {}
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "failed to remove old events"),
        }
        tokio::time::sleep(RETENTION_PERIOD).await;
    }
}
