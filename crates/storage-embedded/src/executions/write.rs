//! Inserts and saves of executions, and appends of their events.

use domain::archive::INLINE_OUTPUT;
use domain::event::Happened;
use domain::execution::{Enqueued, Execution};
use domain::lease::Fence;
use domain::name::{ExecutionId, ExecutionName, PrincipalName, TenantId};
use domain::request::{Committed, RequestKey};
use domain::sandbox::MAX_CHUNK;
use domain::schedule::Firing;
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use storage_documents::frame::{Frame, batches};
use storage_documents::{ContentsDocument, ExecutionDocument};
use storage_rules::Spot;

use super::archive;
use super::rows::{Met, find, meet};
use crate::connection::integer;
use crate::contents;
use crate::error::{Error, Result, during};
use crate::events;
use crate::request::{self, Remembered};
use crate::schedules;
use crate::vault::Vault;

/// So many events hold no more output than the store keeps itself.
const MOST_EVENTS: u64 = INLINE_OUTPUT / MAX_CHUNK as u64;

/// An execution as a row, encoded before it waits for the writer.
pub(super) struct Row {
    name: ExecutionName,
    utility: String,
    caller: PrincipalName,
    state: &'static str,
    created: Timestamp,
    ended: Option<Timestamp>,
    unfinished: bool,
    fence: Fence,
    /// Whether it has ended with so many events that its output may be too much for the store.
    may_be_large: bool,
    /// What its end means for others.
    happened: Option<Happened>,
    document: String,
    /// What is to be sealed beside the document.
    contents: String,
}

impl Row {
    pub(super) fn new(tenant: &TenantId, execution: &Execution) -> Result<Self> {
        if execution.name.tenant != *tenant {
            return Err(Error::Misused("an execution of another tenant"));
        }
        Ok(Row {
            name: execution.name.clone(),
            utility: utility_of(execution),
            caller: execution.caller.clone(),
            state: execution.state.as_str(),
            created: execution.created,
            ended: execution.ended,
            unfinished: !execution.state.is_terminal(),
            fence: execution.fence.clone(),
            may_be_large: execution.state.is_terminal() && execution.last_sequence > MOST_EVENTS,
            happened: Happened::of_execution(execution),
            document: storage_documents::encode(&ExecutionDocument::from(execution)),
            contents: storage_documents::encode(&ContentsDocument::from(execution)),
        })
    }

    pub(super) fn insert(
        self,
        connection: &Connection,
        vault: &Vault,
        request: Option<&RequestKey>,
        now: Timestamp,
        since: Timestamp,
    ) -> Result<Committed<Execution>> {
        if let Some(key) = request
            && let Some(answered) = answer(connection, vault, &self.name.tenant, key, since)?
        {
            return Ok(answered);
        }
        let sealed = self.seal(connection, vault)?;
        if self.insert_row(connection, &sealed).map_err(during("storing an execution"))? == 0 {
            return Ok(Committed::Conflict);
        }
        events::note(connection, now, self.happened.as_slice())?;
        if let Some(key) = request {
            request::remember(connection, &self.name.tenant, key, now, self.name.execution.as_str(), None)?;
        }
        Ok(Committed::Stored)
    }

    fn seal(&self, connection: &Connection, vault: &Vault) -> Result<Vec<u8>> {
        let spot = Spot::execution(self.name.execution.as_str());
        contents::seal(connection, vault, &self.name.tenant, &spot, self.contents.as_bytes())
    }

    fn insert_row(&self, connection: &Connection, sealed: &[u8]) -> rusqlite::Result<usize> {
        const QUERY: &str = "INSERT INTO executions \
             (tenant, id, utility, caller, state, created, ended, unfinished, instance, token, document, sealed) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (tenant, id) DO NOTHING";
        connection.prepare_cached(QUERY)?.execute(params![
            self.name.tenant.as_str(),
            self.name.execution.as_str(),
            self.utility,
            self.caller.as_str(),
            self.state,
            integer(self.created.as_millis()),
            self.ended.map(|ended| integer(ended.as_millis())),
            self.unfinished,
            self.fence.holder.as_str(),
            integer(self.fence.token),
            self.document,
            sealed,
        ])
    }

    /// Stores the execution's state and appends events; nothing is stored unless the execution is under the same fence.
    pub(super) fn save(self, connection: &Connection, vault: &Vault, frames: Vec<Frame>, now: Timestamp) -> Result<Met> {
        // Nothing is sealed for what is not there: that would make a key for a tenant that is gone.
        let met = meet(connection, &self.name.tenant, self.name.execution.as_str(), &self.fence)?;
        if met != Met::Own {
            return Ok(met);
        }
        let ends = !self.unfinished && is_unfinished(connection, &self.name)?;
        if !self.replace(connection, vault, &self.fence)? {
            return Err(Error::Misused("an execution that was there and is not"));
        }
        append(connection, vault, &self.name, frames)?;
        if self.may_be_large {
            archive::mark(connection, &self.name)?;
        }
        if ends {
            events::note(connection, now, self.happened.as_slice())?;
        }
        Ok(Met::Own)
    }

    /// Replaces the row if it is under the fence `held`; says whether it was.
    pub(super) fn replace(&self, connection: &Connection, vault: &Vault, held: &Fence) -> Result<bool> {
        const QUERY: &str = "UPDATE executions SET state = ?3, ended = ?4, unfinished = ?5, instance = ?6, token = ?7, document = ?8, \
             sealed = ?9 WHERE tenant = ?1 AND id = ?2 AND instance = ?10 AND token = ?11";
        let sealed = self.seal(connection, vault)?;
        let run = || {
            connection.prepare_cached(QUERY)?.execute(params![
                self.name.tenant.as_str(),
                self.name.execution.as_str(),
                self.state,
                self.ended.map(|ended| integer(ended.as_millis())),
                self.unfinished,
                self.fence.holder.as_str(),
                integer(self.fence.token),
                self.document,
                sealed,
                held.holder.as_str(),
                integer(held.token),
            ])
        };
        run().map(|changed| changed > 0).map_err(during("saving an execution"))
    }
}

/// What says whether an execution was stored.
pub(super) trait Stores {
    /// Whether it was.
    fn is_stored(&self) -> bool;
}

impl Stores for Committed<Execution> {
    fn is_stored(&self) -> bool {
        *self == Committed::Stored
    }
}

impl Stores for Enqueued {
    fn is_stored(&self) -> bool {
        *self == Enqueued::Committed(Committed::Stored)
    }
}

/// Stores an execution together with the schedule that starts it, or neither; answers `conflict` where the schedule is another by now.
pub(super) fn starting<T: Stores>(
    connection: &Connection,
    firing: Option<&Firing>,
    store: impl FnOnce() -> Result<T>,
    conflict: T,
) -> Result<T> {
    let Some(firing) = firing else { return store() };
    if !schedules::admits(connection, firing)? {
        return Ok(conflict);
    }
    let stored = store()?;
    if stored.is_stored() {
        schedules::fire(connection, firing)?;
    }
    Ok(stored)
}

/// Whether an execution is stored as one that has not ended: a save that nobody was told of is repeated, and its end told once.
pub(super) fn is_unfinished(connection: &Connection, name: &ExecutionName) -> Result<bool> {
    const QUERY: &str = "SELECT 1 FROM executions WHERE tenant = ?1 AND id = ?2 AND unfinished = 1";
    let run = || connection.prepare_cached(QUERY)?.exists([name.tenant.as_str(), name.execution.as_str()]);
    run().map_err(during("looking whether an execution has ended"))
}

/// Appends events, if the execution is under this fence.
pub(super) fn append_to(connection: &Connection, vault: &Vault, name: &ExecutionName, fence: &Fence, frames: Vec<Frame>) -> Result<Met> {
    let met = meet(connection, &name.tenant, name.execution.as_str(), fence)?;
    if met == Met::Own {
        append(connection, vault, name, frames)?;
    }
    Ok(met)
}

/// Events that are stored already are skipped: a caller that was not answered in time repeats its append safely.
fn append(connection: &Connection, vault: &Vault, name: &ExecutionName, mut frames: Vec<Frame>) -> Result<()> {
    const INSERT: &str = "INSERT INTO output (tenant, execution, first_sequence, last_sequence, output_bytes, events) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    const COUNT: &str = "INSERT INTO output_totals (tenant, bytes) VALUES (?1, ?2) \
         ON CONFLICT (tenant) DO UPDATE SET bytes = bytes + excluded.bytes";
    if frames.is_empty() {
        return Ok(());
    }
    let stored = last_sequence(connection, name).map_err(during("reading the last event"))?;
    frames.retain(|frame| frame.sequence > stored);
    let (tenant, execution) = (name.tenant.as_str(), name.execution.as_str());
    let mut total = 0;
    for batch in batches(&frames) {
        let (first, last, bytes) = (integer(batch.first), integer(batch.last), integer(batch.output_bytes));
        let events = contents::seal_batch(connection, vault, &name.tenant, &Spot::events(execution, first.unsigned_abs()), &batch.events)?;
        let store = || connection.prepare_cached(INSERT)?.execute(params![tenant, execution, first, last, bytes, events]);
        store().map_err(during("appending events"))?;
        total += bytes;
    }
    if total > 0 {
        let count = || connection.prepare_cached(COUNT)?.execute(params![tenant, total]);
        count().map_err(during("counting output"))?;
    }
    Ok(())
}

fn last_sequence(connection: &Connection, name: &ExecutionName) -> rusqlite::Result<u64> {
    const QUERY: &str = "SELECT last_sequence FROM output WHERE tenant = ?1 AND execution = ?2 ORDER BY first_sequence DESC LIMIT 1";
    let key = params![name.tenant.as_str(), name.execution.as_str()];
    let last: Option<i64> = connection.prepare_cached(QUERY)?.query_row(key, |row| row.get(0)).optional()?;
    Ok(last.unwrap_or(0).unsigned_abs())
}

/// What the request was answered with. It stays answered when retention has removed its execution: nothing runs a second time.
pub(super) fn answer(
    connection: &Connection,
    vault: &Vault,
    tenant: &TenantId,
    key: &RequestKey,
    since: Timestamp,
) -> Result<Option<Committed<Execution>>> {
    let resource = match request::find(connection, tenant, key, since)? {
        None => return Ok(None),
        Some(Remembered::Reused) => return Ok(Some(Committed::KeyReused)),
        Some(Remembered::Answered { resource, answer: _ }) => resource,
    };
    let id = ExecutionId::parse("execution", &resource);
    let id = id.map_err(|source| Error::undecodable("requests", format!("{tenant}/.../{resource}"), source))?;
    Ok(Some(match find(connection, vault, tenant, &id)? {
        Some(execution) => Committed::Answered(Box::new(execution)),
        None => Committed::Removed { resource: ExecutionName { tenant: tenant.clone(), execution: id }.to_string() },
    }))
}

/// An id is of the execution's own tenant; what another one shares stands under its full name, so that no list mixes the two.
fn utility_of(execution: &Execution) -> String {
    let utility = &execution.version.utility;
    if utility.tenant == execution.name.tenant { utility.utility.to_string() } else { utility.to_string() }
}
