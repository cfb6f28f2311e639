//! The one module between documents and the keys that seal what is personal in them: whose key it is, where it is stored, and what is
//! kept of it in memory.
//!
//! Every person has a subject: an id that says nothing, under which they stand where nothing may be changed later, and a key of their
//! own. A key is stored wrapped; unwrapped ones are in memory only, a bounded number of them. What a write that is not stored has made
//! is forgotten again, and so is what a reader has loaded beside an erasure.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::name::{PrincipalKind, PrincipalName, TenantId};
use domain::server::WrappingKey;
use domain::time::Timestamp;
use keys::{Key, KeyProvider, NewKey, Place, Wrapped};
use rusqlite::{Connection, OptionalExtension as _};
use zeroize::Zeroizing;

use crate::error::{Error, Result, during};

mod kept;
mod rows;
mod subject;
mod told;

use kept::Kept;
pub(crate) use rows::RewrapPlace;
use subject::{COLLECTION, place};
pub(crate) use subject::{Person, Subject};
use told::Told;
pub(crate) use told::Trouble;

/// Stands in the place of a person beside the key of remembered requests; ids of persons have other characters.
const REQUESTS: &str = "requests";

/// Keys of tenants and persons.
pub(crate) struct Vault {
    provider: Arc<dyn KeyProvider>,
    kept: Kept,
    told: Told,
    /// Nothing that is to be sealed stands in plain text.
    is_all_sealed: AtomicBool,
}

// === impl Vault ===

impl Vault {
    pub(crate) fn new(provider: Arc<dyn KeyProvider>) -> Self {
        Vault { provider, kept: Kept::default(), told: Told::default(), is_all_sealed: AtomicBool::default() }
    }

    /// The person of this name, made where there is none. For the connection that writes.
    pub(crate) fn person(&self, connection: &Connection, name: &PrincipalName) -> Result<Person> {
        match self.find_person(connection, name)? {
            Some(person) => Ok(person),
            None => self.make(connection, name).map(Person::Known),
        }
    }

    /// The person of this name, if there is one.
    pub(crate) fn find_person(&self, connection: &Connection, name: &PrincipalName) -> Result<Option<Person>> {
        if let Some(subject) = self.kept.by_name(name) {
            return Ok(Some(Person::Known(subject)));
        }
        let seen = self.kept.generation();
        let Some(row) = self.find_row(connection, name)? else { return Ok(None) };
        self.opened(connection, name.tenant(), row, seen).map(Some)
    }

    /// Whether the person of this name was erased. Opens nothing of theirs, and so tells it also of somebody whose key is damaged.
    pub(crate) fn is_erased(&self, connection: &Connection, name: &PrincipalName) -> Result<bool> {
        if self.kept.by_name(name).is_some() {
            return Ok(false);
        }
        Ok(self.find_row(connection, name)?.is_some_and(|row| row.name.is_none()))
    }

    /// Whom an id stands for.
    pub(crate) fn person_of(&self, connection: &Connection, tenant: &TenantId, id: &str) -> Result<Person> {
        if let Some(subject) = self.kept.by_id(tenant, id) {
            return Ok(Person::Known(subject));
        }
        let seen = self.kept.generation();
        let missing = || Error::undecodable("subjects", format!("{tenant}/{id}"), "there is no such subject");
        let row = rows::by_id(connection, tenant, id)?.ok_or_else(missing)?;
        self.opened(connection, tenant, row, seen)
    }

    /// Whom a text like `tenants/acme/subjects/0123/sessions/1` begins with, and what follows; `None` where it begins with nobody.
    pub(crate) fn person_in<'a>(&self, connection: &Connection, text: &'a str) -> Result<Option<(Person, &'a str)>> {
        let Some((tenant, id, rest)) = split(text, COLLECTION) else { return Ok(None) };
        let tenant = TenantId::parse("tenant", tenant).map_err(|error| Error::undecodable("subjects", text, error))?;
        Ok(Some((self.person_of(connection, &tenant, id)?, rest)))
    }

    /// Destroys a person's key and name, in the write that stores it. What stands for them from then on is answered; their name stays
    /// readable by the tenant's key until nothing is left to erase.
    pub(crate) fn destroy(&self, connection: &Connection, subject: &Subject, now: Timestamp) -> Result<PrincipalName> {
        let (tenant, id) = (&subject.tenant, subject.id.as_str());
        let missing = || Error::undecodable("data_keys", tenant.as_str(), "the tenant's key is not there");
        let tenant_key = self.find_tenant_key(connection, tenant)?.ok_or_else(missing)?;
        let name = tenant_key.seal(Place { id, ..place(tenant, "subjects", "erasing") }, subject.name.as_str().as_bytes());
        rows::erase(connection, tenant, id, &name, now)?;
        self.kept.forget_erased(tenant, id);
        Ok(PrincipalName::erased(tenant, id))
    }

    /// Destroys the keys of a tenant and of all its persons, and their names, in the write that stores it. Digests of the names remain,
    /// which nobody can make any more.
    pub(crate) fn destroy_tenant(&self, connection: &Connection, tenant: &TenantId, now: Timestamp) -> Result<()> {
        for id in rows::erase_all(connection, tenant, now)? {
            self.kept.forget_erased(tenant, &id);
        }
        self.kept.forget();
        Ok(())
    }

    /// The name of somebody whose erasure is not over.
    pub(crate) fn open_erasing(&self, connection: &Connection, tenant: &TenantId, id: &str, sealed: &[u8]) -> Result<PrincipalName> {
        let at = || format!("{tenant}/{id}");
        let key = self.find_tenant_key(connection, tenant)?;
        let key = key.ok_or_else(|| Error::undecodable("subjects", at(), "the tenant's key is not there"))?;
        let name = key.open(Place { id, ..place(tenant, "subjects", "erasing") }, sealed).map_err(Error::sealed("subjects", at()))?;
        let name = std::str::from_utf8(&name).ok().and_then(|name| PrincipalName::parse("name", name).ok());
        name.ok_or_else(|| Error::undecodable("subjects", at(), "its name is none"))
    }

    /// The key of the installation by which bodies of requests are remembered, made where there is none, or where it does not open:
    /// nothing is sealed by it. No body of before is recognized then, so that what was done is refused, and not done twice. For the
    /// connection that writes.
    pub(crate) fn request_key(&self, connection: &Connection) -> Result<Key> {
        let tenant = TenantId::system();
        match self.find_key(connection, &tenant, REQUESTS) {
            Ok(Some(key)) => Ok(key),
            Ok(None) => self.make_key(connection, &tenant, REQUESTS),
            Err(error @ Error::Sealed { source: keys::Error::Form | keys::Error::Damaged, .. }) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the key of remembered requests does not open and is replaced; requests of before are refused when they are repeated"
                );
                let (key, wrapped) = self.new_key(&tenant, REQUESTS)?;
                rows::update_key(connection, tenant.as_str(), REQUESTS, &wrapped)?;
                Ok(key)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether it is to be logged that something is wrong with what is stored: the first time only, however often it is read.
    pub(crate) fn is_news(&self, trouble: Trouble, error: &Error) -> bool {
        self.told.is_news(trouble, error)
    }

    /// One of several rows that were looked for together; `None` where it cannot be read, so that it hides none of the others. That is
    /// logged once, with the row's place and nothing of its content, and counted. `key` is its place where the failure names none.
    pub(crate) fn readable<T>(&self, table: &'static str, key: impl fmt::Display, read: Result<T>) -> Result<Option<T>> {
        let error = match read {
            Ok(found) => return Ok(Some(found)),
            Err(error @ (Error::Undecodable { .. } | Error::Sealed { .. })) => error,
            Err(Error::Database { source, .. }) if is_of_another_type(&source) => Error::undecodable(table, key.to_string(), source),
            Err(error) => return Err(error),
        };
        if self.is_news(Trouble::Unreadable, &error) {
            tracing::error!(%error, "a row cannot be read: it is left out where several are, and refused where it is asked for by name");
        }
        Ok(None)
    }

    /// How many rows were met that cannot be read, up to a bound.
    pub(crate) fn unreadable(&self) -> usize {
        self.told.count(Trouble::Unreadable)
    }

    /// Wrapping keys, the newest first, with how many data keys each wraps.
    pub(crate) fn wrapping_keys(&self, connection: &Connection) -> Result<Vec<WrappingKey>> {
        let counts = rows::count_wrapped(connection)?;
        let wraps = |id: &str| counts.iter().find(|(by, _)| by == id).map_or(0, |(_, count)| *count);
        let key = |key: keys::KeyInfo| WrappingKey { wraps: wraps(&key.id), id: key.id, created: Timestamp::from_millis(key.created) };
        Ok(self.provider.list().into_iter().map(key).collect())
    }

    /// Makes a wrapping key that wraps nothing yet. May wait for a service, and blocks so long.
    pub(crate) fn make_wrapping_key(&self) -> Result<NewKey> {
        Ok(self.provider.make()?)
    }

    /// Has such a key wrap from now on; answers its id.
    pub(crate) fn add_wrapping_key(&self, key: NewKey) -> Result<String> {
        Ok(self.provider.add(key)?)
    }

    /// Whether the newest wrapping key wraps every data key.
    pub(crate) fn is_rotated(&self, connection: &Connection) -> Result<bool> {
        for kek in self.older() {
            if rows::wraps(connection, &kek)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Has the newest key wrap some data keys behind a place that others wrap; answers how many, and the place of the last that was looked
    /// at, or nothing where there is none. What they have sealed is not touched. One that does not open stays as it is, and keeps no other
    /// from being wrapped.
    pub(crate) fn rewrap(&self, connection: &Connection, from: &RewrapPlace) -> Result<(u64, Option<RewrapPlace>)> {
        for kek in self.older().into_iter().filter(|kek| *kek >= from.kek) {
            let from = if kek == from.kek { from.clone() } else { RewrapPlace { kek, ..RewrapPlace::default() } };
            let outdated = rows::wrapped_behind(connection, &from)?;
            if outdated.is_empty() {
                continue;
            }
            let mut wrapped = 0;
            for (at, by_another) in &outdated {
                wrapped += u64::from(self.rewrap_one(connection, at, by_another)?);
            }
            return Ok((wrapped, outdated.into_iter().next_back().map(|(at, _)| at)));
        }
        Ok((0, None))
    }

    /// Says whether it opened.
    fn rewrap_one(&self, connection: &Connection, at: &RewrapPlace, by_another: &Wrapped) -> Result<bool> {
        let place = Place { tenant: &at.tenant, collection: "data_keys", id: &at.subject, field: "key" };
        match self.provider.unwrap(place, by_another).and_then(|key| self.provider.wrap(place, &key)) {
            Ok(again) => rows::update_key(connection, &at.tenant, &at.subject, &again).map(|()| true),
            Err(error) => {
                let error = Error::sealed("data_keys", format!("{}/{}", at.tenant, at.subject))(error);
                if self.is_news(Trouble::Unopened, &error) {
                    tracing::error!(error = &error as &dyn std::error::Error, "a data key does not open and stays wrapped as it is");
                }
                Ok(false)
            }
        }
    }

    /// Ids of the wrapping keys that the newest has followed, in order.
    fn older(&self) -> Vec<String> {
        let mut older: Vec<String> = self.provider.list().into_iter().skip(1).map(|key| key.id).collect();
        older.sort_unstable();
        older
    }

    /// Seals something of a tenant that is nobody's own, by the tenant's key, made where there is none. For the connection that writes.
    pub(crate) fn seal_of_tenant(&self, connection: &Connection, tenant: &TenantId, place: Place<'_>, text: &[u8]) -> Result<Vec<u8>> {
        let key = match self.find_tenant_key(connection, tenant)? {
            Some(key) => key,
            None => Arc::new(self.make_key(connection, tenant, "")?),
        };
        Ok(key.seal(place, text))
    }

    /// Opens what was sealed so and is stored in a table.
    pub(crate) fn open_of_tenant(
        &self,
        connection: &Connection,
        tenant: &TenantId,
        table: &'static str,
        place: Place<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let missing = || Error::undecodable("data_keys", tenant.as_str(), "the tenant's key is not there");
        let key = self.find_tenant_key(connection, tenant)?.ok_or_else(missing)?;
        key.open(place, sealed).map_err(Error::sealed(table, format!("{tenant}/{}", place.id)))
    }

    /// What is to be sealed and stands in plain text is damaged from now on.
    pub(crate) fn refuse_plain_text(&self) {
        self.is_all_sealed.store(true, Ordering::Release);
    }

    pub(crate) fn takes_plain_text(&self) -> bool {
        !self.is_all_sealed.load(Ordering::Acquire)
    }

    /// Forgets what is in memory; it is loaded anew as it is needed. Called where a write was taken back, and where a key was destroyed.
    pub(crate) fn forget(&self) {
        self.kept.forget();
    }

    fn find_row(&self, connection: &Connection, name: &PrincipalName) -> Result<Option<rows::SubjectRow>> {
        let tenant = name.tenant();
        // What stands for somebody who was erased is them, and the name of no other person.
        if let Some(id) = name.erased_id()
            && let Some(erased) = rows::by_id(connection, tenant, id)?.filter(|row| row.name.is_none())
        {
            return Ok(Some(erased));
        }
        let Some(key) = self.find_tenant_key(connection, tenant)? else { return Ok(None) };
        rows::by_digest(connection, tenant, &key.digest(name.as_str()))
    }

    fn make(&self, connection: &Connection, name: &PrincipalName) -> Result<Arc<Subject>> {
        let (tenant, id) = (name.tenant(), keys::random_id());
        let tenant_key = match self.find_tenant_key(connection, tenant)? {
            Some(key) => key,
            None => Arc::new(self.make_key(connection, tenant, "")?),
        };
        let key = self.make_key(connection, tenant, &id)?;
        let sealed = key.seal(Place { id: &id, ..place(tenant, "subjects", "name") }, name.as_str().as_bytes());
        rows::insert(connection, tenant, &id, &tenant_key.digest(name.as_str()), &sealed)?;
        let subject = Arc::new(Subject { tenant: tenant.clone(), id, name: name.clone(), key });
        self.kept.keep(&subject, self.kept.generation());
        Ok(subject)
    }

    fn make_key(&self, connection: &Connection, tenant: &TenantId, subject: &str) -> Result<Key> {
        let (key, wrapped) = self.new_key(tenant, subject)?;
        rows::insert_key(connection, tenant, subject, &wrapped)?;
        Ok(key)
    }

    fn new_key(&self, tenant: &TenantId, subject: &str) -> Result<(Key, Wrapped)> {
        let bytes = Key::random();
        let wrapped = self.provider.wrap(Place { id: subject, ..place(tenant, "data_keys", "key") }, &bytes);
        Ok((Key::new(&bytes), wrapped.map_err(Error::sealed("data_keys", tenant.as_str()))?))
    }

    fn find_tenant_key(&self, connection: &Connection, tenant: &TenantId) -> Result<Option<Arc<Key>>> {
        if let Some(key) = self.kept.of_tenant(tenant) {
            return Ok(Some(key));
        }
        let seen = self.kept.generation();
        let key = self.find_key(connection, tenant, "")?.map(Arc::new);
        if let Some(key) = &key {
            self.kept.keep_tenant(tenant, key, seen);
        }
        Ok(key)
    }

    fn find_key(&self, connection: &Connection, tenant: &TenantId, subject: &str) -> Result<Option<Key>> {
        let Some(wrapped) = rows::find_key(connection, tenant, subject)? else { return Ok(None) };
        let opened = self.provider.unwrap(Place { id: subject, ..place(tenant, "data_keys", "key") }, &wrapped);
        let bytes = opened.map_err(Error::sealed("data_keys", format!("{tenant}/{subject}")))?;
        Ok(Some(Key::new(&bytes)))
    }

    fn opened(&self, connection: &Connection, tenant: &TenantId, row: rows::SubjectRow, seen: u64) -> Result<Person> {
        let Some(sealed) = row.name else { return Ok(Person::Erased(PrincipalName::erased(tenant, &row.id))) };
        let at = || format!("{tenant}/{}", row.id);
        let key =
            self.find_key(connection, tenant, &row.id)?.ok_or_else(|| Error::undecodable("subjects", at(), "its key is not there"))?;
        let name = key.open(Place { id: &row.id, ..place(tenant, "subjects", "name") }, &sealed);
        let name = name.map_err(Error::sealed("subjects", at()))?;
        let name = std::str::from_utf8(&name).ok().and_then(|name| PrincipalName::parse("name", name).ok());
        let name = name.ok_or_else(|| Error::undecodable("subjects", at(), "its name is none"))?;
        let subject = Arc::new(Subject { tenant: tenant.clone(), id: row.id, name, key });
        self.kept.keep(&subject, seen);
        Ok(Person::Known(subject))
    }
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

/// The keys that wrap data keys. All of them must be there: nothing is sealed anew while something cannot be opened.
pub(crate) fn used_keys(connection: &Connection) -> Result<Vec<String>> {
    let query = "SELECT DISTINCT kek FROM data_keys";
    let run = || connection.prepare(query)?.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>();
    run().map_err(during("looking which keys wrap others"))
}

/// Whether what is personal was sealed already in a database of before.
pub(crate) fn is_sealed(connection: &Connection) -> Result<bool> {
    let query = "SELECT value FROM totals WHERE name = 'personal_sealed'";
    let found = connection.query_row(query, [], |row| row.get::<_, i64>(0)).optional();
    Ok(found.map_err(during("looking whether names are sealed"))?.is_some_and(|value| value > 0))
}

/// Whether a column holds what it never should: a text that is none, for example.
fn is_of_another_type(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error};
    matches!(error, FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) | Utf8Error(..))
}
