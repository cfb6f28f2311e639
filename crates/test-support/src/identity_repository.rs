//! What every store of identity promises; each check wants an empty one.

use std::time::Duration;

use domain::access::{Access, GrantRepository, Grantee, HeldGrants, TenantScope};
use domain::hash::Hash;
use domain::identity::{
    ApiKey, ApiKeyChange, ApiKeyRepository, BootstrapRepository, DELETION_REMEMBERED, Erasure, PasswordHash, Principal, PrincipalChange,
    PrincipalQuery, PrincipalRepository, PrincipalState, Role, Session, SessionKind, SessionRepository, SubjectRepository, SubjectState,
};
use domain::name::{ApiKeyId, PrincipalKind, PrincipalName, SessionId, TenantId};
use domain::page::PageRequest;
use domain::request::{Committed, Expected, RequestKey};
use domain::revision::Revision;

use crate::sample::{at, grant, principal, scope, user};

/// A store of identity.
pub trait IdentityStore: PrincipalRepository + ApiKeyRepository + SessionRepository + BootstrapRepository + SubjectRepository {}

impl<T: PrincipalRepository + ApiKeyRepository + SessionRepository + BootstrapRepository + SubjectRepository> IdentityStore for T {}

/// Makes one test of each check. `$make` is an expression that gives something that dereferences to an empty store.
#[macro_export]
macro_rules! identity_repository_contract {
    ($make:expr) => {
        $crate::identity_repository_contract! { $make;
            a_principal_survives_whole_and_only_for_its_tenant,
            a_principal_changes_only_from_the_expected_revision,
            what_is_judged_at_another_epoch_is_a_conflict,
            a_deleted_principal_takes_keys_and_sessions_along,
            a_deletion_is_remembered_for_its_time,
            who_was_erased_is_gone_for_good_and_nobody_gets_their_name,
            an_erasure_that_was_judged_by_something_else_is_a_conflict,
            a_remembered_request_is_answered_without_the_password,
            pages_of_principals_join_to_the_whole_of_one_kind_and_tenant,
            a_better_hash_is_no_change,
            a_key_is_found_by_its_id_and_changes_only_from_the_expected_revision,
            a_sessions_generations_follow_each_other_and_end_with_its_revocation,
            sessions_that_have_ended_are_forgotten_as_others_begin,
            a_session_whose_id_is_taken_is_not_stored,
            whatever_takes_something_away_advances_the_epoch,
            a_code_serves_once_and_not_beside_a_super_administrator,
        }
    };
    ($make:expr; $($check:ident,)*) => {
        $(#[tokio::test]
        async fn $check() {
            let store = $make;
            $crate::identity_repository::$check(&*store).await;
        })*
    };
}

fn name(text: &str) -> PrincipalName {
    PrincipalName::parse("name", text).expect("the name is one")
}

fn change(expected: Expected, principal: &Principal) -> PrincipalChange {
    PrincipalChange { expected, principal: principal.clone(), deletes: false, judged_at: None, request: None }
}

fn key(account: &str, id: &str) -> ApiKey {
    ApiKey {
        id: ApiKeyId::parse("id", id).expect("the id is one"),
        account: name(account),
        hash: Hash::from_bytes([7; 32]),
        description: "deploys".to_owned(),
        created: at(1),
        expires: Some(at(9)),
        last_used: None,
        revoked: None,
        issued_under: at(3),
        revision: Revision::FIRST,
    }
}

fn session_id(number: u32) -> SessionId {
    SessionId::parse("id", &format!("00000000-0000-4000-8000-{number:012}")).expect("the id is one")
}

/// A session of somebody.
pub fn session(of: &str, number: u32) -> Session {
    Session {
        id: session_id(number),
        principal: name(of),
        kind: SessionKind::Refreshed,
        key: Some(ApiKeyId::parse("id", "abcdefghij234567").expect("the id is one")),
        created: at(1),
        expires: at(100),
        revoked: None,
        generation: 0,
        refresh: Hash::from_bytes([9; 32]),
        family: Hash::from_bytes([6; 32]),
        issued_under: at(3),
        vouched: None,
    }
}

fn request(id: u32) -> RequestKey {
    let id = format!("00000000-0000-4000-8000-{id:012}");
    RequestKey { method: "CreateUser", caller: name("tenants/acme/users/boss"), id, body: Hash::from_bytes([1; 32]) }
}

async fn find(store: &dyn IdentityStore, scope: &TenantScope, text: &str) -> Option<Principal> {
    PrincipalRepository::find(store, scope, &name(text)).await.expect("the store answers").open_for_system()
}

async fn commit(store: &dyn IdentityStore, change: PrincipalChange) -> Committed<Principal> {
    let scope = TenantScope::for_system(change.principal.name.tenant().clone());
    PrincipalRepository::commit(store, &scope, change).await.expect("the store answers")
}

async fn put(store: &dyn IdentityStore, principal: &Principal) {
    assert_eq!(commit(store, change(Expected::Absent, principal)).await, Committed::Stored);
}

async fn put_key(store: &dyn IdentityStore, expected: Expected, key: &ApiKey) -> Committed<ApiKey> {
    let scope = TenantScope::for_system(key.account.tenant().clone());
    let change = ApiKeyChange { expected, key: key.clone(), request: None };
    ApiKeyRepository::commit(store, &scope, change).await.expect("the store answers")
}

async fn epoch(store: &dyn IdentityStore, tenant: &str) -> u64 {
    store.epoch(&scope(tenant)).await.expect("the store answers")
}

/// Every field comes back; under another tenant's scope there is nobody.
pub async fn a_principal_survives_whole_and_only_for_its_tenant(store: &dyn IdentityStore) {
    let (user, account) = (principal("tenants/acme/users/ann"), principal("tenants/acme/serviceAccounts/ann"));
    let account = Principal { password: None, state: PrincipalState::Active, role: Role::Admin, ..account };
    put(store, &user).await;
    put(store, &account).await;
    assert_eq!(find(store, &scope("acme"), "tenants/acme/users/ann").await, Some(user));
    assert_eq!(find(store, &scope("acme"), "tenants/acme/serviceAccounts/ann").await, Some(account));
    assert_eq!(find(store, &scope("beta"), "tenants/acme/users/ann").await, None);
    assert_eq!(find(store, &scope("acme"), "tenants/beta/users/ann").await, None);
}

/// A change from another revision stores nothing, and neither does a second creation.
pub async fn a_principal_changes_only_from_the_expected_revision(store: &dyn IdentityStore) {
    let first = principal("tenants/acme/users/ann");
    let second = Principal { revision: Revision::FIRST.next(), display_name: "Anna".to_owned(), ..first.clone() };
    assert_eq!(commit(store, change(Expected::Revision(Revision::FIRST), &second)).await, Committed::Conflict);
    put(store, &first).await;
    assert_eq!(commit(store, change(Expected::Absent, &second)).await, Committed::Conflict);
    assert_eq!(commit(store, change(Expected::Revision(Revision::FIRST), &second)).await, Committed::Stored);
    assert_eq!(commit(store, change(Expected::Revision(Revision::FIRST), &first)).await, Committed::Conflict);
    assert_eq!(find(store, &scope("acme"), "tenants/acme/users/ann").await, Some(second));
}

/// Two changes that were both judged before either was stored: the second is refused.
pub async fn what_is_judged_at_another_epoch_is_a_conflict(store: &dyn IdentityStore) {
    let (one, other) = (principal("tenants/acme/users/one"), principal("tenants/acme/users/other"));
    put(store, &one).await;
    put(store, &other).await;
    let judged_at = Some(epoch(store, "acme").await);
    let next = |user: &Principal| PrincipalChange {
        judged_at,
        ..change(Expected::Revision(Revision::FIRST), &Principal { revision: Revision::FIRST.next(), ..user.clone() })
    };
    assert_eq!(commit(store, next(&one)).await, Committed::Stored);
    assert_eq!(commit(store, next(&other)).await, Committed::Conflict);
}

/// Nothing of what was issued is left, also for a new one of the same name; others keep theirs.
pub async fn a_deleted_principal_takes_keys_and_sessions_along(store: &dyn IdentityStore) {
    let (ci, other) = ("tenants/acme/serviceAccounts/ci", "tenants/acme/serviceAccounts/other");
    for account in [ci, other] {
        put(store, &principal(account)).await;
    }
    put_key(store, Expected::Absent, &key(ci, "aaaaaaaaaaaaaaaa")).await;
    put_key(store, Expected::Absent, &key(other, "bbbbbbbbbbbbbbbb")).await;
    store.insert(&scope("acme"), &session(ci, 1), None).await.expect("the store answers");
    store.insert(&scope("acme"), &session(other, 2), None).await.expect("the store answers");
    let deletion = |revision| PrincipalChange { deletes: true, ..change(Expected::Revision(revision), &principal(ci)) };
    assert_eq!(commit(store, deletion(Revision::FIRST.next())).await, Committed::Conflict);
    assert_eq!(commit(store, deletion(Revision::FIRST)).await, Committed::Stored);
    assert_eq!(find(store, &scope("acme"), ci).await, None);
    let key_of = async |id: &str| ApiKeyRepository::find_shown(store, &key(ci, id).id).await.expect("the store answers");
    assert_eq!(key_of("aaaaaaaaaaaaaaaa").await, None);
    assert!(key_of("bbbbbbbbbbbbbbbb").await.is_some());
    let session_of = async |number| SessionRepository::find_shown(store, &session_id(number)).await.expect("the store answers");
    assert_eq!(session_of(1).await, None);
    assert_eq!(session_of(2).await, Some(session(other, 2)));
}

/// Longer than anything lives that was issued before, for its own name and tenant, also where somebody has the name anew; for good, of a
/// service account.
pub async fn a_deletion_is_remembered_for_its_time(store: &dyn IdentityStore) {
    let (ann, bob, ci) =
        (principal("tenants/acme/users/ann"), principal("tenants/acme/users/bob"), principal("tenants/acme/serviceAccounts/ci"));
    let delete = async |principal: &Principal, valid_after| {
        put(store, principal).await;
        let principal = &Principal { valid_after, ..principal.clone() };
        let deletion = PrincipalChange { deletes: true, ..change(Expected::Revision(Revision::FIRST), principal) };
        assert_eq!(commit(store, deletion).await, Committed::Stored);
    };
    let found = async |tenant: &str, name: &PrincipalName| store.find_deletion(&scope(tenant), name).await.expect("the store answers");
    assert_eq!(found("acme", &ann.name).await, None);
    delete(&ci, at(3)).await;
    delete(&ann, at(4)).await;
    delete(&ann, at(5)).await;
    assert_eq!(found("acme", &ann.name).await, Some(at(5)));
    assert_eq!(found("acme", &name("tenants/acme/serviceAccounts/ann")).await, None);
    assert_eq!(found("beta", &ann.name).await, None);
    put(store, &ann).await;
    delete(&bob, at(5).plus(DELETION_REMEMBERED)).await;
    assert_eq!(found("acme", &ann.name).await, Some(at(5)));
    put(store, &bob).await;
    let later = PrincipalChange { deletes: true, ..change(Expected::Revision(Revision::FIRST), &bob) };
    let later = PrincipalChange { principal: Principal { valid_after: at(6).plus(DELETION_REMEMBERED), ..bob.clone() }, ..later };
    assert_eq!(commit(store, later).await, Committed::Stored);
    assert_eq!(found("acme", &ann.name).await, None, "nothing of before is valid any more");
    assert_eq!(found("acme", &ci.name).await, Some(at(3)), "certificates may be");
}

/// Once, and then the same is said again; others keep what is theirs.
pub async fn who_was_erased_is_gone_for_good_and_nobody_gets_their_name(store: &dyn IdentityStore) {
    let (acme, ann, bob) = (scope("acme"), principal("tenants/acme/users/ann"), principal("tenants/acme/users/bob"));
    for one in [&ann, &bob] {
        put(store, one).await;
        assert_eq!(store.find_subject(&acme, &one.name).await.expect("answers"), Some(SubjectState::Known));
    }
    store.insert(&acme, &session(ann.name.as_str(), 1), None).await.expect("the store answers");
    store.insert(&acme, &session(bob.name.as_str(), 2), None).await.expect("the store answers");
    assert_eq!(store.find_subject(&scope("beta"), &ann.name).await.expect("answers"), None);
    assert_eq!(store.find_subject(&acme, &user("nobody")).await.expect("answers"), None);
    let before = epoch(store, "acme").await;
    let request = RequestKey { caller: user("root"), ..crate::sample::request("EraseSubject", "one", 1) };
    let erasure = |principal, request| Erasure { user: ann.name.clone(), principal, judged_at: None, request };
    let first = erasure(Some(ann.clone()), Some(request.clone()));
    assert_eq!(store.erase(&acme, first.clone()).await.expect("answers"), Committed::Stored);
    assert!(epoch(store, "acme").await > before);
    let Some(SubjectState::Erased(erased)) = store.find_subject(&acme, &ann.name).await.expect("answers") else { panic!("not erased") };
    assert!(erased.erased_id().is_some() && !erased.as_str().contains("ann"), "{erased}");
    let again = Committed::Answered(Box::new(erased.clone()));
    assert_eq!(store.erase(&acme, first).await.expect("answers"), again);
    assert_eq!(store.find_erased(&acme, &request).await.expect("answers"), Some(again));
    assert_eq!(store.erase(&acme, erasure(None, None)).await.expect("answers"), Committed::Stored);
    assert_eq!(store.find_subject(&acme, &ann.name).await.expect("answers"), Some(SubjectState::Erased(erased)));
    assert!(PrincipalRepository::find(store, &acme, &ann.name).await.expect("answers").open_for_system().is_none());
    assert_eq!(store.sessions(&acme, &ann.name).await.expect("answers").open_for_system(), Some(Vec::new()));
    assert_eq!(store.sessions(&acme, &bob.name).await.expect("answers").open_for_system().map(|found| found.len()), Some(1));
    assert_eq!(commit(store, change(Expected::Absent, &ann)).await, Committed::Conflict, "the name is nobody's any more");
    let voided = store.find_deletion(&acme, &ann.name).await.expect("answers");
    assert!(voided > Some(at(u64::MAX / 2)), "what others issued to it is void for good: {voided:?}");
}

/// The user has changed meanwhile, or something else of the tenant on which it depended.
pub async fn an_erasure_that_was_judged_by_something_else_is_a_conflict(store: &dyn IdentityStore) {
    let (acme, ann) = (scope("acme"), principal("tenants/acme/users/ann"));
    put(store, &ann).await;
    let erasure = |principal, judged_at| Erasure { user: ann.name.clone(), principal, judged_at, request: None };
    let changed = Principal { revision: ann.revision.next(), ..ann.clone() };
    let judged = epoch(store, "acme").await;
    for other in [erasure(None, None), erasure(Some(changed), None), erasure(Some(ann.clone()), Some(judged + 1))] {
        assert_eq!(store.erase(&acme, other).await.expect("answers"), Committed::Conflict);
    }
    assert_eq!(store.find_subject(&acme, &ann.name).await.expect("answers"), Some(SubjectState::Known));
    // What was refused may have advanced it.
    let judged = epoch(store, "acme").await;
    assert_eq!(store.erase(&acme, erasure(Some(ann.clone()), Some(judged))).await.expect("answers"), Committed::Stored);
}

/// Grants that were given to somebody of the same name before; others keep theirs. `grants` lie in the same store.
pub async fn a_principal_made_again_under_the_same_name_holds_nothing(store: &dyn IdentityStore, grants: &dyn GrantRepository) {
    let (ann, bob) = (principal("tenants/acme/users/ann"), user("bob"));
    let account = Grantee::Principal(name("tenants/acme/serviceAccounts/ann"));
    put(store, &ann).await;
    let all = [Grantee::Principal(ann.name.clone()), Grantee::Principal(bob), account];
    for grantee in &all {
        let one = grant("u", grantee.clone(), Access::Manage);
        assert_eq!(grants.put(&scope("acme"), &one, at(10), None).await.expect("the store answers"), Committed::Stored);
    }
    let held =
        async |grantee: &Grantee| HeldGrants::clone(&*grants.held_by(&scope("acme"), grantee).await.expect("the store answers")).len();
    let deletion = |revision| PrincipalChange { deletes: true, ..change(Expected::Revision(revision), &ann) };
    assert_eq!(commit(store, deletion(Revision::FIRST.next())).await, Committed::Conflict);
    assert_eq!(held(&all[0]).await, 1, "nobody was deleted");
    assert_eq!(commit(store, deletion(Revision::FIRST)).await, Committed::Stored);
    put(store, &ann).await;
    assert_eq!([held(&all[0]).await, held(&all[1]).await, held(&all[2]).await], [0, 1, 1]);
}

/// The first answer comes back for the same request, another body is refused, and no hash of a password is in the answer.
pub async fn a_remembered_request_is_answered_without_the_password(store: &dyn IdentityStore) {
    let ann = principal("tenants/acme/users/ann");
    let asked = || PrincipalChange { request: Some(request(1)), ..change(Expected::Absent, &ann) };
    assert_eq!(commit(store, asked()).await, Committed::Stored);
    let Committed::Answered(again) = commit(store, asked()).await else { panic!("the request was not remembered") };
    assert_eq!(*again, ann.without_secret());
    assert_ne!(again.password, ann.password);
    let found = PrincipalRepository::find_answer(store, &scope("acme"), &request(1)).await.expect("the store answers");
    assert_eq!(found, Some(Committed::Answered(again)));
    let other = RequestKey { body: Hash::from_bytes([2; 32]), ..request(1) };
    let found = PrincipalRepository::find_answer(store, &scope("acme"), &other).await.expect("the store answers");
    assert_eq!(found, Some(Committed::KeyReused));
    assert_eq!(PrincipalRepository::find_answer(store, &scope("beta"), &request(1)).await.expect("the store answers"), None);
    assert_eq!(PrincipalRepository::find_answer(store, &scope("acme"), &request(2)).await.expect("the store answers"), None);
}

/// In the order of ids, without another kind's or tenant's, and restricted to one where that is asked.
pub async fn pages_of_principals_join_to_the_whole_of_one_kind_and_tenant(store: &dyn IdentityStore) {
    for id in ["c", "a", "e", "b", "d"] {
        put(store, &principal(&format!("tenants/acme/users/{id}"))).await;
    }
    put(store, &principal("tenants/acme/serviceAccounts/a")).await;
    put(store, &principal("tenants/beta/users/a")).await;
    let list = async |tenant: &str, only: Option<PrincipalName>| {
        let query = PrincipalQuery { kind: PrincipalKind::User, only };
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let request = PageRequest { size: 2, after };
            let page = PrincipalRepository::list(store, &scope(tenant), &query, &request).await.expect("the store answers");
            let page = page.open_for_system().expect("a page is always there");
            assert!(page.items.len() <= 2);
            ids.extend(page.items.into_iter().map(|one| one.name.as_str().to_owned()));
            after = page.next;
            if after.is_none() {
                return ids;
            }
        }
    };
    assert_eq!(list("acme", None).await, ["a", "b", "c", "d", "e"].map(|id| format!("tenants/acme/users/{id}")));
    assert_eq!(list("acme", Some(name("tenants/acme/users/d"))).await, ["tenants/acme/users/d"]);
    assert_eq!(list("acme", Some(name("tenants/beta/users/a"))).await, [""; 0]);
    assert_eq!(list("gamma", None).await, [""; 0]);
    let broken = PageRequest { size: 2, after: Some("no token".to_owned()) };
    let query = PrincipalQuery { kind: PrincipalKind::User, only: None };
    PrincipalRepository::list(store, &scope("acme"), &query, &broken).await.expect_err("it is no token");
}

/// Neither revision nor epoch grow, and a principal that has changed since keeps its hash.
pub async fn a_better_hash_is_no_change(store: &dyn IdentityStore) {
    let ann = principal("tenants/acme/users/ann");
    put(store, &ann).await;
    let before = epoch(store, "acme").await;
    let better = Principal { password: Some(PasswordHash::new("$better$")), ..ann.clone() };
    store.rehash(&scope("acme"), &better).await.expect("the store answers");
    assert_eq!(find(store, &scope("acme"), "tenants/acme/users/ann").await, Some(better.clone()));
    assert_eq!(epoch(store, "acme").await, before);
    let next = Principal { revision: Revision::FIRST.next(), ..better.clone() };
    commit(store, change(Expected::Revision(Revision::FIRST), &next)).await;
    store.rehash(&scope("acme"), &ann).await.expect("the store answers");
    assert_eq!(find(store, &scope("acme"), "tenants/acme/users/ann").await, Some(next));
}

/// Whole, by its id alone and by its account; never for another account or tenant. Its use is noted beside it.
pub async fn a_key_is_found_by_its_id_and_changes_only_from_the_expected_revision(store: &dyn IdentityStore) {
    let (ci, acme) = ("tenants/acme/serviceAccounts/ci", scope("acme"));
    let first = key(ci, "aaaaaaaaaaaaaaaa");
    assert_eq!(put_key(store, Expected::Absent, &first).await, Committed::Stored);
    assert_eq!(put_key(store, Expected::Absent, &first).await, Committed::Conflict);
    assert_eq!(ApiKeyRepository::find_shown(store, &first.id).await.expect("the store answers"), Some(first.clone()));
    let found = async |scope: &TenantScope, account: &str| {
        let found = ApiKeyRepository::find(store, scope, &name(account), &first.id).await.expect("the store answers");
        found.open_for_system()
    };
    assert_eq!(found(&acme, ci).await, Some(first.clone()));
    assert_eq!(found(&acme, "tenants/acme/serviceAccounts/other").await, None);
    assert_eq!(found(&scope("beta"), ci).await, None);
    for (when, scoped) in [(5_000, "acme"), (4_000, "acme"), (9_000, "beta")] {
        store.note_use(&scope(scoped), &first.id, at(when)).await.expect("the store answers");
    }
    let used = ApiKey { last_used: Some(at(5_000)), ..first.clone() };
    assert_eq!(found(&acme, ci).await, Some(used.clone()));
    let revoked = ApiKey { revoked: Some(at(6)), revision: Revision::FIRST.next(), ..used };
    assert_eq!(put_key(store, Expected::Revision(Revision::FIRST), &revoked).await, Committed::Stored);
    assert_eq!(put_key(store, Expected::Revision(Revision::FIRST), &first).await, Committed::Conflict);
    let second = key(ci, "bbbbbbbbbbbbbbbb");
    put_key(store, Expected::Absent, &second).await;
    put_key(store, Expected::Absent, &key("tenants/acme/serviceAccounts/other", "cccccccccccccccc")).await;
    let page = async |after| {
        let page = ApiKeyRepository::list(store, &acme, &name(ci), &PageRequest { size: 1, after }).await.expect("the store answers");
        page.open_for_system().expect("a page is always there")
    };
    let one = page(None).await;
    assert_eq!(one.items, [revoked]);
    let two = page(one.next).await;
    assert_eq!((two.items, two.next), (vec![second], None));
}

/// Each generation once; a revoked session has no further one and stays revoked since the first time.
pub async fn a_sessions_generations_follow_each_other_and_end_with_its_revocation(store: &dyn IdentityStore) {
    let (acme, first) = (scope("acme"), session("tenants/acme/users/ann", 1));
    store.insert(&acme, &first, None).await.expect("the store answers");
    let next = Session { generation: 1, refresh: Hash::from_bytes([8; 32]), ..first.clone() };
    let rotate = async |session: &Session| store.rotate(&acme, session).await.expect("the store answers");
    assert!(!rotate(&first).await, "it is no next generation");
    assert!(rotate(&next).await);
    assert!(!rotate(&next).await, "each generation is stored once");
    assert_eq!(SessionRepository::find_shown(store, &first.id).await.expect("the store answers"), Some(next.clone()));
    let revoke = async |tenant: &str, when| store.revoke(&scope(tenant), &first.id, at(when)).await.expect("the store answers");
    assert!(!revoke("beta", 5).await, "it is another tenant's");
    assert!(revoke("acme", 6).await);
    assert!(revoke("acme", 7).await);
    assert!(!rotate(&Session { generation: 2, ..next.clone() }).await);
    let found = SessionRepository::find(store, &acme, &first.principal, &first.id).await.expect("the store answers");
    assert_eq!(found.open_for_system(), Some(Session { revoked: Some(at(6)), ..next }));
    let other = name("tenants/acme/users/bob");
    let found = SessionRepository::find(store, &acme, &other, &first.id).await.expect("the store answers");
    assert_eq!(found.open_for_system(), None);
}

/// So that what is over does not pile up.
pub async fn sessions_that_have_ended_are_forgotten_as_others_begin(store: &dyn IdentityStore) {
    let acme = scope("acme");
    let (ended, lasting) = (session("tenants/acme/users/ann", 1), session("tenants/acme/users/ann", 2));
    let lasting = Session { expires: at(1_000), ..lasting };
    store.insert(&acme, &ended, None).await.expect("the store answers");
    store.insert(&acme, &lasting, None).await.expect("the store answers");
    let late =
        Session { created: ended.expires, expires: ended.expires.plus(Duration::from_secs(1)), ..session("tenants/acme/users/bob", 3) };
    store.insert(&acme, &late, None).await.expect("the store answers");
    let is_there = async |number| SessionRepository::find_shown(store, &session_id(number)).await.expect("the store answers").is_some();
    assert_eq!((is_there(1).await, is_there(2).await, is_there(3).await), (false, true, true));
}

/// The id of a session that an issuer's page begins follows from the sign-in, so that this makes it one.
pub async fn a_session_whose_id_is_taken_is_not_stored(store: &dyn IdentityStore) {
    let acme = scope("acme");
    let first = session("tenants/acme/users/ann", 1);
    store.insert(&acme, &first, None).await.expect("the store answers");
    for whose in ["tenants/acme/users/ann", "tenants/acme/users/bob"] {
        let second = Session { refresh: Hash::from_bytes([8; 32]), ..session(whose, 1) };
        assert!(store.insert(&acme, &second, None).await.is_err(), "{whose}");
    }
    let kept = SessionRepository::find_shown(store, &first.id).await.expect("the store answers");
    assert_eq!(kept, Some(first));
}

/// The epoch of its tenant, and of no other; a new session takes nothing away.
pub async fn whatever_takes_something_away_advances_the_epoch(store: &dyn IdentityStore) {
    let mut last = epoch(store, "acme").await;
    let mut grown = async |what: &str| {
        let now = epoch(store, "acme").await;
        assert!(now > last, "{what}");
        last = now;
    };
    let ann = principal("tenants/acme/users/ann");
    put(store, &ann).await;
    grown("a principal").await;
    let next = Principal { revision: Revision::FIRST.next(), ..ann.clone() };
    commit(store, change(Expected::Revision(Revision::FIRST), &next)).await;
    grown("a change").await;
    let ci = key("tenants/acme/serviceAccounts/ci", "aaaaaaaaaaaaaaaa");
    put_key(store, Expected::Absent, &ci).await;
    grown("a key").await;
    put_key(store, Expected::Revision(Revision::FIRST), &ApiKey { revision: Revision::FIRST.next(), revoked: Some(at(5)), ..ci }).await;
    grown("a revoked key").await;
    store.insert(&scope("acme"), &session("tenants/acme/users/ann", 1), None).await.expect("the store answers");
    store.revoke(&scope("acme"), &session_id(1), at(5)).await.expect("the store answers");
    grown("a revoked session").await;
    commit(store, PrincipalChange { deletes: true, ..change(Expected::Revision(Revision::FIRST.next()), &next) }).await;
    grown("a deletion").await;
    assert_eq!(epoch(store, "beta").await, 0, "others have nothing to load anew");
}

/// Only the newest code counts; once there is a super administrator no code is taken, and none is redeemed twice.
pub async fn a_code_serves_once_and_not_beside_a_super_administrator(store: &dyn IdentityStore) {
    let root = Principal { role: Role::SuperAdmin, state: PrincipalState::Active, ..principal("tenants/system/users/root") };
    let (old, new) = (Hash::from_bytes([1; 32]), Hash::from_bytes([2; 32]));
    let redeem = async |code: &Hash, principal: &Principal| store.redeem(code, principal).await.expect("the store answers");
    assert!(!redeem(&old, &root).await, "no code was offered");
    assert!(store.offer(old).await.expect("the store answers"));
    assert!(store.offer(new).await.expect("the store answers"));
    assert!(!redeem(&old, &root).await, "another one is newer");
    assert!(redeem(&new, &root).await);
    assert!(!redeem(&new, &Principal { name: name("tenants/system/users/two"), ..root.clone() }).await, "it has served");
    assert!(!store.offer(old).await.expect("the store answers"), "there is a super administrator");
    let system = TenantScope::for_system(TenantId::system());
    assert_eq!(find(store, &system, "tenants/system/users/root").await, Some(root.clone()));
    assert_eq!(store.count_super_admins(&system).await.expect("the store answers"), 1);
    let disabled = Principal { state: PrincipalState::Disabled, revision: Revision::FIRST.next(), ..root };
    commit(store, change(Expected::Revision(Revision::FIRST), &disabled)).await;
    assert_eq!(store.count_super_admins(&system).await.expect("the store answers"), 0);
    assert!(store.offer(old).await.expect("the store answers"), "nobody rules any more");
}
