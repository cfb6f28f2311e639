//! Following how services are, with a sign of life where nothing happens.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::unfold;
use futures_util::{Stream, StreamExt as _};

use crate::process::{Feed, Told};
use crate::time::{Clock, Timestamp};

/// Silence after which a follower hears that the stream is alive.
const SILENCE: Duration = Duration::from_secs(5);

/// What a follower hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Something happened.
    Told(Told),
    /// Nothing happened for a while, at this time.
    Alive(Timestamp),
}

/// What is heard, to the end of the feed.
pub type HeardFeed = Pin<Box<dyn Stream<Item = Heard> + Send>>;

/// A feed with signs of life.
pub(super) fn heard(feed: Feed<Told>, clock: Arc<dyn Clock>) -> HeardFeed {
    Box::pin(unfold((feed, clock), |(mut feed, clock)| async move {
        let next = {
            let silence = clock.sleep(SILENCE);
            match select(feed.next(), silence).await {
                Either::Left((told, _)) => told.map(Heard::Told),
                Either::Right(((), _)) => Some(Heard::Alive(clock.now())),
            }
        };
        next.map(|heard| (heard, (feed, clock)))
    }))
}
