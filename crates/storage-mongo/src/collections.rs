//! The collections and their indexes: one row for each. An index is named by its fields, serves the queries that `docs/storage.md` lists
//! beside it, and begins with the tenant wherever documents of many tenants lie in one collection.

use std::time::Duration;

use mongodb::IndexModel;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::IndexOptions;

mod people;
pub(crate) mod runs;
mod utilities;

pub(crate) use people::*;
pub(crate) use runs::*;
pub(crate) use utilities::*;

/// A collection.
pub(crate) struct Collection {
    pub(crate) name: &'static str,
    pub(crate) scope: Scope,
    pub(crate) indexes: &'static [Index],
}

/// Whose documents lie in a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Many tenants': sharded by tenant and key.
    Tenants,
    /// The installation's: few of them, on one shard.
    Installation,
}

/// An index of a collection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Index {
    /// Fields in order; a minus before one is descending.
    pub(crate) fields: &'static [&'static str],
    /// Only documents in which this field is what it says.
    pub(crate) only: Option<(&'static str, Only)>,
    /// Documents are removed so long after the time of the one field.
    pub(crate) forgotten_after: Option<Duration>,
}

/// Which documents a partial index holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Only {
    /// Those in which the field is true.
    True,
    /// Those that have the field.
    Present,
}

const fn by(fields: &'static [&'static str]) -> Index {
    Index { fields, only: None, forgotten_after: None }
}

const fn only(fields: &'static [&'static str], field: &'static str, only: Only) -> Index {
    Index { fields, only: Some((field, only)), forgotten_after: None }
}

const fn forgotten(fields: &'static [&'static str], after: Duration) -> Index {
    Index { fields, only: None, forgotten_after: Some(after) }
}

const fn of_tenants(name: &'static str, indexes: &'static [Index]) -> Collection {
    Collection { name, scope: Scope::Tenants, indexes }
}

const fn of_installation(name: &'static str, indexes: &'static [Index]) -> Collection {
    Collection { name, scope: Scope::Installation, indexes }
}

/// Version of the schema, and who migrates it.
pub(crate) const SCHEMA: Collection = of_installation("schema", &[]);
/// How often what a tenant has was changed.
pub(crate) const EPOCHS: Collection = of_tenants("epochs", &[]);
/// What servers have changed lately, for the copies that others keep.
pub(crate) const NEWS: Collection = of_installation("news", &[forgotten(&["at"], Duration::from_secs(3_600))]);
/// Numbers of the installation that are counted up.
pub(crate) const TOTALS: Collection = of_installation("totals", &[]);

/// All of them, in sections, each in the order of the documents.
pub(crate) const ALL: &[&[Collection]] = &[&[SCHEMA, EPOCHS, NEWS, TOTALS], utilities::ALL, people::ALL, runs::ALL];

impl Collection {
    /// The indexes as the driver takes them; by the key within a tenant, which is what documents are sharded by, in any case.
    pub(crate) fn models(&self) -> Vec<IndexModel> {
        let shard = (self.scope == Scope::Tenants).then_some(by(&["tenant", "_id"]));
        shard.iter().chain(self.indexes).map(Index::model).collect()
    }
}

impl Index {
    fn model(&self) -> IndexModel {
        let mut keys = Document::new();
        for field in self.fields {
            match field.strip_prefix('-') {
                Some(field) => keys.insert(field, -1),
                None => keys.insert(*field, 1),
            };
        }
        let partial = self.only.map(|(field, only)| match only {
            Only::True => doc! { field: true },
            Only::Present => doc! { field: { "$exists": true } },
        });
        let mut options = IndexOptions::default();
        options.name = Some(self.name());
        options.partial_filter_expression = partial;
        options.expire_after = self.forgotten_after;
        IndexModel::builder().keys(keys).options(options).build()
    }

    fn name(&self) -> String {
        let fields = self.fields.join("_");
        self.only.map_or_else(|| fields.clone(), |(field, _)| format!("{fields}_of_{field}"))
    }
}

/// A value of a filter that no document may lack.
pub(crate) fn millis(time: domain::time::Timestamp) -> Bson {
    Bson::Int64(crate::row::integer(time.as_millis()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
            "webhooks.state_tenant_id",
            "webhook_deliveries.given_up_tenant_of_given_up",
        ];
        for collection in ALL.iter().copied().flatten().filter(|collection| collection.scope == Scope::Tenants) {
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
