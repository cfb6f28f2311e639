//! Rules that look something up are written for stores that wait for their database. One that waits for nothing takes the answer at once.

use std::future::Future;

use futures_util::FutureExt as _;

/// What the work answers, none of which waits: every future that it asks for is ready.
///
/// # Panics
/// Something in it waits, which is a fault of the store that calls it.
pub fn at_once<T>(work: impl Future<Output = T>) -> T {
    work.now_or_never().expect("a store that waits for nothing answers what it is asked with a value that is ready")
}
