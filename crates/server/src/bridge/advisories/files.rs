//! The files of advisories: one, or all `*.json` of a directory and of those in it. Each has a stamp, so that a change is seen without
//! reading it. Links to directories are not followed and hidden names are left out, since mounted volumes keep a second copy of
//! everything behind them.

use std::collections::BTreeMap;
use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// Most directories inside directories: osv.dev's exports have one level, mirrors of advisory databases four.
const MAX_DEPTH: usize = 8;
/// Most names that are looked at, hidden ones included; the whole of PyPI has about 20,000 advisories.
pub(super) const MAX_NAMES: usize = 200_000;
/// Most bytes that are read in all; the whole of PyPI has about 150 MB.
const MAX_BYTES: u64 = 1 << 30;
/// Most things that could not be looked at that are remembered one by one.
const MAX_UNSEEN: usize = 100;
const ARCHIVES: [&str; 9] = ["zip", "gz", "tgz", "tar", "bz2", "xz", "zst", "7z", "rar"];

/// What lies where the operator has said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Files to read.
    pub(super) files: BTreeMap<PathBuf, Stamp>,
    /// What lies beside them, by what it is: how many, and the first of them.
    others: BTreeMap<&'static str, (usize, PathBuf)>,
    /// What could not be looked at, and why; the first few.
    unseen: Vec<(PathBuf, String)>,
    /// How many could not.
    unseen_total: usize,
    /// Names that may still be looked at.
    names_left: usize,
    bytes: u64,
}

/// Differs whenever a file was written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    bytes: u64,
    inode: (u64, u64),
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Looks, without reading a file.
///
/// # Errors
/// When there is nothing, something else, or nothing that may be looked at.
pub(super) fn look(path: &Path) -> io::Result<Found> {
    look_at(path, MAX_NAMES)
}

/// Looks at so many names at most.
pub(super) fn look_at(path: &Path, names: usize) -> io::Result<Found> {
    let mut found =
        Found { files: BTreeMap::new(), others: BTreeMap::new(), unseen: Vec::new(), unseen_total: 0, names_left: names, bytes: 0 };
    let facts = fs::metadata(path)?;
    match facts.is_dir() {
        true => found.walk(path, 0)?,
        false if facts.is_file() => found.file(path.to_owned(), &facts),
        false => return Err(no_file()),
    }
    Ok(found)
}

/// Reads a file that was looked at.
///
/// # Errors
/// When it cannot be read, has become something else, or has grown beyond what may be read at all.
pub(super) fn content(path: &Path) -> io::Result<Vec<u8>> {
    // A pipe that nobody writes must not hold up the start, which no signal would end.
    let file = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(no_file());
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("has more than {MAX_BYTES} bytes")));
    }
    Ok(bytes)
}

fn no_file() -> io::Error {
    io::Error::other("it is neither a regular file nor a directory")
}

// === impl Found ===

impl Found {
    /// What lies there besides files to read, for people; empty when there is nothing.
    pub(super) fn instead(&self) -> String {
        let words = |(kind, (count, first)): (&&str, &(usize, PathBuf))| format!("{count} {kind}, e.g. {}", first.display());
        self.others.iter().map(words).collect::<Vec<_>>().join("; ")
    }

    /// What could not be looked at, for people: the first few, and how many there are.
    pub(super) fn unseen(&self) -> (impl Iterator<Item = String>, usize) {
        (self.unseen.iter().map(|(path, why)| format!("{}: {why}", path.display())), self.unseen_total)
    }

    /// Whether a file may lie there although it was not found, because it, or a directory on its way, could not be looked at.
    pub(super) fn may_hold(&self, file: &Path) -> bool {
        self.unseen_total > self.unseen.len() || self.unseen.iter().any(|(path, _)| file.starts_with(path))
    }

    fn walk(&mut self, directory: &Path, depth: usize) -> io::Result<()> {
        let mut entries = fs::read_dir(directory)?.take(self.names_left + 1).collect::<io::Result<Vec<_>>>()?;
        if entries.len() > self.names_left {
            entries.truncate(self.names_left);
            self.not_seen(directory, "has more names than are looked at in all; the others are left out");
        }
        self.names_left -= entries.len();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            if let Err(error) = self.entry(&entry, depth) {
                self.not_seen(&entry.path(), &error.to_string());
            }
        }
        Ok(())
    }

    fn entry(&mut self, entry: &fs::DirEntry, depth: usize) -> io::Result<()> {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if depth == MAX_DEPTH {
                return Err(io::Error::other(format!("lies deeper than {MAX_DEPTH} directories")));
            }
            return self.walk(&path, depth + 1);
        }
        let facts = fs::metadata(&path)?;
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        match ending.as_str() {
            _ if !facts.is_file() => self.other("links and special files (not followed)", path),
            "json" => self.file(path, &facts),
            archive if ARCHIVES.contains(&archive) => self.other("archives (unpack them)", path),
            "yaml" | "yml" => self.other("YAML files (take the JSON that osv.dev exports)", path),
            _ => self.other("files that do not end in .json", path),
        }
        Ok(())
    }

    fn file(&mut self, path: PathBuf, facts: &Metadata) {
        self.bytes = self.bytes.saturating_add(facts.len());
        if self.bytes > MAX_BYTES {
            self.bytes -= facts.len();
            self.not_seen(&path, &format!("would make more than the {MAX_BYTES} bytes that are read in all"));
            return;
        }
        self.files.insert(path, Stamp::of(facts));
    }

    fn other(&mut self, kind: &'static str, path: PathBuf) {
        self.others.entry(kind).or_insert((0, path)).0 += 1;
    }

    fn not_seen(&mut self, path: &Path, why: &str) {
        self.unseen_total += 1;
        if self.unseen.len() < MAX_UNSEEN {
            self.unseen.push((path.to_owned(), why.to_owned()));
        }
    }
}

// === impl Stamp ===

impl Stamp {
    fn of(facts: &Metadata) -> Self {
        Stamp {
            bytes: facts.len(),
            inode: (facts.dev(), facts.ino()),
            modified: (facts.mtime(), facts.mtime_nsec()),
            changed: (facts.ctime(), facts.ctime_nsec()),
        }
    }
}
