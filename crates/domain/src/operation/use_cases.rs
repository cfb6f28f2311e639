//! Use cases of operations: begin, read, list, report, follow, cancel.

use std::sync::Arc;
use std::time::Duration;

use crate::access::{Permit, TenantScope};
use crate::error::{Error, Result};
use crate::lease::Keeper;
use crate::name::{OperationId, OperationName};
use crate::operation::actions;
use crate::operation::batch::{Batch, BatchAsked, ITEMS_OF_CHUNK, ItemOutcome, Reported, chunk_of};
use crate::operation::begin::check;
use crate::operation::driver::Driver;
use crate::operation::entity::{Creator, Operation, OperationState};
use crate::operation::held::Hold;
use crate::operation::ports::{Operations, item_name};
use crate::operation::repository::OperationQuery;
use crate::operation::watch::{self, OperationWatch};
use crate::page::{MAX_PAGE, Page, PageRequest};
use crate::request::{Committed, RequestKey, key_reused, once};
use crate::revision::Revision;

/// When to ask again where the same was asked for at the same time.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Operations {
    /// Starts a batch, which goes on from here. Each item is judged as a start of it would be: what is refused, the report says, and the
    /// rest is started.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the number of items, or the limit; [`Error::Exhausted`] where too many operations of the tenant go on;
    /// [`Error::Unavailable`] without a lease, [`Error::Precondition`] where this server cannot contain what an item runs, and those of the
    /// stores: nothing is begun.
    pub async fn start_batch(&self, permit: &Permit<actions::StartBatch>, asked: BatchAsked) -> Result<Operation> {
        let request = asked.request.clone();
        let scope = permit.scope();
        once(|| self.answered(&scope, request.as_ref()), self.begin_batch(permit, asked)).await
    }

    async fn begin_batch(&self, permit: &Permit<actions::StartBatch>, asked: BatchAsked) -> Result<Operation> {
        check(&asked)?;
        let ports = self.executions.ports();
        let unavailable = || Error::Unavailable { dependency: "lease", retry_after: Keeper::period(), source: None };
        let fence = ports.keeper.fence().ok_or_else(unavailable)?;
        let id = OperationId::parse("operation", ports.ids.execution().as_str())?;
        let name = OperationName { tenant: permit.target().tenant.clone(), operation: id };
        let total = u32::try_from(asked.items.len()).unwrap_or(u32::MAX);
        let entries = self.judged(permit, asked.items).await?;
        let now = ports.clock.now();
        let operation = Operation {
            name: name.clone(),
            creator: Creator::of(permit.caller()),
            state: OperationState::Running,
            cancel_asked: false,
            batch: Batch::new(total, asked.concurrency),
            failure: None,
            request_id: asked.request.as_ref().map(|key| key.id.clone()).unwrap_or_default(),
            created: now,
            updated: now,
            ended: None,
            fence,
            revision: Revision::FIRST,
        };
        // Held before it is stored: where the answer is lost, the next round finds out.
        let hold = self.held.hold(&name);
        let committed = self.repository.insert(&permit.scope(), &operation, &entries, asked.request.as_ref()).await;
        if let Committed::Stored = committed? {
            permit.note_resource(&name);
            hold.into_iter().for_each(|hold| self.drive(name.clone(), hold));
            return Ok(operation);
        }
        hold.into_iter().for_each(Hold::end);
        // It was answered meanwhile, or its id was used before: whoever asked looks again.
        let described = "was begun by the same request at the same time";
        Err(Error::Unsettled { dependency: "store", retry_after: RETRY_AFTER, source: Some(described.into()) })
    }

    /// Reads an operation.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(&self, permit: &Permit<actions::GetOperation>) -> Result<Operation> {
        let name = permit.target();
        permit.open(self.repository.find(&permit.scope(), &name.operation).await?, name)
    }

    /// A page of operations, the newest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a cursor that is not one.
    pub async fn list(&self, permit: &Permit<actions::ListOperations>, page: &PageRequest) -> Result<Page<Operation>> {
        let query = OperationQuery { creator: permit.only_owner().cloned() };
        Ok(permit.open_page(self.repository.list(&permit.scope(), &query, page).await?))
    }

    /// What became of the items of a batch, in their order.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for a cursor that is not one.
    pub async fn report(&self, permit: &Permit<actions::ListBatchItems>, page: &PageRequest) -> Result<Page<Reported>> {
        let name = permit.target();
        let malformed = || Error::invalid("page_token", "MALFORMED", "is not a token of this list; start again without one");
        let from = page.after.as_deref().map_or(Ok(0), |text| text.parse::<u32>().map_err(|_no_number| malformed()))?;
        let operation = permit.open(self.repository.find(&permit.scope(), &name.operation).await?, name)?;
        let total = operation.batch.total;
        let end = from.saturating_add(page.size.clamp(1, MAX_PAGE)).min(total);
        let (mut items, mut chunk) = (Vec::new(), None::<(u32, Vec<ItemOutcome>)>);
        for index in from..end {
            let at = chunk_of(index);
            let known = match chunk.take().filter(|(known, _)| *known == at) {
                Some((_, known)) => known,
                None => self.repository.outcomes(&permit.scope(), &name.operation, at).await?,
            };
            let outcome = known.get((index % ITEMS_OF_CHUNK) as usize).cloned();
            let has_execution = matches!(outcome, Some(ItemOutcome::Started | ItemOutcome::Ended { .. }));
            items.push(Reported { index, execution: has_execution.then(|| item_name(name, index)), outcome });
            chunk = Some((at, known));
        }
        Ok(Page { items, next: (end < total && from < end).then(|| end.to_string()) })
    }

    /// Follows an operation: as it is, where that is not of the revision `after`, and then whenever it has changed, to its end.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn watch(&self, permit: Permit<actions::WatchOperation>, after: u64) -> Result<OperationWatch> {
        let name = permit.target();
        let found = permit.open(self.repository.find(&permit.scope(), &name.operation).await?, name)?;
        let clock = Arc::clone(&self.executions.ports().clock);
        Ok(watch::watch(Arc::clone(&self.repository), clock, permit, found, after))
    }

    /// Asks an operation to stop: nothing more of it begins, and what runs is stopped. Changes nothing once it has ended.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn cancel(&self, permit: &Permit<actions::CancelOperation>) -> Result<Operation> {
        let name = permit.target();
        let found = permit.open(self.repository.find(&permit.scope(), &name.operation).await?, name)?;
        if found.has_ended() {
            return Ok(found);
        }
        self.repository.ask_cancel(&permit.scope(), &name.operation).await?;
        permit.open(self.repository.find(&permit.scope(), &name.operation).await?, name)
    }

    /// Begins the one task of an operation that is this server's own.
    pub(super) fn drive(&self, name: OperationName, hold: Hold) {
        let driver = Driver::new(self.clone(), name, hold);
        self.executions.ports().spawner.spawn("operation", Box::pin(driver.run()));
    }

    async fn answered(&self, scope: &TenantScope, request: Option<&RequestKey>) -> Result<Option<Operation>> {
        let Some(request) = request else { return Ok(None) };
        match self.repository.find_answer(scope, request).await? {
            Some(Committed::Answered(first)) => Ok(Some(*first)),
            Some(Committed::Removed { resource }) => Err(Error::NotFound { resource }),
            Some(Committed::KeyReused) => Err(key_reused()),
            Some(Committed::Stored | Committed::Conflict) | None => Ok(None),
        }
    }
}
