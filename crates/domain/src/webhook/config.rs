//! How deliveries are tried, and how long what was given up is kept.

use std::time::Duration;

/// Longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(3_600);

/// How deliveries are tried, and how long what was given up is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookConfig {
    /// Attempts before a delivery becomes a dead letter.
    pub attempts: u32,
    /// The pause behind the first failure; it doubles with each further one, up to an hour.
    pub first_pause: Duration,
    /// How long dead letters are kept.
    pub keep: Duration,
}

impl WebhookConfig {
    /// How long to wait behind so many failed attempts: between half of the pause and all of it, so that what failed together does not
    /// come back together. `lot` is any number that differs between deliveries.
    pub(super) fn pause(&self, failed: u32, lot: u64) -> Duration {
        let doubled = self.first_pause.saturating_mul(1 << failed.saturating_sub(1).min(20)).min(MAX_PAUSE);
        let half = u64::try_from(doubled.as_millis() / 2).unwrap_or(u64::MAX);
        Duration::from_millis(half + lot % (half + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour_and_differ() {
        let config = WebhookConfig { attempts: 24, first_pause: Duration::from_secs(10), keep: Duration::from_secs(60) };
        for (failed, seconds) in [(1, 10), (2, 20), (3, 40), (9, 2_560), (10, 3_600), (60, 3_600)] {
            let (all, least) = (Duration::from_secs(seconds), Duration::from_secs(seconds) / 2);
            let pauses: std::collections::BTreeSet<_> = (0..1_000).map(|lot| config.pause(failed, lot * 7_919)).collect();
            assert!(pauses.iter().all(|pause| (least..=all).contains(pause)), "{failed}");
            assert!(pauses.len() > 500, "{failed}: {}", pauses.len());
        }
    }
}
