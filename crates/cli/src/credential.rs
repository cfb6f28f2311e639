//! What proves to a server who calls, wherever it comes from.

use crate::contexts::Store;
use crate::secret::Secret;

/// What calls carry.
#[derive(Debug, Clone)]
pub enum Credential {
    /// Nothing.
    Absent,
    /// A key.
    Key(Secret),
    /// The token of a session, which is kept with a context and renewed there.
    Session {
        /// Where contexts are kept.
        store: Store,
        /// Name of the context.
        context: String,
    },
}
