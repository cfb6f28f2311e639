//! Which pages may ask. A browser names the origin of whatever could do harm; what it sends along by itself, such as the certificate of a
//! client, must not count for pages of others.

use std::str::FromStr;

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Uri};

/// The origin of a page, such as `https://zona.example`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(pub(crate) HeaderValue);

impl FromStr for Origin {
    type Err = String;

    /// Reads one as browsers write it.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no origin such as https://zona.example");
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let named = matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some();
        let bare = uri.path() == "/" && uri.query().is_none() && !text.ends_with('/') && !text.contains('@');
        match named && bare && *text == text.to_ascii_lowercase() {
            true => HeaderValue::from_str(text).map(Origin).map_err(|_| wrong()),
            false => Err(wrong()),
        }
    }
}

/// Whether a request comes from no page, from one of the gateway's own, or from one that may ask.
pub(crate) fn lets_in(allowed: &[Origin], uri: &Uri, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = uri.authority().map(Authority::as_str).or(host);
    let named = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    let is_own = named.zip(host).is_some_and(|((_, authority), host)| authority.eq_ignore_ascii_case(host));
    is_own || allowed.iter().any(|allowed| allowed.0 == origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host_and_nothing_more() {
        for right in ["https://zona.example", "http://127.0.0.1:5173", "https://[::1]:8443"] {
            assert!(right.parse::<Origin>().is_ok(), "{right}");
        }
        for wrong in [
            "zona.example",
            "https://zona.example/",
            "https://zona.example/x",
            "ftp://zona.example",
            "*",
            "null",
            "https://u@zona.example",
            "",
        ] {
            assert!(wrong.parse::<Origin>().is_err(), "{wrong}");
        }
    }

    fn check(origin: Option<&str>, expected: bool) {
        let allowed = ["https://zona.example".parse().unwrap()];
        let mut headers: HeaderMap = origin.map(|origin| (ORIGIN, origin.parse().unwrap())).into_iter().collect();
        headers.insert(HOST, "127.0.0.1:7080".parse().unwrap());
        assert_eq!(lets_in(&allowed, &Uri::from_static("/v1/whoami"), &headers), expected, "{origin:?}");
    }

    #[test]
    fn pages_of_others_may_not_ask_unless_they_are_listed() {
        check(None, true);
        check(Some("http://127.0.0.1:7080"), true);
        check(Some("https://zona.example"), true);
        check(Some("https://evil.example"), false);
        check(Some("http://127.0.0.1:7081"), false);
        check(Some("null"), false);
    }
}
