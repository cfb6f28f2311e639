//! How many bytes of requests that have not ended may be held: by one connection, and by all. A request is the peer's to end, and
//! until it does, nothing is done with what has come of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Of one connection: four of the largest requests.
const OF_CONNECTION: usize = 32 * 1024 * 1024;
/// Of all connections.
const OF_ALL: usize = 256 * 1024 * 1024;

/// What one connection may hold. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    own: Arc<Held>,
    all: Arc<Held>,
}

/// Bytes of one request that are paid for; given back when this goes.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    bytes: usize,
}

#[derive(Debug)]
struct Held {
    bytes: AtomicUsize,
    most: usize,
}

impl Budget {
    /// The budget of a server.
    pub(crate) fn of_server() -> Self {
        Budget::new(OF_CONNECTION, OF_ALL)
    }

    fn new(of_connection: usize, of_all: usize) -> Self {
        Budget { own: Held::new(of_connection), all: Held::new(of_all) }
    }

    /// The budget of one more connection, within that of all.
    pub(crate) fn of_connection(&self) -> Self {
        Budget { own: Held::new(self.own.most), all: Arc::clone(&self.all) }
    }

    /// The share of a request of which nothing has come yet.
    pub(crate) fn share(&self) -> Share {
        Share { budget: self.clone(), bytes: 0 }
    }
}

impl Share {
    /// Pays for more bytes; says whether there was room for them.
    #[must_use]
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let Budget { own, all } = &self.budget;
        if !own.take(bytes) {
            return false;
        }
        if !all.take(bytes) {
            own.give(bytes);
            return false;
        }
        self.bytes += bytes;
        true
    }

    /// Gives everything back.
    pub(crate) fn give_back(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if bytes > 0 {
            self.budget.own.give(bytes);
            self.budget.all.give(bytes);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl Held {
    fn new(most: usize) -> Arc<Self> {
        Arc::new(Held { bytes: AtomicUsize::new(0), most })
    }

    fn take(&self, bytes: usize) -> bool {
        let room = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= self.most);
        self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok()
    }

    fn give(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_holds_no_more_than_its_budget_and_gets_back_what_it_gives_up() {
        let connection = Budget::new(10, 100).of_connection();
        let (mut first, mut second) = (connection.share(), connection.share());
        assert!(first.grow(6) && second.grow(4));
        assert!(!first.grow(1));
        drop(second);
        assert!(first.grow(4) && !first.grow(1));
    }

    #[test]
    fn all_connections_together_hold_no_more_than_the_budget_of_all() {
        let server = Budget::new(10, 15);
        let (mut first, mut second) = (server.of_connection().share(), server.of_connection().share());
        assert!(first.grow(10) && !second.grow(10));
        assert!(second.grow(5), "what was refused took nothing");
        drop((first, second));
        assert!(server.of_connection().share().grow(10));
    }
}
