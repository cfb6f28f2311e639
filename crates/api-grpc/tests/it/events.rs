//! Following what happens: nothing is missed and nothing repeated, wherever a subscription is cut off, and gaps are told.

use std::time::Duration;

use api_proto::zona::access::v1 as access;
use api_proto::zona::event::v1 as pb;
use api_proto::zona::execution::v1 as executions;
use api_proto::zona::utility::v1 as utilities;
use domain::event::{EventRepository as _, Happened};
use domain::time::{Clock as _, Timestamp};
use pb::subscribe_events_response::Part as Heard;
use test_support::{in_time, sample};
use tonic::{Code, Status, Streaming};

use crate::harness::{Harness, TENANT, details, reason, utility_name, violations};

const SCRIPT: &str = "def main():\n    #: return 1\n";

fn request(after_sequence: Option<i64>, types: &[&str]) -> pb::SubscribeEventsRequest {
    pb::SubscribeEventsRequest { parent: TENANT.to_owned(), types: types.iter().map(ToString::to_string).collect(), after_sequence }
}

async fn subscribe(server: &Harness, request: pb::SubscribeEventsRequest) -> Streaming<pb::SubscribeEventsResponse> {
    server.events.clone().subscribe_events(request).await.unwrap().into_inner()
}

/// What a subscription tells next, while time goes on.
async fn next(server: &Harness, subscription: &mut Streaming<pb::SubscribeEventsResponse>) -> Result<Heard, Status> {
    in_time(async {
        loop {
            match tokio::time::timeout(Duration::from_millis(20), subscription.message()).await {
                Ok(message) => return message.map(|message| message.unwrap().part.unwrap()),
                Err(_silence) => server.clock.advance(Duration::from_millis(500)),
            }
        }
    })
    .await
}

/// The next event.
async fn event(server: &Harness, subscription: &mut Streaming<pb::SubscribeEventsResponse>) -> pb::Event {
    loop {
        if let Heard::Event(event) = next(server, subscription).await.unwrap() {
            return event;
        }
    }
}

/// So many things that happen in the tenant.
fn happen(server: &Harness, many: u64) {
    let utility = sample::utility(&sample::scope("demo"), "u");
    server.known.events.note((0..many).map(|_| Happened::of_utility(&sample::creation(utility.clone()))));
}

#[tokio::test]
async fn what_happens_is_told_in_order_and_says_neither_who_did_it_nor_what_the_code_is() {
    let server = Harness::start().await;
    let mut subscription = subscribe(&server, request(None, &[])).await;
    assert_eq!(next(&server, &mut subscription).await.unwrap(), Heard::ReachedSequence(0));
    let mut utilities = server.utilities.clone();
    let created = server.create("a", SCRIPT).await;
    let description = "the description".to_owned();
    let changed = utilities::Utility { name: created.name.clone(), description, ..Default::default() };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["description".to_owned()] });
    let update = utilities::UpdateUtilityRequest { utility: Some(changed), update_mask, ..Default::default() };
    utilities.update_utility(update).await.unwrap();
    let changed = utilities::Utility { name: created.name.clone(), code: SCRIPT.replace('1', "2"), ..Default::default() };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["code".to_owned()] });
    let update = utilities::UpdateUtilityRequest { utility: Some(changed), update_mask, ..Default::default() };
    utilities.update_utility(update).await.unwrap();
    let restore = utilities::RestoreUtilityVersionRequest { name: format!("{}/versions/1", created.name), ..Default::default() };
    utilities.restore_utility_version(restore).await.unwrap();
    let start = executions::StartExecutionRequest { name: created.name.clone(), ..Default::default() };
    let execution = server.executions.clone().start_execution(start).await.unwrap().into_inner().name;
    server.ended(&execution).await;
    let grant = access::GrantAccessRequest {
        name: created.name.clone(),
        grantee: TENANT.to_owned(),
        access: access::Access::Read.into(),
        reason: "the reason".to_owned(),
        ..Default::default()
    };
    server.access.clone().grant_access(grant).await.unwrap();
    let delete = utilities::DeleteUtilityRequest { name: created.name.clone(), ..Default::default() };
    utilities.delete_utility(delete).await.unwrap();
    utilities.undelete_utility(utilities::UndeleteUtilityRequest { name: created.name.clone(), ..Default::default() }).await.unwrap();

    let utility = utility_name("a");
    let expected = [
        ("dev.zona.utility.created", utility.as_str(), r#"{"revision":1,"version":1}"#.to_owned()),
        ("dev.zona.utility.updated", &utility, r#"{"revision":2,"version":1}"#.to_owned()),
        ("dev.zona.utility.updated", &utility, r#"{"revision":3,"version":2}"#.to_owned()),
        ("dev.zona.utility.restored", &utility, r#"{"revision":4,"version":3}"#.to_owned()),
        ("dev.zona.execution.ended", &execution, format!(r#"{{"state":"SUCCEEDED","utility":"{utility}","version":3}}"#)),
        ("dev.zona.access.granted", &utility, format!(r#"{{"access":"read","grantee":"{TENANT}"}}"#)),
        ("dev.zona.utility.deleted", &utility, r#"{"revision":5,"version":3}"#.to_owned()),
        ("dev.zona.utility.undeleted", &utility, r#"{"revision":6,"version":3}"#.to_owned()),
    ];
    for (sequence, (kind, subject, data)) in (1..).zip(expected) {
        let told = event(&server, &mut subscription).await;
        assert_eq!((told.sequence, told.r#type.as_str(), told.subject.as_str()), (sequence, kind, subject));
        assert_eq!((told.data_json, told.source.as_str()), (data, "//zona.dev/tenants/demo"));
        assert!(!told.id.is_empty() && told.time.is_some());
    }
    assert_eq!(next(&server, &mut subscription).await.unwrap(), Heard::ReachedSequence(8), "and nothing else, while it lives");
}

#[tokio::test]
async fn every_event_is_told_once_in_order_wherever_a_subscription_is_cut_off() {
    let server = Harness::start().await;
    happen(&server, 1_000);
    let (mut seen, mut after) = (Vec::new(), 0);
    // Cut off again and again, while more happens than is read in one go.
    for round in 0..20 {
        let mut subscription = subscribe(&server, request(Some(after), &[])).await;
        happen(&server, 37);
        assert_eq!(next(&server, &mut subscription).await.unwrap(), Heard::ReachedSequence(after));
        for _ in 0..50 + round * 3 {
            after = match next(&server, &mut subscription).await.unwrap() {
                Heard::Event(event) => {
                    seen.push(event.sequence);
                    event.sequence
                }
                Heard::ReachedSequence(reached) => reached,
            };
        }
    }
    assert!(seen.len() > 1_500, "{}", seen.len());
    assert_eq!(seen, (1..=seen.len() as i64).collect::<Vec<_>>(), "no gap and no repetition");
}

#[tokio::test]
async fn only_wanted_types_are_told_and_how_far_it_was_looked() {
    let server = Harness::start().await;
    happen(&server, 6_000);
    let mut subscription = subscribe(&server, request(Some(0), &["dev.zona.tenant", "dev.zona.utility.deleted"])).await;
    assert_eq!(next(&server, &mut subscription).await.unwrap(), Heard::ReachedSequence(0));
    let Heard::ReachedSequence(reached) = next(&server, &mut subscription).await.unwrap() else { panic!("none of them is wanted") };
    assert!((5_000..=6_000).contains(&reached), "{reached}: while it has not come to the end");
    server.create("a", SCRIPT).await;
    server
        .utilities
        .clone()
        .delete_utility(utilities::DeleteUtilityRequest { name: utility_name("a"), ..Default::default() })
        .await
        .unwrap();
    let told = event(&server, &mut subscription).await;
    assert_eq!((told.sequence, told.r#type.as_str()), (6_002, "dev.zona.utility.deleted"));
}

#[tokio::test]
async fn who_was_away_for_too_long_hears_of_the_gap_and_where_to_go_on() {
    let server = Harness::start().await;
    happen(&server, 2_000);
    let expired = |status: &Status| {
        assert_eq!((status.code(), reason(status).as_str()), (Code::OutOfRange, "EVENTS_EXPIRED"));
        details(status).error_info().unwrap().metadata["oldest_sequence"].clone()
    };
    server.known.events.prune(Timestamp::from_millis(0), 500).await.unwrap();
    for after in [0, 1, 1_499] {
        let refused = server.events.clone().subscribe_events(request(Some(after), &[])).await.unwrap_err();
        assert_eq!(expired(&refused), "1501", "{after}");
    }
    let mut whole = subscribe(&server, request(Some(1_500), &[])).await;
    assert_eq!(event(&server, &mut whole).await.sequence, 1_501, "the next one is there");
    // Everything goes, and one more comes: the gap is told where it opens.
    let mut open = subscribe(&server, request(Some(2_000), &[])).await;
    happen(&server, 300);
    server.known.events.prune(server.clock.now().plus(Duration::from_secs(3_600)), 500).await.unwrap();
    let refused = server.events.clone().subscribe_events(request(Some(2_000), &[])).await.unwrap_err();
    assert_eq!(expired(&refused), "2301");
    happen(&server, 1);
    let ended = loop {
        if let Err(status) = next(&server, &mut open).await {
            break status;
        }
    };
    assert_eq!(expired(&ended), "2301");
}

#[tokio::test]
async fn a_subscription_that_cannot_be_is_refused_with_every_violation() {
    let server = Harness::start().await;
    let ask = async |request: pb::SubscribeEventsRequest| server.events.clone().subscribe_events(request).await.unwrap_err();
    let refused = ask(request(Some(-1), &["dev.zona.utility", "dev.zona.util"])).await;
    let expected = [("types[1]", "UNKNOWN_EVENT_TYPE"), ("after_sequence", "OUT_OF_RANGE")];
    assert_eq!(violations(&refused), crate::harness::pairs(&expected));
    let refused = ask(request(Some(1), &[])).await;
    assert_eq!((refused.code(), reason(&refused)), (Code::OutOfRange, "NOT_HAPPENED".to_owned()));
}

#[tokio::test]
async fn what_a_server_removes_of_events_is_recorded() {
    let server = Harness::start().await;
    happen(&server, 100);
    let ports =
        domain::event::EventPorts { repository: server.known.events.clone(), auditor: server.auditor.clone(), clock: server.clock.clone() };
    assert_eq!(domain::event::EventLog::new(ports).prune(Duration::from_secs(60), 10).await.unwrap(), 90);
    let system = sample::scope("system");
    let records = domain::audit::AuditRepository::since(&*server.execution_store, &system, 0, usize::MAX).await.unwrap();
    let records = records.open_for_system().unwrap().items;
    let told: Vec<_> = records.iter().map(|record| (record.entry.action.as_str(), record.entry.outcome.as_str())).collect();
    assert_eq!(told, [("event.prune", "INTENT"), ("event.prune", "ALLOWED")]);
    assert_eq!(records[1].entry.changes.len(), 1, "how many");
}

#[tokio::test]
async fn what_happens_is_told_at_once_although_no_time_passes() {
    let server = Harness::start().await;
    let mut subscription = subscribe(&server, request(None, &[])).await;
    let told = async |subscription: &mut Streaming<pb::SubscribeEventsResponse>| {
        in_time(subscription.message()).await.unwrap().unwrap().part.unwrap()
    };
    assert_eq!(told(&mut subscription).await, Heard::ReachedSequence(0));
    happen(&server, 1);
    assert!(matches!(told(&mut subscription).await, Heard::Event(event) if event.sequence == 1));
}
