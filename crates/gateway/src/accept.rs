//! What a request takes: of a stream Server-Sent Events, where it asks for them before lines of JSON, otherwise lines; and whether it takes
//! what is compressed.

use http::HeaderMap;
use http::header::{ACCEPT, ACCEPT_ENCODING};

/// Server-Sent Events.
pub(crate) const EVENT_STREAM: &str = "text/event-stream";
/// Lines of JSON.
pub(crate) const LINES: &str = "application/x-ndjson";

/// The form of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Server-Sent Events.
    Events,
    /// One JSON text a line.
    Lines,
}

// === impl Form ===

impl Form {
    /// What the request asks for.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let stated = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut weighed: Vec<(&str, f32)> = stated.flat_map(|text| text.split(',')).map(weight).collect();
        weighed.retain(|(kind, weight)| *weight > 0.0 && [EVENT_STREAM, LINES, "application/json", "*/*"].contains(kind));
        // Stable: of two that weigh the same, the first counts.
        weighed.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        match weighed.first() {
            Some((EVENT_STREAM, _)) => Form::Events,
            _ => Form::Lines,
        }
    }

    /// Its media type.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Form::Events => EVENT_STREAM,
            Form::Lines => LINES,
        }
    }
}

/// Whether the request says that it takes gzip.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let stated = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut weighed = stated.flat_map(|text| text.split(',')).map(weight);
    weighed.any(|(coding, weight)| weight > 0.0 && ["gzip", "x-gzip"].iter().any(|gzip| coding.eq_ignore_ascii_case(gzip)))
}

fn weight(range: &str) -> (&str, f32) {
    let mut parts = range.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|text| text.parse().ok());
    (kind, weight.unwrap_or(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accept: Option<&str>, expected: Form) {
        let headers = accept.map(|accept| (ACCEPT, accept.parse().unwrap())).into_iter().collect();
        assert_eq!(Form::of(&headers), expected, "{accept:?}");
    }

    #[test]
    fn a_stream_is_events_for_whoever_asks_for_them_and_lines_for_everybody_else() {
        check(None, Form::Lines);
        check(Some("*/*"), Form::Lines);
        check(Some("application/json"), Form::Lines);
        check(Some("text/event-stream"), Form::Events);
        check(Some("text/html, text/event-stream"), Form::Events);
        check(Some("application/x-ndjson, text/event-stream"), Form::Lines);
        check(Some("application/x-ndjson;q=0.5, text/event-stream"), Form::Events);
        check(Some("text/event-stream;q=0"), Form::Lines);
    }
}
