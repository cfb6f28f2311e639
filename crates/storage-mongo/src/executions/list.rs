//! Pages of executions, by time. A list is the merge of one sorted stream for each wanted state, each one range of one index, so a page
//! costs the same however many executions there are, and however rare a state is.

use domain::execution::{Execution, ExecutionQuery, State, Values};
use domain::json::JsonText;
use domain::name::TenantId;
use domain::page::{MAX_PAGE, Page, PageRequest};
use domain::sandbox::Failure;
use mongodb::bson::{Document, doc};
use storage_rules::{Cursor, PAGE_BYTES};

use super::names::TABLE;
use super::rows::{decode, name};
use crate::error::Result;
use crate::row::{Row, integer};
use crate::session::{Select, Session};

/// Whole executions that one read brings: with their results they may be large.
const READ_AT_ONCE: usize = 16;

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
    pub(super) async fn page(&self, session: &mut Session) -> Result<Page<Execution>> {
        let direction = if self.query.oldest_first { 1 } else { -1 };
        let sort = doc! { "created": direction, "id": direction };
        let select = Select { sort, limit: self.size + 1, fields: doc! { "created": 1, "id": 1 } };
        let keys = session.find(TABLE, self.filter(), select).await?;
        let (mut items, mut bytes, mut index) = (Vec::new(), 0, 0);
        for some in keys.chunks(READ_AT_ONCE) {
            let mut whole = self.whole(session, some).await?;
            for row in some {
                if index == self.size || bytes >= PAGE_BYTES {
                    let next = cursor(&keys[index - 1])?.encode(order_name(self.query.oldest_first));
                    return Ok(Page { items, next: Some(next) });
                }
                index += 1;
                // Retention may have removed it between the two reads.
                let Some(at) = whole.iter().position(|found| found.key() == row.key()) else { continue };
                let found = whole.swap_remove(at);
                let read = self.read(session, found).await;
                if let Some(execution) = session.shared.readable(read)?.flatten() {
                    bytes += weight(&execution);
                    items.push(execution);
                }
            }
        }
        Ok(Page { items, next: None })
    }

    async fn read(&self, session: &mut Session, found: Row) -> Result<Option<Execution>> {
        let name = name(&found)?;
        decode(session, &self.tenant, &name.execution, found).await
    }

    async fn whole(&self, session: &mut Session, some: &[Row]) -> Result<Vec<Row>> {
        let keys: Vec<&str> = some.iter().map(Row::key).collect();
        let filter = doc! { "_id": { "$in": keys }, "tenant": self.tenant.as_str() };
        let fields = doc! { "tenant": 1, "id": 1, "document": 1, "sealed": 1, "cut": 1, "parts": 1 };
        let select = Select { sort: Document::new(), limit: some.len(), fields };
        session.find(TABLE, filter, select).await
    }

    fn filter(&self) -> Document {
        let query = &self.query;
        let mut filter = doc! { "tenant": self.tenant.as_str() };
        if let Some(utility) = &query.utility {
            filter.insert("utility", utility.to_string());
        }
        if let Some(caller) = &query.caller {
            filter.insert("caller", caller.as_str());
        }
        let wanted = |state: &State| query.states.is_empty() || query.states.contains(state);
        let states: Vec<&str> = State::ALL.iter().filter(|state| wanted(state)).map(|state| state.as_str()).collect();
        filter.insert("state", doc! { "$in": states });
        self.range(&mut filter);
        filter
    }

    /// The tighter bound of the query's and the page's on each side; within the time at which the page before ended, ids decide.
    fn range(&self, filter: &mut Document) {
        let mut from = self.query.created_from.map(|from| integer(from.as_millis()));
        let mut before = self.query.created_before.map(|before| integer(before.as_millis()));
        if let Some(after) = &self.after {
            let (beyond, id) = if self.query.oldest_first {
                from = from.max(Some(after.millis));
                (doc! { "$gt": after.millis }, doc! { "$gt": &after.id })
            } else {
                let behind = after.millis.saturating_add(1);
                before = Some(before.map_or(behind, |before| before.min(behind)));
                (doc! { "$lt": after.millis }, doc! { "$lt": &after.id })
            };
            filter.insert("$or", [doc! { "created": beyond }, doc! { "id": id }]);
        }
        // Bounds exclude, whichever way they mean: the server that tests run on misses what equals an inclusive one within an index.
        let mut created = Document::new();
        created.extend(from.map(|from| ("$gt".to_owned(), (from - 1).into())));
        created.extend(before.map(|before| ("$lt".to_owned(), before.into())));
        if !created.is_empty() {
            filter.insert("created", created);
        }
    }
}

fn cursor(row: &Row) -> Result<Cursor> {
    Ok(Cursor { millis: row.integer("created")?, id: row.text("id")?.to_owned() })
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
