//! How answers to single questions add up to whether a replica is well: failures in a row, a time after the start in which they do not
//! count, and damping of replicas that are well and not well in turn. The engine's own judgment is not asked: it knows no window and no
//! damping, and calls what has stopped unhealthy.

use std::collections::VecDeque;
use std::time::Duration;

use process::observed::State;
use process::service::Health;
use tokio::time::Instant;

/// Time between two questions to what is not well yet: a start should not wait for an interval that is meant for years of running.
const EAGER: Duration = Duration::from_millis(250);
/// A replica that fell from being well within this time has to be well for longer before it is believed.
const FLAPPING: Duration = Duration::from_secs(10 * 60);
/// The most answers in a row that are asked of it.
const MOST_ANSWERS: u32 = 8;
/// How long a replica without a health check must run before it is well: what lacks a file or a setting ends in its first moments.
const SETTLING: Duration = Duration::from_secs(1);

/// What is known of one replica's health.
#[derive(Debug, Clone)]
pub struct History {
    /// When it was started.
    started: Instant,
    state: State,
    failures: u32,
    answers: u32,
    /// When it fell from being well.
    falls: VecDeque<Instant>,
    /// When it is asked next.
    due: Instant,
    detail: String,
}

// === impl History ===

impl History {
    /// A replica that was started at this time, and of which nothing else is known.
    pub fn new(started: Instant, now: Instant) -> Self {
        History { started, state: State::Starting, failures: 0, answers: 0, falls: VecDeque::new(), due: now, detail: String::new() }
    }

    /// How it is.
    pub fn state(&self) -> State {
        self.state
    }

    /// What was wrong last, where it is not well.
    pub fn detail(&self) -> &str {
        if self.state == State::Healthy { "" } else { &self.detail }
    }

    /// Whether it is to be asked now.
    pub fn is_due(&self, now: Instant) -> bool {
        now >= self.due
    }

    /// How often it fell from being well within the time that counts.
    pub fn falls(&self) -> usize {
        self.falls.len()
    }

    /// Takes an answer.
    pub fn note(&mut self, health: &Health, now: Instant, answer: Result<(), String>) {
        self.falls.retain(|fall| now.duration_since(*fall) < FLAPPING);
        match answer {
            Ok(()) => self.succeeded(),
            Err(detail) => self.failed(health, now, detail),
        }
        let pause = if self.state == State::Healthy { health.interval } else { health.interval.min(EAGER) };
        self.due = now + pause;
    }

    /// Takes a look at a replica without a health check: it is well once it has run for a moment.
    pub fn runs(&mut self, now: Instant) {
        if now.duration_since(self.started) >= SETTLING {
            self.state = State::Healthy;
        }
    }

    fn succeeded(&mut self) {
        self.failures = 0;
        self.answers = self.answers.saturating_add(1);
        if self.answers >= self.needed() {
            self.state = State::Healthy;
        }
    }

    fn failed(&mut self, health: &Health, now: Instant, detail: String) {
        self.answers = 0;
        self.detail = detail;
        if self.state == State::Starting && now.duration_since(self.started) < health.start_period {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        // Failures of a start come faster than those that the interval was meant for, so that time counts beside their number.
        let patience = health.interval * health.retries + health.start_period;
        let is_over = self.state != State::Starting || now.duration_since(self.started) >= patience;
        if self.failures >= health.retries.max(1) && is_over {
            if self.state == State::Healthy {
                self.falls.push_back(now);
            }
            self.state = State::Unhealthy;
        }
    }

    /// Good answers in a row after which it is well: one, and twice as many for each fall.
    fn needed(&self) -> u32 {
        let falls = u32::try_from(self.falls.len()).unwrap_or(u32::MAX);
        1_u32.checked_shl(falls).unwrap_or(MOST_ANSWERS).clamp(1, MOST_ANSWERS)
    }
}

#[cfg(test)]
mod tests {
    use process::service::Probe;

    use super::*;

    fn health() -> Health {
        Health {
            probe: Probe::Tcp { port: 1 },
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(1),
            retries: 3,
            start_period: Duration::from_secs(60),
        }
    }

    /// Asks whenever it is due, with the answers in turn; the state after each and the seconds since the start.
    fn check(answers: &str, expected: &[(u64, State)]) {
        let start = Instant::now();
        let mut history = History::new(start, start);
        let mut seen = Vec::new();
        for answer in answers.chars() {
            let now = history.due;
            history.note(&health(), now, if answer == '+' { Ok(()) } else { Err("no".to_owned()) });
            if seen.last().is_none_or(|(_, state)| *state != history.state) {
                seen.push((now.duration_since(start).as_secs(), history.state));
            }
        }
        assert_eq!(seen, expected, "{answers}");
    }

    #[test]
    fn failures_after_the_start_do_not_count() {
        // Four questions a second, for less than a minute.
        let answers = format!("{}+", "-".repeat(230));
        check(&answers, &[(0, State::Starting), (57, State::Healthy)]);
    }

    #[test]
    fn what_never_gets_well_is_not_well_after_the_start_and_its_retries() {
        check(&"-".repeat(400), &[(0, State::Starting), (90, State::Unhealthy)]);
    }

    #[test]
    fn single_failures_are_no_fall() {
        check("+--+--+--+", &[(0, State::Healthy)]);
    }

    #[test]
    fn three_failures_in_a_row_are_one() {
        check("+---", &[(0, State::Healthy), (30, State::Unhealthy)]);
    }

    #[test]
    fn one_that_falls_again_and_again_must_be_well_for_longer_each_time() {
        let mut history = History::new(Instant::now(), Instant::now());
        let mut needed = Vec::new();
        for _ in 0..5 {
            let mut count = 0;
            while history.state() != State::Healthy {
                history.note(&health(), history.due, Ok(()));
                count += 1;
            }
            needed.push(count);
            for _ in 0..3 {
                history.note(&health(), history.due, Err("no".to_owned()));
            }
        }
        assert_eq!(needed, [1, 2, 4, 8, 8]);
        // What has been well for long is believed as at first.
        while history.falls() > 0 {
            history.note(&health(), history.due, Ok(()));
        }
        assert_eq!(history.needed(), 1);
    }

    #[test]
    fn without_a_check_it_is_well_once_it_has_run_for_a_moment() {
        let start = Instant::now();
        let mut history = History::new(start, start);
        history.runs(start + SETTLING / 2);
        assert_eq!(history.state(), State::Starting);
        history.runs(start + SETTLING);
        assert_eq!(history.state(), State::Healthy);
    }
}
