//! What is read at each scrape, and how calls are counted: the adapters between the parts of the server and its metrics.

use std::sync::Arc;
use std::time::Duration;

use api_grpc::CallMetrics;
use cache::limits::Limits;
use cache::{LiveStats, SharedStats, Stats};
use domain::execution::Executions;
use resilience::{Standing as Guarded, State};
use sandbox::{Sandboxes, StockReason};
use telemetry::{Metrics, Reading, names};
use tonic::Code;

use super::advisories::{Feed, Standing};
use crate::stores::{Kept, Live, Store};

/// Counts calls by method and code.
pub(crate) struct CallCounts {
    metrics: Arc<Metrics>,
}

impl CallCounts {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        CallCounts { metrics }
    }
}

impl CallMetrics for CallCounts {
    fn began(&self, _method: &str) {}

    fn ended(&self, method: &str, code: Code, elapsed: Duration) {
        self.metrics.request_finished(method, code_name(code), elapsed);
    }

    fn settled(&self, method: &str, code: Code) {
        self.metrics.request_settled(method, code_name(code));
    }
}

/// Registers what executions and sandboxes say of themselves.
pub(crate) fn observe(metrics: &Metrics, executions: Executions, sandboxes: Sandboxes) {
    metrics.observe(move || {
        let load = executions.load_now();
        vec![
            Reading::gauge(names::EXECUTIONS_RUNNING, "Executions that run", load.running.into()),
            Reading::gauge(
                names::EXECUTIONS_UNSTORED,
                "Executions of which the store refuses what happened",
                executions.unstored_now() as u64,
            ),
            Reading::gauge(names::EXECUTIONS_QUEUED, "Executions that wait for their turn", load.queued.into()),
        ]
    });
    metrics.observe(move || sandbox_readings(&sandboxes));
}

/// Registers what the cache says of itself, where there is one.
pub(crate) fn observe_cache(metrics: &Metrics, cache: &Kept) {
    match cache.clone() {
        Kept::Nothing => {}
        Kept::Own(cache) => metrics.observe(move || cache_readings(cache.stats())),
        Kept::Shared(cache) => metrics.observe(move || shared_readings(&cache.stats())),
    }
}

/// Registers how servers tell each other what executions print, where they do.
pub(crate) fn observe_live(metrics: &Metrics, live: Option<&Live>) {
    let Some(events) = live.map(|live| Arc::clone(&live.events)) else { return };
    metrics.observe(move || {
        let LiveStats { hits, misses, unreadable, untold, heard, is_deaf, reads, writes } = events.stats();
        vec![
            Reading::counter(names::LIVE_EVENTS_HITS, "Looks of watchers that were answered by Redis", hits),
            Reading::counter(names::LIVE_EVENTS_MISSES, "Looks of watchers that Redis did not answer", misses),
            Reading::counter(names::LIVE_EVENTS_UNREADABLE, "Batches of events in Redis that do not open", unreadable),
            Reading::counter(names::LIVE_EVENTS_UNTOLD, "Batches of events that other servers could not be told of", untold),
            Reading::counter(names::LIVE_EVENTS_HEARD, "Hints of other servers' events that were heard", heard),
            Reading::gauge(names::LIVE_EVENTS_DEAF, "1 while Redis takes hints of events and hands none on", u64::from(is_deaf)),
            Reading::gauge(
                names::REDIS_EVENT_READS_STATE,
                "0 while events are read from Redis, 1 while one attempt tries, 2 while none is made",
                state(reads),
            ),
            Reading::gauge(
                names::REDIS_EVENT_WRITES_STATE,
                "0 while events are written to Redis, 1 while one attempt tries, 2 while none is made",
                state(writes),
            ),
        ]
    });
}

/// Registers how asking for the limits of all servers goes, where they are asked for.
pub(crate) fn observe_limits(metrics: &Metrics, limits: Arc<Limits>) {
    if limits.standing().is_none() {
        return;
    }
    metrics.observe(move || {
        let Some(limits) = limits.standing() else { return Vec::new() };
        vec![
            Reading::gauge(
                names::REDIS_LIMITS_STATE,
                "0 while limits are asked for, 1 while one attempt tries, 2 while none is made",
                state(limits),
            ),
            Reading::counter(names::REDIS_LIMITS_FAILURES, "Attempts to ask for limits that failed", limits.failures),
        ]
    });
}

/// Registers what the store says of itself.
pub(crate) fn observe_store(metrics: &Metrics, store: Arc<dyn Store>) {
    metrics.observe(move || {
        let unreadable = store.unreadable() as u64;
        vec![Reading::gauge("store_unreadable_rows", "Rows that cannot be read, as far as they were met", unreadable)]
    });
}

/// Registers what the advisories say of themselves.
pub(crate) fn observe_advisories(metrics: &Metrics, advisories: Arc<Feed>) {
    metrics.observe(move || {
        let Standing { known, refused, unjudged, failed, read_at } = advisories.standing();
        vec![
            Reading::gauge(names::ADVISORIES, "Known faults of packages", known),
            Reading::gauge(names::ADVISORY_FILES_REFUSED, "Files of advisories of which something cannot be used", refused),
            Reading::gauge(names::ADVISORY_RANGES_UNJUDGED, "Advisories that are judged by their listed versions only", unjudged),
            Reading::counter(names::ADVISORY_READINGS_FAILED, "Readings that left the former advisories in force", failed),
            Reading::gauge(names::ADVISORIES_READ, "When the advisories in force were read, in seconds since 1970", read_at),
        ]
    });
}

fn shared_readings(stats: &SharedStats) -> Vec<Reading> {
    let (second, news) = (&stats.second, &stats.news);
    let mut readings = cache_readings(stats.first);
    readings.extend([
        Reading::counter(names::CACHE_SECOND_HITS, "Reads that were answered by Redis", second.hits),
        Reading::counter(names::CACHE_SECOND_MISSES, "Reads that Redis did not answer", second.misses),
        Reading::counter(names::CACHE_SECOND_UNREADABLE, "Values in Redis that do not open", second.unreadable),
        Reading::counter(names::CACHE_SECOND_UNWRITTEN, "Values that were not written to Redis", second.unwritten),
        Reading::counter(names::CACHE_NEWS_HEARD, "Changes that other servers told of", news.heard),
        Reading::counter(names::CACHE_NEWS_UNSENT, "Changes that other servers could not be told of", news.unsent),
        Reading::counter(names::CACHE_NEWS_MISSED, "How often changes may have been missed", news.missed),
        Reading::gauge(names::CACHE_NEWS_DEAF, "1 while Redis takes changes and hands none on", u64::from(news.is_deaf)),
        Reading::counter(names::CACHE_WARMED, "Utilities that were read ahead at the start", stats.warming.read),
        Reading::gauge(
            names::REDIS_READS_STATE,
            "0 while Redis is read, 1 while one attempt tries, 2 while none is made",
            state(second.reads),
        ),
        Reading::counter(names::REDIS_READS_FAILURES, "Attempts to read from Redis that failed", second.reads.failures),
        Reading::gauge(
            names::REDIS_WRITES_STATE,
            "0 while Redis is written, 1 while one attempt tries, 2 while none is made",
            state(second.writes),
        ),
        Reading::counter(names::REDIS_WRITES_FAILURES, "Attempts to write to Redis that failed", second.writes.failures),
    ]);
    readings
}

fn state(guard: Guarded) -> u64 {
    match guard.state {
        State::Closed => 0,
        State::HalfOpen => 1,
        State::Open => 2,
    }
}

fn cache_readings(stats: Stats) -> Vec<Reading> {
    vec![
        Reading::counter(names::CACHE_HITS, "Reads of utilities and policies that were answered from memory", stats.hits),
        Reading::counter(names::CACHE_MISSES, "Reads of utilities and policies that went to the store", stats.misses),
        Reading::gauge(names::CACHE_ENTRIES, "Things that are kept in memory", stats.entries),
        Reading::gauge(names::CACHE_BYTES, "Memory that they take, by estimate", stats.bytes),
    ]
}

fn sandbox_readings(sandboxes: &Sandboxes) -> Vec<Reading> {
    let stats = sandboxes.stats();
    let reason = |name, help, reason| Reading::gauge(name, help, u64::from(stats.stock_reason == reason));
    let left = |kind: usize, name, help| Reading::counter(name, help, stats.left[kind]);
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    vec![
        Reading::gauge("sandboxes_starting", "Sandboxes that start", stats.starting as u64),
        Reading::gauge("sandboxes_unassigned", "Ready sandboxes that wait for a tenant", stats.unassigned as u64),
        Reading::gauge("sandbox_stock_target", "Sandboxes that should wait for a tenant", stats.stock_target as u64),
        reason("sandbox_stock_least", "1 while the least that is kept covers the demand", StockReason::Least),
        reason("sandbox_stock_follows_demand", "1 while as many are kept as the busiest moment took", StockReason::Demand),
        reason("sandbox_stock_most", "1 while the demand is above the most that are kept", StockReason::Most),
        reason("sandbox_stock_held_by_memory", "1 while memory holds the stock below the demand", StockReason::Memory),
        Reading::gauge("sandboxes_bound", "Sandboxes bound to a tenant", stats.bound as u64),
        Reading::gauge("sandbox_children_ready", "Sealed processes that wait for a program", stats.ready_children as u64),
        Reading::gauge("sandbox_children_running", "Sealed processes that run one", stats.running as u64),
        Reading::gauge("sandbox_programs_waiting", "Programs that wait for a process", stats.waiting as u64),
        Reading::counter("sandboxes_started", "Sandboxes started", stats.sandboxes_started),
        Reading::counter("sandbox_start_failures", "Sandboxes that failed to start", stats.start_failures),
        Reading::counter("sandbox_start_milliseconds", "Time that starts took, added up", millis(stats.start_time)),
        Reading::counter("sandboxes_destroyed", "Sandboxes destroyed", stats.sandboxes_destroyed),
        Reading::counter("sandbox_forks", "Processes asked for", stats.forks),
        Reading::counter("sandbox_executions", "Programs that ended", stats.executions),
        Reading::counter("sandbox_restored", "Programs after which their process was put back", stats.restored),
        left(0, "sandbox_children_left_call", "Processes not put back after a call of which something stays"),
        left(1, "sandbox_children_left_signal", "Processes not put back because they were interrupted"),
        left(2, "sandbox_children_left_mappings", "Processes not put back because their mappings have changed"),
        left(3, "sandbox_children_left_descriptors", "Processes not put back because they left a descriptor"),
        left(4, "sandbox_children_left_status", "Processes not put back because the kernel shows another difference"),
        left(5, "sandbox_children_left_pages", "Processes not put back because pages are missing or too many"),
        left(6, "sandbox_children_left_stops", "Processes not put back because they stopped too often"),
        left(7, "sandbox_children_left_programs", "Processes not put back because they have run enough programs"),
        left(8, "sandbox_children_left_refused", "Processes not put back because the kernel refused"),
        Reading::counter("sandbox_children_left_unread", "Processes put back whose program's output nobody had read in time", stats.unread),
        Reading::counter(
            "sandbox_children_left_unsound",
            "Processes put back after whose program something spoke against another",
            stats.unsound,
        ),
        Reading::counter("sandbox_anomalies", "Protocol errors, late deaths and exhausted sandboxes", stats.anomalies),
        Reading::counter("sandbox_waits", "Programs that did not get a process at once", stats.waits),
        Reading::counter("sandbox_wait_milliseconds", "Time that programs waited, added up", millis(stats.wait_time)),
        Reading::counter("sandbox_task_panics", "Tasks of the sandboxes that panicked", stats.task_panics),
    ]
}

/// The name of a code in the gRPC specification.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
