//! What is heard while something is done.

use domain::process::Failure;

/// What is heard while something is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A wave begins; both count from 1.
    Wave {
        /// Its number.
        wave: usize,
        /// How many there are.
        waves: usize,
        /// Its services.
        services: Vec<String>,
    },
    /// A service waits.
    Waits {
        /// The service.
        service: String,
        /// For what.
        what: String,
    },
    /// A step of a service begins.
    Step {
        /// The service.
        service: String,
        /// The step, in words.
        step: String,
        /// What the step is for the service.
        doing: Doing,
    },
    /// Nothing more is done with a service.
    Done {
        /// The service.
        service: String,
    },
    /// Everything goes back.
    GoesBack {
        /// Why.
        failure: Failure,
    },
}

/// What a step is for a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// It starts.
    Starting,
    /// Replicas are replaced.
    Updating,
    /// It stops.
    Stopping,
}

/// Who hears of what is done. Called in the midst of the work, so it does not wait.
pub trait Ear: Send + Sync {
    /// Something happens.
    fn hear(&self, news: News);
}
