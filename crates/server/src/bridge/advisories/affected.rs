//! Which versions of a package an advisory affects: those that it lists, and those in its ranges, compared as PEP 440 says and
//! evaluated as the format's own algorithm does. Knows nothing of files and ids.

use std::str::FromStr as _;

use pep440_rs::Version;

/// A `limit` that excludes nothing.
const NO_LIMIT: &str = "*";

/// The versions that one item of `affected` is about.
#[derive(Debug, Default)]
pub(super) struct Versions {
    /// One a line: all of PyPI's advisories list more than a million.
    listed: Box<str>,
    ranges: Vec<Range>,
    /// What a range could not be judged for, e.g. a bound that is no version.
    unjudged: Vec<String>,
}

/// The bounds of a range, ascending; those that say how far it is to be believed apart.
#[derive(Debug, Default)]
struct Range {
    bounds: Vec<Bound>,
    /// Versions at and above all of them are outside; `None` is above every version.
    limits: Vec<Option<Version>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Bound {
    Introduced(Version),
    Fixed(Version),
    LastAffected(Version),
}

// === impl Versions ===

impl Versions {
    /// From the listed versions, and the events of each range of versions as name and text.
    ///
    /// A range with a bound that is no version (`0.7.10p1`, `2019-09-12`) cannot be judged by its bounds: it would match nothing,
    /// or everything. Its listed versions are what is left of it.
    pub(super) fn new(listed: &[String], ranges: impl IntoIterator<Item = Vec<(String, String)>>) -> Self {
        let mut versions = Versions { listed: listed.join("\n").into(), ..Versions::default() };
        for events in ranges {
            match Range::of(events) {
                Ok(range) => versions.ranges.push(range),
                Err(bound) => versions.unjudged.push(bound),
            }
        }
        versions
    }

    /// Whether this version is affected. One that is no version is compared by its text.
    pub(super) fn affect(&self, version: &str) -> bool {
        if self.listed.lines().any(|one| one == version) {
            return true;
        }
        let Ok(parsed) = Version::from_str(version) else { return false };
        let listed = || self.listed.lines().any(|one| Version::from_str(one).is_ok_and(|one| one == parsed));
        self.ranges.iter().any(|range| range.holds(&parsed)) || listed()
    }

    /// Bounds for which a range is judged by the listed versions only.
    pub(super) fn unjudged(&self) -> &[String] {
        &self.unjudged
    }

    /// Whether versions are listed.
    pub(super) fn are_listed(&self) -> bool {
        !self.listed.is_empty()
    }
}

// === impl Range ===

impl Range {
    /// `Err` with the bound that cannot be judged.
    fn of(events: Vec<(String, String)>) -> Result<Self, String> {
        let mut range = Range::default();
        for (name, text) in events {
            if name == "limit" && text == NO_LIMIT {
                range.limits.push(None);
                continue;
            }
            // `0` is before every version, development releases included.
            let known = if name == "introduced" && text == "0" { "0.dev0" } else { text.as_str() };
            let Ok(version) = Version::from_str(known) else { return Err(text) };
            match name.as_str() {
                "introduced" => range.bounds.push(Bound::Introduced(version)),
                "fixed" => range.bounds.push(Bound::Fixed(version)),
                "last_affected" => range.bounds.push(Bound::LastAffected(version)),
                "limit" => range.limits.push(Some(version)),
                _ => return Err(name),
            }
        }
        // An end at the same version as a start comes first: the version itself is affected again.
        range.bounds.sort_by(|one, other| one.order().cmp(&other.order()));
        Ok(range)
    }

    fn holds(&self, version: &Version) -> bool {
        let before = |limit: &Option<Version>| limit.as_ref().is_none_or(|limit| version < limit);
        (self.limits.is_empty() || self.limits.iter().any(before)) && self.within(version)
    }

    fn within(&self, version: &Version) -> bool {
        self.bounds.iter().fold(false, |affected, bound| match bound {
            Bound::Introduced(from) if version >= from => true,
            Bound::Fixed(from) if version >= from => false,
            Bound::LastAffected(last) if version > last => false,
            Bound::Introduced(_) | Bound::Fixed(_) | Bound::LastAffected(_) => affected,
        })
    }
}

// === impl Bound ===

impl Bound {
    fn order(&self) -> (&Version, u8) {
        match self {
            Bound::Fixed(version) => (version, 0),
            Bound::Introduced(version) => (version, 1),
            Bound::LastAffected(version) => (version, 2),
        }
    }
}
