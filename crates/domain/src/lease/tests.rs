//! The rules of leases under every order of two clocks.

use std::time::Duration;

use super::*;
use crate::time::Timestamp;

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_000_000 + seconds * 1_000)
}

fn held(holder: &str, token: u64, expires: Timestamp) -> Lease {
    let holder = InstanceId::new(holder);
    Lease { name: LeaseName::of_instance(&holder), fence: Fence { holder, token }, expires }
}

fn acquired_by(found: &Lease, holder: &str, now: Timestamp) -> Acquisition {
    acquire(Some(found.clone()), &found.name, &InstanceId::new(holder), 9, now, 10 * SECOND)
}

#[test]
fn a_lease_is_somebody_elses_until_it_expires_and_anybodys_from_then_on() {
    let lease = held("a", 1, at(10));
    assert_eq!(acquired_by(&lease, "b", at(9)), Acquisition::Held(lease.clone()));
    let Acquisition::Acquired(taken) = acquired_by(&lease, "b", at(10)) else { panic!("it has expired") };
    assert_eq!((taken.fence.holder.as_str(), taken.fence.token, taken.expires), ("b", 9, at(20)));
}

#[test]
fn its_holder_acquires_it_again_under_a_new_token() {
    let lease = held("a", 1, at(10));
    let Acquisition::Acquired(again) = acquired_by(&lease, "a", at(5)) else { panic!("it is its own") };
    assert_eq!(renew(Some(again), &lease.fence, at(6), SECOND), Renewal::Lost);
}

#[test]
fn a_renewal_never_shortens_a_lease_however_the_clock_steps() {
    let lease = held("a", 1, at(10));
    for (now, expires) in [(at(0), at(10)), (at(3), at(13)), (at(100), at(110))] {
        let Renewal::Renewed(renewed) = renew(Some(lease.clone()), &lease.fence, now, 10 * SECOND) else { panic!("it is its own") };
        assert_eq!((renewed.expires, renewed.fence), (expires, lease.fence.clone()));
    }
}

#[test]
fn what_was_acquired_by_another_or_released_cannot_be_renewed() {
    let mine = held("a", 1, at(10));
    let theirs = Lease { fence: Fence { holder: InstanceId::new("b"), token: 2 }, ..mine.clone() };
    assert_eq!(renew(Some(theirs), &mine.fence, at(1), SECOND), Renewal::Lost);
    assert_eq!(renew(None, &mine.fence, at(1), SECOND), Renewal::Lost);
}
