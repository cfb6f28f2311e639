//! Why a key management service did not do what it was asked for. Nothing of an answer is quoted but a code of its own.

use std::path::PathBuf;
use std::time::Duration;

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the server authenticates with cannot be read, or is nothing of the kind.
    #[error("{path} {problem}")]
    Credentials {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The request cannot be made or signed.
    #[error("the request cannot be made: {0}")]
    Request(String),
    /// Nobody answers.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// Not in time.
    #[error("no answer within {0:?}")]
    Late(Duration),
    /// It answers that it does not.
    #[error("the answer has the status {status}{code}")]
    Refused {
        /// The status.
        status: u16,
        /// A colon and its own code for it, where it gives one.
        code: String,
    },
    /// What it answers is not what its interface says.
    #[error("the answer is none that its interface knows")]
    Malformed,
}
