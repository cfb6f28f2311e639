//! What a request takes: of a stream Server-Sent Events, where it asks for them before lines of JSON, otherwise lines; how what it takes may be
//! compressed; and whether it takes pages.

use http::header::{ACCEPT, ACCEPT_ENCODING};
use http::{HeaderMap, HeaderName};

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
        let mut weighed: Vec<(&str, f32)> = weighed(headers, ACCEPT).collect();
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

/// How an answer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Smaller and faster, for whoever takes it.
    Zstd,
    /// What everybody takes.
    Gzip,
}

// === impl Coding ===

impl Coding {
    /// What the request takes rather than the other.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let weight_of = |names: &[&str]| {
            let named = weighed(headers, ACCEPT_ENCODING).filter(|(name, _)| names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted)));
            named.map(|(_, weight)| weight).fold(0.0, f32::max)
        };
        match (weight_of(&["zstd"]), weight_of(&["gzip", "x-gzip"])) {
            (zstd, gzip) if zstd > 0.0 && zstd >= gzip => Some(Coding::Zstd),
            (_, gzip) if gzip > 0.0 => Some(Coding::Gzip),
            _ => None,
        }
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Coding::Zstd => "zstd",
            Coding::Gzip => "gzip",
        }
    }
}

/// Whether the request says that it takes pages, as browsers do when somebody goes somewhere.
pub(crate) fn takes_html(headers: &HeaderMap) -> bool {
    weighed(headers, ACCEPT).any(|(name, weight)| weight > 0.0 && name.eq_ignore_ascii_case("text/html"))
}

/// What a header names, each with its weight.
fn weighed(headers: &HeaderMap, header: HeaderName) -> impl Iterator<Item = (&str, f32)> {
    headers.get_all(header).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(',')).map(weight)
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

    #[test]
    fn an_answer_is_compressed_as_its_reader_likes_best() {
        let check = |stated: &[&'static str], expected: Option<Coding>| {
            let headers = stated.iter().map(|text| (ACCEPT_ENCODING, http::HeaderValue::from_static(text))).collect();
            assert_eq!(Coding::of(&headers), expected, "{stated:?}");
        };
        check(&[], None);
        check(&["gzip, deflate, br, zstd"], Some(Coding::Zstd));
        check(&["gzip", "zstd"], Some(Coding::Zstd));
        check(&["GZIP"], Some(Coding::Gzip));
        check(&["x-gzip;q=0.1"], Some(Coding::Gzip));
        check(&["zstd;q=0.5, gzip"], Some(Coding::Gzip));
        check(&["zstd;q=0, gzip;q=0"], None);
        check(&["br, identity"], None);
    }

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
