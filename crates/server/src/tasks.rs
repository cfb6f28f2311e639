//! Background work by name and kind. Nothing is spawned anonymously: what is critical takes the server down when it ends, what is
//! in the background is dropped at the stop, and the domain's work is awaited.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use domain::work::{Spawner, Work};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// The tasks of one server. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Tasks {
    /// Work of use cases: awaited at the stop.
    work: TaskTracker,
    /// Ports: they end by themselves once the stop was asked for.
    critical: TaskTracker,
    stopping: CancellationToken,
    broken: CancellationToken,
}

impl Tasks {
    /// Completes when the stop is asked for.
    pub(crate) fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Completes when a critical task ended by itself.
    pub(crate) fn broken(&self) -> CancellationToken {
        self.broken.clone()
    }

    /// Runs what the server cannot be without.
    pub(crate) fn critical<E: Display>(&self, name: &'static str, work: impl Future<Output = Result<(), E>> + Send + 'static) {
        let (stopping, broken) = (self.stopping.clone(), self.broken.clone());
        let guarded = async move {
            let result = work.await;
            if stopping.is_cancelled() {
                return;
            }
            let error = result.err().map(|error| error.to_string());
            tracing::error!(task = name, error, "a part of the server ended");
            broken.cancel();
        };
        self.critical.spawn(guarded.instrument(tracing::info_span!("task", task = name)));
    }

    /// Runs what is dropped at the stop.
    pub(crate) fn background(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let stopping = self.stopping.clone();
        let until_stopped = async move { stopping.run_until_cancelled(work).await.unwrap_or_default() };
        self.critical.spawn(until_stopped.instrument(tracing::info_span!("task", task = name)));
    }

    /// Asks everything to stop.
    pub(crate) fn stop(&self) {
        self.stopping.cancel();
    }

    /// Waits for the ports; says whether they ended in time.
    pub(crate) async fn ports_ended(&self, patience: Duration) -> bool {
        self.critical.close();
        tokio::time::timeout(patience, self.critical.wait()).await.is_ok()
    }

    /// Waits for the work of use cases; says whether it ended in time.
    pub(crate) async fn work_ended(&self, patience: Duration) -> bool {
        self.work.close();
        tokio::time::timeout(patience, self.work.wait()).await.is_ok()
    }
}

impl Spawner for Tasks {
    fn spawn(&self, name: &'static str, work: Work) {
        // The span of the request that asked for it goes along: one trace per execution.
        self.work.spawn(work.instrument(tracing::info_span!("task", task = name)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_critical_task_that_ends_by_itself_breaks_the_server() {
        let tasks = Tasks::default();
        tasks.critical("port", async { Err::<(), _>("gone") });
        tasks.broken().cancelled().await;
    }

    #[tokio::test]
    async fn an_ordered_stop_breaks_nothing_and_drops_background_work() {
        let tasks = Tasks::default();
        let stopping = tasks.stopping();
        tasks.critical("port", async move {
            stopping.cancelled().await;
            Ok::<(), String>(())
        });
        tasks.background("retention", std::future::pending());
        tasks.stop();
        assert!(tasks.ports_ended(Duration::from_secs(5)).await);
        assert!(!tasks.broken().is_cancelled());
    }

    #[tokio::test]
    async fn work_of_use_cases_is_awaited() {
        let tasks = Tasks::default();
        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        tasks.spawn("execution", Box::pin(async move { receiver.await.unwrap_or_default() }));
        assert!(!tasks.work_ended(Duration::from_millis(20)).await);
        drop(sender);
        assert!(tasks.work_ended(Duration::from_secs(5)).await);
    }
}
