//! Pages of utilities. A list is the merge of sorted streams, one for each combination of `deleted` and `kind` that is wanted;
//! each stream is one range of one index, so a page costs the same however many utilities there are.

use std::cmp::{Ordering, Reverse};

use domain::code::Kind;
use domain::name::{PrincipalName, TenantId, UtilityId};
use domain::page::{MAX_PAGE, Page, PageRequest};
use domain::utility::{Utility, UtilityOrder, UtilityQuery};
use rusqlite::Connection;
use rusqlite::types::Value;
use storage_rules::{Cursor, PAGE_BYTES};

use super::granted;
use super::importing;
use super::rows::{self, find};
use crate::cursor::{Conditions, read_keys};
use crate::error::{Error, Result, during};
use crate::readers::snapshot;
use crate::vault::Vault;

/// A list and which page of it.
pub(crate) struct List {
    tenant: TenantId,
    query: UtilityQuery,
    /// Whose utilities the streams hold; `None` for everybody's.
    owner: Option<PrincipalName>,
    size: usize,
    after: Option<Cursor>,
}

/// Which part of a stream is read: ties are ascending by id below descending times, which is no single range of keys.
#[derive(Clone, Copy)]
enum Part<'a> {
    /// All of it.
    Whole,
    /// Beyond this id, in the order of ids.
    Beyond(&'a Cursor),
    /// Of this very time, beyond this id.
    Ties(&'a Cursor),
    /// Earlier than this time.
    Earlier(&'a Cursor),
}

impl List {
    pub(super) fn new(tenant: TenantId, query: UtilityQuery, page: &PageRequest) -> domain::Result<Self> {
        let after = page.after.as_deref().map(|text| Cursor::decode(text, order_name(query.order))).transpose()?;
        let owner = query.within.as_ref().map(|within| within.owner.clone()).or_else(|| query.owner.clone());
        Ok(List { tenant, query, owner, size: page.size.clamp(1, MAX_PAGE) as usize, after })
    }

    /// Reads the page. Ends early when it grows heavy.
    pub(super) fn page(&self, connection: &Connection, vault: &Vault) -> Result<Page<Utility>> {
        snapshot(connection, |connection| {
            let keys = self.keys(connection)?;
            let (mut items, mut bytes) = (Vec::new(), 0);
            for (index, key) in keys.iter().enumerate() {
                if index == self.size || bytes >= PAGE_BYTES {
                    return Ok(Page { items, next: Some(keys[index - 1].encode(order_name(self.query.order))) });
                }
                if let Some(utility) = vault.readable(rows::TABLE, &key.id, self.read(connection, key))? {
                    bytes += weight(&utility);
                    items.push(utility);
                }
            }
            Ok(Page { items, next: None })
        })
    }

    fn read(&self, connection: &Connection, key: &Cursor) -> Result<Utility> {
        let id = UtilityId::parse("id", &key.id).map_err(|error| self.broken(key, error.into()))?;
        find(connection, &self.tenant, &id)?.ok_or_else(|| self.broken(key, "an index names a row that is missing".into()))
    }

    /// The sort keys of the page, and of one item more when there is one.
    fn keys(&self, connection: &Connection) -> Result<Vec<Cursor>> {
        let mut keys = Vec::new();
        if let Some(within) = &self.query.within {
            let what = (&self.tenant, &self.query, time_column(self.query.order));
            granted::keys(connection, what, within.granted.iter(), &within.owner, &mut keys)?;
            keys.retain(|key| self.is_after(key));
        }
        self.streams(connection, &mut keys)?;
        keys.sort_unstable_by(|a, b| self.compare(a, b));
        keys.truncate(self.size + 1);
        Ok(keys)
    }

    /// The keys of what lies in the streams, which are each in order.
    fn streams(&self, connection: &Connection, keys: &mut Vec<Cursor>) -> Result<()> {
        if self.query.owner.is_some() && self.query.owner != self.owner {
            return Ok(());
        }
        for deleted in [false, true].into_iter().take(1 + usize::from(self.query.show_deleted)) {
            for kind in [Kind::Transformer, Kind::Script] {
                if self.query.kind.is_none_or(|wanted| wanted == kind) {
                    self.stream(connection, deleted, kind, keys)?;
                }
            }
        }
        Ok(())
    }

    fn is_after(&self, key: &Cursor) -> bool {
        self.after.as_ref().is_none_or(|after| self.compare(key, after) == Ordering::Greater)
    }

    /// By id the time of every key is 0.
    fn compare(&self, a: &Cursor, b: &Cursor) -> Ordering {
        match self.query.order {
            UtilityOrder::Id => a.id.cmp(&b.id),
            UtilityOrder::NewestFirst | UtilityOrder::LastChangedFirst => (Reverse(a.millis), &a.id).cmp(&(Reverse(b.millis), &b.id)),
        }
    }

    fn stream(&self, connection: &Connection, deleted: bool, kind: Kind, keys: &mut Vec<Cursor>) -> Result<()> {
        let parts = match (&self.after, self.query.order) {
            (None, _) => [Some(Part::Whole), None],
            (Some(after), UtilityOrder::Id) => [Some(Part::Beyond(after)), None],
            (Some(after), UtilityOrder::NewestFirst | UtilityOrder::LastChangedFirst) => {
                [Some(Part::Ties(after)), Some(Part::Earlier(after))]
            }
        };
        let full = keys.len() + self.size + 1;
        for part in parts.into_iter().flatten() {
            if keys.len() < full {
                let (sql, values) = self.sql(deleted, kind, part, full - keys.len());
                read_keys(connection, &sql, values, keys).map_err(during("listing utilities"))?;
            }
        }
        Ok(())
    }

    /// The statement of one stream's part: there are few distinct texts, so they stay prepared.
    fn sql(&self, deleted: bool, kind: Kind, part: Part<'_>, limit: usize) -> (String, Vec<Value>) {
        let query = &self.query;
        let mut conditions = Conditions::default();
        conditions.add("tenant = ?", [self.tenant.to_string().into()]);
        if let Some(tag) = &query.tag {
            conditions.add("tag = ?", [tag.clone().into()]);
        }
        if let Some(owner) = &self.owner {
            conditions.add("owner = ?", [owner.to_string().into()]);
        }
        conditions.add("deleted = ?", [deleted.into()]);
        conditions.add("kind = ?", [kind.as_str().to_owned().into()]);
        if let Some(prefix) = &query.id_prefix {
            conditions.add("id >= ?", [prefix.clone().into()]);
            // Above every character of an id.
            conditions.add("id < ?", [format!("{prefix}{{").into()]);
        }
        importing::add(&self.tenant, query, &mut conditions);
        let (table, index) = source(query, self.owner.as_ref());
        let time = time_column(query.order);
        match part {
            Part::Whole => {}
            Part::Beyond(after) => conditions.add("id > ?", [after.id.clone().into()]),
            Part::Ties(after) => {
                conditions.add(&format!("{time} = ?"), [after.millis.into()]);
                conditions.add("id > ?", [after.id.clone().into()]);
            }
            Part::Earlier(after) => conditions.add(&format!("{time} < ?"), [after.millis.into()]),
        }
        let order = if query.order == UtilityOrder::Id { "id".to_owned() } else { format!("{time} DESC, id") };
        conditions.values.push(Value::Integer(i64::try_from(limit).expect("a page is small")));
        (format!("SELECT {time}, id FROM {table} INDEXED BY {index} WHERE {} ORDER BY {order} LIMIT ?", conditions.sql), conditions.values)
    }

    fn broken(&self, key: &Cursor, source: domain::error::Source) -> Error {
        Error::undecodable(rows::TABLE, format!("{}/{}", self.tenant, key.id), source)
    }
}

/// The table and the index that holds the query's streams in its order. Named, as the engine's own guess changes with the data.
fn source(query: &UtilityQuery, owner: Option<&PrincipalName>) -> (&'static str, String) {
    let order = order_name(query.order);
    match (&query.tag, owner) {
        (Some(_), _) => ("utility_tags", format!("utility_tags_by_{order}")),
        (None, Some(_)) => ("utilities", format!("utilities_by_owner_and_{order}")),
        (None, None) => ("utilities", format!("utilities_by_{order}")),
    }
}

fn order_name(order: UtilityOrder) -> &'static str {
    match order {
        UtilityOrder::Id => "id",
        UtilityOrder::NewestFirst => "created",
        UtilityOrder::LastChangedFirst => "updated",
    }
}

/// The column of the order; lists by id select a constant, which their index need not hold.
fn time_column(order: UtilityOrder) -> &'static str {
    match order {
        UtilityOrder::Id => "0",
        UtilityOrder::NewestFirst => "created",
        UtilityOrder::LastChangedFirst => "updated",
    }
}

/// Bytes of a utility in memory, roughly: its texts.
fn weight(utility: &Utility) -> usize {
    const FIXED: usize = 512;
    let parameters = utility.definition.parameters.iter();
    let schema: usize = parameters
        .map(|one| {
            one.name.len()
                + one.description.len()
                + one.default_json.as_ref().map_or(0, |json| json.len())
                + one.enum_json.iter().map(|json| json.len()).sum::<usize>()
        })
        .sum();
    FIXED + utility.metadata.description.len() + schema
}

#[cfg(test)]
mod tests;
