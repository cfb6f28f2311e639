//! Fresh identities as a port: the domain rolls no dice.

use crate::name::ExecutionId;

/// Port: fresh identities.
pub trait IdSource: Send + Sync {
    /// A new execution id; later ids sort after earlier ones.
    fn execution(&self) -> ExecutionId;
    /// A new random unique id in canonical UUID form.
    fn unique(&self) -> String;
}
