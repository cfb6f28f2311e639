//! Principals, keys, sessions, secrets and webhooks keep the contracts of their ports, on one server and between two.

use domain::ErrorKind;
use domain::audit::{AuditRepository, Entry};
use domain::hash::Hash;
use domain::identity::{
    BootstrapRepository, Erasure, Principal, PrincipalChange, PrincipalRepository, PrincipalState, Role, Secret, Session,
    SessionRepository, SubjectRepository,
};
use domain::name::{PrincipalName, TenantId};
use domain::request::{Committed, Expected};
use domain::revision::Revision;
use domain::secret::{MAX_SECRETS, NamedSecret, SecretChange, SecretRepository};
use domain::server::KeyRepository;
use domain::time::Timestamp;
use mongodb::bson::{Document, doc};
use storage_rules::Person;
use test_support::audit_repository::entry;
use test_support::identity_repository::session;
use test_support::sample::{at, principal, request, scope, user};
use test_support::secret_repository::{change, creation, id, secret};

use super::Scratch;
use crate::MongoStore;
use crate::collections::{ALL, PRINCIPALS, SECRETS, SUBJECTS};
use crate::row::{binary, key};
use crate::transaction::transact;

mod identity {
    test_support::identity_repository_contract!(super::Scratch::checked().await);
}

mod secrets {
    test_support::secret_repository_contract!(super::Scratch::checked().await);
}

mod platform {
    test_support::platform_repository_contract!(super::Scratch::checked().await);
}

const ANN: &str = "tenants/acme/users/ann";
const BOB: &str = "tenants/acme/users/bob";
/// What stands in the place of a name that does not open.
const UNREADABLE: &str = "(cannot be opened)";
/// Texts that stand nowhere else.
const DISPLAY_NAME: &str = "Zaphodina Quuxbury";
const VALUE: &str = "correct horse battery staple";

fn named(name: &str, display_name: &str) -> Principal {
    Principal { display_name: display_name.to_owned(), ..principal(name) }
}

fn made(principal: &Principal) -> PrincipalChange {
    PrincipalChange { expected: Expected::Absent, principal: principal.clone(), deletes: false, judged_at: None, request: None }
}

async fn commit(store: &MongoStore, change: PrincipalChange) -> Committed<Principal> {
    PrincipalRepository::commit(store, &scope("acme"), change).await.unwrap()
}

async fn find(store: &MongoStore, name: &str) -> Option<Principal> {
    let name = PrincipalName::parse("name", name).unwrap();
    PrincipalRepository::find(store, &scope("acme"), &name).await.unwrap().open_for_system()
}

/// Every document of the database, as text.
pub(super) async fn everything(store: &MongoStore) -> String {
    let mut all = String::new();
    for collection in ALL.iter().copied().flatten() {
        let documents = store.shared.database.collection::<mongodb::bson::RawDocumentBuf>(collection.name);
        let mut cursor = documents.find(doc! {}).await.unwrap();
        while cursor.advance().await.unwrap() {
            all.push_str(&String::from_utf8_lossy(cursor.current().as_bytes()));
        }
    }
    all
}

async fn document(store: &MongoStore, collection: &str, id: &str) -> Document {
    store.shared.database.collection::<Document>(collection).find_one(doc! { "_id": id }).await.unwrap().expect("it is there")
}

async fn overwrite(store: &MongoStore, collection: &str, id: &str, fields: Document) {
    let documents = store.shared.database.collection::<Document>(collection);
    let done = documents.update_one(doc! { "_id": id }, doc! { "$set": fields }).await.unwrap();
    assert_eq!(done.matched_count, 1, "{id}");
}

// === persons ===

#[tokio::test]
async fn what_a_user_is_called_is_in_no_document_and_is_read_as_it_was_written() {
    let store = Scratch::new().await;
    let ann = named(ANN, DISPLAY_NAME);
    let change = PrincipalChange { request: Some(request("CreateUser", "one", 1)), ..made(&ann) };
    assert_eq!(commit(&store, change.clone()).await, Committed::Stored);
    assert_eq!(find(&store, ANN).await, Some(ann.clone()));
    assert!(matches!(commit(&store, change).await, Committed::Answered(answered) if answered.display_name == DISPLAY_NAME));
    let all = everything(&store).await;
    assert!(all.contains("users/ann") || all.contains("users%2Fann"), "names are no secret");
    for part in [DISPLAY_NAME, "Zaphodina", "Quuxbury"] {
        assert!(!all.contains(part), "{part}");
    }
}

#[tokio::test]
async fn who_is_erased_within_a_transaction_is_known_to_nothing_behind_it_there() {
    let (store, ann, acme) = (Scratch::new().await, user("ann"), scope("acme"));
    let vault = &store.shared.vault;
    let seen = transact!(&store, "testing", acme.tenant(), |session| {
        let Person::Known(made) = vault.person(session, &ann).await? else { panic!("nobody has erased her") };
        let again = vault.find_person(session, &ann).await?.map(|person| person.reference());
        assert_eq!(again, Some(Person::Known(made.clone()).reference()), "it is the same person");
        vault.destroy(session, &made, at(1)).await?;
        vault.find_person(session, &ann).await
    });
    assert!(matches!(seen.unwrap(), Some(Person::Erased(_))));
}

#[tokio::test]
async fn what_was_moved_to_another_user_is_no_name_of_theirs() {
    let store = Scratch::new().await;
    for (name, called) in [(ANN, "Ann"), (BOB, "Bob")] {
        assert_eq!(commit(&store, made(&named(name, called))).await, Committed::Stored);
    }
    let theirs = document(&store, PRINCIPALS.name, "acme/user/ann").await;
    overwrite(&store, PRINCIPALS.name, "acme/user/bob", doc! { "document": theirs.get_str("document").unwrap() }).await;
    assert_eq!(find(&store, BOB).await.unwrap().display_name, UNREADABLE);
    assert_eq!(find(&store, ANN).await.unwrap().display_name, "Ann", "nobody else is spoiled");
}

#[tokio::test]
async fn two_servers_that_name_somebody_at_the_same_time_make_one_person() {
    let store = Scratch::new().await;
    let another = store.another().await;
    let acts = |number| Entry { resource: ANN.to_owned(), ..entry("acme", number) };
    commit(&store, made(&named(ANN, ""))).await;
    let (one, other) = tokio::join!(AuditRepository::append(&*store, vec![acts(1)]), AuditRepository::append(&another, vec![acts(2)]));
    one.unwrap();
    other.unwrap();
    let there_are = store.shared.database.collection::<Document>(SUBJECTS.name).count_documents(doc! { "tenant": "acme" }).await.unwrap();
    assert_eq!(there_are, 1);
}

#[tokio::test]
async fn who_was_erased_by_one_server_is_gone_on_another_at_once_and_nobody_gets_their_name_there() {
    let store = Scratch::new().await;
    let another = store.another().await;
    let ann = named(ANN, DISPLAY_NAME);
    commit(&store, made(&ann)).await;
    // The other server has their key in memory now.
    assert_eq!(find(&another, ANN).await, Some(ann.clone()));
    let erasure = Erasure { user: user("ann"), principal: Some(ann.clone()), judged_at: None, request: None };
    assert_eq!(SubjectRepository::erase(&*store, &scope("acme"), erasure).await.unwrap(), Committed::Stored);
    assert_eq!(find(&another, ANN).await, None);
    assert_eq!(commit(&another, made(&ann)).await, Committed::Conflict);
    let again = PrincipalChange { expected: Expected::Revision(ann.revision), ..made(&ann) };
    assert_eq!(commit(&another, again).await, Committed::Conflict);
    let voided = another.find_deletion(&scope("acme"), &user("ann")).await.unwrap();
    assert_eq!(voided, Some(Timestamp::from_millis(u64::MAX)));
}

// === identity ===

#[tokio::test]
async fn of_two_changes_on_two_servers_that_were_judged_at_one_epoch_one_is_a_conflict() {
    let store = Scratch::new().await;
    let another = store.another().await;
    for name in [ANN, BOB] {
        commit(&store, made(&named(name, ""))).await;
    }
    let judged = PrincipalRepository::epoch(&*store, &scope("acme")).await.unwrap();
    assert_eq!(PrincipalRepository::epoch(&another, &scope("acme")).await.unwrap(), judged);
    let next = |name| PrincipalChange {
        expected: Expected::Revision(Revision::FIRST),
        judged_at: Some(judged),
        ..made(&Principal { revision: Revision::FIRST.next(), ..named(name, "") })
    };
    let (one, other) = tokio::join!(commit(&store, next(ANN)), commit(&another, next(BOB)));
    let stored = [&one, &other].into_iter().filter(|committed| **committed == Committed::Stored).count();
    let refused = [&one, &other].into_iter().filter(|committed| **committed == Committed::Conflict).count();
    assert_eq!((stored, refused), (1, 1), "{one:?} {other:?}");
}

#[tokio::test]
async fn a_code_is_redeemed_on_one_of_two_servers() {
    let store = Scratch::new().await;
    let another = store.another().await;
    let root =
        |id: &str| Principal { role: Role::SuperAdmin, state: PrincipalState::Active, ..principal(&format!("tenants/system/users/{id}")) };
    let code = Hash::from_bytes([1; 32]);
    assert!(store.offer(code).await.unwrap());
    let (first, second) = (root("one"), root("two"));
    let (one, other) = tokio::join!(store.redeem(&code, &first), another.redeem(&code, &second));
    assert!(one.unwrap() != other.unwrap());
    assert!(!another.offer(code).await.unwrap(), "there is a super administrator");
    let system = scope(TenantId::system().as_str());
    assert_eq!(another.count_super_admins(&system).await.unwrap(), 1);
}

#[tokio::test]
async fn a_session_and_the_record_of_its_beginning_are_stored_both_or_neither() {
    let (store, acme) = (Scratch::new().await, scope("acme"));
    let [first, second]: [Session; 2] = [1, 2].map(|number| session(ANN, number));
    store.insert(&acme, &first, Some(&entry("acme", 1))).await.unwrap();
    assert_eq!(SessionRepository::find_shown(&*store, &first.id).await.unwrap(), Some(first));
    assert_eq!(store.size(&acme).await.unwrap(), 1);
    // Larger than any document may be.
    let refused = Entry { reason: "x".repeat(17 << 20), ..entry("acme", 2) };
    store.insert(&acme, &second, Some(&refused)).await.unwrap_err();
    assert_eq!(SessionRepository::find_shown(&*store, &second.id).await.unwrap(), None);
    assert_eq!(store.size(&acme).await.unwrap(), 1);
}

#[tokio::test]
async fn a_principal_made_again_under_the_same_name_holds_nothing() {
    let store = Scratch::new().await;
    test_support::identity_repository::a_principal_made_again_under_the_same_name_holds_nothing(&*store, &*store).await;
}

// === secrets ===

async fn with_secrets(names: &[(&'static str, &'static str)]) -> Scratch {
    let store = Scratch::new().await;
    for (tenant, name) in names {
        let made = creation(&secret(tenant, name), VALUE);
        assert_eq!(SecretRepository::commit(&*store, &scope(tenant), made).await.unwrap(), Committed::Stored);
    }
    store
}

/// What became of opening it.
async fn opens(store: &MongoStore, tenant: &str, name: &str) -> Result<Option<String>, ErrorKind> {
    let opened = store.open(&scope(tenant), &id(name)).await.map_err(|error| error.kind())?;
    Ok(opened.map(|(_, value)| value.expose().to_owned()))
}

async fn sealed(store: &MongoStore, tenant: &str, name: &str) -> Vec<u8> {
    document(store, SECRETS.name, &key(&[tenant, name])).await.get_binary_generic("value").unwrap().clone()
}

async fn reseal(store: &MongoStore, tenant: &str, name: &str, sealed: Vec<u8>) {
    overwrite(store, SECRETS.name, &key(&[tenant, name]), doc! { "value": binary(sealed) }).await;
}

#[tokio::test]
async fn a_value_is_in_no_document_and_is_opened_in_no_other_and_not_once_it_is_damaged() {
    let store = with_secrets(&[("acme", "a"), ("acme", "b"), ("beta", "a")]).await;
    assert!(!everything(&store).await.contains(VALUE));
    let own = sealed(&store, "acme", "a").await;
    assert_ne!(own, sealed(&store, "acme", "b").await, "equal values are not seen to be equal");
    for (tenant, name) in [("acme", "b"), ("beta", "a")] {
        let before = sealed(&store, tenant, name).await;
        reseal(&store, tenant, name, own.clone()).await;
        assert_eq!(opens(&store, tenant, name).await, Err(ErrorKind::Internal), "{tenant}/{name}");
        reseal(&store, tenant, name, before).await;
        assert_eq!(opens(&store, tenant, name).await, Ok(Some(VALUE.to_owned())));
    }
    for at in [0, own.len() / 2, own.len() - 1] {
        let mut damaged = own.clone();
        damaged[at] ^= 1;
        reseal(&store, "acme", "a", damaged).await;
        assert_eq!(opens(&store, "acme", "a").await, Err(ErrorKind::Internal), "byte {at}");
    }
}

#[tokio::test]
async fn a_value_of_before_does_not_open_as_the_one_of_now() {
    let store = with_secrets(&[("acme", "a")]).await;
    let (before, made) = (sealed(&store, "acme", "a").await, secret("acme", "a"));
    let second = NamedSecret { version: made.version + 1, ..made.clone() };
    let changed = SecretChange { value: Some(Secret::new("another")), ..change(&made, &second) };
    SecretRepository::commit(&*store, &scope("acme"), changed).await.unwrap();
    assert_eq!(opens(&store, "acme", "a").await, Ok(Some("another".to_owned())));
    reseal(&store, "acme", "a", before).await;
    assert_eq!(opens(&store, "acme", "a").await, Err(ErrorKind::Internal));
}

#[tokio::test]
async fn two_servers_that_add_the_last_secret_at_the_same_time_do_not_add_both() {
    let store = with_secrets(&[]).await;
    let another = store.another().await;
    transact!(&store, "testing", scope("acme").tenant(), |session| {
        crate::counts::advance(session, scope("acme").tenant(), SECRETS.name, MAX_SECRETS as i64 - 1).await
    })
    .unwrap();
    let add = async |store: &MongoStore, name: &str| {
        SecretRepository::commit(store, &scope("acme"), creation(&secret("acme", name), VALUE)).await
    };
    let (one, other) = tokio::join!(add(&store, "a"), add(&another, "b"));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    let full = one.and(other).unwrap_err();
    assert_eq!(full.kind(), domain::secret::too_many(scope("acme").tenant()).kind());
}

#[tokio::test]
async fn a_rotation_of_keys_touches_nothing_that_is_sealed_and_all_opens_behind_it() {
    let store = with_secrets(&[("acme", "a"), ("beta", "a")]).await;
    commit(&store, made(&named(ANN, DISPLAY_NAME))).await;
    let (before, running) = (sealed(&store, "acme", "a").await, store.another().await);
    let old = KeyRepository::wrapping_keys(&*store).await.unwrap().remove(0);
    let asked = request("RotateKeys", "one", 1);
    let Committed::Answered(made) = KeyRepository::rotate(&*store, Some(&asked)).await.unwrap() else { panic!("not rotated") };
    let keys: Vec<_> = KeyRepository::wrapping_keys(&*store).await.unwrap().into_iter().map(|key| (key.id, key.wraps)).collect();
    assert_eq!(keys, [((*made).clone(), old.wraps), (old.id, 0)]);
    assert_eq!(KeyRepository::rotate(&*store, Some(&asked)).await.unwrap(), Committed::Answered(made.clone()), "no other is made");
    assert_eq!(KeyRepository::find_rotation(&*store, &asked).await.unwrap(), Some(Committed::Answered(made)));
    assert_eq!(KeyRepository::go_on_rotating(&*store).await.unwrap(), 0);
    assert_eq!(sealed(&store, "acme", "a").await, before);
    // A server that has run all along finds the new key, and one that is started.
    assert_eq!(opens(&running, "acme", "a").await, Ok(Some(VALUE.to_owned())));
    let next = store.another().await;
    assert_eq!(opens(&next, "acme", "a").await, Ok(Some(VALUE.to_owned())));
    assert_eq!(find(&next, ANN).await.unwrap().display_name, DISPLAY_NAME);
}
