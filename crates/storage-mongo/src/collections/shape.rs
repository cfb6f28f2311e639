//! What a collection and an index are, and how the driver takes an index. Knows none of them by name.

use std::time::Duration;

use mongodb::IndexModel;
use mongodb::bson::{Document, doc};
use mongodb::options::IndexOptions;

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
    /// Many tenants', looked for by a key that does not name the tenant: sharded by that.
    Keys,
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

/// An index of every document.
pub(super) const fn by(fields: &'static [&'static str]) -> Index {
    Index { fields, only: None, forgotten_after: None }
}

/// An index of only those documents in which a field is what it says.
pub(super) const fn only(fields: &'static [&'static str], field: &'static str, only: Only) -> Index {
    Index { fields, only: Some((field, only)), forgotten_after: None }
}

/// An index by whose one field documents are removed so long after its time.
pub(super) const fn forgotten(fields: &'static [&'static str], after: Duration) -> Index {
    Index { fields, only: None, forgotten_after: Some(after) }
}

/// A collection of many tenants.
pub(super) const fn of_tenants(name: &'static str, indexes: &'static [Index]) -> Collection {
    Collection { name, scope: Scope::Tenants, indexes }
}

/// A collection of many tenants that is looked for by the key alone.
pub(super) const fn of_keys(name: &'static str, indexes: &'static [Index]) -> Collection {
    Collection { name, scope: Scope::Keys, indexes }
}

/// A collection of the installation.
pub(super) const fn of_installation(name: &'static str, indexes: &'static [Index]) -> Collection {
    Collection { name, scope: Scope::Installation, indexes }
}

impl Collection {
    /// The indexes as the driver takes them; by the key within a tenant, which is what documents are sharded by, in any case.
    pub(crate) fn models(&self) -> Vec<IndexModel> {
        let shard = (self.scope != Scope::Installation).then_some(by(&["tenant", "_id"]));
        shard.iter().chain(self.indexes).map(Index::model).collect()
    }

    /// By which fields it is sharded; `None` where it stays on one shard.
    pub(crate) fn shard_key(&self) -> Option<Document> {
        match self.scope {
            Scope::Tenants => Some(doc! { "tenant": 1, "_id": 1 }),
            Scope::Keys => Some(doc! { "_id": 1 }),
            Scope::Installation => None,
        }
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

    pub(super) fn name(&self) -> String {
        let fields = self.fields.join("_");
        self.only.map_or_else(|| fields.clone(), |(field, _)| format!("{fields}_of_{field}"))
    }
}
