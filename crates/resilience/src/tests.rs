//! The guard in a time that the tests drive.

use std::cell::Cell;
use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, advance};

use crate::{Breaker, Config, Failure, Guard, Pass, Retries, State};

const SECOND: Duration = Duration::from_secs(1);

fn config() -> Config {
    Config { deadline: SECOND, concurrent: 2, failures: 3, pause: 10 * SECOND, retries: Retries::None }
}

async fn fail(guard: &Guard) -> Failure<&'static str> {
    guard.ask(|_| true, || async { Err::<(), _>("gone") }).await.unwrap_err()
}

async fn succeed(guard: &Guard) -> Result<u8, Failure<&'static str>> {
    guard.ask(|_| true, || async { Ok(7) }).await
}

#[tokio::test(start_paused = true)]
async fn what_fails_in_a_row_is_not_asked_until_one_attempt_shows_that_it_is_over() {
    let guard = Guard::new(config());
    for _ in 0..3 {
        assert_eq!(guard.standing().state, State::Closed);
        assert_eq!(fail(&guard).await, Failure::Failed("gone"));
    }
    assert_eq!(guard.standing().state, State::Open);
    assert_eq!(succeed(&guard).await, Err(Failure::Open));
    advance(10 * SECOND).await;
    assert_eq!(guard.standing().state, State::HalfOpen);
    assert_eq!(fail(&guard).await, Failure::Failed("gone"), "one tries");
    assert_eq!(succeed(&guard).await, Err(Failure::Open), "and no second, as it is not over");
    advance(10 * SECOND).await;
    assert_eq!(succeed(&guard).await, Ok(7));
    assert_eq!(guard.standing().state, State::Closed);
    let standing = guard.standing();
    assert_eq!((standing.attempts, standing.failures, standing.refusals, standing.openings), (5, 4, 2, 2));
}

#[tokio::test(start_paused = true)]
async fn failures_with_an_answer_in_between_do_not_add_up() {
    let guard = Guard::new(config());
    for _ in 0..10 {
        fail(&guard).await;
        fail(&guard).await;
        assert_eq!(succeed(&guard).await, Ok(7));
    }
    assert_eq!(guard.standing().state, State::Closed);
}

#[tokio::test(start_paused = true)]
async fn one_that_refuses_what_is_asked_has_answered() {
    let guard = Guard::new(config());
    for _ in 0..10 {
        let refused = guard.ask(|_| false, || async { Err::<(), _>("no") }).await;
        assert_eq!(refused, Err(Failure::Failed("no")));
    }
    assert_eq!((guard.standing().state, guard.standing().failures), (State::Closed, 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_waited_for_until_the_deadline_and_lateness_counts() {
    let guard = Guard::new(config());
    let begun = Instant::now();
    let late = guard.ask(|_: &&str| true, pending::<Result<(), _>>).await;
    assert_eq!((late, begun.elapsed()), (Err(Failure::Deadline), SECOND));
    assert_eq!(guard.standing().failures, 1);
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_nobody_hears_of_any_more_is_followed_by_another() {
    let guard = Guard::new(config());
    for _ in 0..3 {
        fail(&guard).await;
    }
    advance(10 * SECOND).await;
    let left = tokio::time::timeout(SECOND / 2, guard.ask(|_: &&str| true, pending::<Result<(), _>>)).await;
    assert!(left.is_err(), "its caller has gone");
    assert_eq!(succeed(&guard).await, Err(Failure::Open));
    advance(SECOND).await;
    assert_eq!(succeed(&guard).await, Ok(7));
}

const PAUSE: Duration = Duration::from_secs(3);

fn opened(now: Instant) -> Breaker {
    let breaker = Breaker::new(2, PAUSE, 10 * SECOND);
    for opens in [false, true] {
        let pass = breaker.admit(now).unwrap();
        assert_eq!(breaker.failed(pass, now), opens);
    }
    breaker
}

#[test]
fn of_attempts_at_the_same_moment_after_a_pause_exactly_one_tries() {
    const ATTEMPTS: usize = 8;
    for _ in 0..100 {
        let now = Instant::now();
        let (breaker, start) = (opened(now), std::sync::Barrier::new(ATTEMPTS));
        let admitted = || {
            start.wait();
            breaker.admit(now + PAUSE).is_some()
        };
        let tried: usize = std::thread::scope(|scope| {
            let attempts: Vec<_> = (0..ATTEMPTS).map(|_| scope.spawn(admitted)).collect();
            attempts.into_iter().map(|attempt| usize::from(attempt.join().unwrap())).sum()
        });
        assert_eq!(tried, 1);
    }
}

#[test]
fn asking_whether_one_would_be_let_through_takes_nobodys_turn() {
    let now = Instant::now();
    let breaker = opened(now);
    assert!(!breaker.would_admit(now));
    let later = now + PAUSE;
    assert!(breaker.would_admit(later) && breaker.would_admit(later));
    let pass = breaker.admit(later).unwrap();
    assert!(!breaker.would_admit(later) && breaker.admit(later).is_none());
    assert!(breaker.failed(pass, later));
    assert!(!breaker.would_admit(later + PAUSE - Duration::from_millis(1)));
    assert!(breaker.would_admit(later + PAUSE));
}

#[test]
fn what_was_let_through_before_it_opened_says_nothing_about_now() {
    let now = Instant::now();
    let breaker = Breaker::new(2, PAUSE, SECOND);
    let passes: Vec<Pass> = (0..4).map(|_| breaker.admit(now).unwrap()).collect();
    assert!(!breaker.failed(passes[0], now));
    assert!(breaker.failed(passes[1], now));
    breaker.succeeded(passes[2]);
    assert_eq!(breaker.state(now), State::Open);
    assert!(!breaker.failed(passes[3], now + PAUSE / 2));
    assert_eq!(breaker.state(now + PAUSE), State::HalfOpen, "the pause has not become longer");
}

#[tokio::test(start_paused = true)]
async fn no_more_ask_at_the_same_time_than_may() {
    let guard = Guard::new(config());
    let ask = || guard.ask(|_: &&str| true, pending::<Result<(), _>>);
    let (first, second, third) = tokio::join!(ask(), ask(), ask());
    assert_eq!((first, second, third), (Err(Failure::Deadline), Err(Failure::Deadline), Err(Failure::Full)));
    assert_eq!(succeed(&guard).await, Ok(7), "their places are free again");
}

#[tokio::test(start_paused = true)]
async fn at_most_a_tenth_is_asked_again_whatever_fails() {
    const ASKED: u32 = 1_000;
    let retries = Retries::UpTo { times: 3, first: SECOND / 100 };
    let guard = Guard::new(Config { failures: u32::MAX, retries, ..config() });
    let attempts = Cell::new(0_u32);
    for _ in 0..ASKED {
        let count = || {
            attempts.set(attempts.get() + 1);
            async { Err::<(), _>("gone") }
        };
        guard.ask(|_| true, count).await.unwrap_err();
    }
    let again = attempts.get() - ASKED;
    assert!((ASKED / 20..=ASKED / 10).contains(&again), "{again}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_passes_is_not_noticed_where_the_budget_reaches() {
    let guard = Guard::new(Config { retries: Retries::UpTo { times: 2, first: SECOND / 100 }, ..config() });
    for _ in 0..10 {
        assert_eq!(succeed(&guard).await, Ok(7));
    }
    let failed = Cell::new(false);
    let passing = || {
        let first = !failed.replace(true);
        async move { if first { Err("gone") } else { Ok(7) } }
    };
    assert_eq!(guard.ask(|_| true, passing).await, Ok(7));
}
