//! The id of a request: the caller's, where it is fit for a log, otherwise a fresh one. Always answered.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use uuid::Uuid;

use crate::status::REQUEST_ID_HEADER;

/// Longest id that is taken from a caller.
const LONGEST: usize = 64;

/// An id of 1 to 64 letters, digits, `-`, `_` and `.`.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) Arc<str>);

impl RequestId {
    /// The id that the caller gave, or a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(REQUEST_ID_HEADER).and_then(|value| value.to_str().ok()).filter(|id| is_fit(id));
        RequestId(given.map_or_else(|| Uuid::now_v7().to_string().into(), Into::into))
    }

    /// Answers the id.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let value = HeaderValue::from_str(&self.0).expect("letters, digits and three signs are fit for a header");
        headers.insert(REQUEST_ID_HEADER, value);
    }
}

fn is_fit(id: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=LONGEST).contains(&id.len()) && id.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(given: &str) -> String {
        let headers = HeaderMap::from_iter([(REQUEST_ID_HEADER.parse().unwrap(), given.parse().unwrap())]);
        RequestId::of(&headers).0.to_string()
    }

    #[test]
    fn an_id_that_is_fit_for_a_log_is_kept_and_any_other_replaced() {
        assert_eq!(of("build-7.retry_2"), "build-7.retry_2");
        for unfit in ["", "a b", "id\"}", &"x".repeat(65)] {
            assert!(Uuid::parse_str(&of(unfit)).is_ok(), "{unfit:?} became {}", of(unfit));
        }
        assert!(Uuid::parse_str(&RequestId::of(&HeaderMap::new()).0).is_ok());
    }
}
