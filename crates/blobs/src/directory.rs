//! What a directory needs beyond what the library does with it: that it is ours alone, and that what a killed server left behind goes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use file_trust::Directory;
use tokio::task::JoinHandle;

use crate::error::Error;

/// Nobody else looks into it.
const MODE: u32 = 0o700;
/// What stands in names of files that are being written, behind the names that they get.
const STAGED: char = '#';
/// For so long a file may be written.
const WRITTEN_WITHIN: Duration = Duration::from_secs(24 * 3_600);

/// A directory of objects.
pub(crate) struct Root {
    path: PathBuf,
}

impl Root {
    /// Makes the directory, or takes it if it is ours alone.
    pub(crate) fn make(directory: &Path) -> Result<Self, Error> {
        Directory::make(directory, MODE)?;
        let system = |source| Error::System { path: directory.to_owned(), source };
        // The library leads links on the way, which were judged, to their end.
        Ok(Root { path: fs::canonicalize(directory).map_err(system)? })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes what was being written below it, in a directory of ours, when its server was killed, beside other work. What else lies in the
    /// root is somebody else's.
    pub(crate) fn sweep(&self, ours: &str) -> JoinHandle<()> {
        let root = self.path.join(ours);
        // Whatever stays is looked at again the next time; what is wrong is logged.
        tokio::task::spawn_blocking(move || {
            if let Err(error) = sweep_where_there(&root) {
                tracing::warn!(%error, directory = %root.display(), "what killed servers left of objects stays");
            }
        })
    }
}

fn sweep(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            sweep(&entry.path())?;
        } else if kind.is_file() && is_staged(&entry.file_name().to_string_lossy()) && is_old(&entry.metadata()?)? {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// That nothing was stored yet, or that somebody else removes what is old, is no failure.
fn sweep_where_there(directory: &Path) -> io::Result<()> {
    match sweep(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        swept => swept,
    }
}

fn is_staged(name: &str) -> bool {
    name.rsplit_once(STAGED).is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_old(metadata: &fs::Metadata) -> io::Result<bool> {
    let age = SystemTime::now().duration_since(metadata.modified()?);
    Ok(age.is_ok_and(|age| age > WRITTEN_WITHIN))
}

#[cfg(test)]
mod tests {
    use std::fs::{File, FileTimes};

    use super::*;

    #[test]
    fn what_a_killed_server_was_writing_goes_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let tenant = root.path().join("output/acme");
        fs::create_dir_all(&tenant).unwrap();
        let old = SystemTime::now() - 2 * WRITTEN_WITHIN;
        for (name, modified) in [("aa", old), ("aa#1", old), ("aa#12", SystemTime::now()), ("aa#", old), ("aa#x", old)] {
            let file = File::create(tenant.join(name)).unwrap();
            file.set_times(FileTimes::new().set_modified(modified)).unwrap();
        }
        sweep_where_there(root.path()).unwrap();
        sweep_where_there(&root.path().join("absent")).unwrap();
        let mut left: Vec<_> = fs::read_dir(&tenant).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        assert_eq!(left, ["aa", "aa#", "aa#12", "aa#x"]);
    }
}
