//! The two kinds of load: arrivals that wait for nobody (open loop), and a fixed number of callers (closed loop).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::samples::Samples;

/// One call; answers the moment at which the caller had its result. What is tidied up after that belongs to the call too.
pub type Call = Pin<Box<dyn Future<Output = anyhow::Result<Instant>> + Send>>;
/// Makes calls.
pub type Subject = Arc<dyn Fn() -> Call + Send + Sync>;

/// Calls in flight beyond which an arrival is counted as refused: the subject is hopelessly behind, and more processes would
/// only measure the machine's swap.
const MAX_IN_FLIGHT: usize = 512;

/// What a slice of load found out.
#[derive(Debug, Default)]
pub struct Slice {
    /// Time of each call that succeeded: from its scheduled arrival in an open loop, from its start in a closed one.
    pub latencies: Samples,
    /// How late the generator itself was.
    pub lag: Samples,
    /// Calls that failed or were refused, and the first reason.
    pub failed: usize,
    /// The first failure in words.
    pub failure: Option<String>,
    /// From the first call to the end of the last.
    pub elapsed: Duration,
}

// === impl Slice ===

impl Slice {
    /// Successful calls a second.
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// Adds another slice of the same subject.
    pub fn absorb(&mut self, other: Slice) {
        self.latencies.extend(&other.latencies);
        self.lag.extend(&other.lag);
        self.failed += other.failed;
        self.failure = self.failure.take().or(other.failure);
        self.elapsed += other.elapsed;
    }

    fn record(&mut self, begin: Instant, outcome: anyhow::Result<Instant>) {
        match outcome {
            Ok(end) => self.latencies.push(end.saturating_duration_since(begin)),
            Err(error) => self.refuse(format!("{error:#}")),
        }
    }

    fn refuse(&mut self, reason: String) {
        self.failed += 1;
        self.failure.get_or_insert(reason);
    }
}

/// Calls at random moments (a Poisson process), however long they take. The same seed gives the same moments.
///
/// # Errors
/// When the generator fails; failed calls are counted instead.
pub async fn open_loop(subject: &Subject, per_second: f64, duration: Duration, seed: u64) -> anyhow::Result<Slice> {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let generator = {
        let (subject, runtime) = (Arc::clone(subject), Handle::current());
        // A thread, because the runtime's timer counts whole milliseconds.
        thread::Builder::new()
            .name("arrivals".to_owned())
            .spawn(move || arrivals(&subject, &runtime, per_second, duration, seed, &sender))?
    };
    let begin = Instant::now();
    let mut slice = Slice::default();
    while let Some(arrival) = receiver.recv().await {
        match arrival {
            Arrival::Started(lag) => slice.lag.push(lag),
            Arrival::Ended(scheduled, outcome) => slice.record(scheduled, outcome),
            Arrival::Refused => slice.refuse(format!("more than {MAX_IN_FLIGHT} calls in flight")),
        }
    }
    slice.elapsed = begin.elapsed();
    generator.join().ok().context("the generator of arrivals panicked")?;
    Ok(slice)
}

enum Arrival {
    Started(Duration),
    Ended(Instant, anyhow::Result<Instant>),
    Refused,
}

fn arrivals(subject: &Subject, runtime: &Handle, per_second: f64, duration: Duration, seed: u64, sender: &mpsc::UnboundedSender<Arrival>) {
    let mut random = SplitMix64(seed);
    let in_flight = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let mut offset = Duration::ZERO;
    loop {
        offset += Duration::from_secs_f64(-random.unit().ln() / per_second);
        if offset > duration {
            return;
        }
        let scheduled = begin + offset;
        thread::sleep(scheduled.saturating_duration_since(Instant::now()));
        if in_flight.fetch_add(1, Ordering::Relaxed) >= MAX_IN_FLIGHT {
            in_flight.fetch_sub(1, Ordering::Relaxed);
            // The receiver outlives every sender; a failed send means that the run is being torn down.
            drop(sender.send(Arrival::Refused));
            continue;
        }
        let (call, sender, in_flight) = (subject(), sender.clone(), Arc::clone(&in_flight));
        runtime.spawn(async move {
            // As above: nobody listens only while the run is being torn down.
            drop(sender.send(Arrival::Started(scheduled.elapsed())));
            let outcome = call.await;
            in_flight.fetch_sub(1, Ordering::Relaxed);
            // As above.
            drop(sender.send(Arrival::Ended(scheduled, outcome)));
        });
    }
}

/// As many callers as given, each calling again as soon as its call is over.
///
/// # Errors
/// When a caller panics; failed calls are counted instead.
pub async fn closed_loop(subject: &Subject, callers: usize, duration: Duration) -> anyhow::Result<Slice> {
    let begin = Instant::now();
    let mut set = JoinSet::new();
    for _ in 0..callers {
        let subject = Arc::clone(subject);
        set.spawn(async move {
            let mut slice = Slice::default();
            while begin.elapsed() < duration {
                let start = Instant::now();
                let outcome = subject().await;
                let failed = outcome.is_err();
                slice.record(start, outcome);
                if failed {
                    // A refused call comes back at once; without a pause the loop would measure refusals.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
            slice
        });
    }
    let mut all = Slice::default();
    while let Some(slice) = set.join_next().await {
        all.absorb(slice?);
    }
    all.elapsed = begin.elapsed();
    Ok(all)
}

/// Calls one after the other, `rounds` times.
///
/// # Errors
/// The first failed call's.
pub async fn sequential(subject: &Subject, rounds: usize) -> anyhow::Result<Samples> {
    let mut samples = Samples::default();
    for _ in 0..rounds {
        let start = Instant::now();
        samples.push(subject().await?.saturating_duration_since(start));
    }
    Ok(samples)
}

/// Sebastiano Vigna's generator: repeatable arrivals need nothing better.
struct SplitMix64(u64);

impl SplitMix64 {
    /// In (0, 1].
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((z ^ (z >> 31)) >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constant(time: Duration) -> Subject {
        Arc::new(move || {
            Box::pin(async move {
                tokio::time::sleep(time).await;
                Ok(Instant::now())
            })
        })
    }

    #[tokio::test]
    async fn an_open_loop_does_not_wait_for_slow_calls() {
        let slice = open_loop(&constant(Duration::from_millis(300)), 200.0, Duration::from_millis(300), 1).await.unwrap();
        assert!(slice.latencies.len() > 20, "{}", slice.latencies.len());
        assert!(slice.latencies.median() >= 300.0);
        assert_eq!(slice.failed, 0);
    }

    #[tokio::test]
    async fn a_closed_loop_has_as_many_calls_in_flight_as_callers() {
        let slice = closed_loop(&constant(Duration::from_millis(50)), 4, Duration::from_millis(200)).await.unwrap();
        assert!((8..=16).contains(&slice.latencies.len()), "{}", slice.latencies.len());
    }

    #[tokio::test]
    async fn a_failed_call_is_counted_and_never_timed() {
        let subject: Subject = Arc::new(|| Box::pin(async { anyhow::bail!("refused") }));
        let slice = open_loop(&subject, 500.0, Duration::from_millis(50), 2).await.unwrap();
        assert_eq!((slice.latencies.len(), slice.failure.as_deref()), (0, Some("refused")));
        assert!(slice.failed > 0);
        assert!(sequential(&subject, 1).await.is_err());
    }
}
