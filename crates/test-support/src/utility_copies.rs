//! What every `UtilityRepository` promises of copies; each check wants an empty repository.

use domain::utility::{Lineage, Utility, UtilityQuery, UtilityRepository, Within};

use crate::sample::{change, creation, lineage, scope, user, utility, utility_id};
use crate::utility_repository::{ORDERS, ids, store};

/// Makes one test of each check. `$make` is an expression that gives something that dereferences to an empty repository.
#[macro_export]
macro_rules! utility_copies_contract {
    ($make:expr) => {
        #[tokio::test]
        async fn a_copy_knows_where_it_comes_from_and_is_listed_among_copies() {
            let repository = $make;
            $crate::utility_copies::a_copy_knows_where_it_comes_from_and_is_listed_among_copies(&*repository).await;
        }
    };
}

/// Also in pages and beside other filters, and within a reach.
pub async fn a_copy_knows_where_it_comes_from_and_is_listed_among_copies(repository: &dyn UtilityRepository) {
    let acme = scope("acme");
    for id in ["a", "b", "c", "d"] {
        let lineage = (id != "b").then(lineage);
        store(repository, &acme, creation(Utility { lineage, ..utility(&acme, id) })).await;
    }
    let other = scope("other");
    store(repository, &other, creation(Utility { lineage: Some(lineage()), ..utility(&other, "a") })).await;
    let held = repository.find(&acme, &utility_id("a")).await.expect("found").open_for_system().expect("was stored");
    assert_eq!(held.lineage, Some(lineage()));
    let copies = UtilityQuery { copied: true, ..UtilityQuery::default() };
    for order in ORDERS {
        assert_eq!(ids(repository, &acme, &UtilityQuery { order, ..copies.clone() }, 1).await, ["a", "c", "d"]);
    }
    let prefixed = UtilityQuery { id_prefix: Some("d".to_owned()), ..copies.clone() };
    assert_eq!(ids(repository, &acme, &prefixed, 3).await, ["d"]);
    let within = Some(Within { owner: user("nobody"), granted: ["b", "c"].map(utility_id).into_iter().collect() });
    assert_eq!(ids(repository, &acme, &UtilityQuery { within, ..copies.clone() }, 3).await, ["c"]);
    let followed = Utility { lineage: Some(Lineage { dismissed: 6, ..lineage() }), ..held.clone() };
    let after = store(repository, &acme, change(&held, followed)).await;
    assert_eq!(repository.find(&acme, &utility_id("a")).await.expect("found").open_for_system(), Some(after));
    assert_eq!(ids(repository, &acme, &copies, 3).await, ["a", "c", "d"]);
}
