//! Following an audit log: nothing is missed and nothing repeated, wherever a watch is cut off.

use std::time::Duration;

use api_proto::zona::audit::v1 as pb;
use pb::AuditOutcome::Allowed;
use pb::watch_audit_records_response::Part as Followed;
use test_support::in_time;
use tonic::{Code, Streaming};

use crate::audit::{SCRIPT, of_action, outcomes};
use crate::harness::{Harness, TENANT, reason, violations};

/// A watch of the tenant's log from a place on.
async fn watch(server: &Harness, from_sequence: Option<i64>, filter: pb::AuditFilter) -> Streaming<pb::WatchAuditRecordsResponse> {
    let request = pb::WatchAuditRecordsRequest { parent: TENANT.to_owned(), filter: Some(filter), from_sequence };
    server.audit.clone().watch_audit_records(request).await.unwrap().into_inner()
}

/// What a watch tells next, while time goes on.
async fn heard(server: &Harness, watch: &mut Streaming<pb::WatchAuditRecordsResponse>) -> Followed {
    in_time(async {
        loop {
            match tokio::time::timeout(Duration::from_millis(20), watch.message()).await {
                Ok(message) => return message.unwrap().unwrap().part.unwrap(),
                Err(_silence) => server.clock.advance(Duration::from_millis(500)),
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_watch_shows_every_record_once_in_order_and_goes_on_where_it_was_cut_off() {
    let server = Harness::start().await;
    let add = async |numbers: std::ops::Range<u64>| {
        let entries = numbers.map(|number| test_support::audit_repository::entry("demo", number)).collect();
        domain::audit::AuditRepository::append(&*server.execution_store, entries).await.unwrap();
    };
    add(0..1_000).await;
    let (mut seen, mut next, mut added) = (Vec::new(), 0, 1_000);
    // Cut off again and again, while more is added than is read in one go.
    for round in 0..20 {
        let mut watch = watch(&server, Some(next), pb::AuditFilter::default()).await;
        add(added..added + 37).await;
        added += 37;
        assert_eq!(heard(&server, &mut watch).await, Followed::ReachedSequence(next));
        for _ in 0..50 + round * 3 {
            match heard(&server, &mut watch).await {
                Followed::Record(record) => {
                    seen.push(record.sequence);
                    next = record.sequence + 1;
                }
                Followed::ReachedSequence(reached) => next = reached,
            }
        }
    }
    assert!(seen.len() > 1_500, "{}", seen.len());
    assert_eq!(seen, (0..seen.len() as i64).collect::<Vec<_>>(), "no gap and no repetition");
}

#[tokio::test]
async fn a_watch_from_now_on_shows_what_fits_and_says_how_far_it_has_come() {
    let server = Harness::start().await;
    server.create("a", SCRIPT).await;
    let filter = pb::AuditFilter { action: "utility.create".to_owned(), outcome: Allowed.into(), ..Default::default() };
    let mut watch = watch(&server, None, filter).await;
    assert_eq!(heard(&server, &mut watch).await, Followed::ReachedSequence(2));
    server.create("b", SCRIPT).await;
    let Followed::Record(record) = heard(&server, &mut watch).await else { panic!("the outcome is one") };
    assert_eq!((record.action.as_str(), record.outcome()), ("utility.create", Allowed));
    // That it was begun is one record, however long it lasts; intent, outcome and that one were looked at.
    assert_eq!(heard(&server, &mut watch).await, Followed::ReachedSequence(5));
    assert_eq!(heard(&server, &mut watch).await, Followed::ReachedSequence(5));
    assert_eq!(outcomes(&of_action(&server, "audit.watch").await), [(Allowed, "")]);
}

#[tokio::test]
async fn a_watch_from_a_place_that_is_none_is_refused() {
    let server = Harness::start().await;
    let ask = |from_sequence| pb::WatchAuditRecordsRequest { parent: TENANT.to_owned(), from_sequence, ..Default::default() };
    let refused = server.audit.clone().watch_audit_records(ask(Some(-1))).await.unwrap_err();
    assert_eq!(violations(&refused), [("from_sequence".to_owned(), "OUT_OF_RANGE".to_owned())]);
    let refused = server.audit.clone().watch_audit_records(ask(Some(9))).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::OutOfRange, "NOT_RECORDED".to_owned()));
}

#[tokio::test]
async fn what_is_added_is_shown_at_once_although_no_time_passes() {
    let server = Harness::start().await;
    let mut watch = watch(&server, Some(0), pb::AuditFilter { action: "thing.make".to_owned(), ..Default::default() }).await;
    let shown = async |watch: &mut Streaming<pb::WatchAuditRecordsResponse>| in_time(watch.message()).await.unwrap().unwrap().part.unwrap();
    assert_eq!(shown(&mut watch).await, Followed::ReachedSequence(0));
    let entry = domain::audit::Entry { action: "thing.make".to_owned(), ..test_support::audit_repository::entry("demo", 1) };
    domain::audit::AuditRepository::append(&*server.execution_store, vec![entry]).await.unwrap();
    assert!(matches!(shown(&mut watch).await, Followed::Record(record) if record.action == "thing.make"));
}
