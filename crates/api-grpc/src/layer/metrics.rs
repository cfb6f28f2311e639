//! What is counted of a call. Where the figures go is the composition root's choice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tonic::Code;

use crate::method::Method;
use crate::timeline;

/// Port: counts calls.
pub trait CallMetrics: Send + Sync {
    /// A call has begun. `method` is a path of the contract, or `other`: their number is bounded.
    fn began(&self, method: &str);

    /// It has ended, its last message sent, with `code`; `Cancelled` where the caller went away before. Comes once for each
    /// [`CallMetrics::began`].
    fn ended(&self, method: &str, code: Code, elapsed: Duration);

    /// A change of `method` has come to its end after its caller had gone: `code` is what would have been answered.
    fn settled(&self, method: &str, code: Code);
}

/// Counts nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoMetrics;

impl CallMetrics for NoMetrics {
    fn began(&self, _method: &str) {}

    fn ended(&self, _method: &str, _code: Code, _elapsed: Duration) {}

    fn settled(&self, _method: &str, _code: Code) {}
}

/// One call that is being counted; dropped before its end, it was cancelled.
pub(crate) struct Record {
    metrics: Arc<dyn CallMetrics>,
    method: Arc<Method>,
    begun: Instant,
    ended: bool,
}

impl Record {
    pub(crate) fn begin(metrics: Arc<dyn CallMetrics>, method: Arc<Method>) -> Self {
        metrics.began(&method.path);
        Record { metrics, method, begun: Instant::now(), ended: false }
    }

    /// Takes note of the end; only the first one counts.
    pub(crate) fn finish(&mut self, code: Code) {
        if self.ended {
            return;
        }
        self.ended = true;
        timeline::mark("answered");
        let elapsed = self.begun.elapsed();
        self.metrics.ended(&self.method.path, code, elapsed);
        tracing::debug!(method = self.method.path, code = ?code, elapsed_us = elapsed.as_micros() as u64, "call ended");
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.finish(Code::Cancelled);
    }
}
