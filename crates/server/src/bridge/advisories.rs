//! Known vulnerabilities of Python packages, from files that the operator supplies in the format of osv.dev: which versions
//! each affects, and which of them the packages of a runtime have. Nothing is ever fetched.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use domain::runtime::Advisory;
use pep440_rs::Version;
use sandbox::Package;
use serde::Deserialize;

/// The only ecosystem whose packages runtimes hold.
const ECOSYSTEM: &str = "PyPI";
/// Longest summary that is shown, in characters.
const MAX_SUMMARY: usize = 200;

/// What the operator supplied, by normalized name of the package.
#[derive(Debug, Default)]
pub(crate) struct Advisories {
    by_package: HashMap<String, Vec<Entry>>,
}

/// Why advisories cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory cannot be read.
    #[error("cannot read the advisories {}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{} does not hold advisories in OSV format (see https://ossf.github.io/osv-schema)", path.display())]
    Format {
        /// Which one.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
}

/// One advisory as far as it is about one package.
#[derive(Debug)]
struct Entry {
    advisory: Advisory,
    versions: Vec<String>,
    ranges: Vec<Vec<Event>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Event {
    Introduced(Version),
    Fixed(Version),
    LastAffected(Version),
}

// --- the format, as far as it matters here ---

#[derive(Deserialize)]
#[serde(expecting = "an advisory, an object with `id` and `affected`, or a list of such")]
struct Osv {
    id: String,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    withdrawn: Option<String>,
    #[serde(default)]
    affected: Vec<Affected>,
}

#[derive(Deserialize)]
#[serde(expecting = "an item of `affected`, an object with `package` and `ranges` or `versions`")]
struct Affected {
    package: Option<OsvPackage>,
    #[serde(default)]
    ranges: Vec<Range>,
    #[serde(default)]
    versions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(expecting = "a `package`, an object with `ecosystem` and `name`")]
struct OsvPackage {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(expecting = "an item of `ranges`, an object with `type` and `events`")]
struct Range {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    events: Vec<HashMap<String, String>>,
}

impl Advisories {
    /// Reads a file, or every `*.json` of a directory.
    ///
    /// # Errors
    /// For the first file that cannot be read or holds something else: a part of the advisories would be mistaken for all.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let mut advisories = Advisories::default();
        for file in files(path).map_err(|source| Error::Read { path: path.to_owned(), source })? {
            let bytes = fs::read(&file).map_err(|source| Error::Read { path: file.clone(), source })?;
            let all = parse(&bytes).map_err(|source| Error::Format { path: file, source })?;
            all.into_iter().for_each(|one| advisories.add(one));
        }
        Ok(advisories)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_package.values().map(Vec::len).sum()
    }

    /// Those that affect this version of the package, by id. A package of the image's system is none of PyPI's.
    pub(crate) fn of(&self, package: &Package) -> Vec<Advisory> {
        if package.modules.is_empty() {
            return Vec::new();
        }
        let entries = self.by_package.get(&normalized(&package.name)).into_iter().flatten();
        let mut found: Vec<Advisory> =
            entries.filter(|entry| entry.affects(&package.version)).map(|entry| entry.advisory.clone()).collect();
        found.sort_by(|one, other| one.id.cmp(&other.id));
        found.dedup();
        found
    }

    fn add(&mut self, osv: Osv) {
        if osv.withdrawn.is_some() {
            return;
        }
        for affected in osv.affected {
            let Some(package) = affected.package.filter(|package| package.ecosystem == ECOSYSTEM) else { continue };
            let summary = osv.summary.chars().take(MAX_SUMMARY).collect();
            let ranges = affected.ranges.into_iter().filter_map(|range| events(&osv.id, range)).collect();
            let entry = Entry { advisory: Advisory { id: osv.id.clone(), summary }, versions: affected.versions, ranges };
            self.by_package.entry(normalized(&package.name)).or_default().push(entry);
        }
    }
}

impl Entry {
    fn affects(&self, version: &str) -> bool {
        let Ok(parsed) = Version::from_str(version) else {
            return self.versions.iter().any(|one| one == version);
        };
        let named = self.versions.iter().any(|one| Version::from_str(one).is_ok_and(|one| one == parsed));
        named || self.ranges.iter().any(|events| within(events, &parsed))
    }
}

/// The events of a range of versions, ascending; `None` for a range of commits. A version that is none is left out, loudly: the
/// rest of the range still counts.
fn events(id: &str, range: Range) -> Option<Vec<Event>> {
    if range.kind == "GIT" {
        return None;
    }
    let mut events = Vec::new();
    for (name, text) in range.events.into_iter().flatten() {
        // `0` is before every version, development releases included.
        let text = if name == "introduced" && text == "0" { "0.dev0".to_owned() } else { text };
        match (name.as_str(), Version::from_str(&text)) {
            ("introduced", Ok(version)) => events.push(Event::Introduced(version)),
            ("fixed", Ok(version)) => events.push(Event::Fixed(version)),
            ("last_affected", Ok(version)) => events.push(Event::LastAffected(version)),
            ("limit", _) => {}
            (_, Ok(_)) => tracing::warn!(advisory = id, event = name, "an advisory has an event that is not known"),
            (_, Err(_)) => tracing::warn!(advisory = id, version = text, "an advisory names a version that is none"),
        }
    }
    // An end at the same version as a start comes first: the version itself is affected again.
    events.sort_by(|one, other| one.order().cmp(&other.order()));
    Some(events)
}

impl Event {
    fn order(&self) -> (&Version, u8) {
        match self {
            Event::Fixed(version) => (version, 0),
            Event::Introduced(version) => (version, 1),
            Event::LastAffected(version) => (version, 2),
        }
    }
}

fn within(events: &[Event], version: &Version) -> bool {
    events.iter().fold(false, |affected, event| match event {
        Event::Introduced(from) if version >= from => true,
        Event::Fixed(from) if version >= from => false,
        Event::LastAffected(last) if version > last => false,
        Event::Introduced(_) | Event::Fixed(_) | Event::LastAffected(_) => affected,
    })
}

/// `Ruamel.YAML` and `ruamel-yaml` are the same package (PEP 503).
fn normalized(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    Ok(files)
}

/// One advisory or a list of them; told apart by the first byte, so that a mistake is named where it is.
fn parse(bytes: &[u8]) -> Result<Vec<Osv>, serde_json::Error> {
    if bytes.trim_ascii_start().starts_with(b"[") {
        serde_json::from_slice(bytes)
    } else {
        serde_json::from_slice(bytes).map(|one| vec![one])
    }
}

#[cfg(test)]
mod tests;
