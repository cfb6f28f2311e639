//! The collections of events, as their files call them.

use crate::collections;

/// Events.
pub(super) const EVENTS: &str = collections::EVENTS.name;
/// The last place of each log, whatever of it is kept.
pub(super) const LOGS: &str = collections::EVENT_LOGS.name;
