//! Who this server is: an installation, which is its data directory, and an instance, which is this process.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::Path;

use file_trust::Directory;

use super::Error;

/// Its name in the data directory.
const NAME: &str = "installation";
const MODE: u32 = 0o600;

/// Longest installation id that is read: what the sandbox takes.
const MAX_ID: u64 = 32;

/// The installation of a data directory; made on first use. The caller holds the directory's lock.
pub(crate) fn installation(data: &Path) -> Result<String, Error> {
    let directory = Directory::open(data)?;
    let found = directory.find(NAME, MODE)?;
    let failed = |source| Error::Installation { path: data.join(NAME), source };
    match found {
        Some(file) => read(file).map_err(failed),
        None => {
            let id = instance();
            write(directory.file(NAME, MODE)?, &id).map_err(failed)?;
            Ok(id)
        }
    }
}

/// A new instance.
pub(crate) fn instance() -> String {
    let id = uuid::Uuid::new_v4().simple().to_string();
    id[..12].to_owned()
}

fn read(file: File) -> io::Result<String> {
    let mut text = String::new();
    file.take(MAX_ID + 2).read_to_string(&mut text)?;
    let id = text.trim_end().to_owned();
    let fits = !id.is_empty() && id.len() as u64 <= MAX_ID && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if fits { Ok(id) } else { Err(io::Error::new(ErrorKind::InvalidData, "it does not hold an installation id; restore it from a backup")) }
}

fn write(mut file: File, id: &str) -> io::Result<()> {
    writeln!(file, "{id}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_keeps_its_id() {
        let data = tempfile::tempdir().unwrap();
        let first = installation(data.path()).unwrap();
        assert_eq!(installation(data.path()).unwrap(), first);
        assert_ne!(installation(tempfile::tempdir().unwrap().path()).unwrap(), first);
    }

    #[test]
    fn an_id_is_not_read_through_a_link() {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("theirs"), "theirs").unwrap();
        std::os::unix::fs::symlink("theirs", data.path().join(NAME)).unwrap();
        assert!(matches!(installation(data.path()), Err(Error::Untrusted(_))));
    }

    #[test]
    fn a_damaged_id_is_refused_instead_of_replaced() {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("installation"), "").unwrap();
        assert!(installation(data.path()).is_err());
    }
}
