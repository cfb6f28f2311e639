//! Rows of revisions of the platform, and answers to requests that made them.

use domain::event::Happened;
use domain::name::TenantId;
use domain::process::{KEPT_REVISIONS, Outcome, PlatformRevision, Standing};
use domain::request::{Committed, RequestKey};
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Params, params};
use storage_documents::PlatformDocument;
use storage_rules::Spot;
use zeroize::Zeroizing;

use crate::connection::integer;
use crate::contents;
use crate::error::{Error, Result, during};
use crate::events;
use crate::request::{self, Remembered};
use crate::vault::Vault;

const TABLE: &str = "platform_revisions";

pub(super) fn newest(connection: &Connection, vault: &Vault) -> Result<Option<PlatformRevision>> {
    const QUERY: &str = "SELECT number, document, manifest FROM platform_revisions ORDER BY number DESC LIMIT 1";
    one(connection, vault, QUERY, [])
}

pub(super) fn reached(connection: &Connection, vault: &Vault) -> Result<Option<PlatformRevision>> {
    const QUERY: &str = "SELECT number, document, manifest FROM platform_revisions WHERE is_reached = 1 ORDER BY number DESC LIMIT 1";
    one(connection, vault, QUERY, [])
}

/// The number of the newest; 0 before the first.
pub(super) fn last(connection: &Connection) -> Result<u64> {
    const QUERY: &str = "SELECT number FROM platform_revisions ORDER BY number DESC LIMIT 1";
    let run = || connection.prepare_cached(QUERY)?.query_row([], |row| row.get::<_, i64>(0));
    let last = run().optional().map_err(during("reading the newest revision of the platform"))?;
    Ok(last.map_or(0, i64::unsigned_abs))
}

pub(super) fn add(
    connection: &Connection,
    vault: &Vault,
    revision: &PlatformRevision,
    request: Option<&RequestKey>,
    (now, since): (Timestamp, Timestamp),
) -> Result<Committed<PlatformRevision>> {
    const INSERT: &str = "INSERT INTO platform_revisions (number, is_reached, document, manifest) VALUES (?1, ?2, ?3, ?4)";
    let system = TenantId::system();
    if let Some(key) = request
        && let Some(answered) = answer(connection, vault, request::find(connection, &system, key, since)?)?
    {
        return Ok(answered);
    }
    let number = revision.desired.revision;
    if last(connection)? + 1 != number {
        return Ok(Committed::Conflict);
    }
    let document = sealed(connection, vault, number, &PlatformDocument::from(revision))?;
    let manifest = contents::seal(connection, vault, &system, &Spot::manifest(number), revision.desired.manifest.as_bytes())?;
    let is_reached = matches!(revision.standing, Standing::Ended(Outcome::Reached, _));
    let run = || connection.prepare_cached(INSERT)?.execute(params![integer(number), is_reached, document, manifest]);
    run().map_err(during("storing a revision of the platform"))?;
    prune(connection, number)?;
    events::note(connection, now, &[Happened::of_platform(number)])?;
    if let Some(key) = request {
        request::remember(connection, &system, key, now, &number.to_string(), None)?;
    }
    Ok(Committed::Stored)
}

pub(super) fn settle(connection: &Connection, vault: &Vault, number: u64, outcome: &Outcome, at: Timestamp) -> Result<bool> {
    const QUERY: &str = "SELECT document FROM platform_revisions WHERE number = ?1";
    const UPDATE: &str = "UPDATE platform_revisions SET is_reached = ?2, document = ?3 WHERE number = ?1";
    let read = || connection.prepare_cached(QUERY)?.query_row([integer(number)], |row| row.get::<_, Vec<u8>>(0));
    let Some(stored) = read().optional().map_err(during("reading a revision of the platform"))? else { return Ok(false) };
    let mut document = opened(connection, vault, number, &stored)?;
    let broken = |error: storage_documents::InvalidField| Error::undecodable(TABLE, number.to_string(), error);
    let before = document.standing().map_err(broken)?;
    if !document.settle(outcome, at).map_err(broken)? {
        return Ok(false);
    }
    let (is_reached, stored) = (*outcome == Outcome::Reached, sealed(connection, vault, number, &document)?);
    let run = || connection.prepare_cached(UPDATE)?.execute(params![integer(number), is_reached, stored]);
    run().map_err(during("settling a revision of the platform"))?;
    events::note(connection, at, Happened::of_outcome(number, &before, outcome).as_slice())?;
    Ok(true)
}

pub(super) fn answer(
    connection: &Connection,
    vault: &Vault,
    remembered: Option<Remembered>,
) -> Result<Option<Committed<PlatformRevision>>> {
    const QUERY: &str = "SELECT number, document, manifest FROM platform_revisions WHERE number = ?1";
    let resource = match remembered {
        None => return Ok(None),
        Some(Remembered::Reused) => return Ok(Some(Committed::KeyReused)),
        Some(Remembered::Answered { resource, .. }) => resource,
    };
    let number: i64 =
        resource.parse().map_err(|error: std::num::ParseIntError| Error::undecodable("requests", resource.clone(), error.to_string()))?;
    let found = one(connection, vault, QUERY, [number])?;
    let removed = || Committed::Removed { resource: format!("platform revision {number}") };
    Ok(Some(found.map_or_else(removed, |revision| Committed::Answered(Box::new(revision)))))
}

fn one(connection: &Connection, vault: &Vault, query: &str, key: impl Params) -> Result<Option<PlatformRevision>> {
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, Vec<u8>>(2)?));
    let run = || connection.prepare_cached(query)?.query_row(key, row);
    let found = run().optional().map_err(during("reading a revision of the platform"))?;
    let Some((number, document, manifest)) = found else { return Ok(None) };
    let broken = |source: domain::error::Source| Error::undecodable(TABLE, number.to_string(), source);
    let number = u64::try_from(number).map_err(|error| broken(error.into()))?;
    let document = opened(connection, vault, number, &document)?;
    let manifest = contents::open_text(connection, vault, &TenantId::system(), &Spot::manifest(number), &manifest)?;
    document.into_revision(number, &manifest).map(Some).map_err(|error| broken(error.into()))
}

/// The whole document is sealed: parameters of integrations may be secrets, and so may be what a service has put out.
fn sealed(connection: &Connection, vault: &Vault, number: u64, document: &PlatformDocument) -> Result<Vec<u8>> {
    let text = Zeroizing::new(storage_documents::encode(document));
    contents::seal(connection, vault, &TenantId::system(), &Spot::platform(number), text.as_bytes())
}

fn opened(connection: &Connection, vault: &Vault, number: u64, sealed: &[u8]) -> Result<PlatformDocument> {
    let text = contents::open_text(connection, vault, &TenantId::system(), &Spot::platform(number), sealed)?;
    storage_documents::decode(&text).map_err(|source| Error::undecodable(TABLE, number.to_string(), source))
}

/// Removes what is older than is kept, but for the newest that was reached: everything is taken back to that.
fn prune(connection: &Connection, newest: u64) -> Result<()> {
    const QUERY: &str = "DELETE FROM platform_revisions WHERE number <= ?1 AND number IS NOT \
         (SELECT number FROM platform_revisions WHERE is_reached = 1 ORDER BY number DESC LIMIT 1)";
    let run = || connection.prepare_cached(QUERY)?.execute([integer(newest.saturating_sub(KEPT_REVISIONS))]);
    run().map(drop).map_err(during("removing revisions of the platform"))
}
