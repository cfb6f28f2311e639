//! The sandbox of fresh children that is kept ready where others are put back.

use super::*;

#[test]
fn a_sandbox_of_fresh_children_is_kept_ready_for_as_long_as_somebody_asks_for_them() {
    let mut books = restoring(Pool { max_sandboxes: 9, ..limits() });
    let warm = books.warm();
    let fresh = SandboxGroup::WARM;
    assert_eq!(books.tick(TICK), [Step::Start(1, warm)], "nobody has asked");
    books.bring_up(1);
    books.ledger.asked(warm, books.now);
    assert_eq!(books.tick(Duration::from_secs(1)), vec![], "for what is there");

    books.ledger.asked(fresh, books.now);
    assert_eq!(books.acquire_in("acme", fresh), (Ok(Acquired::Wait(1)), vec![Step::Start(2, fresh)]), "the first one waits for a start");
    assert!(matches!(books.bring_up(2)[..], [Step::Grant(1, 2, _)]));
    assert_eq!(books.tick(REFILL_DELAY), [Step::Start(3, fresh)]);
    books.bring_up(3);
    assert!(matches!(books.acquire_in("umbrella", fresh).0, Ok(Acquired::Child(3, _))), "the second one does not");
    assert_eq!(books.tick(REFILL_DELAY), [Step::Start(4, fresh)]);
    books.bring_up(4);
    let of_stock = |steps: &[Step<u64>]| steps.contains(&Step::Destroy(4));
    assert!(!of_stock(&books.tick(Duration::from_secs(9 * 60))), "however long it is idle");
    books.ledger.asked(fresh, books.now);
    assert!(!of_stock(&books.tick(Duration::from_secs(9 * 60))), "somebody has asked since");
    assert!(of_stock(&books.tick(Duration::from_secs(2 * 60))), "nobody asks any more");
    books.gone(4, None);
    assert_eq!(starts(&books.tick(Duration::from_secs(60))), [0; 0]);
}

#[test]
fn where_none_is_kept_ready_no_sandbox_of_fresh_children_is() {
    let mut books = restoring(Pool { unassigned: 0, max_sandboxes: 9, ..limits() });
    books.ledger.asked(SandboxGroup::WARM, books.now);
    assert_eq!(starts(&books.acquire_in("acme", SandboxGroup::WARM).1), [1]);
    books.bring_up(1);
    assert_eq!(starts(&books.tick(REFILL_DELAY)), [0; 0]);
}
