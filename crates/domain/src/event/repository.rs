//! The port to where events are kept. They are added by the repositories of what they are about, in the commit of each change.

use async_trait::async_trait;

use crate::Result;
use crate::access::{Found, TenantScope};
use crate::event::Event;
use crate::news::{News, never};
use crate::page::Page;
use crate::time::Timestamp;

/// Most events that are read at once: what is held in memory of one subscriber. Each is a few hundred bytes.
pub const MAX_EVENTS_AT_ONCE: u32 = 256;

/// Which events of a tenant are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventSpan {
    /// The oldest that is kept; the next one where none is.
    pub oldest: u64,
    /// The newest that there ever was; 0 before the first.
    pub newest: u64,
}

/// Port: events, one log a tenant. Repositories of utilities, executions, tenants, grants and principals add to it, in the commit of each
/// change, what [`crate::event::Happened`] says of it.
#[async_trait]
pub trait EventRepository: Send + Sync {
    /// Which events there are.
    async fn span(&self, scope: &TenantScope) -> Result<EventSpan>;
    /// Those behind `sequence`, in order, at most [`MAX_EVENTS_AT_ONCE`]; the page has no next one. Where the next is no longer kept it
    /// begins behind the gap.
    async fn behind(&self, scope: &TenantScope, sequence: u64) -> Result<Found<Page<Event>>>;
    /// That an event is added to the tenant's log from now on, as far as the store hears of it.
    fn news(&self, _scope: &TenantScope) -> News {
        never()
    }
    /// Removes those that were stored before, and of each tenant the oldest beyond `most`. Says how many. Of each log only the beginning
    /// goes, so that what is kept has no gaps.
    async fn prune(&self, before: Timestamp, most: u64) -> Result<u64>;
}
