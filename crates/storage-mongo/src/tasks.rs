//! Tasks of the store's own: each has a name, which stands beside whatever it logs. What becomes of one is the business of who starts it.

use std::future::Future;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::Instrument as _;

/// Starts a task under a name.
pub(crate) fn spawn<F>(runtime: &Handle, name: &'static str, work: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    runtime.spawn(work.instrument(tracing::info_span!("task", task = name)))
}
