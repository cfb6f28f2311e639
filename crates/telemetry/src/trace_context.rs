//! W3C trace context: reading the caller's `traceparent`, giving each request a trace id, and passing it on.
//!
//! Works with and without a collector: a log line has a trace id in both cases.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Name of the header.
pub const HEADER: &str = "traceparent";

/// A `traceparent` that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    trace: TraceId,
    span: SpanId,
    flags: TraceFlags,
}

impl TraceParent {
    /// Reads a header; `None` when it is not valid by the W3C recommendation, which then says to start anew.
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let fits = is_hex(version, 2) && version != "ff" && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2);
        // Version 00 has exactly four parts; a later one may have more.
        if !fits || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let parent = TraceParent {
            trace: TraceId::from_hex(trace).ok()?,
            span: SpanId::from_hex(span).ok()?,
            flags: TraceFlags::new(u8::from_str_radix(flags, 16).ok()? & TraceFlags::SAMPLED.to_u8()),
        };
        (parent.trace != TraceId::INVALID && parent.span != SpanId::INVALID).then_some(parent)
    }

    /// The trace id as 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        self.trace.to_string()
    }
}

/// Makes `span` part of the caller's trace when `header` names one, and answers the trace id to log: the caller's, else the
/// span's own, else a fresh one. Call it before the span is entered.
pub fn continue_trace(span: &Span, header: Option<&str>) -> String {
    if let Some(parent) = header.and_then(TraceParent::parse) {
        let remote = SpanContext::new(parent.trace, parent.span, parent.flags, true, TraceState::default());
        // Without a collector there is no layer that could take the parent, and the id alone is what counts.
        let _ = span.set_parent(Context::new().with_remote_span_context(remote));
        return parent.trace_id();
    }
    let own = span.context().span().span_context().trace_id();
    if own == TraceId::INVALID { RandomIdGenerator::default().new_trace_id().to_string() } else { own.to_string() }
}

/// The header that makes the other side's work part of `span`; `None` without a collector.
pub fn header_for(span: &Span) -> Option<String> {
    let context = span.context();
    let inner = context.span();
    let own = inner.span_context();
    own.is_valid().then(|| format!("00-{}-{}-{:02x}", own.trace_id(), own.span_id(), own.trace_flags().to_u8()))
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: Option<&str>) {
        assert_eq!(TraceParent::parse(header).map(|parent| parent.trace_id()).as_deref(), expected, "{header}");
    }

    #[test]
    fn a_valid_parent_is_read_and_anything_else_starts_anew() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        check("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Some(trace));
        check("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later", Some(trace));
        check("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra", None);
        check("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None);
        check("00-00000000000000000000000000000000-00f067aa0ba902b7-01", None);
        check("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", None);
        check("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", None);
        check("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", None);
        check("", None);
    }

    #[test]
    fn a_request_without_a_parent_gets_a_trace_id_of_its_own() {
        let first = continue_trace(&Span::none(), None);
        let second = continue_trace(&Span::none(), Some("nonsense"));
        assert!(is_hex(&first, 32) && is_hex(&second, 32));
        assert_ne!(first, second);
    }

    #[test]
    fn without_a_collector_the_callers_trace_id_is_kept() {
        let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(continue_trace(&Span::none(), Some(header)), "4bf92f3577b34da6a3ce929d0e0e4736");
    }
}
