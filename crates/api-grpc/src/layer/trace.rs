//! The span of a call. How it joins the caller's W3C trace is a function that the composition root gives, so that this crate
//! needs no OpenTelemetry.

use std::sync::Arc;

use http::HeaderMap;
use tracing::{Span, field};

use crate::layer::RequestId;

const TRACE_PARENT: &str = "traceparent";

/// Makes a span part of the trace that a `traceparent` header names, and answers the trace id for the log. Called once for
/// each call, before its span is entered.
pub type LinkTrace = Arc<dyn Fn(&Span, Option<&str>) -> String + Send + Sync>;

/// The span of a call to `path`, and the id of its trace; `name` is one of a bounded number.
pub(crate) fn span(name: &str, path: &str, request_id: &RequestId, headers: &HeaderMap, link: &LinkTrace) -> (Span, String) {
    let (name, method, request_id) = (name.trim_start_matches('/'), path.trim_start_matches('/'), &*request_id.0);
    let trace_id = field::Empty;
    let span = tracing::info_span!("call", method, otel.name = name, otel.kind = "server", rpc.system = "grpc", request_id, trace_id);
    let parent = headers.get(TRACE_PARENT).and_then(|value| value.to_str().ok());
    let trace_id = link(&span, parent);
    span.record("trace_id", trace_id.as_str());
    (span, trace_id)
}
