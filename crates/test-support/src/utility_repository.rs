//! What every `UtilityRepository` promises. Run all of it with [`utility_repository_contract!`](crate::utility_repository_contract);
//! each check wants an empty repository.

use std::time::Duration;

use domain::Error;
use domain::access::TenantScope;
use domain::code::Kind;
use domain::name::RuntimeId;
use domain::page::PageRequest;
use domain::request::{Committed, REQUEST_KEY_TTL, RequestKey};
use domain::runtime::RuntimeModule;
use domain::utility::{Utility, UtilityChange, UtilityOrder, UtilityQuery, UtilityRepository, VersionHead};

use crate::sample::{at, change, creation, next_version, request, scope, user, utility, utility_id, version, version_of};

/// Makes one test of each check. `$make` is an expression that gives something that dereferences to an empty repository.
#[macro_export]
macro_rules! utility_repository_contract {
    ($make:expr) => {
        $crate::utility_repository_contract!($make;
            an_absent_utility_is_found_nowhere,
            a_created_utility_is_found_whole,
            a_taken_name_is_a_conflict,
            a_change_applies_only_to_the_expected_revision,
            of_many_changes_of_one_revision_one_is_stored,
            a_repeated_request_gets_the_first_answer,
            a_request_id_with_another_body_is_refused,
            a_refused_change_remembers_no_request,
            a_request_that_changed_nothing_is_remembered_and_changes_nothing,
            tenants_do_not_see_each_other,
            versions_are_listed_newest_first,
            code_of_any_text_survives,
            lists_filter_by_each_field_and_all_together,
            tags_and_deletion_follow_the_utility,
            lists_filter_by_what_the_current_version_imports,
            lists_filter_by_the_runtime_of_what_is_imported,
            every_order_pages_without_gap_or_repeat,
            a_page_token_outlives_changes,
            a_strange_page_token_is_invalid,
            a_version_remembers_on_what_it_compiled,
            a_change_advances_the_epoch_of_its_tenant,
        );
    };
    ($make:expr; $($check:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $check() {
            let repository = $make;
            $crate::utility_repository::$check(&*repository).await;
        }
    )+};
}

type Repository<'a> = &'a dyn UtilityRepository;

/// Nothing is found under a free name.
pub async fn an_absent_utility_is_found_nowhere(repository: Repository<'_>) {
    let (acme, id) = (scope("acme"), utility_id("nothing"));
    assert_eq!(repository.find(&acme, &id).await.expect("found").open_for_system(), None);
    assert_eq!(repository.find_current(&acme, &id).await.expect("found").open_for_system(), None);
    assert_eq!(repository.find_version(&acme, &id, 1).await.expect("found").open_for_system(), None);
    assert_eq!(repository.find_answer(&acme, &request("CreateUtility", "r", 1)).await.expect("found"), None);
    assert_eq!(ids(repository, &acme, &UtilityQuery::default(), 10).await, Vec::<String>::new());
    let versions = repository
        .list_versions(&acme, &id, &PageRequest { size: 10, after: None })
        .await
        .expect("listed")
        .open_for_system()
        .expect("a page is always there");
    assert_eq!((versions.items, versions.next), (Vec::new(), None));
}

/// Every field survives.
pub async fn a_created_utility_is_found_whole(repository: Repository<'_>) {
    let acme = scope("acme");
    let mut made = utility(&acme, "extract");
    store(repository, &acme, creation(made.clone())).await;
    let first = version(1, Kind::Transformer);
    assert_eq!(repository.find(&acme, &made.name.utility).await.expect("found").open_for_system(), Some(made.clone()));
    assert_eq!(
        repository.find_current(&acme, &made.name.utility).await.expect("found").open_for_system(),
        Some((made.clone(), first.clone()))
    );

    made = store(repository, &acme, next_version(&made)).await;
    let second = version(2, Kind::Transformer);
    assert_eq!(repository.find_current(&acme, &made.name.utility).await.expect("found").open_for_system(), Some((made.clone(), second)));
    assert_eq!(repository.find_version(&acme, &made.name.utility, 1).await.expect("found").open_for_system(), Some(first));
    assert_eq!(repository.find_version(&acme, &made.name.utility, 3).await.expect("found").open_for_system(), None);
}

/// A name is taken once, also by a deleted utility, and the refused change leaves nothing.
pub async fn a_taken_name_is_a_conflict(repository: Repository<'_>) {
    let acme = scope("acme");
    let made = store(repository, &acme, creation(utility(&acme, "extract"))).await;
    let deleted = store(repository, &acme, change(&made, Utility { deleted: Some(at(9)), ..made.clone() })).await;
    let other = Utility { uid: "other".to_owned(), ..utility(&acme, "extract") };
    assert_eq!(repository.commit(&acme, creation(other)).await.expect("answered"), Committed::Conflict);
    assert_eq!(repository.find(&acme, &made.name.utility).await.expect("found").open_for_system(), Some(deleted));
}

/// Compare-and-set: a stale change stores neither utility nor version.
pub async fn a_change_applies_only_to_the_expected_revision(repository: Repository<'_>) {
    let acme = scope("acme");
    let first = store(repository, &acme, creation(utility(&acme, "extract"))).await;
    let second = store(repository, &acme, change(&first, Utility { updated: at(2_000), ..first.clone() })).await;
    assert_eq!(repository.commit(&acme, next_version(&first)).await.expect("answered"), Committed::Conflict);
    assert_eq!(repository.find(&acme, &first.name.utility).await.expect("found").open_for_system(), Some(second));
    assert_eq!(repository.find_version(&acme, &first.name.utility, 2).await.expect("found").open_for_system(), None);

    let absent = change(&first, utility(&acme, "absent"));
    assert_eq!(repository.commit(&acme, absent).await.expect("answered"), Committed::Conflict);
    assert_eq!(repository.find(&acme, &utility_id("absent")).await.expect("found").open_for_system(), None);
}

/// Changes that race are serialized by the revision.
pub async fn of_many_changes_of_one_revision_one_is_stored(repository: Repository<'_>) {
    const RACERS: usize = 16;
    let acme = scope("acme");
    let first = store(repository, &acme, creation(utility(&acme, "extract"))).await;
    let changes = (0..RACERS).map(|racer| {
        let mut after = first.clone();
        after.metadata.display_name = format!("racer {racer}");
        repository.commit(&acme, change(&first, after))
    });
    let mut stored = Vec::new();
    for (racer, outcome) in together(changes.collect()).await.into_iter().enumerate() {
        match outcome.expect("answered") {
            Committed::Stored => stored.push(format!("racer {racer}")),
            Committed::Conflict => {}
            other => panic!("racer {racer} got {other:?}"),
        }
    }
    let held = repository.find(&acme, &first.name.utility).await.expect("found").open_for_system().expect("exists");
    assert_eq!(stored, [held.metadata.display_name]);
}

/// The first answer is repeated as it was, and nothing is done twice.
pub async fn a_repeated_request_gets_the_first_answer(repository: Repository<'_>) {
    let acme = scope("acme");
    let key = request("CreateUtility", "r-1", 1);
    let first = store(repository, &acme, with(creation(utility(&acme, "extract")), &key)).await;
    let changed = store(repository, &acme, next_version(&first)).await;

    let again = Utility { uid: "second try".to_owned(), ..utility(&acme, "extract") };
    let answered = Committed::Answered(Box::new(first));
    assert_eq!(repository.commit(&acme, with(creation(again), &key)).await.expect("answered"), answered);
    assert_eq!(repository.find_answer(&acme, &key).await.expect("found"), Some(answered));
    assert_eq!(repository.find(&acme, &changed.name.utility).await.expect("found").open_for_system(), Some(changed));
}

/// A request id stands for one body, for each caller, method and tenant by itself.
pub async fn a_request_id_with_another_body_is_refused(repository: Repository<'_>) {
    let acme = scope("acme");
    let key = request("CreateUtility", "r-1", 1);
    store(repository, &acme, with(creation(utility(&acme, "one")), &key)).await;

    let other_body = request("CreateUtility", "r-1", 2);
    let reused = repository.commit(&acme, with(creation(utility(&acme, "two")), &other_body)).await.expect("answered");
    assert_eq!(reused, Committed::KeyReused);
    assert_eq!(repository.find_answer(&acme, &other_body).await.expect("found"), Some(Committed::KeyReused));
    assert_eq!(repository.find(&acme, &utility_id("two")).await.expect("found").open_for_system(), None);

    let other_caller = RequestKey { caller: user("bob"), ..other_body.clone() };
    store(repository, &acme, with(creation(utility(&acme, "three")), &other_caller)).await;
    store(repository, &acme, with(creation(utility(&acme, "four")), &request("CopyUtility", "r-1", 2))).await;
    let zeta = scope("zeta");
    store(repository, &zeta, with(creation(utility(&zeta, "one")), &other_body)).await;
}

/// Only what was stored is an answer.
pub async fn a_refused_change_remembers_no_request(repository: Repository<'_>) {
    let acme = scope("acme");
    store(repository, &acme, creation(utility(&acme, "extract"))).await;
    let key = request("CreateUtility", "r-1", 1);
    let refused = repository.commit(&acme, with(creation(utility(&acme, "extract")), &key)).await.expect("answered");
    assert_eq!(refused, Committed::Conflict);
    assert_eq!(repository.find_answer(&acme, &key).await.expect("found"), None);
    store(repository, &acme, with(creation(utility(&acme, "other")), &request("CreateUtility", "r-1", 2))).await;
}

/// An answer without a change is kept like one with a change; neither the utility nor the epoch takes note of it.
pub async fn a_request_that_changed_nothing_is_remembered_and_changes_nothing(repository: Repository<'_>) {
    let (acme, zeta) = (scope("acme"), scope("zeta"));
    let first = store(repository, &acme, creation(utility(&acme, "extract"))).await;
    let (key, epoch) = (request("UpdateUtility", "r-1", 1), repository.epoch(&acme).await.expect("read"));
    assert_eq!(repository.remember(&acme, &key, &first).await.expect("remembered"), Committed::Stored);
    assert_eq!(repository.epoch(&acme).await.expect("read"), epoch);

    let changed = store(repository, &acme, next_version(&first)).await;
    let answered = Committed::Answered(Box::new(first.clone()));
    assert_eq!(repository.find_answer(&acme, &key).await.expect("found"), Some(answered.clone()));
    assert_eq!(repository.remember(&acme, &key, &changed).await.expect("answered"), answered, "the first answer stays");
    assert_eq!(repository.commit(&acme, with(next_version(&changed), &key)).await.expect("answered"), answered);
    let other_body = request("UpdateUtility", "r-1", 2);
    assert_eq!(repository.remember(&acme, &other_body, &changed).await.expect("answered"), Committed::KeyReused);
    assert_eq!(repository.find(&acme, &first.name.utility).await.expect("found").open_for_system(), Some(changed));
    assert_eq!(repository.find_answer(&zeta, &key).await.expect("found"), None);
    let error = repository.remember(&zeta, &key, &first).await.expect_err("refused");
    assert!(matches!(error, Error::Internal { .. }), "{error:?}");
}

/// A scope is a wall, and a change must be of its own scope.
pub async fn tenants_do_not_see_each_other(repository: Repository<'_>) {
    let (acme, zeta) = (scope("acme"), scope("zeta"));
    let made = store(repository, &acme, creation(utility(&acme, "extract"))).await;
    let id = &made.name.utility;
    assert_eq!(repository.find(&zeta, id).await.expect("found").open_for_system(), None);
    assert_eq!(repository.find_current(&zeta, id).await.expect("found").open_for_system(), None);
    assert_eq!(repository.find_version(&zeta, id, 1).await.expect("found").open_for_system(), None);
    for query in [UtilityQuery::default(), UtilityQuery { tag: Some("ioc".to_owned()), ..UtilityQuery::default() }] {
        assert_eq!(ids(repository, &zeta, &query, 10).await, Vec::<String>::new());
    }
    let smuggled = repository.commit(&zeta, creation(utility(&acme, "smuggled"))).await;
    assert!(matches!(smuggled, Err(Error::Internal { .. })), "{smuggled:?}");
    store(repository, &zeta, creation(utility(&zeta, "extract"))).await;
    assert_eq!(repository.find(&acme, id).await.expect("found").open_for_system(), Some(made));
}

/// Versions page backwards from the newest.
pub async fn versions_are_listed_newest_first(repository: Repository<'_>) {
    const COUNT: u32 = 12;
    let acme = scope("acme");
    let mut held = store(repository, &acme, creation(utility(&acme, "extract"))).await;
    while held.latest_version < COUNT {
        held = store(repository, &acme, next_version(&held)).await;
    }
    for size in [1, 5, COUNT, 100] {
        let mut found: Vec<VersionHead> = Vec::new();
        let mut after = None;
        loop {
            let page = repository
                .list_versions(&acme, &held.name.utility, &PageRequest { size, after })
                .await
                .expect("listed")
                .open_for_system()
                .expect("a page is always there");
            assert!(page.items.len() <= size as usize);
            found.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, (1..=COUNT).rev().map(|number| version(number, Kind::Transformer).head).collect::<Vec<_>>());
    }
}

/// Texts come back byte for byte, up to the largest.
pub async fn code_of_any_text_survives(repository: Repository<'_>) {
    let acme = scope("acme");
    let texts = [String::new(), "'\"\\\r\n\t\u{0}\u{1f}\u{2028}🦀".to_owned(), "x".repeat(domain::code::MAX_CODE)];
    for (index, text) in texts.into_iter().enumerate() {
        let id = format!("u{index}");
        let mut creation = creation(utility(&acme, &id));
        let mut version = version_of(1, Kind::Transformer, text.clone());
        version.head.message = text.chars().take(50).collect();
        creation.new_version = Some(version);
        let sent = creation.new_version.clone();
        store(repository, &acme, creation).await;
        assert_eq!(repository.find_version(&acme, &utility_id(&id), 1).await.expect("found").open_for_system(), sent);
    }
}

/// Filters narrow, alone and together, in each order.
pub async fn lists_filter_by_each_field_and_all_together(repository: Repository<'_>) {
    let acme = scope("acme");
    // Each attribute in every combination: bit 0 kind, bit 1 owner, bit 2 tag, bit 3 prefix, bit 4 deleted.
    for bits in 0..32_u32 {
        let mut one = utility(&acme, &format!("{}-{bits:02}", if bits & 8 == 0 { "a" } else { "b" }));
        one.definition.kind = if bits & 1 == 0 { Kind::Transformer } else { Kind::Script };
        one.owner = user(if bits & 2 == 0 { "ann" } else { "bob" });
        one.metadata.tags = if bits & 4 == 0 { vec!["common".to_owned()] } else { vec!["common".to_owned(), "rare".to_owned()] };
        one.deleted = (bits & 16 != 0).then(|| at(5));
        store(repository, &acme, creation(one)).await;
    }
    for filter in 0..32_u32 {
        let on = |bit: u32| filter & bit != 0;
        for order in ORDERS {
            let query = UtilityQuery {
                kind: on(1).then_some(Kind::Script),
                owner: on(2).then(|| user("bob")),
                tag: on(4).then(|| "rare".to_owned()),
                id_prefix: on(8).then(|| "b".to_owned()),
                copied: false,
                show_deleted: on(16),
                imports: None,
                within: None,
                order,
            };
            let wanted = (0..32_u32).filter(|bits| (filter & 15) & !bits == 0 && (on(16) || bits & 16 == 0));
            let mut wanted: Vec<String> = wanted.map(|bits| format!("{}-{bits:02}", if bits & 8 == 0 { "a" } else { "b" })).collect();
            wanted.sort();
            assert_eq!(ids(repository, &acme, &query, 3).await, wanted, "{query:?}");
        }
    }
    let none = UtilityQuery { id_prefix: Some("zz".to_owned()), ..UtilityQuery::default() };
    assert_eq!(ids(repository, &acme, &none, 3).await, Vec::<String>::new());
}

/// Each import counts, also in pages and beside other filters; those of older versions do not.
pub async fn lists_filter_by_what_the_current_version_imports(repository: Repository<'_>) {
    let acme = scope("acme");
    for id in ["a", "b", "c", "d"] {
        let mut one = utility(&acme, id);
        one.imports = if id == "c" { Vec::new() } else { vec!["json".to_owned(), format!("only_{id}")] };
        store(repository, &acme, creation(one)).await;
    }
    let other = scope("other");
    store(repository, &other, creation(utility(&other, "a"))).await;
    for order in ORDERS {
        let importing = async |modules: &[&str], prefix: Option<&str>| {
            let imports = Some(modules.iter().map(|module| module_of("python", module)).collect());
            let query = UtilityQuery { imports, id_prefix: prefix.map(str::to_owned), order, ..UtilityQuery::default() };
            ids(repository, &acme, &query, 1).await
        };
        assert_eq!(importing(&["json"], None).await, ["a", "b", "d"]);
        assert_eq!(importing(&["only_b", "json", "nothing"], None).await, ["a", "b", "d"], "once each");
        assert_eq!(importing(&["only_b", "only_d"], Some("d")).await, ["d"]);
        assert_eq!(importing(&["nothing"], None).await, Vec::<String>::new());
        assert_eq!(importing(&[], None).await, Vec::<String>::new());
    }
    let held = repository.find(&acme, &utility_id("a")).await.expect("found").open_for_system().expect("was stored");
    let after = next_version(&held);
    store(repository, &acme, after).await;
    let old = UtilityQuery { imports: Some(vec![module_of("python", "only_a")]), ..UtilityQuery::default() };
    assert_eq!(ids(repository, &acme, &old, 3).await, Vec::<String>::new(), "an older version's");
}

/// The same module of another runtime is another one, and a utility that moves to it is found there.
pub async fn lists_filter_by_the_runtime_of_what_is_imported(repository: Repository<'_>) {
    let acme = scope("acme");
    let mut other = utility(&acme, "b");
    other.definition.runtime = RuntimeId::new("security");
    for mut one in [utility(&acme, "a"), other] {
        one.imports = vec!["yaml".to_owned(), "json".to_owned()];
        store(repository, &acme, creation(one)).await;
    }
    let importing = async |wanted: &[(&str, &str)]| {
        let imports = Some(wanted.iter().map(|(runtime, module)| module_of(runtime, module)).collect());
        ids(repository, &acme, &UtilityQuery { imports, ..UtilityQuery::default() }, 3).await
    };
    assert_eq!(importing(&[("security", "yaml")]).await, ["b"]);
    assert_eq!(importing(&[("python", "yaml")]).await, ["a"]);
    assert_eq!(importing(&[("python", "yaml"), ("security", "json")]).await, ["a", "b"]);
    assert_eq!(importing(&[("old", "yaml")]).await, Vec::<String>::new());

    let held = repository.find(&acme, &utility_id("a")).await.expect("found").open_for_system().expect("was stored");
    let mut moved = held.clone();
    moved.definition.runtime = RuntimeId::new("security");
    store(repository, &acme, change(&held, moved)).await;
    assert_eq!(importing(&[("security", "yaml")]).await, ["a", "b"]);
    assert_eq!(importing(&[("python", "yaml")]).await, Vec::<String>::new());
}

pub(crate) fn module_of(runtime: &str, module: &str) -> RuntimeModule {
    RuntimeModule { runtime: RuntimeId::new(runtime), module: module.to_owned() }
}

/// What lists filter by is what the utility is now.
pub async fn tags_and_deletion_follow_the_utility(repository: Repository<'_>) {
    let acme = scope("acme");
    let mut held = store(repository, &acme, creation(utility(&acme, "extract"))).await;
    let tagged = |tag: &str| UtilityQuery { tag: Some(tag.to_owned()), ..UtilityQuery::default() };
    assert_eq!(ids(repository, &acme, &tagged("ioc"), 5).await, ["extract"]);

    let mut after = held.clone();
    after.metadata.tags = vec!["new".to_owned()];
    after.definition.kind = Kind::Script;
    held = store(repository, &acme, change(&held, after)).await;
    assert_eq!(ids(repository, &acme, &tagged("ioc"), 5).await, Vec::<String>::new());
    let script = UtilityQuery { kind: Some(Kind::Script), ..tagged("new") };
    assert_eq!(ids(repository, &acme, &script, 5).await, ["extract"]);

    held = store(repository, &acme, change(&held, Utility { deleted: Some(at(7)), ..held.clone() })).await;
    assert_eq!(ids(repository, &acme, &script, 5).await, Vec::<String>::new());
    assert_eq!(ids(repository, &acme, &UtilityQuery { show_deleted: true, ..script.clone() }, 5).await, ["extract"]);
    store(repository, &acme, change(&held, Utility { deleted: None, ..held.clone() })).await;
    assert_eq!(ids(repository, &acme, &script, 5).await, ["extract"]);
}

/// Keyset pages join to the whole list, whatever their size, also where many share a time.
pub async fn every_order_pages_without_gap_or_repeat(repository: Repository<'_>) {
    const COUNT: u64 = 23;
    let acme = scope("acme");
    for number in 0..COUNT {
        let mut one = utility(&acme, &format!("u-{:02}", number * 7 % COUNT));
        one.created = at(number / 6);
        one.updated = at(100 - number / 5);
        one.definition.kind = if number % 3 == 0 { Kind::Script } else { Kind::Transformer };
        store(repository, &acme, creation(one)).await;
    }
    for order in ORDERS {
        let query = UtilityQuery { order, ..UtilityQuery::default() };
        let whole = pages(repository, &acme, &query, 1_000).await;
        assert_eq!(whole.len() as u64, COUNT);
        assert!(whole.is_sorted_by_key(|one| sort_key(order, one)), "{order:?}");
        for size in [1, 2, 5, 22, 23] {
            assert_eq!(pages(repository, &acme, &query, size).await, whole, "{order:?}, pages of {size}");
        }
    }
}

/// A token stands for a place in the order, not for an item.
pub async fn a_page_token_outlives_changes(repository: Repository<'_>) {
    let acme = scope("acme");
    for id in ["a", "c", "e", "g"] {
        store(repository, &acme, creation(utility(&acme, id))).await;
    }
    let query = UtilityQuery::default();
    let first = repository
        .list(&acme, &query, &PageRequest { size: 2, after: None })
        .await
        .expect("listed")
        .open_for_system()
        .expect("a page is always there");
    let last = first.items[1].clone();
    store(repository, &acme, change(&last, Utility { deleted: Some(at(1)), ..last.clone() })).await;
    store(repository, &acme, creation(utility(&acme, "b"))).await;
    store(repository, &acme, creation(utility(&acme, "d"))).await;
    let rest = repository
        .list(&acme, &query, &PageRequest { size: 9, after: first.next })
        .await
        .expect("listed")
        .open_for_system()
        .expect("a page is always there");
    assert_eq!(names(&rest.items), ["d", "e", "g"]);
    assert_eq!(rest.next, None);
}

/// Tokens that this list did not make are the caller's mistake.
pub async fn a_strange_page_token_is_invalid(repository: Repository<'_>) {
    let acme = scope("acme");
    for id in ["a", "b", "c"] {
        store(repository, &acme, creation(utility(&acme, id))).await;
    }
    let newest = UtilityQuery { order: UtilityOrder::NewestFirst, ..UtilityQuery::default() };
    let page = repository
        .list(&acme, &newest, &PageRequest { size: 1, after: None })
        .await
        .expect("listed")
        .open_for_system()
        .expect("a page is always there");
    let of_another_order = page.next.expect("there are more");
    for token in ["", "x", "1:id:0:", "🦀", &of_another_order] {
        let request = PageRequest { size: 1, after: Some(token.to_owned()) };
        check_invalid(repository.list(&acme, &UtilityQuery::default(), &request).await);
        check_invalid(repository.list_versions(&acme, &utility_id("a"), &request).await);
    }
}

/// A request is remembered for its time to live and then forgotten; `advance` moves the repository's clock.
pub async fn an_answered_request_is_forgotten_in_time(repository: Repository<'_>, advance: &dyn Fn(Duration)) {
    let acme = scope("acme");
    let key = request("CreateUtility", "r-1", 1);
    store(repository, &acme, with(creation(utility(&acme, "one")), &key)).await;
    advance(REQUEST_KEY_TTL - Duration::from_secs(1));
    assert!(repository.find_answer(&acme, &key).await.expect("found").is_some());
    advance(Duration::from_secs(2));
    assert_eq!(repository.find_answer(&acme, &key).await.expect("found"), None);
    let other_body = request("CreateUtility", "r-1", 2);
    store(repository, &acme, with(creation(utility(&acme, "two")), &other_body)).await;
    assert!(matches!(repository.find_answer(&acme, &other_body).await.expect("found"), Some(Committed::Answered(_))));
}

pub(crate) const ORDERS: [UtilityOrder; 3] = [UtilityOrder::Id, UtilityOrder::NewestFirst, UtilityOrder::LastChangedFirst];

pub(crate) async fn store(repository: Repository<'_>, scope: &TenantScope, change: UtilityChange) -> Utility {
    let utility = change.utility.clone();
    assert_eq!(repository.commit(scope, change).await.expect("committed"), Committed::Stored);
    utility
}

fn with(change: UtilityChange, key: &RequestKey) -> UtilityChange {
    UtilityChange { request: Some(key.clone()), ..change }
}

async fn pages(repository: Repository<'_>, scope: &TenantScope, query: &UtilityQuery, size: u32) -> Vec<Utility> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = repository
            .list(scope, query, &PageRequest { size, after })
            .await
            .expect("listed")
            .open_for_system()
            .expect("a page is always there");
        assert!(page.items.len() <= size as usize && !(page.items.is_empty() && page.next.is_some()));
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

pub(crate) async fn ids(repository: Repository<'_>, scope: &TenantScope, query: &UtilityQuery, size: u32) -> Vec<String> {
    names(&pages(repository, scope, query, size).await)
}

fn names(utilities: &[Utility]) -> Vec<String> {
    utilities.iter().map(|utility| utility.name.utility.to_string()).collect()
}

fn sort_key(order: UtilityOrder, utility: &Utility) -> (std::cmp::Reverse<u64>, String) {
    let time = match order {
        UtilityOrder::Id => 0,
        UtilityOrder::NewestFirst => utility.created.as_millis(),
        UtilityOrder::LastChangedFirst => utility.updated.as_millis(),
    };
    (std::cmp::Reverse(time), utility.name.utility.to_string())
}

fn check_invalid<T: std::fmt::Debug>(outcome: domain::Result<T>) {
    match outcome {
        Err(Error::Invalid(violations)) => assert_eq!(violations[0].field, "page_token"),
        other => panic!("expected a refusal of the page token, got {other:?}"),
    }
}

/// Polls all futures side by side in one task.
pub(crate) async fn together<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, output) in &mut futures {
            if output.is_none()
                && let std::task::Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *output = Some(ready);
            }
        }
        if futures.iter().all(|(_, output)| output.is_some()) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    futures.into_iter().filter_map(|(_, output)| output).collect()
}

/// The mark is part of the version, and changes neither revision nor number.
pub async fn a_version_remembers_on_what_it_compiled(repository: Repository<'_>) {
    let stored = utility(&scope("acme"), "marked");
    let answer = repository.commit(&scope("acme"), creation(stored.clone())).await.expect("the store answers");
    assert_eq!(answer, Committed::Stored);
    repository.mark_compiled(&scope("acme"), &utility_id("marked"), 1, "sha256:abc").await.expect("the store answers");
    let (after, version) = repository
        .find_current(&scope("acme"), &utility_id("marked"))
        .await
        .expect("the store answers")
        .open_for_system()
        .expect("it exists");
    assert_eq!((after.revision, version.number, version.compiled_on.as_deref()), (stored.revision, 1, Some("sha256:abc")));
}

/// What is stored advances it, what is refused does not, and other tenants have their own.
pub async fn a_change_advances_the_epoch_of_its_tenant(repository: Repository<'_>) {
    let (acme, zeta) = (scope("acme"), scope("zeta"));
    let epoch = async |scope: &TenantScope| repository.epoch(scope).await.expect("read");
    assert_eq!(epoch(&acme).await, 0);
    let made = store(repository, &acme, creation(utility(&acme, "one"))).await;
    let first = epoch(&acme).await;
    assert!(first > 0);
    assert_eq!(repository.commit(&acme, creation(utility(&acme, "one"))).await.expect("answered"), Committed::Conflict);
    assert_eq!(epoch(&acme).await, first);
    store(repository, &acme, change(&made, Utility { deleted: Some(at(9)), ..made.clone() })).await;
    let second = epoch(&acme).await;
    assert!(second > first);
    repository.mark_compiled(&acme, &utility_id("one"), 1, "sha256:abc").await.expect("marked");
    let third = epoch(&acme).await;
    assert!(third > second);
    repository.mark_compiled(&acme, &utility_id("one"), 7, "sha256:abc").await.expect("there is no such version");
    assert_eq!((epoch(&acme).await, epoch(&zeta).await), (third, 0));
}
