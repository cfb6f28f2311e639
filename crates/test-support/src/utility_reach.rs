//! What every `UtilityRepository` promises of lists within a reach; each check wants an empty repository.

use domain::access::Granted;
use domain::code::Kind;
use domain::page::PageRequest;
use domain::utility::{UtilityOrder, UtilityQuery, UtilityRepository, Within};

use crate::sample::{at, creation, scope, user, utility, utility_id};

/// Makes one test of each check. `$make` is an expression that gives something that dereferences to an empty repository.
#[macro_export]
macro_rules! utility_reach_contract {
    ($make:expr) => {
        #[tokio::test]
        async fn a_list_within_a_reach_is_the_union_of_own_and_granted_in_every_order_and_page() {
            let repository = $make;
            $crate::utility_reach::a_list_within_a_reach_is_the_union_of_own_and_granted_in_every_order_and_page(&*repository).await;
        }
    };
}

const UTILITIES: u64 = 48;

/// Whatever else is filtered: the same as filtering everything by hand.
pub async fn a_list_within_a_reach_is_the_union_of_own_and_granted_in_every_order_and_page(repository: &dyn UtilityRepository) {
    let (acme, beta) = (scope("acme"), scope("beta"));
    let mut all = Vec::new();
    for number in 0..UTILITIES {
        let mut one = utility(&acme, &format!("{}-{number:02}", if number % 2 == 0 { "a" } else { "b" }));
        one.owner = user(["ann", "bob", "cid"][number as usize % 3]);
        one.definition.kind = if number % 5 == 0 { Kind::Script } else { Kind::Transformer };
        one.metadata.tags = if number % 7 == 0 { vec!["rare".to_owned()] } else { vec!["common".to_owned()] };
        one.imports = if number % 4 == 0 { vec!["json".to_owned()] } else { Vec::new() };
        one.deleted = (number % 11 == 0).then(|| at(5));
        // Ties among them, and not in the order of ids.
        (one.created, one.updated) = (at(number / 4), at(UTILITIES - number / 3));
        repository.commit(&acme, creation(one.clone())).await.expect("committed");
        repository.commit(&beta, creation(utility(&beta, one.name.utility.as_str()))).await.expect("committed");
        all.push(one);
    }
    // Own ones among them, and one that does not exist.
    let granted: Granted = (0..UTILITIES)
        .filter(|number| number % 4 == 1 || number % 11 == 0)
        .map(|number| all[number as usize].name.utility.clone())
        .chain([utility_id("nothing")])
        .collect();
    for within in [granted, Granted::default()].map(|granted| Some(Within { owner: user("ann"), granted })) {
        for filter in 0..64_u32 {
            for order in [UtilityOrder::Id, UtilityOrder::NewestFirst, UtilityOrder::LastChangedFirst] {
                let on = |bit: u32| filter & bit != 0;
                let query = UtilityQuery {
                    kind: on(1).then_some(Kind::Script),
                    owner: on(2).then(|| user(if on(1) { "ann" } else { "bob" })),
                    tag: on(4).then(|| "rare".to_owned()),
                    id_prefix: on(8).then(|| "b".to_owned()),
                    copied: false,
                    show_deleted: on(16),
                    imports: on(32).then(|| vec![crate::utility_repository::module_of("python", "json")]),
                    within: within.clone(),
                    order,
                };
                let mut wanted: Vec<_> = all
                    .iter()
                    .filter(|one| query.within.as_ref().is_none_or(|within| within.holds(one)))
                    .filter(|one| query.kind.is_none_or(|kind| one.definition.kind == kind))
                    .filter(|one| query.owner.as_ref().is_none_or(|owner| one.owner == *owner))
                    .filter(|one| query.tag.as_ref().is_none_or(|tag| one.metadata.tags.contains(tag)))
                    .filter(|one| !on(8) || one.name.utility.as_str().starts_with('b'))
                    .filter(|one| on(16) || one.deleted.is_none())
                    .filter(|one| !on(32) || !one.imports.is_empty())
                    .collect();
                wanted.sort_by_key(|one| match order {
                    UtilityOrder::Id => (std::cmp::Reverse(0), one.name.utility.clone()),
                    UtilityOrder::NewestFirst => (std::cmp::Reverse(one.created.as_millis()), one.name.utility.clone()),
                    UtilityOrder::LastChangedFirst => (std::cmp::Reverse(one.updated.as_millis()), one.name.utility.clone()),
                });
                let wanted: Vec<_> = wanted.into_iter().map(|one| one.name.utility.clone()).collect();
                assert_eq!(walk(repository, &query).await, wanted, "{query:?}");
            }
        }
    }
}

async fn walk(repository: &dyn UtilityRepository, query: &UtilityQuery) -> Vec<domain::name::UtilityId> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = repository.list(&scope("acme"), query, &PageRequest { size: 5, after }).await.expect("listed").open_for_system();
        let page = page.expect("a page is always there");
        assert!(page.items.len() <= 5);
        found.extend(page.items.into_iter().map(|one| one.name.utility));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}
