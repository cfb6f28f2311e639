//! Somebody who asked for a place, and hears when it is theirs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use event_listener::{Event, EventListener};

use crate::error::Error;
use crate::name::TenantId;

pub(super) struct Waiter {
    pub(super) tenant: TenantId,
    admitted: AtomicBool,
    changed: Event,
}

impl Waiter {
    pub(super) fn new(tenant: TenantId) -> Self {
        Waiter { tenant, admitted: AtomicBool::new(false), changed: Event::new() }
    }

    pub(super) fn is_admitted(&self) -> bool {
        self.admitted.load(Ordering::Acquire)
    }

    /// Wakes when it is admitted. Listen first, then look.
    pub(super) fn listen(&self) -> EventListener {
        self.changed.listen()
    }

    pub(super) fn admit(&self) {
        self.admitted.store(true, Ordering::Release);
        self.changed.notify(usize::MAX);
    }
}

pub(super) fn exhausted(subject: String, description: String) -> Error {
    Error::Exhausted { reason: "QUEUE_FULL", subject, description, retry_after: Duration::from_secs(1) }
}

/// The refusal of one more where so many wait.
pub(crate) fn queue_full(subject: String, limit: u32) -> Error {
    exhausted(subject, format!("{limit} executions wait already; try again later"))
}
