//! Pages of utilities. First the sort keys of the page are found, in an index; then the documents are read, some at a time, until the page
//! is full or heavy. So a page costs the same however many utilities there are.

use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;

use domain::name::{PrincipalName, TenantId, UtilityId};
use domain::page::{MAX_PAGE, Page, PageRequest};
use domain::utility::{Utility, UtilityOrder, UtilityQuery};
use mongodb::bson::{Document, doc};
use storage_rules::{Cursor, PAGE_BYTES};

use super::names::id_of;
use super::rows;
use crate::collections::UTILITIES;
use crate::error::Result;
use crate::row::Row;
use crate::session::{Select, Session};

/// Documents that are read at once: a page of heavy ones ends soon after.
const AT_ONCE: usize = 50;

/// A list and which page of it.
pub(super) struct List<'a> {
    tenant: &'a TenantId,
    query: &'a UtilityQuery,
    /// Whose utilities the index holds together; `None` for everybody's.
    owner: Option<&'a PrincipalName>,
    size: usize,
    after: Option<Cursor>,
}

impl<'a> List<'a> {
    pub(super) fn new(tenant: &'a TenantId, query: &'a UtilityQuery, page: &PageRequest) -> domain::Result<Self> {
        let after = page.after.as_deref().map(|text| Cursor::decode(text, order_name(query.order))).transpose()?;
        let owner = query.within.as_ref().map(|within| &within.owner).or(query.owner.as_ref());
        Ok(List { tenant, query, owner, size: page.size.clamp(1, MAX_PAGE) as usize, after })
    }

    /// Reads the page. Ends early when it grows heavy. What was removed since its key was read is left out.
    pub(super) async fn page(&self, session: &mut Session) -> Result<Page<Utility>> {
        let keys = self.keys(session).await?;
        let (mut items, mut bytes) = (Vec::new(), 0);
        let on_page = keys.len().min(self.size);
        for (chunk, some) in keys[..on_page].chunks(AT_ONCE).enumerate() {
            let mut found = self.read(session, some).await?;
            for (place, key) in some.iter().enumerate() {
                if bytes >= PAGE_BYTES {
                    let last = &keys[chunk * AT_ONCE + place - 1];
                    return Ok(Page { items, next: Some(last.encode(order_name(self.query.order))) });
                }
                let Some(row) = found.remove(&key.id) else { continue };
                bytes += row.text("document").map_or(0, str::len);
                items.extend(session.shared.readable(rows::decode(self.tenant, &row))?);
            }
        }
        let next = (keys.len() > on_page).then(|| keys[on_page - 1].encode(order_name(self.query.order)));
        Ok(Page { items, next })
    }

    async fn read(&self, session: &mut Session, keys: &[Cursor]) -> Result<HashMap<String, Row>> {
        let ids: Vec<String> = keys.iter().map(|key| crate::row::key(&[self.tenant.as_str(), &key.id])).collect();
        let filter = doc! { "tenant": self.tenant.as_str(), "_id": { "$in": ids } };
        let found = session.find(UTILITIES.name, filter, Select::sorted(Document::new(), keys.len())).await?;
        Ok(found.into_iter().filter_map(|row| Some((row.text("id").ok()?.to_owned(), row))).collect())
    }

    /// The sort keys of the page, and of one item more when there is one.
    async fn keys(&self, session: &mut Session) -> Result<Vec<Cursor>> {
        let mut keys = Vec::new();
        if let Some(within) = &self.query.within {
            self.granted(session, within.granted.iter(), &within.owner, &mut keys).await?;
            keys.retain(|key| self.is_after(key));
        }
        let elsewhere = self.query.owner.is_some() && self.query.owner.as_ref() != self.owner;
        if !elsewhere {
            self.in_order(session, &mut keys).await?;
        }
        keys.sort_unstable_by(|a, b| self.compare(a, b));
        keys.truncate(self.size + 1);
        Ok(keys)
    }

    /// Keys of granted utilities that others own: they are nobody's range of an index, so each is looked up by its name. How many there
    /// are is bounded by how much can be granted to one principal.
    async fn granted<'b>(
        &self,
        session: &mut Session,
        granted: impl Iterator<Item = &'b UtilityId>,
        but_of: &PrincipalName,
        keys: &mut Vec<Cursor>,
    ) -> Result<()> {
        let ids: Vec<String> = granted.map(|id| id_of(self.tenant, id)).collect();
        let bound = ids.len();
        let mut filter = doc! { "tenant": self.tenant.as_str(), "_id": { "$in": ids }, "owner": { "$ne": but_of.as_str() } };
        if let Some(owner) = &self.query.owner {
            filter = doc! { "$and": [filter, { "owner": owner.as_str() }] };
        }
        self.filter(&mut filter);
        let found = session.find(UTILITIES.name, filter, self.select(Document::new(), bound)).await?;
        self.take(&found, keys)
    }

    /// Keys of a range of the index, from where the last page ended. Ties are ascending by id below descending times, which is no single
    /// range: first those of the time at which the last page ended.
    async fn in_order(&self, session: &mut Session, keys: &mut Vec<Cursor>) -> Result<()> {
        let time = time_field(self.query.order);
        let parts: Vec<Document> = match (&self.after, time) {
            (None, _) => vec![Document::new()],
            (Some(after), None) => vec![doc! { "id": { "$gt": &after.id } }],
            (Some(after), Some(time)) => {
                vec![doc! { time: after.millis, "id": { "$gt": &after.id } }, doc! { time: { "$lt": after.millis } }]
            }
        };
        let full = keys.len() + self.size + 1;
        for part in parts {
            if keys.len() < full {
                let mut filter = doc! { "tenant": self.tenant.as_str() };
                if let Some(owner) = self.owner {
                    filter.insert("owner", owner.as_str());
                }
                self.filter(&mut filter);
                if !part.is_empty() {
                    filter = doc! { "$and": [filter, part] };
                }
                let sort = time.map_or_else(|| doc! { "id": 1 }, |time| doc! { time: -1, "id": 1 });
                let found = session.find(UTILITIES.name, filter, self.select(sort, full - keys.len())).await?;
                self.take(&found, keys)?;
            }
        }
        Ok(())
    }

    /// The conditions on what is in no order.
    fn filter(&self, filter: &mut Document) {
        let query = self.query;
        if let Some(tag) = &query.tag {
            filter.insert("tags", tag.as_str());
        }
        if query.show_deleted {
            // Two ranges of the index, which the database merges.
            filter.insert("deleted", doc! { "$in": [false, true] });
        } else {
            filter.insert("deleted", false);
        }
        match query.kind {
            Some(kind) => filter.insert("kind", kind.as_str()),
            None => filter.insert("kind", doc! { "$in": [domain::code::Kind::Script.as_str(), domain::code::Kind::Transformer.as_str()] }),
        };
        if let Some(prefix) = &query.id_prefix {
            // Above every character of an id.
            filter.insert("id", doc! { "$gte": prefix.as_str(), "$lt": format!("{prefix}{{") });
        }
        if query.copied {
            filter.insert("copied", true);
        }
        if let Some(imports) = &query.imports {
            let wanted: Vec<String> = imports.iter().map(|wanted| rows::import(&wanted.runtime, wanted.module.as_str())).collect();
            filter.insert("imports", doc! { "$in": wanted });
        }
    }

    fn select(&self, sort: Document, limit: usize) -> Select {
        let fields = time_field(self.query.order).map_or_else(|| doc! { "id": 1 }, |time| doc! { "id": 1, time: 1 });
        Select { sort, limit, fields }
    }

    fn take(&self, found: &[Row], keys: &mut Vec<Cursor>) -> Result<()> {
        for row in found {
            let millis = time_field(self.query.order).map_or(Ok(0), |time| row.integer(time))?;
            keys.push(Cursor { millis, id: row.text("id")?.to_owned() });
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
}

fn order_name(order: UtilityOrder) -> &'static str {
    time_field(order).unwrap_or("id")
}

/// The field of the order; lists by id have none.
fn time_field(order: UtilityOrder) -> Option<&'static str> {
    match order {
        UtilityOrder::Id => None,
        UtilityOrder::NewestFirst => Some("created"),
        UtilityOrder::LastChangedFirst => Some("updated"),
    }
}
