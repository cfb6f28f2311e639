//! Seals what was stored in plain text before there were keys: names of users, and who stands beside audit records. The records
//! themselves stay as they are: nobody changes those. A row that nobody can read stays as it is, too: it keeps no server from starting,
//! and whoever operates it is told.

use domain::name::PrincipalName;
use rusqlite::{Connection, params};
use storage_rules::user_in;

use crate::error::{Error, Result, during};
use crate::identity::principals;
use crate::vault::{Vault, is_sealed};

/// Does it once, whole or not at all.
pub(crate) fn seal_what_is_personal(connection: &mut Connection, vault: &Vault) -> Result<()> {
    if is_sealed(connection)? {
        return Ok(());
    }
    let doing = "sealing names";
    let transaction = connection.transaction().map_err(during(doing))?;
    let sealed = seal_names(&transaction, vault)
        .and_then(|()| name_by_subject(&transaction, vault, "actor"))
        .and_then(|()| name_by_subject(&transaction, vault, "resource"))
        .and_then(|()| transaction.execute("UPDATE totals SET value = 1 WHERE name = 'personal_sealed'", []).map_err(during(doing)))
        .and_then(|_one| transaction.commit().map_err(during(doing)));
    if sealed.is_err() {
        vault.forget();
    }
    sealed
}

fn seal_names(connection: &Connection, vault: &Vault) -> Result<()> {
    let doing = "sealing the names of users";
    let query = "SELECT tenant, id FROM principals WHERE kind = 'user'";
    for (tenant, id) in pairs(connection, query).map_err(during(doing))? {
        unless_unreadable(seal_name(connection, vault, &format!("tenants/{tenant}/users/{id}")))?;
    }
    // Answers hold documents with names; requests are remembered for a day only.
    let forget = "DELETE FROM requests WHERE resource LIKE 'tenants/%/users/%'";
    connection.execute(forget, []).map(drop).map_err(during(doing))
}

fn seal_name(connection: &Connection, vault: &Vault, text: &str) -> Result<()> {
    let name = PrincipalName::parse("name", text).map_err(|error| Error::undecodable("principals", text, error))?;
    let Some(principal) = principals::find(connection, vault, name.tenant(), &name)? else { return Ok(()) };
    principals::update(connection, vault, name.tenant(), &principal, principal.revision).map(drop)
}

/// Goes on behind a row that does not decode.
fn unless_unreadable(done: Result<()>) -> Result<()> {
    let Err(Error::Undecodable { table, key, source }) = done else { return done };
    tracing::error!(table, key, error = %source, "a row cannot be read and is not sealed");
    Ok(())
}

/// Puts what stands for a user into the place of their name in a column of audit records.
fn name_by_subject(connection: &Connection, vault: &Vault, column: &str) -> Result<()> {
    let doing = "sealing who stands beside audit records";
    let query = format!("SELECT DISTINCT tenant, {column} FROM audit_records WHERE {column} LIKE 'tenants/%/users/%'");
    for (tenant, text) in pairs(connection, &query).map_err(during(doing))? {
        let Some((name, rest)) = user_in(&text) else { continue };
        let reference = format!("{}{rest}", vault.person(connection, &name)?.reference());
        let update = format!("UPDATE audit_records SET {column} = ?3 WHERE tenant = ?1 AND {column} = ?2");
        connection.execute(&update, params![tenant, text, reference]).map_err(during(doing))?;
    }
    Ok(())
}

fn pairs(connection: &Connection, query: &str) -> rusqlite::Result<Vec<(String, String)>> {
    connection.prepare(query)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}
