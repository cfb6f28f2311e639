//! The keys of the installation: who administers it has a new one wrap everything, once for each request.

use api_proto::zona::server::v1 as pb;
use domain::identity::Role;
use tonic::Code;

use crate::harness::{Harness, Options, reason, violations};
use crate::roles::{Person, RoleAuthenticator};

const ROOT: Person = Person { tenant: "system", ..Person::new("root", Role::SuperAdmin) };
const ADMIN: Person = Person::new("ann", Role::Admin);
const OTHER: Person = Person { tenant: "system", ..Person::new("other", Role::SuperAdmin) };
const FIRST: &str = "0192e5a4-7f2b-7c64-9d1e-3a5b8c7d9e0f";
const ANOTHER: &str = "0192e5a4-7f2b-7c64-9d1e-3a5b8c7d9e10";

#[tokio::test]
async fn a_rotation_that_is_asked_for_twice_makes_one_key() {
    let server = Harness::with(Options { authenticator: Some(RoleAuthenticator::of([ROOT, OTHER])), ..Options::default() }).await;
    let rotate = async |person: Person, request_id: &str| {
        let request = person.asks(pb::RotateKeysRequest { request_id: request_id.to_owned() });
        server.servers.clone().rotate_keys(request).await.map(|answer| answer.into_inner().key)
    };
    let first = rotate(ROOT, FIRST).await.unwrap();
    assert_eq!(rotate(ROOT, FIRST).await.unwrap(), first);
    let others = [rotate(ROOT, ANOTHER).await.unwrap(), rotate(OTHER, FIRST).await.unwrap(), rotate(ROOT, "").await.unwrap()];
    let status = server.servers.clone().get_key_status(ROOT.asks(pb::GetKeyStatusRequest {})).await.unwrap().into_inner();
    let ids: Vec<_> = status.keys.iter().rev().map(|key| key.id.clone()).collect();
    assert_eq!(ids, [vec![first], others.to_vec()].concat());
    assert_eq!(status.keys.iter().map(|key| key.wraps).collect::<Vec<_>>(), [1, 0, 0, 0], "the newest wraps");
    let refused = rotate(ROOT, "no uuid").await.unwrap_err();
    assert_eq!((refused.code(), violations(&refused)[0].0.as_str()), (Code::InvalidArgument, "request_id"), "{}", reason(&refused));
}

#[tokio::test]
async fn whoever_administers_a_tenant_only_neither_sees_nor_changes_the_keys() {
    let server = Harness::with(Options { authenticator: Some(RoleAuthenticator::of([ROOT, ADMIN])), ..Options::default() }).await;
    let seen = server.servers.clone().get_key_status(ADMIN.asks(pb::GetKeyStatusRequest {})).await.unwrap_err();
    let changed = server.servers.clone().rotate_keys(ADMIN.asks(pb::RotateKeysRequest::default())).await.unwrap_err();
    assert_eq!([seen.code(), changed.code()], [Code::PermissionDenied; 2]);
    let status = server.servers.clone().get_key_status(ROOT.asks(pb::GetKeyStatusRequest {})).await.unwrap().into_inner();
    assert!(status.keys.is_empty(), "none was made");
}
