//! A person as a subject: everything that is stored of them is taken away, and erased.

use api_proto::zona::access::v1 as access;
use api_proto::zona::identity::v1 as pb;
use api_proto::zona::utility::v1 as utilities;
use pb::export_subject_response::Part;
use test_support::in_time;
use tonic::{Code, Status};

use crate::harness::{TENANT, reason};
use crate::identity::{Installation, PASSWORD, ROOT, is_unauthenticated, shown, sign_in, who};

const ANN: &str = "tenants/demo/users/ann";
const BOB: &str = "tenants/demo/users/bob";

pub async fn export(all: &Installation, name: &str) -> Result<Vec<Part>, Status> {
    let request = pb::ExportSubjectRequest { name: name.to_owned() };
    let mut parts = all.server.identity.clone().export_subject(shown(&all.root, request)).await?.into_inner();
    let mut found = Vec::new();
    while let Some(part) = in_time(parts.message()).await? {
        found.push(part.part.expect("each part is one"));
    }
    Ok(found)
}

async fn erase(all: &Installation, token: &str, name: &str) -> Result<String, Status> {
    let request = pb::EraseSubjectRequest { name: name.to_owned(), ..Default::default() };
    Ok(all.server.identity.clone().erase_subject(shown(token, request)).await?.into_inner().name)
}

/// Ann has made a utility, may read one of bob's, and is signed in.
async fn lived(all: &Installation) -> String {
    all.user("demo", "ann", pb::Role::Admin).await;
    all.user("demo", "bob", pb::Role::Creator).await;
    let token = async |user: &str| sign_in(&all.server, user, PASSWORD).await.unwrap().access_token;
    let (ann, bob) = (token(ANN).await, token(BOB).await);
    for (owner, id) in [(&ann, "hers"), (&bob, "his")] {
        let utility = Some(utilities::Utility { code: "def main():\n    #: return 1\n".to_owned(), ..Default::default() });
        let (parent, utility_id) = (TENANT.to_owned(), id.to_owned());
        let request = utilities::CreateUtilityRequest { parent, utility_id, utility, ..Default::default() };
        all.server.utilities.clone().create_utility(shown(owner, request)).await.unwrap();
    }
    let (name, grantee) = (format!("{TENANT}/utilities/his"), ANN.to_owned());
    let request = access::GrantAccessRequest { name, grantee, access: access::Access::Read.into(), ..Default::default() };
    all.server.access.clone().grant_access(shown(&all.root, request)).await.unwrap();
    ann
}

#[tokio::test]
async fn nobody_of_a_tenant_on_legal_hold_is_erased_before_that_is_taken_back() {
    let all = Installation::new().await;
    lived(&all).await;
    all.known.tenants.settle("demo", |settings| settings.legal_hold = true);
    let refused = erase(&all, &all.root, ANN).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "LEGAL_HOLD".to_owned()));
    assert!(!export(&all, ANN).await.unwrap().is_empty(), "everything is there");
    let nobody = erase(&all, &all.root, "tenants/demo/users/nobody").await.unwrap_err();
    assert_eq!(nobody.code(), Code::NotFound);
    all.known.tenants.settle("demo", |settings| settings.legal_hold = false);
    assert!(erase(&all, &all.root, ANN).await.unwrap().starts_with("tenants/demo/users/erased-"));
}

#[tokio::test]
async fn an_export_holds_everything_that_is_stored_of_a_user_and_nothing_of_others() {
    let all = Installation::new().await;
    lived(&all).await;
    let parts = export(&all, ANN).await.unwrap();
    let Some(Part::User(user)) = parts.first() else { panic!("{parts:?}") };
    assert_eq!((user.name.as_str(), user.password.as_str()), (ANN, ""));
    let sessions = parts.iter().filter(|part| matches!(part, Part::Session(session) if session.name.starts_with(ANN)));
    assert_eq!(sessions.count(), 1);
    let grants: Vec<_> =
        parts.iter().filter_map(|part| if let Part::Grant(grant) = part { Some(grant.utility.as_str()) } else { None }).collect();
    assert_eq!(grants, ["tenants/demo/utilities/his"]);
    let owned: Vec<_> = parts.iter().filter_map(|part| if let Part::Utility(name) = part { Some(name.as_str()) } else { None }).collect();
    assert_eq!(owned, ["tenants/demo/utilities/hers"]);
    let records: Vec<_> = parts.iter().filter_map(|part| if let Part::AuditRecord(record) = part { Some(record) } else { None }).collect();
    let is_hers = |record: &&api_proto::zona::audit::v1::AuditRecord| record.actor.as_ref().is_some_and(|actor| actor.principal == ANN);
    assert!(records.iter().any(is_hers) && records.iter().all(|record| is_hers(record) || record.resource == ANN), "{records:?}");
    assert!(records.iter().any(|record| record.action == "user.export"), "that it was taken away, too");
    let events: Vec<_> =
        parts.iter().filter_map(|part| if let Part::Event(event) = part { Some(event.r#type.as_str()) } else { None }).collect();
    assert_eq!(events, ["dev.zona.principal.created", "dev.zona.access.granted"]);
    assert_eq!(export(&all, "tenants/demo/users/nobody").await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn who_was_erased_is_let_in_no_more_and_nobody_gets_their_name() {
    let all = Installation::new().await;
    let token = lived(&all).await;
    who(&all.server, &token).await.unwrap();
    let erased = erase(&all, &all.root, ANN).await.unwrap();
    assert!(erased.starts_with("tenants/demo/users/erased-"), "{erased}");
    assert_eq!(erase(&all, &all.root, ANN).await.unwrap(), erased, "and stays so");
    assert!(is_unauthenticated(&who(&all.server, &token).await.unwrap_err()));
    assert!(is_unauthenticated(&sign_in(&all.server, ANN, PASSWORD).await.unwrap_err()));
    assert_eq!(export(&all, ANN).await.unwrap_err().code(), Code::NotFound);
    let again = all.create_user(&all.root, "demo", "ann", pb::Role::User).await.unwrap_err();
    assert_eq!((again.code(), reason(&again)), (Code::AlreadyExists, "ALREADY_EXISTS".to_owned()));
    let id = erased.rsplit('/').next().unwrap();
    let reserved = all.create_user(&all.root, "demo", id, pb::Role::User).await.unwrap_err();
    assert_eq!(crate::harness::violations(&reserved), [("user_id".to_owned(), "RESERVED".to_owned())]);
    sign_in(&all.server, BOB, PASSWORD).await.unwrap();
}

#[tokio::test]
async fn nobody_erases_whom_nobody_knows_who_is_above_them_or_the_last_who_rules() {
    let all = Installation::new().await;
    lived(&all).await;
    assert_eq!(erase(&all, &all.root, "tenants/demo/users/nobody").await.unwrap_err().code(), Code::NotFound);
    let last = erase(&all, &all.root, ROOT).await.unwrap_err();
    assert_eq!((last.code(), reason(&last)), (Code::FailedPrecondition, "LAST_SUPER_ADMIN".to_owned()));
    all.user("system", "eve", pb::Role::Admin).await;
    let eve = sign_in(&all.server, "tenants/system/users/eve", PASSWORD).await.unwrap().access_token;
    assert_eq!(erase(&all, &eve, ROOT).await.unwrap_err().code(), Code::PermissionDenied);
    who(&all.server, &all.root).await.unwrap();
}
