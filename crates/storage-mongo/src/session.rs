//! One caller's conversation with the database: reads that see what was written before, and the writes of one transaction.

use std::sync::Arc;

use domain::change::Changed;
use domain::name::TenantId;
use futures_util::TryStreamExt as _;
use mongodb::bson::{Document, RawDocumentBuf, doc};
use mongodb::options::{ReadPreference, SelectionCriteria};
use mongodb::{ClientSession, Collection};

use crate::collections::EPOCHS;
use crate::error::{Error, Result, during};
use crate::news::{Log, Noted};
use crate::row::Row;
use crate::shared::Shared;
use crate::vault::Met;

/// The greatest document that the database takes.
const MAX_DOCUMENT: usize = 16 * 1024 * 1024;

/// A session of the database. What it reads is at least as new as what it, or whoever was answered before it began, has written.
pub(crate) struct Session {
    pub(crate) inner: ClientSession,
    pub(crate) shared: Arc<Shared>,
    /// What is told once the transaction is committed.
    pub(crate) noted: Noted,
    /// Keys and persons that it has read.
    pub(crate) met: Met,
    doing: &'static str,
    /// Whether what it reads may be undone.
    in_transaction: bool,
    /// Whether what it reads may be behind.
    may_lag: bool,
}

/// Which of the documents that a filter finds.
#[derive(Default)]
pub(crate) struct Select {
    /// In which order; as the index has them where it is empty.
    pub(crate) sort: Document,
    /// At most so many: nothing is read without a bound.
    pub(crate) limit: usize,
    /// Only these fields; all of them where it is empty.
    pub(crate) fields: Document,
}

impl Select {
    pub(crate) fn sorted(sort: Document, limit: usize) -> Self {
        Select { sort, limit, fields: Document::new() }
    }
}

impl Session {
    pub(crate) fn new(inner: ClientSession, shared: Arc<Shared>, doing: &'static str) -> Self {
        Session { inner, shared, noted: Noted::default(), met: Met::default(), doing, in_transaction: false, may_lag: false }
    }

    /// The session of a transaction that has begun.
    pub(crate) fn of_transaction(inner: ClientSession, shared: Arc<Shared>, doing: &'static str) -> Self {
        Session { in_transaction: true, ..Session::new(inner, shared, doing) }
    }

    /// Whether what it reads may be undone, and is to be kept by nobody.
    pub(crate) fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    // === what is told once it is stored ===

    /// Notes a change that copies of it are voided by.
    pub(crate) fn tell(&mut self, what: Changed) {
        self.noted.changed.push(what);
    }

    /// Notes that something was added to a log.
    pub(crate) fn tell_added(&mut self, log: Log, tenant: &TenantId) {
        self.noted.added.push((log, tenant.clone()));
    }

    /// Advances the epoch of what is known of a tenant's principals and of itself, for every server.
    pub(crate) async fn advance_identity(&mut self, tenant: &TenantId) -> Result<()> {
        let key = doc! { "_id": tenant.as_str(), "tenant": tenant.as_str() };
        self.upsert(EPOCHS.name, key, doc! { "$inc": { "identity": 1_i64 } }).await?;
        self.shared.hearers.epochs.advance(tenant);
        self.noted.identity.push(tenant.clone());
        Ok(())
    }

    // === reads ===

    /// The session for a list of what was, which may be read from secondaries where that is settled so.
    pub(crate) fn for_lists(&mut self) -> &mut Self {
        self.may_lag = self.shared.lists_from_secondaries;
        self
    }

    /// The one document that the filter, which names a key, finds.
    pub(crate) async fn find_one(&mut self, collection: &'static str, filter: Document) -> Result<Option<Row>> {
        let documents: Collection<Document> = self.collection(collection);
        let find = documents.find_one(filter).max_time(self.shared.deadline);
        let found = find.session(&mut self.inner).await.map_err(during(self.doing))?;
        Ok(found.map(|fields| Row::new(collection, fields)))
    }

    /// Whether there is a document.
    pub(crate) async fn exists(&mut self, collection: &'static str, filter: Document) -> Result<bool> {
        let documents: Collection<Document> = self.collection(collection);
        let find = documents.find_one(filter).projection(doc! { "_id": 1 }).max_time(self.shared.deadline);
        let found = find.session(&mut self.inner).await.map_err(during(self.doing))?;
        Ok(found.is_some())
    }

    /// The documents that the filter finds.
    pub(crate) async fn find(&mut self, collection: &'static str, filter: Document, select: Select) -> Result<Vec<Row>> {
        self.find_some(collection, filter, select, usize::MAX).await
    }

    /// The first of the documents that the filter finds: no more behind the one with which they have so many bytes.
    pub(crate) async fn find_some(
        &mut self,
        collection: &'static str,
        filter: Document,
        select: Select,
        most_bytes: usize,
    ) -> Result<Vec<Row>> {
        let documents: Collection<Document> = self.collection(collection);
        let limit = i64::try_from(select.limit).expect("a bound is small");
        if limit == 0 {
            return Ok(Vec::new());
        }
        // Whoever waits gives up then; the database is to do so, too.
        let mut find = documents.find(filter).limit(limit).max_time(self.shared.deadline);
        if self.may_lag {
            find = find.selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::SecondaryPreferred { options: None }));
        }
        if !select.sort.is_empty() {
            find = find.sort(select.sort);
        }
        if !select.fields.is_empty() {
            find = find.projection(select.fields);
        }
        let mut cursor = find.session(&mut self.inner).await.map_err(during(self.doing))?;
        let (mut found, mut bytes) = (Vec::new(), 0);
        while bytes < most_bytes && cursor.advance(&mut self.inner).await.map_err(during(self.doing))? {
            bytes += cursor.current().as_bytes().len();
            found.push(Row::new(collection, cursor.deserialize_current().map_err(during(self.doing))?));
        }
        Ok(found)
    }

    /// What a pipeline makes of the documents, which is little: it ends in a sum.
    pub(crate) async fn sum(&mut self, collection: &'static str, pipeline: impl IntoIterator<Item = Document>) -> Result<Option<Row>> {
        let documents: Collection<Document> = self.collection(collection);
        let aggregate = documents.aggregate(pipeline).max_time(self.shared.deadline);
        let mut cursor = aggregate.session(&mut self.inner).await.map_err(during(self.doing))?;
        let found: Option<Document> = cursor.stream(&mut self.inner).try_next().await.map_err(during(self.doing))?;
        Ok(found.map(|fields| Row::new(collection, fields)))
    }

    /// How many documents the filter finds, counted up to `most`.
    pub(crate) async fn count(&mut self, collection: &'static str, filter: Document, most: usize) -> Result<usize> {
        let documents: Collection<Document> = self.collection(collection);
        let count = documents.count_documents(filter).limit(most as u64).max_time(self.shared.deadline);
        let counted = count.session(&mut self.inner).await.map_err(during(self.doing))?;
        Ok(usize::try_from(counted).expect("a count is below its bound"))
    }

    /// How many documents the filter finds, counted by the database over an index. Only of what is bounded, or where nobody waits.
    pub(crate) async fn count_all(&mut self, collection: &'static str, filter: Document) -> Result<u64> {
        let documents: Collection<Document> = self.collection(collection);
        let count = documents.count_documents(filter).max_time(self.shared.deadline);
        count.session(&mut self.inner).await.map_err(during(self.doing))
    }

    // === writes ===

    /// Stores a new document; says whether its key was free.
    pub(crate) async fn insert(&mut self, collection: &'static str, document: Document) -> Result<bool> {
        if let Ok(id) = document.get_str("_id") {
            let mut key = doc! { "_id": id };
            // The shard key, so that one shard is asked.
            if let Ok(tenant) = document.get_str("tenant") {
                key.insert("tenant", tenant);
            }
            // A key that is taken ends the transaction of whoever inserts it, so it is looked for first.
            if self.exists(collection, key).await? {
                return Ok(false);
            }
        }
        self.add(collection, document).await?;
        Ok(true)
    }

    /// Stores a new document whose key nobody else makes.
    pub(crate) async fn add(&mut self, collection: &'static str, document: Document) -> Result<()> {
        let raw = sized(collection, &document)?;
        let documents: Collection<RawDocumentBuf> = self.collection(collection);
        let done = documents.insert_one(&raw).session(&mut self.inner).await.map_err(during(self.doing));
        done.map(drop).map_err(raced)
    }

    /// Stores new documents whose keys nobody else makes.
    pub(crate) async fn add_all(&mut self, collection: &'static str, new: &[Document]) -> Result<()> {
        if new.is_empty() {
            return Ok(());
        }
        let raw = new.iter().map(|document| sized(collection, document)).collect::<Result<Vec<_>>>()?;
        let documents: Collection<RawDocumentBuf> = self.collection(collection);
        let done = documents.insert_many(&raw).session(&mut self.inner).await.map_err(during(self.doing));
        done.map(drop).map_err(raced)
    }

    /// Stores a document in place of the one with its key, or as a new one.
    pub(crate) async fn put(&mut self, collection: &'static str, document: Document) -> Result<()> {
        let raw = sized(collection, &document)?;
        let mut key = Document::new();
        for field in ["_id", "tenant"] {
            key.extend(document.get(field).map(|value| (field.to_owned(), value.clone())));
        }
        let documents: Collection<RawDocumentBuf> = self.collection(collection);
        let done = documents.replace_one(key, &raw).upsert(true).session(&mut self.inner).await.map_err(during(self.doing));
        done.map(drop).map_err(raced)
    }

    /// Changes the one document that the filter, which names a key and mostly a revision, finds; says whether it found it.
    pub(crate) async fn update(&mut self, collection: &'static str, filter: Document, update: Document) -> Result<bool> {
        let documents: Collection<Document> = self.collection(collection);
        sized(collection, &update)?;
        let done = documents.update_one(filter, update).session(&mut self.inner).await.map_err(during(self.doing))?;
        Ok(done.matched_count == 1)
    }

    /// Stores a document in place of the one that the filter, which names a key and mostly a revision, finds; says whether it found it.
    pub(crate) async fn replace(&mut self, collection: &'static str, filter: Document, document: Document) -> Result<bool> {
        let raw = sized(collection, &document)?;
        let documents: Collection<RawDocumentBuf> = self.collection(collection);
        let done = documents.replace_one(filter, &raw).session(&mut self.inner).await.map_err(during(self.doing))?;
        Ok(done.matched_count == 1)
    }

    /// Changes the document of the filter, which names a key, or makes it.
    pub(crate) async fn upsert(&mut self, collection: &'static str, filter: Document, update: Document) -> Result<()> {
        let documents: Collection<Document> = self.collection(collection);
        sized(collection, &update)?;
        let done = documents.update_one(filter, update).upsert(true).session(&mut self.inner).await.map_err(during(self.doing));
        done.map(drop).map_err(raced)
    }

    /// Changes every document that the filter finds; says how many it found.
    pub(crate) async fn update_all(&mut self, collection: &'static str, filter: Document, update: Document) -> Result<u64> {
        let documents: Collection<Document> = self.collection(collection);
        let done = documents.update_many(filter, update).session(&mut self.inner).await.map_err(during(self.doing))?;
        Ok(done.matched_count)
    }

    /// Adds to a number of the document with this key, made with it where it is absent; answers the new number.
    pub(crate) async fn advance(&mut self, collection: &'static str, key: Document, field: &'static str, by: i64) -> Result<i64> {
        self.upsert(collection, key.clone(), doc! { "$inc": { field: by } }).await?;
        let row = self.find_one(collection, key).await?;
        row.ok_or(Error::Misused("a number of a document that was not made"))?.integer(field)
    }

    /// Removes what the filter finds; says how much.
    pub(crate) async fn delete(&mut self, collection: &'static str, filter: Document) -> Result<u64> {
        let documents: Collection<Document> = self.collection(collection);
        let done = documents.delete_many(filter).session(&mut self.inner).await.map_err(during(self.doing))?;
        Ok(done.deleted_count)
    }

    fn collection<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        self.shared.database.collection(name)
    }
}

/// The document as it is sent, unless it is too large.
fn sized(collection: &'static str, document: &Document) -> Result<RawDocumentBuf> {
    let raw = RawDocumentBuf::try_from(document).map_err(|error| Error::undecodable(collection, "?", error.to_string()))?;
    let bytes = raw.as_bytes().len();
    if bytes > MAX_DOCUMENT {
        return Err(Error::TooLarge { table: collection, bytes, most: MAX_DOCUMENT });
    }
    Ok(raw)
}

/// A key that was free a moment ago and is not any more: the transaction sees the other one when it is tried again.
fn raced(error: Error) -> Error {
    if error.is_duplicate() { Error::Raced } else { error }
}
