//! The values that no reader of an execution may find in what its program prints, returns or raises.
//!
//! What is looked for is decided here, in all its forms; how it is found is the adapter's that runs programs.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::violation::Violation;

mod forms;

/// Values of fewer characters are not masked: they stand in ordinary output by chance, which would be unreadable and would tell them.
pub const SHORTEST_SECRET: usize = 4;
/// Most bytes of all secret values of one execution together.
pub const MAX_SECRETS: usize = 64 * 1024;
/// Most bytes of all their forms together: what looks for them takes memory of the server by that, and not of the tenant's. Values of
/// plain lines have at most three times their own size; escapes have up to six times the size of what they stand for.
const MAX_FORMS: usize = 256 * 1024;
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

    /// The forms in which the values are looked for, made as they are asked for.
    pub fn forms(&self) -> impl Iterator<Item = String> + '_ {
        self.texts().flat_map(forms::of)
    }

    /// How many bytes all values have.
    pub fn bytes(&self) -> usize {
        self.texts().map(str::len).sum()
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
        let bytes = self.bytes();
        let text = if bytes > MAX_SECRETS {
            format!("the secret values have {bytes} bytes; at most {MAX_SECRETS} can be masked in output")
        } else if self.has_more_forms() {
            format!(
                "the secret values have more than {MAX_FORMS} bytes in all the forms that are masked in output, which are escapes of JSON \
                 and Python, and lines"
            )
        } else {
            return Ok(());
        };
        Err(Violation::new(field, "TOO_LONG", format!("{text}: give less, or let the utility show its secrets (show_secrets)")))
    }

    /// Makes no more forms than are needed to know it.
    fn has_more_forms(&self) -> bool {
        let mut left = MAX_FORMS;
        self.forms().any(|form| match left.checked_sub(form.len()) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        })
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

    #[test]
    fn what_is_written_with_many_escapes_is_refused_before_it_takes_memory_and_long_keys_are_not() {
        let keys = "0123456789abcdef".repeat(4) + "\r\n";
        assert_eq!(secrets(&[&keys.repeat(MAX_SECRETS / keys.len())]).check("params_json"), Ok(()));
        for character in ["\u{1}", "\u{e9}", "\u{1F600}"] {
            let text = character.repeat(MAX_SECRETS / character.len());
            let refused = secrets(&[&text]).check("params_json").expect_err(character);
            assert!(refused.description.contains("show_secrets") && !refused.description.contains(character), "{refused:?}");
            assert_eq!(secrets(&[&text[..MAX_SECRETS / 16]]).check("params_json"), Ok(()), "{character:?}");
        }
    }
}
