//! What a sound sandbox never does.

use std::io;

/// Something that a sound sandbox never does; it is destroyed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Anomaly {
    #[error(transparent)]
    Wire(#[from] crate::wire::Error),
    #[error("a report about child {0}, which does not exist or has already arrived")]
    UnknownChild(u64),
    #[error("a report that child {0} was put back, which runs no program or has run another number of them")]
    NotInRound(u64),
    #[error("a packet with {0} descriptors")]
    Descriptors(usize),
    #[error("the pipes of a container's child cannot be opened")]
    Streams(#[source] io::Error),
    #[error("a child's descriptor is not the expected end of a pipe")]
    NotAPipe(#[source] io::Error),
    #[error("a child that is not sealed: {0}")]
    Unsealed(String),
    #[error("an unexpected {0} report")]
    Unexpected(&'static str),
    #[error("the agent gave up at {stage}: {message}")]
    Fault { stage: String, message: String },
    #[error("the agent hung up")]
    HungUp,
}
