//! Background work as a port: the domain owns no runtime.

use std::future::Future;
use std::pin::Pin;

/// A unit of background work.
pub type Work = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// Port: runs background work, by name. Work that is running when the process shuts down is awaited for a bounded time.
pub trait Spawner: Send + Sync {
    /// Starts `work`; `name` shows up in traces and in the shutdown report.
    fn spawn(&self, name: &'static str, work: Work);
}
