//! The fences that neither compiler nor linter holds: which crate may use which, what a file looks like, words that must not
//! be committed, circles between files, failures without a word, and that documents name only things that exist. Every check is
//! a function from text to problems, so that each one's tests show it failing.

mod arrows;
mod circles;
mod documents;
mod figures;
mod names;
mod problem;
mod rust_file;
mod silence;
mod text_file;
mod tokens;

use std::{collections::BTreeMap, fs, process::Command};

use anyhow::{Context as _, anyhow, bail};

use crate::{
    contract,
    process::output,
    tidy::{
        figures::Figures,
        names::Names,
        problem::Problem,
        tokens::{Sources, Tokens},
    },
    workspace::Workspace,
};

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
    let mut sources = Sources::new();
    for file in &files {
        let Some(text) = file.text() else { continue };
        problems.extend(text_file::check(&file.path, text));
        if file.path.ends_with(".rs") {
            match Tokens::parse(text) {
                Ok(tokens) => {
                    problems.extend(rust_file::check(&file.path, text, &tokens));
                    problems.extend(silence::check(&file.path, text, &tokens));
                    names.add_rust(&file.path, &tokens);
                    sources.insert(file.path.clone(), tokens);
                }
                Err(message) => problems.push(Problem::new(&file.path, 1, message)),
            }
        } else if file.path.ends_with(".proto") {
            names.add_proto(text);
        }
    }
    problems.extend(circles::check(&sources));
    problems.extend(silence::check_lists(|path| sources.contains_key(path)));
    problems.extend(check_documents(&files, &names));
    report(problems, files.len())
}

/// Prints what the tree measures, and judges nothing.
///
/// # Errors
/// When a file cannot be read or is not Rust.
pub fn figures(workspace: &Workspace) -> anyhow::Result<()> {
    let files = committed_files(workspace)?;
    let rust = || files.iter().filter(|file| file.path.ends_with(".rs")).filter_map(|file| Some((&file.path, file.text()?)));
    let parsed =
        rust().map(|(path, text)| Tokens::parse(text).map(|tokens| (path.clone(), tokens)).map_err(|why| anyhow!("{path}: {why}")));
    let sources = parsed.collect::<anyhow::Result<Sources>>()?;
    let lines: BTreeMap<&str, usize> = rust().map(|(path, text)| (path.as_str(), text.lines().count())).collect();
    println!("{}", Figures::measure(&sources, |path| lines.get(path).copied().unwrap_or_default()));
    Ok(())
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
