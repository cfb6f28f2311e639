//! The claims of a token, each of exactly the type that it must have: times are whole seconds, names are texts.

use std::time::Duration;

use domain::time::Timestamp;
use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// Longest text of a claim.
const MAX_TEXT: usize = 1_024;
/// Most audiences of a token of others.
const MAX_AUDIENCES: usize = 16;

/// What a token claims.
pub(crate) struct Claims<'a>(pub &'a Map<String, Value>);

/// When a token holds.
pub(crate) struct Times {
    pub issued: Timestamp,
    pub expires: Timestamp,
}

/// What a server takes for the present.
#[derive(Clone, Copy)]
pub(crate) struct Present {
    /// Its clock.
    pub now: Timestamp,
    /// By how much clocks may differ.
    pub leeway: Duration,
}

// === impl Claims ===

impl<'a> Claims<'a> {
    /// A text that is not empty.
    pub(crate) fn text(&self, name: &'static str) -> Result<&'a str, Refusal> {
        let text = self.0.get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty() && text.len() <= MAX_TEXT).ok_or(Refusal::Claim(name))
    }

    /// What stands under a name that somebody configured: the claim of that name, or, name by name, one within another
    /// (`realm_access.roles`).
    pub(crate) fn at(&self, path: &str) -> Option<&'a Value> {
        self.0.get(path).or_else(|| {
            let (outer, inner) = path.split_once('.')?;
            Claims(self.0.get(outer)?.as_object()?).at(inner)
        })
    }

    /// A text, if the claim is there at all.
    pub(crate) fn optional_text(&self, name: &'static str) -> Result<Option<&'a str>, Refusal> {
        if self.0.contains_key(name) { self.text(name).map(Some) } else { Ok(None) }
    }

    /// Refuses any other text.
    pub(crate) fn is(&self, name: &'static str, wanted: &str) -> Result<(), Refusal> {
        if self.text(name)? == wanted { Ok(()) } else { Err(Refusal::Claim(name)) }
    }

    /// Refuses what is not meant for this audience, alone or, as RFC 7519 has it, among others.
    pub(crate) fn is_for(&self, audience: &str) -> Result<(), Refusal> {
        let meant = match self.0.get("aud") {
            Some(Value::String(only)) => only == audience,
            Some(Value::Array(several)) if several.len() <= MAX_AUDIENCES => {
                several.iter().all(Value::is_string) && several.iter().any(|one| one == audience)
            }
            _ => false,
        };
        if meant { Ok(()) } else { Err(Refusal::Claim("aud")) }
    }

    /// When it holds: now, and not for longer than this. `nbf` may be missing.
    pub(crate) fn times(&self, present: Present, longest: Duration) -> Result<Times, Refusal> {
        let (issued, expires) = (self.seconds("iat")?, self.seconds("exp")?);
        let begins = if self.0.contains_key("nbf") { self.seconds("nbf")? } else { issued };
        if expires <= issued || expires.since(issued) > longest {
            return Err(Refusal::Claim("exp"));
        }
        if expires.plus(present.leeway) <= present.now {
            return Err(Refusal::Expired);
        }
        let latest = present.now.plus(present.leeway);
        if begins > latest || issued > latest { Err(Refusal::Early) } else { Ok(Times { issued, expires }) }
    }

    /// A time in whole seconds; RFC 7519 allows fractions, and readers round them differently.
    fn seconds(&self, name: &'static str) -> Result<Timestamp, Refusal> {
        let seconds = self.0.get(name).and_then(Value::as_u64).and_then(|seconds| seconds.checked_mul(1_000));
        seconds.map(Timestamp::from_millis).ok_or(Refusal::Claim(name))
    }
}
