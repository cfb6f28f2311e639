//! What an operator decides about the store.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use keys::KeyGuard;

/// Where the store is and how patient it is.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data directory; made with mode 0700 when absent, tightened to it when more open.
    pub directory: PathBuf,
    /// Connections that read at the same time.
    pub readers: NonZeroUsize,
    /// After this an operation answers that the store is unavailable. A write that was not answered in time may still be stored.
    pub deadline: Duration,
    /// What protects the files of wrapping keys beside their mode; it is asked when the store is opened and when a key is made.
    pub guard: Option<Arc<dyn KeyGuard>>,
}

impl Config {
    /// Connections that read at the same time: enough to keep a few cores busy, few enough to bound memory.
    pub const DEFAULT_READERS: NonZeroUsize = NonZeroUsize::new(4).expect("4 is not zero");
    /// How long an operation may take.
    pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(2);

    /// A store in `directory` with the defaults above.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Config { directory: directory.into(), readers: Self::DEFAULT_READERS, deadline: Self::DEFAULT_DEADLINE, guard: None }
    }
}
