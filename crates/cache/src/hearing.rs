//! Whether a cache hears of what others change: it serves nothing that somebody may have changed without its hearing of it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What is known of the changes of others.
pub(crate) enum Hearing {
    /// Nobody else changes anything.
    Alone,
    /// They are told, and what is in memory is served for so long since that was said last.
    Of { others: Duration, heard: Mutex<Option<Instant>> },
}

impl Hearing {
    pub(crate) fn of(others: Duration) -> Self {
        Hearing::Of { others, heard: Mutex::default() }
    }

    /// Everything was heard of, up to now.
    pub(crate) fn note(&self) {
        if let Hearing::Of { heard, .. } = self {
            *heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }

    /// Whether what is in memory may be served.
    pub(crate) fn is_current(&self) -> bool {
        match self {
            Hearing::Alone => true,
            Hearing::Of { others, heard } => {
                let heard = *heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.is_some_and(|heard| heard.elapsed() < *others)
            }
        }
    }
}
