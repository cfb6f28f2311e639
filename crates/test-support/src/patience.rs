//! How long tests wait for what has to come: what would hang fails instead.

use std::future::Future;
use std::time::Duration;

/// Far longer than anything takes that comes at all, on a machine however busy: it measures nothing.
const PATIENCE: Duration = Duration::from_secs(300);
/// Short beside anything that is waited for.
const BREATH: Duration = Duration::from_millis(2);

/// What was waited for, such as the next message of a stream, or its end.
///
/// # Panics
/// Where it does not come.
pub async fn in_time<T>(awaited: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, awaited).await.expect("what is waited for does not come")
}

/// What a test does between two looks at something that comes from elsewhere: it leaves the processor to who is waited for, and lets the runtime
/// look for what has arrived. One that always has something to do does so once in 61 turns.
pub async fn breathe() {
    tokio::time::sleep(BREATH).await;
}
