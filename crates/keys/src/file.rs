//! Wrapping keys in files: one a key, in a directory that nobody else can read. A key's file is named by the key's own digest, so a
//! damaged or exchanged one is found before anything is wrapped by it. Where a [`KeyGuard`] protects them, no file holds a key in plain text:
//! one that does is protected when it is met.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use file_trust::Directory;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::guard::{GuardError, KeyGuard};
use crate::key::{KEY_BYTES, Key, hex};
use crate::place::Place;
use crate::provider::{KeyInfo, KeyProvider, NewKey, Protected, Wrapped};

/// The directory is its user's alone, and so is every file in it.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// Bits of a mode that let everybody read, write or execute.
const OTHERS: u32 = 0o007;
/// How the names of key files end. What ends otherwise is being written, or somebody else's.
const SUFFIX: &str = ".kek";
/// What a file begins with; when the key was made, in milliseconds since 1970, and the key in base64 follow, each behind a blank.
const FORM: &str = "zona-kek-1";
/// What a protected one begins with; when the key was made, what protects it, and what that has made of it follow.
const PROTECTED_FORM: &str = "zona-kek-2";
/// Most bytes of a file; ours have 70, and what a guard makes of a key has some hundred.
const MAX_FILE: u64 = 4_096;
/// Most bytes of what a guard makes of a key, as [`KeyGuard::protect`] says.
const MAX_PROTECTED: usize = 3_000;
/// Bytes of the digest that an id shows.
const ID_BYTES: usize = 8;
/// What the digest of a key is made of.
const ID_TEXT: &str = "id";

/// Wrapping keys in a directory.
pub struct FileKeys {
    path: PathBuf,
    guard: Option<Arc<dyn KeyGuard>>,
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
        Self::open_guarded(path, used, None)
    }

    /// As [`FileKeys::open`], where something protects the files: it opens each, and protects those that it does not protect yet.
    ///
    /// # Errors
    /// Also [`Error::Guard`], and [`Error::Guarded`] where something else protects a file. What was not protected then stays as it is.
    pub fn open_guarded(path: &Path, used: &[String], guard: Option<Arc<dyn KeyGuard>>) -> Result<Self, Error> {
        let directory = Directory::make(path, DIRECTORY_MODE)?;
        let mut keys = read(&directory, path, guard.as_deref())?;
        if let Some(id) = used.iter().find(|used| !keys.iter().any(|kek| kek.id == **used)) {
            return Err(Error::Missing { id: id.clone() });
        }
        if keys.is_empty() {
            keys.push(store(&directory, now(), &make(guard.as_deref())?)?);
        }
        Ok(FileKeys { path: path.to_owned(), guard, keys: RwLock::new(keys) })
    }

    /// Has a key that somebody else has made be among those of the directory, before it is opened: the first where there is none yet, and
    /// else the oldest, which opens what it has wrapped and wraps nothing. Blocks.
    ///
    /// # Errors
    /// [`Error::NoKey`], [`Error::Exposed`]; and as [`FileKeys::open_guarded`].
    pub fn take_up(path: &Path, file: &Path, guard: Option<&dyn KeyGuard>) -> Result<(), Error> {
        let bytes = brought(file)?;
        let (directory, id) = (Directory::make(path, DIRECTORY_MODE)?, Kek::new(0, &bytes).id);
        if directory.find(&format!("{id}{SUFFIX}"), FILE_MODE)?.is_some() {
            return Ok(());
        }
        let oldest = oldest(&directory, path)?;
        let protected = guard.map(|guard| protect(guard, &id, &bytes)).transpose()?;
        store(&directory, oldest.map_or_else(now, |oldest| oldest.saturating_sub(1)), &NewKey { bytes, protected })?;
        Ok(())
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

    fn make(&self) -> Result<NewKey, Error> {
        make(self.guard.as_deref())
    }

    fn add(&self, key: NewKey) -> Result<String, Error> {
        // Held until the end: of two at a time, the second is the newest.
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not make a new key the older one.
        let created = keys.first().map_or(0, |newest| newest.created + 1).max(now());
        let kek = store(&Directory::open(&self.path)?, created, &key)?;
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

fn read(directory: &Directory, path: &Path, guard: Option<&dyn KeyGuard>) -> Result<Vec<Arc<Kek>>, Error> {
    let mut keys = Vec::new();
    for (id, held) in files(directory, path)? {
        let (id, file) = (id.as_str(), path.join(format!("{id}{SUFFIX}")));
        let malformed = || Error::Malformed { path: file.clone() };
        let kek = held.opened(id, file.clone(), guard)?.filter(|kek| kek.id == id).ok_or_else(malformed)?;
        if let (Held::Plain { created, bytes }, Some(guard)) = (&held, guard) {
            let protected = protect(guard, id, bytes)?;
            store(directory, *created, &NewKey { bytes: bytes.clone(), protected: Some(protected) })?;
            tracing::info!(key = id, by = guard.name(), "the file of a wrapping key is protected now; its backups of before are not");
        }
        keys.push(Arc::new(kek));
    }
    sort(&mut keys);
    Ok(keys)
}

/// What the files of a directory hold, each under the id that it is named by.
fn files(directory: &Directory, path: &Path) -> Result<Vec<(String, Held)>, Error> {
    let failed = |source| Error::System { path: path.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let Some((name, id)) = name.to_str().and_then(|name| Some((name, name.strip_suffix(SUFFIX)?))) else { continue };
        let Some(file) = directory.find(name, FILE_MODE)? else { continue };
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_FILE).read_to_string(&mut text).map_err(|source| Error::System { path: path.join(name), source })?;
        let held = parse(&text).ok_or_else(|| Error::Malformed { path: path.join(name) })?;
        found.push((id.to_owned(), held));
    }
    Ok(found)
}

/// When the oldest key of a directory was made.
fn oldest(directory: &Directory, path: &Path) -> Result<Option<u64>, Error> {
    let created = |(_, held): (String, Held)| match held {
        Held::Plain { created, .. } | Held::Protected { created, .. } => created,
    };
    Ok(files(directory, path)?.into_iter().map(created).min())
}

/// The key of a file that somebody else has made: 32 bytes, as they are, in base64 or in hexadecimal digits.
fn brought(file: &Path) -> Result<Zeroizing<[u8; KEY_BYTES]>, Error> {
    let path = file_trust::trusted(file)?;
    let failed = |source| Error::System { path: path.clone(), source };
    let opened = fs::File::open(&path).map_err(failed)?;
    if opened.metadata().map_err(failed)?.mode() & OTHERS != 0 {
        return Err(Error::Exposed { path });
    }
    let mut held = Zeroizing::new(Vec::new());
    opened.take(MAX_FILE).read_to_end(&mut held).map_err(failed)?;
    let text = std::str::from_utf8(&held).unwrap_or_default().trim();
    // 64 hexadecimal digits are base64, too, of another length.
    let in_base64 = || bytes_of(&Zeroizing::new(STANDARD.decode(text).ok()?));
    let in_hex = || bytes_of(&Zeroizing::new(unhex(text)?));
    bytes_of(&held).or_else(in_base64).or_else(in_hex).ok_or_else(|| Error::NoKey { path: file.to_owned() })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    text.as_bytes().chunks(2).map(|pair| u8::try_from(digit(&pair[0])? * 16 + digit(pair.get(1)?)?).ok()).collect()
}

fn make(guard: Option<&dyn KeyGuard>) -> Result<NewKey, Error> {
    let bytes = Key::random();
    let protected = guard.map(|guard| protect(guard, &Kek::new(0, &bytes).id, &bytes)).transpose()?;
    Ok(NewKey { bytes, protected })
}

/// What is answered is believed once it has been opened: it takes the place of the only other copy.
fn protect(guard: &dyn KeyGuard, id: &str, bytes: &[u8; KEY_BYTES]) -> Result<Protected, Error> {
    let text = guard.protect(id, bytes).map_err(|source| refused(guard, id, "protect", source))?;
    let is_text = text.len() <= MAX_PROTECTED && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_text {
        return Err(refused(guard, id, "protect", "what it answers cannot stand in a key file".into()));
    }
    let opened = guard.open(id, &text).map_err(|source| refused(guard, id, "open again", source))?;
    if *opened != bytes.as_slice() {
        return Err(refused(guard, id, "open again", "what it opens is another key".into()));
    }
    Ok(Protected { by: guard.name().to_owned(), text })
}

fn refused(guard: &dyn KeyGuard, id: &str, doing: &'static str, source: GuardError) -> Error {
    Error::Guard { by: guard.name().to_owned(), id: id.to_owned(), doing, source }
}

/// Writes the file of a key, in place of one that it has.
fn store(directory: &Directory, created: u64, key: &NewKey) -> Result<Arc<Kek>, Error> {
    let kek = Kek::new(created, &key.bytes);
    let text = match &key.protected {
        Some(Protected { by, text }) => format!("{PROTECTED_FORM} {created} {by} {text}\n"),
        None => format!("{FORM} {created} {}\n", Zeroizing::new(STANDARD.encode(key.bytes.as_slice())).as_str()),
    };
    directory.replace(&format!("{}{SUFFIX}", kek.id), FILE_MODE, Zeroizing::new(text).as_bytes())?;
    tracing::info!(key = kek.id, "a key that wraps data keys is stored");
    Ok(Arc::new(kek))
}

/// What a file holds.
enum Held {
    Plain { created: u64, bytes: Zeroizing<[u8; KEY_BYTES]> },
    Protected { created: u64, by: String, text: String },
}

impl Held {
    /// The key, unless what was opened is none.
    fn opened(&self, id: &str, path: PathBuf, guard: Option<&dyn KeyGuard>) -> Result<Option<Kek>, Error> {
        match (self, guard) {
            (Held::Plain { created, bytes }, _) => Ok(Some(Kek::new(*created, bytes))),
            (Held::Protected { created, by, text }, Some(guard)) if by == guard.name() => {
                let bytes = guard.open(id, text).map_err(|source| refused(guard, id, "open", source))?;
                Ok(bytes_of(&bytes).map(|bytes| Kek::new(*created, &bytes)))
            }
            (Held::Protected { by, .. }, other) => {
                let asks = other.map_or_else(|| "asks nothing that protects keys".to_owned(), |other| format!("asks {}", other.name()));
                Err(Error::Guarded { path, by: by.clone(), asks })
            }
        }
    }
}

fn parse(text: &str) -> Option<Held> {
    let mut parts = text.strip_suffix('\n')?.split(' ');
    let (form, created) = (parts.next()?, parts.next()?.parse().ok()?);
    let held = match form {
        FORM => Held::Plain { created, bytes: bytes_of(&Zeroizing::new(STANDARD.decode(parts.next()?).ok()?))? },
        PROTECTED_FORM => Held::Protected { created, by: parts.next()?.to_owned(), text: parts.next()?.to_owned() },
        _ => return None,
    };
    parts.next().is_none().then_some(held)
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
