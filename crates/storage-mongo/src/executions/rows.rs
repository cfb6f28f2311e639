//! Documents of executions: read, and whose they are.

use domain::access::TenantScope;
use domain::execution::Execution;
use domain::lease::{Fence, InstanceId};
use domain::name::{ExecutionId, ExecutionName, TenantId};
use mongodb::bson::{Document, doc};
use storage_documents::{ContentsDocument, ExecutionDocument};

use super::names::TABLE;
use super::parts;
use crate::error::{Error, Result};
use crate::row::{Row, key};
use crate::session::{Select, Session};

/// How often an execution is read whose parts are not there: it was saved between two reads, which it rarely is even once.
const LOOKS: usize = 4;

/// What a write under a fence meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    /// The execution, under this fence.
    Own,
    /// The execution, under another fence.
    Anothers,
    /// No such execution.
    Nothing,
}

/// What is stored beside an execution's document.
pub(super) struct Stored {
    pub(super) fence: Fence,
    pub(super) unfinished: bool,
    /// Whether some of its contents stands in parts.
    pub(super) has_parts: bool,
    /// The last of its events.
    pub(super) last_sequence: u64,
    /// Bytes of output of its events.
    pub(super) output_bytes: u64,
}

/// The full name of an execution of the tenant of a scope.
pub(super) fn name_of(scope: &TenantScope, id: &ExecutionId) -> ExecutionName {
    ExecutionName { tenant: scope.tenant().clone(), execution: id.clone() }
}

/// What is stored beside the document of an execution.
pub(super) async fn stored(session: &mut Session, name: &ExecutionName) -> Result<Option<Stored>> {
    // Without the document, which may be large.
    let fields = doc! { "instance": 1, "token": 1, "unfinished": 1, "parts": 1, "last_sequence": 1, "output_bytes": 1 };
    let select = Select { sort: Document::new(), limit: 1, fields };
    let found = session.find(TABLE, id(&name.tenant, &name.execution), select).await?;
    let Some(row) = found.first() else { return Ok(None) };
    let fence = Fence { holder: InstanceId::new(row.text("instance")?), token: row.number("token")? };
    Ok(Some(Stored {
        fence,
        unfinished: row.flag("unfinished")?,
        has_parts: row.number("parts")? > 0,
        last_sequence: row.number("last_sequence")?,
        output_bytes: row.number("output_bytes")?,
    }))
}

pub(super) async fn find(session: &mut Session, tenant: &TenantId, execution: &ExecutionId) -> Result<Option<Execution>> {
    match session.find_one(TABLE, id(tenant, execution)).await? {
        Some(row) => decode(session, tenant, execution, row).await,
        None => Ok(None),
    }
}

/// The filter that finds one execution.
pub(super) fn id(tenant: &TenantId, execution: &ExecutionId) -> Document {
    doc! { "_id": key(&[tenant.as_str(), execution.as_str()]), "tenant": tenant.as_str() }
}

pub(super) fn name(row: &Row) -> Result<ExecutionName> {
    let (tenant, id) = (row.text("tenant")?, row.text("id")?);
    let name = TenantId::parse("tenant", tenant).and_then(|tenant| {
        let execution = ExecutionId::parse("execution", id)?;
        Ok(ExecutionName { tenant, execution })
    });
    name.map_err(|source| Error::undecodable(TABLE, row.key(), source))
}

/// The execution of a row that was read just now; `None` where it was removed since. One that was saved since is read again where it has to
/// be: its parts are those of the newer save.
pub(super) async fn decode(session: &mut Session, tenant: &TenantId, execution: &ExecutionId, mut row: Row) -> Result<Option<Execution>> {
    for _ in 0..LOOKS {
        if let Some(contents) = parts::open(session, tenant, execution, &row).await? {
            return with_contents(tenant, execution, &row, &contents).map(Some);
        }
        match session.find_one(TABLE, id(tenant, execution)).await? {
            Some(again) => row = again,
            None => return Ok(None),
        }
    }
    Err(Error::undecodable(TABLE, row.key(), "a part of its contents is not there"))
}

fn with_contents(tenant: &TenantId, id: &ExecutionId, row: &Row, contents: &str) -> Result<Execution> {
    let document = storage_documents::decode::<ExecutionDocument>(row.text("document")?);
    let decoded = document.and_then(|document| Ok((document, storage_documents::decode::<ContentsDocument>(contents)?)));
    let execution = decoded.and_then(|(document, contents)| Ok(document.into_execution(contents, tenant.clone(), id.clone())?));
    execution.map_err(|source| Error::undecodable(TABLE, row.key(), source))
}

#[cfg(test)]
mod tests {
    use domain::execution::ExecutionRepository as _;
    use domain::json::JsonText;
    use test_support::sample::{at, ended, execution, execution_id, scope};

    use super::*;
    use crate::executions::prune;
    use crate::tests::Scratch;
    use crate::transaction::{read, transact};

    #[tokio::test]
    async fn one_that_was_saved_or_removed_since_it_was_read_is_what_it_is_now() {
        let (store, acme) = (Scratch::new().await, scope("acme"));
        let (tenant, name) = (acme.tenant(), execution_id(1));
        // More than stands in its own document.
        let params_json = JsonText::read(format!("\"{}\"", "x".repeat(2 * 1024 * 1024)));
        let begun = Execution { params_json, ..execution(&acme, 1) };
        store.insert(&acme, &begun, None, &[], None).await.unwrap();
        let row = read!(&store, "testing", |session| session.find_one(TABLE, id(tenant, &name)).await).unwrap().expect("it is there");
        let after = ended(&begun, 9);
        store.save(&acme, &after, &[]).await.unwrap();
        let read = read!(&store, "testing", |session| decode(session, tenant, &name, row.clone()).await);
        assert!(read.unwrap() == Some(after));
        transact!(&store, "testing", tenant, |session| prune::of_tenant(session, tenant, at(1_000)).await).unwrap();
        let read = read!(&store, "testing", |session| decode(session, tenant, &name, row.clone()).await);
        assert!(read.unwrap().is_none());
    }
}
