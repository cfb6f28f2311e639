//! Schedules through a real client: made, read, changed, paused and deleted, and what is refused.

use std::collections::BTreeMap;

use api_proto::zona::schedule::v1 as pb;
use api_proto::zona::utility::v1 as utilities;
use prost_types::FieldMask;
use tonic::{Code, Status};

use crate::harness::{Harness, LOCAL, TENANT, reason, utility_name, violations};

const REQUEST: &str = "0192e5a4-7f2b-7c64-9d1e-3a5b8c7d9e0f";
const NAME: &str = "tenants/demo/schedules/nightly";
const SCRIPT: &str = "def main():\n    #: return 1\n";

fn create(schedule: pb::Schedule) -> pb::CreateScheduleRequest {
    let schedule_id = "nightly".to_owned();
    pb::CreateScheduleRequest { name: utility_name("some"), schedule_id, schedule: Some(schedule), ..Default::default() }
}

fn every_ten_minutes() -> pb::Schedule {
    pb::Schedule { cron: "every 10".to_owned(), catch_up: pb::CatchUpPolicy::Once.into(), ..Default::default() }
}

async fn make(server: &Harness, request: pb::CreateScheduleRequest) -> Result<pb::Schedule, Status> {
    Ok(server.schedules.clone().create_schedule(request).await?.into_inner())
}

async fn scheduled() -> (Harness, pb::Schedule) {
    let server = Harness::start().await;
    server.create("some", SCRIPT).await;
    let made = make(&server, create(every_ten_minutes())).await.unwrap();
    (server, made)
}

#[tokio::test]
async fn a_schedule_is_made_read_changed_paused_resumed_and_deleted() {
    let (server, made) = scheduled().await;
    let schedules = || server.schedules.clone();
    assert_eq!((made.name.as_str(), made.utility.as_str(), made.owner.as_str()), (NAME, utility_name("some").as_str(), LOCAL));
    assert!(made.next_time.is_some() && made.last_firing.is_none() && !made.etag.is_empty());
    let get = pb::GetScheduleRequest { name: NAME.to_owned() };
    assert_eq!(schedules().get_schedule(get.clone()).await.unwrap().into_inner(), made);

    let patch =
        pb::Schedule { cron: "every 20".to_owned(), description: "later".to_owned(), etag: made.etag.clone(), ..Default::default() };
    let update_mask = Some(FieldMask { paths: vec!["cron".to_owned()] });
    let request = pb::UpdateScheduleRequest { name: NAME.to_owned(), schedule: Some(patch), update_mask, ..Default::default() };
    let changed = schedules().update_schedule(request.clone()).await.unwrap().into_inner();
    assert_eq!((changed.cron.as_str(), changed.description.as_str(), changed.catch_up()), ("every 20", "", pb::CatchUpPolicy::Once));
    assert_ne!(changed.etag, made.etag);
    assert_eq!(schedules().update_schedule(request).await.unwrap_err().code(), Code::Aborted, "it is no longer what was seen");

    let pause = pb::PauseScheduleRequest { name: NAME.to_owned(), etag: changed.etag, ..Default::default() };
    let paused = schedules().pause_schedule(pause).await.unwrap().into_inner();
    assert_eq!((paused.paused, paused.next_time), (true, None));
    let resume = pb::ResumeScheduleRequest { name: NAME.to_owned(), ..Default::default() };
    let resumed = schedules().resume_schedule(resume).await.unwrap().into_inner();
    assert!(!resumed.paused && resumed.next_time.is_some());

    let list = pb::ListSchedulesRequest { parent: TENANT.to_owned(), ..Default::default() };
    let listed = schedules().list_schedules(list).await.unwrap().into_inner().schedules;
    assert_eq!(listed, std::slice::from_ref(&resumed));
    let delete = pb::DeleteScheduleRequest { name: NAME.to_owned(), ..Default::default() };
    assert_eq!(schedules().delete_schedule(delete.clone()).await.unwrap().into_inner(), resumed);
    assert_eq!(schedules().get_schedule(get).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(schedules().delete_schedule(delete).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_request_about_a_schedule_that_is_sent_twice_is_done_once() {
    let (server, made) = scheduled().await;
    let ask = pb::CreateScheduleRequest { schedule_id: "other".to_owned(), request_id: REQUEST.to_owned(), ..create(every_ten_minutes()) };
    let first = make(&server, ask.clone()).await.unwrap();
    assert_eq!(make(&server, ask.clone()).await.unwrap(), first);
    let reused = make(&server, pb::CreateScheduleRequest { schedule_id: "third".to_owned(), ..ask }).await.unwrap_err();
    assert_eq!(reason(&reused), "REQUEST_ID_REUSED");
    assert_eq!(make(&server, create(every_ten_minutes())).await.unwrap_err().code(), Code::AlreadyExists);

    let pause = pb::PauseScheduleRequest { name: NAME.to_owned(), request_id: REQUEST.to_owned(), ..Default::default() };
    let paused = server.schedules.clone().pause_schedule(pause.clone()).await.unwrap().into_inner();
    let resume = pb::ResumeScheduleRequest { name: NAME.to_owned(), ..Default::default() };
    let resumed = server.schedules.clone().resume_schedule(resume).await.unwrap().into_inner();
    assert_ne!((&paused.etag, &resumed.etag), (&made.etag, &paused.etag));
    let again = server.schedules.clone().pause_schedule(pause).await.unwrap().into_inner();
    assert_eq!(again, resumed, "as it is by now, and not paused again");

    let delete = pb::DeleteScheduleRequest { name: NAME.to_owned(), request_id: REQUEST.to_owned(), ..Default::default() };
    let deleted = server.schedules.clone().delete_schedule(delete.clone()).await.unwrap().into_inner();
    assert_eq!(server.schedules.clone().delete_schedule(delete).await.unwrap().into_inner(), deleted);
}

#[tokio::test]
async fn what_is_wrong_with_a_schedule_is_said_at_each_field_at_once() {
    let (server, _) = scheduled().await;
    let wrong = pb::Schedule { cron: "at times".to_owned(), version: -1, catch_up: 9, ..Default::default() };
    let request = pb::CreateScheduleRequest { schedule_id: "No Id".to_owned(), ..create(wrong) };
    let refused = make(&server, request).await.unwrap_err();
    let fields: Vec<String> = violations(&refused).into_iter().map(|(field, _)| field).collect();
    for field in ["schedule_id", "schedule.version", "schedule.catch_up"] {
        assert!(fields.iter().any(|found| found == field), "{field}: {fields:?}");
    }
    let refused = make(
        &server,
        pb::CreateScheduleRequest {
            schedule_id: "other".to_owned(),
            ..create(pb::Schedule { cron: "at times".to_owned(), ..Default::default() })
        },
    );
    let refused = refused.await.unwrap_err();
    assert_eq!(violations(&refused).into_iter().map(|(field, _)| field).collect::<Vec<_>>(), ["schedule.cron"]);
    assert!(format!("{:?}", violations(&refused)).contains("NOT_CRON"), "{refused:?}");
}

#[tokio::test]
async fn a_schedule_keeps_no_secret_by_value_and_starts_nothing_that_a_call_could_not() {
    let server = Harness::start().await;
    let parameter = utilities::Parameter {
        name: "token".to_owned(),
        value_type: utilities::ValueType::String.into(),
        secret: true,
        ..Default::default()
    };
    let utility = utilities::Utility {
        code: "def main(token):\n    #: return 1\n".to_owned(),
        parameters: vec![parameter],
        parameters_overridden: true,
        ..Default::default()
    };
    server.create_as("some", utility).await.unwrap();
    let by_value = pb::Schedule { params_json: r#"{"token": "hunter22"}"#.to_owned(), ..every_ten_minutes() };
    let refused = make(&server, create(by_value)).await.unwrap_err();
    assert!(format!("{:?}", violations(&refused)).contains("SECRET_BY_VALUE"), "{refused:?}");
    let secret_parameters: BTreeMap<_, _> = [("token".to_owned(), "tenants/demo/secrets/absent".to_owned())].into();
    let absent = make(&server, create(pb::Schedule { secret_parameters, ..every_ten_minutes() })).await.unwrap_err();
    assert_eq!(absent.code(), Code::PermissionDenied, "as a start is refused");
    let unknown = pb::CreateScheduleRequest { name: utility_name("unknown"), ..create(every_ten_minutes()) };
    assert_eq!(make(&server, unknown).await.unwrap_err().code(), Code::NotFound);
}
