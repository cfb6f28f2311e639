//! What a page shows beside the cookie of its session with everything that is no mere read: a text that only pages of the same origin can have
//! been told. It follows from the session's secret, so that every server knows it and none keeps it.

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName};

/// The header that it stands in. A form cannot send one, and a script of another origin only what it is allowed to.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-zona-csrf");
/// What the secret is used for here, and for nothing else.
const PURPOSE: &[u8] = b"zona console csrf 1";

/// The text for the session with this secret. It says nothing of the secret.
pub(crate) fn token(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(hmac::sign(&key(secret), PURPOSE))
}

/// Whether a request shows it.
pub(crate) fn is_shown(secret: &str, headers: &HeaderMap) -> bool {
    let shown = headers.get(&HEADER).and_then(|shown| URL_SAFE_NO_PAD.decode(shown.as_bytes()).ok());
    shown.is_some_and(|shown| hmac::verify(&key(secret), PURPOSE, &shown).is_ok())
}

fn key(secret: &str) -> Key {
    Key::new(HMAC_SHA256, secret.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_one_session_and_shows_nothing_of_its_secret() {
        let (one, other) = ("zona_session_a_secret", "zona_session_b_secret");
        let shows = |secret: &str, text: &str| is_shown(secret, &[(HEADER, text.parse().unwrap())].into_iter().collect());
        let told = token(one);
        assert_eq!((told.len(), told.contains("secret")), (43, false));
        assert!(shows(one, &told));
        let cut = &told[..42];
        for wrong in [token(other).as_str(), "", cut, "nonsense", one] {
            assert!(!shows(one, wrong), "{wrong}");
        }
        assert!(!is_shown(one, &HeaderMap::new()));
    }
}
