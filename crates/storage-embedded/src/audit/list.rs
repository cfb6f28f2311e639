//! Reading records: pages of a list, ranges of a log, and intents that nobody closes.
//!
//! A list is one range of one index; what no index holds is looked at row by row, and a page ends early where it has looked at many,
//! so that it costs the same however rare what is wanted is.

use domain::audit::{AuditQuery, AuditRecord, MAX_LOOKED_AT, StoredRecord};
use domain::lease::InstanceId;
use domain::name::TenantId;
use domain::page::{MAX_PAGE, Page, PageRequest};
use domain::time::Timestamp;
use rusqlite::{Connection, Row, params, params_from_iter};
use storage_rules::{Cursor, PAGE_BYTES, malformed};

use crate::audit::persons;
use crate::connection::integer;
use crate::cursor::Conditions;
use crate::error::{Error, Result, during};
use crate::vault::Vault;

const TABLE: &str = "audit_records";
/// The first record that is there, of the tenant of the parameter that follows.
const FIRST_KEPT: &str = "COALESCE((SELECT first_kept FROM audit_logs l WHERE l.tenant = ?), 0)";
/// The name of the one order in cursors.
const ORDER: &str = "time";

/// A list and which page of it.
pub(super) struct List {
    tenant: TenantId,
    query: AuditQuery,
    size: usize,
    /// Time and sequence of the last record that was looked at.
    after: Option<(i64, i64)>,
}

impl List {
    pub(super) fn new(tenant: TenantId, query: AuditQuery, page: &PageRequest) -> domain::Result<Self> {
        let after = page.after.as_deref().map(|text| Cursor::decode(text, ORDER)).transpose()?;
        let place =
            |cursor: Cursor| -> domain::Result<(i64, i64)> { Ok((cursor.millis, cursor.id.parse().map_err(|_no_number| malformed())?)) };
        Ok(List { tenant, query, size: page.size.clamp(1, MAX_PAGE) as usize, after: after.map(place).transpose()? })
    }

    pub(super) fn page(&self, connection: &Connection, vault: &Vault) -> Result<Page<AuditRecord>> {
        let doing = "listing audit records";
        let Some(wanted) = persons::wanted(connection, vault, &self.query)? else { return Ok(Page { items: Vec::new(), next: None }) };
        let conditions = self.conditions(&wanted);
        let sql = format!(
            "SELECT sequence, time, action, outcome, record, actor, resource FROM {TABLE} INDEXED BY {} WHERE {} ORDER BY time DESC, sequence DESC",
            self.index(),
            conditions.sql
        );
        let mut statement = connection.prepare_cached(&sql).map_err(during(doing))?;
        let mut rows = statement.query(params_from_iter(conditions.values)).map_err(during(doing))?;
        let (mut items, mut bytes, mut looked_at, mut last) = (Vec::new(), 0, 0, None);
        while let Some(row) = rows.next().map_err(during(doing))? {
            if items.len() == self.size || bytes >= PAGE_BYTES || looked_at == MAX_LOOKED_AT {
                return Ok(Page { items, next: last });
            }
            looked_at += 1;
            let (sequence, millis) = (integer_of(row, 0).map_err(during(doing))?, integer_of(row, 1).map_err(during(doing))?);
            let place = Cursor { millis, id: sequence.to_string() };
            if self.wants(&wanted, row).map_err(during(doing))? {
                let (beside, record) = beside(row).map_err(during(doing))?;
                let found_by = found_by(row).map_err(during(doing))?;
                bytes += record.len();
                items.push(persons::listed(connection, vault, &self.tenant, (beside, found_by), record)?);
            }
            last = Some(place.encode(ORDER));
        }
        Ok(Page { items, next: None })
    }

    fn conditions(&self, wanted: &persons::Wanted) -> Conditions {
        let mut conditions = Conditions::default();
        let query = &self.query;
        conditions.add("tenant = ?", [self.tenant.to_string().into()]);
        conditions.add(&format!("sequence >= {FIRST_KEPT}"), [self.tenant.to_string().into()]);
        match (&wanted.resource, &wanted.actor) {
            (Some(resource), _) => conditions.add("resource = ?", [resource.clone().into()]),
            (None, Some(actor)) => conditions.add("actor = ?", [actor.clone().into()]),
            (None, None) => {}
        }
        if let Some(from) = query.from {
            conditions.add("time >= ?", [integer(from.as_millis()).into()]);
        }
        if let Some(before) = query.before {
            conditions.add("time < ?", [integer(before.as_millis()).into()]);
        }
        if let Some((millis, sequence)) = self.after {
            conditions.add("(time, sequence) < (?, ?)", [millis.into(), sequence.into()]);
        }
        conditions
    }

    fn index(&self) -> &'static str {
        match (&self.query.resource, &self.query.actor) {
            (Some(_), _) => "audit_records_by_resource",
            (None, Some(_)) => "audit_records_by_actor",
            (None, None) => "audit_records_by_time",
        }
    }

    /// What the index does not tell: the engine would look for it as long as it takes.
    fn wants(&self, wanted: &persons::Wanted, row: &Row<'_>) -> rusqlite::Result<bool> {
        let action = row.get_ref(2)?.as_str()?;
        let outcome = row.get_ref(3)?.as_str()?;
        let actor = row.get_ref(5)?.as_str()?;
        Ok(self.query.action.as_ref().is_none_or(|wanted| wanted == action)
            && wanted.actor.as_ref().is_none_or(|wanted| wanted == actor)
            && self.query.outcome.is_none_or(|wanted| wanted.as_str() == outcome))
    }
}

/// The first and the last place of records that stand at these times.
pub(super) fn places(connection: &Connection, tenant: &TenantId, from: Timestamp, before: Timestamp) -> Result<Option<(u64, u64)>> {
    const QUERY: &str = "SELECT min(sequence), max(sequence) FROM audit_records INDEXED BY audit_records_by_time \
         WHERE tenant = ?1 AND time >= ?2 AND time < ?3";
    let place = |row: &Row<'_>, column: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(i64::unsigned_abs));
    let times = params![tenant.as_str(), integer(from.as_millis()), integer(before.as_millis())];
    let run = || connection.prepare_cached(QUERY)?.query_row(times, |row| Ok(place(row, 0)?.zip(place(row, 1)?)));
    run().map_err(during("looking for the places of audit records"))
}

/// Records from `sequence` on.
pub(super) fn from(connection: &Connection, tenant: &TenantId, sequence: u64, max_bytes: usize) -> Result<Vec<StoredRecord>> {
    const QUERY: &str = "SELECT sequence, record FROM audit_records WHERE tenant = ?1 \
         AND sequence >= MAX(?2, COALESCE((SELECT first_kept FROM audit_logs l WHERE l.tenant = ?1), 0)) ORDER BY sequence";
    let run = || {
        let mut statement = connection.prepare_cached(QUERY)?;
        let mut rows = statement.query(params![tenant.as_str(), integer(sequence)])?;
        let (mut found, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let record = StoredRecord { sequence: integer_of(row, 0)?.unsigned_abs(), bytes: row.get(1)? };
            bytes += record.bytes.len();
            found.push(record);
            if bytes >= max_bytes {
                break;
            }
        }
        Ok(found)
    };
    run().map_err(during("reading audit records"))
}

/// The same records, as they are shown.
pub(super) fn since(
    connection: &Connection,
    vault: &Vault,
    tenant: &TenantId,
    sequence: u64,
    max_bytes: usize,
) -> Result<Page<AuditRecord>> {
    const QUERY: &str = "SELECT sequence, time, action, outcome, record FROM audit_records WHERE tenant = ?1 \
         AND sequence >= MAX(?2, COALESCE((SELECT first_kept FROM audit_logs l WHERE l.tenant = ?1), 0)) ORDER BY sequence";
    let doing = "reading audit records";
    let mut statement = connection.prepare_cached(QUERY).map_err(during(doing))?;
    let mut rows = statement.query(params![tenant.as_str(), integer(sequence)]).map_err(during(doing))?;
    let (mut items, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next().map_err(during(doing))? {
        let (beside, record) = beside(row).map_err(during(doing))?;
        bytes += record.len();
        items.push(persons::shown(connection, vault, tenant, beside, record)?);
        if bytes >= max_bytes {
            break;
        }
    }
    Ok(Page { items, next: None })
}

fn beside<'a>(row: &'a Row<'_>) -> rusqlite::Result<(persons::Beside, &'a [u8])> {
    let (sequence, millis) = (integer_of(row, 0)?.unsigned_abs(), integer_of(row, 1)?);
    let beside = persons::Beside { sequence, millis, action: text_of(row, 2)?, outcome: text_of(row, 3)? };
    Ok((beside, row.get_ref(4)?.as_blob()?))
}

fn found_by(row: &Row<'_>) -> rusqlite::Result<persons::FoundBy> {
    Ok(persons::FoundBy { actor: text_of(row, 5)?, resource: text_of(row, 6)? })
}

/// Open intents of other instances that have no lease in force. Those that cannot be read hide no others, however many they are: the
/// error of the first of them stands for all.
pub(super) fn abandoned(
    connection: &Connection,
    vault: &Vault,
    own: &InstanceId,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<Result<AuditRecord>>> {
    const QUERY: &str = "SELECT r.tenant, r.sequence, r.record FROM audit_intents i JOIN audit_records r USING (tenant, sequence) \
         WHERE i.instance <> ?1 \
         AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.name = 'instances/' || i.instance AND l.expires > ?2)";
    let doing = "looking for open intents";
    let mut statement = connection.prepare_cached(QUERY).map_err(during(doing))?;
    let mut rows = statement.query(params![own.as_str(), integer(now.as_millis())]).map_err(during(doing))?;
    let (mut found, mut unread) = (Vec::new(), None);
    while found.len() < limit as usize
        && let Some(row) = rows.next().map_err(during(doing))?
    {
        match intent(connection, vault, row) {
            Ok(record) => found.push(Ok(record)),
            Err(error) => unread = unread.or(Some(error)),
        }
    }
    found.extend(unread.map(Err));
    Ok(found)
}

fn intent(connection: &Connection, vault: &Vault, row: &Row<'_>) -> Result<AuditRecord> {
    let read = || Ok::<_, rusqlite::Error>((text_of(row, 0)?, integer_of(row, 1)?.unsigned_abs(), row.get::<_, Vec<u8>>(2)?));
    let (tenant, sequence, record) = read().map_err(during("reading an open intent"))?;
    let tenant = TenantId::parse("tenant", &tenant).map_err(|error| Error::undecodable(TABLE, tenant.clone(), error))?;
    persons::read(connection, vault, &tenant, sequence, &record)
}

fn integer_of(row: &Row<'_>, column: usize) -> rusqlite::Result<i64> {
    row.get(column)
}

fn text_of(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    row.get(column)
}
