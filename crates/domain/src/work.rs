//! Work beside that of a call as ports: the domain owns no runtime and no threads.

use std::future::Future;
use std::pin::Pin;

use async_trait::async_trait;
use futures_channel::oneshot;

use crate::error::{Error, Result};

/// A unit of background work.
pub type Work = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// A computation that takes long.
pub type Computation = Box<dyn FnOnce() + Send + 'static>;

/// Port: runs background work, by name. Work that is running when the process shuts down is awaited for a bounded time.
pub trait Spawner: Send + Sync {
    /// Starts `work`; `name` shows up in traces and in the shutdown report.
    fn spawn(&self, name: &'static str, work: Work);
}

/// Port: makes computations away from the threads that serve, a bounded number at once.
#[async_trait]
pub trait Processor: Send + Sync {
    /// Makes a computation once its turn has come; returns when it is made.
    async fn make(&self, computation: Computation) -> Result<()>;
}

/// What comes of a computation.
pub(crate) async fn computed<T: Send + 'static>(processor: &dyn Processor, compute: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let (answer, answered) = oneshot::channel();
    // Whoever waited may have gone.
    processor.make(Box::new(move || drop(answer.send(compute())))).await?;
    answered.await.map_err(|lost| Error::internal("computing", lost))
}
