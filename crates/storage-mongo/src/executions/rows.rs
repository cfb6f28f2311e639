//! Documents of executions: read, and whose they are.

use domain::execution::Execution;
use domain::lease::{Fence, InstanceId};
use domain::name::{ExecutionId, ExecutionName, TenantId};
use mongodb::bson::{Document, doc};
use storage_documents::{ContentsDocument, ExecutionDocument};

use super::names::TABLE;
use crate::error::{Error, Result};
use crate::row::{Row, key};
use crate::session::{Select, Session};

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
    /// The last of its events.
    pub(super) last_sequence: u64,
    /// Bytes of output of its events.
    pub(super) output_bytes: u64,
}

/// What is stored beside the document of an execution.
pub(super) async fn stored(session: &mut Session, name: &ExecutionName) -> Result<Option<Stored>> {
    // Without the document, which may be large.
    let fields = doc! { "instance": 1, "token": 1, "unfinished": 1, "last_sequence": 1, "output_bytes": 1 };
    let select = Select { sort: Document::new(), limit: 1, fields };
    let found = session.find(TABLE, id(&name.tenant, &name.execution), select).await?;
    let Some(row) = found.first() else { return Ok(None) };
    let fence = Fence { holder: InstanceId::new(row.text("instance")?), token: row.number("token")? };
    Ok(Some(Stored {
        fence,
        unfinished: row.flag("unfinished")?,
        last_sequence: row.number("last_sequence")?,
        output_bytes: row.number("output_bytes")?,
    }))
}

pub(super) async fn find(session: &mut Session, tenant: &TenantId, execution: &ExecutionId) -> Result<Option<Execution>> {
    let found = session.find_one(TABLE, id(tenant, execution)).await?;
    found.map(|row| decode(tenant, execution, &row)).transpose()
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

pub(super) fn decode(tenant: &TenantId, id: &ExecutionId, row: &Row) -> Result<Execution> {
    let document = storage_documents::decode::<ExecutionDocument>(row.text("document")?);
    let contents = row.text("contents")?;
    let decoded = document.and_then(|document| Ok((document, storage_documents::decode::<ContentsDocument>(contents)?)));
    let execution = decoded.and_then(|(document, contents)| Ok(document.into_execution(contents, tenant.clone(), id.clone())?));
    execution.map_err(|source| Error::undecodable(TABLE, row.key(), source))
}
