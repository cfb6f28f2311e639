//! When a call is over for good. Deadlines are kept where an answer is asked for: a peer that reads gets a status. One that does
//! not read asks for nothing, so each stream of a connection is a task that ends at the time which its call has named, whatever the
//! peer does; what it held is freed, and the stream is reset.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

tokio::task_local! {
    /// When the stream that is being polled ends. The layers of a call and the task of its stream know nothing else of each other.
    static END: Cell<Option<Instant>>;
}

/// Runs streams of one connection as tasks, and knows how many are open. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Streams {
    open: Arc<watch::Sender<usize>>,
}

/// A stream that is open, for as long as its task lasts.
struct Open(Arc<watch::Sender<usize>>);

// === impl Streams ===

impl Streams {
    /// Returns once none has been open for so long.
    pub(crate) async fn idle_for(&self, long: Duration) {
        let mut open = self.open.subscribe();
        loop {
            let none = open.wait_for(|open| *open == 0).await.map(drop);
            none.expect("this holds the sender");
            if timeout(long, open.changed()).await.is_err() {
                return;
            }
        }
    }

    fn begin(&self) -> Open {
        // Who waits for silence asks for the first and the last only; waking their connection for every call costs more than the count.
        self.open.send_if_modified(|open| {
            *open += 1;
            *open == 1
        });
        Open(Arc::clone(&self.open))
    }
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let open = self.begin();
        // Its connection waits for it, and whatever goes wrong inside is the layer's to tell.
        tokio::spawn(async move {
            until_its_end(stream).await;
            drop(open);
        });
    }
}

// === impl Open ===

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_if_modified(|open| {
            *open -= 1;
            *open == 0
        });
    }
}

/// Has the stream of this call end at `at`, if it has not ended by then.
pub(crate) fn end_at(at: Instant) {
    // A call that comes by no connection of ours has no stream to end.
    let _outside = END.try_with(|end| end.set(Some(at)));
}

/// Runs a stream to its end, or until the time that its call has named; then it is dropped. A connection of calls that come one after the
/// other is one such stream, whose calls each name a time.
pub(crate) async fn until_its_end(stream: impl Future<Output = ()>) {
    let alarmed = async {
        let mut stream = pin!(stream);
        let mut alarm = None;
        poll_fn(|context| {
            if stream.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            // The call has named its time while it was polled. Most calls never come here a second time.
            let Some(at) = END.with(Cell::get) else { return Poll::Pending };
            let alarm = alarm.get_or_insert_with(|| Box::pin(sleep_until(at)));
            if alarm.deadline() != at {
                alarm.as_mut().reset(at);
            }
            alarm.as_mut().poll(context)
        })
        .await;
    };
    END.scope(Cell::new(None), alarmed).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_that_waits_forever_is_dropped_at_its_end() {
        const ALLOWED: Duration = Duration::from_millis(50);
        let held = Arc::new(());
        let holds = Arc::clone(&held);
        let begun = Instant::now();
        until_its_end(async move {
            end_at(Instant::now() + ALLOWED);
            std::future::pending::<()>().await;
            drop(holds);
        })
        .await;
        assert!(begun.elapsed() >= ALLOWED, "not before its time");
        assert_eq!(Arc::strong_count(&held), 1, "and with it what it held");
    }

    #[tokio::test]
    async fn a_connection_is_idle_only_while_none_of_its_streams_is_open() {
        const LONG: Duration = Duration::from_millis(50);
        let streams = Streams::default();
        let (first, second) = (streams.begin(), streams.begin());
        drop(first);
        assert!(timeout(LONG * 4, streams.idle_for(LONG)).await.is_err(), "one is open");
        drop(second);
        let begun = Instant::now();
        streams.idle_for(LONG).await;
        assert!(begun.elapsed() >= LONG, "not before its time");
    }

    #[tokio::test]
    async fn the_time_that_was_named_last_counts() {
        const ALLOWED: Duration = Duration::from_millis(50);
        let begun = Instant::now();
        until_its_end(async move {
            end_at(Instant::now() + ALLOWED);
            tokio::task::yield_now().await;
            end_at(Instant::now() + ALLOWED * 4);
            std::future::pending::<()>().await;
        })
        .await;
        assert!(begun.elapsed() >= ALLOWED * 4, "the first call has ended");
    }

    #[tokio::test]
    async fn a_stream_that_ends_by_itself_is_not_waited_for() {
        let long = Duration::from_secs(3_600);
        let ended = until_its_end(async move {
            end_at(Instant::now() + long);
            tokio::task::yield_now().await;
        });
        tokio::time::timeout(long / 60, ended).await.expect("it ends at once");
    }
}
