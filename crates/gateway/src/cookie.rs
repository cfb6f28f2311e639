//! The cookie of a browser's session: what it holds, under which name, and how it is given and taken away. No page can read it, and none of
//! another site has it sent. Beside it, that of a sign-in that has gone to another site's page, from which the browser comes back with it.

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
/// The names of the cookie of a sign-in, over TLS and in plain text.
const SIGN_IN: [&str; 2] = ["__Host-zona-sign-in", "zona-sign-in"];

/// The secret that a request brings. Of several cookies of a name the first counts, which is that of the longest path.
pub(crate) fn find(headers: &HeaderMap, is_encrypted: bool) -> Option<String> {
    let named = |wanted: &str| named(headers, wanted);
    // Behind a proxy that speaks TLS, the browser has the name of that, and this server does not know it.
    let found = named(SECURE).or_else(|| named(PLAIN).filter(|_| !is_encrypted));
    found.filter(|secret| secret.starts_with(BEGINS)).map(str::to_owned)
}

fn named<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let stated = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = stated.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

/// Whether the browser that asks with these headers speaks TLS, to this server or to a proxy before it.
pub(crate) fn is_secure(asked: &HeaderMap, is_encrypted: bool) -> bool {
    is_encrypted || asked.get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(HTTPS))
}

/// The header that gives it. `SameSite=Strict`: it comes with no request to which a page of another site leads.
pub(crate) fn give(secret: &str, life: Duration, is_secure: bool) -> Option<HeaderValue> {
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

/// What a request brings of a sign-in.
pub(crate) fn find_sign_in(headers: &HeaderMap, is_secure: bool) -> Option<&str> {
    named(headers, SIGN_IN[usize::from(!is_secure)])
}

/// The header that keeps a sign-in for as long as it may take, or takes it away. It is sent along when a page of another site sends the browser
/// here (`Lax`), and holds nothing by which somebody is signed in.
pub(crate) fn keep_sign_in(text: &str, life: Duration, is_secure: bool) -> Option<HeaderValue> {
    let (name, secure) = (SIGN_IN[usize::from(!is_secure)], if is_secure { "; Secure" } else { "" });
    let text = format!("{name}={text}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{secure}", life.as_secs());
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
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
    fn a_sign_in_is_kept_where_another_sites_page_can_send_the_browser_back_with_it() {
        let given = keep_sign_in("a.b", Duration::from_secs(600), true).unwrap();
        assert_eq!(given, "__Host-zona-sign-in=a.b; Path=/; HttpOnly; SameSite=Lax; Max-Age=600; Secure");
        let brought: HeaderMap = [(COOKIE, HeaderValue::from_static("zona-sign-in=a.b"))].into_iter().collect();
        assert_eq!((find_sign_in(&brought, false), find_sign_in(&brought, true)), (Some("a.b"), None));
    }

    #[test]
    fn a_cookie_is_given_for_tls_only_where_the_browser_speaks_it() {
        let given = |origin: Option<&'static str>, is_encrypted| {
            let asked = origin.map(|origin| (ORIGIN, HeaderValue::from_static(origin))).into_iter().collect();
            let value = give("zona_session_a", Duration::from_secs(60), is_secure(&asked, is_encrypted)).unwrap();
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
