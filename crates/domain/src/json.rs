//! JSON as text. The domain carries values and never looks into them; numbers keep every digit.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

mod portable;
mod tokens;

pub use portable::{MAX_DEPTH, Unportable, check_portable};
pub use tokens::{Token, tokens};

/// The text of one JSON value. Whoever makes one has read it: a binder, a sandbox, or a store that was given it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JsonText(String);

impl JsonText {
    /// A text that was read as one JSON value.
    pub fn read(text: impl Into<String>) -> Self {
        JsonText(text.into())
    }

    /// The text.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl Deref for JsonText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for JsonText {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for JsonText {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl Borrow<str> for JsonText {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
