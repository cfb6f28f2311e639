//! Wrapping keys in files: one a key, in a directory that nobody else can read. A key's file is named by the key's own digest, so a
//! damaged or exchanged one is found before anything is wrapped by it.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use file_trust::Directory;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::key::{KEY_BYTES, Key, hex};
use crate::place::Place;
use crate::provider::{KeyInfo, KeyProvider, Wrapped};

/// The directory is its user's alone, and so is every file in it.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// How the names of key files end. What ends otherwise is being written, or somebody else's.
const SUFFIX: &str = ".kek";
/// What a file begins with; when the key was made, in milliseconds since 1970, and the key in base64 follow, each behind a blank.
const FORM: &str = "zona-kek-1";
/// Most bytes of a file; ours have 70.
const MAX_FILE: u64 = 1_024;
/// Bytes of the digest that an id shows.
const ID_BYTES: usize = 8;
/// What the digest of a key is made of.
const ID_TEXT: &str = "id";

/// Wrapping keys in a directory.
pub struct FileKeys {
    path: PathBuf,
    /// Newest first, and never empty.
    keys: RwLock<Vec<Arc<Kek>>>,
}

struct Kek {
    id: String,
    created: u64,
    key: Key,
}

// === impl FileKeys ===

impl FileKeys {
    /// Reads the keys of a directory, where those must be that are `used` already. Makes the first one where there is none and none is
    /// used. There must be one process at a time that does. Blocks.
    ///
    /// # Errors
    /// A file that is not ours alone, or holds no key; [`Error::Missing`] for a key that is used and not there. No key is made then:
    /// it would be the newest once the others are back, and stand in no backup.
    pub fn open(path: &Path, used: &[String]) -> Result<Self, Error> {
        let directory = Directory::make(path, DIRECTORY_MODE)?;
        let mut keys = read(&directory, path)?;
        if let Some(id) = used.iter().find(|used| !keys.iter().any(|kek| kek.id == **used)) {
            return Err(Error::Missing { id: id.clone() });
        }
        if keys.is_empty() {
            keys.push(make(&directory, now())?);
        }
        Ok(FileKeys { path: path.to_owned(), keys: RwLock::new(keys) })
    }

    fn all(&self) -> Vec<Arc<Kek>> {
        // A panic elsewhere cannot leave half a list behind.
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl KeyProvider for FileKeys {
    fn list(&self) -> Vec<KeyInfo> {
        self.all().iter().map(|kek| KeyInfo { id: kek.id.clone(), created: kek.created }).collect()
    }

    fn add(&self) -> Result<String, Error> {
        // Held until the end: of two at a time, the second is the newest.
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not make a new key the older one.
        let created = keys.first().map_or(0, |newest| newest.created + 1).max(now());
        let kek = make(&Directory::open(&self.path)?, created)?;
        let id = kek.id.clone();
        keys.insert(0, kek);
        Ok(id)
    }

    fn wrap(&self, place: Place<'_>, key: &[u8; KEY_BYTES]) -> Result<Wrapped, Error> {
        let keys = self.all();
        let newest = keys.first().expect("a key is made when the directory is opened");
        Ok(Wrapped { by: newest.id.clone(), bytes: newest.key.seal(place, key) })
    }

    fn unwrap(&self, place: Place<'_>, wrapped: &Wrapped) -> Result<Zeroizing<[u8; KEY_BYTES]>, Error> {
        let keys = self.all();
        let kek = keys.iter().find(|kek| kek.id == wrapped.by).ok_or_else(|| Error::Missing { id: wrapped.by.clone() })?;
        bytes_of(&kek.key.open(place, &wrapped.bytes)?).ok_or(Error::Damaged)
    }
}

fn read(directory: &Directory, path: &Path) -> Result<Vec<Arc<Kek>>, Error> {
    let failed = |source| Error::System { path: path.to_owned(), source };
    let mut keys = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let Some((name, id)) = name.to_str().and_then(|name| Some((name, name.strip_suffix(SUFFIX)?))) else { continue };
        let Some(file) = directory.find(name, FILE_MODE)? else { continue };
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_FILE).read_to_string(&mut text).map_err(|source| Error::System { path: path.join(name), source })?;
        let kek = parse(&text).filter(|kek| kek.id == id).ok_or_else(|| Error::Malformed { path: path.join(name) })?;
        keys.push(Arc::new(kek));
    }
    sort(&mut keys);
    Ok(keys)
}

fn make(directory: &Directory, created: u64) -> Result<Arc<Kek>, Error> {
    let bytes = Key::random();
    let kek = Kek::new(created, &bytes);
    let text = Zeroizing::new(format!("{FORM} {created} {}\n", Zeroizing::new(STANDARD.encode(bytes.as_slice())).as_str()));
    directory.replace(&format!("{}{SUFFIX}", kek.id), FILE_MODE, text.as_bytes())?;
    tracing::info!(key = kek.id, "a new key that wraps data keys");
    Ok(Arc::new(kek))
}

fn parse(text: &str) -> Option<Kek> {
    let mut parts = text.strip_suffix('\n')?.split(' ');
    let (form, created, key) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
    let bytes = bytes_of(&Zeroizing::new(STANDARD.decode(key).ok()?))?;
    (form == FORM && parts.next().is_none()).then(|| Kek::new(created, &bytes))
}

fn bytes_of(bytes: &[u8]) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    bytes.try_into().ok().map(Zeroizing::new)
}

fn sort(keys: &mut [Arc<Kek>]) {
    keys.sort_by(|one, other| (other.created, &other.id).cmp(&(one.created, &one.id)));
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Kek {
    fn new(created: u64, bytes: &[u8; KEY_BYTES]) -> Self {
        let key = Key::new(bytes);
        Kek { id: hex(&key.digest(ID_TEXT)[..ID_BYTES]), created, key }
    }
}
