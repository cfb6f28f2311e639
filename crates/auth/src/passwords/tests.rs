//! What a hash says of a password, and what checking many costs.

use std::time::Instant;

use futures_util::FutureExt as _;

use super::*;

const LEAST: Config =
    Config { memory_kib: LEAST_MEMORY_KIB, iterations: LEAST_ITERATIONS, parallelism: LEAST_PARALLELISM, at_once: NonZeroUsize::MIN };

fn passwords() -> Argon2Passwords {
    Argon2Passwords::new(LEAST).unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

#[tokio::test]
async fn a_password_is_known_by_its_hash_and_by_nothing_else() {
    let passwords = passwords();
    let hash = passwords.hash(&secret("a battery of horses")).await.unwrap();
    assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
    assert_eq!(passwords.verify(&secret("a battery of horses"), Some(&hash)).await.unwrap(), PasswordVerdict::Right);
    for wrong in ["a battery of horse", "a battery of horses ", "A battery of horses", ""] {
        assert_eq!(passwords.verify(&secret(wrong), Some(&hash)).await.unwrap(), PasswordVerdict::Wrong, "{wrong}");
    }
    assert_ne!(passwords.hash(&secret("a battery of horses")).await.unwrap().as_str(), hash.as_str(), "each has a salt of its own");
}

#[tokio::test]
async fn an_accent_may_be_typed_as_one_character_or_as_two() {
    let passwords = passwords();
    let hash = passwords.hash(&secret("caf\u{e9} au lait")).await.unwrap();
    assert_eq!(passwords.verify(&secret("cafe\u{301} au lait"), Some(&hash)).await.unwrap(), PasswordVerdict::Right);
}

#[tokio::test]
async fn a_hash_of_other_parameters_is_right_and_outdated() {
    let stronger = Argon2Passwords::new(Config { iterations: 3, ..LEAST }).unwrap();
    let hash = passwords().hash(&secret("a battery of horses")).await.unwrap();
    assert_eq!(stronger.verify(&secret("a battery of horses"), Some(&hash)).await.unwrap(), PasswordVerdict::RightButOutdated);
    assert_eq!(stronger.verify(&secret("another"), Some(&hash)).await.unwrap(), PasswordVerdict::Wrong);
    let renewed = stronger.hash(&secret("a battery of horses")).await.unwrap();
    assert_eq!(stronger.verify(&secret("a battery of horses"), Some(&renewed)).await.unwrap(), PasswordVerdict::Right);
}

#[tokio::test]
async fn nobody_has_a_password_and_finding_that_out_costs_as_much() {
    let passwords = passwords();
    assert_eq!(passwords.verify(&secret("nobody has this password"), None).await.unwrap(), PasswordVerdict::Wrong);
    let hash = passwords.hash(&secret("a battery of horses")).await.unwrap();
    let mut times = [Vec::new(), Vec::new()];
    // In turns, so that whatever else the machine does slows both down.
    for _ in 0..9 {
        for (known, times) in [Some(&hash), None].into_iter().zip(&mut times) {
            let begun = Instant::now();
            passwords.verify(&secret("wrong"), known).await.unwrap();
            times.push(begun.elapsed());
        }
    }
    let [known, unknown] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    let ratio = unknown.as_secs_f64() / known.as_secs_f64();
    assert!((0.5..2.0).contains(&ratio), "{known:?} for an account, {unknown:?} for none");
}

#[tokio::test]
async fn what_is_no_hash_is_a_fault_of_the_store_and_no_wrong_password() {
    let damaged = PasswordHash::new("damaged".to_owned());
    assert!(matches!(passwords().verify(&secret("any"), Some(&damaged)).await, Err(Error::Internal { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_those_that_compute_and_wait_the_next_is_told_to_come_back() {
    let passwords = passwords();
    let all = passwords.places.available_permits();
    assert_eq!(all, 1 + MAX_WAITING);
    let held = Arc::clone(&passwords.places).try_acquire_many_owned(u32::try_from(all).unwrap()).unwrap();
    let refused = passwords.verify(&secret("any"), None).await;
    assert!(matches!(refused, Err(Error::Exhausted { reason: "SIGN_IN_BUSY", retry_after: RETRY_AFTER, .. })), "{refused:?}");
    drop(held);
    assert_eq!(passwords.verify(&secret("any"), None).await.unwrap(), PasswordVerdict::Wrong);
    assert_eq!(passwords.places.available_permits(), all, "every place is given back");
}

#[tokio::test]
async fn a_caller_who_goes_away_while_waiting_gives_its_place_back() {
    let passwords = passwords();
    let turn = Arc::clone(&passwords.turns).try_acquire_owned().unwrap();
    let password = secret("any");
    let mut waiting = Box::pin(passwords.verify(&password, None));
    assert!((&mut waiting).now_or_never().is_none());
    assert_eq!(passwords.places.available_permits(), MAX_WAITING);
    drop(waiting);
    assert_eq!(passwords.places.available_permits(), 1 + MAX_WAITING);
    drop(turn);
}

#[tokio::test]
async fn memory_goes_from_hash_to_hash_while_others_wait_and_is_given_back_behind_the_last() {
    let passwords = passwords();
    assert_eq!(passwords.hashing.kept(), 0);
    let waits = passwords.place().unwrap();
    for _ in 0..3 {
        passwords.verify(&secret("any"), None).await.unwrap();
        assert_eq!(passwords.hashing.kept(), 1);
    }
    drop(waits);
    assert_eq!(passwords.hashing.kept(), 0, "whoever waited has gone");
    passwords.verify(&secret("any"), None).await.unwrap();
    assert_eq!(passwords.hashing.kept(), 0, "nobody waits");
}

#[test]
fn parameters_that_argon2_does_not_take_are_refused() {
    assert!(Argon2Passwords::new(Config { memory_kib: 1, ..LEAST }).is_err());
}

#[tokio::test]
async fn a_thread_that_hashes_gives_way_to_everything_else_and_no_other_thread_does() {
    let passwords = passwords();
    let own = || rustix::process::getpriority_process(None).unwrap();
    let before = own();
    let hashing = passwords.compute(move |_| Ok(own())).await.unwrap();
    assert_eq!(hashing, (before + NICER).min(19));
    assert_eq!(own(), before);
    assert_eq!(tokio::task::spawn_blocking(own).await.unwrap(), before);
}
