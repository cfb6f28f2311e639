//! Every method of identity with a `request_id`, found in the contract: what is sent twice gets the first answer, without its secret,
//! and changes nothing, whatever happened in between.

use api_proto::zona::identity::v1 as pb;
use prost::Message as _;
use prost::bytes::Bytes;
use prost_reflect::{DynamicMessage, MethodDescriptor, Value};
use prost_types::FieldMask;
use tonic::{Code, Request, Status};

use crate::generic::{methods, path, send};
use crate::harness::reason;
use crate::identity::{Installation, PASSWORD, shown};

const FIRST: &str = "0192e5a4-7f2b-7c64-9d1e-3a5b8c7d9e0f";
const ANOTHER: &str = "0192e5a4-7f2b-7c64-9d1e-3a5b8c7d9e10";
const ANN: &str = "tenants/acme/users/ann";
const CI: &str = "tenants/acme/serviceAccounts/ci";

/// What happens between a request and its repetition.
#[derive(Debug, Clone, Copy)]
enum Since {
    Nothing,
    /// Somebody changes or revokes what it was about.
    Changed,
    /// Somebody deletes it.
    Deleted,
}

fn remembering() -> Vec<MethodDescriptor> {
    let of_identity = methods().into_iter().filter(|method| method.parent_service().name() == "IdentityService");
    let found: Vec<_> = of_identity.filter(|method| method.input().get_field_by_name("request_id").is_some()).collect();
    assert_eq!(found.len(), 9, "{found:?}");
    found
}

/// A request of a method, where there are a user `ann`, an account `ci` and a key of it.
fn request(method: &str, key: &str) -> Vec<u8> {
    let (parent, request_id) = ("tenants/acme".to_owned(), FIRST.to_owned());
    match method {
        "Revoke" => pb::RevokeRequest { name: ANN.to_owned(), request_id }.encode_to_vec(),
        "CreateUser" => {
            let user = Some(pb::User { password: PASSWORD.to_owned(), ..Default::default() });
            pb::CreateUserRequest { parent, user_id: "new".to_owned(), user, request_id }.encode_to_vec()
        }
        "UpdateUser" => {
            let user = Some(pb::User {
                name: ANN.to_owned(),
                display_name: "Ann".to_owned(),
                password: PASSWORD.to_owned(),
                ..Default::default()
            });
            let update_mask = Some(FieldMask { paths: vec!["display_name".to_owned(), "password".to_owned()] });
            pb::UpdateUserRequest { user, update_mask, request_id, ..Default::default() }.encode_to_vec()
        }
        "DeleteUser" => pb::DeleteUserRequest { name: ANN.to_owned(), request_id, ..Default::default() }.encode_to_vec(),
        "EraseSubject" => pb::EraseSubjectRequest { name: ANN.to_owned(), request_id }.encode_to_vec(),
        "CreateServiceAccount" => {
            let service_account = Some(pb::ServiceAccount::default());
            pb::CreateServiceAccountRequest { parent, service_account_id: "new".to_owned(), service_account, request_id }.encode_to_vec()
        }
        "DeleteServiceAccount" => pb::DeleteServiceAccountRequest { name: CI.to_owned(), request_id, ..Default::default() }.encode_to_vec(),
        "CreateApiKey" => pb::CreateApiKeyRequest { parent: CI.to_owned(), request_id, ..Default::default() }.encode_to_vec(),
        "RevokeApiKey" => pb::RevokeApiKeyRequest { name: key.to_owned(), request_id }.encode_to_vec(),
        other => panic!("{other} takes a request_id: say here how it is asked for"),
    }
}

async fn prepared() -> (Installation, String) {
    let all = Installation::new().await;
    all.user("acme", "ann", pb::Role::User).await;
    all.account("acme", "ci", pb::Role::User).await;
    let key = all.key(CI).await.api_key.unwrap().name;
    (all, key)
}

async fn happens(all: &Installation, since: Since, method: &str, key: &str) {
    let mut client = all.server.identity.clone();
    let user = if method == "CreateUser" { "tenants/acme/users/new" } else { ANN };
    let account = if method == "CreateServiceAccount" { "tenants/acme/serviceAccounts/new" } else { CI };
    // What was deleted by the request itself is not there any more: then nothing happens.
    match since {
        Since::Nothing => {}
        Since::Changed => {
            let update_mask = Some(FieldMask { paths: vec!["display_name".to_owned()] });
            let changed = Some(pb::User { name: user.to_owned(), display_name: "Another".to_owned(), ..Default::default() });
            let _ = client.update_user(shown(&all.root, pb::UpdateUserRequest { user: changed, update_mask, ..Default::default() })).await;
            let revoke = |name: &str| pb::RevokeRequest { name: name.to_owned(), ..Default::default() };
            let _ = client.revoke(shown(&all.root, revoke(account))).await;
            let _ = client.revoke(shown(&all.root, revoke(key))).await;
        }
        Since::Deleted => {
            let _ = client.delete_user(shown(&all.root, pb::DeleteUserRequest { name: user.to_owned(), ..Default::default() })).await;
            let request = pb::DeleteServiceAccountRequest { name: account.to_owned(), ..Default::default() };
            let _ = client.delete_service_account(shown(&all.root, request)).await;
        }
    }
}

async fn ask(all: &Installation, method: &MethodDescriptor, body: &[u8]) -> Result<Bytes, Status> {
    let mut request = Request::new(Bytes::copy_from_slice(body));
    request.metadata_mut().insert("authorization", format!("Bearer {}", all.root).parse().unwrap());
    send(&all.server.channel, &path(method), request).await.map(Option::unwrap_or_default)
}

/// Users, accounts and keys.
async fn world(all: &Installation) -> (Vec<pb::User>, Vec<pb::ServiceAccount>, Vec<pb::ApiKey>) {
    let mut client = all.server.identity.clone();
    let parent = "tenants/acme".to_owned();
    let users = pb::ListUsersRequest { parent: parent.clone(), ..Default::default() };
    let users = client.list_users(shown(&all.root, users)).await.unwrap().into_inner().users;
    let accounts = pb::ListServiceAccountsRequest { parent, ..Default::default() };
    let accounts = client.list_service_accounts(shown(&all.root, accounts)).await.unwrap().into_inner().service_accounts;
    let keys = pb::ListApiKeysRequest { parent: CI.to_owned(), ..Default::default() };
    let keys = client.list_api_keys(shown(&all.root, keys)).await.map(|keys| keys.into_inner().api_keys).unwrap_or_default();
    (users, accounts, keys)
}

fn with(method: &MethodDescriptor, body: &[u8], field: &str, text: &str) -> Vec<u8> {
    let mut message = DynamicMessage::decode(method.input(), body).unwrap();
    message.set_field_by_name(field, Value::String(text.to_owned()));
    message.encode_to_vec()
}

/// The answer without what is shown once.
fn essence(method: &MethodDescriptor, answer: &Bytes) -> Vec<u8> {
    match method.name() {
        "CreateApiKey" => {
            pb::CreateApiKeyResponse { secret: String::new(), ..pb::CreateApiKeyResponse::decode(answer.clone()).unwrap() }.encode_to_vec()
        }
        _ => answer.to_vec(),
    }
}

#[tokio::test]
async fn what_is_sent_twice_about_identity_gets_the_first_answer_without_its_secret_and_changes_nothing() {
    for method in remembering() {
        for since in [Since::Nothing, Since::Changed, Since::Deleted] {
            let (all, key) = prepared().await;
            let (what, body) = (format!("{} {since:?}", method.name()), request(method.name(), &key));
            let first = ask(&all, &method, &body).await.unwrap_or_else(|refused| panic!("{what}: {refused:?}"));
            happens(&all, since, method.name(), &key).await;
            let before = world(&all).await;
            let again = ask(&all, &method, &body).await.unwrap_or_else(|refused| panic!("{what}: {refused:?}"));
            assert_eq!(again, essence(&method, &first), "{what}");
            assert!(!again.windows(9).any(|bytes| bytes == b"zona_key_"), "{what}");
            assert_eq!(world(&all).await, before, "{what}");
            let anew = ask(&all, &method, &with(&method, &body, "request_id", ANOTHER)).await;
            let is_final = ["RevokeApiKey", "EraseSubject"].contains(&method.name()) || anew.is_err() || world(&all).await != before;
            assert!(is_final, "{what}: asked anew it would have had an effect");
            // Without what was deleted there is no other body to compare with.
            let other = match method.name() {
                "Revoke" => continue,
                "RevokeApiKey" | "EraseSubject" => continue,
                "CreateUser" => ("user_id", "other"),
                "CreateServiceAccount" => ("service_account_id", "other"),
                "UpdateUser" | "CreateApiKey" => continue,
                _ => ("etag", "99"),
            };
            let refused = ask(&all, &method, &with(&method, &body, other.0, other.1)).await.unwrap_err();
            assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "REQUEST_ID_REUSED".to_owned()), "{what}");
        }
    }
}
