//! A directory that a server writes, and the files in it: its user's alone, and opened by a descriptor instead of by name twice.

use std::fs::{DirBuilder, File, Metadata, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use crate::error::{Error, Problem};
use crate::judge::Judge;
use crate::path;

const DIRECTORY: &str = "directory";
const FILE: &str = "regular file";
/// A pipe that waits for a reader, or a terminal, must not hold up whoever looks at it.
const NO_FOLLOW: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);

/// A directory of this process's user, which nobody else can write.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    file: File,
}

// === impl Directory ===

impl Directory {
    /// Makes a directory with this mode, parents included, or accepts one that is ours alone, and takes from it what the mode does
    /// not allow. What is on the way may be root's, and a link.
    ///
    /// # Errors
    /// It, or something on the way, cannot be trusted or made.
    pub fn make(path: &Path, mode: u32) -> Result<Self, Error> {
        let judge = Judge::of_this_process();
        path::parents(&judge, path)?;
        let made = match DirBuilder::new().mode(mode).create(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => DirBuilder::new().recursive(true).mode(mode).create(path),
            made => made,
        };
        let made = match made {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(source) => return Err(Error::system(path)(source)),
        };
        let (directory, metadata) = Directory::made(&judge, path)?;
        // The umask may have taken a bit from a new one.
        if made { directory.set(mode) } else { restrict(path, &directory.file, &metadata, mode) }?;
        Ok(directory)
    }

    /// Opens what was just made. Somebody else may have made a part of the way since it was judged, in a directory for everybody's
    /// temporary files: it is judged again.
    pub(crate) fn made(judge: &Judge, path: &Path) -> Result<(Self, Metadata), Error> {
        let (directory, metadata) = Directory::opened(judge, path)?;
        path::parents(judge, path)?;
        Ok((directory, metadata))
    }

    /// Opens one that is ours alone.
    ///
    /// # Errors
    /// As [`Directory::make`], or there is none.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let judge = Judge::of_this_process();
        path::parents(&judge, path)?;
        Ok(Directory::opened(&judge, path)?.0)
    }

    fn opened(judge: &Judge, path: &Path) -> Result<(Self, Metadata), Error> {
        let file = open(None, path, OFlags::RDONLY | OFlags::DIRECTORY, 0, DIRECTORY)?;
        let metadata = file.metadata().map_err(Error::system(path))?;
        judge.own(path, &metadata)?;
        Ok((Directory { path: path.to_owned(), file }, metadata))
    }

    /// Opens a file to read and write, making it with this mode where it is absent, and takes from it what the mode does not allow.
    ///
    /// # Errors
    /// It is a link, no regular file, has another name, or is not ours alone.
    pub fn file(&self, name: &str, mode: u32) -> Result<File, Error> {
        self.checked(name, OFlags::RDWR | OFlags::CREATE, mode)
    }

    /// Opens a file as [`Directory::file`] does, if there is one.
    ///
    /// # Errors
    /// As there.
    pub fn find(&self, name: &str, mode: u32) -> Result<Option<File>, Error> {
        match self.checked(name, OFlags::RDWR, mode) {
            Err(error) if error.is_not_found() => Ok(None),
            found => found.map(Some),
        }
    }

    /// Puts a new file with this mode into the place of a file, if there is one, at once: whoever opens the name, also after the machine
    /// has lost its power, finds what was there before or all that is here. There must be one writer at a time.
    ///
    /// # Errors
    /// It cannot be written; what was there before is still there.
    pub fn replace(&self, name: &str, mode: u32, content: &[u8]) -> Result<(), Error> {
        let fresh = format!(".{name}.new");
        let path = self.path.join(&fresh);
        // What a writer left who was killed.
        match unlinkat(&self.file, &fresh, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(Error::system(&path)(error.into())),
        }
        let mut file = open(Some((&self.file, &fresh)), &path, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, mode, FILE)?;
        let written =
            file.set_permissions(Permissions::from_mode(mode)).and_then(|()| file.write_all(content)).and_then(|()| file.sync_all());
        written.map_err(Error::system(&path))?;
        renameat(&self.file, &fresh, &self.file, name).map_err(|error| Error::system(&self.path.join(name))(error.into()))?;
        self.file.sync_all().map_err(Error::system(&self.path))
    }

    fn checked(&self, name: &str, flags: OFlags, mode: u32) -> Result<File, Error> {
        let path = self.path.join(name);
        let file = open(Some((&self.file, name)), &path, flags, mode, FILE)?;
        let metadata = file.metadata().map_err(Error::system(&path))?;
        if !metadata.is_file() {
            return Err(Error::untrusted(&path, Problem::Kind { wanted: FILE }));
        }
        Judge::of_this_process().own(&path, &metadata)?;
        if metadata.nlink() > 1 {
            return Err(Error::untrusted(&path, Problem::Names { count: metadata.nlink() }));
        }
        restrict(&path, &file, &metadata, mode)?;
        Ok(file)
    }

    fn set(&self, mode: u32) -> Result<(), Error> {
        self.file.set_permissions(Permissions::from_mode(mode)).map_err(Error::system(&self.path))
    }
}

/// Opens what a path names and never what a link leads to: in a directory that is open, or by the whole path.
fn open(inside: Option<(&File, &str)>, path: &Path, flags: OFlags, mode: u32, wanted: &'static str) -> Result<File, Error> {
    let opened = match inside {
        Some((directory, name)) => openat(directory, name, flags | NO_FOLLOW, Mode::from_raw_mode(mode)),
        None => openat(CWD, path, flags | NO_FOLLOW, Mode::from_raw_mode(mode)),
    };
    opened.map(File::from).map_err(|error| refusal(path, error, wanted))
}

/// What the kernel's refusal of a link, of a socket or of another kind means.
fn refusal(path: &Path, error: Errno, wanted: &'static str) -> Error {
    let is_link =
        || statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|found| rustix::fs::FileType::from_raw_mode(found.st_mode).is_symlink());
    match error {
        Errno::LOOP | Errno::NOTDIR if is_link() => Error::untrusted(path, Problem::Link),
        Errno::NOTDIR | Errno::ISDIR | Errno::NXIO => Error::untrusted(path, Problem::Kind { wanted }),
        error => Error::system(path)(io::Error::from(error)),
    }
}

fn restrict(path: &Path, file: &File, metadata: &Metadata, mode: u32) -> Result<(), Error> {
    let now = metadata.mode() & 0o7777;
    if now & !mode == 0 {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(now & mode)).map_err(Error::system(path))
}
