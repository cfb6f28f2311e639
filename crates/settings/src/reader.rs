//! Reads keys one by one and remembers what is wrong with each, instead of stopping at the first.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use figment::Figment;
use figment::value::{Dict, Value};

use crate::declaration::{Schema, Section};
use crate::print::source_of;

/// Reads the keys of a configuration.
pub struct Reader<'a> {
    schema: &'a Schema,
    figment: &'a Figment,
    problems: Vec<(String, String)>,
    /// Numbers that were accepted, for rules about two of them.
    numbers: HashMap<String, u64>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(schema: &'a Schema, figment: &'a Figment) -> Self {
        Reader { schema, figment, problems: Vec::new(), numbers: HashMap::new() }
    }

    pub(crate) fn into_problems(self) -> Vec<(String, String)> {
        self.problems
    }

    /// The names under which somebody wrote tables into a table of tables.
    pub fn entries(&self, section: &Section) -> Vec<String> {
        section.entries(self.figment)
    }

    /// Takes note of a problem of a key that could be read.
    pub fn refuse(&mut self, key: &str, problem: impl AsRef<str>) {
        let source = self.figment.find_value(key).map(|value| source_of(self.figment, key, &value)).unwrap_or_default();
        let place = if source.is_empty() { String::new() } else { format!(" (from {source})") };
        self.problems.push((key.to_owned(), format!("{}{place}", problem.as_ref())));
    }

    /// Looks at a key that another section reads, and reports nothing.
    pub fn known<T>(&self, key: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.figment.find_value(key).ok().and_then(|value| parse(value.as_str()?))
    }

    /// Refuses `low` where it is above `high`; two numbers that were both accepted.
    pub fn refuse_above(&mut self, low: &str, high: &str) {
        if let (Some(least), Some(most)) = (self.numbers.get(low).copied(), self.numbers.get(high).copied())
            && least > most
        {
            self.refuse(low, format!("is {least}, more than `{high}`, which is {most}"));
        }
    }

    /// Refuses `high` where it is below `low`; two numbers that were both accepted.
    pub fn refuse_below(&mut self, high: &str, low: &str) {
        if let (Some(most), Some(least)) = (self.numbers.get(high).copied(), self.numbers.get(low).copied())
            && most < least
        {
            self.refuse(high, format!("is {most}, less than `{low}`, which is {least}"));
        }
    }

    /// Whether somebody set the key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.figment.contains(key)
    }

    pub(crate) fn parsed<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        match self.text(key)? {
            None => {
                self.refuse(key, "must not be empty");
                None
            }
            Some(text) => self.understood(key, parse(&text)),
        }
    }

    /// As [`Reader::parsed`]; absent or empty is `Some(None)`.
    pub(crate) fn optional<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Option<T>> {
        if !self.has(key) {
            return Some(None);
        }
        match self.text(key)? {
            None => Some(None),
            Some(text) => self.understood(key, parse(&text)).map(Some),
        }
    }

    pub(crate) fn number<T: TryFrom<u64>>(&mut self, key: &str, range: &RangeInclusive<u64>) -> Option<T> {
        let value = self.find(key)?;
        let signed = || value.to_i128().and_then(|number| u64::try_from(number).ok());
        let unsigned = value.to_u128().and_then(|number| u64::try_from(number).ok());
        let number = unsigned.or_else(signed).or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        let fitting = number.filter(|number| range.contains(number)).and_then(|number| Some((number, T::try_from(number).ok()?)));
        if let Some((number, fitting)) = fitting {
            self.numbers.insert(key.to_owned(), number);
            return Some(fitting);
        }
        let (least, most) = (range.start(), range.end());
        let range = if *most == u64::MAX { format!("of at least {least}") } else { format!("from {least} to {most}") };
        self.refuse(key, format!("must be a whole number {range}"));
        None
    }

    pub(crate) fn flag(&mut self, key: &str) -> Option<bool> {
        let value = self.find(key)?;
        // Flags of the command line are texts.
        let read = value.to_bool().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        if read.is_none() {
            self.refuse(key, "must be true or false");
        }
        read
    }

    /// Refuses every key that no section declares, and what a layer itself could not read.
    pub(crate) fn refuse_unknown(&mut self) {
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
        for key in leaves.into_iter().filter(|key| !self.schema.has(key)) {
            let text = if self.schema.is_table(&key) {
                // What is below it is missing now, and that is not the mistake.
                self.problems.retain(|(other, _)| !other.starts_with(&format!("{key}.")));
                "is a section, not a value".to_owned()
            } else {
                self.schema.unknown(&key)
            };
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
        let found = self.figment.find_value(key);
        if found.is_err() {
            self.problems.push((key.to_owned(), "is missing".to_owned()));
        }
        found.ok()
    }
}

fn layer_of(metadata: &figment::Metadata) -> String {
    match metadata.source.as_ref().and_then(figment::Source::file_path) {
        Some(path) => path.display().to_string(),
        None => metadata.name.to_string(),
    }
}

fn collect_leaves(prefix: &str, dict: &Dict, leaves: &mut Vec<String>) {
    for (name, value) in dict {
        let key = Section::key(prefix, name);
        match value {
            Value::Dict(_, inner) => collect_leaves(&key, inner, leaves),
            _ => leaves.push(key),
        }
    }
}
