//! Whose key is whose, and what becomes of it: how a person and a tenant get a key, how a person is found by name and by id, and how their
//! key is destroyed. Where keys and people are stored and kept in memory, a store says ([`Keys`]).
//!
//! Every person has a subject: an id that says nothing, under which they stand where nothing may be changed later, and a key of their
//! own. A key is stored wrapped.

use std::future::Future;
use std::sync::Arc;

use domain::name::{PrincipalName, TenantId};
use domain::time::Timestamp;
use keys::{KEY_BYTES, Key, Place, Wrapped};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::subject::{Person, Subject, person_place as place};

/// Stands in the place of a person beside the key of remembered requests; ids of persons have other characters.
const REQUESTS: &str = "requests";

/// A person as stored.
pub struct StoredSubject {
    /// The id that says nothing of them.
    pub id: String,
    /// Sealed; nothing once the person was erased.
    pub name: Option<Vec<u8>>,
}

/// Port: what a store has of keys and persons, as one caller of it sees them, and what is kept of them in memory.
pub trait Keys {
    /// Why the store fails.
    type Error: Failure;
    /// When something was loaded: what was forgotten since is not kept.
    type Seen: Copy + Send;

    // === what is stored ===

    /// The wrapped key of a tenant, whose subject is empty, or of one of its persons.
    fn wrapped(&mut self, tenant: &TenantId, subject: &str) -> impl Future<Output = Result<Option<Wrapped>, Self::Error>> + Send;

    /// Stores a key.
    fn add_key(&mut self, tenant: &TenantId, subject: &str, key: Wrapped) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Stores a key in place of the one that is there.
    fn replace_key(&mut self, tenant: &TenantId, subject: &str, key: Wrapped) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Whether a tenant is deleted: no key of its own is missed then.
    fn is_deleted(&mut self, tenant: &TenantId) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// The person of an id.
    fn subject_of(&mut self, tenant: &TenantId, id: &str) -> impl Future<Output = Result<Option<StoredSubject>, Self::Error>> + Send;

    /// The person whose name has a digest by the tenant's key.
    fn subject_by(&mut self, tenant: &TenantId, digest: &[u8]) -> impl Future<Output = Result<Option<StoredSubject>, Self::Error>> + Send;

    /// Stores a person under the digest of their name.
    fn add_subject(
        &mut self,
        tenant: &TenantId,
        id: &str,
        digest: &[u8],
        name: Vec<u8>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Removes a person's key, and their name but for one that the tenant's key opens.
    fn erase(
        &mut self,
        tenant: &TenantId,
        id: &str,
        erasing: Vec<u8>,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    // === wrapping keys ===

    /// Wraps a key by the newest wrapping key.
    ///
    /// # Errors
    /// Those of the wrapping keys.
    fn wrap(&self, place: Place<'_>, key: &[u8; KEY_BYTES]) -> Result<Wrapped, keys::Error>;

    /// Unwraps a key.
    fn unwrap(&mut self, place: Place<'_>, key: &Wrapped) -> impl Future<Output = Unwrapped<Self::Error>> + Send;

    // === what is kept in memory ===

    /// To be asked before something is loaded that is to be kept.
    fn seen(&self) -> Self::Seen;

    /// The person of this name, where they are kept.
    fn kept_by_name(&self, name: &PrincipalName) -> Option<Person>;

    /// The person of this id, where they are kept.
    fn kept_by_id(&self, tenant: &TenantId, id: &str) -> Option<Person>;

    /// The key of a tenant, where it is kept.
    fn kept_of_tenant(&self, tenant: &TenantId) -> Option<Arc<Key>>;

    /// Keeps a person, unless something was forgotten since.
    fn keep(&mut self, name: &PrincipalName, person: &Person, seen: Self::Seen);

    /// Keeps the key of a tenant, unless something was forgotten since.
    fn keep_tenant(&mut self, tenant: &TenantId, key: &Arc<Key>, seen: Self::Seen);

    /// Forgets a person, who is kept no more.
    fn forget_erased(&mut self, tenant: &TenantId, id: &str);
}

/// A key that was unwrapped, or that it does not open; the outer failure is the store's.
pub type Unwrapped<E> = Result<Result<Zeroizing<[u8; KEY_BYTES]>, keys::Error>, E>;

// === persons ===

/// The person of this name, made where there is none. For writes.
///
/// # Errors
/// Those of the store; they do not open.
pub async fn person<K: Keys>(keys: &mut K, name: &PrincipalName) -> Result<Person, K::Error> {
    match find_person(keys, name).await? {
        Some(person) => Ok(person),
        None => make(keys, name).await,
    }
}

/// The person of this name, if there is one.
///
/// # Errors
/// As [`person`].
pub async fn find_person<K: Keys>(keys: &mut K, name: &PrincipalName) -> Result<Option<Person>, K::Error> {
    if let Some(kept) = keys.kept_by_name(name) {
        return Ok(Some(kept));
    }
    let seen = keys.seen();
    let Some(stored) = find_stored(keys, name).await? else { return Ok(None) };
    let person = opened(keys, name.tenant(), stored).await?;
    keys.keep(name, &person, seen);
    Ok(Some(person))
}

/// Whether the person of this name was erased. Opens nothing of theirs, and so tells it also of somebody whose key is damaged; and asks what
/// is stored, whatever is kept.
///
/// # Errors
/// Those of the store.
pub async fn is_erased<K: Keys>(keys: &mut K, name: &PrincipalName) -> Result<bool, K::Error> {
    Ok(find_stored(keys, name).await?.is_some_and(|stored| stored.name.is_none()))
}

/// Whom an id stands for.
///
/// # Errors
/// As [`person`]; there is nobody of the id.
pub async fn person_of<K: Keys>(keys: &mut K, tenant: &TenantId, id: &str) -> Result<Person, K::Error> {
    if let Some(kept) = keys.kept_by_id(tenant, id) {
        return Ok(kept);
    }
    let seen = keys.seen();
    let stored = keys.subject_of(tenant, id).await?;
    let stored = stored.ok_or_else(|| K::Error::undecodable("subjects", format!("{tenant}/{id}"), "there is no such subject".into()))?;
    let person = opened(keys, tenant, stored).await?;
    keys.keep(&person.name().clone(), &person, seen);
    Ok(person)
}

/// Destroys a person's key and name, in the write that stores it. What stands for them from then on is answered; their name stays readable by
/// the tenant's key until nothing is left to erase.
///
/// # Errors
/// Those of the store; the tenant's key is not there.
pub async fn destroy<K: Keys>(keys: &mut K, subject: &Subject, now: Timestamp) -> Result<PrincipalName, K::Error> {
    let (tenant, id) = (&subject.tenant, subject.id.as_str());
    let tenant_key = find_tenant_key(keys, tenant).await?.ok_or_else(|| no_key(tenant))?;
    let name = tenant_key.seal(Place { id, ..place(tenant, "subjects", "erasing") }, subject.name.as_str().as_bytes());
    keys.erase(tenant, id, name, now).await?;
    keys.forget_erased(tenant, id);
    Ok(PrincipalName::erased(tenant, id))
}

/// The name of somebody whose erasure is not over.
///
/// # Errors
/// Those of the store; it does not open.
pub async fn open_erasing<K: Keys>(keys: &mut K, tenant: &TenantId, id: &str, sealed: &[u8]) -> Result<PrincipalName, K::Error> {
    let at = || format!("{tenant}/{id}");
    let key = find_tenant_key(keys, tenant).await?;
    let key = key.ok_or_else(|| K::Error::undecodable("subjects", at(), "the tenant's key is not there".into()))?;
    let opened = key.open(Place { id, ..place(tenant, "subjects", "erasing") }, sealed);
    let name = opened.map_err(|error| K::Error::unopened("subjects", at(), error))?;
    name_in(&name).ok_or_else(|| K::Error::undecodable("subjects", at(), "its name is none".into()))
}

async fn find_stored<K: Keys>(keys: &mut K, name: &PrincipalName) -> Result<Option<StoredSubject>, K::Error> {
    let tenant = name.tenant();
    // What stands for somebody who was erased is them, and the name of no other person.
    if let Some(id) = name.erased_id()
        && let Some(erased) = keys.subject_of(tenant, id).await?.filter(|stored| stored.name.is_none())
    {
        return Ok(Some(erased));
    }
    let Some(key) = find_tenant_key(keys, tenant).await? else { return Ok(None) };
    keys.subject_by(tenant, &key.digest(name.as_str())).await
}

async fn make<K: Keys>(keys: &mut K, name: &PrincipalName) -> Result<Person, K::Error> {
    let (tenant, id, seen) = (name.tenant(), keys::random_id(), keys.seen());
    let tenant_key = tenant_key(keys, tenant).await?;
    let key = make_key(keys, tenant, &id).await?;
    let sealed = key.seal(Place { id: &id, ..place(tenant, "subjects", "name") }, name.as_str().as_bytes());
    keys.add_subject(tenant, &id, &tenant_key.digest(name.as_str()), sealed).await?;
    let person = Person::Known(Arc::new(Subject { tenant: tenant.clone(), id, name: name.clone(), key }));
    keys.keep(name, &person, seen);
    Ok(person)
}

async fn opened<K: Keys>(keys: &mut K, tenant: &TenantId, stored: StoredSubject) -> Result<Person, K::Error> {
    let StoredSubject { id, name } = stored;
    let Some(sealed) = name else { return Ok(Person::Erased(PrincipalName::erased(tenant, &id))) };
    let at = || format!("{tenant}/{id}");
    let Some(key) = find_key(keys, tenant, &id).await? else {
        // They may have been erased between the two looks.
        let again = keys.subject_of(tenant, &id).await?;
        return match again.is_some_and(|stored| stored.name.is_none()) {
            true => Ok(Person::Erased(PrincipalName::erased(tenant, &id))),
            false => Err(K::Error::undecodable("subjects", at(), "its key is not there".into())),
        };
    };
    let name = key.open(Place { id: &id, ..place(tenant, "subjects", "name") }, &sealed);
    let name = name.map_err(|error| K::Error::unopened("subjects", at(), error))?;
    let name = name_in(&name).ok_or_else(|| K::Error::undecodable("subjects", at(), "its name is none".into()))?;
    Ok(Person::Known(Arc::new(Subject { tenant: tenant.clone(), id, name, key })))
}

fn name_in(opened: &[u8]) -> Option<PrincipalName> {
    PrincipalName::parse("name", std::str::from_utf8(opened).ok()?).ok()
}

// === keys ===

/// The key of a tenant, made where there is none. For writes.
///
/// # Errors
/// Those of the store; it does not open.
pub async fn tenant_key<K: Keys>(keys: &mut K, tenant: &TenantId) -> Result<Arc<Key>, K::Error> {
    let seen = keys.seen();
    match find_tenant_key(keys, tenant).await? {
        Some(key) => Ok(key),
        None => {
            let made = Arc::new(make_key(keys, tenant, "").await?);
            keys.keep_tenant(tenant, &made, seen);
            Ok(made)
        }
    }
}

/// The key of a tenant, if there is one.
///
/// # Errors
/// As [`tenant_key`].
pub async fn find_tenant_key<K: Keys>(keys: &mut K, tenant: &TenantId) -> Result<Option<Arc<Key>>, K::Error> {
    if let Some(kept) = keys.kept_of_tenant(tenant) {
        return Ok(Some(kept));
    }
    let seen = keys.seen();
    let key = find_key(keys, tenant, "").await?.map(Arc::new);
    if let Some(key) = &key {
        keys.keep_tenant(tenant, key, seen);
    }
    Ok(key)
}

/// Opens what the tenant's key has sealed and what is stored in a collection.
///
/// # Errors
/// Those of the store; the key is not there, or was destroyed with its tenant; it does not open.
pub async fn open_of_tenant<K: Keys>(
    keys: &mut K,
    tenant: &TenantId,
    collection: &'static str,
    place: Place<'_>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, K::Error> {
    let Some(key) = find_tenant_key(keys, tenant).await? else {
        // A key that is missed is a broken store; one that was destroyed is what somebody asked for.
        return Err(if keys.is_deleted(tenant).await? { K::Error::destroyed(tenant) } else { no_key(tenant) });
    };
    key.open(place, sealed).map_err(|error| K::Error::unopened(collection, format!("{tenant}/{}", place.id), error))
}

/// The key of the installation by which bodies of requests are remembered, made where there is none, or where it does not open: nothing is
/// sealed by it. No body of before is recognized then, so that what was done is refused, and not done twice. For writes. `is_damaged` says
/// whether a failure is that it does not open.
///
/// # Errors
/// Those of the store.
pub async fn request_key<K: Keys>(keys: &mut K, is_damaged: fn(&K::Error) -> bool) -> Result<Key, K::Error> {
    let tenant = TenantId::system();
    match find_key(keys, &tenant, REQUESTS).await {
        Ok(Some(key)) => Ok(key),
        Ok(None) => make_key(keys, &tenant, REQUESTS).await,
        Err(error) if is_damaged(&error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the key of remembered requests does not open and is replaced; requests of before are refused when they are repeated"
            );
            let (key, wrapped) = new_key(keys, &tenant, REQUESTS)?;
            keys.replace_key(&tenant, REQUESTS, wrapped).await?;
            Ok(key)
        }
        Err(error) => Err(error),
    }
}

async fn make_key<K: Keys>(keys: &mut K, tenant: &TenantId, subject: &str) -> Result<Key, K::Error> {
    let (key, wrapped) = new_key(keys, tenant, subject)?;
    keys.add_key(tenant, subject, wrapped).await?;
    Ok(key)
}

fn new_key<K: Keys>(keys: &K, tenant: &TenantId, subject: &str) -> Result<(Key, Wrapped), K::Error> {
    let bytes = Key::random();
    let wrapped = keys.wrap(key_place(tenant, subject), &bytes);
    Ok((Key::new(&bytes), wrapped.map_err(|error| K::Error::unopened("data_keys", tenant.to_string(), error))?))
}

async fn find_key<K: Keys>(keys: &mut K, tenant: &TenantId, subject: &str) -> Result<Option<Key>, K::Error> {
    let Some(wrapped) = keys.wrapped(tenant, subject).await? else { return Ok(None) };
    let opened = keys.unwrap(key_place(tenant, subject), &wrapped).await?;
    let bytes = opened.map_err(|error| K::Error::unopened("data_keys", format!("{tenant}/{subject}"), error))?;
    Ok(Some(Key::new(&bytes)))
}

fn key_place<'a>(tenant: &'a TenantId, subject: &'a str) -> Place<'a> {
    Place { id: subject, ..place(tenant, "data_keys", "key") }
}

fn no_key<E: Failure>(tenant: &TenantId) -> E {
    E::undecodable("data_keys", tenant.to_string(), "the tenant's key is not there".into())
}
