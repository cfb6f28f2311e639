//! Named secrets: set, released and deleted by administrators, and never read back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::Result;
use domain::identity::Secret;
use domain::name::{SecretName, UtilityName};
use domain::page::PageRequest;
use domain::request::RequestKey;
use domain::revision::Etag;
use domain::secret::{MAX_RELEASES, MAX_VALUE, NamedSecret, NamedSecrets, SecretAsked, SecretPatch, actions};
use test_support::{InMemorySecrets, sample};

use crate::installation::{ADA, BEA, CLEO, Installed, principal, reason, tenant, violations};

const VALUE: &str = "a token of another system";

struct Keeping {
    installed: Installed,
    stored: Arc<InMemorySecrets>,
    secrets: NamedSecrets,
}

impl Keeping {
    async fn new() -> Self {
        let installed = Installed::new().await;
        let stored = Arc::new(InMemorySecrets::new(installed.clock.clone()));
        let secrets = NamedSecrets::new(stored.clone(), installed.clock.clone());
        Keeping { installed, stored, secrets }
    }

    async fn set(&self, who: &str, patch: SecretPatch, asked: SecretAsked) -> Result<NamedSecret> {
        let permit = self.installed.by::<actions::SetSecret>(who, github()).await?;
        self.secrets.set(&permit, patch, asked).await
    }

    async fn get(&self, who: &str) -> Result<NamedSecret> {
        let permit = self.installed.by::<actions::GetSecret>(who, github()).await?;
        self.secrets.get(&permit).await
    }

    async fn delete(&self, asked: SecretAsked) -> Result<NamedSecret> {
        let permit = self.installed.by::<actions::DeleteSecret>(ADA, github()).await?;
        self.secrets.delete(&permit, asked).await
    }
}

fn github() -> SecretName {
    SecretName::parse("name", "tenants/acme/secrets/github").expect("a name")
}

fn utility(id: &str) -> UtilityName {
    UtilityName { tenant: sample::tenant("acme"), utility: sample::utility_id(id) }
}

fn value(text: &str) -> SecretPatch {
    SecretPatch { value: Some(Secret::new(text)), ..SecretPatch::default() }
}

fn released(ids: &[&str]) -> SecretPatch {
    SecretPatch { utilities: Some(ids.iter().map(|id| utility(id)).collect()), ..SecretPatch::default() }
}

fn seen(etag: Etag) -> SecretAsked {
    SecretAsked { etag, ..SecretAsked::default() }
}

fn request(id: &str) -> SecretAsked {
    let request = RequestKey { caller: principal(ADA), ..sample::request("/zona.Test/Set", id, 1) };
    SecretAsked { request: Some(request), ..SecretAsked::default() }
}

#[tokio::test]
async fn a_secret_begins_with_a_value_and_each_value_is_another_version() {
    let keeping = Keeping::new().await;
    let described = SecretPatch { description: Some("Token".to_owned()), ..SecretPatch::default() };
    assert_eq!(reason(keeping.set(ADA, described, SecretAsked::default()).await), "NOT_FOUND", "there is no value to describe");
    let first = keeping.set(ADA, value(VALUE), SecretAsked::default()).await.unwrap();
    assert_eq!((first.version, &first.set_by, first.set), (1, &principal(ADA), keeping.installed.now()));
    keeping.installed.clock.advance(Duration::from_secs(60));
    let described = SecretPatch { description: Some("Token".to_owned()), ..SecretPatch::default() };
    let same = keeping.set(ADA, described, SecretAsked::default()).await.unwrap();
    assert_eq!((same.version, same.set, same.description.as_str()), (1, first.set, "Token"), "its value is what it was");
    let second = keeping.set(ADA, value("another token of it"), SecretAsked::default()).await.unwrap();
    assert_eq!((second.version, second.set, second.created), (2, keeping.installed.now(), first.created));
    assert_eq!(keeping.get(ADA).await.unwrap(), second);
}

#[tokio::test]
async fn only_administrators_know_what_secrets_there_are() {
    let keeping = Keeping::new().await;
    keeping.set(ADA, value(VALUE), SecretAsked::default()).await.unwrap();
    for who in [CLEO, BEA] {
        assert_eq!(reason(keeping.get(who).await), "PERMISSION_DENIED", "{who}");
        assert_eq!(reason(keeping.set(who, value(VALUE), SecretAsked::default()).await), "PERMISSION_DENIED", "{who}");
    }
    let permit = keeping.installed.by::<actions::ListSecrets>(ADA, tenant("acme")).await.unwrap();
    let listed = keeping.secrets.list(&permit, &PageRequest { size: 10, after: None }).await.unwrap().items;
    assert_eq!(listed.into_iter().map(|secret| secret.name).collect::<Vec<_>>(), [github()]);
}

#[tokio::test]
async fn what_cannot_be_masked_or_is_too_much_is_refused_and_nothing_is_said_of_the_value() {
    let keeping = Keeping::new().await;
    let wrong = async |patch| violations(keeping.set(ADA, patch, SecretAsked::default()).await);
    assert_eq!(wrong(value("x")).await, [("value".to_owned(), "TOO_SHORT")]);
    assert_eq!(wrong(value(&"x".repeat(MAX_VALUE + 1))).await, [("value".to_owned(), "TOO_LONG")]);
    let many: BTreeSet<UtilityName> = (0..=MAX_RELEASES).map(|number| utility(&format!("u{number}"))).collect();
    let patch = SecretPatch { description: Some("x".repeat(501)), utilities: Some(many), ..value(VALUE) };
    assert_eq!(wrong(patch).await, [("secret.description".to_owned(), "TOO_LONG"), ("secret.utilities".to_owned(), "TOO_MANY")]);
    assert_eq!(reason(keeping.get(ADA).await), "NOT_FOUND");
}

#[tokio::test]
async fn what_stays_released_is_meant_as_it_was_whatever_is_added_to_it() {
    let keeping = Keeping::new().await;
    keeping.set(ADA, value(VALUE), SecretAsked::default()).await.unwrap();
    let first = keeping.set(ADA, released(&["one"]), SecretAsked::default()).await.unwrap();
    keeping.installed.clock.advance(Duration::from_secs(60));
    let both = keeping.set(ADA, released(&["one", "two"]), SecretAsked::default()).await.unwrap();
    let now = keeping.installed.now();
    assert_eq!((both.utilities[&utility("one")], both.utilities[&utility("two")]), (first.utilities[&utility("one")], now));
    let one = keeping.set(ADA, released(&["two"]), SecretAsked::default()).await.unwrap();
    assert_eq!(one.utilities.into_keys().collect::<Vec<_>>(), [utility("two")]);
}

#[tokio::test]
async fn who_saw_another_secret_changes_nothing_also_of_one_that_was_made_anew_under_the_name() {
    let keeping = Keeping::new().await;
    let first = keeping.set(ADA, value(VALUE), SecretAsked::default()).await.unwrap();
    keeping.set(ADA, released(&["one"]), seen(first.etag())).await.unwrap();
    assert_eq!(reason(keeping.set(ADA, released(&[]), seen(first.etag())).await), "ETAG_MISMATCH");
    assert_eq!(reason(keeping.delete(seen(first.etag())).await), "ETAG_MISMATCH");
    keeping.delete(SecretAsked::default()).await.unwrap();
    assert_eq!(reason(keeping.set(ADA, value(VALUE), seen(first.etag())).await), "NOT_FOUND");
    keeping.installed.clock.advance(Duration::from_secs(60));
    let anew = keeping.set(ADA, value(VALUE), SecretAsked::default()).await.unwrap();
    assert_eq!((anew.version, anew.etag() == first.etag()), (1, false));
    assert_eq!(reason(keeping.delete(seen(first.etag())).await), "ETAG_MISMATCH");
}

#[tokio::test]
async fn a_request_that_comes_twice_is_done_once() {
    let keeping = Keeping::new().await;
    let first = keeping.set(ADA, value(VALUE), request("set")).await.unwrap();
    assert_eq!(keeping.set(ADA, value(VALUE), request("set")).await.unwrap(), first);
    assert_eq!(keeping.get(ADA).await.unwrap().version, 1);
    keeping.delete(request("delete")).await.unwrap();
    assert_eq!(keeping.delete(request("delete")).await.unwrap().name, github());
    assert_eq!(reason(keeping.delete(SecretAsked::default()).await), "NOT_FOUND");
}

#[tokio::test]
async fn one_that_cannot_be_read_any_more_is_replaced_or_deleted_and_nothing_else() {
    let keeping = Keeping::new().await;
    for deletes in [false, true] {
        keeping.set(ADA, value(VALUE), SecretAsked::default()).await.unwrap();
        keeping.stored.damage(&github());
        assert_eq!(reason(keeping.get(ADA).await), "INTERNAL");
        assert_eq!(reason(keeping.set(ADA, released(&["one"]), SecretAsked::default()).await), "INTERNAL", "it has no value to release");
        if deletes {
            keeping.delete(SecretAsked::default()).await.unwrap();
            assert_eq!(reason(keeping.get(ADA).await), "NOT_FOUND");
        } else {
            keeping.set(ADA, value("another token of it"), SecretAsked::default()).await.unwrap();
            assert_eq!(keeping.get(ADA).await.unwrap().version, 1, "of the one before nothing is known");
        }
    }
}
