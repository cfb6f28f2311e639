//! The one module between documents and the keys that seal what is personal in them: whose key it is, where it is stored, and what is
//! kept of it in memory.
//!
//! Every person has a subject: an id that says nothing, under which they stand where nothing may be changed later, and a key of their
//! own. A key is stored wrapped; unwrapped ones are in memory only, a bounded number of them, for a moment. What is read within a
//! transaction is never kept: it may be taken back.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use domain::name::{PrincipalKind, PrincipalName, TenantId};
use domain::server::WrappingKey;
use domain::time::Timestamp;
use keys::{FileKeys, KEY_BYTES, Key, KeyProvider, Place, Wrapped};
use mongodb::Database;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use crate::deadline::within;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::told::Trouble;

mod held;
mod kept;
mod met;
mod rows;
mod subject;

pub(crate) use held::Vault;
use kept::Kept;
pub(crate) use met::Met;
use rows::Outdated;
pub(crate) use rows::RewrapPlace;
use subject::{COLLECTION, place};
pub(crate) use subject::{Person, Subject};

/// Stands in the place of a person beside the key of remembered requests; ids of persons have other characters.
const REQUESTS: &str = "requests";

// === impl Vault ===

impl Vault {
    /// The vault of a database, all of whose keys must be there that seal something in it.
    pub(crate) async fn open(database: &Database, directory: PathBuf, deadline: Duration) -> Result<Self> {
        let used = within(deadline, rows::used_keys(database)).await?;
        let provider = RwLock::new(read_keys(directory.clone(), used).await?);
        Ok(Vault { directory, provider, kept: Kept::default() })
    }

    /// The person of this name, made where there is none. For transactions.
    pub(crate) async fn person(&self, session: &mut Session, name: &PrincipalName) -> Result<Person> {
        match self.find_person(session, name).await? {
            Some(person) => Ok(person),
            None => {
                let made = Person::Known(self.make(session, name).await?);
                if session.in_transaction() {
                    session.met.add_person(name, &made);
                }
                Ok(made)
            }
        }
    }

    /// The person of this name, if there is one.
    pub(crate) async fn find_person(&self, session: &mut Session, name: &PrincipalName) -> Result<Option<Person>> {
        if let Some(subject) = self.kept.by_name(name) {
            return Ok(Some(Person::Known(subject)));
        }
        if let Some(met) = session.met.person(name) {
            return Ok(Some(met));
        }
        let seen = self.seen();
        let Some(row) = self.find_row(session, name).await? else { return Ok(None) };
        let person = self.opened(session, name.tenant(), row, seen).await?;
        if session.in_transaction() {
            session.met.add_person(name, &person);
        }
        Ok(Some(person))
    }

    /// Whether the person of this name was erased. Opens nothing of theirs, and so tells it also of somebody whose key is damaged; and
    /// asks the database, as another server may have erased them just now.
    pub(crate) async fn is_erased(&self, session: &mut Session, name: &PrincipalName) -> Result<bool> {
        Ok(self.find_row(session, name).await?.is_some_and(|row| row.name.is_none()))
    }

    /// Whom an id stands for.
    pub(crate) async fn person_of(&self, session: &mut Session, tenant: &TenantId, id: &str) -> Result<Person> {
        if let Some(subject) = self.kept.by_id(tenant, id) {
            return Ok(Person::Known(subject));
        }
        let seen = self.seen();
        let missing = || Error::undecodable("subjects", format!("{tenant}/{id}"), "there is no such subject");
        let row = rows::by_id(session, tenant, id).await?.ok_or_else(missing)?;
        self.opened(session, tenant, row, seen).await
    }

    /// Whom a text like `tenants/acme/subjects/0123/sessions/1` begins with, and what follows; `None` where it begins with nobody.
    pub(crate) async fn person_in<'a>(&self, session: &mut Session, text: &'a str) -> Result<Option<(Person, &'a str)>> {
        let Some((tenant, id, rest)) = split(text, COLLECTION) else { return Ok(None) };
        let tenant = TenantId::parse("tenant", tenant).map_err(|error| Error::undecodable("subjects", text, error))?;
        Ok(Some((self.person_of(session, &tenant, id).await?, rest)))
    }

    /// Destroys a person's key and name, in the transaction that stores it. What stands for them from then on is answered; their name
    /// stays readable by the tenant's key until nothing is left to erase.
    pub(crate) async fn destroy(&self, session: &mut Session, subject: &Subject, now: Timestamp) -> Result<PrincipalName> {
        let (tenant, id) = (&subject.tenant, subject.id.as_str());
        let missing = || Error::undecodable("data_keys", tenant.as_str(), "the tenant's key is not there");
        let tenant_key = self.find_tenant_key(session, tenant).await?.ok_or_else(missing)?;
        let name = tenant_key.seal(Place { id, ..place(tenant, "subjects", "erasing") }, subject.name.as_str().as_bytes());
        rows::erase(session, tenant, id, name, now).await?;
        session.met.forget();
        self.kept.forget_erased(tenant, id);
        Ok(PrincipalName::erased(tenant, id))
    }

    /// Destroys the keys of some persons of a tenant, and their names, in the transaction that stores it; how many. Whoever calls it has
    /// [`Vault::forget`] called once it is stored.
    pub(crate) async fn destroy_some(&self, session: &mut Session, tenant: &TenantId, now: Timestamp, most: usize) -> Result<u64> {
        let destroyed = rows::erase_some(session, tenant, now, most).await?;
        if destroyed > 0 {
            session.met.forget();
            self.kept.forget();
        }
        Ok(destroyed)
    }

    /// Destroys the key of a tenant, behind those of its persons, and whatever key and name somebody has made meanwhile, as
    /// [`Vault::destroy_some`] does. Digests of the names remain, which nobody can make any more.
    pub(crate) async fn destroy_tenant(&self, session: &mut Session, tenant: &TenantId, now: Timestamp) -> Result<()> {
        rows::erase_all(session, tenant, now).await?;
        session.met.forget();
        self.kept.forget();
        Ok(())
    }

    /// The name of somebody whose erasure is not over.
    pub(crate) async fn open_erasing(&self, session: &mut Session, tenant: &TenantId, id: &str, sealed: &[u8]) -> Result<PrincipalName> {
        let at = || format!("{tenant}/{id}");
        let key = self.find_tenant_key(session, tenant).await?;
        let key = key.ok_or_else(|| Error::undecodable("subjects", at(), "the tenant's key is not there"))?;
        let name = key.open(Place { id, ..place(tenant, "subjects", "erasing") }, sealed).map_err(Error::sealed("subjects", at()))?;
        let name = std::str::from_utf8(&name).ok().and_then(|name| PrincipalName::parse("name", name).ok());
        name.ok_or_else(|| Error::undecodable("subjects", at(), "its name is none"))
    }

    /// The key of the installation by which bodies of requests are remembered, made where there is none, or where it does not open:
    /// nothing is sealed by it. No body of before is recognized then, so that what was done is refused, and not done twice. For
    /// transactions.
    pub(crate) async fn request_key(&self, session: &mut Session) -> Result<Key> {
        let tenant = TenantId::system();
        match self.find_key(session, &tenant, REQUESTS).await {
            Ok(Some(key)) => Ok(key),
            Ok(None) => self.make_key(session, &tenant, REQUESTS).await,
            Err(error @ Error::Sealed { source: keys::Error::Form | keys::Error::Damaged, .. }) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the key of remembered requests does not open and is replaced; requests of before are refused when they are repeated"
                );
                let (key, wrapped) = self.new_key(&tenant, REQUESTS)?;
                rows::update_key(session, tenant.as_str(), REQUESTS, wrapped).await?;
                Ok(key)
            }
            Err(error) => Err(error),
        }
    }

    /// Wrapping keys, the newest first, with how many data keys each wraps.
    pub(crate) async fn wrapping_keys(&self, session: &mut Session) -> Result<Vec<WrappingKey>> {
        let mut found = Vec::new();
        for key in self.provider().list() {
            let wraps = rows::count_wrapped(session, &key.id).await?;
            found.push(WrappingKey { wraps, id: key.id, created: Timestamp::from_millis(key.created) });
        }
        Ok(found)
    }

    /// Makes a wrapping key that wraps from now on; answers its id.
    pub(crate) async fn add_wrapping_key(&self) -> Result<String> {
        let provider = self.provider();
        // It waits for a disk.
        let added = spawn_blocking(move || provider.add(provider.make()?)).await;
        Ok(added.map_err(|_panicked| Error::Panicked)??)
    }

    /// Whether the newest wrapping key wraps every data key.
    pub(crate) async fn is_rotated(&self, session: &mut Session) -> Result<bool> {
        for kek in self.older() {
            if rows::wraps(session, &kek).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Has the newest key wrap some data keys behind a place that others wrap; answers how many, and the place of the last that was looked
    /// at, or nothing where there is none. What they have sealed is not touched. One that does not open stays as it is, and keeps no other
    /// from being wrapped.
    pub(crate) async fn rewrap(&self, session: &mut Session, from: &RewrapPlace) -> Result<(u64, Option<RewrapPlace>)> {
        for kek in self.older().into_iter().filter(|kek| *kek >= from.kek) {
            let from = if kek == from.kek { from.clone() } else { RewrapPlace { kek, ..RewrapPlace::default() } };
            let outdated = rows::wrapped_behind(session, &from).await?;
            if outdated.is_empty() {
                continue;
            }
            let mut wrapped = 0;
            for by_another in &outdated {
                wrapped += u64::from(self.rewrap_one(session, by_another).await?);
            }
            return Ok((wrapped, outdated.into_iter().next_back().map(|last| last.at)));
        }
        Ok((0, None))
    }

    /// Says whether it opened.
    async fn rewrap_one(&self, session: &mut Session, outdated: &Outdated) -> Result<bool> {
        let Outdated { tenant, subject, wrapped, .. } = outdated;
        let place = Place { tenant, collection: "data_keys", id: subject, field: "key" };
        match self.unwrap(place, wrapped).await?.and_then(|key| self.provider().wrap(place, &key)) {
            Ok(again) => rows::update_key(session, tenant, subject, again).await.map(|()| true),
            Err(error) => {
                let error = Error::sealed("data_keys", format!("{tenant}/{subject}"))(error);
                if session.shared.told.is_news(Trouble::Unopened, &error) {
                    tracing::error!(error = &error as &dyn std::error::Error, "a data key does not open and stays wrapped as it is");
                }
                Ok(false)
            }
        }
    }

    /// Ids of the wrapping keys that the newest has followed, in order.
    fn older(&self) -> Vec<String> {
        let mut older: Vec<String> = self.provider().list().into_iter().skip(1).map(|key| key.id).collect();
        older.sort_unstable();
        older
    }

    /// Seals something of a tenant that is nobody's own, by the tenant's key, made where there is none. For transactions.
    pub(crate) async fn seal_of_tenant(&self, session: &mut Session, tenant: &TenantId, place: Place<'_>, text: &[u8]) -> Result<Vec<u8>> {
        Ok(self.tenant_key(session, tenant).await?.seal(place, text))
    }

    /// Opens what was sealed so and is stored in a collection.
    pub(crate) async fn open_of_tenant(
        &self,
        session: &mut Session,
        tenant: &TenantId,
        collection: &'static str,
        place: Place<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let missing = || Error::undecodable("data_keys", tenant.as_str(), "the tenant's key is not there");
        let key = self.find_tenant_key(session, tenant).await?.ok_or_else(missing)?;
        key.open(place, sealed).map_err(Error::sealed(collection, format!("{tenant}/{}", place.id)))
    }

    /// Forgets what is in memory; it is loaded anew as it is needed. Called where a key was destroyed.
    pub(crate) fn forget(&self) {
        self.kept.forget();
    }

    async fn find_row(&self, session: &mut Session, name: &PrincipalName) -> Result<Option<rows::SubjectRow>> {
        let tenant = name.tenant();
        // What stands for somebody who was erased is them, and the name of no other person.
        if let Some(id) = name.erased_id()
            && let Some(erased) = rows::by_id(session, tenant, id).await?.filter(|row| row.name.is_none())
        {
            return Ok(Some(erased));
        }
        let Some(key) = self.find_tenant_key(session, tenant).await? else { return Ok(None) };
        rows::by_digest(session, tenant, &key.digest(name.as_str())).await
    }

    async fn make(&self, session: &mut Session, name: &PrincipalName) -> Result<Arc<Subject>> {
        let (tenant, id) = (name.tenant(), keys::random_id());
        let tenant_key = self.tenant_key(session, tenant).await?;
        let key = self.make_key(session, tenant, &id).await?;
        let sealed = key.seal(Place { id: &id, ..place(tenant, "subjects", "name") }, name.as_str().as_bytes());
        rows::insert(session, tenant, &id, &tenant_key.digest(name.as_str()), sealed).await?;
        Ok(Arc::new(Subject { tenant: tenant.clone(), id, name: name.clone(), key }))
    }

    async fn make_key(&self, session: &mut Session, tenant: &TenantId, subject: &str) -> Result<Key> {
        let (key, wrapped) = self.new_key(tenant, subject)?;
        rows::insert_key(session, tenant, subject, wrapped).await?;
        Ok(key)
    }

    fn new_key(&self, tenant: &TenantId, subject: &str) -> Result<(Key, Wrapped)> {
        let bytes = Key::random();
        let wrapped = self.provider().wrap(Place { id: subject, ..place(tenant, "data_keys", "key") }, &bytes);
        Ok((Key::new(&bytes), wrapped.map_err(Error::sealed("data_keys", tenant.as_str()))?))
    }

    /// The key of a tenant, made where there is none. For transactions, which seal several things by it.
    pub(crate) async fn tenant_key(&self, session: &mut Session, tenant: &TenantId) -> Result<Arc<Key>> {
        match self.find_tenant_key(session, tenant).await? {
            Some(key) => Ok(key),
            None => {
                let made = self.make_key(session, tenant, "").await.map(Arc::new)?;
                if session.in_transaction() {
                    session.met.add_tenant(tenant, &made);
                }
                Ok(made)
            }
        }
    }

    async fn find_tenant_key(&self, session: &mut Session, tenant: &TenantId) -> Result<Option<Arc<Key>>> {
        if let Some(key) = self.kept.of_tenant(tenant) {
            return Ok(Some(key));
        }
        if let Some(met) = session.met.of_tenant(tenant) {
            return Ok(Some(met));
        }
        let (at, generation) = self.seen();
        let key = self.find_key(session, tenant, "").await?.map(Arc::new);
        match &key {
            Some(key) if session.in_transaction() => session.met.add_tenant(tenant, key),
            Some(key) => self.kept.keep_tenant(tenant, key, at, generation),
            None => {}
        }
        Ok(key)
    }

    async fn find_key(&self, session: &mut Session, tenant: &TenantId, subject: &str) -> Result<Option<Key>> {
        let Some(wrapped) = rows::find_key(session, tenant, subject).await? else { return Ok(None) };
        let opened = self.unwrap(Place { id: subject, ..place(tenant, "data_keys", "key") }, &wrapped).await?;
        let bytes = opened.map_err(Error::sealed("data_keys", format!("{tenant}/{subject}")))?;
        Ok(Some(Key::new(&bytes)))
    }

    async fn opened(
        &self,
        session: &mut Session,
        tenant: &TenantId,
        row: rows::SubjectRow,
        (at, generation): (Instant, u64),
    ) -> Result<Person> {
        let Some(sealed) = row.name else { return Ok(Person::Erased(PrincipalName::erased(tenant, &row.id))) };
        let key_of = || format!("{tenant}/{}", row.id);
        let Some(key) = self.find_key(session, tenant, &row.id).await? else {
            // They may have been erased between the two looks.
            let again = rows::by_id(session, tenant, &row.id).await?;
            return match again.is_some_and(|row| row.name.is_none()) {
                true => Ok(Person::Erased(PrincipalName::erased(tenant, &row.id))),
                false => Err(Error::undecodable("subjects", key_of(), "its key is not there")),
            };
        };
        let name = key.open(Place { id: &row.id, ..place(tenant, "subjects", "name") }, &sealed);
        let name = name.map_err(Error::sealed("subjects", key_of()))?;
        let name = std::str::from_utf8(&name).ok().and_then(|name| PrincipalName::parse("name", name).ok());
        let name = name.ok_or_else(|| Error::undecodable("subjects", key_of(), "its name is none"))?;
        let subject = Arc::new(Subject { tenant: tenant.clone(), id: row.id, name, key });
        if !session.in_transaction() {
            self.kept.keep(&subject, at, generation);
        }
        Ok(Person::Known(subject))
    }

    /// Unwraps a data key. Where the key that has wrapped it is not known, another server may have made it: all are read again.
    async fn unwrap(&self, place: Place<'_>, wrapped: &Wrapped) -> Result<Result<Zeroizing<[u8; KEY_BYTES]>, keys::Error>> {
        match self.provider().unwrap(place, wrapped) {
            Err(keys::Error::Missing { .. }) => {}
            opened => return Ok(opened),
        }
        let read = read_keys(self.directory.clone(), Vec::new()).await?;
        *self.provider.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&read);
        Ok(read.unwrap(place, wrapped))
    }

    fn provider(&self) -> Arc<dyn KeyProvider> {
        Arc::clone(&self.provider.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// To be asked before something is loaded that is to be kept.
    fn seen(&self) -> (Instant, u64) {
        (Instant::now(), self.kept.generation())
    }
}

/// The wrapping keys of a directory, among which those must be that are used.
async fn read_keys(directory: PathBuf, used: Vec<String>) -> Result<Arc<dyn KeyProvider>> {
    // It waits for a disk.
    let opened = spawn_blocking(move || FileKeys::open(&directory, &used)).await;
    Ok(Arc::new(opened.map_err(|_panicked| Error::Panicked)??))
}

/// The user whom a full name begins with, and what follows; `None` where it begins with no user.
pub(crate) fn user_in(text: &str) -> Option<(PrincipalName, &str)> {
    let (_, _, rest) = split(text, "users")?;
    let name = PrincipalName::parse("name", &text[..text.len() - rest.len()]).ok()?;
    (name.kind() == PrincipalKind::User).then_some((name, rest))
}

/// `tenants/{tenant}/{collection}/{id}` and what follows, which begins with a slash where it is anything.
fn split<'a>(text: &'a str, collection: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let (tenant, rest) = text.strip_prefix("tenants/")?.split_once('/')?;
    let rest = rest.strip_prefix(collection)?.strip_prefix('/')?;
    let end = rest.find('/').unwrap_or(rest.len());
    Some((tenant, &rest[..end], &rest[end..]))
}
