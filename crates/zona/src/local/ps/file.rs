//! Files of the process manager: their notation, their environment, and the digests of the files that they name.

use std::path::{Path, PathBuf};

use clap::Args;
use cli::document::yaml::yaml;
use cli::input::read_text;
use cli::{Failure, Result};
use process::manifest::{File, Manifest, Notation, Source};
use process::node::{MAX_BYTES, Node, read_json, read_yaml};
use process::problem::{Place, Problem, Problems};
use process::revision::digest;

use crate::local::ps::content;
use crate::local::ps::shown::document as document_of;

/// Bytes of a file that a config holds.
const MAX_CONTENT: u64 = 1_000_000;

/// A manifest, and which environment of it.
#[derive(Debug, Args)]
pub struct Given {
    /// Manifest, YAML or (*.json) JSON; `-` is standard input
    pub file: PathBuf,
    /// Environment of the manifest [default: what is wanted where none is named]
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
}

impl Given {
    /// The manifest in its environment.
    ///
    /// # Errors
    /// It cannot be read, is wrong, or has no such environment.
    pub fn manifest(&self) -> Result<Manifest> {
        let file = load(&self.file)?.map_err(|problems| refused(&self.file, &problems))?;
        match &self.environment {
            None => Ok(file.manifest()),
            Some(name) => file.environment(name).map(|(manifest, _)| manifest).ok_or_else(|| no_environment(&file, name)),
        }
    }

    /// The manifest as a server takes it, with what its configs hold, and its environment; empty where none is named.
    ///
    /// # Errors
    /// As [`Given::manifest`], or a file of a config cannot be read or is no text.
    pub fn sendable(&self) -> Result<(String, String)> {
        self.manifest()?;
        let (text, notation) = (text(&self.file)?, notation(&self.file));
        let read = if notation == Notation::Json { read_json(&text) } else { read_yaml(&text) };
        let mut root = read.map_err(|problems| refused(&self.file, &problems))?;
        let environment = self.environment.clone().unwrap_or_default();
        let beside = self.file.parent().unwrap_or(Path::new(""));
        // A file without configs in others goes as its author has written it.
        let is_changed = content::bring_in(&mut root, |path| config(&beside.join(path)))?;
        Ok((if is_changed { yaml(&document_of(&root)) } else { text }, environment))
    }

    /// The same, with the digests of the files of its configs.
    ///
    /// # Errors
    /// As [`Given::manifest`], or one of these files cannot be read.
    pub fn manifest_with_digests(&self) -> Result<Manifest> {
        let mut manifest = self.manifest()?;
        let beside = self.file.parent().unwrap_or(Path::new(""));
        // Secrets are not opened: a hash of one would stand in the plan, and values could be tried against it.
        for content in manifest.configs.values_mut() {
            if let (Source::File(path), None) = (&content.source, &content.digest) {
                content.digest = Some(digest(&bytes(&beside.join(path))?));
            }
        }
        Ok(manifest)
    }
}

/// A file that is read and checked.
///
/// # Errors
/// It cannot be read; what is wrong with it is the answer.
pub fn load(path: &Path) -> Result<std::result::Result<File, Problems>> {
    Ok(File::read(&text(path)?, notation(path)))
}

/// A document of any shape.
///
/// # Errors
/// It cannot be read, or is no document.
pub fn document(path: &Path) -> Result<Node> {
    let text = text(path)?;
    let read = if notation(path) == Notation::Json { read_json(&text) } else { read_yaml(&text) };
    read.map_err(|problems| refused(path, &problems))
}

/// What is wrong, as a failure of a command that needs the file.
pub fn refused(path: &Path, problems: &Problems) -> Failure {
    let count = problems.list().len() + problems.left_out();
    let sum = if count == 1 { "1 problem".to_owned() } else { format!("{count} problems") };
    let violation = |problem: &Problem| {
        let place = problem.place.map(|Place { line, column }| format!("{line}:{column} ")).unwrap_or_default();
        (format!("{place}{}", problem.path).trim_end().to_owned(), format!("{} [{}]", problem.message, problem.rule))
    };
    Failure::usage(format!("{} has {sum}", path.display())).violations(problems.list().iter().map(violation))
}

pub fn no_environment(file: &File, name: &str) -> Failure {
    let known = file.environments().join(", ");
    let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {known}") };
    Failure::usage(format!("the manifest has no environment `{name}`; {known}"))
}

fn text(path: &Path) -> Result<String> {
    read_text(path, MAX_BYTES as u64)
}

fn notation(path: &Path) -> Notation {
    if path.extension().is_some_and(|extension| extension == "json") { Notation::Json } else { Notation::Yaml }
}

/// What a config holds: a server takes texts only.
fn config(path: &Path) -> Result<String> {
    let no_text = |_| Failure::usage(format!("{} is not UTF-8, and a config that is sent to a server is text", path.display()));
    String::from_utf8(bytes(path)?).map_err(no_text)
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    use std::io::Read as _;
    let unread = |error| Failure::file(path, &error);
    let mut bytes = Vec::new();
    // Opening a pipe would wait for whoever writes into it.
    if !std::fs::metadata(path).map_err(unread)?.is_file() {
        return Err(Failure::usage(format!("{} is no regular file", path.display())));
    }
    std::fs::File::open(path).map_err(unread)?.take(MAX_CONTENT + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() as u64 > MAX_CONTENT {
        return Err(Failure::usage(format!("{} has more than {MAX_CONTENT} bytes, which engines do not take", path.display())));
    }
    Ok(bytes)
}
