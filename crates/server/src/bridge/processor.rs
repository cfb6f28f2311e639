//! The domain's processor port: computations on threads of their own, as many at once as there are cores.

use std::sync::Arc;

use async_trait::async_trait;
use domain::work::{Computation, Processor};
use domain::{Error, Result};
use tokio::sync::Semaphore;

/// Computes off the threads that serve.
pub(crate) struct BlockingProcessor {
    turns: Arc<Semaphore>,
}

impl BlockingProcessor {
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        BlockingProcessor { turns: Arc::new(Semaphore::new(cores)) }
    }
}

#[async_trait]
impl Processor for BlockingProcessor {
    async fn make(&self, computation: Computation) -> Result<()> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.expect("nobody closes the semaphore");
        let made = tokio::task::spawn_blocking(move || {
            computation();
            // A computation whose caller has gone goes on, and keeps its turn until it is made.
            drop(turn);
        });
        made.await.map_err(|error| Error::internal("computing", error))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use futures_util::FutureExt as _;

    use super::*;

    fn processor(turns: usize) -> BlockingProcessor {
        BlockingProcessor { turns: Arc::new(Semaphore::new(turns)) }
    }

    #[tokio::test]
    async fn a_computation_is_made_on_no_thread_that_serves() {
        let (said, heard) = mpsc::channel();
        processor(1).make(Box::new(move || said.send(thread::current().id()).unwrap())).await.unwrap();
        assert_ne!(heard.recv().unwrap(), thread::current().id());
    }

    #[tokio::test]
    async fn a_computation_keeps_its_turn_although_nobody_waits_for_it() {
        let processor = processor(1);
        let (release, released) = mpsc::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let wait = move || {
            begun.send(()).unwrap();
            released.recv().unwrap();
        };
        tokio::select! {
            biased;
            _ = processor.make(Box::new(wait)) => panic!("it waits"),
            begun = begins => begun.unwrap(),
        }
        assert!(processor.make(Box::new(|| {})).now_or_never().is_none(), "its turn is not free");
        release.send(()).unwrap();
        processor.make(Box::new(|| {})).await.unwrap();
    }
}
