//! Objects of the archive, and what the store says of them.

use std::fmt;

/// Hexadecimal digits of an id: a SHA-256.
const DIGITS: usize = 64;

/// What an object is found by: the SHA-256 of what is stored under it, so that nothing else can be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(String);

/// What opens an object: a secret, which the store keeps sealed by the key of the tenant. Only whoever keeps the objects knows its form.
#[derive(Clone, PartialEq, Eq)]
pub struct Reference(Vec<u8>);

/// Some events of an execution in the archive, in order and without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Number of the first of them.
    pub first: u64,
    /// Number of the last of them.
    pub last: u64,
    /// Where they are.
    pub object: ObjectId,
    /// What opens that.
    pub reference: Reference,
}

impl ObjectId {
    /// The id of these 64 lower hexadecimal digits; `None` where they are not.
    pub fn parse(text: &str) -> Option<Self> {
        let is_one = text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_one.then(|| ObjectId(text.to_owned()))
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Reference {
    /// What these bytes open.
    pub fn new(bytes: Vec<u8>) -> Self {
        Reference(bytes)
    }

    /// Its bytes, for whoever seals or uses it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reference(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_of_a_hash_are_an_id() {
        let digits = "0123456789abcdef".repeat(4);
        assert_eq!(ObjectId::parse(&digits).map(|id| id.to_string()), Some(digits.clone()));
        for wrong in [&digits[1..], &digits.to_uppercase(), "", "../../../etc/passwd", &format!("{digits}0"), &digits.replace('0', "/")] {
            assert_eq!(ObjectId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_opens_an_object_is_shown_nowhere() {
        let reference = Reference::new(vec![7; 32]);
        assert_eq!(format!("{reference:?}"), "Reference(..)");
    }
}
