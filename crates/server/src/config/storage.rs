//! What a server keeps: `[store]` on disk, `[cache]` in memory.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use keys::KeyGuard;
use settings::{Place, section, value};

section! {
    /// How the store is used.
    pub struct Store in Place::table("store");

    /// connections that read at once
    readers: NonZeroUsize = 4 => value::count(64);
    /// after this the store counts as unavailable
    deadline: Duration = "2s" => value::duration(Duration::from_millis(100));
}

section! {
    /// What is kept in memory.
    pub struct Cache in Place::table("cache");

    /// memory for utilities and policies that were read lately; `0`: every read goes to the store
    max_bytes: u64 = 67108864 => value::number(0..=1 << 40);
}

impl Store {
    /// The configuration of the store in this data directory, whose wrapping keys something may protect.
    pub fn config(&self, data: &Path, guard: Option<Arc<dyn KeyGuard>>) -> storage_embedded::Config {
        storage_embedded::Config { directory: data.to_owned(), readers: self.readers, deadline: self.deadline, guard }
    }
}
