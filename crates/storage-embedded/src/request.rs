//! Answered requests: the same request of the same caller gets the first answer, and the same id with another body is refused.
//!
//! A body may hold a password or the value of a secret parameter, which could be guessed by a hash of it. So what is stored is a digest
//! by a key, which every connection has as a function, `body_digest`. Bodies that were remembered before there was a key stand as their
//! hash, and are recognized until they are forgotten.

use std::sync::Arc;

use domain::name::TenantId;
use domain::request::RequestKey;
use domain::time::Timestamp;
use keys::Key;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, OptionalExtension, params};
use storage_rules::body_digest;

use crate::connection::integer;
use crate::error::{Result, during};

/// Gives a connection the function that bodies are stored by.
pub(crate) fn give_digest(connection: &Connection, key: &Arc<Key>) -> Result<()> {
    let key = Arc::clone(key);
    let digest = move |arguments: &Context<'_>| {
        let text = |at| arguments.get::<String>(at);
        Ok(body_digest(&key, &text(0)?, &text(1)?, &text(2)?))
    };
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function("body_digest", 3, flags, digest).map_err(during("setting up a connection"))
}

/// What is remembered of a request.
pub(crate) enum Remembered {
    /// The id was used with another body.
    Reused,
    /// It was answered.
    Answered {
        /// Id of the resource that it made or changed.
        resource: String,
        /// The resource's document as first answered, where that is kept.
        answer: Option<String>,
    },
}

/// Finds a request that was answered at or after `since`.
pub(crate) fn find(connection: &Connection, tenant: &TenantId, key: &RequestKey, since: Timestamp) -> Result<Option<Remembered>> {
    const QUERY: &str = "SELECT body IN (body_digest(?3, ?4, ?6), ?6), resource, answer FROM requests \
         WHERE tenant = ?1 AND caller = ?2 AND method = ?3 AND id = ?4 AND answered >= ?5";
    let run = || {
        let (body, since) = (key.body.to_string(), integer(since.as_millis()));
        let key_of = params![tenant.as_str(), key.caller.as_str(), key.method, key.id, since, body];
        connection.prepare_cached(QUERY)?.query_row(key_of, |row| match row.get(0)? {
            true => Ok(Remembered::Answered { resource: row.get(1)?, answer: row.get(2)? }),
            false => Ok(Remembered::Reused),
        })
    };
    run().optional().map_err(during("reading an answered request"))
}

/// Remembers a request with its answer, in place of one that was forgotten.
pub(crate) fn remember(
    connection: &Connection,
    tenant: &TenantId,
    key: &RequestKey,
    now: Timestamp,
    resource: &str,
    answer: Option<&str>,
) -> Result<()> {
    const QUERY: &str = "INSERT OR REPLACE INTO requests (tenant, caller, method, id, body, answered, resource, answer) \
         VALUES (?1, ?2, ?3, ?4, body_digest(?3, ?4, ?5), ?6, ?7, ?8)";
    let run = || {
        let (body, now) = (key.body.to_string(), integer(now.as_millis()));
        let row = params![tenant.as_str(), key.caller.as_str(), key.method, key.id, body, now, resource, answer];
        connection.prepare_cached(QUERY)?.execute(row)
    };
    run().map(drop).map_err(during("remembering a request"))
}

/// Forgets up to `limit` requests that were answered before; returns how many.
pub(crate) fn forget(connection: &Connection, before: Timestamp, limit: u32) -> Result<usize> {
    const QUERY: &str = "DELETE FROM requests WHERE (tenant, caller, method, id) IN \
         (SELECT tenant, caller, method, id FROM requests WHERE answered < ?1 ORDER BY answered LIMIT ?2)";
    let run = || connection.prepare_cached(QUERY)?.execute(params![integer(before.as_millis()), limit]);
    run().map_err(during("forgetting requests"))
}
