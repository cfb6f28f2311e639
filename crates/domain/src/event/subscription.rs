//! Following events: each behind a place, in order, then what happens, at the subscriber's own pace.
//!
//! The store is asked where it tells of something, and again and again besides, as it alone knows what every server of the installation has
//! stored. What is held in memory is one read of events, however far behind a subscriber is.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use futures_util::stream::try_unfold;

use crate::access::Permit;
use crate::error::{Error, Result};
use crate::event::actions::SubscribeEvents;
use crate::event::{Event, EventRepository, EventSelection};
use crate::news::Patience;
use crate::time::Clock;

/// Events that the subscriber does not want after which it hears how far the subscription has come, before its silence is over.
const SILENT_EVENTS: u64 = 5_000;

/// What a subscriber hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The next event that is wanted.
    Event(Box<Event>),
    /// Everything up to this place was looked at.
    Reached(u64),
}

/// A subscription; it has no end.
pub type Subscription = Pin<Box<dyn Stream<Item = Result<Heard>> + Send>>;

/// What a subscription is made from.
pub(super) struct Subscribed {
    pub(super) repository: Arc<dyn EventRepository>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) permit: Permit<SubscribeEvents>,
    pub(super) selection: EventSelection,
}

struct Subscriber {
    subscribed: Subscribed,
    /// The last place that was looked at.
    reached: u64,
    ready: VecDeque<Event>,
    patience: Patience,
    /// Events since the subscriber has heard something.
    silent_events: u64,
    /// Whether the subscriber has heard where it begins.
    begun: bool,
}

/// The events behind `sequence` that are wanted.
pub(super) fn subscribe(subscribed: Subscribed, sequence: u64) -> Subscription {
    let patience = Patience::new(subscribed.clock.as_ref());
    let subscriber = Subscriber { subscribed, reached: sequence, ready: VecDeque::new(), patience, silent_events: 0, begun: false };
    Box::pin(try_unfold(subscriber, |mut subscriber| async move {
        let heard = subscriber.hear().await?;
        subscriber.silent_events = 0;
        subscriber.patience.told(subscriber.subscribed.clock.as_ref());
        Ok(Some((heard, subscriber)))
    }))
}

/// That the next event is no longer kept.
pub(super) fn expired(oldest: u64) -> Error {
    Error::Expired { oldest }
}

impl Subscriber {
    async fn hear(&mut self) -> Result<Heard> {
        if !std::mem::replace(&mut self.begun, true) {
            return Ok(Heard::Reached(self.reached));
        }
        loop {
            while let Some(event) = self.ready.pop_front() {
                self.reached = event.sequence;
                if self.subscribed.selection.holds(event.kind) {
                    return Ok(Heard::Event(Box::new(event)));
                }
                self.silent_events += 1;
            }
            if self.silent_events >= SILENT_EVENTS || self.patience.is_over(self.subscribed.clock.as_ref()) {
                return Ok(Heard::Reached(self.reached));
            }
            self.look().await?;
        }
    }

    /// Reads what is there, or waits where there is nothing.
    async fn look(&mut self) -> Result<()> {
        let Subscribed { repository, clock, permit, .. } = &self.subscribed;
        let news = repository.news(&permit.scope());
        let found = permit.open_page(repository.behind(&permit.scope(), self.reached).await?).items;
        match found.first() {
            Some(first) if first.sequence != self.reached + 1 => return Err(expired(first.sequence)),
            Some(_) => {}
            None => self.patience.wait(clock.as_ref(), news).await,
        }
        self.ready.extend(found);
        Ok(())
    }
}
