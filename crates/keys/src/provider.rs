//! The port to where the keys lie that wrap data keys.

use zeroize::Zeroizing;

use crate::error::Error;
use crate::key::KEY_BYTES;
use crate::place::Place;

/// A data key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// The key that wraps it.
    pub by: String,
    /// It, sealed.
    pub bytes: Vec<u8>,
}

/// What is known of a wrapping key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its id.
    pub id: String,
    /// When it was made, in milliseconds since 1970.
    pub created: u64,
}

/// A wrapping key that is stored nowhere yet.
pub struct NewKey {
    pub(crate) bytes: Zeroizing<[u8; KEY_BYTES]>,
    /// It as its file will have it, and by what, where something protects the files.
    pub(crate) protected: Option<Protected>,
}

/// What protects a key, and what that has made of it.
pub(crate) struct Protected {
    pub(crate) by: String,
    pub(crate) text: String,
}

/// Port: keys that wrap data keys. There are several after a change of the key, of which the newest wraps.
pub trait KeyProvider: Send + Sync {
    /// All keys, the newest first.
    fn list(&self) -> Vec<KeyInfo>;
    /// Makes a key that wraps nothing yet, and stores it nowhere. May wait for a service, and blocks so long.
    ///
    /// # Errors
    /// Those of whoever protects the keys.
    fn make(&self) -> Result<NewKey, Error>;
    /// Has such a key wrap from now on, once it is stored for good, and answers its id. What others have wrapped opens as before. Waits for
    /// no service.
    ///
    /// # Errors
    /// Those of whoever keeps the keys.
    fn add(&self, key: NewKey) -> Result<String, Error>;
    /// Wraps a data key for the place where it is stored.
    ///
    /// # Errors
    /// Those of whoever keeps the keys.
    fn wrap(&self, place: Place<'_>, key: &[u8; KEY_BYTES]) -> Result<Wrapped, Error>;
    /// Opens a wrapped data key of this place.
    ///
    /// # Errors
    /// [`Error::Missing`] where the key that has wrapped it is not there; [`Error::Damaged`].
    fn unwrap(&self, place: Place<'_>, wrapped: &Wrapped) -> Result<Zeroizing<[u8; KEY_BYTES]>, Error>;
}
