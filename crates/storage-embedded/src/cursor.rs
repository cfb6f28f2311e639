//! Keyset pages in SQL: the conditions of a stream of sort keys, and how many rows to ask for.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use storage_rules::{Cursor, PageById};

/// How many rows of a page to ask for: one more than it holds.
pub(crate) fn limit(page: &PageById) -> i64 {
    i64::try_from(page.limit()).expect("a page is small")
}

/// The conditions of a statement with their values, in the same order.
#[derive(Default)]
pub(crate) struct Conditions {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value>,
}

impl Conditions {
    /// Adds a condition; each `?` in it takes one value.
    pub(crate) fn add<const N: usize>(&mut self, condition: &str, values: [Value; N]) {
        if !self.sql.is_empty() {
            self.sql.push_str(" AND ");
        }
        self.sql.push_str(condition);
        self.values.extend(values);
    }
}

/// Appends the sort keys that a statement of two columns, milliseconds and id, finds.
pub(crate) fn read_keys(connection: &Connection, sql: &str, values: Vec<Value>, keys: &mut Vec<Cursor>) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        keys.push(Cursor { millis: row.get(0)?, id: row.get(1)? });
    }
    Ok(())
}
