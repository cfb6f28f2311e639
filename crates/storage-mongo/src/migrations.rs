//! Brings a database to the newest schema, one step after the other, by one server at a time; and refuses one that it does not know.
//!
//! A step may be done again: whoever ends within one leaves it to the next server, which begins it anew.

use std::time::Duration;

use mongodb::bson::{DateTime, Document, doc};
use mongodb::error::{ErrorKind, WriteFailure};
use mongodb::{Collection, Database};
use tokio::time::{Instant, sleep};

use crate::collections::{ALL, SCHEMA};
use crate::deadline::within;
use crate::error::{Error, Result, during};

/// The one document of the schema.
const ID: &str = "schema";
/// Whose database it is, beside the schema.
const OWNER: &str = "installation";
/// Newest schema.
pub(crate) const NEWEST: u32 = 3;
/// How long one server has for one step; another one begins it anew then.
const LEASE: Duration = Duration::from_secs(60);
/// How long a server waits for another one that migrates.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it looks whether that one is done.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A unique key is taken.
const DUPLICATE: i32 = 11_000;
/// The collection is there.
const EXISTS: i32 = 48;

/// Applies the steps that the database lacks. A look at the schema takes no longer than the deadline, and a step no longer than its lease.
pub(crate) async fn migrate(database: &Database, deadline: Duration) -> Result<()> {
    let schema: Collection<Document> = database.collection(SCHEMA.name);
    let holder = keys::random_id();
    let until = Instant::now() + PATIENCE;
    loop {
        let found = within(deadline, version(database, &schema)).await?;
        if found > NEWEST {
            return Err(Error::Newer { found, known: NEWEST });
        }
        if found == NEWEST {
            return Ok(());
        }
        if within(deadline, take(&schema, &holder, found)).await? {
            let reached = within(LEASE, step(database, found)).await?;
            match within(deadline, release(&schema, &holder, reached)).await? {
                true => tracing::info!(schema = reached, "migrated the database"),
                false => tracing::warn!(schema = reached, "the lease on migrating was lost to another server, which does the step again"),
            }
        } else if Instant::now() > until {
            return Err(Error::Migrating(PATIENCE));
        } else {
            sleep(LOOK_EVERY).await;
        }
    }
}

/// Makes the database that of an installation, once and for all; one of another installation is refused.
pub(crate) async fn belong(database: &Database, installation: &str) -> Result<()> {
    let doing = "asking whose the database is";
    let schema: Collection<Document> = database.collection(SCHEMA.name);
    match schema.insert_one(doc! { "_id": OWNER, "is": installation }).await {
        Ok(_) => return Ok(()),
        Err(error) if is(&error, DUPLICATE) => {}
        Err(error) => return Err(during(doing)(error)),
    }
    let owner = schema.find_one(doc! { "_id": OWNER }).await.map_err(during(doing))?;
    let owner = owner.as_ref().and_then(|owner| owner.get_str("is").ok());
    let owner = owner.ok_or_else(|| Error::undecodable(SCHEMA.name, OWNER, "it names nobody"))?;
    if owner == installation {
        return Ok(());
    }
    Err(Error::OfAnother { installation: installation.to_owned(), owner: owner.to_owned() })
}

/// The schema of the database, 0 where it is empty; and whether a server brings it to a newer one.
pub(crate) async fn standing(database: &Database) -> Result<(u32, bool)> {
    let schema: Collection<Document> = database.collection(SCHEMA.name);
    let found = version(database, &schema).await?;
    let under_way = doc! { "_id": ID, "until": { "$gt": DateTime::now() } };
    let migrating = schema.find_one(under_way).await.map_err(during("reading the lease on migrating"))?;
    Ok((found, migrating.is_some()))
}

async fn version(database: &Database, schema: &Collection<Document>) -> Result<u32> {
    let doing = "reading the schema's version";
    if let Some(version) = stored(schema).await? {
        return Ok(version);
    }
    let names = database.list_collection_names().await.map_err(during(doing))?;
    if names.iter().all(|name| name == SCHEMA.name || name.starts_with("system.")) {
        return Ok(0);
    }
    // Another server may have begun between the two looks: it stores its lease before it makes a collection.
    stored(schema).await?.ok_or_else(|| Error::Foreign { database: database.name().to_owned() })
}

async fn stored(schema: &Collection<Document>) -> Result<Option<u32>> {
    let found = schema.find_one(doc! { "_id": ID }).await.map_err(during("reading the schema's version"))?;
    let Some(found) = found else { return Ok(None) };
    let version = found.get_i64("version").ok().and_then(|version| u32::try_from(version).ok());
    version.map(Some).ok_or_else(|| Error::undecodable(SCHEMA.name, ID, "its version is none"))
}

/// Takes the lease on migrating from a version on; says whether nobody else has it, or has migrated meanwhile.
async fn take(schema: &Collection<Document>, holder: &str, from: u32) -> Result<bool> {
    let doing = "taking the lease on migrating";
    match schema.insert_one(doc! { "_id": ID, "version": 0_i64, "until": DateTime::MIN }).await {
        Ok(_) => {}
        Err(error) if is(&error, DUPLICATE) => {}
        Err(error) => return Err(during(doing)(error)),
    }
    let now = DateTime::now();
    let free = doc! { "_id": ID, "version": i64::from(from), "until": { "$lt": now } };
    let lease = i64::try_from(LEASE.as_millis()).expect("a lease is short");
    let taken = doc! { "$set": { "holder": holder, "until": DateTime::from_millis(now.timestamp_millis() + lease) } };
    let done = schema.update_one(free, taken).await.map_err(during(doing))?;
    Ok(done.matched_count == 1)
}

/// Notes that the step is done, unless the lease went to another server, which does it again; says whether it has.
async fn release(schema: &Collection<Document>, holder: &str, version: u32) -> Result<bool> {
    let done = doc! { "$set": { "version": i64::from(version), "until": DateTime::MIN }, "$unset": { "holder": "" } };
    let noted = schema.update_one(doc! { "_id": ID, "holder": holder }, done).await;
    Ok(noted.map_err(during("noting a migration"))?.matched_count == 1)
}

/// Does what leads on from a schema; answers the one that it leads to.
async fn step(database: &Database, from: u32) -> Result<u32> {
    match from {
        // These differ by collections and indexes only, and all of them are made at once: they are the larger part of a first start.
        0..=2 => collections(database).await.map(|()| NEWEST),
        other => Err(Error::Newer { found: other, known: NEWEST }),
    }
}

/// Makes the collections and indexes that are not there.
async fn collections(database: &Database) -> Result<()> {
    let doing = "making collections";
    let all: Vec<_> = ALL.iter().copied().flatten().collect();
    for collection in all {
        match database.create_collection(collection.name).await {
            Ok(()) => {}
            Err(error) if is(&error, EXISTS) => {}
            Err(error) => return Err(during(doing)(error)),
        }
        let models = collection.models();
        if !models.is_empty() {
            let documents: Collection<Document> = database.collection(collection.name);
            documents.create_indexes(models).await.map_err(during(doing))?;
        }
    }
    Ok(())
}

fn is(error: &mongodb::error::Error, code: i32) -> bool {
    match &*error.kind {
        ErrorKind::Command(command) => command.code == code,
        ErrorKind::Write(WriteFailure::WriteError(write)) => write.code == code,
        _ => false,
    }
}
