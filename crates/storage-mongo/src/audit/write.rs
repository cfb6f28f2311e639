//! Adding records: each gets the next place of its tenant's log in the commit that stores it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::audit::{Entry, Outcome};
use domain::name::TenantId;
use mongodb::bson::{Document, doc};

use crate::audit::names::{INTENTS, LOGS, RECORDS};
use crate::audit::persons;
use crate::error::{Error, Result};
use crate::news::Log;
use crate::row::{binary, integer, key, ordered};
use crate::session::Session;

/// Adds records, in this order; each log is advanced once, in the order of the tenants, so that two who add to several logs do not meet
/// crosswise.
pub(crate) async fn add_all<'a>(session: &mut Session, entries: impl IntoIterator<Item = &'a Entry>) -> Result<()> {
    let (shared, entries): (_, Vec<&Entry>) = (Arc::clone(&session.shared), entries.into_iter().collect());
    let mut places = BTreeMap::new();
    for entry in &entries {
        *places.entry(&entry.tenant).or_default() += 1;
    }
    for (tenant, records) in &mut places {
        *records = first_place(session, tenant, *records).await?;
    }
    let (mut records, mut intents) = (Vec::new(), Vec::new());
    for entry in entries {
        let place = places.get_mut(&entry.tenant).expect("counted above");
        let written = persons::written(session, &shared.vault, entry, *place).await?;
        records.push(record(entry, *place, written));
        if entry.outcome == Outcome::Intent {
            intents.push(intent(entry, *place));
            session.noted.intents.push(entry.clone());
        }
        *place += 1;
    }
    session.add_all(RECORDS, &records).await?;
    // A key that is taken would be taken however often the transaction was tried again.
    let keys: BTreeSet<&str> = intents.iter().filter_map(|intent| intent.get_str("_id").ok()).collect();
    let tenants: BTreeSet<&str> = intents.iter().filter_map(|intent| intent.get_str("tenant").ok()).collect();
    let (is_any, is_twice) = (!keys.is_empty(), keys.len() < intents.len());
    let open = doc! { "_id": { "$in": Vec::from_iter(keys) }, "tenant": { "$in": Vec::from_iter(tenants) } };
    if is_twice || (is_any && session.exists(INTENTS, open).await?) {
        return Err(Error::Misused("an intent that is open already"));
    }
    session.add_all(INTENTS, &intents).await
}

/// Adds outcomes whose intents are open, which they then are no more; says how many were.
pub(super) async fn close_all(session: &mut Session, outcomes: &[Entry]) -> Result<u64> {
    let mut closing = Vec::new();
    for outcome in outcomes {
        let intent = doc! { "_id": intent_key(outcome), "tenant": outcome.tenant.as_str() };
        if session.delete(INTENTS, intent).await? > 0 {
            closing.push(outcome);
        }
    }
    let closed = closing.len() as u64;
    add_all(session, closing).await?;
    Ok(closed)
}

/// Makes room for so many records at the end of a log, and answers where it begins.
async fn first_place(session: &mut Session, tenant: &TenantId, records: u64) -> Result<u64> {
    let log = doc! { "_id": tenant.as_str(), "tenant": tenant.as_str() };
    let room = doc! {
        "$inc": { "records": integer(records) },
        "$set": { "unsealed": true },
        "$setOnInsert": { "sealed": 0_i64, "first_kept": 0_i64 },
    };
    session.upsert(LOGS, log.clone(), room).await?;
    let grown = session.find_one(LOGS, log).await?.map(|row| row.number("records")).transpose()?;
    session.tell_added(Log::Audit, tenant);
    Ok(grown.unwrap_or(records) - records)
}

fn record(entry: &Entry, sequence: u64, written: persons::Written) -> Document {
    doc! {
        "_id": key(&[entry.tenant.as_str(), &ordered(sequence)]),
        "tenant": entry.tenant.as_str(),
        "sequence": integer(sequence),
        "time": integer(entry.time.as_millis()),
        "actor": written.actor,
        "action": &entry.action,
        "resource": written.resource,
        "outcome": entry.outcome.as_str(),
        "record": binary(written.bytes),
    }
}

fn intent(entry: &Entry, sequence: u64) -> Document {
    doc! {
        "_id": intent_key(entry),
        "tenant": entry.tenant.as_str(),
        "sequence": integer(sequence),
        "instance": entry.instance.as_str(),
    }
}

fn intent_key(entry: &Entry) -> String {
    key(&[entry.tenant.as_str(), &entry.call])
}
