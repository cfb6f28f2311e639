//! The one module between documents and the keys that seal what is personal in them: whose key it is, where it is stored, and what is
//! kept of it in memory.
//! By what rules keys are made and destroyed, `storage-rules` says.
//!
//! A key is stored wrapped; unwrapped ones are in memory only, a bounded number of them, for a moment. What is read within a
//! transaction is never kept: it may be taken back.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use domain::name::{PrincipalName, TenantId};
use domain::server::WrappingKey;
use domain::time::Timestamp;
use keys::{FileKeys, KEY_BYTES, Key, KeyGuard, KeyProvider, Place, Wrapped};
use mongodb::Database;
use storage_rules::{Person, Subject, Trouble, vault};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use crate::deadline::within;
use crate::error::{Error, Result};
use crate::session::Session;

mod held;
mod kept;
mod met;
mod ring;
mod rows;

pub(crate) use held::Vault;
use kept::Kept;
pub(crate) use met::Met;
use ring::Ring;
use rows::Outdated;
pub(crate) use rows::RewrapPlace;

// === impl Vault ===

impl Vault {
    /// The vault of a database, all of whose keys must be there that seal something in it.
    pub(crate) async fn open(
        database: &Database,
        directory: PathBuf,
        guard: Option<Arc<dyn KeyGuard>>,
        deadline: Duration,
    ) -> Result<Self> {
        let used = within(deadline, rows::used_keys(database)).await?;
        let provider = RwLock::new(read_keys(directory.clone(), guard.clone(), used).await?);
        Ok(Vault { directory, guard, reading: Mutex::default(), provider, kept: Kept::default() })
    }

    /// The person of this name, made where there is none. For transactions.
    pub(crate) async fn person(&self, session: &mut Session, name: &PrincipalName) -> Result<Person> {
        vault::person(&mut Ring::new(session, self), name).await
    }

    /// The person of this name, if there is one.
    pub(crate) async fn find_person(&self, session: &mut Session, name: &PrincipalName) -> Result<Option<Person>> {
        vault::find_person(&mut Ring::new(session, self), name).await
    }

    /// Whether the person of this name was erased, on whichever server.
    pub(crate) async fn is_erased(&self, session: &mut Session, name: &PrincipalName) -> Result<bool> {
        vault::is_erased(&mut Ring::new(session, self), name).await
    }

    /// Whom an id stands for.
    pub(crate) async fn person_of(&self, session: &mut Session, tenant: &TenantId, id: &str) -> Result<Person> {
        vault::person_of(&mut Ring::new(session, self), tenant, id).await
    }

    /// Destroys a person's key and name, in the transaction that stores it.
    pub(crate) async fn destroy(&self, session: &mut Session, subject: &Subject, now: Timestamp) -> Result<PrincipalName> {
        vault::destroy(&mut Ring::new(session, self), subject, now).await
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
        vault::open_erasing(&mut Ring::new(session, self), tenant, id, sealed).await
    }

    /// The key by which bodies of requests are remembered. For transactions.
    pub(crate) async fn request_key(&self, session: &mut Session) -> Result<Key> {
        vault::request_key(&mut Ring::new(session, self), Error::is_of_a_damaged_key).await
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
        // Whoever reads the files meanwhile would put what it found before in place of what this adds to.
        let _reading = self.reading.lock().await;
        // Where the newest is not there any more, nobody else would find what is added.
        let newest = self.provider().list().into_iter().take(1).map(|key| key.id).collect();
        let provider = read_keys(self.directory.clone(), self.guard.clone(), newest).await?;
        *self.provider.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&provider);
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
        vault::open_of_tenant(&mut Ring::new(session, self), tenant, collection, place, sealed).await
    }

    /// Forgets what is in memory; it is loaded anew as it is needed. Called where a key was destroyed.
    pub(crate) fn forget(&self) {
        self.kept.forget();
    }

    /// The key of a tenant, made where there is none. For transactions, which seal several things by it.
    pub(crate) async fn tenant_key(&self, session: &mut Session, tenant: &TenantId) -> Result<Arc<Key>> {
        vault::tenant_key(&mut Ring::new(session, self), tenant).await
    }

    /// Unwraps a data key. Where the key that has wrapped it is not known, another server may have made it: all are read again.
    async fn unwrap(&self, place: Place<'_>, wrapped: &Wrapped) -> Result<Result<Zeroizing<[u8; KEY_BYTES]>, keys::Error>> {
        match self.provider().unwrap(place, wrapped) {
            Err(keys::Error::Missing { .. }) => {}
            opened => return Ok(opened),
        }
        // One after the other: whatever protects the files is asked for each of them.
        let _reading = self.reading.lock().await;
        match self.provider().unwrap(place, wrapped) {
            Err(keys::Error::Missing { .. }) => {}
            opened => return Ok(opened),
        }
        // Where it is not there either, the directory may be another one, or none, such as a mount that is lost: nothing is made in it then,
        // and what was read before stays in use.
        let read = match read_keys(self.directory.clone(), self.guard.clone(), vec![wrapped.by.clone()]).await {
            Err(Error::Keys(missing @ keys::Error::Missing { .. })) => return Ok(Err(missing)),
            read => read?,
        };
        *self.provider.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&read);
        Ok(read.unwrap(place, wrapped))
    }

    fn provider(&self) -> Arc<dyn KeyProvider> {
        Arc::clone(&self.provider.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The wrapping keys of a directory, among which those must be that are used.
async fn read_keys(directory: PathBuf, guard: Option<Arc<dyn KeyGuard>>, used: Vec<String>) -> Result<Arc<dyn KeyProvider>> {
    // It waits for a disk, and for what protects them.
    let opened = spawn_blocking(move || FileKeys::open_guarded(&directory, &used, guard)).await;
    Ok(Arc::new(opened.map_err(|_panicked| Error::Panicked)??))
}
