//! What an execution takes and gives, sealed as one and cut into pieces that the database takes: the first stands in the execution's own
//! document, and the others, which few executions have, in documents beside it.
//!
//! Each save cuts anew, under an id of its own. So whoever has read the document of before finds its parts whole or not at all, and no
//! part is ever changed.

use domain::name::{ExecutionId, ExecutionName, TenantId};
use mongodb::bson::{Document, doc};
use storage_rules::Spot;
use zeroize::Zeroizing;

use super::names::PARTS;
use crate::contents;
use crate::error::Result;
use crate::row::{Row, binary, key, ordered};
use crate::session::Session;

/// Most bytes that stand in the execution's own document, of which several are read at once.
const FIRST: usize = 1024 * 1024;
/// Most bytes of each further part: half of what the database takes in one document.
const PART: usize = 8 * 1024 * 1024;

/// Sealed contents as they are stored.
pub(super) struct Cut {
    /// Fields of the execution's document.
    pub(super) fields: Document,
    parts: Vec<Document>,
}

/// Cuts what was sealed of an execution.
pub(super) fn cut(name: &ExecutionName, sealed: &[u8]) -> Cut {
    let (first, rest) = sealed.split_at(sealed.len().min(FIRST));
    let cut = (!rest.is_empty()).then(keys::random_id);
    let parts: Vec<Document> = rest
        .chunks(PART)
        .zip(0..)
        .map(|(bytes, part)| {
            let mut document = of_part(&name.tenant, &name.execution, cut.as_deref().unwrap_or_default(), part);
            document.extend(doc! { "execution": name.execution.as_str(), "part": part, "sealed": binary(bytes) });
            document
        })
        .collect();
    let count = i64::try_from(parts.len()).expect("there are few parts");
    Cut { fields: doc! { "sealed": binary(first), "cut": cut, "parts": count }, parts }
}

impl Cut {
    /// Stores the parts. One after the other: together they may be more than one message holds.
    pub(super) async fn store(self, session: &mut Session) -> Result<()> {
        for part in self.parts {
            session.add(PARTS, part).await?;
        }
        Ok(())
    }
}

/// Removes all parts of some executions of a tenant.
pub(super) async fn remove(session: &mut Session, tenant: &TenantId, executions: &[&str]) -> Result<()> {
    session.delete(PARTS, doc! { "tenant": tenant.as_str(), "execution": { "$in": executions } }).await.map(drop)
}

/// The contents of the execution of a row, opened; `None` where a part is not there, as the execution was saved, or removed, since.
pub(super) async fn open(session: &mut Session, tenant: &TenantId, id: &ExecutionId, row: &Row) -> Result<Option<Zeroizing<String>>> {
    let (spot, first) = (Spot::execution(id.as_str()), row.bytes("sealed")?);
    let Some(cut) = row.find_text("cut")? else {
        return contents::open_text(session, tenant, &spot, first).await.map(Some);
    };
    let mut sealed = first.to_vec();
    for part in 0..row.integer("parts")? {
        let Some(found) = session.find_one(PARTS, of_part(tenant, id, cut, part)).await? else { return Ok(None) };
        sealed.extend_from_slice(found.bytes("sealed")?);
    }
    contents::open_text(session, tenant, &spot, &sealed).await.map(Some)
}

/// Filter of a part.
fn of_part(tenant: &TenantId, id: &ExecutionId, cut: &str, part: i64) -> Document {
    let number = ordered(part.unsigned_abs());
    doc! { "_id": key(&[tenant.as_str(), id.as_str(), cut, &number]), "tenant": tenant.as_str() }
}

#[cfg(test)]
mod tests {
    use test_support::sample::{execution_id, tenant};

    use super::*;

    fn check(bytes: usize, parts: &[usize]) {
        let name = ExecutionName { tenant: tenant("acme"), execution: execution_id(1) };
        let sealed: Vec<u8> = (0..bytes).map(|place| place as u8).collect();
        let Cut { fields, parts: found } = cut(&name, &sealed);
        let row = |document: &Document| Row::new(PARTS, document.clone()).bytes("sealed").unwrap().to_vec();
        assert_eq!(found.iter().map(|part| row(part).len()).collect::<Vec<_>>(), parts, "{bytes}");
        assert_eq!(fields.get_i64("parts").unwrap(), parts.len() as i64);
        assert_eq!(fields.get_str("cut").is_ok(), !parts.is_empty());
        let whole: Vec<u8> = [&fields].into_iter().chain(&found).flat_map(row).collect();
        assert_eq!(whole, sealed);
    }

    #[test]
    fn what_is_small_stands_in_the_document_and_the_rest_is_cut_into_parts_that_are_all_of_it_in_order() {
        check(0, &[]);
        check(FIRST, &[]);
        check(FIRST + 1, &[1]);
        check(FIRST + PART, &[PART]);
        check(FIRST + 2 * PART + 7, &[PART, PART, 7]);
    }
}
