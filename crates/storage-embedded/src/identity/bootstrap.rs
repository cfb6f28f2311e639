//! The row of the code for the first super administrator.

use domain::event::Happened;
use domain::hash::Hash;
use domain::identity::Principal;
use domain::name::TenantId;
use domain::time::Timestamp;
use rusqlite::{Connection, params};

use super::principals;
use crate::error::{Result, during};
use crate::events;
use crate::vault::Vault;

/// Keeps the one code that counts, unless there is an active super administrator.
pub(super) fn offer(connection: &Connection, code: &Hash) -> Result<bool> {
    const QUERY: &str = "INSERT INTO bootstrap (one, code) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET code = ?1";
    if principals::count_ruling(connection, &TenantId::system())? > 0 {
        return Ok(false);
    }
    let run = || connection.prepare_cached(QUERY)?.execute([code.to_string()]);
    run().map(|_| true).map_err(during("keeping a code"))
}

/// Stores the first super administrator in place of the code.
pub(super) fn redeem(connection: &Connection, vault: &Vault, code: &Hash, principal: &Principal, now: Timestamp) -> Result<bool> {
    const QUERY: &str = "DELETE FROM bootstrap WHERE one = 1 AND code = ?1";
    const EXISTS: &str = "SELECT count(*) FROM bootstrap WHERE one = 1 AND code = ?1";
    let code = code.to_string();
    let count = || connection.prepare_cached(EXISTS)?.query_row(params![code], |row| row.get::<_, i64>(0));
    if count().map_err(during("reading a code"))? == 0 || principals::insert(connection, vault, principal.name.tenant(), principal)? == 0 {
        return Ok(false);
    }
    events::note(connection, now, &Happened::of_principal(None, principal))?;
    let run = || connection.prepare_cached(QUERY)?.execute(params![code]);
    run().map(|_| true).map_err(during("redeeming a code"))
}
