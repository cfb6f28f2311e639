//! What every `GrantRepository` promises; each check wants an empty repository.

use domain::access::{Access, Consent, Grant, GrantRepository, Grantee, HeldGrants, MAX_GIVEN, MAX_GRANTS, Side};
use domain::identity::Role;
use domain::page::PageRequest;
use domain::request::Committed;
use futures_util::future::join_all;

use crate::sample::{accepted, at, grant, offer, request, scope, tenant, user, utility_id};

/// Makes one test of each check. `$make` is an expression that gives something that dereferences to an empty repository; `$fill` stores grants in
/// it without looking at bounds, where storing them one by one takes long.
#[macro_export]
macro_rules! grant_repository_contract {
    ($make:expr) => {
        $crate::grant_repository_contract!($make, filled by $crate::grant_repository::store_each);
    };
    ($make:expr, filled by $fill:path) => {
        $crate::grant_repository_contract!(@tests $make;
            a_grant_survives_whole_and_only_for_its_tenant,
            what_a_grantee_holds_follows_each_change_at_once,
            a_grant_is_removed_only_as_it_stands,
            grants_of_a_utility_are_listed_in_pages,
            what_is_shared_is_held_by_the_other_tenant_once_it_has_accepted,
            an_offer_is_answered_only_as_it_stands_and_by_whom_it_is_made_to,
            what_is_shared_is_listed_on_both_sides_in_pages,
            what_is_shared_stays_where_it_is_after_its_end,
            a_repeated_answer_gets_its_first_answer,
            a_repeated_request_gets_its_first_answer);
        $crate::grant_repository_contract!(@bounds $make, $fill;
            a_grantee_holds_a_bounded_number_and_expired_ones_make_room,
            a_tenant_accepts_a_bounded_number,
            a_tenant_gives_a_bounded_number_whoever_it_names);
    };
    (@tests $make:expr; $($check:ident),*) => {
        $(#[tokio::test]
        async fn $check() {
            let repository = $make;
            $crate::grant_repository::$check(&*repository).await;
        })*
    };
    (@bounds $make:expr, $fill:path; $($check:ident),*) => {
        $(#[tokio::test]
        async fn $check() {
            let repository = $make;
            $crate::grant_repository::$check(&*repository, async |grants| $fill(&*repository, grants).await).await;
        })*
    };
}

type Repository<'a> = &'a dyn GrantRepository;

fn ann() -> Grantee {
    Grantee::Principal(user("ann"))
}

async fn put(repository: Repository<'_>, grant: &Grant) -> Committed<Grant> {
    repository.put(&scope("acme"), grant, at(10), None).await.expect("the store answers")
}

/// Stores grants as their tenants would, a hundred at the same time: those that were accepted are offered first.
pub async fn store_each(repository: Repository<'_>, grants: Vec<Grant>) {
    let store = async |grant: &Grant| {
        let Consent::Given { .. } = grant.consent else { return put(repository, grant).await };
        let offered = Grant { consent: Consent::Awaited, ..grant.clone() };
        assert_eq!(put(repository, &offered).await, Committed::Stored);
        answer(repository, &offered, Some(grant)).await
    };
    for some in grants.chunks(100) {
        let stored = join_all(some.iter().map(&store)).await;
        assert!(stored.iter().all(|stored| *stored == Committed::Stored));
    }
}

async fn held(repository: Repository<'_>, tenant: &str, grantee: &Grantee) -> HeldGrants {
    HeldGrants::clone(&*repository.held_by(&scope(tenant), grantee).await.expect("the store answers"))
}

/// Every field comes back, for each kind of grantee; another tenant has none.
pub async fn a_grant_survives_whole_and_only_for_its_tenant(repository: Repository<'_>) {
    for grantee in [ann(), Grantee::Role(tenant("acme"), Role::Creator), Grantee::Tenant(tenant("acme"))] {
        for access in [Access::Read, Access::Execute, Access::Manage] {
            let one = Grant { expires: (access != Access::Read).then(|| at(5_000)), ..grant("u", grantee.clone(), access) };
            assert_eq!(put(repository, &one).await, Committed::Stored);
            let find = async |tenant| repository.find(&scope(tenant), &utility_id("u"), &grantee).await.expect("found").open_for_system();
            assert_eq!(find("acme").await, Some(one.clone()));
            assert_eq!(find("beta").await, None);
            assert_eq!(held(repository, "acme", &grantee).await, HeldGrants::of([one]));
            assert_eq!(held(repository, "beta", &grantee).await, HeldGrants::default());
        }
    }
    let smuggled = repository.put(&scope("beta"), &grant("u", ann(), Access::Read), at(10), None).await;
    assert!(matches!(smuggled, Err(domain::Error::Internal { .. })), "{smuggled:?}");
}

/// Granting, replacing and taking back are seen by the next read.
pub async fn what_a_grantee_holds_follows_each_change_at_once(repository: Repository<'_>) {
    assert_eq!(held(repository, "acme", &ann()).await, HeldGrants::default());
    let (first, second) = (grant("one", ann(), Access::Read), grant("two", ann(), Access::Execute));
    put(repository, &first).await;
    assert_eq!(held(repository, "acme", &ann()).await, HeldGrants::of([first.clone()]));
    put(repository, &second).await;
    assert_eq!(held(repository, "acme", &ann()).await, HeldGrants::of([first.clone(), second.clone()]));
    let more = Grant { access: Access::Manage, expires: None, ..first };
    put(repository, &more).await;
    assert_eq!(held(repository, "acme", &ann()).await, HeldGrants::of([more.clone(), second.clone()]));
    assert_eq!(repository.remove(&scope("acme"), &more, None).await.expect("removed"), Committed::Stored);
    assert_eq!(held(repository, "acme", &ann()).await, HeldGrants::of([second]));
    assert_eq!(held(repository, "acme", &Grantee::Principal(user("bob"))).await, HeldGrants::default());
}

/// What was replaced meanwhile, or is gone, is not removed.
pub async fn a_grant_is_removed_only_as_it_stands(repository: Repository<'_>) {
    let old = grant("u", ann(), Access::Read);
    let remove = async |grant: &Grant| repository.remove(&scope("acme"), grant, None).await.expect("the store answers");
    assert_eq!(remove(&old).await, Committed::Conflict);
    put(repository, &old).await;
    let new = Grant { access: Access::Execute, ..old.clone() };
    put(repository, &new).await;
    assert_eq!(remove(&old).await, Committed::Conflict);
    assert_eq!(remove(&new).await, Committed::Stored);
    assert_eq!(remove(&new).await, Committed::Conflict);
}

/// One more than the most is refused, in place of another it is not, and neither is it where others have expired.
pub async fn a_grantee_holds_a_bounded_number_and_expired_ones_make_room(repository: Repository<'_>, fill: impl AsyncFnOnce(Vec<Grant>)) {
    let expires = |number| if number == 0 { at(20) } else { at(5_000) };
    let one = |number| Grant { expires: Some(expires(number)), ..grant(&format!("u-{number}"), ann(), Access::Read) };
    fill((0..MAX_GRANTS).map(one).collect()).await;
    let one_more = grant("one-more", ann(), Access::Read);
    assert_eq!(put(repository, &one_more).await, Committed::Conflict);
    assert_eq!(put(repository, &grant("u-7", ann(), Access::Manage)).await, Committed::Stored);
    assert_eq!(put(repository, &grant("one-more", Grantee::Principal(user("bob")), Access::Read)).await, Committed::Stored);
    let later = repository.put(&scope("acme"), &one_more, at(20), None).await.expect("the store answers");
    assert_eq!(later, Committed::Stored);
    assert_eq!(held(repository, "acme", &ann()).await.len(), MAX_GRANTS);
}

/// By grantee, and of this utility only.
pub async fn grants_of_a_utility_are_listed_in_pages(repository: Repository<'_>) {
    let mut all: Vec<Grant> = (0..7).map(|number| grant("u", Grantee::Principal(user(&format!("u{number}"))), Access::Read)).collect();
    all.push(grant("u", Grantee::Tenant(tenant("acme")), Access::Read));
    all.push(grant("u", Grantee::Role(tenant("acme"), Role::User), Access::Read));
    for one in &all {
        put(repository, one).await;
    }
    put(repository, &grant("another", ann(), Access::Read)).await;
    all.sort_by_key(|grant| grant.grantee.to_string());
    for size in [1, 4, 9, 100] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let request = PageRequest { size, after };
            let page = repository.list(&scope("acme"), &utility_id("u"), &request).await.expect("listed").open_for_system();
            let page = page.expect("a page is always there");
            assert!(page.items.len() <= size as usize);
            found.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, all, "{size}");
    }
    let wrong = PageRequest { size: 1, after: Some("nonsense".to_owned()) };
    assert!(repository.list(&scope("acme"), &utility_id("u"), &wrong).await.is_err());
}

/// Whatever happened in between; another body is refused.
pub async fn a_repeated_request_gets_its_first_answer(repository: Repository<'_>) {
    let (first, id) = (grant("u", ann(), Access::Read), "018f0000-0000-7000-8000-0000000000ff");
    let asked = |body| request("GrantAccess", id, body);
    let put = async |grant: &Grant, body| repository.put(&scope("acme"), grant, at(10), Some(&asked(body))).await.expect("answered");
    assert_eq!(repository.find_answer(&scope("acme"), &asked(1)).await.expect("answered"), None);
    assert_eq!(put(&first, 1).await, Committed::Stored);
    let taken_back = request("RevokeAccess", id, 1);
    let remove = async || repository.remove(&scope("acme"), &first, Some(&taken_back)).await.expect("answered");
    assert_eq!(remove().await, Committed::Stored);
    assert_eq!(remove().await, Committed::Answered(Box::new(first.clone())));
    assert_eq!(put(&Grant { access: Access::Manage, ..first.clone() }, 1).await, Committed::Answered(Box::new(first.clone())));
    assert_eq!(held(repository, "acme", &ann()).await, HeldGrants::default(), "a repetition grants nothing");
    assert_eq!(put(&first, 2).await, Committed::KeyReused);
    let answered = repository.find_answer(&scope("acme"), &asked(1)).await.expect("answered");
    assert_eq!(answered, Some(Committed::Answered(Box::new(first))));
}

fn beta() -> Grantee {
    Grantee::Tenant(tenant("beta"))
}

async fn answer(repository: Repository<'_>, before: &Grant, after: Option<&Grant>) -> Committed<Grant> {
    repository.answer(&scope("beta"), before, after, None).await.expect("the store answers")
}

/// Neither an offer nor what was given back gives anything; the tenant's own grants are held beside.
pub async fn what_is_shared_is_held_by_the_other_tenant_once_it_has_accepted(repository: Repository<'_>) {
    let (offered, own) = (offer("u", Access::Execute), grant("own", Grantee::Tenant(tenant("acme")), Access::Read));
    put(repository, &offered).await;
    put(repository, &own).await;
    assert_eq!(held(repository, "beta", &beta()).await, HeldGrants::default());
    let shared = accepted(&offered);
    assert_eq!(answer(repository, &offered, Some(&shared)).await, Committed::Stored);
    assert_eq!(held(repository, "beta", &beta()).await, HeldGrants::of([shared.clone()]));
    assert_eq!(held(repository, "acme", &Grantee::Tenant(tenant("acme"))).await, HeldGrants::of([own]));
    assert_eq!(repository.remove(&scope("acme"), &shared, None).await.expect("removed"), Committed::Stored);
    assert_eq!(held(repository, "beta", &beta()).await, HeldGrants::default());
    put(repository, &offered).await;
    answer(repository, &offered, Some(&shared)).await;
    // What was accepted ends before it is offered anew, so that nobody replaces what was accepted in between.
    assert_eq!(put(repository, &offered).await, Committed::Conflict);
    assert_eq!(held(repository, "beta", &beta()).await, HeldGrants::of([shared.clone()]));
    repository.remove(&scope("acme"), &shared, None).await.expect("removed");
    assert_eq!(put(repository, &offered).await, Committed::Stored);
    assert_eq!(held(repository, "beta", &beta()).await, HeldGrants::default());
}

/// Another tenant finds nothing, and answers nothing.
pub async fn an_offer_is_answered_only_as_it_stands_and_by_whom_it_is_made_to(repository: Repository<'_>) {
    let old = offer("u", Access::Read);
    let find = async |of: &str| repository.find_received(&scope(of), &old.utility).await.expect("answered").open_for_system();
    assert_eq!(find("beta").await, None);
    assert_eq!(answer(repository, &old, Some(&accepted(&old))).await, Committed::Conflict);
    put(repository, &old).await;
    assert_eq!((find("beta").await, find("acme").await, find("gamma").await), (Some(old.clone()), None, None));
    let new = offer("u", Access::Execute);
    put(repository, &new).await;
    for after in [Some(accepted(&old)), None] {
        assert_eq!(answer(repository, &old, after.as_ref()).await, Committed::Conflict);
    }
    for meddler in ["acme", "gamma"] {
        let meddled = repository.answer(&scope(meddler), &new, Some(&accepted(&new)), None).await;
        assert!(matches!(meddled, Err(domain::Error::Internal { .. })), "{meddled:?}");
    }
    let shared = accepted(&new);
    assert_eq!(answer(repository, &new, Some(&shared)).await, Committed::Stored);
    assert_eq!(find("beta").await, Some(shared.clone()));
    assert_eq!(answer(repository, &shared, None).await, Committed::Stored);
    assert_eq!(find("beta").await, None);
}

/// Only what goes to another tenant.
pub async fn what_is_shared_is_listed_on_both_sides_in_pages(repository: Repository<'_>) {
    let mut all: Vec<Grant> = (0..5).map(|number| offer(&format!("u{number}"), Access::Read)).collect();
    all.extend((0..3).map(|number| Grant { grantee: Grantee::Tenant(tenant("gamma")), ..offer(&format!("u{number}"), Access::Read) }));
    for one in &all {
        put(repository, one).await;
    }
    put(repository, &grant("u0", Grantee::Tenant(tenant("acme")), Access::Read)).await;
    all.sort_by_key(|share| (share.utility.clone(), share.grantee.to_string()));
    let to_beta: Vec<Grant> = all.iter().filter(|share| share.grantee == beta()).cloned().collect();
    for size in [1, 3, 100] {
        assert_eq!(listed(repository, "acme", Side::Given, size).await, all, "{size}");
        assert_eq!(listed(repository, "beta", Side::Received, size).await, to_beta, "{size}");
    }
    assert_eq!(listed(repository, "acme", Side::Received, 10).await, []);
    assert_eq!(listed(repository, "beta", Side::Given, 10).await, []);
    let wrong = PageRequest { size: 1, after: Some("nonsense".to_owned()) };
    assert!(repository.list_shares(&scope("acme"), Side::Given, &wrong).await.is_err());
}

async fn listed(repository: Repository<'_>, of: &str, side: Side, size: u32) -> Vec<Grant> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest { size, after };
        let page = repository.list_shares(&scope(of), side, &request).await.expect("listed").open_for_system();
        let page = page.expect("a page is always there");
        assert!(page.items.len() <= size as usize);
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// Of all tenants together; giving one back makes room.
pub async fn a_tenant_accepts_a_bounded_number(repository: Repository<'_>, fill: impl AsyncFnOnce(Vec<Grant>)) {
    fill((0..MAX_GRANTS).map(|number| accepted(&offer(&format!("u-{number}"), Access::Read))).collect()).await;
    let mut other = offer("one-more", Access::Read);
    other.utility.tenant = tenant("gamma");
    assert_eq!(repository.put(&scope("gamma"), &other, at(10), None).await.expect("answered"), Committed::Stored);
    assert_eq!(answer(repository, &other, Some(&accepted(&other))).await, Committed::Conflict);
    let first = accepted(&offer("u-0", Access::Read));
    assert_eq!(answer(repository, &first, None).await, Committed::Stored);
    assert_eq!(answer(repository, &other, Some(&accepted(&other))).await, Committed::Stored);
}

/// Of all utilities to all tenants, also to such as do not exist; what is granted within the tenant does not count.
pub async fn a_tenant_gives_a_bounded_number_whoever_it_names(repository: Repository<'_>, fill: impl AsyncFnOnce(Vec<Grant>)) {
    let to = |number: usize| Grant { grantee: Grantee::Tenant(tenant(&format!("t-{number}"))), ..offer("u", Access::Read) };
    fill((0..MAX_GIVEN).map(to).collect()).await;
    assert_eq!(put(repository, &to(MAX_GIVEN)).await, Committed::Conflict);
    assert_eq!(put(repository, &to(7)).await, Committed::Stored, "in place of another");
    assert_eq!(put(repository, &grant("u", ann(), Access::Read)).await, Committed::Stored);
    assert_eq!(repository.remove(&scope("acme"), &to(7), None).await.expect("removed"), Committed::Stored);
    assert_eq!(put(repository, &to(MAX_GIVEN)).await, Committed::Stored);
}

/// Whatever else is offered to the same tenant: both sides see that it was.
pub async fn what_is_shared_stays_where_it_is_after_its_end(repository: Repository<'_>) {
    let ended = Grant { expires: Some(at(5)), ..offer("ended", Access::Read) };
    let stored = repository.put(&scope("acme"), &ended, at(1), None).await.expect("the store answers");
    assert_eq!(stored, Committed::Stored);
    let other = offer("other", Access::Read);
    put(repository, &other).await;
    for (of, side) in [("acme", Side::Given), ("beta", Side::Received)] {
        assert_eq!(listed(repository, of, side, 10).await, [ended.clone(), other.clone()], "{side:?}");
    }
}

/// For the tenant that answers, whatever happened in between.
pub async fn a_repeated_answer_gets_its_first_answer(repository: Repository<'_>) {
    let (offered, id) = (offer("u", Access::Read), "018f0000-0000-7000-8000-0000000000ff");
    put(repository, &offered).await;
    let asked = |body| request("AcceptShare", id, body);
    let answer = async |body| {
        let after = accepted(&offered);
        repository.answer(&scope("beta"), &offered, Some(&after), Some(&asked(body))).await.expect("answered")
    };
    assert_eq!(answer(1).await, Committed::Stored);
    let first = Committed::Answered(Box::new(accepted(&offered)));
    assert_eq!(answer(1).await, first);
    assert_eq!(answer(2).await, Committed::KeyReused);
    let of = async |tenant| repository.find_answer(&scope(tenant), &asked(1)).await.expect("answered");
    assert_eq!((of("beta").await, of("acme").await), (Some(first), None));
}
