//! A source text within its bounds.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::hash::Hash;
use crate::violation::Violation;

/// Largest source text in bytes.
pub const MAX_CODE: usize = 256 * 1024;

/// Source text with its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Code {
    text: Arc<str>,
    sha256: Hash,
}

impl Code {
    /// Takes a source text.
    ///
    /// # Errors
    /// Returns the violation when it is too large or not UTF-8.
    pub fn parse(field: &str, bytes: Vec<u8>) -> Result<Self, Violation> {
        if bytes.len() > MAX_CODE {
            let text = format!("{} bytes; the limit is {MAX_CODE}", bytes.len());
            return Err(Violation::new(field, "TOO_LARGE", text));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Code::from_text(text)),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                Err(Violation::new(field, "NOT_UTF8", format!("byte {at} is not UTF-8; save the source as UTF-8")))
            }
        }
    }

    /// Takes a text that is known to be in bounds, e.g. from the store.
    pub fn from_text(text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let sha256 = Hash::from_bytes(Sha256::digest(text.as_bytes()).into());
        Code { text, sha256 }
    }

    /// The text.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// SHA-256 over the exact bytes.
    pub fn sha256(&self) -> Hash {
        self.sha256
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({} bytes, {})", self.text.len(), self.sha256)
    }
}
