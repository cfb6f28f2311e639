//! Sort keys of granted utilities: they are nobody's stream in an index, so each is looked up by its name. How many there are is
//! bounded by how much can be granted to one principal.

use domain::name::{PrincipalName, TenantId, UtilityId};
use domain::utility::UtilityQuery;
use rusqlite::Connection;
use storage_rules::Cursor;

use super::importing;
use crate::cursor::{Conditions, read_keys};
use crate::error::{Result, during};

/// Appends the keys of those of `granted` that the query wants and that do not belong to `but_of`, in any order. `time` is the column
/// of the query's order.
pub(super) fn keys<'a>(
    connection: &Connection,
    (tenant, query, time): (&TenantId, &UtilityQuery, &str),
    granted: impl Iterator<Item = &'a UtilityId>,
    but_of: &PrincipalName,
    keys: &mut Vec<Cursor>,
) -> Result<()> {
    let ids: Vec<&str> = granted.map(UtilityId::as_str).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let (sql, values) = sql(tenant, query, time, &ids, but_of);
    read_keys(connection, &sql, values, keys).map_err(during("listing granted utilities"))
}

/// The plus keeps the engine from preferring an index of another column to the names.
pub(super) fn sql(
    tenant: &TenantId,
    query: &UtilityQuery,
    time: &str,
    ids: &[&str],
    but_of: &PrincipalName,
) -> (String, Vec<rusqlite::types::Value>) {
    let mut conditions = Conditions::default();
    let ids = serde_json::to_string(ids).expect("texts are JSON");
    conditions.add("tenant = ?", [tenant.to_string().into()]);
    conditions.add("id IN (SELECT value FROM json_each(?))", [ids.into()]);
    conditions.add("+owner <> ?", [but_of.to_string().into()]);
    if let Some(owner) = &query.owner {
        conditions.add("+owner = ?", [owner.to_string().into()]);
    }
    if !query.show_deleted {
        conditions.add("+deleted = ?", [false.into()]);
    }
    if let Some(kind) = query.kind {
        conditions.add("+kind = ?", [kind.as_str().to_owned().into()]);
    }
    if let Some(prefix) = &query.id_prefix {
        conditions.add("+id >= ?", [prefix.clone().into()]);
        // Above every character of an id.
        conditions.add("+id < ?", [format!("{prefix}{{").into()]);
    }
    if let Some(tag) = &query.tag {
        let tagged = "EXISTS (SELECT 1 FROM utility_tags t WHERE t.tenant = ? AND t.tag = ? AND t.id = utilities.id)";
        conditions.add(tagged, [tenant.to_string().into(), tag.clone().into()]);
    }
    importing::add(tenant, query, &mut conditions);
    (format!("SELECT {time}, id FROM utilities WHERE {}", conditions.sql), conditions.values)
}
