//! What becomes of the server, and of each kind of task, where one ends or panics.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use telemetry::Metrics;
use test_support::{FakeClock, RecordedIncidents};

use super::*;
use crate::bridge::incidents::LoggedIncidents;

/// A subscriber of one test is not seen by a log line that another test is just about to reach for the first time: the tests that log
/// take turns.
static LOGS: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const PATIENCE: Duration = Duration::from_secs(5);

fn tasks() -> (Tasks, Arc<RecordedIncidents>) {
    let (tasks, incidents, _) = timed();
    (tasks, incidents)
}

fn timed() -> (Tasks, Arc<RecordedIncidents>, Arc<FakeClock>) {
    let (incidents, clock) = (Arc::new(RecordedIncidents::default()), Arc::new(FakeClock::default()));
    (Tasks::new(incidents.clone(), clock.clone()), incidents, clock)
}

#[tokio::test]
async fn a_critical_task_that_ends_by_itself_breaks_the_server() {
    let _turn = LOGS.lock().await;
    let (tasks, _) = tasks();
    tasks.critical("port", async { Err::<(), _>("gone") });
    tasks.broken().cancelled().await;
}

#[tokio::test]
async fn a_critical_task_that_panics_breaks_the_server() {
    fn gone() -> Result<(), String> {
        panic!("gone")
    }
    let _turn = LOGS.lock().await;
    let (tasks, incidents) = tasks();
    tasks.critical("port", async { gone() });
    tasks.broken().cancelled().await;
    assert_eq!(incidents.kinds(), ["panicked"]);
}

#[tokio::test]
async fn a_panic_of_work_ends_only_that_and_is_known_by_the_name_of_its_task() {
    let _turn = LOGS.lock().await;
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let metrics = Arc::new(Metrics::new());
    let tasks = Tasks::new(Arc::new(LoggedIncidents::new(metrics.clone())), Arc::new(FakeClock::default()));
    tasks.spawn("execution", Box::pin(async { panic!("no more {}", "disk") }));
    assert!(tasks.work_ended(PATIENCE).await);
    assert!(!tasks.broken().is_cancelled());
    let text = lines.text();
    let line = text.lines().find(|line| line.contains("a task panicked") && line.contains("task=\"execution\""));
    assert!(line.is_some_and(|line| line.contains("no more disk")), "{text}");
    let counted = metrics.encode().unwrap();
    assert!(counted.contains("zona_incidents_total{kind=\"panicked\"} 1"), "{counted}");
}

/// Panics so many times and then goes on until `stopping`; counts how often it was begun.
fn panics(times: usize, begun: &Arc<AtomicUsize>, stopping: CancellationToken) -> impl Future<Output = ()> + Send + use<> {
    let begun = begun.clone();
    async move {
        let before = begun.fetch_add(1, Ordering::SeqCst);
        assert!(before >= times, "not yet");
        stopping.cancelled().await;
    }
}

/// Returns once so many sleep.
async fn asleep(clock: &FakeClock, many: usize) {
    let sleeping = async {
        while clock.sleepers() != many {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, sleeping).await.expect("they go to sleep");
}

#[tokio::test]
async fn what_lasts_is_begun_anew_where_it_panics_ever_later_and_each_time_is_counted() {
    let (tasks, incidents, clock) = timed();
    let begun = Arc::new(AtomicUsize::new(0));
    let (counted, stopping) = (begun.clone(), tasks.stopping());
    tasks.background("retention", move || panics(3, &counted, stopping.clone()));
    for (before, seconds) in [(1, 1), (2, 2), (3, 4)] {
        asleep(&clock, 1).await;
        assert_eq!((begun.load(Ordering::SeqCst), incidents.kinds().len()), (before, before));
        clock.advance(Duration::from_secs(seconds) - Duration::from_millis(1));
        tokio::task::yield_now().await;
        assert_eq!((begun.load(Ordering::SeqCst), clock.sleepers()), (before, 1), "not before its time");
        clock.advance(Duration::from_millis(1));
        let anew = async {
            while begun.load(Ordering::SeqCst) == before {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, anew).await.expect("it is begun anew");
    }
    assert_eq!(incidents.kinds(), ["panicked"; 3]);
    tasks.stop();
    assert!(tasks.ports_ended(PATIENCE).await && !tasks.broken().is_cancelled());
}

#[tokio::test]
async fn what_hears_of_the_stop_is_begun_anew_as_well_and_holds_up_no_stop_while_it_waits_for_that() {
    let (tasks, incidents, clock) = timed();
    let begun = Arc::new(AtomicUsize::new(0));
    let counted = begun.clone();
    tasks.until_stopped("webhooks", move |stopping| panics(1, &counted, stopping));
    asleep(&clock, 1).await;
    clock.advance(Duration::from_secs(1));
    asleep(&clock, 0).await;
    tasks.until_stopped("audit", |_| async { panic!("each time") });
    asleep(&clock, 1).await;
    assert_eq!(incidents.kinds(), ["panicked"; 2]);
    tasks.stop();
    assert!(tasks.work_ended(PATIENCE).await, "neither is waited for");
    assert_eq!(begun.load(Ordering::SeqCst), 2, "and the first went on until then");
}

/// What a test logs.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

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
    let (tasks, _) = tasks();
    let stopping = tasks.stopping();
    tasks.critical("port", async move {
        stopping.cancelled().await;
        Ok::<(), String>(())
    });
    tasks.background("retention", std::future::pending);
    tasks.stop();
    assert!(tasks.ports_ended(PATIENCE).await);
    assert!(!tasks.broken().is_cancelled());
}

#[tokio::test]
async fn work_of_use_cases_is_awaited() {
    let (tasks, _) = tasks();
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    tasks.spawn("execution", Box::pin(async move { receiver.await.unwrap_or_default() }));
    assert!(!tasks.work_ended(Duration::from_millis(20)).await);
    drop(sender);
    assert!(tasks.work_ended(PATIENCE).await);
}
