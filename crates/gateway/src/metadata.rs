//! Headers on their way through: which of a request's become metadata of the call, and which of the call's become headers of the answer. A
//! header that is not named here goes no further.

use std::time::Duration;

use http::header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, TE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// The id of a request, both ways.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// How a call is bounded in gRPC, and in the Connect protocol.
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const CONNECT_TIMEOUT: HeaderName = HeaderName::from_static("connect-timeout-ms");
/// Digits of a timeout, by the specification of gRPC.
const MAX_DIGITS: usize = 8;
/// The longest id of a request that the services behind take from a caller.
const LONGEST_ID: usize = 64;

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

/// The metadata of the call that a request becomes, of whose time this much is spent.
pub(crate) fn of_call(request: &HeaderMap, spent: Duration) -> HeaderMap {
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
    if let Some(left) = headers.get(GRPC_TIMEOUT).and_then(|stated| left(stated, spent)) {
        headers.insert(GRPC_TIMEOUT, left);
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

/// What is left of a timeout that is counted in units which matter here: that of hours is not shorter by a body that took seconds.
fn left(stated: &HeaderValue, spent: Duration) -> Option<HeaderValue> {
    let (number, unit) = stated.to_str().ok()?.split_at_checked(stated.len().checked_sub(1)?)?;
    let number: u64 = number.parse().ok().filter(|_| number.len() <= MAX_DIGITS)?;
    let allowed = match unit {
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    };
    let left = allowed.saturating_sub(spent);
    // The smallest unit that has enough digits.
    let units = [(left.as_nanos(), 'n'), (left.as_micros(), 'u'), (left.as_millis(), 'm'), (u128::from(left.as_secs()), 'S')];
    let (number, unit) = units.into_iter().find(|(number, _)| *number < 10_u128.pow(MAX_DIGITS as u32))?;
    HeaderValue::from_str(&format!("{number}{unit}")).ok()
}

/// The headers of an answer, out of those of the call's.
pub(crate) fn of_answer(call: &HeaderMap) -> HeaderMap {
    call.get(REQUEST_ID).map(|id| (REQUEST_ID, id.clone())).into_iter().collect()
}

/// The id of a request, which the services behind then know it by, too: the caller's, where it is fit for a log, otherwise a fresh one.
pub(crate) fn identify(request: &mut HeaderMap) -> HeaderValue {
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let is_fit = |id: &&HeaderValue| (1..=LONGEST_ID).contains(&id.len()) && id.as_bytes().iter().all(known);
    if let Some(given) = request.get(REQUEST_ID).filter(is_fit) {
        return given.clone();
    }
    let made = HeaderValue::from_str(&Uuid::now_v7().to_string()).expect("a UUID is digits, letters and hyphens");
    request.insert(REQUEST_ID, made.clone());
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stated: &'static str, spent: Duration, expected: Option<&str>) {
        let left = left(&HeaderValue::from_static(stated), spent);
        assert_eq!(left.as_ref().map(|left| left.to_str().unwrap()), expected, "{stated} {spent:?}");
    }

    #[test]
    fn what_a_body_took_is_no_longer_left_of_a_timeout() {
        let spent = Duration::from_millis(250);
        check("1S", spent, Some("750000u"));
        check("300m", spent, Some("50000000n"));
        check("200m", spent, Some("0n"));
        check("2M", spent, Some("119750m"));
        check("99999999S", spent, Some("99999998S"));
        check("99999999S", Duration::ZERO, Some("99999999S"));
        check("2H", spent, None);
        check("soon", spent, None);
        check("", spent, None);
    }
}
