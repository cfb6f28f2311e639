//! Inserts and saves of executions, and appends of their events.

use domain::event::Happened;
use domain::execution::Execution;
use domain::lease::Fence;
use domain::name::{ExecutionId, ExecutionName, TenantId};
use domain::request::{Committed, RequestKey};
use domain::time::Timestamp;
use mongodb::bson::{Document, doc};
use storage_documents::frame::{Frame, batches};
use storage_documents::{ContentsDocument, ExecutionDocument};
use storage_rules::Spot;
use zeroize::Zeroizing;

use super::archive;
use super::names::{OUTPUT, TABLE, TOTALS};
use super::parts::{self, Cut};
use super::rows::{Met, Stored, find, id, stored};
use crate::contents::Sealing;
use crate::error::{Error, Result};
use crate::events;
use crate::request::{self, Remembered};
use crate::row::{binary, integer, key, ordered};
use crate::session::Session;

/// An execution as it is stored, encoded before its transaction begins.
pub(super) struct Written {
    name: ExecutionName,
    unfinished: bool,
    fence: Fence,
    /// What its end means for others.
    happened: Option<Happened>,
    /// What never changes.
    fixed: Document,
    /// What a save stores anew.
    present: Document,
    /// What is to be sealed beside that, for which the transaction has the key.
    contents: Zeroizing<String>,
}

impl Written {
    pub(super) fn new(tenant: &TenantId, execution: &Execution) -> Result<Self> {
        if execution.name.tenant != *tenant {
            return Err(Error::Misused("an execution of another tenant"));
        }
        let unfinished = !execution.state.is_terminal();
        let mut present = doc! {
            "state": execution.state.as_str(),
            "unfinished": unfinished,
            "instance": execution.fence.holder.as_str(),
            "token": integer(execution.fence.token),
            "waiting": execution.is_waiting(),
            "document": storage_documents::encode(&ExecutionDocument::from(execution)),
        };
        if let Some(ended) = execution.ended {
            present.insert("ended", integer(ended.as_millis()));
        }
        let mut fixed = id(tenant, &execution.name.execution);
        fixed.extend(doc! {
            "id": execution.name.execution.as_str(),
            "utility": utility_of(execution),
            "caller": execution.caller.as_str(),
            "created": integer(execution.created.as_millis()),
            "stop_asked": false,
            "last_sequence": 0_i64,
            "output_bytes": 0_i64,
            "has_output": false,
        });
        Ok(Written {
            name: execution.name.clone(),
            unfinished,
            fence: execution.fence.clone(),
            happened: Happened::of_execution(execution),
            fixed,
            present,
            contents: Zeroizing::new(storage_documents::encode(&ContentsDocument::from(execution))),
        })
    }

    pub(super) async fn insert(
        &self,
        session: &mut Session,
        request: Option<&RequestKey>,
        (now, since): (Timestamp, Timestamp),
    ) -> Result<Committed<Execution>> {
        if let Some(key) = request
            && let Some(answered) = answer(session, &self.name.tenant, key, since).await?
        {
            return Ok(answered);
        }
        let cut = self.seal(&Sealing::begin(session, &self.name.tenant).await?);
        let mut row = self.fixed.clone();
        row.extend(self.present.clone());
        row.extend(cut.fields.clone());
        if !session.insert(TABLE, row).await? {
            return Ok(Committed::Conflict);
        }
        cut.store(session).await?;
        events::note(session, now, self.happened.as_slice()).await?;
        if let Some(key) = request {
            request::remember(session, &self.name.tenant, key, now, self.name.execution.as_str(), None).await?;
        }
        Ok(Committed::Stored)
    }

    /// Stores the execution's state and appends events; nothing is stored unless the execution is under the same fence.
    pub(super) async fn save(&self, session: &mut Session, frames: &[Frame], now: Timestamp) -> Result<Met> {
        let Some(before) = stored(session, &self.name).await? else { return Ok(Met::Nothing) };
        if before.fence != self.fence {
            return Ok(Met::Anothers);
        }
        // Nothing is sealed for what is not there: that would make a key for a tenant that is gone.
        let sealing = Sealing::begin(session, &self.name.tenant).await?;
        let added = append(session, &sealing, &self.name, &before, frames).await?;
        // Once, so that a save that is repeated does not have it archived again.
        let ends = before.unfinished && !self.unfinished;
        let marked = if ends { archive::mark(added.total) } else { Document::new() };
        self.replace(session, &sealing, &before, &added, marked).await?;
        // Output counts for its tenant once it can be removed: appends of what runs at the same time do not meet in one sum.
        let counted = match (before.unfinished, self.unfinished) {
            (true, true) => 0,
            (true, false) => before.output_bytes + added.output_bytes,
            (false, _) => added.output_bytes,
        };
        count(session, self.name.tenant.as_str(), integer(counted)).await?;
        // A save that nobody was told of is repeated, and its end told once.
        if ends {
            events::note(session, now, self.happened.as_slice()).await?;
        }
        Ok(Met::Own)
    }

    /// Stores it in the place of what was read under the fence `held`, with the contents that are stored.
    pub(super) async fn hand_over(&self, session: &mut Session, held: &Fence) -> Result<()> {
        change(session, &self.name, held, self.present.clone()).await
    }

    pub(super) async fn replace(
        &self,
        session: &mut Session,
        sealing: &Sealing<'_>,
        before: &Stored,
        added: &Added,
        marked: Document,
    ) -> Result<()> {
        let cut = self.seal(sealing);
        let mut changes = self.present.clone();
        changes.extend(cut.fields.clone());
        changes.extend(added.changes());
        changes.extend(marked);
        change(session, &self.name, &before.fence, changes).await?;
        if before.has_parts {
            parts::remove(session, &self.name.tenant, &[self.name.execution.as_str()]).await?;
        }
        cut.store(session).await
    }

    fn seal(&self, sealing: &Sealing<'_>) -> Cut {
        let spot = Spot::execution(self.name.execution.as_str());
        parts::cut(&self.name, &sealing.seal(&spot, self.contents.as_bytes()))
    }
}

/// Appends events, if the execution is under this fence.
pub(super) async fn append_to(session: &mut Session, name: &ExecutionName, fence: &Fence, frames: &[Frame]) -> Result<Met> {
    let Some(before) = stored(session, name).await? else { return Ok(Met::Nothing) };
    if before.fence != *fence {
        return Ok(Met::Anothers);
    }
    let sealing = Sealing::begin(session, &name.tenant).await?;
    let added = append(session, &sealing, name, &before, frames).await?;
    if added.last_sequence.is_some() {
        // The execution is written, too: of this and of one who takes it over meanwhile, one transaction is refused.
        change(session, name, fence, added.changes()).await?;
        if !before.unfinished {
            count(session, name.tenant.as_str(), integer(added.output_bytes)).await?;
        }
    }
    Ok(Met::Own)
}

/// What an append has added.
#[derive(Default)]
pub(super) struct Added {
    last_sequence: Option<u64>,
    output_bytes: u64,
    total: u64,
}

impl Added {
    /// What changes beside the execution's document.
    fn changes(&self) -> Document {
        let changes = |last| doc! { "last_sequence": integer(last), "output_bytes": integer(self.total), "has_output": true };
        self.last_sequence.map(changes).unwrap_or_default()
    }
}

/// Events that are stored already are skipped: a caller that was not answered in time repeats its append safely.
async fn append(session: &mut Session, sealing: &Sealing<'_>, name: &ExecutionName, before: &Stored, frames: &[Frame]) -> Result<Added> {
    let known = frames.partition_point(|frame| frame.sequence <= before.last_sequence);
    let (mut added, mut rows) = (Added::default(), Vec::new());
    let (tenant, execution) = (name.tenant.as_str(), name.execution.as_str());
    for batch in batches(&frames[known..]) {
        added.output_bytes += batch.output_bytes;
        added.last_sequence = Some(batch.last);
        rows.push(doc! {
            "_id": key(&[tenant, execution, &ordered(batch.first)]),
            "tenant": tenant,
            "execution": execution,
            "first": integer(batch.first),
            "events": binary(sealing.seal_batch(&Spot::events(execution, batch.first), &batch.events)),
        });
    }
    session.add_all(OUTPUT, &rows).await?;
    added.total = before.output_bytes + added.output_bytes;
    Ok(added)
}

async fn change(session: &mut Session, name: &ExecutionName, held: &Fence, changes: Document) -> Result<()> {
    let mut seen = id(&name.tenant, &name.execution);
    seen.extend(doc! { "instance": held.holder.as_str(), "token": integer(held.token) });
    match session.update(TABLE, seen, doc! { "$set": changes }).await? {
        true => Ok(()),
        false => Err(Error::Misused("an execution that was read in a transaction and was not there")),
    }
}

/// Adds to how much output of a tenant there is.
pub(super) async fn count(session: &mut Session, tenant: &str, bytes: i64) -> Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    let of = doc! { "_id": tenant, "tenant": tenant };
    session.upsert(TOTALS, of, doc! { "$inc": { "bytes": bytes } }).await
}

/// What the request was answered with. It stays answered when retention has removed its execution: nothing runs a second time.
pub(super) async fn answer(
    session: &mut Session,
    tenant: &TenantId,
    key: &RequestKey,
    since: Timestamp,
) -> Result<Option<Committed<Execution>>> {
    let resource = match request::find(session, tenant, key, since).await? {
        None => return Ok(None),
        Some(Remembered::Reused) => return Ok(Some(Committed::KeyReused)),
        Some(Remembered::Answered { resource, answer: _ }) => resource,
    };
    let id = ExecutionId::parse("execution", &resource);
    let id = id.map_err(|source| Error::undecodable("requests", format!("{tenant}/.../{resource}"), source))?;
    Ok(Some(match find(session, tenant, &id).await? {
        Some(execution) => Committed::Answered(Box::new(execution)),
        None => Committed::Removed { resource: ExecutionName { tenant: tenant.clone(), execution: id }.to_string() },
    }))
}

/// An id is of the execution's own tenant; what another one shares stands under its full name, so that no list mixes the two.
fn utility_of(execution: &Execution) -> String {
    let utility = &execution.version.utility;
    if utility.tenant == execution.name.tenant { utility.utility.to_string() } else { utility.to_string() }
}
