//! Every name that leaves the process by a log line, a span or a metric. docs/operations.md lists them; a test compares.

/// Span and log field: the id of the request, as the client sent it or as the server made it.
pub const REQUEST_ID: &str = "request_id";
/// Span and log field: the W3C trace id, 32 hexadecimal digits.
pub const TRACE_ID: &str = "trace_id";
/// Span field: the full name of the method of the contract.
pub const METHOD: &str = "method";
/// Span field: the resource name of an execution.
pub const EXECUTION: &str = "execution";
/// Span field: the name of a background task.
pub const TASK: &str = "task";

/// Prefix of every metric.
pub const PREFIX: &str = "zona";

/// Counter by `method` and `code`: answered requests.
pub const REQUESTS: &str = "requests";
/// Histogram by `method`: seconds from the request's headers to its answer, for a stream to its end.
pub const REQUEST_SECONDS: &str = "request_duration_seconds";
/// Counter by `method` and `code`: changes that came to their end after their caller had gone.
pub const REQUESTS_SETTLED: &str = "requests_settled";
/// Counter by `state` and `reason`: ended executions. The reason of a success is empty.
pub const EXECUTIONS: &str = "executions";
/// Histogram: seconds from acceptance to the end of an execution.
pub const EXECUTION_SECONDS: &str = "execution_duration_seconds";
/// Gauge: executions that run.
pub const EXECUTIONS_RUNNING: &str = "executions_running";
/// Gauge: executions that wait for their turn.
pub const EXECUTIONS_QUEUED: &str = "executions_queued";
/// Gauge: executions of which the store refuses what happened.
pub const EXECUTIONS_UNSTORED: &str = "executions_unstored";
/// Counter by `kind`: what operators must hear of although no caller is told.
pub const INCIDENTS: &str = "incidents";
/// Counter by `operation` and `outcome` (`ok`, `error`): calls of the store that change something.
pub const STORE_COMMITS: &str = "store_commits";
/// Histogram by `operation`: seconds until such a call is durable.
pub const STORE_COMMIT_SECONDS: &str = "store_commit_duration_seconds";
/// Counter: spans that could not be delivered to the collector.
pub const SPANS_DROPPED: &str = "telemetry_spans_dropped";

/// Counter: reads of utilities and policies that were answered from memory.
pub const CACHE_HITS: &str = "cache_hits";
/// Counter: reads of utilities and policies that went to the store.
pub const CACHE_MISSES: &str = "cache_misses";
/// Gauge: things that are kept in memory.
pub const CACHE_ENTRIES: &str = "cache_entries";
/// Gauge: memory that they take, by estimate.
pub const CACHE_BYTES: &str = "cache_bytes";
/// Counter: reads that were answered by Redis.
pub const CACHE_SECOND_HITS: &str = "cache_second_hits";
/// Counter: reads that Redis did not answer.
pub const CACHE_SECOND_MISSES: &str = "cache_second_misses";
/// Counter: values in Redis that do not open.
pub const CACHE_SECOND_UNREADABLE: &str = "cache_second_unreadable";
/// Counter: values that were not written to Redis.
pub const CACHE_SECOND_UNWRITTEN: &str = "cache_second_unwritten";
/// Counter: changes that other servers told of.
pub const CACHE_NEWS_HEARD: &str = "cache_news_heard";
/// Counter: changes that other servers could not be told of.
pub const CACHE_NEWS_UNSENT: &str = "cache_news_unsent";
/// Counter: how often changes may have been missed.
pub const CACHE_NEWS_MISSED: &str = "cache_news_missed";
/// Gauge: 1 while Redis takes changes and hands none on.
pub const CACHE_NEWS_DEAF: &str = "cache_news_deaf";
/// Counter: utilities that were read ahead at the start.
pub const CACHE_WARMED: &str = "cache_warmed";
/// Counter: looks of watchers that were answered by Redis.
pub const LIVE_EVENTS_HITS: &str = "live_events_hits";
/// Counter: looks of watchers that Redis did not answer.
pub const LIVE_EVENTS_MISSES: &str = "live_events_misses";
/// Counter: batches of events in Redis that do not open.
pub const LIVE_EVENTS_UNREADABLE: &str = "live_events_unreadable";
/// Counter: batches of events that other servers could not be told of.
pub const LIVE_EVENTS_UNTOLD: &str = "live_events_untold";
/// Counter: hints of other servers' events that were heard.
pub const LIVE_EVENTS_HEARD: &str = "live_events_heard";
/// Gauge: 1 while Redis takes hints of events and hands none on.
pub const LIVE_EVENTS_DEAF: &str = "live_events_deaf";
/// Gauge: 0 while events are read from Redis, 1 while one attempt tries, 2 while none is made.
pub const REDIS_EVENT_READS_STATE: &str = "redis_event_reads_state";
/// Gauge: 0 while events are written to Redis, 1 while one attempt tries, 2 while none is made.
pub const REDIS_EVENT_WRITES_STATE: &str = "redis_event_writes_state";
/// Gauge: 0 while Redis is read, 1 while one attempt tries, 2 while none is made.
pub const REDIS_READS_STATE: &str = "redis_reads_state";
/// Counter: attempts to read from Redis that failed.
pub const REDIS_READS_FAILURES: &str = "redis_reads_failures";
/// Gauge: 0 while Redis is written, 1 while one attempt tries, 2 while none is made.
pub const REDIS_WRITES_STATE: &str = "redis_writes_state";
/// Counter: attempts to write to Redis that failed.
pub const REDIS_WRITES_FAILURES: &str = "redis_writes_failures";
/// Gauge: 0 while limits are asked for, 1 while one attempt tries, 2 while none is made.
pub const REDIS_LIMITS_STATE: &str = "redis_limits_state";
/// Counter: attempts to ask for limits that failed.
pub const REDIS_LIMITS_FAILURES: &str = "redis_limits_failures";

/// Gauge: known faults of packages.
pub const ADVISORIES: &str = "advisories";
/// Gauge: files of advisories of which something cannot be used.
pub const ADVISORY_FILES_REFUSED: &str = "advisory_files_refused";
/// Gauge: advisories that are judged by their listed versions only.
pub const ADVISORY_RANGES_UNJUDGED: &str = "advisory_ranges_unjudged";
/// Counter: readings of advisories that left the former ones in force.
pub const ADVISORY_READINGS_FAILED: &str = "advisory_readings_failed";
/// Gauge: when the advisories in force were read, in seconds since 1970.
pub const ADVISORIES_READ: &str = "advisories_read_timestamp_seconds";

/// Every metric above, without the prefix.
pub const METRICS: [&str; 44] = [
    REQUESTS,
    REQUEST_SECONDS,
    REQUESTS_SETTLED,
    EXECUTIONS,
    EXECUTION_SECONDS,
    EXECUTIONS_RUNNING,
    EXECUTIONS_QUEUED,
    EXECUTIONS_UNSTORED,
    INCIDENTS,
    STORE_COMMITS,
    STORE_COMMIT_SECONDS,
    SPANS_DROPPED,
    CACHE_HITS,
    CACHE_MISSES,
    CACHE_ENTRIES,
    CACHE_BYTES,
    CACHE_SECOND_HITS,
    CACHE_SECOND_MISSES,
    CACHE_SECOND_UNREADABLE,
    CACHE_SECOND_UNWRITTEN,
    CACHE_NEWS_HEARD,
    CACHE_NEWS_UNSENT,
    CACHE_NEWS_MISSED,
    CACHE_NEWS_DEAF,
    CACHE_WARMED,
    LIVE_EVENTS_HITS,
    LIVE_EVENTS_MISSES,
    LIVE_EVENTS_UNREADABLE,
    LIVE_EVENTS_UNTOLD,
    LIVE_EVENTS_HEARD,
    LIVE_EVENTS_DEAF,
    REDIS_EVENT_READS_STATE,
    REDIS_EVENT_WRITES_STATE,
    REDIS_READS_STATE,
    REDIS_READS_FAILURES,
    REDIS_WRITES_STATE,
    REDIS_WRITES_FAILURES,
    REDIS_LIMITS_STATE,
    REDIS_LIMITS_FAILURES,
    ADVISORIES,
    ADVISORY_FILES_REFUSED,
    ADVISORY_RANGES_UNJUDGED,
    ADVISORY_READINGS_FAILED,
    ADVISORIES_READ,
];
