//! The values that no reader of an execution may find in what its program prints, returns or raises.
//!
//! Which forms of a value are looked for, and how, is the adapter's that runs programs; what is looked for is decided here.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::violation::Violation;

/// Values of fewer characters are not masked: they stand in ordinary output by chance, which would be unreadable and would tell them.
pub const SHORTEST_SECRET: usize = 4;
/// Most bytes of all secret values of one execution together: what looks for them takes memory by their size.
pub const MAX_SECRETS: usize = 64 * 1024;
/// What stands for a masked value, whatever its length.
pub const MASK: &str = "***";

/// Values to mask: texts of at least [`SHORTEST_SECRET`] characters, each once. Cheap to clone; not shown by `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(Arc<[String]>);

impl Secrets {
    /// The values among `texts` that are long enough.
    pub fn new(texts: impl IntoIterator<Item = String>) -> Self {
        let texts: BTreeSet<String> = texts.into_iter().filter(|text| text.chars().nth(SHORTEST_SECRET - 1).is_some()).collect();
        Secrets(texts.into_iter().collect())
    }

    /// The values, in order.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there is nothing to mask.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Refuses more than can be looked for; `field` is where they were given.
    ///
    /// # Errors
    /// One violation.
    pub fn check(&self, field: &str) -> Result<(), Violation> {
        let bytes: usize = self.texts().map(str::len).sum();
        if bytes <= MAX_SECRETS {
            return Ok(());
        }
        let text = format!(
            "the secret values have {bytes} bytes; at most {MAX_SECRETS} can be masked in output: give less, or let the utility show its \
             secrets (show_secrets)"
        );
        Err(Violation::new(field, "TOO_LONG", text))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} values)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(texts: &[&str]) -> Secrets {
        Secrets::new(texts.iter().map(|text| (*text).to_owned()))
    }

    #[test]
    fn values_that_stand_everywhere_by_chance_are_no_secrets_to_mask() {
        assert_eq!(secrets(&["", "abc", "äöü", "abcd", "äöüß", "abcd"]).texts().collect::<Vec<_>>(), ["abcd", "äöüß"]);
        assert!(secrets(&["yes", "123"]).is_empty());
    }

    #[test]
    fn no_debug_text_tells_a_value() {
        assert_eq!(format!("{:?}", secrets(&["s3cret", "other"])), "Secrets(2 values)");
    }

    #[test]
    fn more_than_can_be_masked_is_refused_with_the_way_out() {
        assert_eq!(secrets(&[&"x".repeat(MAX_SECRETS)]).check("params_json"), Ok(()));
        let refused = secrets(&[&"x".repeat(MAX_SECRETS), "more"]).check("params_json").unwrap_err();
        assert!(refused.description.contains("show_secrets") && !refused.description.contains("xx"), "{refused:?}");
    }
}
