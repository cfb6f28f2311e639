//! Seals what was stored in plain text before its contents were sealed, when a server first opens such a database. Each step is a commit of
//! its own, so that a stop in between loses nothing and the next start goes on. A row that nobody can read, or whose tenant's key does not
//! open, stays as it is: it keeps no server from starting, whoever operates it is told, and the next start tries again.

use domain::name::TenantId;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, params};
use storage_documents::{ContentsDocument, ExecutionDocument};
use storage_rules::Spot;

use super::batch::{is_plain, seal_batch};
use super::spot;
use crate::connection::{overwrite_all, overwrite_some};
use crate::error::{Error, Result, during};
use crate::vault::Vault;

/// What of plain text is sealed in one commit, as far as single rows fit: bounds memory, and the log.
const STEP_BYTES: usize = 16 * 1024 * 1024;
/// Most rows of it.
const STEP_ROWS: usize = 1_024;
const DOING: &str = "sealing what was stored in plain text";

/// Seals all of it, in steps; says whether nothing is left in plain text.
pub(crate) fn seal_contents_of_before(connection: &mut Connection, vault: &Vault) -> Result<bool> {
    const DONE: &str = "UPDATE totals SET value = 1 WHERE name = 'contents_sealed'";
    if is_done(connection)? {
        return Ok(true);
    }
    // What a row no longer needs goes to free pages, which are overwritten only when that is asked for.
    overwrite_all(connection)?;
    let mut sealed = Sealed::default();
    for step in [seal_code as Step, seal_execution, seal_events] {
        seal_all(connection, vault, step, &mut sealed)?;
    }
    overwrite_some(connection)?;
    if sealed.rows > 0 {
        tracing::info!(rows = sealed.rows, "sealed what was stored in plain text: code, what executions take and give, and their output");
    }
    if sealed.left == 0 {
        connection.execute(DONE, []).map_err(during(DOING))?;
    }
    Ok(sealed.left == 0)
}

fn is_done(connection: &Connection) -> Result<bool> {
    let query = "SELECT value FROM totals WHERE name = 'contents_sealed'";
    let found = connection.query_row(query, [], |row| row.get::<_, i64>(0)).optional();
    Ok(found.map_err(during(DOING))?.is_some_and(|value| value > 0))
}

/// What became of rows.
#[derive(Default)]
struct Sealed {
    rows: u64,
    /// Those that stay in plain text.
    left: u64,
}

/// Seals some rows behind one, in the order of their row ids; answers the last that was looked at, and nothing where there is none.
type Step = fn(&Connection, &Vault, i64, &mut Sealed) -> Result<Option<i64>>;

fn seal_all(connection: &mut Connection, vault: &Vault, step: Step, sealed: &mut Sealed) -> Result<()> {
    let mut after = 0;
    loop {
        let transaction = connection.transaction().map_err(during(DOING))?;
        let last = step(&transaction, vault, after, sealed).and_then(|last| {
            transaction.commit().map_err(during(DOING))?;
            Ok(last)
        });
        if last.is_err() {
            // A key that was made with what is taken back is none.
            vault.forget();
        }
        match last? {
            Some(last) => after = last,
            None => return Ok(()),
        }
    }
}

fn seal_code(connection: &Connection, vault: &Vault, after: i64, sealed: &mut Sealed) -> Result<Option<i64>> {
    const FIND: &str =
        "SELECT rowid, tenant, id || '/' || number, code FROM version_code WHERE rowid > ?1 AND sealed IS NULL ORDER BY rowid";
    const STORE: &str = "UPDATE version_code SET code = '', sealed = ?2 WHERE rowid = ?1";
    let plain = find(connection, FIND, after, Spot::code_at)?;
    seal_each(&plain, sealed, |one| {
        let code = spot::seal(connection, vault, &one.tenant()?, &one.spot, &one.bytes)?;
        connection.prepare_cached(STORE).and_then(|mut statement| statement.execute(params![one.row, code])).map_err(during(DOING))
    })
}

fn seal_execution(connection: &Connection, vault: &Vault, after: i64, sealed: &mut Sealed) -> Result<Option<i64>> {
    const FIND: &str = "SELECT rowid, tenant, id, document FROM executions WHERE rowid > ?1 AND sealed IS NULL ORDER BY rowid";
    const STORE: &str = "UPDATE executions SET document = ?2, sealed = ?3 WHERE rowid = ?1";
    let plain = find(connection, FIND, after, |id| Spot::execution(&id))?;
    seal_each(&plain, sealed, |one| {
        let broken = |source| Error::undecodable("executions", one.at(), source);
        let text = std::str::from_utf8(&one.bytes).map_err(|error| broken(error.into()))?;
        let document: ExecutionDocument = storage_documents::decode(text).map_err(broken)?;
        let contents: ContentsDocument = storage_documents::decode(text).map_err(broken)?;
        let (document, contents) = (storage_documents::encode(&document), storage_documents::encode(&contents));
        let sealed = spot::seal(connection, vault, &one.tenant()?, &one.spot, contents.as_bytes())?;
        let row = params![one.row, document, sealed];
        connection.prepare_cached(STORE).and_then(|mut statement| statement.execute(row)).map_err(during(DOING))
    })
}

fn seal_events(connection: &Connection, vault: &Vault, after: i64, sealed: &mut Sealed) -> Result<Option<i64>> {
    const FIND: &str = "SELECT rowid, tenant, execution || '/' || first_sequence, events FROM output WHERE rowid > ?1 ORDER BY rowid";
    const STORE: &str = "UPDATE output SET events = ?2 WHERE rowid = ?1";
    let plain = find(connection, FIND, after, Spot::events_at)?;
    seal_each(&plain, sealed, |one| {
        if !is_plain(&one.bytes) {
            return Ok(0);
        }
        let batch = seal_batch(connection, vault, &one.tenant()?, &one.spot, &one.bytes)?;
        connection.prepare_cached(STORE).and_then(|mut statement| statement.execute(params![one.row, batch])).map_err(during(DOING))
    })
}

/// A row with what is to be sealed in it.
struct Plain {
    row: i64,
    tenant: String,
    spot: Spot,
    bytes: Vec<u8>,
}

impl Plain {
    fn at(&self) -> String {
        format!("{}/{}", self.tenant, self.spot.id)
    }

    fn tenant(&self) -> Result<TenantId> {
        TenantId::parse("tenant", &self.tenant).map_err(|error| Error::undecodable(self.spot.collection, self.at(), error))
    }
}

/// As many rows of row id, tenant, id and what is in plain text as go into one step. Texts may be none: nobody checks that of a file.
fn find(connection: &Connection, query: &str, after: i64, spot_of: impl Fn(String) -> Spot) -> Result<Vec<Plain>> {
    let bytes = |value: ValueRef<'_>| match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => Vec::new(),
    };
    let run = || {
        let mut statement = connection.prepare_cached(query)?;
        let mut rows = statement.query([after])?;
        let (mut found, mut total) = (Vec::new(), 0);
        while found.len() < STEP_ROWS
            && total < STEP_BYTES
            && let Some(row) = rows.next()?
        {
            let text = |index: usize| row.get_ref(index).map(|value| String::from_utf8_lossy(&bytes(value)).into_owned());
            let (tenant, spot, bytes) = (text(1)?, spot_of(text(2)?), bytes(row.get_ref(3)?));
            let one = Plain { row: row.get(0)?, tenant, spot, bytes };
            total += one.bytes.len();
            found.push(one);
        }
        Ok(found)
    };
    run().map_err(during(DOING))
}

/// The last of the rows, if there is any.
fn seal_each(plain: &[Plain], sealed: &mut Sealed, seal: impl Fn(&Plain) -> Result<usize>) -> Result<Option<i64>> {
    for one in plain {
        match seal(one) {
            Ok(rows) => sealed.rows += rows as u64,
            Err(error @ (Error::Undecodable { .. } | Error::Sealed { .. })) => {
                sealed.left += 1;
                tracing::error!(at = one.at(), %error, "a row of `{}` stays in plain text", one.spot.collection);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(plain.last().map(|last| last.row))
}
