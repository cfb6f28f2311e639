//! What proves to a server who calls, wherever it comes from.

use crate::secret::Secret;

/// What calls carry.
#[derive(Debug, Clone)]
pub enum Credential {
    /// Nothing.
    Absent,
    /// A key.
    Key(Secret),
}
