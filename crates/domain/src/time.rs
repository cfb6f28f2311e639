//! Time, identity and concurrency as ports: the domain reads no clock, rolls no dice and owns no runtime.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;

use crate::name::ExecutionId;

/// Milliseconds since the Unix epoch: the precision of every stored time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Timestamp(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero when it is before.
    pub const fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// This time less a duration, at the earliest the epoch.
    pub fn minus(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Timestamp(self.0.saturating_sub(millis))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// Port: wall time and sleeping.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);
}

/// Port: fresh identities.
pub trait IdSource: Send + Sync {
    /// A new execution id; later ids sort after earlier ones.
    fn execution(&self) -> ExecutionId;
    /// A new random unique id in canonical UUID form.
    fn unique(&self) -> String;
}

/// A unit of background work.
pub type Work = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// Port: runs background work, by name. Work that is running when the process shuts down is awaited for a bounded time.
pub trait Spawner: Send + Sync {
    /// Starts `work`; `name` shows up in traces and in the shutdown report.
    fn spawn(&self, name: &'static str, work: Work);
}
