//! The cookie of a browser's session: what it holds, under which name, and how it is given and taken away. No page can read it, and none of
//! another site has it sent.

use std::time::Duration;

use http::header::{COOKIE, ORIGIN};
use http::{HeaderMap, HeaderValue};

/// Its name where it is sent over TLS only: browsers take it from this very host, for all of its paths, and over TLS (RFC 6265bis, 4.1.3.2).
const SECURE: &str = "__Host-zona-session";
/// Its name in plain text.
const PLAIN: &str = "zona-session";
/// How what it holds begins: no token and no API key is taken from a cookie, since those are never put there.
const BEGINS: &str = "zona_session_";
const HTTPS: &[u8] = b"https://";

/// The secret that a request brings. Of several cookies of a name the first counts, which is that of the longest path.
pub(crate) fn find(headers: &HeaderMap, is_encrypted: bool) -> Option<String> {
    let stated = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs: Vec<(&str, &str)> = stated.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('=')).collect();
    let named = |wanted: &str| pairs.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    // Behind a proxy that speaks TLS, the browser has the name of that, and this server does not know it.
    let found = named(SECURE).or_else(|| named(PLAIN).filter(|_| !is_encrypted));
    found.filter(|secret| secret.starts_with(BEGINS)).map(str::to_owned)
}

/// The header that gives it, to whoever asks with these headers.
pub(crate) fn give(secret: &str, life: Duration, asked: &HeaderMap, is_encrypted: bool) -> Option<HeaderValue> {
    let is_secure = is_encrypted || asked.get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(HTTPS));
    let mut value = HeaderValue::from_str(&written(is_secure, secret, life)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The headers that take it away, whichever name it has.
pub(crate) fn take_away() -> [HeaderValue; 2] {
    [true, false].map(|is_secure| {
        let text = written(is_secure, "", Duration::ZERO);
        HeaderValue::from_str(&text).expect("a name and attributes are ASCII")
    })
}

fn written(is_secure: bool, value: &str, life: Duration) -> String {
    let (name, secure) = if is_secure { (SECURE, "; Secure") } else { (PLAIN, "") };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{secure}", life.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(is_encrypted: bool, cookies: &[&'static str], expected: Option<&str>) {
        let headers: HeaderMap = cookies.iter().map(|cookie| (COOKIE, HeaderValue::from_static(cookie))).collect();
        assert_eq!(find(&headers, is_encrypted).as_deref(), expected, "encrypted: {is_encrypted}, {cookies:?}");
    }

    #[test]
    fn a_session_is_found_among_the_cookies_of_a_request() {
        check(false, &["zona-session=zona_session_a"], Some("zona_session_a"));
        check(false, &["theme=dark; zona-session=zona_session_a; x"], Some("zona_session_a"));
        check(false, &["theme=dark", "zona-session=zona_session_a"], Some("zona_session_a"));
        check(false, &["zona-session=zona_session_a; zona-session=zona_session_b"], Some("zona_session_a"));
        check(false, &["__Host-zona-session=zona_session_b; zona-session=zona_session_a"], Some("zona_session_b"));
        check(true, &["__Host-zona-session=zona_session_b"], Some("zona_session_b"));
        check(false, &[], None);
        check(false, &["my-zona-session=zona_session_a; zona-session"], None);
    }

    #[test]
    fn what_could_have_been_put_there_by_somebody_else_is_no_session() {
        // Over TLS: set in plain text, by whoever stands between.
        check(true, &["zona-session=zona_session_a"], None);
        check(false, &["zona-session=zona_key_abcdefghij234567_x", "zona-session=eyJhbGciOiJFZERTQSJ9"], None);
    }

    #[test]
    fn a_cookie_is_given_for_tls_only_where_the_browser_speaks_it() {
        let given = |origin: Option<&'static str>, is_encrypted| {
            let asked = origin.map(|origin| (ORIGIN, HeaderValue::from_static(origin))).into_iter().collect();
            let value = give("zona_session_a", Duration::from_secs(60), &asked, is_encrypted).unwrap();
            assert!(value.is_sensitive());
            value.to_str().unwrap().to_owned()
        };
        let plain = "zona-session=zona_session_a; Path=/; HttpOnly; SameSite=Strict; Max-Age=60";
        assert_eq!(given(None, false), plain);
        assert_eq!(given(Some("http://127.0.0.1:7080"), false), plain);
        for encrypted in [given(None, true), given(Some("https://zona.example"), false)] {
            assert_eq!(encrypted, format!("__Host-{plain}; Secure"));
        }
    }
}
