//! The files of advisories: one, or all `*.json` of a directory and of those in it. Each has a stamp, so that a change is seen without
//! reading it. Links to directories are not followed and hidden names are left out, since mounted volumes keep a second copy of
//! everything behind them.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Most directories inside directories: osv.dev's exports have one level, mirrors of advisory databases four.
const MAX_DEPTH: usize = 8;
/// Most names that are looked at; the whole of PyPI has about 20,000 advisories.
const MAX_NAMES: usize = 200_000;
/// Most bytes that are read in all; the whole of PyPI has about 150 MB.
const MAX_BYTES: u64 = 1 << 30;
/// Most things that could not be looked at that are remembered for the log.
const MAX_UNSEEN: usize = 100;
const ARCHIVES: [&str; 9] = ["zip", "gz", "tgz", "tar", "bz2", "xz", "zst", "7z", "rar"];

/// What lies where the operator has said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Files to read.
    pub(super) files: BTreeMap<PathBuf, Stamp>,
    /// What lies beside them, by what it is: how many, and the first of them.
    others: BTreeMap<&'static str, (usize, PathBuf)>,
    /// What could not be looked at, and why; the first few.
    pub(super) unseen: Vec<String>,
    names: usize,
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
/// When there is nothing, or nothing that may be looked at.
pub(super) fn look(path: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    let facts = fs::metadata(path)?;
    if facts.is_dir() {
        found.walk(path, 0)?;
    } else {
        found.file(path.to_owned(), &facts);
    }
    Ok(found)
}

/// Reads a file that was looked at.
///
/// # Errors
/// When it cannot be read, or has grown beyond what may be read at all.
pub(super) fn content(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("has more than {MAX_BYTES} bytes")));
    }
    Ok(bytes)
}

// === impl Found ===

impl Found {
    /// What lies there besides files to read, for people; empty when there is nothing.
    pub(super) fn instead(&self) -> String {
        let words = |(kind, (count, first)): (&&str, &(usize, PathBuf))| format!("{count} {kind}, e.g. {}", first.display());
        self.others.iter().map(words).collect::<Vec<_>>().join("; ")
    }

    fn walk(&mut self, directory: &Path, depth: usize) -> io::Result<()> {
        let mut entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            self.names += 1;
            if self.names > MAX_NAMES {
                self.unseen(&entry.path(), &format!("lies beyond the {MAX_NAMES} names that are looked at"));
                return Ok(());
            }
            if let Err(error) = self.entry(&entry, depth) {
                self.unseen(&entry.path(), &error.to_string());
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
            self.unseen(&path, &format!("would make more than the {MAX_BYTES} bytes that are read in all"));
            return;
        }
        self.files.insert(path, Stamp::of(facts));
    }

    fn other(&mut self, kind: &'static str, path: PathBuf) {
        self.others.entry(kind).or_insert((0, path)).0 += 1;
    }

    fn unseen(&mut self, path: &Path, why: &str) {
        if self.unseen.len() < MAX_UNSEEN {
            self.unseen.push(format!("{}: {why}", path.display()));
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
