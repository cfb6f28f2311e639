//! Where something sealed stands.

/// One field of one document. What is sealed for one place opens in no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// Whose document it is.
    pub tenant: &'a str,
    /// The table or collection.
    pub collection: &'a str,
    /// The document in it.
    pub id: &'a str,
    /// The field.
    pub field: &'a str,
}

impl Place<'_> {
    /// Its parts, each behind its length, so that no two places have the same bytes.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [self.tenant, self.collection, self.id, self.field] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}
