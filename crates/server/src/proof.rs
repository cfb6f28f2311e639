//! A server that proves itself first: nobody is told that calls are welcome before the sandbox has withstood the escape probes.

use std::time::Duration;

use api_grpc::Health;
use domain::sandbox::Error;
use sandbox::{Sandboxes, TIER_UNSAFE};
use telemetry::admin::Readiness;

/// How soon a sandbox that could not be had, or a probe that could not be judged, is asked for again.
const PAUSE: Duration = Duration::from_secs(1);

/// Says so once the first tier that the backend offers is proven. Never where it leaks: who operates the server reads why, in the
/// log and in what the server says of itself, and starts it anew on a host that holds.
pub(crate) async fn welcome_once_proven(sandboxes: Sandboxes, health: Health, readiness: Readiness) {
    let mut told = String::new();
    loop {
        match sandboxes.prove(sandboxes.first_tier()).await {
            Ok(pass) => {
                tracing::info!(battery = pass.version, "ready");
                health.set_serving(true).await;
                readiness.set(true);
                return;
            }
            Err(Error::Refused { reason, message }) if reason == TIER_UNSAFE => {
                tracing::error!(message, "not ready: the sandbox does not contain what it runs");
                return;
            }
            Err(error) => {
                let why = error.cause();
                if why != told {
                    tracing::warn!(why, "not ready");
                    told = why;
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}
