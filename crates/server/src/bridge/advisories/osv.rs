//! The format of osv.dev, as far as it matters here, and as its exports really are: `null` where a list may stand, a byte order mark,
//! one advisory in a file or a list of them.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::affected::Versions;

/// The only ecosystem whose packages runtimes hold.
const ECOSYSTEM: &str = "PyPI";
/// Longest summary that is shown, in characters.
const MAX_SUMMARY: usize = 200;
/// Aliases of one advisory that are looked at; the most that PyPI's have is below 20.
const MAX_ALIASES: usize = 64;

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Advisories about packages of PyPI that are in force.
    pub(super) records: Vec<Record>,
    /// What cannot be used of it, and why.
    pub(super) problem: Option<String>,
}

/// An advisory in force.
#[derive(Debug)]
pub(super) struct Record {
    /// Its id, e.g. `GHSA-...`.
    pub(super) id: String,
    /// Ids of the same fault in other databases.
    pub(super) aliases: Vec<String>,
    /// One line, or nothing.
    pub(super) summary: String,
    /// Whom it is about: normalized names, and versions.
    pub(super) affected: Vec<(String, Versions)>,
}

#[derive(Deserialize)]
#[serde(expecting = "an advisory, an object with `id` and `affected`, or a list of such")]
struct Osv {
    id: String,
    #[serde(default, deserialize_with = "or_null")]
    aliases: Vec<String>,
    #[serde(default, deserialize_with = "or_null")]
    summary: String,
    #[serde(default, deserialize_with = "or_null")]
    details: String,
    #[serde(default)]
    withdrawn: Option<String>,
    #[serde(default, deserialize_with = "or_null")]
    affected: Vec<Affected>,
}

#[derive(Deserialize)]
#[serde(expecting = "an item of `affected`, an object with `package` and `ranges` or `versions`")]
struct Affected {
    package: Option<Package>,
    #[serde(default, deserialize_with = "or_null")]
    ranges: Vec<Range>,
    #[serde(default, deserialize_with = "or_null")]
    versions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(expecting = "a `package`, an object with `ecosystem` and `name`")]
struct Package {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(expecting = "an item of `ranges`, an object with `type` and `events`")]
struct Range {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, deserialize_with = "or_null")]
    events: Vec<HashMap<String, String>>,
}

/// Reads a file: one advisory, or a list of them. What is no advisory in a list costs the others nothing.
pub(super) fn read(bytes: &[u8]) -> Contents {
    if let Some(problem) = another_format(bytes) {
        return Contents { records: Vec::new(), problem: Some(problem.to_owned()) };
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match parse(text) {
        Ok(all) => Contents { records: all.into_iter().filter_map(record).collect(), problem: None },
        Err(error) => salvaged(text, &error),
    }
}

/// `Ruamel.YAML` and `ruamel-yaml` are the same package (PEP 503).
pub(super) fn normalized(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

/// What downloads are often left as.
fn another_format(bytes: &[u8]) -> Option<&'static str> {
    let begins = |with: &[u8]| bytes.starts_with(with);
    if begins(b"PK\x03\x04") || begins(b"\x1f\x8b") || begins(b"\x28\xb5\x2f\xfd") || begins(b"BZh") || begins(b"\xfd7zXZ") {
        return Some("is an archive: unpack it, and name the directory");
    }
    (begins(b"\xff\xfe") || begins(b"\xfe\xff")).then_some("is UTF-16, and JSON is UTF-8")
}

/// One advisory or a list of them; told apart by the first byte, so that a mistake is named where it is.
fn parse(text: &[u8]) -> Result<Vec<Osv>, serde_json::Error> {
    if text.trim_ascii_start().starts_with(b"[") { serde_json::from_slice(text) } else { serde_json::from_slice(text).map(|one| vec![one]) }
}

/// What can be used of a list in which something is no advisory. Each item stays text until its turn: as values, a list would take many
/// times the memory of its file.
fn salvaged(text: &[u8], error: &serde_json::Error) -> Contents {
    let format = "does not hold advisories in OSV format (see https://ossf.github.io/osv-schema)";
    let Ok(all) = serde_json::from_slice::<Vec<&RawValue>>(text) else {
        return Contents { records: Vec::new(), problem: Some(format!("{format}: {error}")) };
    };
    let (mut records, mut bad) = (Vec::new(), 0_usize);
    for one in &all {
        match serde_json::from_str(one.get()) {
            Ok(osv) => records.extend(record(osv)),
            Err(_) => bad += 1,
        }
    }
    let problem = format!("{format} in {bad} of its {} items, first: {error}", all.len());
    Contents { records, problem: Some(problem) }
}

/// `None` for what is withdrawn, or about no package of PyPI.
fn record(osv: Osv) -> Option<Record> {
    if osv.withdrawn.is_some() {
        return None;
    }
    let affected: Vec<_> = osv.affected.into_iter().filter_map(affected).collect();
    let summary = one_line(&osv.summary).or_else(|| first_line(&osv.details)).unwrap_or_default();
    let aliases = osv.aliases.into_iter().take(MAX_ALIASES).collect();
    (!affected.is_empty()).then_some(Record { id: osv.id, aliases, summary, affected })
}

fn affected(affected: Affected) -> Option<(String, Versions)> {
    // An ecosystem may have a suffix behind a colon, which says more about where the package comes from.
    let is_ours = |package: &Package| package.ecosystem.split(':').next() == Some(ECOSYSTEM);
    let package = affected.package.filter(is_ours)?;
    // Packages have no commits.
    let ranges = affected.ranges.into_iter().filter(|range| range.kind != "GIT");
    let versions = Versions::new(&affected.versions, ranges.map(|range| range.events.into_iter().flatten().collect()));
    Some((normalized(&package.name), versions))
}

/// The first line of a text in Markdown that is no heading, else its first line.
fn first_line(details: &str) -> Option<String> {
    let lines = || details.lines().filter(|line| !line.trim().is_empty());
    let line = lines().find(|line| !line.trim_start().starts_with('#')).or_else(|| lines().next())?;
    one_line(line.trim_start().trim_start_matches('#'))
}

fn one_line(text: &str) -> Option<String> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then(|| line.chars().take(MAX_SUMMARY).collect())
}

/// The format allows `null` wherever a value may be left out.
fn or_null<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(source: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(source).map(Option::unwrap_or_default)
}
