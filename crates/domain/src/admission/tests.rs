//! Admission: limits hold, nobody is forgotten, and tenants take turns.

use std::collections::HashMap;

use super::*;
use crate::error::Error;

fn small() -> Config {
    Config { max_running: 2, max_running_per_tenant: 2, max_queued: 4, max_queued_per_tenant: 3, tenants: HashMap::new() }
}

/// Room for one at a time and for everybody to wait, with these weights.
fn weighted(weights: &[(&str, u32)]) -> Config {
    let tenants = weights.iter().map(|(name, weight)| (tenant(name), Share { weight: *weight, max_running: 99, max_queued: 9_999 }));
    Config { max_running: 1, max_running_per_tenant: 99, max_queued: 99_999, max_queued_per_tenant: 9_999, tenants: tenants.collect() }
}

fn tenant(name: &str) -> TenantId {
    TenantId::parse("tenant", name).expect("a valid tenant")
}

fn enter(admission: &Admission, name: &str) -> Ticket {
    admission.enter(&tenant(name), None).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_queue_starts_where_the_running_end() {
    let admission = Admission::new(small());
    let tickets: Vec<_> = (0..4).map(|_| enter(&admission, "acme")).collect();
    let positions: Vec<_> = tickets.iter().map(Ticket::position).collect();
    assert_eq!(positions, [0, 0, 1, 2]);
    assert_eq!(admission.load(), Load { running: 2, queued: 2 });
}

#[test]
fn a_tenant_runs_no_more_at_once_than_was_settled_and_never_more_than_its_share() {
    let admission = Admission::new(Config { max_running: 9, max_running_per_tenant: 3, ..small() });
    let most = std::num::NonZeroU32::new;
    let first = admission.enter(&tenant("acme"), most(1)).unwrap();
    let second = admission.enter(&tenant("acme"), most(1)).unwrap();
    assert_eq!((first.position(), second.position()), (0, 1));
    drop(first);
    assert!(second.admitted());
    let wide: Vec<_> = (0..3).map(|_| admission.enter(&tenant("acme"), most(8)).unwrap()).collect();
    assert_eq!(wide.iter().map(Ticket::position).collect::<Vec<_>>(), [0, 0, 1], "with the one that runs, three");
}

#[test]
fn a_full_queue_refuses_with_a_delay() {
    let admission = Admission::new(small());
    let _tickets: Vec<_> = (0..5).map(|_| enter(&admission, "acme")).collect();
    match admission.enter(&tenant("acme"), None) {
        Err(Error::Exhausted { reason, subject, .. }) => assert_eq!((reason, subject.as_str()), ("QUEUE_FULL", "tenants/acme")),
        other => panic!("{:?}", other.err()),
    }
    let _other = enter(&admission, "beta");
    assert!(matches!(admission.enter(&tenant("gamma"), None), Err(Error::Exhausted { subject, .. }) if subject == "executions"));
}

#[test]
fn tenants_take_turns_whatever_the_length_of_their_queues() {
    let admission = Admission::new(small());
    let mut running = vec![enter(&admission, "acme"), enter(&admission, "acme")];
    let many: Vec<_> = (0..3).map(|_| enter(&admission, "acme")).collect();
    let one = enter(&admission, "beta");
    running.pop();
    running.pop();
    assert!(many[0].admitted() && one.admitted(), "the second place goes to the other tenant");
    assert!(!many[1].admitted());
}

#[test]
fn leaving_the_queue_moves_the_others_up() {
    let admission = Admission::new(small());
    let _running = [enter(&admission, "acme"), enter(&admission, "acme")];
    let first = enter(&admission, "acme");
    let second = enter(&admission, "acme");
    drop(first);
    assert_eq!(second.position(), 1);
    assert_eq!(admission.load().queued, 1);
}

#[test]
fn a_tenant_never_runs_more_than_its_share() {
    let admission = Admission::new(Config { max_running: 4, max_running_per_tenant: 1, ..small() });
    let first = enter(&admission, "acme");
    let second = enter(&admission, "acme");
    let other = enter(&admission, "beta");
    assert!(first.admitted() && !second.admitted() && other.admitted());
    drop(other);
    assert!(!second.admitted());
    drop(first);
    assert!(second.admitted());
}

#[test]
fn nothing_is_left_when_all_are_gone() {
    let admission = Admission::new(small());
    let tickets: Vec<_> = ["acme", "beta", "acme", "beta", "acme"].iter().map(|name| enter(&admission, name)).collect();
    drop(tickets);
    assert_eq!(admission.load(), Load::default());
    assert!(admission.shared.lock().is_empty());
}

/// Lets one after the other run, to the end; answers their order by the index in `waiting`.
fn drain(mut running: Ticket, mut waiting: Vec<Option<Ticket>>) -> Vec<usize> {
    let mut order = Vec::new();
    while order.len() < waiting.len() {
        drop(running);
        let started: Vec<usize> =
            waiting.iter().enumerate().filter(|(_, one)| one.as_ref().is_some_and(Ticket::admitted)).map(|(at, _)| at).collect();
        assert_eq!(started.len(), 1, "one at a time");
        order.extend(&started);
        running = waiting[started[0]].take().expect("it was there");
    }
    order
}

/// How many of the first `count` starts each of three tenants gets while all of them wait.
fn shares(weights: [(&str, u32); 3], count: usize) -> [usize; 3] {
    let admission = Admission::new(weighted(&weights));
    let running = enter(&admission, "first");
    let names = weights.map(|(name, _)| name);
    let waiting: Vec<_> =
        names.iter().flat_map(|name| std::iter::repeat_n(name, count)).map(|name| Some(enter(&admission, name))).collect();
    let order = drain(running, waiting);
    [0, 1, 2].map(|index| order.iter().take(count).filter(|started| *started / count == index).count())
}

#[test]
fn under_saturation_shares_follow_the_weights() {
    assert_eq!(shares([("a", 1), ("b", 1), ("c", 1)], 300), [100, 100, 100]);
    assert_eq!(shares([("a", 1), ("b", 2), ("c", 3)], 300), [50, 100, 150]);
    let [light, heavy, other] = shares([("a", 1), ("b", 1_000), ("c", 1_000)], 900);
    assert!(light >= 1 && heavy.abs_diff(other) <= 1, "{light} {heavy} {other}: nobody starves");
}

#[test]
fn one_at_a_time_gets_no_more_than_its_weight() {
    let admission = Admission::new(weighted(&[("busy", 3), ("modest", 1)]));
    let mut running = enter(&admission, "busy");
    let mut busy: Vec<_> = (0..400).map(|_| Some(enter(&admission, "busy"))).collect();
    let mut modest = enter(&admission, "modest");
    let mut starts = 0;
    for _ in 0..200 {
        drop(running);
        if modest.admitted() {
            starts += 1;
            running = std::mem::replace(&mut modest, enter(&admission, "busy"));
            modest = enter(&admission, "modest");
        } else {
            let next = busy.iter_mut().find(|one| one.as_ref().is_some_and(Ticket::admitted)).expect("somebody runs");
            running = next.take().expect("it was found");
        }
    }
    assert_eq!(starts, 50, "a quarter of the turns, though its queue is never longer than one");
}

#[test]
fn a_tenant_that_was_away_comes_back_without_credit() {
    let admission = Admission::new(weighted(&[]));
    let mut running = enter(&admission, "early");
    for _ in 0..50 {
        let next = enter(&admission, "busy");
        running = next;
    }
    let mut waiting: Vec<_> = (0..4).map(|_| Some(enter(&admission, "busy"))).collect();
    waiting.extend((0..4).map(|_| Some(enter(&admission, "early"))));
    let order = drain(running, waiting);
    let early = order.iter().take(4).filter(|started| **started >= 4).count();
    assert_eq!(early, 2, "{order:?}: turns alternate from now on");
}

#[test]
fn positions_tell_the_order_in_which_the_waiting_start() {
    let admission = Admission::new(weighted(&[("b", 2), ("c", 5), ("d", 7)]));
    let running = enter(&admission, "a");
    let names = ["a", "b", "c", "d"];
    // Any mixture does; this one has runs and alternations.
    let waiting: Vec<_> = (0..60_usize).map(|number| Some(enter(&admission, names[number * number / 7 % 4]))).collect();
    let positions: Vec<u32> = waiting.iter().flatten().map(Ticket::position).collect();
    let order = drain(running, waiting);
    let told: Vec<u32> = order.iter().map(|index| positions[*index]).collect();
    assert_eq!(told, (1..=60).collect::<Vec<_>>());
}

#[test]
fn a_tenants_own_limits_hold_instead_of_the_usual() {
    let share = Share { weight: 1, max_running: 1, max_queued: 1 };
    let admission = Admission::new(Config { tenants: HashMap::from([(tenant("acme"), share)]), ..small() });
    let (first, second) = (enter(&admission, "acme"), enter(&admission, "acme"));
    assert!(first.admitted() && !second.admitted());
    assert!(matches!(admission.enter(&tenant("acme"), None), Err(Error::Exhausted { subject, .. }) if subject == "tenants/acme"));
    assert!(enter(&admission, "beta").admitted());
}
