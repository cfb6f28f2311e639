//! Ids that can be foretold.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::id::IdSource;
use domain::name::ExecutionId;

/// Counts up; execution ids have the form of a UUID version 7 and ascend.
#[derive(Debug, Default)]
pub struct SequentialIds {
    next: AtomicU64,
}

impl SequentialIds {
    fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl IdSource for SequentialIds {
    fn execution(&self) -> ExecutionId {
        let next = self.next();
        let text = format!("{:08x}-{:04x}-7000-8000-{:012x}", next >> 16, next & 0xffff, next);
        ExecutionId::parse("execution", &text).expect("the text has the form of a UUID")
    }

    fn unique(&self) -> String {
        format!("00000000-0000-4000-8000-{:012x}", self.next())
    }
}
