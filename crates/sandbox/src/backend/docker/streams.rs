//! The pipes of the one child of a container that gVisor runs: no descriptor passes out of its kernel, so they are made here, by
//! name, and mounted into the container one by one.
//!
//! The names are searchable by nobody who does not know the sandbox's directory, and go once the child has its ends. What is read
//! from a pipe is trusted no more than with any other child.

use std::fs::Permissions;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, open};
use sandbox_protocol::STREAM_NAMES;

/// Every pipe, and the server's ends of all but the first.
pub(super) struct Streams {
    paths: [PathBuf; STREAM_NAMES.len()],
    /// Keeps the request's pipe readable from its start until the child is there, so that its writing end can be opened.
    _request: OwnedFd,
    readers: Vec<OwnedFd>,
}

// === impl Streams ===

impl Streams {
    /// Makes the pipes in a sandbox's directory, for its user.
    pub(super) fn make(directory: &Path, uid: u32) -> io::Result<Self> {
        let paths = STREAM_NAMES.map(|name| directory.join(name));
        for path in &paths {
            mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
            if rustix::process::geteuid().is_root() {
                std::os::unix::fs::chown(path, Some(uid), Some(uid))?;
            } else {
                std::fs::set_permissions(path, Permissions::from_mode(0o666))?;
            }
        }
        let [request, others @ ..] = &paths;
        let readers = others.iter().map(|path| end(path, OFlags::RDONLY)).collect::<io::Result<_>>()?;
        let _request = end(request, OFlags::RDWR)?;
        Ok(Streams { _request, readers, paths })
    }

    /// The server's ends, in the order of a child's descriptors. The child has opened its own.
    pub(super) fn into_ends(self) -> io::Result<Vec<OwnedFd>> {
        let writer = end(&self.paths[0], OFlags::WRONLY)?;
        for path in &self.paths {
            std::fs::remove_file(path)?;
        }
        Ok(std::iter::once(writer).chain(self.readers).collect())
    }
}

fn end(path: &Path, how: OFlags) -> io::Result<OwnedFd> {
    Ok(open(path, how | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::{Read as _, Write as _};

    use super::*;

    #[test]
    fn what_the_child_writes_arrives_and_each_end_ends_with_its_last_holder() {
        let directory = tempfile::tempdir().unwrap();
        let streams = Streams::make(directory.path(), rustix::process::geteuid().as_raw()).unwrap();
        let [request, result, ..] = STREAM_NAMES.map(|name| directory.path().join(name));
        let mut theirs = OpenOptions::new().write(true).open(result).unwrap();
        // Opens at once: the server holds the other end.
        let mut read = OpenOptions::new().read(true).open(request).unwrap();
        let mut ends = streams.into_ends().unwrap().into_iter().map(std::fs::File::from);
        let (mut program, mut answer) = (ends.next().unwrap(), ends.next().unwrap());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "the names are gone");
        program.write_all(b"program").unwrap();
        drop(program);
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        assert_eq!(text, "program");
        theirs.write_all(b"answer").unwrap();
        drop(theirs);
        text.clear();
        answer.read_to_string(&mut text).unwrap();
        assert_eq!(text, "answer");
    }

    #[test]
    fn a_child_that_is_gone_is_an_error_and_no_hang() {
        let directory = tempfile::tempdir().unwrap();
        let streams = Streams::make(directory.path(), rustix::process::geteuid().as_raw()).unwrap();
        std::fs::remove_file(directory.path().join(STREAM_NAMES[0])).unwrap();
        assert!(streams.into_ends().is_err());
    }
}
