//! The one module between documents and the keys that seal what is personal in them: whose key it is, where it is stored, and what is
//! kept of it in memory.
//! By what rules keys are made and destroyed, `storage-rules` says.
//!
//! A key is stored wrapped; unwrapped ones are in memory only, a bounded number of them. What a write that is not stored has made
//! is forgotten again, and so is what a reader has loaded beside an erasure.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::name::{PrincipalName, TenantId};
use domain::server::WrappingKey;
use domain::time::Timestamp;
use keys::{Key, KeyProvider, NewKey, Place, Wrapped};
use rusqlite::{Connection, OptionalExtension as _};
use storage_rules::{Failure as _, Person, Refusal, Subject, Told, Trouble, at_once, vault};
use zeroize::Zeroizing;

use crate::error::{Error, Result, during, is_of_another_type};

mod held;
mod kept;
mod ring;
mod rows;

pub(crate) use held::Vault;
use kept::Kept;
use ring::Ring;
pub(crate) use rows::RewrapPlace;

// === impl Vault ===

impl Vault {
    pub(crate) fn new(provider: Arc<dyn KeyProvider>) -> Self {
        Vault { provider, kept: Kept::default(), told: Told::default(), is_all_sealed: AtomicBool::default() }
    }

    /// The person of this name, made where there is none. For the connection that writes.
    pub(crate) fn person(&self, connection: &Connection, name: &PrincipalName) -> Result<Person> {
        at_once(vault::person(&mut Ring::new(connection, self), name))
    }

    /// The person of this name, if there is one.
    pub(crate) fn find_person(&self, connection: &Connection, name: &PrincipalName) -> Result<Option<Person>> {
        at_once(vault::find_person(&mut Ring::new(connection, self), name))
    }

    /// Whether the person of this name was erased.
    pub(crate) fn is_erased(&self, connection: &Connection, name: &PrincipalName) -> Result<bool> {
        at_once(vault::is_erased(&mut Ring::new(connection, self), name))
    }

    /// Whom an id stands for.
    pub(crate) fn person_of(&self, connection: &Connection, tenant: &TenantId, id: &str) -> Result<Person> {
        at_once(vault::person_of(&mut Ring::new(connection, self), tenant, id))
    }

    /// Destroys a person's key and name, in the write that stores it.
    pub(crate) fn destroy(&self, connection: &Connection, subject: &Subject, now: Timestamp) -> Result<PrincipalName> {
        at_once(vault::destroy(&mut Ring::new(connection, self), subject, now))
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
        at_once(vault::open_erasing(&mut Ring::new(connection, self), tenant, id, sealed))
    }

    /// The key by which bodies of requests are remembered. For the connection that writes.
    pub(crate) fn request_key(&self, connection: &Connection) -> Result<Key> {
        at_once(vault::request_key(&mut Ring::new(connection, self), Error::is_of_a_damaged_key))
    }

    /// Whether it is to be logged that something is wrong with what is stored: the first time only, however often it is read.
    pub(crate) fn is_news(&self, trouble: Trouble, error: &Error) -> bool {
        self.told.is_news(trouble, error)
    }

    /// What was logged.
    pub(crate) fn told(&self) -> &Told {
        &self.told
    }

    /// One of several rows that were looked for together; `None` where it cannot be read, so that it hides none of the others. That is
    /// logged once, with the row's place and nothing of its content, and counted. `key` is its place where the failure names none.
    pub(crate) fn readable<T>(&self, table: &'static str, key: impl fmt::Display, read: Result<T>) -> Result<Option<T>> {
        let error = match read {
            Ok(found) => return Ok(Some(found)),
            // What was destroyed is left out, too, and nothing is wrong with it.
            Err(Error::Refused(Refusal::Destroyed { .. })) => return Ok(None),
            // Such a failure does not say where.
            Err(Error::Database { source, .. }) if is_of_another_type(&source) => Error::undecodable(table, key.to_string(), source),
            Err(error) if error.is_of_one_thing() => error,
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
        Ok(at_once(vault::tenant_key(&mut Ring::new(connection, self), tenant))?.seal(place, text))
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
        at_once(vault::open_of_tenant(&mut Ring::new(connection, self), tenant, table, place, sealed))
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
