//! Background work by name and kind. Nothing is spawned anonymously: what is critical takes the server down when it ends, what is
//! lasting is begun anew where it panics, and the domain's work is awaited. A panic ends its task only, and is logged and counted with the
//! task's name; one of a critical task takes the server down like any other end.

use std::fmt::Display;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use domain::incident::{Incident, Incidents};
use domain::time::Clock;
use domain::work::{Restarts, Spawner, Work};
use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// The tasks of one server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tasks {
    /// Work of use cases, and what ends by itself between two steps: awaited at the stop.
    work: TaskTracker,
    /// Ports: they end by themselves once the stop was asked for.
    critical: TaskTracker,
    stopping: CancellationToken,
    broken: CancellationToken,
    surroundings: Surroundings,
}

/// What tasks have from outside.
#[derive(Clone)]
struct Surroundings {
    /// Hears of panics.
    incidents: Arc<dyn Incidents>,
    /// Says how long work has gone on, and when it is begun anew.
    clock: Arc<dyn Clock>,
}

impl Tasks {
    /// No tasks yet; `incidents` hears of panics.
    pub(crate) fn new(incidents: Arc<dyn Incidents>, clock: Arc<dyn Clock>) -> Self {
        let (stopping, broken) = (CancellationToken::new(), CancellationToken::new());
        let surroundings = Surroundings { incidents, clock };
        Tasks { work: TaskTracker::new(), critical: TaskTracker::new(), stopping, broken, surroundings }
    }

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
        let (stopping, broken, surroundings) = (self.stopping.clone(), self.broken.clone(), self.surroundings.clone());
        let guarded = async move {
            let result = surroundings.watch(name, work).await;
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

    /// Runs what is dropped at the stop. Where it panics it is begun anew.
    pub(crate) fn background<W>(&self, name: &'static str, begin: impl Fn() -> W + Send + Sync + 'static)
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let (stopping, surroundings) = (self.stopping.clone(), self.surroundings.clone());
        let until_stopped = async move {
            stopping.run_until_cancelled(surroundings.go_on(name, &stopping, begin)).await;
        };
        self.critical.spawn(until_stopped.instrument(tracing::info_span!("task", task = name)));
    }

    /// Runs what hears of the stop, and is awaited then. Where it panics it is begun anew.
    pub(crate) fn until_stopped<W>(&self, name: &'static str, begin: impl Fn(CancellationToken) -> W + Send + Sync + 'static)
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let (stopping, surroundings) = (self.stopping.clone(), self.surroundings.clone());
        let work = async move { surroundings.go_on(name, &stopping, || begin(stopping.clone())).await };
        self.work.spawn(work.instrument(tracing::info_span!("task", task = name)));
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
        let surroundings = self.surroundings.clone();
        // The span of the request that asked for it goes along: one trace per execution.
        let watched = async move {
            surroundings.watch(name, work).await;
        };
        self.work.spawn(watched.instrument(tracing::info_span!("task", task = name)));
    }
}

// === impl Surroundings ===

impl Surroundings {
    /// Goes on with what ends by itself only where there is nothing left to do: where it panics it is begun anew behind a pause, unless
    /// everything stops.
    async fn go_on<W>(&self, name: &'static str, stopping: &CancellationToken, begin: impl Fn() -> W + Send + Sync)
    where
        W: Future<Output = ()> + Send,
    {
        let mut restarts = Restarts::default();
        loop {
            let begun = self.clock.now();
            if self.watch(name, async { begin().await }).await.is_some() {
                return;
            }
            let pause = restarts.pause(self.clock.now().since(begun));
            if stopping.run_until_cancelled(self.clock.sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    /// The work's answer; `None` when it panicked, which is told here. What it shared with others is behind locks that outlive a panic.
    async fn watch<T>(&self, name: &'static str, work: impl Future<Output = T>) -> Option<T> {
        match AssertUnwindSafe(work).catch_unwind().await {
            Ok(answer) => Some(answer),
            Err(panic) => {
                let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
                self.incidents.report(&Incident::Panicked { task: name, said });
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
