//! Puts what stands for an erased person into the place of their name, row by row, and tells whoever keeps copies.

use std::time::Duration;

use domain::change::Changed;
use domain::name::{TenantId, UtilityId};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::erase::{self, Unfinished};
use super::tables::{Found, Needle, TENANTS, Table};
use crate::error::Result;
use crate::grants::held_change;
use crate::store::EmbeddedStore;
use crate::tenants::is_held;
use crate::utilities::advance_epoch;

/// For so long after an erasure has begun, something that had begun before may still bring the name back.
const SETTLING: Duration = Duration::from_secs(60);

/// What became of the rows that hold a name.
#[derive(Default)]
struct Outcome {
    replaced: u64,
    /// Whether a legal hold keeps one as it is.
    is_held: bool,
}

/// Goes through everything that is stored, for each erasure that is not over; answers how many rows it has changed.
pub(super) async fn replace_all(store: &EmbeddedStore) -> Result<u64> {
    let vault = store.vault();
    let unfinished = store.read(move |connection| erase::unfinished(connection, &vault)).await?;
    let mut replaced = 0;
    for erasing in unfinished {
        replaced += replace(store, &erasing).await?;
    }
    Ok(replaced)
}

async fn replace(store: &EmbeddedStore, erasing: &Unfinished) -> Result<u64> {
    let (now, _) = store.request_window();
    let running = erasing.clone();
    let may_end = now.since(erasing.since) >= SETTLING && !store.read(move |connection| erase::is_running(connection, &running)).await?;
    let mut outcome = Outcome::default();
    for table in store.read(Table::all).await? {
        replace_in(store, &table, erasing, &mut outcome).await?;
    }
    let Outcome { replaced, is_held } = outcome;
    if replaced == 0 && !is_held && may_end {
        let over = erasing.clone();
        store.write(move |connection| erase::finish(connection, &over)).await?;
    }
    Ok(replaced)
}

async fn replace_in(store: &EmbeddedStore, table: &Table, erasing: &Unfinished, outcome: &mut Outcome) -> Result<()> {
    let (needle, other) = (Needle::new(erasing.user.as_str()), Needle::new(erasing.erased.as_str()));
    let mut after = None;
    loop {
        let (looked, sought, from) = (table.clone(), needle.clone(), after.take());
        let step = store.read(move |connection| looked.step(connection, &sought, from.as_deref())).await?;
        for found in step.found {
            replace_row(store, table, found, (&needle, &other), erasing, outcome).await?;
        }
        let Some(last) = step.last else { return Ok(()) };
        after = Some(last);
    }
}

async fn replace_row(
    store: &EmbeddedStore,
    table: &Table,
    found: Found,
    (needle, other): (&Needle, &Needle),
    erasing: &Unfinished,
    outcome: &mut Outcome,
) -> Result<()> {
    let keepers = [Some(erasing.erased.tenant().clone()), found.tenant.clone()];
    let asked = keepers.clone();
    if store.read(move |connection| are_held(connection, &asked)).await? {
        outcome.is_held = true;
        return Ok(());
    }
    let (told, of) = (told(table, &found), found.tenant.clone().filter(|_| table.name == TENANTS));
    let (table, needle, other) = (table.clone(), needle.clone(), other.clone());
    let (known_as, epochs) = (of.clone(), store.epochs().clone());
    let work = move |connection: &Connection| {
        if are_held(connection, &keepers)? {
            return Ok(0);
        }
        let changed = table.replace(connection, &needle, &other, &found.key)?;
        // What copies of utilities and versions are compared by.
        found.tenant.as_ref().map_or(Ok(()), |tenant| advance_epoch(connection, tenant))?;
        // What is known of the tenant itself.
        known_as.iter().for_each(|tenant| epochs.advance(tenant));
        Ok(changed as u64)
    };
    let replaced = match (told, of) {
        (Some(what), _) => store.change(what, work).await?,
        (None, Some(tenant)) => store.change_identity(&tenant, None, work).await?,
        (None, None) => store.write(work).await?,
    };
    outcome.replaced += replaced;
    // The hold came in between, or the row has gone, which the next time tells.
    outcome.is_held |= replaced == 0;
    Ok(())
}

/// Whether a legal hold keeps something of one of them: whose the person is, and whose the row.
fn are_held(connection: &Connection, keepers: &[Option<TenantId>]) -> Result<bool> {
    keepers.iter().flatten().try_fold(false, |held, keeper| Ok(held || is_held(connection, keeper)?))
}

/// What somebody may keep a copy of.
fn told(table: &Table, found: &Found) -> Option<Changed> {
    let (tenant, key) = (found.tenant.clone()?, &found.key);
    let utility = || UtilityId::parse("id", text(key.get(1)?)?).ok();
    match table.name.as_str() {
        "utilities" => Some(Changed::Utility { tenant, id: utility()? }),
        "versions" => {
            let Some(Value::Integer(number)) = key.get(2) else { return None };
            Some(Changed::Version { tenant, id: utility()?, number: u32::try_from(*number).ok()? })
        }
        "code_policies" => Some(Changed::CodePolicy { tenant }),
        "grants" => held_change(text(key.get(2)?)?.to_owned()),
        _ => None,
    }
}

fn text(value: &Value) -> Option<&str> {
    if let Value::Text(text) = value { Some(text) } else { None }
}
