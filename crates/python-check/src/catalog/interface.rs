//! The interface of a runtime: which modules it has, and which of their names code may use. Generated inside the runtime by
//! `tools/module_api.py` and carried with it.
//!
//! The format is closed: what does not fit is refused, since a line that is misread would open or close a module by accident.
//! Which modules a tenant may import is deliberately not decided here.

use std::sync::Arc;

use domain::code::Family;

use crate::map::{Map, Set};

/// Generated with the interpreter of each version, for hosts whose runtime carries no interface.
const PYTHON_3_11: &str = include_str!("../../data/python-3.11.api");
const PYTHON_3_13: &str = include_str!("../../data/python-3.13.api");

/// Largest text: that of the whole standard library has 32 KiB.
pub const MAX_INTERFACE_BYTES: usize = 1024 * 1024;
/// Longest dotted name in bytes.
const MAX_NAME: usize = 200;

/// The interface of a runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeInterface {
    python: (u8, u8),
    pub(super) stdlib: Set<String>,
    pub(super) builtins: Set<String>,
    pub(super) modules: Map<String, Module>,
}

/// The reviewed interface of one module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Module {
    pub(super) allowed: Set<String>,
    pub(super) call: Set<String>,
    pub(super) refused: Map<String, Family>,
}

/// Why a text is no interface.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedInterface {
    /// It is longer than [`MAX_INTERFACE_BYTES`].
    #[error("it has {0} bytes; the limit is {MAX_INTERFACE_BYTES}")]
    TooLong(usize),
    /// A line breaks the format.
    #[error("line {line}: {what}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A line that every interface has is not there.
    #[error("it has no line `{0}`")]
    Missing(&'static str),
}

// === impl RuntimeInterface ===

impl RuntimeInterface {
    /// Reads the text that `tools/module_api.py` writes.
    ///
    /// # Errors
    /// The first thing that does not fit the format.
    pub fn parse(text: &str) -> Result<Self, MalformedInterface> {
        if text.len() > MAX_INTERFACE_BYTES {
            return Err(MalformedInterface::TooLong(text.len()));
        }
        let mut reader = Reader::default();
        for (index, line) in text.lines().enumerate() {
            reader.line(line).map_err(|what| MalformedInterface::Line { line: index + 1, what })?;
        }
        let python = reader.python.ok_or(MalformedInterface::Missing("python"))?;
        let stdlib = reader.stdlib.ok_or(MalformedInterface::Missing("stdlib"))?;
        let builtins = reader.builtins.ok_or(MalformedInterface::Missing("builtins"))?;
        if reader.modules.is_empty() {
            return Err(MalformedInterface::Missing("MODULE + NAME..."));
        }
        Ok(RuntimeInterface { python, stdlib, builtins, modules: reader.modules })
    }

    /// The committed interface that fits a version of Python best; it holds no packages.
    pub fn committed(python: (u8, u8)) -> Arc<Self> {
        let text = if python >= (3, 13) { PYTHON_3_13 } else { PYTHON_3_11 };
        Arc::new(Self::parse(text).expect("a test reads both committed interfaces"))
    }

    /// Major and minor version of the Python that it was generated with.
    pub fn python(&self) -> (u8, u8) {
        self.python
    }
}

#[derive(Default)]
pub(super) struct Reader {
    python: Option<(u8, u8)>,
    stdlib: Option<Set<String>>,
    builtins: Option<Set<String>>,
    pub(super) modules: Map<String, Module>,
    seen: Set<(String, String)>,
}

impl Reader {
    pub(super) fn line(&mut self, line: &str) -> Result<(), String> {
        let mut words = line.split(' ');
        let first = words.next().unwrap_or_default();
        match first {
            "#" | "" if line.is_empty() || first == "#" => Ok(()),
            "python" => {
                let version = words.next().and_then(version).filter(|_| words.next().is_none());
                once(&mut self.python, first, version.ok_or("`python` takes major.minor")?)
            }
            "stdlib" => once(&mut self.stdlib, first, names(words)?),
            "builtins" => once(&mut self.builtins, first, names(words)?),
            module => self.module(module, words),
        }
    }

    fn module<'a>(&mut self, name: &'a str, mut words: impl Iterator<Item = &'a str>) -> Result<(), String> {
        if name.len() > MAX_NAME || !name.split('.').all(is_identifier) {
            return Err(format!("{name:?} is not the name of a module"));
        }
        let sign = words.next().unwrap_or_default();
        if !self.seen.insert((name.to_owned(), sign.to_owned())) {
            return Err(format!("a second line `{name} {sign}`"));
        }
        let module = self.modules.entry(name.to_owned()).or_default();
        match sign {
            "+" => module.allowed = names(words)?,
            "~" => module.call = names(words)?,
            "-" => module.refused = words.map(refused).collect::<Result<_, _>>()?,
            other => return Err(format!("after a module stands +, ~ or -, not {other:?}")),
        }
        Ok(())
    }
}

fn once<T>(place: &mut Option<T>, kind: &str, value: T) -> Result<(), String> {
    if place.is_some() {
        return Err(format!("a second line `{kind}`"));
    }
    *place = Some(value);
    Ok(())
}

fn names<'a>(words: impl Iterator<Item = &'a str>) -> Result<Set<String>, String> {
    words.map(|word| if is_identifier(word) { Ok(word.to_owned()) } else { Err(format!("{word:?} is not a name")) }).collect()
}

fn refused(word: &str) -> Result<(String, Family), String> {
    let (name, family) = word.split_once(':').ok_or_else(|| format!("{word:?} is not NAME:FAMILY"))?;
    let known = Family::ALL.into_iter().find(|known| known.as_str() == family);
    match known {
        Some(known) if is_identifier(name) => Ok((name.to_owned(), known)),
        Some(_) => Err(format!("{name:?} is not a name")),
        None => Err(format!("{family:?} is no family of findings")),
    }
}

fn version(text: &str) -> Option<(u8, u8)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn is_identifier(word: &str) -> bool {
    let mut letters = word.chars();
    let starts = letters.next().is_some_and(|first| first == '_' || first.is_alphabetic());
    starts && word.len() <= MAX_NAME && letters.all(|letter| letter == '_' || letter.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "# made by hand\npython 3.12\nstdlib json os\nbuiltins len\njson + dumps loads\njson - codecs:module-pivot\n";

    fn check(text: &str, expected: &str) {
        assert_eq!(RuntimeInterface::parse(text).expect_err(text).to_string(), expected);
    }

    #[test]
    fn the_committed_interfaces_are_well_formed_and_of_their_version() {
        for python in [(3, 11), (3, 13)] {
            let interface = RuntimeInterface::committed(python);
            assert_eq!(interface.python(), python);
            assert!(interface.stdlib.contains("json") && interface.modules["json"].allowed.contains("loads"));
        }
    }

    #[test]
    fn a_line_that_breaks_the_format_is_named() {
        assert_eq!(RuntimeInterface::parse(SMALL).map(|interface| interface.python()), Ok((3, 12)));
        check(&format!("{SMALL}json + load\n"), "line 7: a second line `json +`");
        check(&format!("{SMALL}re * match\n"), "line 7: after a module stands +, ~ or -, not \"*\"");
        check(&format!("{SMALL}re\n"), "line 7: after a module stands +, ~ or -, not \"\"");
        check(&format!("{SMALL}re + mat-ch\n"), "line 7: \"mat-ch\" is not a name");
        check(&format!("{SMALL}re - match\n"), "line 7: \"match\" is not NAME:FAMILY");
        check(&format!("{SMALL}re - match:danger\n"), "line 7: \"danger\" is no family of findings");
        check(&format!("{SMALL}.re + match\n"), "line 7: \".re\" is not the name of a module");
        check(&format!("{SMALL} re + match\n"), "line 7: \"\" is not the name of a module");
        check(&format!("{SMALL}stdlib os\n"), "line 7: a second line `stdlib`");
        check(&SMALL.replace("3.12", "three"), "line 2: `python` takes major.minor");
    }

    #[test]
    fn an_interface_that_is_cut_off_or_too_long_is_refused() {
        check("", "it has no line `python`");
        check("python 3.12\nstdlib os\nbuiltins len\n", "it has no line `MODULE + NAME...`");
        check("python 3.12\nbuiltins len\nre + match\n", "it has no line `stdlib`");
        let long = format!("{SMALL}{}", "#".repeat(MAX_INTERFACE_BYTES));
        assert!(matches!(RuntimeInterface::parse(&long), Err(MalformedInterface::TooLong(_))));
    }
}
