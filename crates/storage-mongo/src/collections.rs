//! The collections and their indexes: one row for each. An index is named by its fields, serves the queries that `docs/storage.md` lists
//! beside it, and begins with the tenant wherever documents of many tenants lie in one collection.

use std::time::Duration;

use mongodb::bson::Bson;

mod people;
pub(crate) mod runs;
mod shape;
mod utilities;

pub(crate) use people::*;
pub(crate) use runs::*;
pub(crate) use shape::{Collection, Scope};
use shape::{forgotten, of_installation, of_tenants};
pub(crate) use utilities::*;

/// Version of the schema, and who migrates it.
pub(crate) const SCHEMA: Collection = of_installation("schema", &[]);
/// How often what a tenant has was changed.
pub(crate) const EPOCHS: Collection = of_tenants("epochs", &[]);
/// What servers have changed lately, for the copies that others keep.
pub(crate) const NEWS: Collection = of_installation("news", &[forgotten(&["at"], NEWS_KEPT)]);
/// How long they are kept.
pub(crate) const NEWS_KEPT: Duration = Duration::from_secs(3_600);
/// What servers tell each other about executions.
pub(crate) const HINTS: Collection = of_installation("hints", &[forgotten(&["at"], HINTS_KEPT)]);
/// How long that is kept: whoever did not hear it by then looks in the store.
const HINTS_KEPT: Duration = Duration::from_secs(60);
/// Numbers of the installation that are counted up.
pub(crate) const TOTALS: Collection = of_installation("totals", &[]);

/// Revisions of what the platform shall be, each sealed: a few, of which the newest are looked for.
pub(crate) const PLATFORM_REVISIONS: Collection = of_installation("platform_revisions", &[]);

/// How services and integrations were when that was told last, by subject: all of them are read at once.
pub(crate) const PLATFORM_SIGHTINGS: Collection = of_installation("platform_sightings", &[]);

/// All of them, in sections, each in the order of the documents.
pub(crate) const ALL: &[&[Collection]] =
    &[&[SCHEMA, EPOCHS, NEWS, HINTS, TOTALS, PLATFORM_REVISIONS, PLATFORM_SIGHTINGS], utilities::ALL, people::ALL, runs::ALL];

/// A value of a filter that no document may lack.
pub(crate) fn millis(time: domain::time::Timestamp) -> Bson {
    Bson::Int64(crate::row::integer(time.as_millis()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::shape::Index;
    use super::*;

    #[test]
    fn every_index_of_a_collection_of_tenants_is_led_by_the_tenant_unless_a_sweep_of_all_needs_it() {
        // Sweeps of one server over all tenants, in the background: they ask every shard.
        const SWEEPS: &[&str] = &[
            "data_keys.kek__id",
            "subjects.is_erasing_tenant_of_is_erasing",
            "requests.answered",
            "executions.unfinished__id_of_unfinished",
            "executions.instance__id_of_stop_asked",
            "executions.ended__id_of_ended",
            "executions.to_archive__id_of_to_archive",
            "schedules.next_tenant_id_of_next",
            "operations.unfinished__id_of_unfinished",
            "operations.ended__id_of_ended",
            "webhooks.state_tenant_id",
            "webhook_deliveries.given_up_tenant_of_given_up",
        ];
        for collection in ALL.iter().copied().flatten().filter(|collection| collection.scope != Scope::Installation) {
            for index in collection.indexes {
                let name = format!("{}.{}", collection.name, index.name());
                assert!(index.fields[0] == "tenant" || SWEEPS.contains(&name.as_str()), "{name}");
            }
        }
    }

    #[test]
    fn names_of_collections_and_indexes_are_their_own() {
        let all = || ALL.iter().copied().flatten();
        let names: BTreeSet<_> = all().map(|collection| collection.name).collect();
        assert_eq!(names.len(), all().count());
        for collection in all() {
            let names: BTreeSet<_> = collection.indexes.iter().map(Index::name).collect();
            assert_eq!(names.len(), collection.indexes.len(), "{}", collection.name);
        }
    }
}
