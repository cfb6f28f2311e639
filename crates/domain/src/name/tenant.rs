//! The code of a tenant, which every other name begins with, and the forms that names are made of.

use std::fmt;
use std::sync::Arc;

use crate::error::Error;

/// Longest tenant code in characters.
pub const MAX_TENANT: usize = 32;

/// A tenant's code, e.g. `acme`: lower-case letters, digits and inner hyphens, starting with a letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// The code of the tenant that belongs to the installation itself: its users administer every tenant.
    pub const SYSTEM: &'static str = "system";

    /// Reads an id.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names `field` and the rule.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        match slug(text, MAX_TENANT) {
            Ok(()) => Ok(TenantId(text.into())),
            Err(rule) => Err(Error::invalid(field, "MALFORMED", format!("a tenant {rule}"))),
        }
    }

    /// The tenant that belongs to the installation itself.
    pub fn system() -> Self {
        TenantId(Self::SYSTEM.into())
    }

    /// Whether it belongs to the installation itself.
    pub fn is_system(&self) -> bool {
        &*self.0 == Self::SYSTEM
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(super) fn malformed(field: &str, pattern: &str) -> Error {
    Error::invalid(field, "MALFORMED", format!("must be a resource name of the form {pattern}"))
}

pub(super) fn slug(text: &str, longest: usize) -> Result<(), String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = !text.is_empty()
        && text.len() <= longest
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.chars().all(inner);
    if fits { Ok(()) } else { Err(format!("has 1 to {longest} lower-case letters, digits and inner hyphens, and starts with a letter")) }
}

pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(index, c)| match index {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_digit() || ('a'..='f').contains(&c),
        })
}
