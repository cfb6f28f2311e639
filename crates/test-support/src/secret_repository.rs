//! What every `SecretRepository` promises. Each check wants an empty repository.

use std::collections::BTreeMap;

use domain::identity::Secret;
use domain::name::{SecretId, SecretName, UtilityName};
use domain::page::PageRequest;
use domain::request::{Committed, Expected, RequestKey};
use domain::revision::Revision;
use domain::secret::{MAX_SECRETS, NamedSecret, SecretChange, SecretRepository};

use crate::sample::{self, at, scope, tenant, user};

/// Makes one test of each check. `$make` is an expression that dereferences to a `SecretRepository`.
#[macro_export]
macro_rules! secret_repository_contract {
    ($make:expr) => {
        $crate::secret_repository_contract! { $make;
            a_secret_survives_whole_with_its_value,
            a_secret_changes_only_from_the_expected_revision,
            secrets_are_listed_by_their_ids_in_pages_and_of_one_tenant,
            a_use_is_noted_once_a_minute_and_is_no_change,
            no_tenant_gets_more_secrets_than_it_may_have,
            what_is_deleted_is_gone_with_its_value,
            a_remembered_request_about_a_secret_is_answered_once,
        }
    };
    ($make:expr; $($check:ident,)*) => {
        $(#[tokio::test]
        async fn $check() {
            $crate::secret_repository::$check(&*$make).await;
        })*
    };
}

/// Reads the id of a secret.
pub fn id(text: &str) -> SecretId {
    SecretId::parse("secret", text).expect("the id is one")
}

/// A secret with every field filled, but that it was never used.
pub fn secret(code: &str, secret: &str) -> NamedSecret {
    let utility = |utility: &str| UtilityName { tenant: tenant(code), utility: sample::utility_id(utility) };
    NamedSecret {
        name: SecretName { tenant: tenant(code), secret: id(secret) },
        description: "for \"tests\"".to_owned(),
        utilities: [(utility("extract"), at(3)), (utility("report"), at(5))].into(),
        version: 7,
        set_by: user("ann"),
        set: at(2),
        created: at(1),
        updated: at(4),
        last_used: None,
        revision: Revision::FIRST,
    }
}

/// Makes a secret with this value.
pub fn creation(secret: &NamedSecret, value: &str) -> SecretChange {
    let value = Some(Secret::new(value));
    SecretChange { expected: Expected::Absent, secret: secret.clone(), deletes: false, value, request: None }
}

/// Changes a secret, and not its value.
pub fn change(before: &NamedSecret, after: &NamedSecret) -> SecretChange {
    let secret = NamedSecret { revision: before.revision.next(), ..after.clone() };
    SecretChange { expected: Expected::Revision(before.revision), secret, deletes: false, value: None, request: None }
}

async fn commit(repository: &dyn SecretRepository, change: SecretChange) -> Committed<NamedSecret> {
    let scope = scope(change.secret.name.tenant.as_str());
    repository.commit(&scope, change).await.expect("the store answers")
}

async fn find(repository: &dyn SecretRepository, code: &str, secret: &str) -> Option<NamedSecret> {
    repository.find(&scope(code), &id(secret)).await.expect("the store answers").open_for_system()
}

async fn opened(repository: &dyn SecretRepository, code: &str, secret: &str) -> Option<(NamedSecret, String)> {
    let opened = repository.open(&scope(code), &id(secret)).await.expect("the store answers");
    opened.map(|(secret, value)| (secret, value.expose().to_owned()))
}

/// The value comes back, and only to whom it belongs.
pub async fn a_secret_survives_whole_with_its_value(repository: &dyn SecretRepository) {
    let one = secret("acme", "a");
    assert_eq!(commit(repository, creation(&one, "val\u{0}ue \u{1F600}")).await, Committed::Stored);
    assert_eq!(commit(repository, creation(&secret("beta", "a"), "other")).await, Committed::Stored);
    assert_eq!(commit(repository, creation(&one, "again")).await, Committed::Conflict);
    assert_eq!((find(repository, "acme", "a").await, find(repository, "acme", "b").await), (Some(one.clone()), None));
    assert_eq!(opened(repository, "acme", "a").await, Some((one, "val\u{0}ue \u{1F600}".to_owned())));
    assert_eq!(opened(repository, "beta", "a").await.map(|(_, value)| value), Some("other".to_owned()));
    for id in [id("a"), id("b")] {
        assert_eq!(repository.find_unreadable(&scope("acme"), &id).await.expect("the store answers"), None);
    }
    assert_eq!(opened(repository, "acme", "b").await, None);
}

/// A change from another revision stores nothing, and one of something else keeps the value.
pub async fn a_secret_changes_only_from_the_expected_revision(repository: &dyn SecretRepository) {
    let first = secret("acme", "a");
    assert_eq!(commit(repository, change(&first, &first)).await, Committed::Conflict, "there is none");
    commit(repository, creation(&first, "first")).await;
    let second = NamedSecret { description: "other".to_owned(), utilities: BTreeMap::new(), ..first.clone() };
    assert_eq!(commit(repository, change(&first, &second)).await, Committed::Stored);
    let stale = SecretChange { value: Some(Secret::new("stale")), ..change(&first, &first) };
    assert_eq!(commit(repository, stale).await, Committed::Conflict);
    let stored = NamedSecret { revision: first.revision.next(), ..second };
    assert_eq!(opened(repository, "acme", "a").await, Some((stored.clone(), "first".to_owned())));
    let third = SecretChange { value: Some(Secret::new("third")), ..change(&stored, &NamedSecret { version: 8, ..stored.clone() }) };
    assert_eq!(commit(repository, third).await, Committed::Stored);
    let (third, value) = opened(repository, "acme", "a").await.expect("it is there");
    assert_eq!((third.version, value.as_str()), (8, "third"));
}

/// A page ends where the next one begins.
pub async fn secrets_are_listed_by_their_ids_in_pages_and_of_one_tenant(repository: &dyn SecretRepository) {
    for name in ["c", "a", "b"] {
        commit(repository, creation(&secret("acme", name), "value")).await;
    }
    commit(repository, creation(&secret("beta", "d"), "value")).await;
    let list = async |after| {
        let page = repository.list(&scope("acme"), &PageRequest { size: 2, after }).await.expect("the store answers");
        let page = page.open_for_system().expect("there is a page");
        (page.items.iter().map(|secret| secret.name.secret.to_string()).collect::<Vec<_>>(), page.next)
    };
    let (first, next) = list(None).await;
    let (second, end) = list(next).await;
    assert_eq!((first, second, end), (vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()], None));
}

/// Whoever has seen the secret before may still change it.
pub async fn a_use_is_noted_once_a_minute_and_is_no_change(repository: &dyn SecretRepository) {
    let one = secret("acme", "a");
    commit(repository, creation(&one, "value")).await;
    for other in ["b", "c"] {
        commit(repository, creation(&secret("acme", other), "value")).await;
    }
    let used = async |millis| {
        repository.note_uses(&scope("acme"), &[id("a"), id("none")], at(millis)).await.expect("the store answers");
        find(repository, "acme", "a").await.expect("it is there").last_used
    };
    assert_eq!((used(60_000).await, used(119_999).await, used(120_000).await), (Some(at(60_000)), Some(at(60_000)), Some(at(120_000))));
    repository.note_uses(&scope("acme"), &[id("none")], at(1)).await.expect("nothing to note is no failure");
    assert_eq!(commit(repository, change(&one, &one)).await, Committed::Stored);
    assert_eq!(find(repository, "acme", "a").await.expect("it is there").last_used, Some(at(120_000)), "a change keeps it");
    repository.note_uses(&scope("acme"), &[id("a"), id("b")], at(150_000)).await.expect("the store answers");
    let mut all = Vec::new();
    for one in ["a", "b", "c"] {
        all.push(find(repository, "acme", one).await.expect("it is there").last_used);
    }
    assert_eq!(all, [Some(at(120_000)), Some(at(150_000)), None], "each by itself");
}

/// Another tenant's do not count.
pub async fn no_tenant_gets_more_secrets_than_it_may_have(repository: &dyn SecretRepository) {
    commit(repository, creation(&secret("beta", "a"), "value")).await;
    for number in 0..MAX_SECRETS {
        commit(repository, creation(&secret("acme", &format!("s-{number}")), "value")).await;
    }
    let refused = repository.commit(&scope("acme"), creation(&secret("acme", "one-more"), "value")).await.expect_err("it is full");
    assert_eq!(refused.reason(), "TOO_MANY_SECRETS");
    assert_eq!(find(repository, "acme", "one-more").await, None);
    assert_eq!(commit(repository, creation(&secret("beta", "b"), "value")).await, Committed::Stored);
}

/// One of the same name later has nothing of it.
pub async fn what_is_deleted_is_gone_with_its_value(repository: &dyn SecretRepository) {
    let one = secret("acme", "a");
    commit(repository, creation(&one, "value")).await;
    repository.note_uses(&scope("acme"), &[id("a")], at(60_000)).await.expect("the store answers");
    assert_eq!(commit(repository, SecretChange { deletes: true, ..change(&one, &one) }).await, Committed::Stored);
    assert_eq!((find(repository, "acme", "a").await, opened(repository, "acme", "a").await), (None, None));
    commit(repository, creation(&one, "other")).await;
    assert_eq!(opened(repository, "acme", "a").await, Some((one, "other".to_owned())));
}

/// The first answer comes back, and another body is refused.
pub async fn a_remembered_request_about_a_secret_is_answered_once(repository: &dyn SecretRepository) {
    let one = secret("acme", "a");
    let key = |body| sample::request("SetSecret", "one", body);
    let ask = |key: RequestKey| SecretChange { request: Some(key), ..creation(&one, "value") };
    assert_eq!(commit(repository, ask(key(1))).await, Committed::Stored);
    commit(repository, SecretChange { deletes: true, ..change(&one, &one) }).await;
    assert_eq!(commit(repository, ask(key(1))).await, Committed::Answered(Box::new(one.clone())));
    assert_eq!(commit(repository, ask(key(2))).await, Committed::KeyReused);
    assert_eq!(find(repository, "acme", "a").await, None, "nothing was done again");
    let look = repository.find_answer(&scope("acme"), &key(1)).await.expect("the store answers");
    assert_eq!(look, Some(Committed::Answered(Box::new(one))));
}
