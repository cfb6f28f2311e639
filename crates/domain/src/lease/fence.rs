//! A fence: who holds something, and by which acquisition.

use std::fmt;
use std::sync::Arc;

/// One server process. A process that starts anew is another instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(Arc<str>);

/// What a write names so that a holder that has lost its lease cannot write any more. Fences are compared for equality.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fence {
    /// Who holds.
    pub holder: InstanceId,
    /// Of which acquisition. Grows with every acquisition of any lease of a store, and is never used twice; 0 belongs to none.
    pub token: u64,
}

impl InstanceId {
    /// The instance of this id.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        InstanceId(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who holds what nobody holds. No lease ever has this holder: instances are named by random ids.
const NOBODY: &str = "nobody";

impl Fence {
    /// The fence of what waits for a holder.
    pub fn nobody() -> Self {
        Fence { holder: InstanceId::new(NOBODY), token: 0 }
    }

    /// Whether it is that of what waits for a holder.
    pub fn is_nobody(&self) -> bool {
        self.token == 0 && self.holder.as_str() == NOBODY
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
