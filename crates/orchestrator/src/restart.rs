//! Whether what has ended is started again, and when: so often within a window, with a pause that is longer for some than for others, so
//! that what failed together does not come back together. The past is in the labels of what has ended, so that a manager that was killed
//! decides the same.

use std::time::Duration;

use domain::time::Timestamp;
use process::observed::State;
use process::revision::digest;
use process::service::{Restart, RestartCondition, Service};

use crate::engine::Phase;
use crate::sight::Seen;

/// The most restarts that labels remember: as many as any policy counts.
const MOST_REMEMBERED: usize = 1_000;

/// What becomes of a replica that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It stays as it is: it was to run once.
    Stays,
    /// It is started again at this time. What starts in its place remembers these restarts.
    Again {
        /// When.
        at: Timestamp,
        /// Restarts within the window before, and this one.
        restarts: Vec<Timestamp>,
    },
    /// It has ended too often, and a person must look at it.
    Failed {
        /// How often it was started again within the window.
        restarts: usize,
    },
}

/// What becomes of a replica, where it has ended or is not well.
pub fn verdict(service: &Service, seen: &Seen) -> Option<Verdict> {
    let restarts = &seen.instance.identity.restarts;
    let decide = |at: Timestamp, failed| Some(decide(&service.restart, &seen.instance.id, restarts, at, failed));
    match (&seen.instance.phase, seen.state?) {
        (Phase::Ended { at, .. }, state) => decide(*at, state == State::Failed),
        // The daemon does not say when it could not be started.
        (Phase::Unstartable(_), _) => decide(restarts.last().copied().unwrap_or_default(), true),
        (_, State::Unhealthy) => decide(seen.unwell_since?, true),
        _ => None,
    }
}

/// Decides on a replica that ended at a time, with or without a failure.
pub fn decide(policy: &Restart, id: &str, restarts: &[Timestamp], ended: Timestamp, failed: bool) -> Verdict {
    let again = match policy.condition {
        RestartCondition::Always => true,
        RestartCondition::OnFailure => failed,
        RestartCondition::Never => false,
    };
    if !again {
        return Verdict::Stays;
    }
    let mut counted = within(policy, restarts, ended);
    if counted.len() >= policy.attempts as usize {
        return Verdict::Failed { restarts: counted.len() };
    }
    let at = ended.plus(policy.delay + jitter(policy.delay, id));
    counted.push(at);
    let first = counted.len().saturating_sub(MOST_REMEMBERED);
    Verdict::Again { at, restarts: counted.split_off(first) }
}

/// Those restarts that count at a time.
pub fn within(policy: &Restart, restarts: &[Timestamp], now: Timestamp) -> Vec<Timestamp> {
    restarts.iter().copied().filter(|restart| now.since(*restart) < policy.window).collect()
}

/// Up to half of the delay. It follows from the replica's id, so that whoever asks again is told the same.
fn jitter(delay: Duration, id: &str) -> Duration {
    let hash = digest(id.as_bytes());
    let share = u32::from_str_radix(&hash[..4], 16).unwrap_or_default();
    delay / 2 * share / 0x1_0000
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    fn policy(condition: RestartCondition) -> Restart {
        Restart { condition, ..Restart::default() }
    }

    fn at(minutes: u64) -> Timestamp {
        Timestamp::from_millis(minutes * MINUTE)
    }

    #[test]
    fn two_restarts_in_half_an_hour_and_then_it_has_failed() {
        let policy = policy(RestartCondition::Always);
        let mut restarts = Vec::new();
        for ended in [at(100), at(110)] {
            let Verdict::Again { at, restarts: now } = decide(&policy, "c0ffee", &restarts, ended, true) else { panic!("again") };
            let pause = at.since(ended);
            assert!(pause >= Duration::from_secs(15) && pause < Duration::from_millis(22_500), "{pause:?}");
            restarts = now;
        }
        assert_eq!(decide(&policy, "c0ffee", &restarts, at(120), true), Verdict::Failed { restarts: 2 });
        // Had it lasted until the first of them is half an hour ago, it were started again.
        assert!(matches!(decide(&policy, "c0ffee", &restarts, at(131), true), Verdict::Again { restarts, .. } if restarts.len() == 2));
    }

    #[test]
    fn as_many_restarts_count_as_a_manifest_may_allow() {
        let policy = Restart { attempts: 1_000, delay: Duration::ZERO, ..policy(RestartCondition::Always) };
        let (mut restarts, mut ended) = (Vec::new(), at(100));
        for _ in 0..1_000 {
            let Verdict::Again { at, restarts: now } = decide(&policy, "c0ffee", &restarts, ended, true) else { panic!("again") };
            (restarts, ended) = (now, at.plus(Duration::from_millis(10)));
        }
        assert_eq!(decide(&policy, "c0ffee", &restarts, ended, true), Verdict::Failed { restarts: 1_000 });
    }

    #[test]
    fn conditions_decide_whether_an_end_is_one() {
        let decide = |condition, failed| decide(&policy(condition), "id", &[], at(1), failed);
        assert!(matches!(decide(RestartCondition::Always, false), Verdict::Again { .. }));
        assert_eq!(decide(RestartCondition::OnFailure, false), Verdict::Stays);
        assert!(matches!(decide(RestartCondition::OnFailure, true), Verdict::Again { .. }));
        assert_eq!(decide(RestartCondition::Never, true), Verdict::Stays);
    }

    #[test]
    fn pauses_differ_between_replicas_and_never_for_one() {
        let pauses: Vec<Duration> = (0..50).map(|id| jitter(Duration::from_secs(15), &id.to_string())).collect();
        assert_eq!(pauses[7], jitter(Duration::from_secs(15), "7"));
        let mut distinct = pauses.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert!(distinct.len() > 45, "{distinct:?}");
        assert!(pauses.iter().all(|pause| *pause < Duration::from_millis(7_500)));
    }
}
