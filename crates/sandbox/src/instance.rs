//! What one server process owns in the file system: its directory with a lock that says it lives, the agent binary, a short
//! directory per sandbox.
//!
//! ```text
//! <runtime directory>/            0711, one per installation
//!   sweep.lock                    held while an instance is made or dead ones are removed
//!   <instance>/                   0711, locked through `lock` while the server lives
//!     lock
//!     agent                       0555, unless another directory is configured
//!     <16 hex digits>/s           one directory and socket per sandbox, gone once the agent has connected
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use file_trust::Directory;
use rustix::fs::{FlockOperation, flock};

use crate::config::Config;
use crate::failure::OpenError;

/// Sandboxes look their socket up as another user, so directories are searchable; names in them are not listable.
const DIRECTORY_MODE: u32 = 0o711;
const LOCK_MODE: u32 = 0o600;
const SWEEP_LOCK: &str = "sweep.lock";
const LOCK: &str = "lock";

/// A live server process, as the file system sees it.
#[derive(Debug)]
pub(crate) struct Instance {
    name: String,
    root: PathBuf,
    directory: PathBuf,
    agent: PathBuf,
    agent_bytes: &'static [u8],
    /// Held for the life of the process: an instance whose lock can be taken is dead.
    lock: Mutex<Option<File>>,
}

/// The directory of one sandbox. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct SandboxDirectory(PathBuf);

/// The instances of an installation that no process holds any more, with their locks taken so that nobody revives them.
pub(crate) struct Dead {
    root: PathBuf,
    agents: Option<PathBuf>,
    found: Vec<(String, File)>,
    _sweep: File,
}

// === impl Instance ===

impl Instance {
    /// Makes the instance's directory, takes its lock and writes the agent binary.
    pub(crate) fn create(config: &Config) -> Result<Self, OpenError> {
        let root = config.runtime_directory.clone();
        let directory = root.join(&config.instance);
        let agent = agent_path(config.agent_directory.as_deref(), &directory, &config.instance);
        let name = config.instance.clone();
        let instance = Instance { name, root, directory, agent, agent_bytes: config.agent.0, lock: Mutex::new(None) };
        *instance.lock() = Some(instance.establish()?);
        Ok(instance)
    }

    fn lock(&self) -> MutexGuard<'_, Option<File>> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes everything that the file system holds of this instance, except for its sandboxes. Returns its lock, taken.
    fn establish(&self) -> Result<File, OpenError> {
        let root = make_private(&self.root)?;
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Prepare { path, source }
        };
        let _sweep = taken(root.file(SWEEP_LOCK, LOCK_MODE)?).map_err(failed(&self.root))?;
        let directory = make_private(&self.directory)?;
        let lock = directory.file(LOCK, LOCK_MODE)?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(OpenError::InstanceTaken(self.name.clone()));
        }
        self.check_agent_directory()?;
        write_agent(&self.agent, self.agent_bytes).map_err(failed(&self.agent))?;
        Ok(lock)
    }

    /// Whoever could exchange the agent would be executed by us. Where the directory is one for everybody's temporary files, nobody else
    /// can remove what is ours.
    fn check_agent_directory(&self) -> Result<(), OpenError> {
        file_trust::trusted_passage(self.agent.parent().unwrap_or(&self.directory))?;
        Ok(())
    }

    /// The agent binary.
    pub(crate) fn agent(&self) -> &Path {
        &self.agent
    }

    /// A new directory for one sandbox. Where somebody has removed the instance's own, as those do that clean temporary
    /// directories, it is made again.
    pub(crate) fn sandbox_directory(&self) -> io::Result<SandboxDirectory> {
        // Of starts at the same time the first makes it again, and no other sees a half of it.
        let mut lock = self.lock();
        match self.new_directory() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                tracing::warn!(directory = %self.directory.display(), "the runtime directory was removed; making it again");
                *lock = Some(self.establish().map_err(io::Error::other)?);
                self.new_directory()
            }
            made => made,
        }
    }

    fn new_directory(&self) -> io::Result<SandboxDirectory> {
        let path = self.directory.join(format!("{:016x}", random()?));
        DirBuilder::new().mode(DIRECTORY_MODE).create(&path)?;
        // The umask may have taken the search bit.
        fs::set_permissions(&path, Permissions::from_mode(DIRECTORY_MODE))?;
        Ok(SandboxDirectory(path))
    }

    /// Removes everything of this instance.
    pub(crate) fn remove(&self) {
        for removed in [fs::remove_file(&self.agent), fs::remove_dir_all(&self.directory)] {
            if let Err(error) = removed
                && error.kind() != ErrorKind::NotFound
            {
                tracing::warn!(%error, directory = %self.directory.display(), "failed to remove the instance's files");
            }
        }
    }
}

// === impl SandboxDirectory ===

impl SandboxDirectory {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.0.join("s")
    }
}

impl Drop for SandboxDirectory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(%error, directory = %self.0.display(), "failed to remove a sandbox's directory");
        }
    }
}

// === impl Dead ===

impl Dead {
    /// Finds the dead instances of an installation.
    pub(crate) fn find(config: &Config) -> io::Result<Self> {
        let root = config.runtime_directory.clone();
        let sweep = taken(Directory::open(&root).and_then(|root| root.file(SWEEP_LOCK, LOCK_MODE)).map_err(io::Error::other)?)?;
        let mut found = Vec::new();
        for entry in fs::read_dir(&root)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                continue;
            }
            let lock = Directory::open(&entry.path()).and_then(|directory| directory.file(LOCK, LOCK_MODE)).map_err(io::Error::other)?;
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
                found.push((entry.file_name().to_string_lossy().into_owned(), lock));
            }
        }
        Ok(Dead { root, agents: config.agent_directory.clone(), found, _sweep: sweep })
    }

    /// Whether an instance that left a trace elsewhere is dead: found so here, or without a directory.
    pub(crate) fn includes(&self, instance: &str) -> bool {
        self.found.iter().any(|(name, _)| name == instance) || !self.root.join(instance).join(LOCK).exists()
    }

    /// Names of the dead instances that have a directory.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.found.iter().map(|(name, _)| name.as_str())
    }

    /// Removes the directories. Last, because they say who is dead.
    pub(crate) fn remove_directories(self) {
        for (name, _lock) in &self.found {
            let directory = self.root.join(name);
            let agent = agent_path(self.agents.as_deref(), &directory, name);
            for removed in [fs::remove_file(agent), fs::remove_dir_all(&directory)] {
                if let Err(error) = removed
                    && error.kind() != ErrorKind::NotFound
                {
                    tracing::warn!(%error, instance = name, "failed to remove a dead instance's files");
                }
            }
        }
    }
}

// === helpers ===

/// 64 random bits.
pub(crate) fn random() -> io::Result<u64> {
    getrandom::u64().map_err(|error| io::Error::other(error.to_string()))
}

fn agent_path(agents: Option<&Path>, directory: &Path, instance: &str) -> PathBuf {
    agents.map_or_else(|| directory.join("agent"), |agents| agents.join(format!("agent-{instance}")))
}

/// Makes a directory, or accepts one that is ours alone.
fn make_private(path: &Path) -> Result<Directory, OpenError> {
    Ok(Directory::make(path, DIRECTORY_MODE)?)
}

/// A lock, once nobody else holds it.
fn taken(lock: File) -> io::Result<File> {
    flock(&lock, FlockOperation::LockExclusive)?;
    Ok(lock)
}

fn write_agent(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o555).open(path)?;
    file.write_all(bytes)?;
    file.set_permissions(Permissions::from_mode(0o555))
}

#[cfg(test)]
mod tests;
