//! Why a token is refused: for the log of an operator who looks for it, never for the caller.

use domain::Error;

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Larger than any token of ours.
    #[error("it is longer than 8 KiB")]
    Size,
    /// Not three parts of unpadded, canonical base64url.
    #[error("it is not three parts of canonical base64url")]
    Form,
    /// A part is no object of JSON, or one with a name twice.
    #[error("a part of it is not one object of JSON with each name once")]
    Json,
    /// A header that names, brings or needs something else.
    #[error("its header has a parameter that is not accepted")]
    Header,
    /// Another type of token.
    #[error("it has another type")]
    Type,
    /// An issuer that nobody configured.
    #[error("nobody configured its issuer")]
    Issuer,
    /// An algorithm that its issuer does not use.
    #[error("its algorithm is none of its issuer's")]
    Algorithm,
    /// A key that its issuer does not have.
    #[error("its issuer has no such key")]
    Key,
    /// A signature of somebody else, or of something else.
    #[error("its signature is not that of the key")]
    Signature,
    /// A claim that is missing, of the wrong type or has a value that is not taken.
    #[error("its claim `{0}` is missing or not accepted")]
    Claim(&'static str),
    /// Over.
    #[error("it has expired")]
    Expired,
    /// Not yet.
    #[error("it is not valid yet")]
    Early,
}

impl Refusal {
    /// What every caller is answered, whatever the cause. The cause is logged, the token is not.
    pub(crate) fn answer(self) -> Error {
        tracing::debug!(cause = %self, "a token is refused");
        Error::Unauthenticated
    }
}
