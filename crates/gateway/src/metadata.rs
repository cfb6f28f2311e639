//! Headers on their way through: which of a request's become metadata of the call, and which of the call's become headers of the answer. A
//! header that is not named here goes no further.

use http::header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, TE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The id of a request, both ways.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// How a call is bounded in gRPC, and in the Connect protocol.
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const CONNECT_TIMEOUT: HeaderName = HeaderName::from_static("connect-timeout-ms");
/// Digits of a timeout, by the specification of gRPC.
const MAX_DIGITS: usize = 8;

/// What goes through as it is.
pub(crate) const PASSED: [HeaderName; 8] = [
    AUTHORIZATION,
    ACCEPT_LANGUAGE,
    USER_AGENT,
    REQUEST_ID,
    GRPC_TIMEOUT,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("zona-purpose"),
];

/// The metadata of the call that a request becomes.
pub(crate) fn of_call(request: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(PASSED.len() + 2);
    for name in PASSED {
        // All values of a header: whether several are right is for the services to say.
        request.get_all(&name).iter().for_each(|value| {
            headers.append(name.clone(), value.clone());
        });
    }
    if !headers.contains_key(GRPC_TIMEOUT)
        && let Some(millis) = request.get(CONNECT_TIMEOUT).and_then(millis)
    {
        headers.insert(GRPC_TIMEOUT, millis);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers
}

/// A timeout of the Connect protocol as gRPC writes it; what is none counts as none, as there.
fn millis(stated: &HeaderValue) -> Option<HeaderValue> {
    let text = stated.to_str().ok()?;
    let fits = (1..=MAX_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| HeaderValue::from_str(&format!("{text}m")).expect("digits and a letter"))
}

/// The headers of an answer, out of those of the call's.
pub(crate) fn of_answer(call: &HeaderMap) -> HeaderMap {
    call.get(REQUEST_ID).map(|id| (REQUEST_ID, id.clone())).into_iter().collect()
}
