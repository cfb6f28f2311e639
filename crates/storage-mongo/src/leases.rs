//! The port of leases. They are of the whole installation, and few: one for each server and each job.

use std::time::Duration;

use async_trait::async_trait;
use domain::lease::{Acquisition, Fence, InstanceId, Lease, LeaseName, LeaseRepository, Renewal, acquire, renew};
use domain::time::Timestamp;
use mongodb::bson::doc;

use crate::collections;
use crate::error::Result;
use crate::row::{Row, integer};
use crate::session::{Select, Session};
use crate::store::MongoStore;
use crate::transaction::{read, transact};

const TABLE: &str = collections::LEASES.name;
/// Of running numbers of the whole installation.
const TOTALS: &str = collections::TOTALS.name;
/// The token of the last acquisition.
const TOKEN: &str = "lease_token";
/// Most leases in force that are looked at: far more than servers share one database.
const MAX_LEASES: usize = 10_000;

#[async_trait]
impl LeaseRepository for MongoStore {
    async fn acquire(&self, name: &LeaseName, holder: &InstanceId, now: Timestamp, term: Duration) -> domain::Result<Acquisition> {
        let outcome = transact!(leases self, "acquiring a lease", |session| {
            let token = last_token(session).await? + 1;
            let outcome = acquire(find(session, name).await?, name, holder, token, now, term);
            if let Acquisition::Acquired(lease) = &outcome {
                session.put(TOTALS, doc! { "_id": TOKEN, "value": integer(token) }).await?;
                store(session, lease).await?;
            }
            Ok(outcome)
        });
        Ok(outcome?)
    }

    async fn renew(&self, name: &LeaseName, fence: &Fence, now: Timestamp, term: Duration) -> domain::Result<Renewal> {
        let outcome = transact!(leases self, "renewing a lease", |session| {
            let outcome = renew(find(session, name).await?, fence, now, term);
            if let Renewal::Renewed(lease) = &outcome {
                store(session, lease).await?;
            }
            Ok(outcome)
        });
        Ok(outcome?)
    }

    async fn release(&self, name: &LeaseName, fence: &Fence) -> domain::Result<()> {
        let held = doc! { "_id": name.as_str(), "holder": fence.holder.as_str(), "token": integer(fence.token) };
        let removed = read!(self, "releasing a lease", |session| session.delete(TABLE, held).await);
        Ok(removed.map(drop)?)
    }

    async fn find(&self, name: &LeaseName) -> domain::Result<Option<Lease>> {
        Ok(read!(self, "reading a lease", |session| find(session, name).await)?)
    }

    async fn expired(&self, now: Timestamp, limit: u32) -> domain::Result<Vec<Lease>> {
        let over = doc! { "expires": { "$lt": integer(now.as_millis().saturating_add(1)) } };
        let select = Select::sorted(doc! { "expires": 1 }, limit as usize);
        let found = read!(self, "listing expired leases", |session| session.find(TABLE, over, select).await)?;
        Ok(found.iter().map(lease).collect::<Result<_>>()?)
    }
}

/// Fences of the servers that live: the holders and tokens of their leases in force.
pub(crate) async fn fences_in_force(session: &mut Session, now: Timestamp) -> Result<Vec<Fence>> {
    let in_force = doc! { "expires": { "$gt": integer(now.as_millis()) } };
    let found = session.find(TABLE, in_force, Select::sorted(doc! { "expires": 1 }, MAX_LEASES)).await?;
    let leases = found.iter().map(lease).collect::<Result<Vec<_>>>()?;
    let is_of_instance = |lease: &Lease| lease.name == LeaseName::of_instance(&lease.fence.holder);
    Ok(leases.into_iter().filter(is_of_instance).map(|lease| lease.fence).collect())
}

/// Whether a fence is that of a server that lives.
pub(crate) async fn is_in_force(session: &mut Session, fence: &Fence, now: Timestamp) -> Result<bool> {
    let lease = find(session, &LeaseName::of_instance(&fence.holder)).await?;
    Ok(lease.is_some_and(|lease| lease.fence == *fence && lease.in_force(now)))
}

async fn find(session: &mut Session, name: &LeaseName) -> Result<Option<Lease>> {
    session.find_one(TABLE, doc! { "_id": name.as_str() }).await?.as_ref().map(lease).transpose()
}

async fn store(session: &mut Session, lease: &Lease) -> Result<()> {
    let (token, expires) = (integer(lease.fence.token), integer(lease.expires.as_millis()));
    let row = doc! { "_id": lease.name.as_str(), "holder": lease.fence.holder.as_str(), "token": token, "expires": expires };
    session.put(TABLE, row).await
}

async fn last_token(session: &mut Session) -> Result<u64> {
    let found = session.find_one(TOTALS, doc! { "_id": TOKEN }).await?;
    Ok(found.map(|row| row.number("value")).transpose()?.unwrap_or_default())
}

fn lease(row: &Row) -> Result<Lease> {
    let fence = Fence { holder: InstanceId::new(row.text("holder")?), token: row.number("token")? };
    let expires = Timestamp::from_millis(row.number("expires")?);
    Ok(Lease { name: LeaseName::from_stored(row.key()), fence, expires })
}
