//! Admission: limits hold, nobody is forgotten, and tenants take turns.

use super::*;

const SMALL: Config = Config { max_running: 2, max_running_per_tenant: 2, max_queued: 4, max_queued_per_tenant: 3 };

fn tenant(name: &str) -> TenantId {
    TenantId::parse("tenant", name).expect("a valid tenant")
}

fn enter(admission: &Admission, name: &str) -> Ticket {
    admission.enter(&tenant(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_queue_starts_where_the_running_end() {
    let admission = Admission::new(SMALL);
    let tickets: Vec<_> = (0..4).map(|_| enter(&admission, "acme")).collect();
    let positions: Vec<_> = tickets.iter().map(Ticket::position).collect();
    assert_eq!(positions, [0, 0, 1, 2]);
    assert_eq!(admission.load(), Load { running: 2, queued: 2 });
}

#[test]
fn a_full_queue_refuses_with_a_delay() {
    let admission = Admission::new(SMALL);
    let _tickets: Vec<_> = (0..5).map(|_| enter(&admission, "acme")).collect();
    match admission.enter(&tenant("acme")) {
        Err(Error::Exhausted { reason, subject, .. }) => assert_eq!((reason, subject.as_str()), ("QUEUE_FULL", "tenants/acme")),
        other => panic!("{:?}", other.err()),
    }
    let _other = enter(&admission, "beta");
    assert!(matches!(admission.enter(&tenant("gamma")), Err(Error::Exhausted { subject, .. }) if subject == "executions"));
}

#[test]
fn tenants_take_turns_whatever_the_length_of_their_queues() {
    let admission = Admission::new(SMALL);
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
    let admission = Admission::new(SMALL);
    let _running = [enter(&admission, "acme"), enter(&admission, "acme")];
    let first = enter(&admission, "acme");
    let second = enter(&admission, "acme");
    drop(first);
    assert_eq!(second.position(), 1);
    assert_eq!(admission.load().queued, 1);
}

#[test]
fn a_tenant_never_runs_more_than_its_share() {
    let admission = Admission::new(Config { max_running: 4, max_running_per_tenant: 1, ..SMALL });
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
    let admission = Admission::new(SMALL);
    let tickets: Vec<_> = ["acme", "beta", "acme", "beta", "acme"].iter().map(|name| enter(&admission, name)).collect();
    drop(tickets);
    assert_eq!(admission.load(), Load::default());
    assert!(admission.shared.lock().tenants.is_empty() && admission.shared.lock().turns.is_empty());
}
