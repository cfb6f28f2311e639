//! Opens connections: durability, limits and caches are set here and nowhere else.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::{Result, during};

/// How long a connection waits for a lock that an outside tool (a backup, a shell) holds.
const BUSY_TIMEOUT: Duration = Duration::from_millis(1_000);
/// More than the distinct statements of this crate, all forms of lists included.
const STATEMENT_CACHE: usize = 256;

/// Cache of pages per connection in KiB: bounds memory, as the operating system caches the file besides.
const CACHE_KIB: i64 = 16 * 1024;
/// The log shrinks to this many bytes after a checkpoint.
const LOG_LIMIT: i64 = 64 * 1024 * 1024;
/// Pages in the log before it is merged into the database.
const CHECKPOINT_PAGES: i64 = 2_000;
/// Documents of a few KiB fit a page of their clustered table.
const PAGE_BYTES: i64 = 8_192;

/// The connection that writes.
pub(crate) fn writing(path: &Path) -> Result<Connection> {
    let connection = open(path)?;
    // Both hold only while the file is empty, and must come before the first page is written.
    set(&connection, "page_size", PAGE_BYTES)?;
    set(&connection, "auto_vacuum", "INCREMENTAL")?;
    set(&connection, "journal_mode", "WAL")?;
    set(&connection, "synchronous", "FULL")?;
    set(&connection, "foreign_keys", true)?;
    overwrite_in_use(&connection)?;
    set(&connection, "journal_size_limit", LOG_LIMIT)?;
    set(&connection, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    Ok(connection)
}

/// Keeps what may be taken back in memory, once the schema is there: otherwise pages of the database go to the system's temporary
/// directory with every larger write. To build an index, the engine may use files.
pub(crate) fn keep_temporaries_in_memory(connection: &Connection) -> Result<()> {
    set(connection, "temp_store", "MEMORY")
}

/// Has what is deleted overwritten in pages that become free, too.
pub(crate) fn overwrite_all(connection: &Connection) -> Result<()> {
    set(connection, "secure_delete", true)
}

/// Back to what is usual, and nothing of before is left in the log. For a connection that is the only one.
pub(crate) fn overwrite_some(connection: &Connection) -> Result<()> {
    overwrite_in_use(connection)?;
    set(connection, "wal_checkpoint", "TRUNCATE")
}

/// What is deleted is overwritten in the pages that stay in use.
fn overwrite_in_use(connection: &Connection) -> Result<()> {
    set(connection, "secure_delete", "FAST")
}

/// A connection that only reads. The database has its schema already.
pub(crate) fn reading(path: &Path) -> Result<Connection> {
    let connection = open(path)?;
    set(&connection, "query_only", true)?;
    Ok(connection)
}

fn open(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(during("opening the file"))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(during("setting up a connection"))?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    // Otherwise the engine compiles a cached join again after each binding, in case another plan fits the new values better.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(during("setting up a connection"))?;
    set(&connection, "trusted_schema", false)?;
    set(&connection, "cache_size", -CACHE_KIB)?;
    Ok(connection)
}

/// A number as the engine stores it. Nothing that is stored reaches the 63 bits of its integers.
pub(crate) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn set(connection: &Connection, pragma: &str, value: impl rusqlite::ToSql) -> Result<()> {
    // Some pragmas answer with the value, others with nothing.
    connection.pragma_update(None, pragma, value).map_err(during("setting up a connection"))
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn a_cached_statement_is_compiled_once_whatever_is_bound_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db");
        std::fs::File::create(&path).unwrap();
        let connection = writing(&path).unwrap();
        let tables = "CREATE TABLE a (x TEXT PRIMARY KEY, n INTEGER); CREATE TABLE b (x TEXT, n INTEGER, PRIMARY KEY (x, n))";
        connection.execute_batch(tables).unwrap();
        let query = "SELECT 1 FROM a JOIN b ON b.x = a.x AND b.n = a.n WHERE a.x = ?1";
        let mut statement = connection.prepare_cached(query).unwrap();
        for name in ["one", "two", "three"] {
            assert!(!statement.exists([name]).unwrap());
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
