//! Reads keys one by one and remembers what is wrong with each, instead of stopping at the first.

use std::time::Duration;

use figment::Figment;
use figment::value::{Dict, Value};

use super::print::source_of;
use super::{KEYS, RUNTIME_KEYS, TENANT_KEYS, runtimes, tenants};

pub(super) struct Reader<'a> {
    figment: &'a Figment,
    problems: Vec<(String, String)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(figment: &'a Figment) -> Self {
        Reader { figment, problems: Vec::new() }
    }

    pub(super) fn figment(&self) -> &'a Figment {
        self.figment
    }

    pub(super) fn into_problems(self) -> Vec<(String, String)> {
        self.problems
    }

    /// Takes note of a problem of a key that could be read.
    pub(super) fn refuse(&mut self, key: &str, problem: impl AsRef<str>) {
        let source = self.figment.find_value(key).map(|value| source_of(self.figment, key, &value)).unwrap_or_default();
        let place = if source.is_empty() { String::new() } else { format!(" (from {source})") };
        self.problems.push((key.to_owned(), format!("{}{place}", problem.as_ref())));
    }

    /// Whether somebody set the key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.figment.contains(key)
    }

    /// A text that `parse` understands.
    pub(super) fn parsed<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        match self.text(key)? {
            None => {
                self.refuse(key, "must not be empty");
                None
            }
            Some(text) => self.understood(key, parse(&text)),
        }
    }

    /// As [`Reader::parsed`]; absent or empty is `Some(None)`.
    pub(super) fn optional<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Option<T>> {
        debug_assert!(is_known(key), "{key} is read, but whoever sets it is told that it is unknown");
        if !self.has(key) {
            return Some(None);
        }
        match self.text(key)? {
            None => Some(None),
            Some(text) => self.understood(key, parse(&text)).map(Some),
        }
    }

    pub(super) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        self.parsed(key, |text| {
            let found = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
            let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            found.ok_or_else(|| format!("{text:?} is not one of {}", names()))
        })
    }

    pub(super) fn duration(&mut self, key: &str, least: Duration) -> Option<Duration> {
        self.parsed(key, |text| match humantime::parse_duration(text) {
            Ok(duration) if duration >= least => Ok(duration),
            Ok(_) => Err(format!("must be at least {}", humantime::format_duration(least))),
            Err(_) => Err(format!("{text:?} is not a duration such as 500ms, 10s or 7d")),
        })
    }

    pub(super) fn number(&mut self, key: &str, least: u64, most: u64) -> Option<u64> {
        let value = self.find(key)?;
        let signed = || value.to_i128().and_then(|number| u64::try_from(number).ok());
        let unsigned = value.to_u128().and_then(|number| u64::try_from(number).ok());
        match unsigned.or_else(signed).or_else(|| value.as_str().and_then(|text| text.parse().ok())) {
            Some(number) if (least..=most).contains(&number) => Some(number),
            Some(_) | None => {
                let range = if most == u64::MAX { format!("of at least {least}") } else { format!("from {least} to {most}") };
                self.refuse(key, format!("must be a whole number {range}"));
                None
            }
        }
    }

    /// Refuses every key that is none of [`KEYS`] or of a runtime's or tenant's, and what a layer itself could not read.
    pub(super) fn refuse_unknown(&mut self) {
        let all = match self.figment.extract::<Dict>() {
            Ok(all) => all,
            Err(errors) => {
                let layer = |error: &figment::Error| error.metadata.as_ref().map_or_else(|| "configuration".to_owned(), layer_of);
                self.problems = errors.into_iter().map(|error| (layer(&error), error.kind.to_string())).collect();
                return;
            }
        };
        let mut leaves = Vec::new();
        collect_leaves("", &all, &mut leaves);
        for key in leaves.into_iter().filter(|key| !is_known(key)) {
            let is_section = ["runtimes", tenants::SECTION].contains(&key.as_str())
                || KEYS.iter().any(|known| known.strip_prefix(&key).is_some_and(|rest| rest.starts_with('.')));
            if is_section {
                // What is below it is missing now, and that is not the mistake.
                self.problems.retain(|(other, _)| !other.starts_with(&format!("{key}.")));
            }
            let text = if is_section { "is a section, not a value".to_owned() } else { unknown(&key) };
            self.refuse(&key, text);
        }
    }

    fn understood<T>(&mut self, key: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|problem| self.refuse(key, problem)).ok()
    }

    /// `Some(None)` is an empty text.
    fn text(&mut self, key: &str) -> Option<Option<String>> {
        let value = self.find(key)?;
        match value.into_string() {
            Some(text) if text.is_empty() => Some(None),
            Some(text) => Some(Some(text)),
            None => {
                self.refuse(key, "must be a text");
                None
            }
        }
    }

    fn find(&mut self, key: &str) -> Option<Value> {
        debug_assert!(is_known(key), "{key} is read, but whoever sets it is told that it is unknown");
        let found = self.figment.find_value(key);
        if found.is_err() {
            self.problems.push((key.to_owned(), "is missing".to_owned()));
        }
        found.ok()
    }
}

fn is_known(key: &str) -> bool {
    KEYS.contains(&key) || runtimes::is_key(key) || tenants::is_key(key)
}

/// That a key is unknown, and which ones may have been meant: those of its section, or the sections where there is none such.
fn unknown(key: &str) -> String {
    let (section, below) = key.split_once('.').unwrap_or(("", key));
    let of = |section: &str| {
        let keys = KEYS.iter().map(|known| known.split_once('.').unwrap_or(("", *known)));
        keys.filter(|(other, _)| *other == section).map(|(_, leaf)| leaf).collect::<Vec<_>>().join(", ")
    };
    match section {
        "" => format!("is unknown; keys outside a section are {}; sections are {}", of(""), sections().join(", ")),
        "runtimes" if below.contains('.') => format!("is unknown; a runtime has {}", RUNTIME_KEYS.join(", ")),
        tenants::SECTION if below.contains('.') => format!("is unknown; a tenant has {}", TENANT_KEYS.join(", ")),
        section if of(section).is_empty() => format!("is unknown; sections are {}", sections().join(", ")),
        section => format!("is unknown; [{section}] has {}", of(section)),
    }
}

fn sections() -> Vec<String> {
    let mut names: Vec<String> = KEYS.iter().filter_map(|key| Some(format!("[{}]", key.split_once('.')?.0))).collect();
    names.dedup();
    names.extend(["[runtimes.NAME]".to_owned(), "[tenants.CODE]".to_owned()]);
    names
}

fn layer_of(metadata: &figment::Metadata) -> String {
    match metadata.source.as_ref().and_then(figment::Source::file_path) {
        Some(path) => path.display().to_string(),
        None => metadata.name.to_string(),
    }
}

pub(super) fn collect_leaves(prefix: &str, dict: &Dict, leaves: &mut Vec<String>) {
    for (name, value) in dict {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Dict(_, inner) => collect_leaves(&key, inner, leaves),
            _ => leaves.push(key),
        }
    }
}
