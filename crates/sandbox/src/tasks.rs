//! Work of its own by name: a shutdown waits for that of the pool, and a panic ends its task only and is logged with the name. What a
//! panicking task held is given back by dropping it. What the pool cannot be without is begun anew.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::work::Restarts;
use futures_util::FutureExt as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks of a pool.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    panics: Arc<AtomicU64>,
}

// === impl Tasks ===

impl Tasks {
    /// Runs a task that a shutdown waits for.
    pub(crate) fn spawn(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let panics = Arc::clone(&self.panics);
        self.tracker.spawn(async move {
            counted(name, &panics, work).await;
        });
    }

    /// Runs a task that a shutdown waits for and that goes on until `closed`; where it panics it is begun anew.
    pub(crate) fn lasting<W>(&self, name: &'static str, closed: CancellationToken, begin: impl Fn() -> W + Send + Sync + 'static)
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let panics = Arc::clone(&self.panics);
        self.tracker.spawn(async move {
            let mut restarts = Restarts::default();
            loop {
                let begun = Instant::now();
                if counted(name, &panics, async { begin().await }).await.is_some() {
                    return;
                }
                let pause = tokio::time::sleep(restarts.pause(begun.elapsed()));
                if closed.run_until_cancelled(pause).await.is_none() {
                    return;
                }
            }
        });
    }

    /// Completes when all tasks have ended and none is left that could start another.
    pub(crate) async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// How many of them have panicked.
    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }
}

async fn counted<T>(name: &'static str, panics: &AtomicU64, work: impl Future<Output = T> + Send) -> Option<T> {
    let answer = watched(name, work).await;
    if answer.is_none() {
        panics.fetch_add(1, Ordering::Relaxed);
    }
    answer
}

/// Runs a task that ends with what it is for, and for which nobody waits.
pub(crate) fn detach(name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(async move {
        watched(name, work).await;
    });
}

/// The work's answer; `None` when it panicked, which is logged here. What it shared with others is behind locks that outlive a panic.
pub(crate) async fn watched<T>(name: &'static str, work: impl Future<Output = T> + Send) -> Option<T> {
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
    use std::io;
    use std::sync::Mutex;

    use super::*;

    /// What a test logs.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_panic_ends_its_task_only_and_is_known_by_the_name_of_the_task() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let tasks = Tasks::default();
        tasks.spawn("sandbox", async { panic!("no more {}", "sandboxes") });
        let (done, is_done) = tokio::sync::oneshot::channel();
        tasks.spawn("keeper", async move { done.send(()).unwrap() });
        tasks.ended().await;
        is_done.await.unwrap();
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let line = text.lines().find(|line| line.contains("a task panicked task=\"sandbox\""));
        assert!(line.is_some_and(|line| line.contains("no more sandboxes")), "{text}");
    }

    #[tokio::test]
    async fn what_the_pool_cannot_be_without_is_begun_anew_and_holds_up_no_shutdown() {
        let (tasks, closed) = (Tasks::default(), CancellationToken::new());
        let (begun, mut is_begun) = tokio::sync::mpsc::unbounded_channel();
        tasks.lasting("keeper", closed.clone(), move || {
            let begun = begun.clone();
            async move {
                begun.send(()).unwrap();
                panic!("each time");
            }
        });
        for _ in 0..2 {
            is_begun.recv().await.unwrap();
        }
        closed.cancel();
        tasks.ended().await;
        assert_eq!(tasks.panics(), 2);
    }
}
