//! The metrics of a process and their text form. Counting is a few atomic operations; reading happens when somebody scrapes.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::names;

/// Label sets of one metric; what comes beyond is counted under `other`, so that no caller can fill the memory with names.
const MAX_LABEL_SETS: usize = 512;
/// Upper bounds in seconds: from the fastest Transform to the longest execution.
const SECONDS: [f64; 15] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 300.0];

/// The metrics of one process.
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<Request, Counter>,
    request_seconds: Family<Method, Histogram>,
    settled: Family<Request, Counter>,
    /// Label sets asked for; may count one twice when two threads meet it first.
    methods: AtomicUsize,
    executions: Family<Execution, Counter>,
    execution_seconds: Histogram,
    incidents: Family<Incident, Counter>,
    commits: Family<Commit, Counter>,
    commit_seconds: Family<Operation, Histogram>,
    spans_dropped: Counter,
}

/// A value that exists elsewhere and is read when somebody scrapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Name without prefix; a counter gets the ending `_total`.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// What it is worth.
    pub value: Value,
}

/// The value of a [`Reading`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// Goes up and down.
    Gauge(u64),
    /// Only goes up.
    Counter(u64),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: String,
    code: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Method {
    method: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Execution {
    state: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Incident {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Commit {
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    operation: &'static str,
}

// === impl Metrics ===

impl Metrics {
    /// Metrics that start at zero.
    pub fn new() -> Self {
        let metrics = Metrics {
            registry: Mutex::new(Registry::with_prefix(names::PREFIX)),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(seconds),
            settled: Family::default(),
            methods: AtomicUsize::new(0),
            executions: Family::default(),
            execution_seconds: seconds(),
            incidents: Family::default(),
            commits: Family::default(),
            commit_seconds: Family::new_with_constructor(seconds),
            spans_dropped: Counter::default(),
        };
        metrics.register();
        metrics
    }

    /// A request was answered with a gRPC status code, e.g. `OK`.
    pub fn request_finished(&self, method: &str, code: &str, elapsed: Duration) {
        let method = self.bounded(Method { method: method.to_owned() });
        self.request_seconds.get_or_create(&method).observe(elapsed.as_secs_f64());
        self.requests.get_or_create(&Request { method: method.method, code: code.to_owned() }).inc();
    }

    /// A change came to its end after its caller had gone; the code is what would have been answered.
    pub fn request_settled(&self, method: &str, code: &str) {
        let Method { method } = self.bounded(Method { method: method.to_owned() });
        self.settled.get_or_create(&Request { method, code: code.to_owned() }).inc();
    }

    /// An execution ended; `reason` is empty for a success.
    pub fn execution_finished(&self, state: &'static str, reason: &'static str, elapsed: Duration) {
        self.executions.get_or_create(&Execution { state, reason }).inc();
        self.execution_seconds.observe(elapsed.as_secs_f64());
    }

    /// Something happened that an operator must hear of; `kind` is its stable name.
    pub fn incident(&self, kind: &'static str) {
        self.incidents.get_or_create(&Incident { kind }).inc();
    }

    /// The store answered a call that changes something.
    pub fn commit_finished(&self, operation: &'static str, stored: bool, elapsed: Duration) {
        let outcome = if stored { "ok" } else { "error" };
        self.commits.get_or_create(&Commit { operation, outcome }).inc();
        self.commit_seconds.get_or_create(&Operation { operation }).observe(elapsed.as_secs_f64());
    }

    /// The counter of spans that could not be delivered.
    pub fn spans_dropped(&self) -> Counter {
        self.spans_dropped.clone()
    }

    /// Adds values that are read at each scrape. `read` must be quick and must not block.
    pub fn observe(&self, read: impl Fn() -> Vec<Reading> + Send + Sync + 'static) {
        self.lock().register_collector(Box::new(Observed { read: Box::new(read) }));
    }

    /// Everything in the OpenMetrics text format.
    ///
    /// # Errors
    /// Only when a label cannot be written, which is a bug.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.lock())?;
        Ok(text)
    }

    fn bounded(&self, method: Method) -> Method {
        let known = self.request_seconds.get(&method).is_some();
        if known || self.methods.fetch_add(1, Ordering::Relaxed) < MAX_LABEL_SETS {
            return method;
        }
        Method { method: "other".to_owned() }
    }

    fn register(&self) {
        let mut registry = self.lock();
        registry.register(names::REQUESTS, "Answered requests", self.requests.clone());
        registry.register(names::REQUEST_SECONDS, "Seconds until a request is answered", self.request_seconds.clone());
        registry.register(names::REQUESTS_SETTLED, "Changes that ended after their caller had gone", self.settled.clone());
        registry.register(names::EXECUTIONS, "Ended executions", self.executions.clone());
        registry.register(names::EXECUTION_SECONDS, "Seconds from acceptance to end", self.execution_seconds.clone());
        registry.register(names::INCIDENTS, "What operators must hear of although no caller was told", self.incidents.clone());
        registry.register(names::STORE_COMMITS, "Calls of the store that change something", self.commits.clone());
        registry.register(names::STORE_COMMIT_SECONDS, "Seconds until a change is durable", self.commit_seconds.clone());
        registry.register(names::SPANS_DROPPED, "Spans that could not be delivered", self.spans_dropped.clone());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

// === impl Reading ===

impl Reading {
    /// A value that goes up and down.
    pub fn gauge(name: &'static str, help: &'static str, value: u64) -> Self {
        Reading { name, help, value: Value::Gauge(value) }
    }

    /// A value that only goes up.
    pub fn counter(name: &'static str, help: &'static str, value: u64) -> Self {
        Reading { name, help, value: Value::Counter(value) }
    }
}

struct Observed {
    read: Box<dyn Fn() -> Vec<Reading> + Send + Sync>,
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observed")
    }
}

impl Collector for Observed {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        for reading in (self.read)() {
            match reading.value {
                Value::Gauge(value) => {
                    let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
                    gauge.encode(encoder.encode_descriptor(reading.name, reading.help, None, gauge.metric_type())?)?;
                }
                Value::Counter(value) => {
                    let counter = ConstCounter::new(value);
                    counter.encode(encoder.encode_descriptor(reading.name, reading.help, None, counter.metric_type())?)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
