//! Goes on with rotations of wrapping keys that were cut off, beside everything else: however much there is to wrap anew, it keeps no
//! server from serving.

use std::sync::Arc;
use std::time::Duration;

use domain::server::Servers;
use domain::time::Clock;

/// How often it is looked whether something is left, and so how long after a failure it is tried again.
const EVERY: Duration = Duration::from_secs(30);

/// Goes on, for good: also with what a server before has begun.
pub(crate) async fn go_on(servers: Servers, clock: Arc<dyn Clock>) {
    loop {
        match servers.go_on_rotating().await {
            Ok(0) => {}
            Ok(wrapped) => tracing::info!(wrapped, "data keys that a rotation had left are wrapped by the newest key"),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a rotation of keys does not go on; it is tried again");
            }
        }
        clock.sleep(EVERY).await;
    }
}
