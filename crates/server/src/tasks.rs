//! Background work by name and kind. Nothing is spawned anonymously: what is critical takes the server down when it ends, what is
//! in the background is dropped at the stop, and the domain's work is awaited. A panic ends its task only, and is logged with the
//! task's name; one of a critical task takes the server down like any other end.

use std::fmt::Display;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use domain::work::{Spawner, Work};
use futures_util::FutureExt as _;
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
            let result = watched(name, work).await;
            if stopping.is_cancelled() {
                return;
            }
            // A panic has been logged where it was caught.
            let error = result.and_then(Result::err).map(|error| error.to_string());
            tracing::error!(task = name, error, "a part of the server ended");
            broken.cancel();
        };
        self.critical.spawn(guarded.instrument(tracing::info_span!("task", task = name)));
    }

    /// Runs what is dropped at the stop.
    pub(crate) fn background(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let stopping = self.stopping.clone();
        let until_stopped = async move {
            stopping.run_until_cancelled(watched(name, work)).await;
        };
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
        let watched = async move {
            watched(name, work).await;
        };
        self.work.spawn(watched.instrument(tracing::info_span!("task", task = name)));
    }
}

/// The work's answer; `None` when it panicked, which is logged here. What it shared with others is behind locks that outlive a panic.
async fn watched<T>(name: &'static str, work: impl Future<Output = T>) -> Option<T> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(answer) => Some(answer),
        Err(panic) => {
            let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            tracing::error!(task = name, panic = said, "a task panicked");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A subscriber of one test is not seen by a log line that another test is just about to reach for the first time: the tests that
    /// panic take turns.
    static PANICS: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

    #[tokio::test]
    async fn a_critical_task_that_ends_by_itself_breaks_the_server() {
        let tasks = Tasks::default();
        tasks.critical("port", async { Err::<(), _>("gone") });
        tasks.broken().cancelled().await;
    }

    #[tokio::test]
    async fn a_critical_task_that_panics_breaks_the_server() {
        fn gone() -> Result<(), String> {
            panic!("gone")
        }
        let _turn = PANICS.lock().await;
        let tasks = Tasks::default();
        tasks.critical("port", async { gone() });
        tasks.broken().cancelled().await;
    }

    #[tokio::test]
    async fn a_panic_of_other_work_ends_only_that_and_is_known_by_the_name_of_its_task() {
        let _turn = PANICS.lock().await;
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let tasks = Tasks::default();
        tasks.background("retention", async { panic!("no more {}", "disk") });
        tasks.spawn("execution", Box::pin(async { panic!("lost") }));
        assert!(tasks.work_ended(Duration::from_secs(5)).await && tasks.ports_ended(Duration::from_secs(5)).await);
        assert!(!tasks.broken().is_cancelled());
        let text = lines.text();
        for (task, said) in [("retention", "no more disk"), ("execution", "lost")] {
            let line = text.lines().find(|line| line.contains(&format!("a task panicked task=\"{task}\"")));
            assert!(line.is_some_and(|line| line.contains(said)), "{text}");
        }
    }

    /// What a test logs.
    #[derive(Clone, Default)]
    struct Lines(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

    impl Lines {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
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
