//! Every answer that is a stream ends when what its caller was let in by is revoked.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use api_proto::zona::audit::v1 as audit;
use api_proto::zona::event::v1 as events;
use api_proto::zona::execution::v1 as executions;
use api_proto::zona::identity::v1 as pb;
use api_proto::zona::operation::v1 as operations;
use api_proto::zona::process::v1 as processes;
use api_proto::zona::utility::v1 as utilities;
use domain::audit::{Actor, AuditRepository as _, Entry};
use domain::name::PrincipalName;
use test_support::in_time;
use tonic::{Code, Status, Streaming};

use crate::harness::{Harness, TENANT};
use crate::identity::{Installation, PASSWORD, another, shown, sign_in};
use crate::process::SHOP;

/// The methods that these tests know; one that is not among them fails the first.
const STREAMING: [&str; 10] = [
    "/zona.audit.v1.AuditService/BuildAuditReport",
    "/zona.audit.v1.AuditService/ExportAuditRecords",
    "/zona.audit.v1.AuditService/WatchAuditRecords",
    "/zona.event.v1.EventService/SubscribeEvents",
    "/zona.execution.v1.ExecutionService/ExecuteUtility",
    "/zona.execution.v1.ExecutionService/WatchExecution",
    "/zona.identity.v1.IdentityService/ExportSubject",
    "/zona.operation.v1.OperationService/WatchOperation",
    "/zona.process.v1.ProcessService/ReadLogs",
    "/zona.process.v1.ProcessService/WatchStatus",
];

/// Why the stream ended.
async fn ended<T>(all: &Installation, mut messages: Streaming<T>) -> Status {
    in_time(async {
        loop {
            all.known.clock.advance(Duration::from_millis(500));
            match tokio::time::timeout(Duration::from_millis(50), messages.message()).await {
                Ok(Ok(Some(_))) | Err(_) => {}
                Ok(Ok(None)) => panic!("the stream ended as if nothing had happened"),
                Ok(Err(status)) => return status,
            }
        }
    })
    .await
}

/// Records that are more than connection and client hold at once, so that an export of them lasts.
fn many() -> Vec<Entry> {
    let long = "x".repeat(256 * 1024);
    let actor = || Actor { principal: PrincipalName::parse("principal", "tenants/demo/users/ann").ok(), ..Actor::default() };
    let entry = |number| Entry { purpose: long.clone(), actor: actor(), ..test_support::audit_repository::entry("demo", number) };
    (0..64).map(entry).collect()
}

#[tokio::test]
async fn every_stream_ends_when_its_caller_is_revoked_also_by_another_server() {
    let mut streaming: Vec<String> = api_proto::methods().iter().filter(|method| method.streams).map(api_proto::Method::path).collect();
    streaming.sort();
    assert_eq!(streaming, STREAMING);

    let all = Installation::new().await;
    let second = another(&all.known).await;
    all.user("demo", "ann", pb::Role::Admin).await;
    let token = sign_in(&second, "tenants/demo/users/ann", PASSWORD).await.unwrap().access_token;
    let utility = utilities::Utility { code: "def main():\n    #: wait\n".to_owned(), ..Default::default() };
    let create = utilities::CreateUtilityRequest {
        parent: TENANT.to_owned(),
        utility_id: "waits".to_owned(),
        utility: Some(utility),
        ..Default::default()
    };
    let name = second.utilities.clone().create_utility(shown(&token, create)).await.unwrap().into_inner().name;
    second.execution_store.append(many()).await.unwrap();

    let item = operations::BatchItem { utility: name.clone(), ..Default::default() };
    let batch = operations::StartBatchRequest { parent: TENANT.to_owned(), items: vec![item], ..Default::default() };
    let batch = second.batches.clone().start_batch(shown(&token, batch)).await.unwrap().into_inner();
    let progress = operations::WatchOperationRequest { name: batch.name, ..Default::default() };
    let progress = second.operations.clone().watch_operation(shown(&token, progress)).await.unwrap().into_inner();

    let run = executions::ExecuteUtilityRequest { name, ..Default::default() };
    let mut run = second.executions.clone().execute_utility(shown(&token, run)).await.unwrap().into_inner();
    let Some(executions::execution_event::Event::Queued(queued)) = in_time(run.message()).await.unwrap().and_then(|event| event.event)
    else {
        panic!("it has started")
    };
    let watch = executions::WatchExecutionRequest { name: queued.execution, ..Default::default() };
    let watch = second.executions.clone().watch_execution(shown(&token, watch)).await.unwrap().into_inner();
    let follow = audit::WatchAuditRecordsRequest { parent: TENANT.to_owned(), ..Default::default() };
    let follow = second.audit.clone().watch_audit_records(shown(&token, follow)).await.unwrap().into_inner();
    let subscription = events::SubscribeEventsRequest { parent: TENANT.to_owned(), ..Default::default() };
    let subscription = second.events.clone().subscribe_events(shown(&token, subscription)).await.unwrap().into_inner();
    let export = audit::ExportAuditRecordsRequest { parent: TENANT.to_owned(), ..Default::default() };
    let mut export = second.audit.clone().export_audit_records(shown(&token, export)).await.unwrap().into_inner();
    in_time(export.message()).await.unwrap().expect("it has begun");

    let subject = pb::ExportSubjectRequest { name: "tenants/demo/users/ann".to_owned() };
    let mut subject = second.identity.clone().export_subject(shown(&token, subject)).await.unwrap().into_inner();
    in_time(subject.message()).await.unwrap().expect("it has begun");

    // The end of a token does not end what it has begun; this does.
    all.revoke(&all.root, "tenants/demo/users/ann").await.unwrap();
    let statuses = [
        ended(&all, run).await,
        ended(&all, watch).await,
        ended(&all, export).await,
        ended(&all, subject).await,
        ended(&all, follow).await,
        ended(&all, subscription).await,
        ended(&all, progress).await,
    ];
    let methods = [
        "ExecuteUtility",
        "WatchExecution",
        "ExportAuditRecords",
        "ExportSubject",
        "WatchAuditRecords",
        "SubscribeEvents",
        "WatchOperation",
    ];
    for (status, method) in statuses.iter().zip(methods) {
        assert_eq!(status.code(), Code::Unauthenticated, "{method}: {status:?}");
    }
}

#[tokio::test]
async fn what_is_told_of_the_platform_ends_when_its_caller_is_revoked_by_another_server() {
    let all = Installation::new().await;
    let second = another(&all.known).await;
    all.user("system", "sue", pb::Role::SuperAdmin).await;
    let token = sign_in(&second, "tenants/system/users/sue", PASSWORD).await.unwrap().access_token;
    let apply = processes::ApplyManifestRequest { manifest: SHOP.to_owned(), ..Default::default() };
    second.processes.clone().apply_manifest(shown(&token, apply)).await.unwrap();
    let watch = processes::WatchStatusRequest::default();
    let watch = second.processes.clone().watch_status(shown(&token, watch)).await.unwrap().into_inner();
    let logs = processes::ReadLogsRequest { service_names: vec!["web".to_owned()], follow: true, ..Default::default() };
    let logs = second.processes.clone().read_logs(shown(&token, logs)).await.unwrap().into_inner();
    all.revoke(&all.root, "tenants/system/users/sue").await.unwrap();
    for (status, method) in [(ended(&all, watch).await, "WatchStatus"), (ended(&all, logs).await, "ReadLogs")] {
        assert_eq!(status.code(), Code::Unauthenticated, "{method}: {status:?}");
    }
}

#[tokio::test]
async fn a_stream_ends_when_its_caller_may_no_longer_have_it_although_nothing_was_revoked() {
    let all = Installation::new().await;
    let second = another(&all.known).await;
    let ann = all.user("demo", "ann", pb::Role::Admin).await;
    let token = sign_in(&second, "tenants/demo/users/ann", PASSWORD).await.unwrap().access_token;
    let own = started(&second, &token, "own").await;
    let others = started(&second, &all.root, "others").await;
    let watch = async |name: &str| {
        let watch = executions::WatchExecutionRequest { name: name.to_owned(), ..Default::default() };
        second.executions.clone().watch_execution(shown(&token, watch)).await.unwrap().into_inner()
    };
    let (own, others) = (watch(&own).await, watch(&others).await);
    second.execution_store.append(many()).await.unwrap();
    let export = pb::ExportSubjectRequest { name: "tenants/demo/users/ann".to_owned() };
    let mut export = second.identity.clone().export_subject(shown(&token, export)).await.unwrap().into_inner();
    in_time(export.message()).await.unwrap().expect("it has begun");
    let subscription = events::SubscribeEventsRequest { parent: TENANT.to_owned(), ..Default::default() };
    let subscription = second.events.clone().subscribe_events(shown(&token, subscription)).await.unwrap().into_inner();
    let follow = audit::WatchAuditRecordsRequest { parent: TENANT.to_owned(), ..Default::default() };
    let follow = second.audit.clone().watch_audit_records(shown(&token, follow)).await.unwrap().into_inner();

    let creator = pb::User { role: pb::Role::Creator.into(), ..ann };
    all.update(&all.root, creator, &["role"], "").await.unwrap();
    for (status, what) in [
        (ended(&all, others).await, "what belongs to others"),
        (ended(&all, export).await, "an administrator's"),
        (ended(&all, subscription).await, "what happens in the tenant"),
        (ended(&all, follow).await, "what is recorded of it"),
    ] {
        assert_eq!(status.code(), Code::PermissionDenied, "{what}: {status:?}");
    }
    assert!(tokio::time::timeout(Duration::from_millis(200), ended(&all, own)).await.is_err(), "what is its own goes on");
}

/// Starts a utility of the caller that never ends; answers the name of its execution.
async fn started(server: &Harness, token: &str, id: &str) -> String {
    let utility = utilities::Utility { code: "def main():\n    #: wait\n".to_owned(), ..Default::default() };
    let utility = utilities::CreateUtilityRequest {
        parent: TENANT.to_owned(),
        utility_id: id.to_owned(),
        utility: Some(utility),
        ..Default::default()
    };
    let name = server.utilities.clone().create_utility(shown(token, utility)).await.unwrap().into_inner().name;
    let start = executions::StartExecutionRequest { name, ..Default::default() };
    server.executions.clone().start_execution(shown(token, start)).await.unwrap().into_inner().name
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_report_ends_when_its_caller_is_revoked_while_it_is_counted() {
    const PATIENCE: Duration = Duration::from_secs(20);
    let all = Installation::new().await;
    let second = another(&all.known).await;
    all.user("demo", "ann", pb::Role::Admin).await;
    let token = sign_in(&second, "tenants/demo/users/ann", PASSWORD).await.unwrap().access_token;
    second.execution_store.append(many()).await.unwrap();
    // Each step reads one of them. The first waits until it is let go; the others leave time to be told, as a slow store would.
    let (begun, has_begun) = channel();
    let (go, may_go) = channel();
    let may_go = Mutex::new((PATIENCE, may_go));
    second.execution_store.faults().meanwhile("since_audit", move || {
        begun.send(()).unwrap();
        let (patience, may_go) = &mut *may_go.lock().unwrap();
        let let_go = tokio::task::block_in_place(|| may_go.recv_timeout(*patience)).is_ok();
        assert!(let_go || *patience < PATIENCE);
        *patience = Duration::from_millis(100);
    });
    let (from_date, to_date) = ("2026-01-01".to_owned(), "2026-01-01".to_owned());
    let request = audit::BuildAuditReportRequest { parent: TENANT.to_owned(), from_date, to_date, ..Default::default() };
    let mut parts = second.audit.clone().build_audit_report(shown(&token, request)).await.unwrap().into_inner();
    let has_begun = tokio::task::spawn_blocking(move || has_begun.recv_timeout(PATIENCE).map(|()| has_begun)).await.unwrap().unwrap();
    all.revoke(&all.root, "tenants/demo/users/ann").await.unwrap();
    all.known.clock.advance(Duration::from_millis(500));
    go.send(()).unwrap();
    let status = loop {
        match in_time(parts.message()).await {
            Ok(Some(part)) => assert!(matches!(part.part, Some(audit::build_audit_report_response::Part::Read(_))), "{part:?}"),
            Ok(None) => panic!("the stream ended as if nothing had happened"),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
    assert!(has_begun.try_iter().count() < many().len() / 2, "most was not read any more");
}
