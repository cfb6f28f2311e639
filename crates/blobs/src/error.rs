//! Why objects cannot be kept, read or listed.

use std::path::PathBuf;

use domain::error::Source;
use resilience::Failure;

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such object.
    #[error("the object is not there")]
    Absent,
    /// It is not what was stored, or was sealed for something else.
    #[error("the object does not open: {why}")]
    Damaged {
        /// What is wrong with it, which quotes nothing of it.
        why: &'static str,
        /// The cause, where there is one.
        #[source]
        source: Option<Source>,
    },
    /// What is to be stored cannot be.
    #[error("cannot be stored: {0}")]
    Misused(&'static str),
    /// The directory could be somebody else's work.
    #[error(transparent)]
    Untrusted(#[from] file_trust::Error),
    /// The system refuses.
    #[error("cannot use {path}")]
    System {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The bucket is not there.
    #[error("the bucket is not there")]
    NoBucket,
    /// Whoever keeps the objects does not let the server in, or does not let it do that.
    #[error("whoever keeps the objects refuses the credentials, or what they ask for")]
    Refused(#[source] object_store::Error),
    /// Whoever keeps the objects fails, or cannot be reached.
    #[error("the objects cannot be asked for")]
    Store(#[source] object_store::Error),
    /// It is not asked, or does not answer in time.
    #[error("the objects are not asked for: {0}")]
    Guarded(&'static str),
}

/// What a store of objects answers whatever is asked. The library tells it apart for some requests only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Answered {
    #[error("it refuses the credentials, or what they ask for")]
    Refused,
    #[error("the bucket is not there")]
    NoBucket,
}

impl Error {
    /// That something is not what was stored, with its cause.
    pub(crate) fn damaged(why: &'static str, source: impl Into<Source>) -> Self {
        Error::Damaged { why, source: Some(source.into()) }
    }

    /// Whether it speaks against whoever keeps the objects.
    pub(crate) fn counts(&self) -> bool {
        matches!(self, Error::Store(_) | Error::System { .. })
    }
}

/// What stands behind an error of the library.
fn answered(error: &object_store::Error) -> Option<Answered> {
    let mut causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    causes.find_map(|cause| cause.downcast_ref::<Answered>().copied())
}

impl From<object_store::Error> for Error {
    fn from(error: object_store::Error) -> Self {
        match (answered(&error), error) {
            (Some(Answered::NoBucket), _) => Error::NoBucket,
            (Some(Answered::Refused), error) => Error::Refused(error),
            (None, object_store::Error::NotFound { .. }) => Error::Absent,
            (None, other) => Error::Store(other),
        }
    }
}

impl From<Failure<Error>> for Error {
    fn from(failure: Failure<Error>) -> Self {
        match failure {
            Failure::Failed(error) => error,
            Failure::Open => Error::Guarded("they have failed too often lately"),
            Failure::Full => Error::Guarded("too many ask at the same time"),
            Failure::Deadline => Error::Guarded("they did not answer in time"),
        }
    }
}

impl From<Error> for domain::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Absent => domain::Error::NotFound { resource: "an object of the archive".to_owned() },
            Error::Damaged { .. } | Error::Misused(_) => domain::Error::internal("using an object of the archive", error),
            Error::Untrusted(_) | Error::System { .. } | Error::NoBucket | Error::Refused(_) | Error::Store(_) | Error::Guarded(_) => {
                domain::Error::unavailable("blobs", error)
            }
        }
    }
}
