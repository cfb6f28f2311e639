//! Contexts: servers under names of their own, each with what proves there who calls. They lie in one file that nobody else can read;
//! several commands at once neither see half of it nor lose each other's changes.
//!
//! Which context a command uses is not decided here, but in [`crate::choice`].

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use file_trust::Directory;
use serde::{Deserialize, Serialize};
use settings::Surroundings;

use crate::client::names::{self, Tenant};
use crate::exit::Exit;
use crate::failure::{Failure, Result, chain};
use crate::secret::Secret;

/// The file, in the directory of our configuration.
const FILE: &str = "contexts.toml";
/// Held by who changes it. A file of its own, since the other one is replaced with each change.
const LOCK: &str = "contexts.lock";
/// Nobody else reads secrets.
const MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;
/// More than thousands of contexts need, in bytes.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// Longest name of a context in bytes.
const MAX_NAME: usize = 128;

/// Everything in the file. What another version of this program wrote there and this one does not know is refused, so that no change
/// loses it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contexts {
    /// The context of commands that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// By name.
    #[serde(default)]
    pub contexts: BTreeMap<String, Entry>,
}

/// One context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Where the server is, e.g. `http://127.0.0.1:7070`. What follows goes nowhere else.
    pub server: String,
    /// The authority of its certificate, where that is none of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// Full name of who is signed in, as the server said it.
    pub principal: String,
    /// What proves it; nothing once it is signed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Kept>,
}

/// What proves who calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// A key of a service account, sent with each call.
    ApiKey(Secret),
    /// What signing in began.
    Session(Session),
}

/// A session: a token for calls, and another that fetches the next one and is good for once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// How the server calls it: `{principal}/sessions/{session}`.
    pub name: String,
    /// Fetches the next pair.
    pub refresh_token: Secret,
    /// Proves who calls.
    pub access_token: Secret,
    /// Until when, by the clock of this machine, in seconds since 1970.
    pub access_expires: u64,
}

/// Where contexts lie.
#[derive(Debug, Clone)]
pub struct Store {
    directory: Option<PathBuf>,
}

/// The file while nobody else changes it.
pub struct Locked {
    directory: Directory,
    path: PathBuf,
    /// Its end gives the lock back.
    _lock: File,
}

// === impl Contexts ===

impl Contexts {
    /// A context by its name.
    ///
    /// # Errors
    /// There is none.
    pub fn get(&self, name: &str) -> Result<&Entry> {
        self.contexts.get(name).ok_or_else(|| absent(name))
    }

    /// The same, to change it.
    ///
    /// # Errors
    /// There is none.
    pub fn get_mut(&mut self, name: &str) -> Result<&mut Entry> {
        self.contexts.get_mut(name).ok_or_else(|| absent(name))
    }

    fn parse(path: &Path, text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            // Its own words quote what stands there.
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            Failure::usage(format!("{} does not hold contexts: line {line} is not understood", path.display())).hint(format!(
                "nothing was changed; mend that line, or `mv {0} {0}.broken` and sign in again with `zona login`",
                path.display()
            ))
        })
    }
}

fn absent(name: &str) -> Failure {
    Failure::new(Exit::NotFound, format!("there is no context {name}")).hint("`zona context list` shows what there is")
}

// === impl Entry ===

impl Entry {
    /// The tenant of who is signed in.
    pub fn tenant(&self) -> Option<Tenant> {
        names::tenant_of(&self.principal)
    }
}

// === impl Session ===

impl Session {
    /// One whose access token serves for so many seconds from now.
    pub fn begun(name: String, refresh_token: Secret, access_token: Secret, seconds: u64) -> Self {
        Session { name, refresh_token, access_token, access_expires: now().saturating_add(seconds) }
    }

    /// Whether the access token still serves at `now` and for `margin` seconds more. One that seems to serve for longer than `longest`
    /// seconds was stored under another time: the clock was set back since.
    pub fn serves(&self, now: u64, margin: u64, longest: u64) -> bool {
        self.access_expires > now.saturating_add(margin) && self.access_expires <= now.saturating_add(longest)
    }
}

/// Seconds since 1970; 0 before.
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// For the command line: the name of a context.
///
/// # Errors
/// What it has to be.
pub fn name(text: &str) -> std::result::Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.@:".contains(c);
    match !text.is_empty() && text.len() <= MAX_NAME && text.chars().all(fits) {
        true => Ok(text.to_owned()),
        false => Err(format!("a context has a name of 1 to {MAX_NAME} letters, digits and - _ . @ :")),
    }
}

// === impl Store ===

impl Store {
    /// In `$XDG_CONFIG_HOME/zona`, else in `~/.config/zona`.
    pub fn of(surroundings: &Surroundings) -> Self {
        let config = surroundings.config_home.clone().or_else(|| surroundings.home.as_ref().map(|home| home.join(".config")));
        Store { directory: config.map(|config| config.join("zona")) }
    }

    /// Reads every context; none where there is no file.
    ///
    /// # Errors
    /// Others could have written the file, or it does not hold contexts.
    pub fn read(&self) -> Result<Contexts> {
        let Some(directory) = &self.directory else { return Ok(Contexts::default()) };
        // Where no file is in sight, nothing on the way to it matters: it works without contexts.
        if std::fs::symlink_metadata(directory.join(FILE)).is_err() {
            return Ok(Contexts::default());
        }
        read(&Directory::open(directory).map_err(untrusted)?, &directory.join(FILE))
    }

    /// Waits until nobody else changes the file. Makes what is missing.
    ///
    /// # Errors
    /// There is no place for it, or others could write it.
    pub fn lock(&self) -> Result<Locked> {
        let path =
            self.directory.as_ref().ok_or_else(|| Failure::usage("there is no place for contexts").hint("set HOME or XDG_CONFIG_HOME"))?;
        let directory = Directory::make(path, DIRECTORY_MODE).map_err(untrusted)?;
        let lock = directory.file(LOCK, MODE).map_err(untrusted)?;
        lock.lock().map_err(|error| Failure::usage(format!("cannot lock {}: {error}", path.join(LOCK).display())))?;
        Ok(Locked { directory, path: path.join(FILE), _lock: lock })
    }

    /// Changes contexts while nobody else does.
    ///
    /// # Errors
    /// Those of the change, which then changes nothing, and of the file.
    pub fn change<T>(&self, change: impl FnOnce(&mut Contexts) -> Result<T>) -> Result<T> {
        let locked = self.lock()?;
        let mut contexts = locked.read()?;
        let answer = change(&mut contexts)?;
        locked.write(&contexts)?;
        Ok(answer)
    }
}

// === impl Locked ===

impl Locked {
    /// What is there now.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read(&self) -> Result<Contexts> {
        read(&self.directory, &self.path)
    }

    /// Puts these in the place of all contexts.
    ///
    /// # Errors
    /// The file cannot be written; what was there before is still there.
    pub fn write(&self, contexts: &Contexts) -> Result<()> {
        let text = toml::to_string(contexts).map_err(|error| Failure::usage(format!("cannot write {}: {error}", self.path.display())))?;
        self.directory.replace(FILE, MODE, text.as_bytes()).map_err(untrusted)
    }
}

fn read(directory: &Directory, path: &Path) -> Result<Contexts> {
    let Some(file) = directory.find(FILE, MODE).map_err(untrusted)? else { return Ok(Contexts::default()) };
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text).map_err(|error| Failure::file(path, &error))?;
    Contexts::parse(path, &text)
}

fn untrusted(error: file_trust::Error) -> Failure {
    Failure::usage(chain(&error))
}

#[cfg(test)]
mod tests;
