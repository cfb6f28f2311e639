//! The port of leases.

use std::time::Duration;

use async_trait::async_trait;
use domain::lease::{Acquisition, Fence, InstanceId, Lease, LeaseName, LeaseRepository, Renewal, acquire, renew};
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::connection::integer;
use crate::error::{Result, during};
use crate::store::EmbeddedStore;

#[async_trait]
impl LeaseRepository for EmbeddedStore {
    async fn acquire(&self, name: &LeaseName, holder: &InstanceId, now: Timestamp, term: Duration) -> domain::Result<Acquisition> {
        let (name, holder) = (name.clone(), holder.clone());
        let work = move |connection: &Connection| {
            let token = last_token(connection)? + 1;
            let outcome = acquire(find(connection, &name)?, &name, &holder, token, now, term);
            if let Acquisition::Acquired(lease) = &outcome {
                keep_token(connection, token)?;
                store(connection, lease)?;
            }
            Ok(outcome)
        };
        Ok(self.write(work).await?)
    }

    async fn renew(&self, name: &LeaseName, fence: &Fence, now: Timestamp, term: Duration) -> domain::Result<Renewal> {
        let (name, fence) = (name.clone(), fence.clone());
        let work = move |connection: &Connection| {
            let outcome = renew(find(connection, &name)?, &fence, now, term);
            if let Renewal::Renewed(lease) = &outcome {
                store(connection, lease)?;
            }
            Ok(outcome)
        };
        Ok(self.write(work).await?)
    }

    async fn release(&self, name: &LeaseName, fence: &Fence) -> domain::Result<()> {
        const QUERY: &str = "DELETE FROM leases WHERE name = ?1 AND holder = ?2 AND token = ?3";
        let (name, fence) = (name.clone(), fence.clone());
        let work = move |connection: &Connection| {
            let row = params![name.as_str(), fence.holder.as_str(), integer(fence.token)];
            let run = || connection.prepare_cached(QUERY)?.execute(row);
            run().map(drop).map_err(during("releasing a lease"))
        };
        Ok(self.write(work).await?)
    }

    async fn find(&self, name: &LeaseName) -> domain::Result<Option<Lease>> {
        let name = name.clone();
        Ok(self.read(move |connection| find(connection, &name)).await?)
    }

    async fn expired(&self, now: Timestamp, limit: u32) -> domain::Result<Vec<Lease>> {
        const QUERY: &str = "SELECT name, holder, token, expires FROM leases WHERE expires <= ?1 ORDER BY expires LIMIT ?2";
        let work = move |connection: &Connection| {
            let run = || {
                let mut statement = connection.prepare_cached(QUERY)?;
                let rows = statement.query_map(params![integer(now.as_millis()), limit], read)?;
                rows.collect::<rusqlite::Result<Vec<_>>>()
            };
            run().map_err(during("listing expired leases"))
        };
        Ok(self.read(work).await?)
    }
}

fn find(connection: &Connection, name: &LeaseName) -> Result<Option<Lease>> {
    const QUERY: &str = "SELECT name, holder, token, expires FROM leases WHERE name = ?1";
    let run = || connection.prepare_cached(QUERY)?.query_row([name.as_str()], read);
    run().optional().map_err(during("reading a lease"))
}

fn store(connection: &Connection, lease: &Lease) -> Result<()> {
    const QUERY: &str = "INSERT OR REPLACE INTO leases (name, holder, token, expires) VALUES (?1, ?2, ?3, ?4)";
    let (token, expires) = (integer(lease.fence.token), integer(lease.expires.as_millis()));
    let run = || connection.prepare_cached(QUERY)?.execute(params![lease.name.as_str(), lease.fence.holder.as_str(), token, expires]);
    run().map(drop).map_err(during("storing a lease"))
}

fn last_token(connection: &Connection) -> Result<u64> {
    const QUERY: &str = "SELECT value FROM totals WHERE name = 'lease_token'";
    let run = || connection.prepare_cached(QUERY)?.query_row([], |row| row.get::<_, i64>(0));
    run().map(i64::unsigned_abs).map_err(during("reading the last token"))
}

fn keep_token(connection: &Connection, token: u64) -> Result<()> {
    const QUERY: &str = "UPDATE totals SET value = ?1 WHERE name = 'lease_token'";
    let run = || connection.prepare_cached(QUERY)?.execute([integer(token)]);
    run().map(drop).map_err(during("storing a token"))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Lease> {
    let (name, holder) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
    let fence = Fence { holder: InstanceId::new(holder), token: row.get::<_, i64>(2)?.unsigned_abs() };
    Ok(Lease { name: LeaseName::from_stored(name), fence, expires: Timestamp::from_millis(row.get::<_, i64>(3)?.unsigned_abs()) })
}
