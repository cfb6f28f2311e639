//! `[events]`: how long events are kept for those who follow them.

use std::time::Duration;

use settings::{Place, section, value};

section! {
    /// How long events are kept for those who follow them.
    pub struct Events in Place::table("events");

    /// events older than this are removed, hourly; who was away for longer hears `EVENTS_EXPIRED`
    keep: Duration = "7d" => value::duration(Duration::from_secs(60));
    /// and of each tenant the oldest beyond this many; each takes some hundred bytes
    max_per_tenant: u64 = 1000000 => value::number(1_000..=1_000_000_000);
}
