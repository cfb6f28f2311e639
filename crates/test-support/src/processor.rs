//! Computations where they are asked for, counted.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use domain::Result;
use domain::work::{Computation, Processor};

/// Makes each computation at once.
#[derive(Debug, Default)]
pub struct CountingProcessor {
    made: AtomicUsize,
}

impl CountingProcessor {
    /// How many it has made.
    pub fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Processor for CountingProcessor {
    async fn make(&self, computation: Computation) -> Result<()> {
        computation();
        self.made.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
