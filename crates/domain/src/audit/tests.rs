//! The books: what is counted together, and which bounds hold.

use crate::audit::books::{Books, SINGLE_DENIALS};
use crate::audit::record::{Actor, Entry, Outcome};
use crate::lease::InstanceId;
use crate::name::{PrincipalName, TenantId};
use crate::time::Timestamp;

const MINUTE: u64 = 60_000;

fn user(id: &str) -> PrincipalName {
    PrincipalName::parse("principal", &format!("tenants/acme/users/{id}")).unwrap()
}

fn read(by: &str, method: &str, millis: u64) -> Entry {
    Entry {
        tenant: TenantId::parse("tenant", "acme").unwrap(),
        time: Timestamp::from_millis(millis),
        until: None,
        count: 1,
        instance: InstanceId::new("one"),
        call: "c".to_owned(),
        actor: Actor { principal: Some(user(by)), session: Some("s".to_owned()), ..Actor::default() },
        method: method.to_owned(),
        action: "utility.list".to_owned(),
        resource: "tenants/acme".to_owned(),
        version: None,
        outcome: Outcome::Allowed,
        reason: String::new(),
        changes: Vec::new(),
        purpose: "p".to_owned(),
        request_id: "r".to_owned(),
        trace_id: "t".to_owned(),
    }
}

#[test]
fn calls_of_one_principal_method_outcome_and_minute_are_counted_together() {
    let mut books = Books::default();
    let calls = [("ann", "list", 0), ("ann", "list", MINUTE - 1), ("ann", "get", 5), ("bob", "list", 5), ("ann", "list", MINUTE)];
    for (by, method, millis) in calls {
        assert!(books.count(read(by, method, millis), "utility").is_empty());
    }
    books.count(Entry { outcome: Outcome::Failed, ..read("ann", "list", 5) }, "utility");
    assert!(books.counted_before(MINUTE - 1).is_empty(), "the minute is not over");
    let mut counts: Vec<_> = books.counted_before(MINUTE).into_iter().map(|entry| (entry.method.clone(), entry.count, entry)).collect();
    counts.sort_by_key(|(method, count, _)| (method.clone(), *count));
    assert_eq!(
        counts.iter().map(|(method, count, _)| (method.as_str(), *count)).collect::<Vec<_>>(),
        [("get", 1), ("list", 1), ("list", 1), ("list", 2)]
    );
    let (_, _, twice) = &counts[3];
    assert_eq!((twice.time.as_millis(), twice.until.unwrap().as_millis(), twice.resource.as_str()), (0, MINUTE, "utility"));
    assert_eq!((&twice.actor, twice.request_id.as_str()), (&Actor { principal: Some(user("ann")), ..Actor::default() }, ""));
    assert_eq!(books.counted_before(u64::MAX).len(), 1, "what the next minute has so far");
}

#[test]
fn counts_are_bounded_and_those_that_have_no_room_are_recorded_early() {
    let mut books = Books::default();
    let mut early = 0;
    for number in 0..10_000 {
        early += books.count(read(&format!("user-{number}"), "list", 0), "utility").len();
    }
    assert!(early > 0 && early.is_multiple_of(4_096), "{early}");
    assert_eq!(early + books.counted_before(u64::MAX).len(), 10_000, "nothing is lost");
}

#[test]
fn a_principal_is_refused_singly_so_often_in_a_minute_and_no_other_is_counted_with_it() {
    let mut books = Books::default();
    let mut refuse = |who: Option<&str>, millis| books.denied_singly(who.map(user).as_ref(), Timestamp::from_millis(millis));
    for _ in 0..SINGLE_DENIALS {
        assert!(refuse(Some("ann"), 0));
        assert!(refuse(None, 0));
    }
    assert!(!refuse(Some("ann"), MINUTE - 1) && !refuse(None, MINUTE - 1));
    assert!(refuse(Some("bob"), MINUTE - 1));
    assert!(refuse(Some("ann"), MINUTE), "a new minute");
}

#[test]
fn what_waits_for_the_store_is_bounded() {
    let mut books = Books::default();
    let outcomes = vec![read("ann", "list", 0); 16_000];
    assert_eq!(books.keep(outcomes, true), 0);
    assert_eq!(books.keep(vec![read("ann", "list", 0); 1_000], false), 16_000 + 1_000 - 16_384);
    let kept = books.take_kept();
    assert_eq!((kept.outcomes.len(), kept.others.len()), (16_000, 384));
    assert_eq!(books.keep(vec![read("ann", "list", 0)], false), 0, "there is room again");
}
