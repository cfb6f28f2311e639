//! Reading records: pages of a list, ranges of a log, and intents that nobody closes.
//!
//! A list is one range of one index; what no index holds is looked at document by document, without the record itself, and a page ends
//! early where it has looked at many, so that it costs the same however rare what is wanted is.

use std::collections::HashMap;
use std::iter;

use domain::audit::{AuditQuery, AuditRecord, MAX_LOOKED_AT, StoredRecord};
use domain::lease::InstanceId;
use domain::name::TenantId;
use domain::page::{MAX_PAGE, Page, PageRequest};
use domain::time::Timestamp;
use mongodb::bson::{Bson, Document, doc};
use storage_rules::{Cursor, PAGE_BYTES, malformed};

use crate::audit::names::{INTENTS, RECORDS};
use crate::audit::{persons, removal};
use crate::error::{Error, Result};
use crate::leases;
use crate::row::{Row, integer, key, ordered};
use crate::session::{Select, Session};
use crate::vault::Vault;

/// The name of the one order in cursors.
const ORDER: &str = "time";
/// Documents that are looked at in one read of a list, without their records.
const LOOKED_AT_ONCE: usize = 1_000;
/// Records that one read of a log, or of open intents, brings: a record is a few kilobytes at most.
const READ_AT_ONCE: usize = 256;

/// A list and which page of it.
pub(super) struct List {
    tenant: TenantId,
    query: AuditQuery,
    size: usize,
    /// Time and sequence of the last record that was looked at.
    after: Option<(i64, i64)>,
}

/// What a page has so far.
#[derive(Default)]
struct Taken {
    items: Vec<AuditRecord>,
    bytes: usize,
    looked_at: usize,
    last: Option<(i64, i64)>,
}

impl List {
    pub(super) fn new(tenant: TenantId, query: AuditQuery, page: &PageRequest) -> domain::Result<Self> {
        let after = page.after.as_deref().map(|text| Cursor::decode(text, ORDER)).transpose()?;
        let place =
            |cursor: Cursor| -> domain::Result<(i64, i64)> { Ok((cursor.millis, cursor.id.parse().map_err(|_no_number| malformed())?)) };
        Ok(List { tenant, query, size: page.size.clamp(1, MAX_PAGE) as usize, after: after.map(place).transpose()? })
    }

    pub(super) async fn page(&self, session: &mut Session, vault: &Vault) -> Result<Page<AuditRecord>> {
        let nothing = Page { items: Vec::new(), next: None };
        let Some(wanted) = persons::wanted(session, vault, &self.query).await? else { return Ok(nothing) };
        let first_kept = removal::first_kept(session, &self.tenant).await?;
        let mut taken = Taken { last: self.after, ..Taken::default() };
        loop {
            let limit = self.at_once(&wanted).min(MAX_LOOKED_AT + 1 - taken.looked_at);
            let filter = self.range(&wanted, first_kept, taken.last);
            let fields = doc! { "sequence": 1, "time": 1, "action": 1, "outcome": 1, "actor": 1, "resource": 1 };
            let select = Select { sort: doc! { "time": -1, "sequence": -1 }, limit, fields };
            let found = session.find(RECORDS, filter, select).await?;
            let records = self.records(session, &wanted, &found).await?;
            for row in &found {
                if taken.items.len() == self.size || taken.bytes >= PAGE_BYTES || taken.looked_at == MAX_LOOKED_AT {
                    let next = taken.last.map(|(millis, sequence)| Cursor { millis, id: sequence.to_string() }.encode(ORDER));
                    return Ok(Page { items: taken.items, next });
                }
                taken.looked_at += 1;
                taken.last = Some((row.integer("time")?, row.integer("sequence")?));
                // What was removed meanwhile is on no page.
                if let Some(record) = records.get(row.key()) {
                    let bytes = record.bytes("record")?;
                    taken.bytes += bytes.len();
                    taken.items.push(persons::listed(session, vault, &self.tenant, (beside(row)?, found_by(row)?), bytes).await?);
                }
            }
            if found.len() < limit {
                return Ok(Page { items: taken.items, next: None });
            }
        }
    }

    /// How many documents to look at in one read: a list that is one range as it stands needs no more than its page.
    fn at_once(&self, wanted: &persons::Wanted) -> usize {
        let is_one_range =
            self.query.action.is_none() && self.query.outcome.is_none() && (wanted.resource.is_none() || wanted.actor.is_none());
        if is_one_range { self.size + 1 } else { LOOKED_AT_ONCE }
    }

    fn range(&self, wanted: &persons::Wanted, first_kept: u64, after: Option<(i64, i64)>) -> Document {
        let mut filter = doc! { "tenant": self.tenant.as_str() };
        match (&wanted.resource, &wanted.actor) {
            (Some(resource), _) => filter.insert("resource", resource),
            (None, Some(actor)) => filter.insert("actor", actor),
            (None, None) => None,
        };
        // Bounds exclude, whichever way they mean: the server that tests run on misses what equals an inclusive one within an index.
        let mut time = Document::new();
        if let Some(from) = self.query.from {
            time.insert("$gt", integer(from.as_millis()) - 1);
        }
        // The tighter bound of the query's and the page's: within one time, the places below decide.
        let before = self.query.before.map(|before| integer(before.as_millis()));
        let upper = before.into_iter().chain(after.map(|(millis, _)| millis.saturating_add(1))).min();
        if let Some(upper) = upper {
            time.insert("$lt", upper);
        }
        if !time.is_empty() {
            filter.insert("time", time);
        }
        filter.insert("sequence", doc! { "$gte": integer(first_kept) });
        if let Some((millis, sequence)) = after {
            filter.insert("$or", [doc! { "time": { "$lt": millis } }, doc! { "sequence": { "$lt": sequence } }]);
        }
        filter
    }

    /// The records of those that are wanted, as many as a page holds.
    async fn records(&self, session: &mut Session, wanted: &persons::Wanted, found: &[Row]) -> Result<HashMap<String, Row>> {
        let mut keys = Vec::new();
        for row in found {
            if keys.len() < self.size && self.wants(wanted, row)? {
                keys.push(row.key());
            }
        }
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let limit = keys.len();
        let filter = doc! { "_id": { "$in": keys }, "tenant": self.tenant.as_str() };
        let select = Select { sort: Document::new(), limit, fields: doc! { "record": 1 } };
        let records = session.find(RECORDS, filter, select).await?;
        Ok(records.into_iter().map(|row| (row.key().to_owned(), row)).collect())
    }

    /// What the index does not tell.
    fn wants(&self, wanted: &persons::Wanted, row: &Row) -> Result<bool> {
        let (action, outcome, actor) = (row.text("action")?, row.text("outcome")?, row.text("actor")?);
        Ok(self.query.action.as_ref().is_none_or(|wanted| wanted == action)
            && wanted.actor.as_ref().is_none_or(|wanted| wanted == actor)
            && self.query.outcome.is_none_or(|wanted| wanted.as_str() == outcome))
    }
}

/// Where some records of a time stand in their log.
pub(super) struct Places {
    pub(super) first: u64,
    pub(super) last: u64,
    /// Before this there may be others of the time, which were not looked at.
    pub(super) rest_before: Option<Timestamp>,
}

/// The first and the last place of records that stand at these times, of so many of the newest.
pub(super) async fn places(
    session: &mut Session,
    tenant: &TenantId,
    (from, before): (Timestamp, Timestamp),
    most: i64,
) -> Result<Option<Places>> {
    // Bounds exclude, whichever way they mean: the server that tests run on misses what equals an inclusive one within an index.
    let time = doc! { "$gt": integer(from.as_millis()) - 1, "$lt": integer(before.as_millis()) };
    let bounds = doc! {
        "_id": Bson::Null,
        "first": { "$min": "$sequence" },
        "last": { "$max": "$sequence" },
        "oldest": { "$min": "$time" },
        "count": { "$sum": 1_i64 },
    };
    let pipeline = [
        doc! { "$match": { "tenant": tenant.as_str(), "time": time } },
        doc! { "$sort": { "time": -1, "sequence": -1 } },
        doc! { "$limit": most },
        doc! { "$group": bounds },
    ];
    let Some(found) = session.sum(RECORDS, pipeline).await? else { return Ok(None) };
    // Others may stand at the same time as the oldest. It goes on, whatever stands at one time.
    let rest = found.number("oldest")?.saturating_add(1).min(before.as_millis().saturating_sub(1));
    let is_all = found.integer("count")? < most;
    let rest_before = (!is_all).then_some(Timestamp::from_millis(rest));
    Ok(Some(Places { first: found.number("first")?, last: found.number("last")?, rest_before }))
}

/// Records from `sequence` on.
pub(super) async fn from(session: &mut Session, tenant: &TenantId, sequence: u64, max_bytes: usize) -> Result<Vec<StoredRecord>> {
    let fields = doc! { "sequence": 1, "record": 1 };
    let found = rows_from(session, tenant, sequence, max_bytes, fields).await?;
    found.iter().map(|row| Ok(StoredRecord { sequence: row.number("sequence")?, bytes: row.bytes("record")?.to_vec() })).collect()
}

/// The same records, as they are shown.
pub(super) async fn since(
    session: &mut Session,
    vault: &Vault,
    tenant: &TenantId,
    sequence: u64,
    max_bytes: usize,
) -> Result<Page<AuditRecord>> {
    let fields = doc! { "sequence": 1, "time": 1, "action": 1, "outcome": 1, "record": 1 };
    let mut items = Vec::new();
    for row in rows_from(session, tenant, sequence, max_bytes, fields).await? {
        items.push(persons::shown(session, vault, tenant, beside(&row)?, row.bytes("record")?).await?);
    }
    Ok(Page { items, next: None })
}

/// Documents of a log in order, of about `max_bytes` of records, at least one if there is one.
async fn rows_from(session: &mut Session, tenant: &TenantId, sequence: u64, max_bytes: usize, fields: Document) -> Result<Vec<Row>> {
    let mut next = sequence.max(removal::first_kept(session, tenant).await?);
    let (mut taken, mut bytes) = (Vec::new(), 0);
    loop {
        let filter = doc! { "tenant": tenant.as_str(), "sequence": { "$gte": integer(next) } };
        let select = Select { sort: doc! { "sequence": 1 }, limit: READ_AT_ONCE, fields: fields.clone() };
        let found = session.find(RECORDS, filter, select).await?;
        let is_last = found.len() < READ_AT_ONCE;
        for row in found {
            next = row.number("sequence")?.saturating_add(1);
            bytes += row.bytes("record")?.len();
            taken.push(row);
            if bytes >= max_bytes {
                return Ok(taken);
            }
        }
        if is_last {
            return Ok(taken);
        }
    }
}

/// Open intents of other instances that have no lease in force. Those that cannot be read hide no others, however many they are: the
/// error of the first of them stands for all.
pub(super) async fn abandoned(
    session: &mut Session,
    vault: &Vault,
    own: &InstanceId,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<Result<AuditRecord>>> {
    let alive = alive(session, own, now).await?;
    let (mut read, mut unread, mut after) = (Vec::new(), None, String::new());
    loop {
        let filter = doc! { "_id": { "$gt": &after }, "instance": { "$nin": &alive } };
        let found = session.find(INTENTS, filter, Select::sorted(doc! { "_id": 1 }, READ_AT_ONCE)).await?;
        for row in &found {
            if read.len() == limit as usize {
                break;
            }
            match intent(session, vault, row).await {
                Ok(Some(record)) => read.push(record),
                Ok(None) => {}
                Err(error @ (Error::Undecodable { .. } | Error::Sealed { .. })) => unread = unread.or(Some(error)),
                Err(error) => return Err(error),
            }
            row.key().clone_into(&mut after);
        }
        if read.len() == limit as usize || found.len() < READ_AT_ONCE {
            // A server that has started since the first look holds its lease since before its first intent: it is seen by now.
            let alive = self::alive(session, own, now).await?;
            read.retain(|record| !alive.iter().any(|alive| alive == record.entry.instance.as_str()));
            return Ok(read.into_iter().map(Ok).chain(unread.map(Err)).collect());
        }
    }
}

/// The instances that live: the own one, and those whose lease is in force.
async fn alive(session: &mut Session, own: &InstanceId, now: Timestamp) -> Result<Vec<String>> {
    let others = leases::fences_in_force(session, now).await?.into_iter().map(|fence| fence.holder.as_str().to_owned());
    Ok(iter::once(own.as_str().to_owned()).chain(others).collect())
}

/// The record of an intent that was open a moment ago.
async fn intent(session: &mut Session, vault: &Vault, row: &Row) -> Result<Option<AuditRecord>> {
    let (tenant, sequence) = (row.text("tenant")?, row.number("sequence")?);
    let tenant = TenantId::parse("tenant", tenant).map_err(|error| Error::undecodable(INTENTS, row.key(), error))?;
    let id = key(&[tenant.as_str(), &ordered(sequence)]);
    let found = session.find_one(RECORDS, doc! { "_id": id, "tenant": tenant.as_str() }).await?;
    let Some(record) = found else { return Ok(None) };
    persons::read(session, vault, &tenant, sequence, record.bytes("record")?).await.map(Some)
}

fn beside(row: &Row) -> Result<persons::Beside> {
    Ok(persons::Beside {
        sequence: row.number("sequence")?,
        millis: row.integer("time")?,
        action: row.text("action")?.to_owned(),
        outcome: row.text("outcome")?.to_owned(),
    })
}

fn found_by(row: &Row) -> Result<persons::FoundBy> {
    Ok(persons::FoundBy { actor: row.text("actor")?.to_owned(), resource: row.text("resource")?.to_owned() })
}
