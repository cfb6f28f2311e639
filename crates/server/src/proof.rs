//! A server that proves itself first: nobody is told that calls are welcome before the sandbox has withstood the escape probes, and it does
//! not look for what waits in the store, which other servers can run.

use std::time::{Duration, Instant};

use api_grpc::Health;
use domain::sandbox::Error;
use sandbox::{Sandboxes, TIER_UNSAFE};
use telemetry::admin::Readiness;
use tokio::sync::watch;

/// How soon a sandbox that could not be had, or a probe that could not be judged, is asked for again.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a start may take before it is worth a warning: the probes of a busy machine. What keeps them from running at all is
/// warned of by the sandbox, at once.
const LATE: Duration = Duration::from_secs(60);

/// Whether the server may look for what waits in the store. Cheap to clone; starts with no.
#[derive(Clone)]
pub(crate) struct Proven(watch::Sender<bool>);

impl Proven {
    pub(crate) fn new() -> Self {
        Proven(watch::Sender::new(false))
    }

    /// It may from now on.
    pub(crate) fn set(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it may.
    pub(crate) async fn wait(&self) {
        self.0.subscribe().wait_for(|proven| *proven).await.expect("the sender is held here");
    }
}

/// Says so once the first tier that the backend offers is proven. Never where it leaks: who operates the server reads why, in the
/// log and in what the server says of itself, and starts it anew on a host that holds.
pub(crate) async fn welcome_once_proven(sandboxes: Sandboxes, health: Health, readiness: Readiness, proven: Proven) {
    let begun = Instant::now();
    let (mut told, mut warned) = (String::new(), false);
    loop {
        match sandboxes.prove(sandboxes.first_tier()).await {
            Ok(pass) => {
                tracing::info!(battery = pass.version, "ready");
                health.set_serving(true).await;
                readiness.set(true);
                proven.set();
                return;
            }
            Err(Error::Refused { reason, message }) if reason == TIER_UNSAFE => {
                tracing::error!(message, "not ready: the sandbox does not contain what it runs");
                return;
            }
            Err(error) => {
                let (why, late) = (error.cause(), begun.elapsed() >= LATE);
                if late && (why != told || !warned) {
                    tracing::warn!(why, "not ready");
                    warned = true;
                } else if why != told {
                    tracing::info!(why, "not ready yet");
                }
                told = why;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}
