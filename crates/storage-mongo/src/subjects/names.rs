//! Puts what stands for an erased person into the place of their name, document by document, and tells whoever keeps copies.

use std::time::Duration;

use domain::change::Changed;
use domain::name::{TenantId, UtilityId};
use mongodb::bson::{Bson, Document, doc};

use super::erase::{self, Unfinished};
use super::needle::Needle;
use crate::collections::{
    ALL, CODE_POLICIES, COUNTS, Collection, DATA_KEYS, EPOCHS, EXECUTION_PARTS, GRANTS, GRANTS_RECEIVED, LEASES, OUTPUT, OUTPUT_TOTALS,
    SCHEMA, SUBJECTS, TENANTS, TOTALS, UTILITIES, VERSION_CODE, VERSIONS, WAITING,
};
use crate::epochs;
use crate::error::Result;
use crate::grants::held_change;
use crate::row::Row;
use crate::session::{Select, Session};
use crate::store::MongoStore;
use crate::tenants::is_held;
use crate::transaction::{read, transact};
use crate::utilities::advance_epoch;

/// For so long after an erasure has begun, something that had begun before may still bring the name back.
const SETTLING: Duration = Duration::from_secs(60);
/// Collections that hold no name of a person, or whose texts may not change: code is what its hash says.
const EXEMPT: [Collection; 12] =
    [SCHEMA, EPOCHS, TOTALS, DATA_KEYS, SUBJECTS, COUNTS, LEASES, WAITING, EXECUTION_PARTS, OUTPUT, OUTPUT_TOTALS, VERSION_CODE];
/// How collections of audit logs begin: people stand under ids there.
const AUDIT: &str = "audit_";
/// Documents that are looked at in one read.
const STEP: usize = 500;
/// What the documents of one read weigh about: some have many megabytes, and all of a read are in memory.
const STEP_BYTES: usize = 8 * 1024 * 1024;

/// What became of the documents that hold a name.
#[derive(Default)]
struct Outcome {
    replaced: u64,
    /// Whether a legal hold keeps one as it is.
    is_held: bool,
}

/// Goes through everything that is stored, for each erasure that is not over; answers how many documents it has changed.
pub(super) async fn replace_all(store: &MongoStore) -> Result<u64> {
    let vault = &store.shared.vault;
    let unfinished = read!(store, "looking for erasures", |session| erase::unfinished(session, vault).await)?;
    let mut replaced = 0;
    for erasing in unfinished {
        replaced += replace(store, &erasing).await?;
    }
    Ok(replaced)
}

async fn replace(store: &MongoStore, erasing: &Unfinished) -> Result<u64> {
    let (now, _) = store.request_window();
    let may_end = now.since(erasing.since) >= SETTLING
        && !read!(store, "looking for executions of a person", |session| erase::is_running(session, erasing).await)?;
    let mut outcome = Outcome::default();
    let is_exempt = |name: &str| name.starts_with(AUDIT) || EXEMPT.iter().any(|exempt| exempt.name == name);
    let searched: Vec<&Collection> = ALL.iter().copied().flatten().filter(|collection| !is_exempt(collection.name)).collect();
    for collection in searched {
        replace_in(store, collection, erasing, &mut outcome).await?;
    }
    let Outcome { replaced, is_held } = outcome;
    if replaced == 0 && !is_held && may_end {
        let tenant = erasing.erased.tenant();
        transact!(store, "finishing an erasure", tenant, |session| erase::finish(session, erasing).await)?;
    }
    Ok(replaced)
}

async fn replace_in(store: &MongoStore, collection: &Collection, erasing: &Unfinished, outcome: &mut Outcome) -> Result<()> {
    let (needle, other) = (Needle::new(erasing.user.as_str()), Needle::new(erasing.erased.as_str()));
    let mut after = None;
    loop {
        let behind = after.take().map_or_else(Document::new, |last: Bson| doc! { "_id": { "$gt": last } });
        let step = read!(store, "looking for a name", |session| {
            session.find_some(collection.name, behind, Select::sorted(doc! { "_id": 1 }, STEP), STEP_BYTES).await
        })?;
        for found in step.iter().filter(|found| needle.replaced(found.fields(), &other).is_some()) {
            replace_one(store, collection, found, (&needle, &other), erasing, outcome).await?;
        }
        // A read may end early, so that only an empty one is the last.
        after = step.last().and_then(|last| last.fields().get("_id").cloned());
        if after.is_none() {
            return Ok(());
        }
    }
}

async fn replace_one(
    store: &MongoStore,
    collection: &Collection,
    found: &Row,
    (needle, other): (&Needle, &Needle),
    erasing: &Unfinished,
    outcome: &mut Outcome,
) -> Result<()> {
    let of = found.find_text("tenant")?.and_then(|tenant| TenantId::parse("tenant", tenant).ok());
    let keepers = [Some(erasing.erased.tenant()), of.as_ref()];
    // Of the tenant whose document it is, as that is what else changes.
    let turn = of.as_ref().unwrap_or(erasing.erased.tenant());
    let done = transact!(store, "replacing a name", turn, |session| {
        if are_held(session, &keepers).await? {
            return Ok(None);
        }
        for keeper in keepers.iter().flatten() {
            // A legal hold that is set meanwhile is seen, or sees what this has done.
            epochs::guard(session, keeper).await?;
        }
        let is_replaced = put(session, collection, found, needle, other).await?;
        if is_replaced && let Some(tenant) = &of {
            // What copies of utilities and versions are compared by.
            advance_epoch(session, tenant).await?;
            if collection.name == TENANTS.name {
                session.advance_identity(tenant).await?;
            }
            if let Some(what) = told(collection, tenant, found) {
                session.tell(what);
            }
        }
        Ok(Some(is_replaced))
    })?;
    match done {
        Some(is_replaced) => outcome.replaced += u64::from(is_replaced),
        None => outcome.is_held = true,
    }
    Ok(())
}

/// Puts the other name into a document as it is now; says whether it held the name still.
async fn put(session: &mut Session, collection: &Collection, found: &Row, needle: &Needle, other: &Needle) -> Result<bool> {
    let key = of_key(found.fields());
    let Some(current) = session.find_one(collection.name, key.clone()).await? else { return Ok(false) };
    let Some(replaced) = needle.replaced(current.fields(), other) else { return Ok(false) };
    if replaced.get("_id") != current.fields().get("_id") {
        // A key never changes: it is another document.
        session.delete(collection.name, key).await?;
    }
    session.put(collection.name, replaced).await?;
    Ok(true)
}

fn of_key(document: &Document) -> Document {
    let part = |field: &str| document.get(field).map(|value| (field.to_owned(), value.clone()));
    ["_id", "tenant"].into_iter().filter_map(part).collect()
}

/// Whether a legal hold keeps something of one of them: whose the person is, and whose the document.
async fn are_held(session: &mut Session, keepers: &[Option<&TenantId>]) -> Result<bool> {
    for keeper in keepers.iter().flatten() {
        if is_held(session, keeper).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What somebody may keep a copy of.
fn told(collection: &Collection, tenant: &TenantId, found: &Row) -> Option<Changed> {
    let tenant = tenant.clone();
    let utility = || UtilityId::parse("id", found.text("id").ok()?).ok();
    match collection.name {
        name if name == UTILITIES.name => Some(Changed::Utility { tenant, id: utility()? }),
        name if name == VERSIONS.name => {
            let number = u32::try_from(found.number("number").ok()?).ok()?;
            Some(Changed::Version { tenant, id: utility()?, number })
        }
        name if name == CODE_POLICIES.name => Some(Changed::CodePolicy { tenant }),
        name if name == GRANTS.name => held_change(found.text("grantee").ok()?.to_owned()),
        name if name == GRANTS_RECEIVED.name => held_change(format!("tenants/{tenant}")),
        _ => None,
    }
}
