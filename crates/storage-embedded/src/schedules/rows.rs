//! Rows of schedules, and answers to requests about them.

use domain::name::{ScheduleId, ScheduleName, TenantId};
use domain::page::Page;
use domain::request::{Committed, Expected};
use domain::schedule::{Due, Firing, MAX_SCHEDULES, Schedule, ScheduleChange, ScheduleQuery};
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use storage_documents::ScheduleDocument;
use storage_rules::{PageById, Refusal, Spot};

use crate::connection::integer;
use crate::contents;
use crate::cursor::limit;
use crate::error::{Error, Result, during};
use crate::request::{self, Remembered};
use crate::vault::Vault;

const TABLE: &str = "schedules";
/// The name of the order of a list.
pub(super) const ORDER: &str = "schedule";

/// A page of the schedules of a tenant, without their parameters. One that cannot be read hides no other.
pub(super) fn list(
    connection: &Connection,
    vault: &Vault,
    tenant: &TenantId,
    query: &ScheduleQuery,
    page: &PageById,
) -> Result<Page<Schedule>> {
    const ALL: &str = "SELECT id, document FROM schedules WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    const OWN: &str = "SELECT id, document FROM schedules WHERE tenant = ?1 AND id > ?2 AND owner = ?4 ORDER BY id LIMIT ?3";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)));
    let run = || -> rusqlite::Result<Vec<_>> {
        match &query.owner {
            None => connection.prepare_cached(ALL)?.query_map(params![tenant.as_str(), page.after, limit(page)], row)?.collect(),
            Some(owner) => {
                let key = params![tenant.as_str(), page.after, limit(page), owner.as_str()];
                connection.prepare_cached(OWN)?.query_map(key, row)?.collect()
            }
        }
    };
    let mut rows = run().map_err(during("listing schedules"))?;
    let next = page.cut(&mut rows, |(id, _)| id);
    let read = |(id, document): (String, rusqlite::Result<String>)| {
        let place = format!("{tenant}/{id}");
        let schedule = document.map_err(during("reading a schedule")).and_then(|text| {
            let id = ScheduleId::parse("id", &id).map_err(|error| Error::undecodable(TABLE, place.as_str(), error))?;
            decode(ScheduleName { tenant: tenant.clone(), schedule: id }, &text, String::new())
        });
        vault.readable(TABLE, place.clone(), schedule).transpose()
    };
    Ok(Page { items: rows.into_iter().filter_map(read).collect::<Result<_>>()?, next })
}

pub(super) fn find(connection: &Connection, vault: &Vault, tenant: &TenantId, id: &ScheduleId) -> Result<Option<Schedule>> {
    const QUERY: &str = "SELECT document, params FROM schedules WHERE tenant = ?1 AND id = ?2";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?));
    let run = || connection.prepare_cached(QUERY)?.query_row([tenant.as_str(), id.as_str()], row);
    let Some((text, sealed)) = run().optional().map_err(during("reading a schedule"))? else { return Ok(None) };
    let name = ScheduleName { tenant: tenant.clone(), schedule: id.clone() };
    // What it is sealed for stands in it.
    let without = decode(name.clone(), &text, String::new())?;
    let params_json = contents::open_text(connection, vault, tenant, &Spot::schedule(&without), &sealed)?;
    decode(name, &text, params_json.to_string()).map(Some)
}

/// Those of all tenants whose time has come. One that cannot be read hides no other: fewer than `limit` are all that there are.
pub(super) fn due(connection: &Connection, vault: &Vault, now: Timestamp, after: Option<&Due>, limit: u32) -> Result<Vec<Due>> {
    const QUERY: &str = "SELECT next, tenant, id FROM schedules INDEXED BY schedules_due \
         WHERE next IS NOT NULL AND next <= ?1 AND (next, tenant, id) > (?2, ?3, ?4) ORDER BY next, tenant, id LIMIT ?5";
    let mut behind = after.map_or((-1, String::new(), String::new()), |due| {
        (integer(due.next.as_millis()), due.name.tenant.as_str().to_owned(), due.name.schedule.as_str().to_owned())
    });
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?));
    let read = |(next, tenant, id): &(i64, String, String)| -> Result<Due> {
        let name = ScheduleName::parse("name", &format!("tenants/{tenant}/schedules/{id}"));
        let name = name.map_err(|error| Error::undecodable(TABLE, format!("{tenant}/{id}"), error))?;
        Ok(Due { next: Timestamp::from_millis(next.unsigned_abs()), name })
    };
    let (mut found, wanted) = (Vec::new(), limit as usize);
    while found.len() < wanted {
        let run = || -> rusqlite::Result<Vec<_>> {
            let key = params![integer(now.as_millis()), behind.0, behind.1, behind.2, limit];
            connection.prepare_cached(QUERY)?.query_map(key, row)?.collect()
        };
        let rows = run().map_err(during("looking for schedules that are due"))?;
        for one in &rows {
            found.extend(vault.readable(TABLE, format_args!("{}/{}", one.1, one.2), read(one))?);
        }
        let is_last = rows.len() < wanted;
        match rows.into_iter().next_back() {
            Some(last) if !is_last => behind = last,
            Some(_) | None => break,
        }
    }
    found.truncate(wanted);
    Ok(found)
}

pub(super) fn commit(
    connection: &Connection,
    vault: &Vault,
    change: &ScheduleChange,
    (now, since): (Timestamp, Timestamp),
) -> Result<Committed<Schedule>> {
    let name = &change.schedule.name;
    if let Some(key) = &change.request
        && let Some(answered) = answer(connection, vault, request::find(connection, &name.tenant, key, since)?)?
    {
        return Ok(answered);
    }
    let stored = match change.expected {
        Expected::Absent => insert(connection, vault, &change.schedule)?,
        Expected::Revision(revision) if change.deletes => delete(connection, name, integer(revision.as_u64()))?,
        Expected::Revision(revision) => update(connection, vault, &change.schedule, integer(revision.as_u64()))?,
    };
    if stored == 0 {
        return Ok(Committed::Conflict);
    }
    if change.expected == Expected::Absent {
        check_room(connection, &name.tenant)?;
    }
    if let Some(key) = &change.request {
        // Only of what is gone then, an answer has to be kept.
        let last = change.deletes.then(|| storage_documents::encode(&ScheduleDocument::from(&change.schedule)));
        request::remember(connection, &name.tenant, key, now, &name.to_string(), last.as_deref())?;
    }
    Ok(Committed::Stored)
}

/// Whether a schedule may start something still: it has the revision that was expected.
pub(crate) fn admits(connection: &Connection, firing: &Firing) -> Result<bool> {
    const QUERY: &str = "SELECT 1 FROM schedules WHERE tenant = ?1 AND id = ?2 AND revision = ?3";
    let (name, expected) = (&firing.schedule.name, integer(firing.expected.as_u64()));
    let run = || connection.prepare_cached(QUERY)?.exists(params![name.tenant.as_str(), name.schedule.as_str(), expected]);
    run().map_err(during("looking whether a schedule is due"))
}

/// Has a schedule go on to its next time, within the write that stores what it starts. Its parameters stay as they are.
pub(crate) fn fire(connection: &Connection, firing: &Firing) -> Result<()> {
    const QUERY: &str = "UPDATE schedules SET next = ?3, revision = ?4, document = ?5 WHERE tenant = ?1 AND id = ?2 AND revision = ?6";
    let schedule = &firing.schedule;
    let document = storage_documents::encode(&ScheduleDocument::from(schedule));
    let (tenant, id) = (schedule.name.tenant.as_str(), schedule.name.schedule.as_str());
    let (next, revision) = (schedule.next.map(|next| integer(next.as_millis())), integer(schedule.revision.as_u64()));
    let run = || {
        let row = params![tenant, id, next, revision, document, integer(firing.expected.as_u64())];
        connection.prepare_cached(QUERY)?.execute(row)
    };
    match run().map_err(during("advancing a schedule"))? {
        1 => Ok(()),
        _ => Err(Error::Misused("a schedule that starts something and is not there")),
    }
}

fn insert(connection: &Connection, vault: &Vault, schedule: &Schedule) -> Result<usize> {
    const QUERY: &str = "INSERT INTO schedules (tenant, id, owner, next, revision, document, params) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
         ON CONFLICT DO NOTHING";
    write(connection, vault, schedule, QUERY, None)
}

fn update(connection: &Connection, vault: &Vault, schedule: &Schedule, expected: i64) -> Result<usize> {
    const QUERY: &str = "UPDATE schedules SET owner = ?3, next = ?4, revision = ?5, document = ?6, params = ?7 \
         WHERE tenant = ?1 AND id = ?2 AND revision = ?8";
    write(connection, vault, schedule, QUERY, Some(expected))
}

fn write(connection: &Connection, vault: &Vault, schedule: &Schedule, query: &str, expected: Option<i64>) -> Result<usize> {
    let (tenant, id) = (&schedule.name.tenant, &schedule.name.schedule);
    let document = storage_documents::encode(&ScheduleDocument::from(schedule));
    let sealed = contents::seal(connection, vault, tenant, &Spot::schedule(schedule), schedule.program.params_json.as_bytes())?;
    let (next, revision) = (schedule.next.map(|next| integer(next.as_millis())), integer(schedule.revision.as_u64()));
    let (tenant, id, owner) = (tenant.as_str(), id.as_str(), schedule.owner.as_str());
    let run = || {
        let mut statement = connection.prepare_cached(query)?;
        match expected {
            Some(expected) => statement.execute(params![tenant, id, owner, next, revision, document, sealed, expected]),
            None => statement.execute(params![tenant, id, owner, next, revision, document, sealed]),
        }
    };
    run().map_err(during("storing a schedule"))
}

fn delete(connection: &Connection, name: &ScheduleName, expected: i64) -> Result<usize> {
    const QUERY: &str = "DELETE FROM schedules WHERE tenant = ?1 AND id = ?2 AND revision = ?3";
    let run = || connection.prepare_cached(QUERY)?.execute(params![name.tenant.as_str(), name.schedule.as_str(), expected]);
    run().map_err(during("deleting a schedule"))
}

/// That the tenant may have one more, which is there already: the write is taken back where it may not.
fn check_room(connection: &Connection, tenant: &TenantId) -> Result<()> {
    const QUERY: &str = "SELECT count(*) FROM schedules WHERE tenant = ?1";
    let run = || connection.prepare_cached(QUERY)?.query_row([tenant.as_str()], |row| row.get::<_, u32>(0));
    let count = run().map_err(during("looking how many schedules a tenant has"))?;
    if count as usize > MAX_SCHEDULES { Err(Refusal::Schedules { tenant: tenant.clone() }.into()) } else { Ok(()) }
}

/// What a request was about, as it is by now; as it was without its parameters where the request has deleted it.
pub(super) fn answer(connection: &Connection, vault: &Vault, remembered: Option<Remembered>) -> Result<Option<Committed<Schedule>>> {
    let (resource, last) = match remembered {
        None => return Ok(None),
        Some(Remembered::Reused) => return Ok(Some(Committed::KeyReused)),
        Some(Remembered::Answered { resource, answer }) => (resource, answer),
    };
    let name = ScheduleName::parse("name", &resource).map_err(|error| Error::undecodable("requests", resource.clone(), error))?;
    if let Some(last) = last {
        return Ok(Some(Committed::Answered(Box::new(decode(name, &last, String::new())?))));
    }
    let held = find(connection, vault, &name.tenant, &name.schedule)?;
    Ok(Some(held.map_or(Committed::Removed { resource }, |schedule| Committed::Answered(Box::new(schedule)))))
}

fn decode(name: ScheduleName, text: &str, params_json: String) -> Result<Schedule> {
    let place = name.to_string();
    let document = storage_documents::decode::<ScheduleDocument>(text);
    let schedule = document.and_then(|document| Ok(document.into_schedule(name, params_json)?));
    schedule.map_err(|source| Error::undecodable(TABLE, place, source))
}
