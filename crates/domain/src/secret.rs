//! Named secrets of a tenant: values that are written and never read back, and that executions are handed by reference.

pub mod actions;
mod bindings;
mod entity;
mod repository;
mod use_cases;

pub use bindings::{Bindings, References, SecretBinding, Unopened};
pub(crate) use bindings::{Rights, check_parameters, given_twice, named};
pub use entity::{MAX_RELEASES, MAX_SECRETS, MAX_VALUE, NamedSecret, too_many};
pub use repository::{SecretChange, SecretRepository};
pub use use_cases::{NamedSecrets, SecretAsked, SecretPatch};
