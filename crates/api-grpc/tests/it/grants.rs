//! Grants through the API: what they open and to whom, what they do not open, and that what is taken back is closed at once.

use std::time::Duration;

use api_proto::zona::access::v1 as pb;
use api_proto::zona::execution::v1 as executions;
use api_proto::zona::utility::v1 as utilities;
use domain::identity::Role;
use domain::time::Clock as _;
use prost_types::FieldMask;
use tonic::{Code, Request, Status};

use crate::harness::{Harness, TENANT, pairs, reason, utility_name, violations};
use crate::roles::{Person, server_of};

const CODE: &str = "def main():\n    #: return 1\n";
const ROOT: Person = Person::new("root", Role::Admin);
const ANN: Person = Person::new("ann", Role::Creator);
const BOB: Person = Person::new("bob", Role::User);
const CID: Person = Person::new("cid", Role::Creator);
const ZED: Person = Person { tenant: "acme", ..Person::new("zed", Role::Admin) };

/// A server on which ann owns `some`.
async fn server() -> Harness {
    let server = server_of(&[ROOT, ANN, BOB, CID, ZED]).await;
    create(&server, ANN, "some").await;
    server
}

async fn create(server: &Harness, who: Person, id: &str) {
    let utility = Some(utilities::Utility { code: CODE.to_owned(), ..Default::default() });
    let (parent, utility_id) = (TENANT.to_owned(), id.to_owned());
    let request = utilities::CreateUtilityRequest { parent, utility_id, utility, ..Default::default() };
    server.utilities.clone().create_utility(who.asks(request)).await.unwrap();
}

fn grant_of(id: &str, grantee: &str, access: pb::Access) -> pb::GrantAccessRequest {
    let (name, grantee, access) = (utility_name(id), grantee.to_owned(), access.into());
    pb::GrantAccessRequest { name, grantee, access, reason: "for the reports".to_owned(), ..Default::default() }
}

async fn grant(server: &Harness, grantee: &str, access: pb::Access) -> pb::Grant {
    server.access.clone().grant_access(ROOT.asks(grant_of("some", grantee, access))).await.unwrap().into_inner()
}

async fn revoke(server: &Harness, grantee: &str) -> Result<pb::Grant, Status> {
    let request = pb::RevokeAccessRequest { name: utility_name("some"), grantee: grantee.to_owned(), ..Default::default() };
    Ok(server.access.clone().revoke_access(ROOT.asks(request)).await?.into_inner())
}

/// What becomes of reading, running, changing and deleting `some`.
async fn tried(server: &Harness, who: Person) -> [Result<(), Code>; 4] {
    let (mut client, name) = (server.utilities.clone(), utility_name("some"));
    let code = |status: Status| status.code();
    let read = client.get_utility(who.asks(utilities::GetUtilityRequest { name: name.clone() })).await.map(drop).map_err(code);
    let start = executions::StartExecutionRequest { name: name.clone(), ..Default::default() };
    let run = server.executions.clone().start_execution(who.asks(start)).await.map(drop).map_err(code);
    let utility = Some(utilities::Utility { name: name.clone(), display_name: who.id.to_owned(), ..Default::default() });
    let update_mask = Some(FieldMask { paths: vec!["display_name".to_owned()] });
    let update = utilities::UpdateUtilityRequest { utility, update_mask, validate_only: true, ..Default::default() };
    let change = client.update_utility(who.asks(update)).await.map(drop).map_err(code);
    // Of another revision, so that nothing is deleted: whoever may is told so.
    let delete = utilities::DeleteUtilityRequest { name, etag: "none".to_owned(), ..Default::default() };
    let delete = match client.delete_utility(who.asks(delete)).await.map(drop).map_err(code) {
        Err(Code::Aborted) => Ok(()),
        other => other,
    };
    [read, run, change, delete]
}

async fn listed(server: &Harness, who: Person) -> Vec<String> {
    let request = utilities::ListUtilitiesRequest { parent: TENANT.to_owned(), ..Default::default() };
    let found = server.utilities.clone().list_utilities(who.asks(request)).await.unwrap().into_inner().utilities;
    found.into_iter().map(|utility| utility.name.rsplit('/').next().unwrap().to_owned()).collect()
}

const HIDDEN: Result<(), Code> = Err(Code::NotFound);
const DENIED: Result<(), Code> = Err(Code::PermissionDenied);

#[tokio::test]
async fn each_access_opens_what_it_says_and_no_column_that_the_role_does_not_have() {
    let server = server().await;
    let cases = [
        (None, [HIDDEN, HIDDEN, HIDDEN, HIDDEN]),
        (Some(pb::Access::Read), [Ok(()), HIDDEN, HIDDEN, HIDDEN]),
        (Some(pb::Access::Execute), [Ok(()), Ok(()), HIDDEN, HIDDEN]),
        (Some(pb::Access::Manage), [Ok(()), Ok(()), Ok(()), Ok(())]),
    ];
    for (access, expected) in cases {
        for (who, grantee) in [(BOB, "tenants/demo/users/bob"), (CID, "tenants/demo/users/cid")] {
            if let Some(access) = access {
                grant(&server, grantee, access).await;
            }
            let [read, run, change, delete] = expected;
            // USER deletes nothing, whatever was granted.
            let expected = [read, run, change, if who.role == Role::User { DENIED } else { delete }];
            assert_eq!(tried(&server, who).await, expected, "{} {access:?}", who.id);
        }
    }
}

#[tokio::test]
async fn roles_and_the_tenant_are_grantees_like_people() {
    let server = server().await;
    for (grantee, bob, cid) in
        [("tenants/demo/roles/user", Ok(()), HIDDEN), ("tenants/demo/roles/creator", HIDDEN, Ok(())), (TENANT, Ok(()), Ok(()))]
    {
        grant(&server, grantee, pb::Access::Read).await;
        assert_eq!((tried(&server, BOB).await[0], tried(&server, CID).await[0]), (bob, cid), "{grantee}");
        revoke(&server, grantee).await.unwrap();
        assert_eq!((tried(&server, BOB).await[0], tried(&server, CID).await[0]), (HIDDEN, HIDDEN), "{grantee}");
    }
}

#[tokio::test]
async fn what_is_taken_back_or_has_ended_is_closed_at_once() {
    let server = server().await;
    grant(&server, "tenants/demo/users/bob", pb::Access::Execute).await;
    assert_eq!(tried(&server, BOB).await[1], Ok(()));
    let taken = revoke(&server, "tenants/demo/users/bob").await.unwrap();
    assert_eq!(taken.access(), pb::Access::Execute);
    assert_eq!(tried(&server, BOB).await, [HIDDEN, HIDDEN, HIDDEN, DENIED]);
    assert_eq!(revoke(&server, "tenants/demo/users/bob").await.unwrap_err().code(), Code::NotFound);

    let end = server.clock.now().plus(Duration::from_secs(60)).as_millis();
    let expire_time = Some(prost_types::Timestamp { seconds: (end / 1_000) as i64, nanos: (end % 1_000 * 1_000_000) as i32 });
    let request = pb::GrantAccessRequest { expire_time, ..grant_of("some", "tenants/demo/users/bob", pb::Access::Read) };
    let made = server.access.clone().grant_access(ROOT.asks(request)).await.unwrap().into_inner();
    assert_eq!(made.expire_time, expire_time);
    assert_eq!((tried(&server, BOB).await[0], listed(&server, BOB).await), (Ok(()), vec!["some".to_owned()]));
    server.clock.advance(Duration::from_secs(60));
    assert_eq!((tried(&server, BOB).await[0], listed(&server, BOB).await), (HIDDEN, vec![]));
}

#[tokio::test]
async fn a_list_holds_own_and_granted_ones_and_an_execution_is_of_whoever_started_it() {
    let server = server().await;
    create(&server, ANN, "another").await;
    create(&server, BOB, "own").await;
    grant(&server, "tenants/demo/users/bob", pb::Access::Execute).await;
    assert_eq!(listed(&server, BOB).await, ["own", "some"]);
    assert_eq!(listed(&server, ANN).await, ["another", "some"]);
    assert_eq!(listed(&server, ROOT).await, ["another", "own", "some"]);

    let start = executions::StartExecutionRequest { name: utility_name("some"), ..Default::default() };
    let started = server.executions.clone().start_execution(BOB.asks(start)).await.unwrap().into_inner();
    assert_eq!(started.caller, "tenants/demo/users/bob");
    let get = |who: Person| {
        let (mut client, name) = (server.executions.clone(), started.name.clone());
        async move { client.get_execution(who.asks(executions::GetExecutionRequest { name })).await.map(drop).map_err(|status| status.code()) }
    };
    // Whose the utility is does not matter.
    assert_eq!((get(BOB).await, get(ANN).await, get(ROOT).await), (Ok(()), HIDDEN, Ok(())));
}

#[tokio::test]
async fn grants_are_given_listed_and_taken_back_by_administrators_only() {
    let server = server().await;
    let made = grant(&server, "tenants/demo/users/bob", pb::Access::Read).await;
    let stated = (made.utility.as_str(), made.grantee.as_str(), made.reason.as_str(), made.granted_by.as_str());
    assert_eq!(stated, (utility_name("some").as_str(), "tenants/demo/users/bob", "for the reports", "tenants/demo/users/root"));
    let list = |who: Person| {
        let (mut client, parent) = (server.access.clone(), utility_name("some"));
        async move { client.list_grants(who.asks(pb::ListGrantsRequest { parent, ..Default::default() })).await }
    };
    assert_eq!(list(ROOT).await.unwrap().into_inner().grants, [made]);
    for who in [ANN, BOB, CID] {
        assert_eq!(list(who).await.unwrap_err().code(), Code::PermissionDenied);
        // Not even to themselves, and nothing of the body is read.
        for grantee in ["tenants/demo/users/bob", "nonsense"] {
            let request = grant_of("some", grantee, pb::Access::Manage);
            assert_eq!(server.access.clone().grant_access(who.asks(request)).await.unwrap_err().code(), Code::PermissionDenied);
        }
    }
}

#[tokio::test]
async fn every_violation_of_a_grant_is_reported_at_once() {
    let server = server().await;
    let request = pb::GrantAccessRequest {
        name: utility_name("some"),
        grantee: "tenants/acme/users/ann".to_owned(),
        reason: "x".repeat(501),
        expire_time: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
        request_id: "no uuid".to_owned(),
        ..Default::default()
    };
    let refused = server.access.clone().grant_access(ROOT.asks(request)).await.unwrap_err();
    let expected = [
        ("request_id", "MALFORMED"),
        ("grantee", "OTHER_TENANT"),
        ("access", "MISSING"),
        ("reason", "TOO_LONG"),
        ("expire_time", "OUT_OF_RANGE"),
    ];
    assert_eq!(violations(&refused), pairs(&expected));
    let absent = server.access.clone().grant_access(ROOT.asks(grant_of("absent", TENANT, pb::Access::Read))).await.unwrap_err();
    assert_eq!(absent.code(), Code::NotFound);
}

#[tokio::test]
async fn nothing_is_granted_of_a_deleted_utility() {
    let server = server().await;
    let delete = utilities::DeleteUtilityRequest { name: utility_name("some"), ..Default::default() };
    server.utilities.clone().delete_utility(Request::new(delete)).await.expect_err("who shows nothing is nobody here");
    let delete = utilities::DeleteUtilityRequest { name: utility_name("some"), ..Default::default() };
    server.utilities.clone().delete_utility(ANN.asks(delete)).await.unwrap();
    let refused = server.access.clone().grant_access(ROOT.asks(grant_of("some", TENANT, pb::Access::Read))).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "UTILITY_DELETED".to_owned()));
}

#[tokio::test]
async fn nothing_is_granted_to_who_is_not_there_and_nobody_learns_who_is_elsewhere() {
    let server = server().await;
    let ask = |grantee: &'static str| {
        let (mut client, request) = (server.access.clone(), grant_of("some", grantee, pb::Access::Read));
        async move { violations(&client.grant_access(ROOT.asks(request)).await.unwrap_err()) }
    };
    for grantee in ["tenants/demo/users/nobody", "tenants/demo/serviceAccounts/bob", "tenants/demo/roles/super_admin"] {
        assert_eq!(ask(grantee).await, pairs(&[("grantee", "UNKNOWN_GRANTEE")]), "{grantee}");
    }
    // The one is there, the other is not.
    for grantee in ["tenants/acme/users/zed", "tenants/acme/users/nobody"] {
        assert_eq!(ask(grantee).await, pairs(&[("grantee", "OTHER_TENANT")]), "{grantee}");
    }
}
