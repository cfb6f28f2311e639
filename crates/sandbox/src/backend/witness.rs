//! Whether the files that a runtime was identified by are those that a sandbox would get now. A directory that is built anew under a
//! server would else run under the digest, the packages and the interface of the old one.
//!
//! It deliberately looks at what a build always writes, and not at every file: those a sandbox only reads.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sandbox_protocol::control::Layout;

use super::manifest::{INTERFACE_FILE, MANIFEST_FILE};

/// Files as they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Witness(Vec<(PathBuf, Option<Stamp>)>);

/// What changes when a file is replaced or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

// === impl Witness ===

impl Witness {
    /// The interpreter, and what builds write into directories of packages, as they are now, or are not.
    pub(crate) fn of(layout: &Layout) -> Self {
        let written = |directory: &String| [MANIFEST_FILE, INTERFACE_FILE].map(|name| Path::new(directory).join(name));
        let files = std::iter::once(PathBuf::from(&layout.python)).chain(layout.packages.iter().flat_map(written));
        Witness(files.map(|file| (file.clone(), Stamp::of(&file))).collect())
    }

    /// The first that is another file now.
    pub(crate) fn replaced(&self) -> Option<&Path> {
        self.0.iter().find(|(file, stamp)| Stamp::of(file) != *stamp).map(|(file, _)| file.as_path())
    }
}

// === impl Stamp ===

impl Stamp {
    /// `None` where there is no such file, or none that this process may look at.
    fn of(file: &Path) -> Option<Self> {
        let metadata = fs::metadata(file).ok()?;
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        Some(Stamp { device: metadata.dev(), inode: metadata.ino(), size: metadata.len(), modified })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&Path), expected: Option<&str>) {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("python3"), "old").unwrap();
        fs::write(at(MANIFEST_FILE), "{}").unwrap();
        let text = |path: PathBuf| path.display().to_string();
        let layout =
            Layout { python: text(at("python3")), read_only: Vec::new(), links: Vec::new(), packages: vec![text(directory.path().into())] };
        let witness = Witness::of(&layout);
        change(directory.path());
        assert_eq!(witness.replaced(), expected.map(at).as_deref());
    }

    #[test]
    fn a_file_that_is_replaced_written_removed_or_new_is_named() {
        check(|_| {}, None);
        check(|directory| fs::write(directory.join("module.py"), "").unwrap(), None);
        let rename = |directory: &Path| {
            fs::write(directory.join("new"), "old").unwrap();
            fs::rename(directory.join("new"), directory.join("python3")).unwrap();
        };
        check(rename, Some("python3"));
        check(|directory| fs::write(directory.join(MANIFEST_FILE), "{ }").unwrap(), Some(MANIFEST_FILE));
        check(|directory| fs::remove_file(directory.join(MANIFEST_FILE)).unwrap(), Some(MANIFEST_FILE));
        check(|directory| fs::write(directory.join(INTERFACE_FILE), "").unwrap(), Some(INTERFACE_FILE));
    }
}
