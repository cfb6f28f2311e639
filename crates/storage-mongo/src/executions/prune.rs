//! Retention of executions and their output, in steps that each are a short transaction.

use std::collections::BTreeMap;

use domain::execution::{Bounds, Pruned};
use domain::name::{ExecutionId, ExecutionName, TenantId};
use domain::time::Timestamp;
use mongodb::bson::{Bson, Document, doc};

use super::archive;
use super::names::{OUTPUT, TABLE, TOTALS};
use super::parts;
use super::rows::name;
use super::write::count;
use crate::epochs;
use crate::error::Result;
use crate::row::{Row, integer};
use crate::session::{Select, Session};
use crate::tenants;

/// Most executions removed in one step.
const STEP: usize = 64;
/// A step ends once it has removed this much output.
const STEP_BYTES: u64 = 16 * 1024 * 1024;

/// What of all tenants is kept.
pub(super) struct Limits {
    ended_before: Timestamp,
    max_output_bytes: u64,
    /// Tenants of which nothing goes and whose output is not counted; those on legal hold are excepted beside them, and those that have
    /// settled how long they keep executions from what goes by its age.
    except: Vec<Bson>,
}

/// One execution that has ended.
struct Ended {
    tenant: TenantId,
    key: String,
    id: ExecutionId,
    output_bytes: u64,
}

impl Limits {
    pub(super) fn new(bounds: &Bounds) -> Self {
        let except = bounds.except.iter().map(|tenant| tenant.as_str().into()).collect();
        Limits { ended_before: bounds.ended_before, max_output_bytes: bounds.max_output_bytes, except }
    }

    /// Those of whom nothing goes.
    async fn excepted(&self, session: &mut Session) -> Result<Vec<Bson>> {
        let held = tenants::held(session).await?;
        Ok(self.except.iter().cloned().chain(held.into_iter().map(Bson::from)).collect())
    }
}

/// Whether a step would remove something.
pub(super) async fn is_due(session: &mut Session, limits: &Limits) -> Result<bool> {
    let excepted = limits.excepted(session).await?;
    let is_beyond = output_total(session, &excepted).await? > limits.max_output_bytes;
    Ok(!oldest(session, limits, excepted, is_beyond, 1).await?.is_empty())
}

/// Removes some of what is too old or too much.
pub(super) async fn step(session: &mut Session, limits: &Limits) -> Result<Pruned> {
    let excepted = limits.excepted(session).await?;
    let mut total = output_total(session, &excepted).await?;
    let is_beyond = total > limits.max_output_bytes;
    let found = oldest(session, limits, excepted.clone(), is_beyond, STEP).await?;
    let (mut going, mut pruned) = (Vec::new(), Pruned { more: found.len() == STEP, ..Pruned::default() });
    let mut fits = false;
    for execution in found {
        if is_beyond && total <= limits.max_output_bytes {
            fits = true;
            break;
        }
        total = total.saturating_sub(execution.output_bytes);
        pruned.executions += 1;
        pruned.output_bytes += execution.output_bytes;
        going.push(execution);
        if pruned.output_bytes >= STEP_BYTES {
            pruned.more = true;
            break;
        }
    }
    remove(session, &going).await?;
    if fits {
        // What is left may be due by its age.
        pruned.more = !oldest(session, limits, excepted, false, 1).await?.is_empty();
    }
    Ok(pruned)
}

/// Whether there are executions of a tenant that ended before.
pub(crate) async fn is_any_of_tenant(session: &mut Session, tenant: &TenantId, before: Timestamp) -> Result<bool> {
    session.exists(TABLE, ended_before(tenant, before)).await
}

/// Removes some executions of a tenant that ended before; says what, and whether there may be more.
pub(crate) async fn of_tenant(session: &mut Session, tenant: &TenantId, before: Timestamp) -> Result<Pruned> {
    oldest_of_tenant(session, tenant, before, 0).await
}

/// Whether a tenant has more output than so many bytes, and executions that may go for that.
pub(crate) async fn is_tenant_beyond(session: &mut Session, tenant: &TenantId, most: u64) -> Result<bool> {
    Ok(output_of(session, tenant).await? > most && is_any_of_tenant(session, tenant, FOREVER).await?)
}

/// Removes some of the oldest executions of a tenant while it has more output than so many bytes.
pub(crate) async fn of_tenant_beyond(session: &mut Session, tenant: &TenantId, most: u64) -> Result<Pruned> {
    let total = output_of(session, tenant).await?;
    match total > most {
        true => oldest_of_tenant(session, tenant, FOREVER, total - most).await,
        false => Ok(Pruned::default()),
    }
}

/// Whether there is output of executions of a tenant that ended before.
pub(crate) async fn is_any_output_of_tenant(session: &mut Session, tenant: &TenantId, before: Timestamp) -> Result<bool> {
    session.exists(TABLE, with_output(tenant, before)).await
}

/// Removes the output of some executions of a tenant that ended before; the executions stay.
pub(crate) async fn output_of_tenant(session: &mut Session, tenant: &TenantId, before: Timestamp) -> Result<Pruned> {
    let found = session.find(TABLE, with_output(tenant, before), Select::sorted(doc! { "ended": 1 }, STEP)).await?;
    let going = found.iter().map(ended).collect::<Result<Vec<_>>>()?;
    let (going, mut pruned) = some_of(going, STEP_BYTES);
    pruned.executions = 0;
    remove_output(session, &going).await?;
    let keys: Vec<&str> = going.iter().map(|execution| execution.key.as_str()).collect();
    let emptied = doc! { "$set": { "has_output": false, "output_bytes": 0_i64, "to_archive": false } };
    session.update_all(TABLE, doc! { "_id": { "$in": keys }, "tenant": tenant.as_str() }, emptied).await?;
    Ok(pruned)
}

/// Later than everything.
const FOREVER: Timestamp = Timestamp::from_millis(u64::MAX);

/// Removes some executions that ended before, the oldest first, until so many bytes of output are gone; 0 for all of them.
async fn oldest_of_tenant(session: &mut Session, tenant: &TenantId, before: Timestamp, enough: u64) -> Result<Pruned> {
    let select = Select { sort: doc! { "ended": 1 }, limit: STEP, fields: fields() };
    let found = session.find(TABLE, ended_before(tenant, before), select).await?;
    let found = found.iter().map(ended).collect::<Result<Vec<_>>>()?;
    let is_enough = enough > 0 && enough <= STEP_BYTES;
    let (going, mut pruned) = some_of(found, if is_enough { enough } else { STEP_BYTES });
    pruned.more = pruned.more && !(is_enough && pruned.output_bytes >= enough);
    remove(session, &going).await?;
    Ok(pruned)
}

/// Those of the first that together have this much output, or all; and what that is.
fn some_of(found: Vec<Ended>, enough: u64) -> (Vec<Ended>, Pruned) {
    let mut pruned = Pruned { more: found.len() == STEP, ..Pruned::default() };
    let mut going = Vec::new();
    for execution in found {
        pruned.executions += 1;
        pruned.output_bytes += execution.output_bytes;
        going.push(execution);
        if pruned.output_bytes >= enough {
            pruned.more = true;
            break;
        }
    }
    (going, pruned)
}

/// The oldest that are due by their age; where there is too much output, the oldest of all.
async fn oldest(session: &mut Session, limits: &Limits, mut except: Vec<Bson>, is_beyond: bool, limit: usize) -> Result<Vec<Ended>> {
    let before = if is_beyond {
        FOREVER
    } else {
        except.extend(tenants::settled(session).await?.into_iter().map(Bson::from));
        limits.ended_before
    };
    let mut filter = doc! { "ended": { "$lt": integer(before.as_millis()) } };
    if !except.is_empty() {
        filter.insert("tenant", doc! { "$nin": except });
    }
    let select = Select { sort: doc! { "ended": 1, "_id": 1 }, limit, fields: fields() };
    session.find(TABLE, filter, select).await?.iter().map(ended).collect()
}

/// Removes executions with all they have.
async fn remove(session: &mut Session, going: &[Ended]) -> Result<()> {
    remove_output(session, going).await?;
    for (tenant, some) in by_tenant(going) {
        let (keys, ids): (Vec<&str>, Vec<&str>) = some.iter().map(|execution| (execution.key.as_str(), execution.id.as_str())).unzip();
        session.delete(TABLE, doc! { "_id": { "$in": keys }, "tenant": tenant.as_str() }).await?;
        parts::remove(session, tenant, &ids).await?;
    }
    Ok(())
}

async fn remove_output(session: &mut Session, going: &[Ended]) -> Result<()> {
    for (tenant, some) in by_tenant(going) {
        // A hold that is set meanwhile is seen, or waits for the end of this.
        epochs::guard(session, tenant).await?;
        let ids: Vec<&str> = some.iter().map(|execution| execution.id.as_str()).collect();
        session.delete(OUTPUT, doc! { "tenant": tenant.as_str(), "execution": { "$in": &ids } }).await?;
        archive::forget(session, tenant, &ids).await?;
        let bytes = some.iter().map(|execution| execution.output_bytes).sum();
        count(session, tenant.as_str(), -integer(bytes)).await?;
    }
    Ok(())
}

fn by_tenant(going: &[Ended]) -> BTreeMap<&TenantId, Vec<&Ended>> {
    let mut tenants: BTreeMap<&TenantId, Vec<&Ended>> = BTreeMap::new();
    for execution in going {
        tenants.entry(&execution.tenant).or_default().push(execution);
    }
    tenants
}

fn ended_before(tenant: &TenantId, before: Timestamp) -> Document {
    doc! { "tenant": tenant.as_str(), "ended": { "$lt": integer(before.as_millis()) } }
}

fn with_output(tenant: &TenantId, before: Timestamp) -> Document {
    let mut filter = ended_before(tenant, before);
    filter.insert("has_output", true);
    filter
}

/// What is read of an execution that goes.
fn fields() -> Document {
    doc! { "tenant": 1, "id": 1, "output_bytes": 1 }
}

fn ended(row: &Row) -> Result<Ended> {
    let ExecutionName { tenant, execution } = name(row)?;
    let (key, output_bytes) = (row.key().to_owned(), row.number("output_bytes")?);
    Ok(Ended { tenant, key, id: execution, output_bytes })
}

async fn output_of(session: &mut Session, tenant: &TenantId) -> Result<u64> {
    let found = session.find_one(TOTALS, doc! { "_id": tenant.as_str(), "tenant": tenant.as_str() }).await?;
    found.map(|row| row.number("bytes")).transpose().map(Option::unwrap_or_default)
}

/// Bytes of output of all tenants that are not excepted: the sum of one number of each.
async fn output_total(session: &mut Session, except: &[Bson]) -> Result<u64> {
    let counted = doc! { "$match": { "tenant": { "$nin": except } } };
    let sum = doc! { "$group": { "_id": Bson::Null, "bytes": { "$sum": "$bytes" } } };
    let found = session.sum(TOTALS, [counted, sum]).await?;
    found.map(|row| row.number("bytes")).transpose().map(Option::unwrap_or_default)
}
