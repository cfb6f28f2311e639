//! The fences that neither compiler nor linter holds: which crate may use which, what a file looks like, words that must not
//! be committed, and that documents name only things that exist. Every check is a function from text to problems, so that
//! each one's tests show it failing.

mod arrows;
mod documents;
mod names;
mod rust_file;
mod text_file;
mod tokens;

use std::{fmt, fs, process::Command};

use anyhow::{Context as _, bail};

use crate::{
    contract,
    process::output,
    tidy::{names::Names, tokens::Tokens},
    workspace::Workspace,
};

/// One broken rule at one place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    path: String,
    line: usize,
    message: String,
}

impl Problem {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// A file that is, or is about to be, committed.
struct SourceFile {
    path: String,
    bytes: Vec<u8>,
}

impl SourceFile {
    /// `None` for what is not text.
    fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok().filter(|text| !text.contains('\0'))
    }
}

/// Checks everything.
///
/// # Errors
/// When there is a problem; all of them are printed before.
pub fn run(workspace: &Workspace) -> anyhow::Result<()> {
    let files = committed_files(workspace)?;
    let mut problems = arrows::check(&workspace.metadata()?);
    let mut names = Names::new(files.iter().map(|file| file.path.as_str()));
    for file in &files {
        let Some(text) = file.text() else { continue };
        problems.extend(text_file::check(&file.path, text));
        if file.path.ends_with(".rs") {
            match Tokens::parse(text) {
                Ok(tokens) => {
                    problems.extend(rust_file::check(&file.path, text, &tokens));
                    names.add_rust(&file.path, &tokens);
                }
                Err(message) => problems.push(Problem::new(&file.path, 1, message)),
            }
        } else if file.path.ends_with(".proto") {
            names.add_proto(text);
        }
    }
    problems.extend(check_documents(&files, &names));
    report(problems, files.len())
}

fn check_documents(files: &[SourceFile], names: &Names) -> Vec<Problem> {
    let mut problems = Vec::new();
    let text_of = |path: &str| files.iter().find(|file| file.path == path).and_then(SourceFile::text);
    for path in documents::REQUIRED {
        match text_of(path) {
            Some(text) => problems.extend(documents::check_names(path, text, names)),
            None => problems.push(Problem::new(path, 1, "this document must exist")),
        }
    }
    if let Some(text) = text_of(documents::ARCHITECTURE) {
        problems.extend(documents::check_invariants(documents::ARCHITECTURE, text, names));
    }
    let accepted = files.iter().find(|file| file.path == contract::ACCEPTED);
    if let (Some(accepted), Some(changelog)) = (accepted, text_of(documents::CHANGELOG)) {
        problems.extend(documents::check_contract(changelog, &contract::mark(&accepted.bytes)));
    }
    problems
}

fn report(mut problems: Vec<Problem>, files: usize) -> anyhow::Result<()> {
    problems.sort();
    problems.iter().for_each(|problem| println!("{problem}"));
    println!("tidy: {files} files, {} problems", problems.len());
    if !problems.is_empty() {
        bail!("tidy found {} problems", problems.len());
    }
    Ok(())
}

/// Tracked files and new ones that are not ignored, as they lie in the working tree.
fn committed_files(workspace: &Workspace) -> anyhow::Result<Vec<SourceFile>> {
    let mut git = Command::new("git");
    // CI may run as another user than the owner of the clone.
    git.current_dir(&workspace.root).args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let mut files = Vec::new();
    for path in output(&mut git)?.split_terminator('\0') {
        let place = workspace.path(path);
        // A deleted file stays listed until the deletion is committed.
        if place.is_file() {
            let bytes = fs::read(&place).with_context(|| format!("failed to read {path}"))?;
            files.push(SourceFile { path: path.to_owned(), bytes });
        }
    }
    Ok(files)
}
