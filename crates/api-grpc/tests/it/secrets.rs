//! Named secrets through a real client: values that go in and never come out, and executions that are handed them by reference.

use std::collections::BTreeMap;
use std::time::Duration;

use api_proto::zona::execution::v1 as executions;
use api_proto::zona::secret::v1 as pb;
use api_proto::zona::utility::v1 as utilities;
use domain::audit::{AuditRepository as _, Entry, Outcome};
use domain::name::SecretName;
use domain::secret::SecretRepository as _;
use prost_types::FieldMask;
use test_support::sample;
use test_support::secret_repository::id;
use tonic::Code;

use crate::harness::{Harness, TENANT, pairs, reason, utility_name, violations};

const REQUEST: &str = "0192e5a4-7f2b-7c64-9d1e-3a5b8c7d9e0f";
const NAME: &str = "tenants/demo/secrets/github";
const VALUE: &str = "correct horse battery staple";
const SCRIPT: &str = "def main(token):\n    #: return 1\n";

fn set(value: &str) -> pb::SetSecretRequest {
    let secret = pb::Secret { description: "for tests".to_owned(), utilities: vec![utility_name("some")], ..Default::default() };
    pb::SetSecretRequest { name: NAME.to_owned(), secret: Some(secret), value: value.to_owned(), ..Default::default() }
}

async fn put(server: &Harness, request: pb::SetSecretRequest) -> pb::Secret {
    server.secrets.clone().set_secret(request).await.unwrap().into_inner()
}

async fn value(server: &Harness) -> Option<String> {
    let opened = server.known.named_secrets.open(&sample::scope("demo"), &id("github")).await.unwrap();
    opened.map(|(_, value)| value.expose().to_owned())
}

/// All that is recorded of the tenant.
async fn recorded(server: &Harness) -> String {
    let records = server.execution_store.since(&sample::scope("demo"), 0, usize::MAX).await.unwrap();
    format!("{:?}", records.open_for_system().unwrap().items)
}

/// A utility whose parameter `token` is secret.
async fn create(server: &Harness, id: &str) {
    let parameter = |name: &str, secret| utilities::Parameter {
        name: name.to_owned(),
        value_type: utilities::ValueType::String.into(),
        secret,
        ..Default::default()
    };
    let parameters = vec![parameter("token", true), parameter("plain", false)];
    let utility = utilities::Utility { code: SCRIPT.to_owned(), parameters, parameters_overridden: true, ..Default::default() };
    server.create_as(id, utility).await.unwrap();
}

fn bound(parameter: &str, secret: &str) -> BTreeMap<String, String> {
    [(parameter.to_owned(), secret.to_owned())].into()
}

fn start(secrets: BTreeMap<String, String>) -> executions::StartExecutionRequest {
    executions::StartExecutionRequest { name: utility_name("some"), secret_parameters: secrets, ..Default::default() }
}

#[tokio::test]
async fn a_secret_is_set_changed_and_deleted_and_its_value_is_answered_to_nobody() {
    let server = Harness::start().await;
    let request = set(VALUE);
    assert!(!format!("{request:?}").contains(VALUE), "nor does a log show it");
    let made = put(&server, request).await;
    assert_eq!((made.name.as_str(), made.version, made.set_by.as_str()), (NAME, 1, "tenants/demo/users/local"));
    assert_eq!((made.utilities.clone(), value(&server).await), (vec![utility_name("some")], Some(VALUE.to_owned())));
    let got = server.secrets.clone().get_secret(pb::GetSecretRequest { name: NAME.to_owned() }).await.unwrap().into_inner();
    assert_eq!(got, made);

    let described = pb::Secret { description: "other".to_owned(), etag: made.etag.clone(), ..Default::default() };
    let describe = pb::SetSecretRequest { secret: Some(described), value: String::new(), ..set("") };
    let changed = put(&server, describe.clone()).await;
    assert_eq!((changed.description.as_str(), changed.version, changed.utilities.clone()), ("other", 1, made.utilities.clone()));
    let stale = server.secrets.clone().set_secret(describe).await.unwrap_err();
    assert_eq!((stale.code(), reason(&stale)), (Code::Aborted, "ETAG_MISMATCH".to_owned()));
    let paths = ["value", "utilities"].map(str::to_owned).to_vec();
    let replace = pb::SetSecretRequest { secret: None, update_mask: Some(FieldMask { paths }), ..set("another value") };
    let replaced = put(&server, replace).await;
    assert_eq!((replaced.version, replaced.utilities.len(), replaced.description.as_str()), (2, 0, "other"));
    assert_eq!(value(&server).await, Some("another value".to_owned()));

    let delete = pb::DeleteSecretRequest { name: NAME.to_owned(), ..Default::default() };
    server.secrets.clone().delete_secret(delete.clone()).await.unwrap();
    assert_eq!(value(&server).await, None);
    let gone = server.secrets.clone().delete_secret(delete).await.unwrap_err();
    assert_eq!((gone.code(), reason(&gone)), (Code::NotFound, "NOT_FOUND".to_owned()));
    let said = recorded(&server).await;
    for action in ["secret.set", "secret.get", "secret.delete"] {
        assert!(said.contains(action), "{action} is recorded");
    }
    assert!(said.contains("utilities=tenants/demo/utilities/some") && !said.contains(VALUE) && !said.contains("another value"));
}

#[tokio::test]
async fn every_violation_of_a_secret_is_told_at_once_and_none_says_anything_of_its_value() {
    let server = Harness::start().await;
    let secret = pb::Secret { description: "x".repeat(501), utilities: vec!["some".to_owned()], ..Default::default() };
    let wrong = pb::SetSecretRequest { secret: Some(secret), request_id: "no-uuid".to_owned(), ..set("abc") };
    let refused = server.secrets.clone().set_secret(wrong).await.unwrap_err();
    let expected =
        [("request_id", "MALFORMED"), ("secret.utilities[0]", "MALFORMED"), ("value", "TOO_SHORT"), ("secret.description", "TOO_LONG")];
    assert_eq!(violations(&refused), pairs(&expected));
    assert!(!format!("{refused:?}").contains("abc"));
    for (value, expected) in [("x".repeat(64 * 1024 + 1), "TOO_LONG"), ("\u{1F600}".repeat(16 * 1024), "TOO_LONG")] {
        let refused = server.secrets.clone().set_secret(set(&value)).await.unwrap_err();
        assert_eq!(violations(&refused), pairs(&[("value", expected)]));
    }
    put(&server, set(&"x".repeat(64 * 1024))).await;
    let none = pb::SetSecretRequest { update_mask: Some(FieldMask { paths: vec!["value".to_owned()] }), ..set("") };
    let refused = server.secrets.clone().set_secret(none).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("value", "MISSING")]));
    let absent = "tenants/demo/secrets/absent".to_owned();
    let etag = pb::Secret { etag: "\"s1\"".to_owned(), ..Default::default() };
    for (secret, value) in [(None, ""), (Some(etag), VALUE)] {
        let request = pb::SetSecretRequest { name: absent.clone(), secret, ..set(value) };
        let refused = server.secrets.clone().set_secret(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "there is nothing to change");
    }
}

#[tokio::test]
async fn a_request_about_a_secret_that_is_sent_twice_is_done_once() {
    let server = Harness::start().await;
    let ask = pb::SetSecretRequest { request_id: REQUEST.to_owned(), ..set(VALUE) };
    let first = put(&server, ask.clone()).await;
    put(&server, set("another value")).await;
    assert_eq!(put(&server, ask.clone()).await, first, "as it was answered then");
    assert_eq!(value(&server).await, Some("another value".to_owned()), "and not done again");
    let other = server.secrets.clone().set_secret(pb::SetSecretRequest { value: "other".to_owned(), ..ask }).await.unwrap_err();
    assert_eq!((other.code(), reason(&other)), (Code::FailedPrecondition, "REQUEST_ID_REUSED".to_owned()));
    let delete = pb::DeleteSecretRequest { name: NAME.to_owned(), request_id: REQUEST.to_owned(), ..Default::default() };
    let deleted = server.secrets.clone().delete_secret(delete.clone()).await.unwrap().into_inner();
    assert_eq!(server.secrets.clone().delete_secret(delete).await.unwrap().into_inner(), deleted);
}

#[tokio::test]
async fn an_execution_says_which_secrets_it_was_handed_and_a_repetition_answers_the_first_although_they_are_gone() {
    let server = Harness::start().await;
    create(&server, "some").await;
    put(&server, set(VALUE)).await;
    let ask = executions::StartExecutionRequest { request_id: REQUEST.to_owned(), ..start(bound("token", NAME)) };
    let started = server.executions.clone().start_execution(ask.clone()).await.unwrap().into_inner();
    let ended = server.ended(&started.name).await;
    let binding = executions::SecretBinding { parameter: "token".to_owned(), secret: NAME.to_owned(), version: 1 };
    assert_eq!((ended.secrets.as_slice(), ended.state()), (&[binding][..], executions::ExecutionState::Succeeded));
    let said = recorded(&server).await;
    assert!(said.contains(&format!("secret_parameters.token={NAME}")) && !said.contains(VALUE));
    let list = executions::ListExecutionsRequest { parent: TENANT.to_owned(), ..Default::default() };
    let listed = server.executions.clone().list_executions(list).await.unwrap().into_inner().executions;
    assert_eq!((listed.len(), listed[0].secrets.len()), (1, 0));
    server.secrets.clone().delete_secret(pb::DeleteSecretRequest { name: NAME.to_owned(), ..Default::default() }).await.unwrap();
    assert_eq!(server.executions.clone().start_execution(ask.clone()).await.unwrap().into_inner(), ended);
    let refused = server.executions.clone().start_execution(start(bound("token", NAME))).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "anew, it is asked for anew");
    assert_eq!(server.sandbox.started(), 1);
}

#[tokio::test]
async fn what_is_bound_wrongly_is_refused_before_anything_runs() {
    let server = Harness::start().await;
    create(&server, "some").await;
    put(&server, set(VALUE)).await;
    let refused = async |request| server.executions.clone().start_execution(request).await.unwrap_err();
    let malformed = refused(start(bound("token", "github"))).await;
    assert_eq!(violations(&malformed), pairs(&[("secret_parameters.token", "MALFORMED")]));
    let plain = refused(start(bound("plain", NAME))).await;
    assert_eq!(violations(&plain), pairs(&[("secret_parameters.plain", "NOT_SECRET")]));
    let twice = executions::StartExecutionRequest { params_json: r#"{"token": "x"}"#.to_owned(), ..start(bound("token", NAME)) };
    assert_eq!(violations(&refused(twice).await), pairs(&[("secret_parameters.token", "CONFLICT")]));
    let many = (0..65).map(|number| (format!("p{number}"), NAME.to_owned())).collect();
    assert_eq!(violations(&refused(start(many)).await), pairs(&[("secret_parameters", "TOO_MANY")]));
    let denied = async |name: &str| {
        let refused = refused(start(bound("token", name))).await;
        (refused.code(), format!("{refused:?}").replace(name, "NAME"))
    };
    let (absent, foreign) = (denied("tenants/demo/secrets/absent").await, denied("tenants/acme/secrets/absent").await);
    assert_eq!(absent.0, Code::PermissionDenied);
    assert_eq!((foreign.0, reason_of(&absent.1)), (absent.0, reason_of(&foreign.1)));
    let request = executions::TransformRequest {
        name: utility_name("some"),
        values_json: vec!["1".to_owned()],
        secret_parameters: bound("token", "github"),
        ..Default::default()
    };
    let transform = server.executions.clone().transform(request).await.unwrap_err();
    assert_eq!(violations(&transform), pairs(&[("secret_parameters.token", "MALFORMED")]));
    assert_eq!(server.sandbox.started(), 0);
}

async fn refused_to_set(server: &Harness, request: pb::SetSecretRequest) -> Code {
    server.secrets.clone().set_secret(request).await.unwrap_err().code()
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_replaced_or_deleted_by_whoever_says_nothing_of_what_they_saw() {
    let server = Harness::start().await;
    let made = put(&server, set(VALUE)).await;
    let damage = || server.known.named_secrets.damage(&SecretName::parse("name", NAME).unwrap());
    damage();
    let seen = |etag: &str| Some(pb::Secret { etag: etag.to_owned(), description: "other".to_owned(), ..Default::default() });
    assert_eq!(refused_to_set(&server, pb::SetSecretRequest { secret: seen(&made.etag), ..set(VALUE) }).await, Code::Internal);
    assert_eq!(refused_to_set(&server, pb::SetSecretRequest { secret: seen(""), ..set("") }).await, Code::Internal, "it has no value");
    let replaced = put(&server, pb::SetSecretRequest { secret: seen(""), ..set("another value") }).await;
    assert_eq!((replaced.version, replaced.description.as_str(), replaced.utilities.len()), (1, "other", 0), "nothing of it is known");
    assert_ne!(replaced.etag, made.etag);
    assert_eq!(value(&server).await, Some("another value".to_owned()));
    damage();
    let delete = |etag: String| pb::DeleteSecretRequest { name: NAME.to_owned(), etag, ..Default::default() };
    let refused = server.secrets.clone().delete_secret(delete(replaced.etag)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Internal);
    server.secrets.clone().delete_secret(delete(String::new())).await.unwrap();
    assert_eq!(value(&server).await, None);
}

#[tokio::test]
async fn what_was_seen_of_a_secret_is_no_leave_to_change_one_that_was_made_later_under_its_name() {
    let server = Harness::start().await;
    let first = put(&server, set(VALUE)).await;
    server.secrets.clone().delete_secret(pb::DeleteSecretRequest { name: NAME.to_owned(), ..Default::default() }).await.unwrap();
    server.clock.advance(Duration::from_secs(1));
    let second = put(&server, set("for something else")).await;
    assert_ne!(first.etag, second.etag);
    let release = pb::Secret { etag: first.etag, utilities: vec![utility_name("other")], ..Default::default() };
    assert_eq!(refused_to_set(&server, pb::SetSecretRequest { secret: Some(release), ..set("") }).await, Code::Aborted);
}

#[tokio::test]
async fn a_release_is_as_old_as_it_is_whatever_else_a_secret_is_released_to_later() {
    let server = Harness::start().await;
    put(&server, set(VALUE)).await;
    let released = async |utilities: &[&str]| {
        server.clock.advance(Duration::from_secs(1));
        let utilities: Vec<String> = utilities.iter().map(|id| utility_name(id)).collect();
        let paths = vec!["utilities".to_owned()];
        let secret = Some(pb::Secret { utilities, ..Default::default() });
        put(&server, pb::SetSecretRequest { secret, update_mask: Some(FieldMask { paths }), ..set("") }).await;
        let found = server.known.named_secrets.find(&sample::scope("demo"), &id("github")).await.unwrap().open_for_system().unwrap();
        found.utilities.into_values().map(|since| since.since(found.created).as_secs()).collect::<Vec<_>>()
    };
    assert_eq!(released(&["other", "some"]).await, [1, 0]);
    assert_eq!(released(&["some"]).await, [0]);
    assert_eq!(released(&["other", "some"]).await, [3, 0], "it was taken back, and released anew");
    assert_eq!(recorded(&server).await.matches(&format!("utilities={}", utility_name("some"))).count(), 1, "it was said once");
}

/// What is recorded of calls of this action.
async fn of_action(server: &Harness, action: &str) -> Vec<Entry> {
    server.spawner.settle().await;
    let found = server.execution_store.since(&sample::scope("demo"), 0, usize::MAX).await.unwrap().open_for_system().unwrap();
    found.items.into_iter().map(|record| record.entry).filter(|entry| entry.action == action).collect()
}

#[tokio::test]
async fn a_refusal_says_which_secret_was_tried_and_many_fill_no_log() {
    let server = Harness::start().await;
    create(&server, "some").await;
    let tried = "tenants/demo/secrets/guess";
    for _ in 0..100 {
        let refused = server.executions.clone().start_execution(start(bound("token", tried))).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
    }
    let found = of_action(&server, "utility.start").await;
    assert!(found.iter().all(|entry| entry.outcome == Outcome::Denied && entry.resource == tried), "{found:?}");
    assert_eq!(found.len(), 60, "beyond 60 a minute they are counted");
    server.clock.advance(Duration::from_secs(60));
    server.auditor.tend().await.unwrap();
    let counted: u64 = of_action(&server, "utility.start").await.iter().map(|entry| entry.count).sum();
    assert_eq!(counted, 100, "and none is missing");

    let transform = executions::TransformRequest {
        name: utility_name("some"),
        values_json: vec!["1".to_owned()],
        secret_parameters: bound("token", tried),
        ..Default::default()
    };
    assert_eq!(server.executions.clone().transform(transform).await.unwrap_err().code(), Code::PermissionDenied);
    let execute =
        executions::ExecuteUtilityRequest { name: utility_name("some"), secret_parameters: bound("token", tried), ..Default::default() };
    assert_eq!(server.executions.clone().execute_utility(execute).await.unwrap_err().code(), Code::PermissionDenied);
    for action in ["utility.transform", "utility.execute"] {
        let found = of_action(&server, action).await;
        assert_eq!(found.iter().map(|entry| (entry.resource.as_str(), entry.outcome)).collect::<Vec<_>>(), [(tried, Outcome::Denied)]);
    }
}

/// What a refusal says up to its details, in which stands when it was made.
fn reason_of(shown: &str) -> String {
    shown.split("details").next().unwrap().to_owned()
}
