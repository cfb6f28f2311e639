//! Files with what not everybody may read: of their user alone, and under their name only once they are whole.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::failure::{Failure, Result};

/// A file that is being written beside its place. Where it is dropped before its end, nothing is left of it; of a program that is
/// killed, a hidden file.
#[derive(Debug)]
pub struct PrivateFile {
    path: PathBuf,
    file: BufWriter<NamedTempFile<File>>,
}

impl PrivateFile {
    /// A file that is to be at `path`, where none may be.
    ///
    /// # Errors
    /// There is one, or none can be written there.
    pub fn new(path: &Path) -> Result<Self> {
        let begin = || {
            if path.symlink_metadata().is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            // What is made so has the mode 0600.
            tempfile::Builder::new().prefix(".zona-").tempfile_in(directory)
        };
        let file = begin().map_err(|error| cannot_write(path, &error))?;
        Ok(PrivateFile { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// Adds to it.
    ///
    /// # Errors
    /// That it cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| cannot_write(&self.path, &error))
    }

    /// Puts it in its place, for good.
    ///
    /// # Errors
    /// That it cannot be written, or something has come to be there meanwhile.
    pub fn finish(self) -> Result<()> {
        let PrivateFile { path, file } = self;
        let end = || {
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            file.persist_noclobber(&path).map(drop).map_err(|refused| refused.error)
        };
        end().map_err(|error| cannot_write(&path, &error))
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::usage(format!("cannot write {}: {error}", path.display()));
    match error.kind() {
        io::ErrorKind::AlreadyExists => failure.hint("name another file; none that is there is written over"),
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn names(directory: &Path) -> Vec<PathBuf> {
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn a_file_is_there_once_it_is_whole_and_nobody_else_may_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut file = PrivateFile::new(&path).unwrap();
        file.write(b"one ").unwrap();
        file.write(b"two").unwrap();
        assert!(!path.exists());
        file.finish().unwrap();
        assert_eq!(names(directory.path()), std::slice::from_ref(&path));
        assert_eq!(fs::read(&path).unwrap(), b"one two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn of_a_file_that_is_not_finished_nothing_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = PrivateFile::new(&directory.path().join("log")).unwrap();
        file.write(b"one").unwrap();
        drop(file);
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn what_is_there_stays_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let begun = PrivateFile::new(&path).unwrap();
        fs::write(&path, "before").unwrap();
        let refused = [PrivateFile::new(&path).map(drop), begun.finish()];
        for refused in refused {
            assert!(refused.unwrap_err().message.starts_with(&format!("cannot write {}", path.display())));
        }
        assert_eq!((fs::read(&path).unwrap(), names(directory.path()).len()), (b"before".to_vec(), 1));
    }
}
