//! Tiles and checkpoints.

use domain::audit::{Checkpoint, Sealed, Tile, TilePlace};
use domain::name::TenantId;
use domain::time::Timestamp;
use mongodb::bson::doc;

use crate::audit::names::{CHECKPOINTS, LOGS, TILES};
use crate::error::{Error, Result};
use crate::row::{Row, binary, integer, key, ordered};
use crate::session::{Select, Session};

pub(super) async fn unsealed(session: &mut Session, limit: u32) -> Result<Vec<TenantId>> {
    let select = Select { sort: doc! { "tenant": 1 }, limit: limit as usize, fields: doc! { "tenant": 1 } };
    let found = session.find(LOGS, doc! { "unsealed": true }, select).await?;
    let parsed = |row: &Row| TenantId::parse("tenant", row.key()).map_err(|error| Error::undecodable(LOGS, row.key(), error));
    found.iter().map(parsed).collect()
}

pub(super) async fn size(session: &mut Session, tenant: &TenantId) -> Result<u64> {
    let found = log(session, tenant).await?;
    Ok(found.map(|row| row.number("records")).transpose()?.unwrap_or_default())
}

/// What is known of a log as a whole.
pub(super) async fn log(session: &mut Session, tenant: &TenantId) -> Result<Option<Row>> {
    session.find_one(LOGS, doc! { "_id": tenant.as_str(), "tenant": tenant.as_str() }).await
}

pub(super) async fn checkpoint(session: &mut Session, tenant: &TenantId, size: u64) -> Result<Option<Checkpoint>> {
    let wanted = doc! { "tenant": tenant.as_str(), "size": { "$lt": integer(size.saturating_add(1)) } };
    one(session, wanted, -1).await
}

pub(super) async fn checkpoint_after(session: &mut Session, tenant: &TenantId, size: u64) -> Result<Option<Checkpoint>> {
    let wanted = doc! { "tenant": tenant.as_str(), "size": { "$gt": integer(size) } };
    one(session, wanted, 1).await
}

pub(super) async fn tiles(session: &mut Session, tenant: &TenantId, places: &[TilePlace]) -> Result<Vec<Tile>> {
    let mut found = Vec::new();
    for place in places {
        let tile = session.find_one(TILES, doc! { "_id": tile_key(tenant, *place), "tenant": tenant.as_str() }).await?;
        if let Some(row) = tile {
            found.push(Tile { place: *place, hashes: row.bytes("hashes")?.to_vec() });
        }
    }
    Ok(found)
}

/// Stores it unless another server was first; says whether it has.
pub(super) async fn seal(session: &mut Session, tenant: &TenantId, sealed: &Sealed) -> Result<bool> {
    let Sealed { from, tiles, checkpoint } = sealed;
    let Some(head) = log(session, tenant).await? else { return Ok(false) };
    let records = head.number("records")?;
    if head.number("sealed")? != *from || records < checkpoint.size {
        return Ok(false);
    }
    let seen = doc! { "_id": tenant.as_str(), "tenant": tenant.as_str(), "sealed": integer(*from), "records": integer(records) };
    let grown = doc! { "$set": { "sealed": integer(checkpoint.size), "unsealed": records > checkpoint.size } };
    if !session.update(LOGS, seen, grown).await? {
        return Err(Error::Raced);
    }
    for Tile { place, hashes } in tiles {
        let (level, position) = (i64::from(place.level), integer(place.index));
        let id = tile_key(tenant, *place);
        let hashes = binary(hashes.as_slice());
        let row = doc! { "_id": id, "tenant": tenant.as_str(), "level": level, "position": position, "hashes": hashes };
        session.put(TILES, row).await?;
    }
    let row = doc! {
        "_id": key(&[tenant.as_str(), &ordered(checkpoint.size)]),
        "tenant": tenant.as_str(),
        "size": integer(checkpoint.size),
        "time": integer(checkpoint.time.as_millis()),
        "note": &checkpoint.note,
    };
    session.add(CHECKPOINTS, row).await?;
    Ok(true)
}

/// Exchanges a note that is still the one that was read; says whether it was.
pub(super) async fn cosign(session: &mut Session, tenant: &TenantId, size: u64, before: &str, note: &str) -> Result<bool> {
    let read = doc! { "_id": key(&[tenant.as_str(), &ordered(size)]), "tenant": tenant.as_str(), "note": before };
    session.update(CHECKPOINTS, read, doc! { "$set": { "note": note } }).await
}

async fn one(session: &mut Session, wanted: mongodb::bson::Document, direction: i32) -> Result<Option<Checkpoint>> {
    let found = session.find(CHECKPOINTS, wanted, Select::sorted(doc! { "size": direction }, 1)).await?;
    found.first().map(read).transpose()
}

pub(super) fn read(row: &Row) -> Result<Checkpoint> {
    let time = Timestamp::from_millis(row.number("time")?);
    Ok(Checkpoint { size: row.number("size")?, time, note: row.text("note")?.to_owned() })
}

fn tile_key(tenant: &TenantId, place: TilePlace) -> String {
    key(&[tenant.as_str(), &place.level.to_string(), &ordered(place.index)])
}
