//! A sign-in that is under way. The browser keeps it: a secret, when it was begun, at which issuer, and where to go in the end. Everything that
//! an issuer is told follows from all of that, so that no server keeps anything, and whoever changes a part of it changes all.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::refusal::Refusal;

/// Random bytes of the secret: 256 bits, which nobody guesses.
const BYTES: usize = 32;
/// What the secret is used for, and each use for nothing else.
const STATE: &str = "zona sign-in state 1";
const VERIFIER: &str = "zona sign-in verifier 1";
/// Longest path of a page, its query included: a cookie of it and of all the rest stays far below the 4 KiB that browsers keep.
const MAX_PATH: usize = 1_024;
/// By how much the clock of the server that has begun it may be ahead.
const AHEAD: u64 = 60;
/// Paths that are no pages of the console.
const NO_PAGES: [&str; 7] = ["/v1/", "/assets/", "/console/", "/healthz", "/openapi.json", "/docs", "/zona."];

/// A sign-in that is under way.
pub(super) struct Begun {
    secret: String,
    at: u64,
    issuer: String,
    to: String,
}

impl Begun {
    /// Begins one at the issuer of this name, which ends at a path for which [`is_page`] holds.
    pub(super) fn new(issuer: &str, to: &str, now: u64) -> Result<Self, Refusal> {
        let mut secret = [0; BYTES];
        // Without them nothing here may go on: whatever was handed out could be guessed.
        rand::fill(&mut secret).map_err(|error| Refusal::internal(&format!("random numbers of the system: {error}")))?;
        Ok(Begun { secret: URL_SAFE_NO_PAD.encode(secret), at: now, issuer: issuer.to_owned(), to: to.to_owned() })
    }

    /// As a browser keeps it.
    pub(super) fn text(&self) -> String {
        format!("{}.{}.{}.{}", self.secret, self.at, self.issuer, URL_SAFE_NO_PAD.encode(&self.to))
    }

    /// As a browser has kept it; `None` for what is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (Some(secret), Some(at), Some(issuer), Some(to), None) = (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let is_secret = URL_SAFE_NO_PAD.decode(secret).is_ok_and(|secret| secret.len() == BYTES);
        let to = String::from_utf8(URL_SAFE_NO_PAD.decode(to).ok()?).ok().filter(|to| is_page(to))?;
        let at = at.parse().ok()?;
        is_secret.then(|| Begun { secret: secret.to_owned(), at, issuer: issuer.to_owned(), to })
    }

    /// The issuer's name.
    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where to go in the end.
    pub(super) fn to(&self) -> &str {
        &self.to
    }

    /// What the issuer's page gives back, by which the browser shows that it was sent there.
    pub(super) fn state(&self) -> String {
        self.derived(STATE)
    }

    /// What redeems the code: 43 characters, the fewest that RFC 7636 has.
    pub(super) fn verifier(&self) -> String {
        self.derived(VERIFIER)
    }

    /// What the issuer's page is told of the verifier, and the ID token names.
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.verifier().as_bytes()))
    }

    /// Whether a page has answered with its state.
    pub(super) fn is_of(&self, state: &str) -> bool {
        verify_slices_are_equal(self.state().as_bytes(), state.as_bytes()).is_ok()
    }

    /// Whether it was begun no longer ago than this.
    pub(super) fn is_of_now(&self, now: u64, longest: Duration) -> bool {
        self.at <= now.saturating_add(AHEAD) && now.saturating_sub(self.at) < longest.as_secs()
    }

    fn derived(&self, purpose: &str) -> String {
        let key = Key::new(HMAC_SHA256, self.secret.as_bytes());
        let bound = format!("{purpose} {} {} {}", self.at, self.issuer, self.to);
        URL_SAFE_NO_PAD.encode(hmac::sign(&key, bound.as_bytes()))
    }
}

/// Whether a text is the path of a page of the console, and nothing that a browser takes for an address elsewhere: two slashes begin the name of
/// a host, a backslash is read as a slash, what cannot be seen is left out before an address is read, and segments of dots lead to another path
/// than the one that is looked at here.
pub(super) fn is_page(text: &str) -> bool {
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let Some(path) = text.split(['?', '#']).next().and_then(|path| path.strip_prefix('/')) else { return false };
    let is_whole = path.is_empty() || path.strip_suffix('/').unwrap_or(path).split('/').all(is_segment);
    is_visible && is_whole && text.len() <= MAX_PATH && !NO_PAGES.iter().any(|none| text.starts_with(none))
}

/// Whether a part of a path stands for itself: it is neither empty nor dots, which may be written as `%2e` (WHATWG URL, 4.4).
fn is_segment(text: &str) -> bool {
    !matches!(text.to_ascii_lowercase().replace("%2e", ".").as_str(), "" | "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000;

    #[test]
    fn a_sign_in_is_the_same_wherever_it_is_finished() {
        let begun = Begun::new("corporate", "/executions?state=FAILED#x", NOW).unwrap();
        let kept = Begun::read(&begun.text()).unwrap();
        assert_eq!((kept.state(), kept.verifier()), (begun.state(), begun.verifier()));
        assert_eq!((kept.issuer(), kept.to()), ("corporate", "/executions?state=FAILED#x"));
        assert!(kept.is_of(&begun.state()));
        let told = [begun.state(), begun.challenge(), begun.verifier()];
        assert!(told.iter().all(|told| told.len() == 43 && !told.contains(&begun.secret)), "{told:?}");
        assert!((0..3).all(|one| (0..one).all(|other| told[one] != told[other])), "{told:?}");
        assert_ne!(Begun::new("corporate", "/", NOW).unwrap().state(), Begun::new("corporate", "/", NOW).unwrap().state());
    }

    #[test]
    fn whoever_changes_a_part_of_it_changes_what_the_issuer_was_told() {
        let begun = Begun::new("corporate", "/executions", NOW).unwrap();
        let text = begun.text();
        for changed in [text.replace("1790000000", "1790000001"), text.replace("corporate", "other"), text.replace("L2V4", "L2V5")] {
            let changed = Begun::read(&changed).unwrap();
            assert!(!changed.is_of(&begun.state()) && changed.verifier() != begun.verifier());
        }
    }

    #[test]
    fn what_is_no_sign_in_is_not_read() {
        let text = Begun::new("corporate", "/", NOW).unwrap().text();
        let elsewhere = URL_SAFE_NO_PAD.encode("//evil.example");
        for wrong in
            ["", "a", "a.1.b.Lw", &text[1..], &format!("{text}.x"), &text.replace("1790000000", "x"), &text.replace("Lw", &elsewhere)]
        {
            assert!(Begun::read(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_sign_in_lasts_as_long_as_somebody_may_take() {
        let begun = Begun::new("corporate", "/", NOW).unwrap();
        let longest = Duration::from_secs(600);
        for (now, expected) in [(NOW, true), (NOW + 599, true), (NOW + 600, false), (NOW - 60, true), (NOW - 61, false)] {
            assert_eq!(begun.is_of_now(now, longest), expected, "{now}");
        }
    }

    #[test]
    fn nobody_is_led_away_from_the_console() {
        for page in ["/", "/?a=//b/../c", "/executions", "/a/..b/.../", "/utilities/a?input=%7B%22a%22%3A%22b%22%7D", "/audit#x"] {
            assert!(is_page(page), "{page}");
        }
        for elsewhere in [
            "",
            "executions",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            " //evil.example",
            "/ü",
            "javascript:alert(1)",
            "/v1/whoami",
            "/console/sign-in/corporate",
            "/docs",
            &"/".repeat(2),
            "/x/../v1/whoami",
            "/x/%2e%2E/docs",
            "/x/.%2e/console/sign-in/corporate",
            "/..",
            "/.//evil.example",
            "/x//y",
            "/x//",
            "/./v1/whoami?a",
            &format!("/{}", "a".repeat(1_024)),
        ] {
            assert!(!is_page(elsewhere), "{elsewhere:?}");
        }
    }
}
