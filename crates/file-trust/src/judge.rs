//! The rules: whose things a process may trust. Pure but for asking who the process is, and for access control lists.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::io::Errno;

use crate::error::{Error, Problem};

const ROOT: u32 = 0;
const WRITABLE_BY_GROUP: u32 = 0o020;
const WRITABLE_BY_ALL: u32 = 0o002;
/// In such a directory only the owner of an entry, or of the directory, can move or remove the entry.
const STICKY: u32 = 0o1000;
/// Where the kernel keeps a POSIX access control list that says more than the mode does.
const ACCESS_LIST: &str = "system.posix_acl_access";

/// Who judges.
pub(crate) struct Judge {
    uid: u32,
    groups: Vec<u32>,
}

// === impl Judge ===

impl Judge {
    pub(crate) fn of_this_process() -> Self {
        let mut groups = vec![ROOT, rustix::process::getegid().as_raw()];
        // Without them only more is refused.
        groups.extend(rustix::process::getgroups().unwrap_or_default().into_iter().map(rustix::process::Gid::as_raw));
        Judge { uid: rustix::process::geteuid().as_raw(), groups }
    }

    /// A directory on the way: what lies in it can be exchanged by its owner, and by all who can write it unless it is sticky.
    pub(crate) fn passage(&self, path: &Path, metadata: &Metadata) -> Result<(), Error> {
        self.owned(path, metadata)?;
        if metadata.mode() & STICKY != 0 { Ok(()) } else { self.not_written_by_others(path, metadata) }
    }

    /// What is read or executed.
    pub(crate) fn settled(&self, path: &Path, metadata: &Metadata) -> Result<(), Error> {
        self.owned(path, metadata)?;
        self.not_written_by_others(path, metadata)
    }

    /// Ours or root's.
    pub(crate) fn owned(&self, path: &Path, metadata: &Metadata) -> Result<(), Error> {
        if [self.uid, ROOT].contains(&metadata.uid()) {
            return Ok(());
        }
        Err(Error::untrusted(path, self.stranger(metadata.uid())))
    }

    /// Ours alone, as what the server writes itself is.
    pub(crate) fn own(&self, path: &Path, metadata: &Metadata) -> Result<(), Error> {
        if metadata.uid() != self.uid {
            return Err(Error::untrusted(path, self.stranger(metadata.uid())));
        }
        let mode = metadata.mode() & 0o7777;
        if mode & (WRITABLE_BY_GROUP | WRITABLE_BY_ALL) != 0 {
            return Err(Error::untrusted(path, Problem::Writable { mode }));
        }
        Ok(())
    }

    /// That somebody else is the owner.
    fn stranger(&self, found: u32) -> Problem {
        // Where this cannot be read, the id is taken for what it seems to be.
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        if is_unmapped(found, &read("/proc/sys/kernel/overflowuid"), &read("/proc/self/uid_map")) {
            return Problem::Unmapped { found };
        }
        Problem::Owner { found, wanted: self.uid }
    }

    /// A group that this process is in is trusted: with the usual umask of many systems, everything is writable by its owner's.
    fn not_written_by_others(&self, path: &Path, metadata: &Metadata) -> Result<(), Error> {
        let mode = metadata.mode() & 0o7777;
        let by_group = mode & WRITABLE_BY_GROUP != 0;
        if mode & WRITABLE_BY_ALL != 0 || by_group && !self.groups.contains(&metadata.gid()) {
            return Err(Error::untrusted(path, Problem::Writable { mode }));
        }
        // With a list, the group's bits are no longer the group's: they are the most that anybody has whom the list names.
        if by_group && has_access_list(path) {
            return Err(Error::untrusted(path, Problem::Listed { mode }));
        }
        Ok(())
    }
}

/// Whether a path that is no link has an access control list. What cannot be known counts as one.
fn has_access_list(path: &Path) -> bool {
    match rustix::fs::lgetxattr_query(path, ACCESS_LIST) {
        Ok(bytes) => bytes > 0,
        // There is none; the file system has none at all.
        Err(Errno::NODATA | Errno::NOTSUP) => false,
        Err(_) => true,
    }
}

/// Whether an id stands for users whom a user namespace does not know. One that knows root of the namespace around it is taken to know
/// everybody. `map` has lines of an id inside, one outside, and how many follow (user_namespaces(7)).
pub(crate) fn is_unmapped(uid: u32, overflow: &str, map: &str) -> bool {
    let knows_root = map.lines().any(|line| line.split_whitespace().nth(1) == Some("0"));
    overflow.trim().parse() == Ok(uid) && !map.is_empty() && !knows_root
}
