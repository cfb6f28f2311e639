//! How checks of a host or a container are shown.

use cli::document::Document;
use sandbox::{Check, Verdict};

/// A check as a document.
pub fn check(check: &Check) -> Document {
    Document::object([
        ("name", Document::from(check.name)),
        ("verdict", Document::from(verdict(check.verdict))),
        ("detail", Document::from(check.detail.clone())),
        ("advice", Document::from(check.advice.clone())),
    ])
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "good",
        Verdict::Limited => "limited",
        Verdict::Bad => "bad",
    }
}

/// A verdict as a person sees it.
pub fn sign(found: Verdict) -> String {
    match found {
        Verdict::Good => "ok".to_owned(),
        Verdict::Limited => "--".to_owned(),
        Verdict::Bad => "XX".to_owned(),
    }
}
