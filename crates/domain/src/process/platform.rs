//! The port to what makes a platform run on an engine.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::Stream;

use crate::Result;
use crate::process::{Desired, Outcome, Plan, ServiceStatus};
use crate::time::Timestamp;

/// A stream that does not borrow.
pub type Feed<T> = Pin<Box<dyn Stream<Item = T> + Send>>;

/// One thing of the feed. Sequences have no gaps within one process, and a process that begins later goes on behind those before it: who comes
/// from another one is seen to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its place.
    pub sequence: u64,
    /// When it happened.
    pub time: Timestamp,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// How all services are, by group and name: what a feed begins with that cannot go on where it was left.
    Snapshot(Vec<ServiceStatus>),
    /// One service has changed.
    Service(ServiceStatus),
    /// A service has gone.
    Gone(String),
    /// A revision has come so far.
    Progress {
        /// The revision.
        revision: u64,
        /// The wave that is under way, from 1.
        wave: u32,
        /// How many waves there are.
        waves: u32,
        /// What is being done.
        message: String,
    },
    /// A revision has ended.
    Ended {
        /// The revision.
        revision: u64,
        /// What it came to.
        outcome: Outcome,
    },
}

/// Which lines of logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// The services, by name.
    pub services: Vec<String>,
    /// Whether to go on with what is put out from now on.
    pub follow: bool,
    /// Only lines that are not older.
    pub since: Option<Duration>,
    /// Only the last so many lines of each replica.
    pub tail: Option<u32>,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The service.
    pub service: String,
    /// What the engine calls the replica.
    pub replica: String,
    /// When it was put out.
    pub time: Timestamp,
    /// Whether it came by stderr.
    pub is_error: bool,
    /// The line without its end; at most 16 KiB.
    pub text: String,
    /// Whether it was longer.
    pub truncated: bool,
}

/// Port: makes a platform run on an engine. [`Error::Unavailable`](crate::Error::Unavailable) where the engine does not answer.
#[async_trait]
pub trait Platform: Send + Sync {
    /// That there is an engine.
    ///
    /// # Errors
    /// [`Error::Precondition`](crate::Error::Precondition) where none is configured.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// How all services are, those that are wanted and those that only run, by group and name.
    async fn status(&self, desired: Option<&Desired>) -> Result<Vec<ServiceStatus>>;

    /// What [`Platform::apply`] would do now; changes nothing.
    async fn plan(&self, desired: &Desired) -> Result<Plan>;

    /// Makes what runs what is wanted, and goes back to `last_good` as a whole where that fails. Returns at the end; a newer call takes over.
    /// Dropping the future lets go between two steps.
    ///
    /// # Errors
    /// Only where the engine cannot be asked at all; failures of services are outcomes.
    async fn apply(&self, desired: Arc<Desired>, last_good: Option<Arc<Desired>>) -> Result<Outcome>;

    /// Lets go of everything that goes on between two calls: another server does it from now on.
    fn let_go(&self) {}

    /// Shows what another server makes so.
    async fn show(&self, _desired: &Desired) -> Result<()> {
        Ok(())
    }

    /// Follows what happens, from behind `after`; begins with a snapshot where it cannot go on there.
    async fn watch(&self, after: Option<u64>) -> Result<Feed<Told>>;

    /// Lines of services, merged in the order of time; ends unless they are to be followed.
    async fn logs(&self, query: LogQuery) -> Result<Feed<Result<LogLine>>>;
}
