//! Pages of executions, by time. A list is the merge of one sorted stream for each wanted state, each one range of one
//! index, so a page costs the same however many executions there are, and however rare a state is. What has not ended stands in an index
//! of its own, which holds few: a stream of it may pass over some of others.

use domain::error::Source;
use domain::execution::{Execution, ExecutionQuery, State, Values};
use domain::json::JsonText;
use domain::name::{ExecutionId, TenantId};
use domain::page::{MAX_PAGE, Page, PageRequest};
use domain::sandbox::Failure;
use rusqlite::Connection;
use rusqlite::types::Value;
use storage_rules::{Cursor, PAGE_BYTES};

use super::rows::{TABLE, find};
use crate::connection::integer;
use crate::cursor::{Conditions, read_keys};
use crate::error::{Error, Result, during};
use crate::readers::snapshot;
use crate::vault::Vault;

/// A list and which page of it.
pub(super) struct List {
    tenant: TenantId,
    query: ExecutionQuery,
    size: usize,
    after: Option<Cursor>,
}

impl List {
    pub(super) fn new(tenant: TenantId, query: ExecutionQuery, page: &PageRequest) -> domain::Result<Self> {
        let after = page.after.as_deref().map(|text| Cursor::decode(text, order_name(query.oldest_first))).transpose()?;
        Ok(List { tenant, query, size: page.size.clamp(1, MAX_PAGE) as usize, after })
    }

    /// Reads the page. Ends early when it grows heavy.
    pub(super) fn page(&self, connection: &Connection, vault: &Vault) -> Result<Page<Execution>> {
        snapshot(connection, |connection| {
            let keys = self.keys(connection)?;
            let (mut items, mut bytes) = (Vec::new(), 0);
            for (index, key) in keys.iter().enumerate() {
                if index == self.size || bytes >= PAGE_BYTES {
                    return Ok(Page { items, next: Some(keys[index - 1].encode(order_name(self.query.oldest_first))) });
                }
                if let Some(execution) = vault.readable(TABLE, &key.id, self.read(connection, vault, key))? {
                    bytes += weight(&execution);
                    items.push(execution);
                }
            }
            Ok(Page { items, next: None })
        })
    }

    fn read(&self, connection: &Connection, vault: &Vault, key: &Cursor) -> Result<Execution> {
        let broken = |source: Source| Error::undecodable(TABLE, format!("{}/{}", self.tenant, key.id), source);
        let id = ExecutionId::parse("id", &key.id).map_err(|error| broken(error.into()))?;
        find(connection, vault, &self.tenant, &id)?.ok_or_else(|| broken("an index names a row that is missing".into()))
    }

    /// The sort keys of the page, and of one item more when there is one.
    fn keys(&self, connection: &Connection) -> Result<Vec<Cursor>> {
        let mut keys = Vec::new();
        for state in State::ALL {
            if self.query.states.is_empty() || self.query.states.contains(&state) {
                let (sql, values) = self.sql(state);
                read_keys(connection, &sql, values, &mut keys).map_err(during("listing executions"))?;
            }
        }
        keys.sort_unstable_by(|a, b| {
            let newest_first = (b.millis, &b.id).cmp(&(a.millis, &a.id));
            if self.query.oldest_first { newest_first.reverse() } else { newest_first }
        });
        keys.truncate(self.size + 1);
        Ok(keys)
    }

    /// The statement of one state's stream: there are few distinct texts, so they stay prepared.
    fn sql(&self, state: State) -> (String, Vec<Value>) {
        let query = &self.query;
        let mut conditions = Conditions::default();
        conditions.add("tenant = ?", [self.tenant.to_string().into()]);
        if let Some(utility) = &query.utility {
            conditions.add("utility = ?", [utility.to_string().into()]);
        }
        if let Some(caller) = &query.caller {
            conditions.add("caller = ?", [caller.to_string().into()]);
        }
        conditions.add("state = ?", [state.as_str().to_owned().into()]);
        self.range(&mut conditions);
        let direction = if query.oldest_first { "ASC" } else { "DESC" };
        conditions.values.push(Value::Integer(i64::try_from(self.size + 1).expect("a page is small")));
        let (index, unfinished) = index(query, state);
        let sql = format!(
            "SELECT created, id FROM executions INDEXED BY {index} WHERE unfinished = {unfinished} AND {} \
             ORDER BY created {direction}, id {direction} LIMIT ?",
            conditions.sql
        );
        (sql, conditions.values)
    }

    /// At most one bound on each side, the tighter of the query's and the page's: the engine seeks by one.
    fn range(&self, conditions: &mut Conditions) {
        let from = self.query.created_from.map(|from| integer(from.as_millis()));
        let before = self.query.created_before.map(|before| integer(before.as_millis()));
        let (after_is_lower, after_is_upper) = match &self.after {
            None => (false, false),
            Some(after) if self.query.oldest_first => (from.is_none_or(|from| after.millis >= from), false),
            Some(after) => (false, before.is_none_or(|before| after.millis < before)),
        };
        let after = |after: &Cursor| [Value::Integer(after.millis), Value::Text(after.id.clone())];
        match (&self.after, from) {
            (Some(cursor), _) if after_is_lower => conditions.add("(created, id) > (?, ?)", after(cursor)),
            (_, Some(from)) => conditions.add("created >= ?", [from.into()]),
            (_, None) => {}
        }
        match (&self.after, before) {
            (Some(cursor), _) if after_is_upper => conditions.add("(created, id) < (?, ?)", after(cursor)),
            (_, Some(before)) => conditions.add("created < ?", [before.into()]),
            (_, None) => {}
        }
    }
}

/// The index that holds the query's stream of a state, and which of the two kinds of rows. Named, as the engine's own guess changes with
/// the data.
fn index(query: &ExecutionQuery, state: State) -> (&'static str, u8) {
    match (&query.utility, &query.caller) {
        _ if !state.is_terminal() => ("executions_live", 1),
        (Some(_), _) => ("executions_by_utility", 0),
        (None, Some(_)) => ("executions_by_caller", 0),
        (None, None) => ("executions_by_state", 0),
    }
}

fn order_name(oldest_first: bool) -> &'static str {
    if oldest_first { "oldest" } else { "newest" }
}

/// Bytes of an execution in memory, roughly: its large texts.
fn weight(execution: &Execution) -> usize {
    const FIXED: usize = 1_024;
    let values: usize = execution.values.iter().map(values_weight).sum();
    FIXED + execution.params_json.len() + execution.result_json.as_ref().map_or(0, |json| json.len()) + values
}

fn values_weight(values: &Values) -> usize {
    let outcome = |outcome: &Result<JsonText, Failure>| match outcome {
        Ok(result) => result.len(),
        Err(failure) => failure.message.len() + failure.traceback.as_ref().map_or(0, String::len),
    };
    values.inputs_json.iter().map(|json| json.len()).chain(values.outcomes.iter().map(outcome)).sum()
}

#[cfg(test)]
mod tests;
