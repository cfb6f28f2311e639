//! Why a server does not start.

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Contract and domain disagree about a permission: the build is broken.
    #[error("{method} demands the permission `{action}`, but {problem}")]
    Permission {
        /// Path of the method.
        method: String,
        /// Name of the action in the contract.
        action: String,
        /// What does not fit.
        problem: &'static str,
    },
    /// The descriptors cannot be read for reflection.
    #[error("the descriptors of the contract cannot be reflected")]
    Reflection(#[from] tonic_reflection::server::Error),
}
