//! Time and identity from the system.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use domain::id::IdSource;
use domain::name::ExecutionId;
use domain::time::{Clock, Timestamp};
use uuid::Uuid;

/// The system's clock and tokio's timer.
pub(crate) struct SystemClock;

/// UUIDs: version 7 where order matters, version 4 where it must not.
pub(crate) struct UuidIds;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock before 1970 is a host without a clock; its times are all the same then.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl IdSource for UuidIds {
    fn execution(&self) -> ExecutionId {
        let text = Uuid::now_v7().hyphenated().to_string();
        ExecutionId::parse("execution", &text).expect("a UUID is written in lower-case canonical form")
    }

    fn unique(&self) -> String {
        Uuid::new_v4().hyphenated().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_executions_sort_after_earlier_ones() {
        let ids: Vec<_> = (0..1_000).map(|_| UuidIds.execution()).collect();
        assert!(ids.is_sorted() && ids[0] != ids[1]);
    }
}
