//! A tenant that is suspended or deleted: every method of the contract is closed to who is of it, told apart to nobody else, and open to
//! super administrators as far as nothing changes or runs. Driven by the descriptors, so that no method is forgotten.

use std::collections::BTreeMap;
use std::time::Duration;

use api_proto::zona::audit::v1 as audit;
use api_proto::zona::execution::v1 as executions;
use api_proto::zona::identity::v1 as identity;
use api_proto::zona::utility::v1 as utilities;
use domain::identity::Role;
use domain::tenant::TenantState;
use prost::Message as _;
use prost_reflect::{DynamicMessage, MethodDescriptor, Value};
use test_support::in_time;
use tonic::{Code, Status, Streaming};

use crate::generic::{demanding, methods_about_tenants, named_request, path, send};
use crate::harness::{Harness, Options, details, reason};
use crate::identity::{Installation, PASSWORD, another, is_unauthenticated, refresh, shown, sign_in, who};
use crate::roles::{Person, RoleAuthenticator};

const ROOT: Person = Person { tenant: "system", ..Person::new("root", Role::SuperAdmin) };
const OUTSIDER: Person = Person { tenant: "acme", ..Person::new("ann", Role::Admin) };
/// Everybody of the tenant `demo`.
const MEMBERS: [Person; 4] = [
    Person::new("user-u", Role::User),
    Person::new("creator-c", Role::Creator),
    Person::new("admin-a", Role::Admin),
    Person { collection: "serviceAccounts", ..Person::new("nightly", Role::User) },
];
/// Each state that closes a tenant, and the reason that those are told who may know.
const CLOSED: [(TenantState, &str); 2] = [(TenantState::Suspended, "TENANT_SUSPENDED"), (TenantState::Deleted, "TENANT_DELETED")];

/// Everything that super administrators still do about a closed tenant, or about none. What is not here is closed to them, too: a method
/// that is new stands here only if somebody has decided so.
const OPEN_TO_SUPER_ADMINISTRATORS: [&str; 92] = [
    "/zona.access.v1.AccessService/AcceptShare",
    "/zona.access.v1.AccessService/DeclineShare",
    "/zona.access.v1.AccessService/ExplainAccess",
    "/zona.access.v1.AccessService/GrantAccess",
    "/zona.access.v1.AccessService/ListGrants",
    "/zona.access.v1.AccessService/ListShares",
    "/zona.access.v1.AccessService/OfferShare",
    "/zona.access.v1.AccessService/RevokeAccess",
    "/zona.access.v1.AccessService/RevokeShare",
    "/zona.audit.v1.AuditService/AddCosignatures",
    "/zona.audit.v1.AuditService/BuildAuditReport",
    "/zona.audit.v1.AuditService/ExportAuditRecords",
    "/zona.audit.v1.AuditService/GetCheckpoint",
    "/zona.audit.v1.AuditService/GetConsistencyProof",
    "/zona.audit.v1.AuditService/GetInclusionProof",
    "/zona.audit.v1.AuditService/ListAuditRecords",
    "/zona.audit.v1.AuditService/WatchAuditRecords",
    "/zona.event.v1.EventService/SubscribeEvents",
    "/zona.event.v1.WebhookService/CreateWebhook",
    "/zona.event.v1.WebhookService/DeleteWebhook",
    "/zona.event.v1.WebhookService/GetWebhook",
    "/zona.event.v1.WebhookService/ListDeadLetters",
    "/zona.event.v1.WebhookService/ListWebhooks",
    "/zona.event.v1.WebhookService/ReplayDeadLetters",
    "/zona.event.v1.WebhookService/RotateWebhookSecret",
    "/zona.event.v1.WebhookService/UpdateWebhook",
    "/zona.execution.v1.ExecutionService/GetExecution",
    "/zona.execution.v1.ExecutionService/ListExecutions",
    "/zona.execution.v1.ExecutionService/WatchExecution",
    "/zona.identity.v1.IdentityService/CreateApiKey",
    "/zona.identity.v1.IdentityService/CreateServiceAccount",
    "/zona.identity.v1.IdentityService/CreateUser",
    "/zona.identity.v1.IdentityService/DeleteServiceAccount",
    "/zona.identity.v1.IdentityService/DeleteUser",
    "/zona.identity.v1.IdentityService/EraseSubject",
    "/zona.identity.v1.IdentityService/ExportSubject",
    "/zona.identity.v1.IdentityService/GetUser",
    "/zona.identity.v1.IdentityService/ListApiKeys",
    "/zona.identity.v1.IdentityService/ListServiceAccounts",
    "/zona.identity.v1.IdentityService/ListUsers",
    "/zona.identity.v1.IdentityService/Revoke",
    "/zona.identity.v1.IdentityService/RevokeApiKey",
    "/zona.identity.v1.IdentityService/UpdateUser",
    "/zona.identity.v1.IdentityService/WhoAmI",
    "/zona.process.v1.ProcessService/ApplyManifest",
    "/zona.process.v1.ProcessService/ExplainIntegration",
    "/zona.process.v1.ProcessService/GetIntegration",
    "/zona.operation.v1.BatchService/ListBatchItems",
    "/zona.operation.v1.OperationService/GetOperation",
    "/zona.operation.v1.OperationService/ListOperations",
    "/zona.operation.v1.OperationService/WatchOperation",
    "/zona.process.v1.ProcessService/GetPlatform",
    "/zona.process.v1.ProcessService/GetService",
    "/zona.process.v1.ProcessService/GetStatus",
    "/zona.process.v1.ProcessService/ListIntegrations",
    "/zona.process.v1.ProcessService/ListServices",
    "/zona.process.v1.ProcessService/PlanManifest",
    "/zona.process.v1.ProcessService/ReadLogs",
    "/zona.process.v1.ProcessService/RestartService",
    "/zona.process.v1.ProcessService/ScaleService",
    "/zona.process.v1.ProcessService/StartService",
    "/zona.process.v1.ProcessService/StopService",
    "/zona.process.v1.ProcessService/WatchStatus",
    "/zona.runtime.v1.RuntimeService/GetRuntime",
    "/zona.runtime.v1.RuntimeService/ListRuntimes",
    "/zona.schedule.v1.ScheduleService/GetSchedule",
    "/zona.schedule.v1.ScheduleService/ListSchedules",
    "/zona.secret.v1.SecretService/DeleteSecret",
    "/zona.secret.v1.SecretService/GetSecret",
    "/zona.secret.v1.SecretService/ListSecrets",
    "/zona.secret.v1.SecretService/SetSecret",
    "/zona.server.v1.ServerService/GetKeyStatus",
    "/zona.server.v1.ServerService/GetServerInfo",
    "/zona.server.v1.ServerService/RotateKeys",
    "/zona.tenant.v1.TenantService/CreateTenant",
    "/zona.tenant.v1.TenantService/DeleteTenant",
    "/zona.tenant.v1.TenantService/GetTenant",
    "/zona.tenant.v1.TenantService/ListTenants",
    "/zona.tenant.v1.TenantService/ResumeTenant",
    "/zona.tenant.v1.TenantService/ShredTenant",
    "/zona.tenant.v1.TenantService/SuspendTenant",
    "/zona.tenant.v1.TenantService/UpdateTenant",
    "/zona.utility.v1.CodePolicyService/GetCodePolicy",
    "/zona.utility.v1.CodePolicyService/UpdateCodePolicy",
    "/zona.utility.v1.CopyService/GetProposal",
    "/zona.utility.v1.CopyService/ListProposals",
    "/zona.utility.v1.UtilityService/DiffUtilityVersions",
    "/zona.utility.v1.UtilityService/GetUtility",
    "/zona.utility.v1.UtilityService/GetUtilityVersion",
    "/zona.utility.v1.UtilityService/ListUtilities",
    "/zona.utility.v1.UtilityService/ListUtilityVersions",
    "/zona.utility.v1.UtilityService/ValidateCode",
];

async fn server() -> Harness {
    let people = MEMBERS.into_iter().chain([ROOT, OUTSIDER]);
    Harness::with(Options { authenticator: Some(RoleAuthenticator::of(people)), ..Options::default() }).await
}

async fn call(server: &Harness, method: &MethodDescriptor, person: Person, message: &DynamicMessage) -> Result<(), Status> {
    send(&server.channel, &path(method), person.asks(message.encode_to_vec().into())).await.map(drop)
}

/// Bytes with zeros in the place of a text.
fn without(bytes: &[u8], text: &str) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for at in 0..(bytes.len() + 1).saturating_sub(text.len()) {
        if bytes[at..].starts_with(text.as_bytes()) {
            bytes[at..at + text.len()].fill(0);
        }
    }
    bytes
}

/// A request about a tenant that changes none itself.
fn harmless(method: &MethodDescriptor, tenant: &str) -> DynamicMessage {
    let mut request = named_request(method, tenant);
    if method.parent_service().name() == "TenantService" && method.input().get_field_by_name("etag").is_some() {
        request.set_field_by_name("etag", Value::String("none".to_owned()));
    }
    request
}

#[tokio::test]
async fn nobody_of_a_suspended_tenant_gets_anything_by_any_method() {
    for (state, told) in CLOSED {
        let server = server().await;
        server.known_tenants.turn("demo", state);
        for method in demanding() {
            for person in MEMBERS {
                // About their own tenant, about another, and about one that there is not.
                for tenant in ["demo", "acme", "absent"] {
                    let refused = call(&server, &method, person, &harmless(&method, tenant)).await.unwrap_err();
                    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, told), "{} {person:?}", path(&method));
                    assert_eq!(details(&refused).error_info().unwrap().metadata["subject"], "tenants/demo", "{}", path(&method));
                }
            }
        }
        server.known_tenants.turn("demo", TenantState::Active);
        for method in demanding() {
            let answered = call(&server, &method, MEMBERS[2], &harmless(&method, "demo")).await;
            let reason = answered.as_ref().err().map(reason).unwrap_or_default();
            assert_ne!(reason, told, "{}: resumed, it is as before", path(&method));
        }
    }
}

#[tokio::test]
async fn others_are_told_of_a_suspended_tenant_what_they_are_told_of_every_other() {
    let server = server().await;
    for (method, state) in methods_about_tenants().iter().flat_map(|method| CLOSED.map(|(state, _)| (method, state))) {
        let ask = async |tenant: &str| {
            let mut request = OUTSIDER.asks(harmless(method, tenant).encode_to_vec().into());
            request.metadata_mut().insert("x-request-id", "the-same".parse().unwrap());
            let refused = send(&server.channel, &path(method), request).await.unwrap_err();
            let mut metadata = refused.metadata().clone();
            metadata.remove("date");
            let message = refused.message().replace(tenant, "TENANT");
            // The members of a map come in any order, so bytes are compared by which there are.
            let mut bytes = without(refused.details(), tenant);
            bytes.sort_unstable();
            let told: BTreeMap<_, _> = details(&refused).error_info().unwrap().metadata.clone().into_iter().collect();
            (refused.code(), message, bytes, format!("{told:?} {metadata:?}").replace(tenant, "TENANT"))
        };
        let active = ask("demo").await;
        server.known_tenants.turn("demo", state);
        assert_eq!(ask("demo").await, active, "{}", path(method));
        server.known_tenants.turn("demo", TenantState::Active);
        // As long as the other, so that answers can be compared.
        assert_eq!(ask("gone").await, active, "{}", path(method));
        assert_eq!(active.0, Code::PermissionDenied);
    }
}

#[tokio::test]
async fn super_administrators_read_and_administer_a_suspended_tenant_and_make_nothing_run() {
    for (state, told) in CLOSED {
        let server = server().await;
        server.known_tenants.turn("demo", state);
        for method in demanding() {
            let is_closed = !OPEN_TO_SUPER_ADMINISTRATORS.contains(&path(&method).as_str());
            let answered = call(&server, &method, ROOT, &harmless(&method, "demo")).await;
            let refused = answered.as_ref().is_err_and(|status| status.code() == Code::PermissionDenied && reason(status) == told);
            let denied = answered.as_ref().is_err_and(|status| status.code() == Code::PermissionDenied);
            assert_eq!((refused, denied), (is_closed, is_closed), "{}: {answered:?}", path(&method));
        }
    }
}

/// Signed in as an administrator of the tenant `demo` at one of two servers, of which the other one is asked to suspend it.
async fn signed_in() -> (Installation, Harness, identity::IssueTokenResponse) {
    let all = Installation::new().await;
    let second = another(&all.known).await;
    all.user("demo", "ann", identity::Role::Admin).await;
    let issued = sign_in(&second, "tenants/demo/users/ann", PASSWORD).await.unwrap();
    (all, second, issued)
}

async fn suspend(all: &Installation) {
    let request = api_proto::zona::tenant::v1::SuspendTenantRequest { name: "tenants/demo".to_owned(), ..Default::default() };
    all.server.tenants.clone().suspend_tenant(shown(&all.root, request)).await.unwrap();
}

fn is_suspended(status: &Status) -> bool {
    (status.code(), reason(status).as_str()) == (Code::PermissionDenied, "TENANT_SUSPENDED")
}

#[tokio::test]
async fn nobody_signs_in_to_a_suspended_tenant_and_only_who_could_is_told_why() {
    let (all, second, issued) = signed_in().await;
    suspend(&all).await;
    let ann = "tenants/demo/users/ann";
    assert!(is_suspended(&sign_in(&second, ann, PASSWORD).await.unwrap_err()));
    assert!(is_unauthenticated(&sign_in(&second, ann, "not the password of ann").await.unwrap_err()));
    assert!(is_unauthenticated(&sign_in(&second, "tenants/demo/users/nobody", PASSWORD).await.unwrap_err()));
    assert!(is_suspended(&who(&second, &issued.access_token).await.unwrap_err()));
    assert!(is_suspended(&refresh(&second, &issued.refresh_token).await.unwrap_err()));
    assert!(is_unauthenticated(&refresh(&second, "zona_refresh_x").await.unwrap_err()));
    let request = api_proto::zona::tenant::v1::ResumeTenantRequest { name: "tenants/demo".to_owned(), ..Default::default() };
    all.server.tenants.clone().resume_tenant(shown(&all.root, request)).await.unwrap();
    assert_eq!(who(&second, &issued.access_token).await.unwrap().principal, ann, "its sessions go on");
    refresh(&second, &issued.refresh_token).await.unwrap();
}

#[tokio::test]
async fn clients_of_a_suspended_tenant_lock_nobody_else_of_their_address_out() {
    let (all, second, issued) = signed_in().await;
    suspend(&all).await;
    // More often than wrong tokens are free of a wait.
    for _ in 0..30 {
        assert!(is_suspended(&refresh(&second, &issued.refresh_token).await.unwrap_err()));
        assert!(is_suspended(&sign_in(&second, "tenants/demo/users/ann", PASSWORD).await.unwrap_err()));
    }
    assert!(is_unauthenticated(&refresh(&second, "zona_refresh_x").await.unwrap_err()));
    let mut refused = None;
    for _ in 0..30 {
        refused = refresh(&second, "zona_refresh_x").await.err();
    }
    assert_eq!(refused.map(|status| status.code()), Some(Code::ResourceExhausted), "what is wrong counts");
}

/// Why the stream ended, within a second of the clock.
async fn ended<T>(all: &Installation, mut messages: Streaming<T>) -> Status {
    for _ in 0..20 {
        all.known.clock.advance(Duration::from_millis(500));
        match tokio::time::timeout(Duration::from_millis(50), messages.message()).await {
            Ok(Ok(Some(_))) | Err(_) => {}
            Ok(Ok(None)) => panic!("the stream ended as if nothing had happened"),
            Ok(Err(status)) => return status,
        }
    }
    panic!("the stream goes on")
}

#[tokio::test]
async fn what_runs_of_a_suspended_tenant_ends_as_cancelled_with_its_streams_also_on_another_server() {
    let (all, second, issued) = signed_in().await;
    let (token, parent) = (issued.access_token, "tenants/demo".to_owned());
    let utility = Some(utilities::Utility { code: "def main():\n    #: wait\n".to_owned(), ..Default::default() });
    let create = utilities::CreateUtilityRequest { parent, utility_id: "waits".to_owned(), utility, ..Default::default() };
    let name = second.utilities.clone().create_utility(shown(&token, create)).await.unwrap().into_inner().name;
    let run = executions::ExecuteUtilityRequest { name: name.clone(), ..Default::default() };
    let mut run = second.executions.clone().execute_utility(shown(&token, run)).await.unwrap().into_inner();
    let Some(executions::execution_event::Event::Queued(queued)) = in_time(run.message()).await.unwrap().and_then(|event| event.event)
    else {
        panic!("it has started")
    };
    let watch = executions::WatchExecutionRequest { name: queued.execution.clone(), ..Default::default() };
    let watch = second.executions.clone().watch_execution(shown(&token, watch)).await.unwrap().into_inner();

    suspend(&all).await;
    for status in [ended(&all, run).await, ended(&all, watch).await] {
        assert!(is_suspended(&status), "{status:?}");
    }
    // Now the server looks at what runs.
    let heeding = second.running.clone();
    let heeding = tokio::spawn(async move { heeding.heed_suspensions().await });
    let read = || executions::GetExecutionRequest { name: queued.execution.clone() };
    let mut state = executions::ExecutionState::Unspecified;
    for _ in 0..200 {
        all.known.clock.advance(Duration::from_millis(500));
        tokio::task::yield_now().await;
        state = second.executions.clone().get_execution(shown(&all.root, read())).await.unwrap().into_inner().state();
        if state == executions::ExecutionState::Cancelled {
            break;
        }
    }
    heeding.abort();
    assert_eq!(state, executions::ExecutionState::Cancelled);
    let again = executions::StartExecutionRequest { name, ..Default::default() };
    assert!(is_suspended(&second.executions.clone().start_execution(shown(&all.root, again)).await.unwrap_err()), "nor for who rules");
    let records = audit::ListAuditRecordsRequest { parent: "tenants/demo".to_owned(), ..Default::default() };
    let listed = all.server.audit.clone().list_audit_records(shown(&all.root, records)).await.unwrap().into_inner();
    assert!(listed.records.iter().any(|record| record.action == "tenant.suspend"), "{listed:?}");
}
