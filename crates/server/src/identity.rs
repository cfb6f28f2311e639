//! Who this server is: an installation, which is its data directory, and an instance, which is this process.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::Error;

/// Longest installation id that is read: what the sandbox takes.
const MAX_ID: u64 = 32;

/// The installation of a data directory; made on first use. The caller holds the directory's lock.
pub(crate) fn installation(data: &Path) -> Result<String, Error> {
    let path = data.join("installation");
    read_or_make(&path).map_err(|source| Error::Installation { path, source })
}

/// A new instance.
pub(crate) fn instance() -> String {
    let id = uuid::Uuid::new_v4().simple().to_string();
    id[..12].to_owned()
}

fn read_or_make(path: &Path) -> io::Result<String> {
    match File::open(path) {
        Ok(file) => {
            let mut text = String::new();
            file.take(MAX_ID + 2).read_to_string(&mut text)?;
            let id = text.trim_end().to_owned();
            let fits =
                !id.is_empty() && id.len() as u64 <= MAX_ID && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            if fits {
                Ok(id)
            } else {
                Err(io::Error::new(ErrorKind::InvalidData, "it does not hold an installation id; restore it from a backup"))
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let id = instance();
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            writeln!(file, "{id}")?;
            file.sync_all()?;
            Ok(id)
        }
        Err(error) => Err(error),
    }
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
    fn a_damaged_id_is_refused_instead_of_replaced() {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("installation"), "").unwrap();
        assert!(installation(data.path()).is_err());
    }
}
