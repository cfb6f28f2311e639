//! Sharing across tenants through the API: nothing before both sides agree, what was agreed and no more, and nothing after either ends it.

use std::time::Duration;

use api_proto::zona::access::v1 as pb;
use api_proto::zona::audit::v1 as audit;
use api_proto::zona::execution::v1 as executions;
use api_proto::zona::utility::v1 as utilities;
use domain::identity::Role;
use domain::name::RuntimeId;
use domain::tenant::{ShareOffers, TenantState};
use domain::time::Clock as _;
use test_support::{TODO_RULE, in_time};
use tonic::{Code, Status, Streaming};

use crate::harness::{Harness, Options, TENANT, pairs, reason, utility_name, violations};
use crate::roles::{Person, RoleAuthenticator, server_of};

const CODE: &str = "def main():\n    # TODO\n    #: return 1\n";
const OTHERS: &str = "tenants/acme";
/// Of the tenant that shares.
const ROOT: Person = Person::new("root", Role::Admin);
const ANN: Person = Person::new("ann", Role::Creator);
/// Of the tenant that receives.
const ZED: Person = Person { tenant: "acme", ..Person::new("zed", Role::Admin) };
const ZOE: Person = Person { tenant: "acme", ..Person::new("zoe", Role::User) };
/// Of a third one.
const MAX: Person = Person { tenant: "beta", ..Person::new("max", Role::Admin) };

/// A server on which ann of demo owns `some`.
async fn server() -> Harness {
    let server = server_of(&[ROOT, ANN, ZED, ZOE, MAX]).await;
    let utility = Some(utilities::Utility { code: CODE.to_owned(), ..Default::default() });
    let (parent, utility_id) = (TENANT.to_owned(), "some".to_owned());
    let request = utilities::CreateUtilityRequest { parent, utility_id, utility, ..Default::default() };
    server.utilities.clone().create_utility(ANN.asks(request)).await.unwrap();
    server
}

fn offer_of(access: pb::Access) -> pb::OfferShareRequest {
    let (name, tenant) = (utility_name("some"), OTHERS.to_owned());
    pb::OfferShareRequest { name, tenant, access: access.into(), reason: "you asked".to_owned(), ..Default::default() }
}

async fn offer(server: &Harness, access: pb::Access) -> pb::Grant {
    server.access.clone().offer_share(ROOT.asks(offer_of(access))).await.unwrap().into_inner()
}

async fn accept(server: &Harness, who: Person) -> Result<pb::Grant, Status> {
    let parent = format!("tenants/{}", who.tenant);
    let request = pb::AcceptShareRequest { parent, utility: utility_name("some"), ..Default::default() };
    Ok(server.access.clone().accept_share(who.asks(request)).await?.into_inner())
}

async fn decline(server: &Harness, who: Person) -> Result<pb::Grant, Status> {
    let parent = format!("tenants/{}", who.tenant);
    let request = pb::DeclineShareRequest { parent, utility: utility_name("some"), ..Default::default() };
    Ok(server.access.clone().decline_share(who.asks(request)).await?.into_inner())
}

async fn revoke(server: &Harness, who: Person) -> Result<pb::Grant, Status> {
    let request = pb::RevokeShareRequest { name: utility_name("some"), tenant: OTHERS.to_owned(), ..Default::default() };
    Ok(server.access.clone().revoke_share(who.asks(request)).await?.into_inner())
}

async fn listed(server: &Harness, who: Person, side: pb::ShareSide) -> Vec<pb::Grant> {
    let parent = format!("tenants/{}", who.tenant);
    let request = pb::ListSharesRequest { parent, side: side.into(), ..Default::default() };
    server.access.clone().list_shares(who.asks(request)).await.unwrap().into_inner().shares
}

/// What becomes of reading, running and changing a utility of demo.
async fn tried(server: &Harness, who: Person, id: &str) -> [Result<(), Code>; 3] {
    let (mut client, name) = (server.utilities.clone(), utility_name(id));
    let code = |status: Status| status.code();
    let read = client.get_utility(who.asks(utilities::GetUtilityRequest { name: name.clone() })).await.map(drop).map_err(code);
    let run = start(server, who, &name).await.map(drop).map_err(code);
    let change = utilities::DeleteUtilityRequest { name, etag: "none".to_owned(), ..Default::default() };
    [read, run, client.delete_utility(who.asks(change)).await.map(drop).map_err(code)]
}

async fn start(server: &Harness, who: Person, name: &str) -> Result<executions::Execution, Status> {
    let request = executions::StartExecutionRequest { name: name.to_owned(), ..Default::default() };
    Ok(server.executions.clone().start_execution(who.asks(request)).await?.into_inner())
}

const DENIED: Result<(), Code> = Err(Code::PermissionDenied);

#[tokio::test]
async fn what_is_offered_opens_once_it_is_accepted_and_closes_when_either_side_ends_it() {
    let server = server().await;
    for (access, expected) in [(pb::Access::Read, [Ok(()), DENIED, DENIED]), (pb::Access::Execute, [Ok(()), Ok(()), DENIED])] {
        let offered = offer(&server, access).await;
        assert_eq!((offered.share_state(), offered.accepted_by.as_str()), (pb::ShareState::Offered, ""));
        for who in [ZED, ZOE, MAX] {
            assert_eq!(tried(&server, who, "some").await, [DENIED; 3], "{} before", who.id);
        }
        let accepted = accept(&server, ZED).await.unwrap();
        assert_eq!((accepted.share_state(), accepted.accepted_by), (pb::ShareState::Accepted, ZED.name()));
        for who in [ZED, ZOE] {
            assert_eq!(tried(&server, who, "some").await, expected, "{} {access:?}", who.id);
        }
        // Nobody else, and nothing else.
        assert_eq!(tried(&server, MAX, "some").await, [DENIED; 3]);
        assert_eq!(tried(&server, ZOE, "other").await, [DENIED; 3]);
        let ended = if access == pb::Access::Read { revoke(&server, ROOT).await } else { decline(&server, ZED).await };
        assert_eq!(ended.unwrap().share_state(), pb::ShareState::Accepted);
        assert_eq!(tried(&server, ZED, "some").await, [DENIED; 3], "after {access:?}");
    }
}

#[tokio::test]
async fn only_administrators_of_each_side_decide_for_it() {
    let server = server().await;
    for who in [ANN, ZED, ZOE, MAX] {
        let refused = server.access.clone().offer_share(who.asks(offer_of(pb::Access::Read))).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{}", who.id);
    }
    offer(&server, pb::Access::Read).await;
    assert_eq!(accept(&server, ZOE).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(decline(&server, ZOE).await.unwrap_err().code(), Code::PermissionDenied);
    // To whom nothing was offered, there is nothing.
    assert_eq!(accept(&server, MAX).await.unwrap_err().code(), Code::NotFound);
    for who in [ANN, ZED, MAX] {
        assert_eq!(revoke(&server, who).await.unwrap_err().code(), Code::PermissionDenied, "{}", who.id);
    }
    assert_eq!(revoke(&server, ROOT).await.unwrap().share_state(), pb::ShareState::Offered);
    assert_eq!(accept(&server, ZED).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn what_is_granted_within_the_tenant_is_no_offer_to_it() {
    let server = server().await;
    let grant = pb::GrantAccessRequest {
        name: utility_name("some"),
        grantee: TENANT.to_owned(),
        access: pb::Access::Read.into(),
        ..Default::default()
    };
    server.access.clone().grant_access(ROOT.asks(grant)).await.unwrap();
    for refused in [accept(&server, ROOT).await.unwrap_err(), decline(&server, ROOT).await.unwrap_err()] {
        assert_eq!((refused.code(), violations(&refused)), (Code::InvalidArgument, pairs(&[("utility", "OWN_TENANT")])));
    }
}

#[tokio::test]
async fn an_offer_in_place_of_what_was_accepted_ends_that_and_the_logs_of_both_tenants_tell_of_it() {
    let server = server().await;
    offer(&server, pb::Access::Execute).await;
    accept(&server, ZED).await.unwrap();
    assert_eq!(tried(&server, ZOE, "some").await, [Ok(()), Ok(()), DENIED]);
    let anew = offer(&server, pb::Access::Read).await;
    assert_eq!((anew.share_state(), anew.accepted_by.as_str()), (pb::ShareState::Offered, ""));
    assert_eq!(tried(&server, ZOE, "some").await, [DENIED; 3]);
    let told_of = [(ROOT.name(), utility_name("some"))];
    assert_eq!(told(&server, ZED, "share.offer").await, told_of, "what it had has ended");
    assert_eq!(told(&server, ROOT, "share.offer").await.len(), 2);
    for side in [ROOT, ZED] {
        let last = records(&server, side, "share.offer").await.swap_remove(0);
        let said: Vec<&str> = last.changes.iter().map(|change| change.field.as_str()).collect();
        let share = ["grantee=tenants/acme", "access=execute", "grantee=tenants/acme", "access=read"];
        assert_eq!(said, share, "in the log of {}", side.tenant);
    }
    // What nobody has accepted is replaced without the other tenant's log.
    offer(&server, pb::Access::Execute).await;
    assert_eq!(told(&server, ZED, "share.offer").await.len(), 1);
}

#[tokio::test]
async fn of_a_tenant_that_is_suspended_or_deleted_no_offer_is_listed_accepted_or_declined() {
    let server = server().await;
    let offered = offer(&server, pb::Access::Read).await;
    for state in [TenantState::Suspended, TenantState::Deleted] {
        server.known_tenants.turn("demo", state);
        assert_eq!(listed(&server, ZED, pb::ShareSide::Received).await, [], "{state:?}");
        for refused in [accept(&server, ZED).await.unwrap_err(), decline(&server, ZED).await.unwrap_err()] {
            assert_eq!(refused.code(), Code::NotFound, "{state:?}");
        }
        server.known_tenants.turn("demo", TenantState::Active);
        assert_eq!(listed(&server, ROOT, pb::ShareSide::Given).await, std::slice::from_ref(&offered), "{state:?}");
    }
    for action in ["share.accept", "share.decline"] {
        assert_eq!(records(&server, ROOT, action).await, [], "nothing was written into its log");
    }
    accept(&server, ZED).await.unwrap();
}

#[tokio::test]
async fn to_others_a_tenant_that_refuses_offers_is_like_one_that_there_is_not() {
    let server = server().await;
    let takes = |offers| server.known_tenants.settle("acme", |settings| settings.consent.offers = offers);
    offer(&server, pb::Access::Read).await;
    let accepted = accept(&server, ZED).await.unwrap();
    takes(ShareOffers::Refused);
    assert_eq!(listed(&server, ZED, pb::ShareSide::Received).await, [accepted], "what was accepted stays");
    revoke(&server, ROOT).await.unwrap();

    let offered = offer(&server, pb::Access::Read).await;
    let absent = pb::OfferShareRequest { tenant: "tenants/absent".to_owned(), ..offer_of(pb::Access::Read) };
    let absent = server.access.clone().offer_share(ROOT.asks(absent)).await.unwrap().into_inner();
    let alike = pb::Grant { grantee: OTHERS.to_owned(), create_time: offered.create_time, ..absent };
    assert_eq!(offered, alike, "who offers is told the same");
    assert_eq!(listed(&server, ZED, pb::ShareSide::Received).await, []);
    for refused in [accept(&server, ZED).await.unwrap_err(), decline(&server, ZED).await.unwrap_err()] {
        assert_eq!(refused.code(), Code::NotFound);
    }
    assert_eq!(tried(&server, ZOE, "some").await, [DENIED; 3]);

    takes(ShareOffers::Taken);
    assert_eq!(listed(&server, ZED, pb::ShareSide::Received).await, [offered], "it finds what was offered meanwhile");
    accept(&server, ZED).await.unwrap();
}

#[tokio::test]
async fn what_is_shared_is_listed_on_both_sides() {
    let server = server().await;
    let offered = offer(&server, pb::Access::Read).await;
    for (who, side) in [(ROOT, pb::ShareSide::Given), (ZED, pb::ShareSide::Received)] {
        assert_eq!(listed(&server, who, side).await, std::slice::from_ref(&offered), "{side:?}");
    }
    let accepted = accept(&server, ZED).await.unwrap();
    let again = accept(&server, ZED).await.unwrap_err();
    assert_eq!((again.code(), reason(&again)), (Code::FailedPrecondition, "OFFER_ACCEPTED".to_owned()));
    for (who, side) in [(ROOT, pb::ShareSide::Given), (ZED, pb::ShareSide::Received)] {
        assert_eq!(listed(&server, who, side).await, std::slice::from_ref(&accepted), "{side:?}");
    }
    assert_eq!(listed(&server, MAX, pb::ShareSide::Received).await, []);
    assert_eq!(listed(&server, ZED, pb::ShareSide::Given).await, []);
}

#[tokio::test]
async fn a_share_ends_by_itself_and_one_that_has_ended_is_not_accepted() {
    let server = server().await;
    let end = server.clock.now().plus(Duration::from_secs(60)).as_millis();
    let expire_time = Some(prost_types::Timestamp { seconds: (end / 1_000) as i64, nanos: (end % 1_000 * 1_000_000) as i32 });
    let request = pb::OfferShareRequest { expire_time, ..offer_of(pb::Access::Read) };
    server.access.clone().offer_share(ROOT.asks(request)).await.unwrap();
    accept(&server, ZED).await.unwrap();
    assert_eq!(tried(&server, ZOE, "some").await[0], Ok(()));
    server.clock.advance(Duration::from_secs(60));
    assert_eq!(tried(&server, ZOE, "some").await, [DENIED; 3]);
    let refused = accept(&server, ZED).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "OFFER_ENDED".to_owned()));
}

#[tokio::test]
async fn nothing_is_shared_while_either_tenant_is_suspended_or_deleted() {
    let server = server().await;
    offer(&server, pb::Access::Execute).await;
    accept(&server, ZED).await.unwrap();
    for state in [TenantState::Suspended, TenantState::Deleted] {
        for tenant in ["demo", "acme"] {
            server.known_tenants.turn(tenant, state);
            assert_eq!(tried(&server, ZOE, "some").await, [DENIED; 3], "{tenant} is {state:?}");
            server.known_tenants.turn(tenant, TenantState::Active);
            assert_eq!(tried(&server, ZOE, "some").await, [Ok(()), Ok(()), DENIED], "{tenant} was {state:?}");
        }
    }
    // Of a tenant that is suspended, the other one is told what it is told of everything that is not its own.
    let name = utility_name("some");
    let read = async || {
        let request = utilities::GetUtilityRequest { name: name.clone() };
        let refused = server.utilities.clone().get_utility(ZOE.asks(request)).await.unwrap_err();
        (refused.code(), refused.message().to_owned(), reason(&refused))
    };
    server.known_tenants.turn("demo", TenantState::Suspended);
    let suspended = read().await;
    server.known_tenants.turn("demo", TenantState::Active);
    revoke(&server, ROOT).await.unwrap();
    assert_eq!(suspended, read().await);
}

/// Somebody of the receiving tenant waits for what a program of the other one sends.
async fn waiting(server: &Harness) -> Streaming<executions::ExecutionEvent> {
    let utility = utilities::Utility { code: "def main():\n    #: wait\n".to_owned(), ..Default::default() };
    let (parent, utility_id) = (TENANT.to_owned(), "some".to_owned());
    let create = utilities::CreateUtilityRequest { parent, utility_id, utility: Some(utility), ..Default::default() };
    server.utilities.clone().create_utility(ANN.asks(create)).await.unwrap();
    offer(server, pb::Access::Execute).await;
    accept(server, ZED).await.unwrap();
    let run = executions::ExecuteUtilityRequest { name: utility_name("some"), ..Default::default() };
    let mut run = server.executions.clone().execute_utility(ZOE.asks(run)).await.unwrap().into_inner();
    in_time(run.message()).await.unwrap().expect("it has begun");
    run
}

/// Why the stream ended, within a second of the clock.
async fn ended(server: &Harness, mut messages: Streaming<executions::ExecutionEvent>) -> Status {
    let end = server.clock.now().plus(Duration::from_secs(1));
    loop {
        match tokio::time::timeout(Duration::from_millis(50), messages.message()).await {
            Ok(Ok(Some(_))) => {}
            Ok(Ok(None)) => panic!("the stream ended as if nothing had happened"),
            Ok(Err(status)) => return status,
            Err(_) if server.clock.now() < end => server.clock.advance(Duration::from_millis(500)),
            Err(_) => panic!("the stream goes on"),
        }
    }
}

#[tokio::test]
async fn a_stream_of_what_is_shared_ends_with_the_share_also_where_another_server_hears_of_that() {
    for end in ["revoke", "decline", "expire", "suspend"] {
        let server = server_of(&[ROOT, ANN, ZED, ZOE]).await;
        let authenticator = Some(RoleAuthenticator::of([ROOT, ANN, ZED, ZOE]));
        let second = Harness::with(Options { authenticator, known: Some(server.known.clone()), ..Options::default() }).await;
        let stream = waiting(&server).await;
        match end {
            "revoke" => drop(revoke(&server, ROOT).await.unwrap()),
            "decline" => drop(decline(&second, ZED).await.unwrap()),
            "suspend" => server.known_tenants.turn("demo", TenantState::Suspended),
            _ => {
                revoke(&server, ROOT).await.unwrap();
                let at = server.clock.now().plus(Duration::from_millis(400)).as_millis();
                let expire_time = Some(prost_types::Timestamp { seconds: (at / 1_000) as i64, nanos: (at % 1_000 * 1_000_000) as i32 });
                let request = pb::OfferShareRequest { expire_time, ..offer_of(pb::Access::Execute) };
                server.access.clone().offer_share(ROOT.asks(request)).await.unwrap();
                accept(&server, ZED).await.unwrap();
            }
        }
        let status = ended(&server, stream).await;
        assert_eq!((status.code(), reason(&status)), (Code::PermissionDenied, "PERMISSION_DENIED".to_owned()), "{end}");
    }
}

#[tokio::test]
async fn what_is_run_of_another_tenant_is_the_callers_under_the_policy_of_its_own() {
    let server = server().await;
    offer(&server, pb::Access::Execute).await;
    accept(&server, ZED).await.unwrap();
    let started = start(&server, ZOE, &utility_name("some")).await.unwrap();
    assert!(started.name.starts_with("tenants/acme/executions/"), "{}", started.name);
    assert_eq!((started.caller, started.utility, started.version), (ZOE.name(), utility_name("some"), 1));
    let get = |who: Person| {
        let (mut client, name) = (server.executions.clone(), started.name.clone());
        async move { client.get_execution(who.asks(executions::GetExecutionRequest { name })).await.map(drop).map_err(|status| status.code()) }
    };
    assert_eq!((get(ZOE).await, get(ZED).await, get(ANN).await, get(ROOT).await), (Ok(()), Ok(()), DENIED, DENIED));

    let policy =
        utilities::CodePolicy { name: format!("{OTHERS}/codePolicy"), denied_rules: vec![TODO_RULE.to_owned()], ..Default::default() };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["denied_rules".to_owned()] });
    let request = utilities::UpdateCodePolicyRequest { policy: Some(policy), update_mask };
    server.policies.clone().update_code_policy(ZED.asks(request)).await.unwrap();
    let refused = start(&server, ZOE, &utility_name("some")).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "CODE_REFUSED".to_owned()));
    start(&server, ANN, &utility_name("some")).await.expect("the owner's tenant has another policy");
}

#[tokio::test]
async fn what_the_policy_of_the_tenant_that_shares_has_found_is_told_to_nobody_else() {
    let server = server().await;
    offer(&server, pb::Access::Execute).await;
    accept(&server, ZED).await.unwrap();
    let policy =
        utilities::CodePolicy { name: format!("{TENANT}/codePolicy"), denied_rules: vec![TODO_RULE.to_owned()], ..Default::default() };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["denied_rules".to_owned()] });
    let request = utilities::UpdateCodePolicyRequest { policy: Some(policy), update_mask };
    server.policies.clone().update_code_policy(ROOT.asks(request)).await.unwrap();
    server.compiler.replace_runtime("sha256:second");
    for (who, knows) in [(ZOE, false), (ANN, true)] {
        let refused = start(&server, who, &utility_name("some")).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "CODE_REFUSED".to_owned()));
        assert_eq!(refused.message().contains(TODO_RULE), knows, "{}", refused.message());
    }
}

#[tokio::test]
async fn what_another_tenant_shares_is_compiled_on_the_account_of_the_one_that_runs_it() {
    let server = server().await;
    offer(&server, pb::Access::Execute).await;
    accept(&server, ZED).await.unwrap();
    for (who, digest) in [(ZOE, "sha256:second"), (ANN, "sha256:third")] {
        server.compiler.replace_runtime(digest);
        start(&server, who, &utility_name("some")).await.unwrap();
        let last = server.compiler.compiled_for().pop().expect("it was compiled anew");
        assert_eq!(last.to_string(), who.tenant, "{}", who.id);
    }
}

#[tokio::test]
async fn what_is_run_of_another_tenant_counts_as_what_the_callers_runs() {
    for (bounded, queued) in [("demo", 0), ("acme", 1)] {
        let server = server_of(&[ROOT, ANN, ZED, ZOE]).await;
        let first = waiting(&server).await;
        server.known_tenants.settle(bounded, |settings| settings.quota.running = std::num::NonZeroU32::new(1));
        start(&server, ZOE, &utility_name("some")).await.unwrap();
        assert_eq!(server.running.load_now().queued, queued, "{bounded} may run one at once");
        drop(first);
    }
}

#[tokio::test]
async fn what_is_run_of_another_tenant_uses_a_runtime_that_both_may() {
    let server = server().await;
    offer(&server, pb::Access::Execute).await;
    accept(&server, ZED).await.unwrap();
    let settle = |tenant: &str, runtimes: &[&str]| {
        let runtimes: Vec<_> = runtimes.iter().map(|name| RuntimeId::new(*name)).collect();
        server.known_tenants.settle(tenant, |settings| settings.runtimes = runtimes);
    };
    for (own, others) in [(&[][..], &["other"][..]), (&["other"], &[]), (&["other"], &["python"])] {
        settle("acme", own);
        settle("demo", others);
        let refused = start(&server, ZOE, &utility_name("some")).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "RUNTIME_NOT_ALLOWED".to_owned()), "{own:?} {others:?}");
        let says_own = refused.message().contains("`other`");
        assert_eq!(says_own, !own.is_empty(), "what the other tenant may use is not said: {}", refused.message());
    }
    settle("acme", &["python"]);
    settle("demo", &["python", "other"]);
    start(&server, ZOE, &utility_name("some")).await.unwrap();
}

/// What a tenant's log says of an action, newest first.
async fn records(server: &Harness, who: Person, action: &str) -> Vec<audit::AuditRecord> {
    let parent = format!("tenants/{}", who.tenant);
    server.spawner.settle().await;
    let request = audit::ListAuditRecordsRequest { parent, page_size: 1_000, ..Default::default() };
    let records = server.audit.clone().list_audit_records(who.asks(request)).await.unwrap().into_inner().records;
    records.into_iter().filter(|record| record.action == action).collect()
}

/// What it says of an action that was done.
async fn told(server: &Harness, who: Person, action: &str) -> Vec<(String, String)> {
    let records = records(server, who, action).await;
    let done = records.into_iter().filter(|record| record.outcome() == audit::AuditOutcome::Allowed);
    done.map(|record| (record.actor.unwrap_or_default().principal, record.resource)).collect()
}

#[tokio::test]
async fn the_log_of_the_other_tenant_names_who_did_it_and_says_nothing_else_of_them() {
    let server = server().await;
    offer(&server, pb::Access::Execute).await;
    accept(&server, ZED).await.unwrap();
    let mut get = ZOE.asks(utilities::GetUtilityRequest { name: utility_name("some") });
    let mut run = ZOE.asks(executions::StartExecutionRequest { name: utility_name("some"), ..Default::default() });
    for metadata in [get.metadata_mut(), run.metadata_mut()] {
        metadata.insert("zona-purpose", "our ticket 4711".parse().unwrap());
        metadata.insert("x-request-id", "our-request".parse().unwrap());
    }
    server.utilities.clone().get_utility(get).await.unwrap();
    server.executions.clone().start_execution(run).await.unwrap();
    let named = audit::AuditActor { principal: ZOE.name(), ..Default::default() };
    for (action, count) in [("utility.get", 1), ("utility.start", 2)] {
        let (own, others) = (records(&server, ZED, action).await, records(&server, ROOT, action).await);
        assert_eq!((own.len(), others.len()), (count, count), "{action}: an intent stands in both logs");
        for record in own {
            assert_eq!((record.purpose.as_str(), record.request_id.as_str()), ("our ticket 4711", "our-request"), "{action}");
        }
        for record in others {
            assert_eq!(record.actor, Some(named.clone()), "{action}");
            assert_eq!((record.purpose.as_str(), record.request_id.as_str(), record.trace_id.as_str()), ("", "", ""), "{action}");
        }
    }
}

#[tokio::test]
async fn the_logs_of_both_tenants_tell_of_each_use() {
    let server = server().await;
    offer(&server, pb::Access::Execute).await;
    assert_eq!(told(&server, ZED, "share.offer").await, [], "what is only offered writes nothing into another tenant's log");
    accept(&server, ZED).await.unwrap();
    let started = start(&server, ZOE, &utility_name("some")).await.unwrap();
    server.utilities.clone().get_utility(ZOE.asks(utilities::GetUtilityRequest { name: utility_name("some") })).await.unwrap();
    for side in [ROOT, ZED] {
        for (action, actor) in [("share.accept", ZED), ("utility.get", ZOE)] {
            assert_eq!(told(&server, side, action).await, [(actor.name(), utility_name("some"))], "{action} in the log of {}", side.tenant);
        }
    }
    assert_eq!(told(&server, ROOT, "utility.start").await, [(ZOE.name(), utility_name("some"))], "what it is to the tenant that shares");
    assert_eq!(told(&server, ZED, "utility.start").await, [(ZOE.name(), started.name)]);
}

#[tokio::test]
async fn every_violation_of_an_offer_is_reported_at_once() {
    let server = server().await;
    let request = pb::OfferShareRequest {
        name: utility_name("some"),
        tenant: TENANT.to_owned(),
        access: pb::Access::Manage.into(),
        reason: "x".repeat(501),
        request_id: "no uuid".to_owned(),
        ..Default::default()
    };
    let refused = server.access.clone().offer_share(ROOT.asks(request)).await.unwrap_err();
    let expected = [("request_id", "MALFORMED"), ("tenant", "OWN_TENANT"), ("access", "OUT_OF_RANGE"), ("reason", "TOO_LONG")];
    assert_eq!(violations(&refused), pairs(&expected));
}
