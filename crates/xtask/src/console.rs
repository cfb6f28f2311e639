//! The console, `console/`: its bundle is built by npm and committed, so that whoever builds the server needs no npm. The check builds it once
//! more and compares the bytes: what is committed is what the sources say.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

use crate::{process::run, workspace::Workspace};

/// Where its sources are.
const SOURCES: &str = "console";
/// Where the bundle is that is committed.
const BUNDLE: &str = "console/dist";
/// Where the check builds, below cargo's own output.
const REBUILT: &str = "console";

/// Builds the bundle in its place.
///
/// # Errors
/// When npm is missing or fails.
pub fn build(workspace: &Workspace) -> anyhow::Result<()> {
    build_into(workspace, &workspace.path(BUNDLE))
}

/// Builds the bundle elsewhere and compares, and runs the console's own tests where it has some.
///
/// # Errors
/// When npm is missing or fails, or the bundle that is committed is another one.
pub fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let rebuilt = workspace.target_directory()?.join(REBUILT);
    build_into(workspace, &rebuilt)?;
    run(npm(workspace).args(["run", "test", "--if-present"]))?;
    let differing = differing(&files(&workspace.path(BUNDLE))?, &files(&rebuilt)?);
    if !differing.is_empty() {
        bail!("{BUNDLE} is not what the sources make; run `cargo xtask console`: {}", differing.join(", "));
    }
    Ok(())
}

fn build_into(workspace: &Workspace, into: &Path) -> anyhow::Result<()> {
    // What the lock file names, which is not written, and no program of a package. `npm ci` would refuse a lock file without an optional
    // package of another system that the registry does not have.
    run(npm(workspace).args(["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]))?;
    run(npm(workspace).args(["run", "build", "--", "--emptyOutDir", "--outDir"]).arg(into))
}

fn npm(workspace: &Workspace) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(workspace.path(SOURCES));
    command
}

/// What each file below a directory holds, by its path there.
fn files(directory: &Path) -> anyhow::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_path_buf()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(&next).with_context(|| format!("failed to read {}", next.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                left.push(path);
            } else {
                let bytes = fs::read(&path).with_context(|| format!("failed to read {}", path.display()))?;
                found.insert(path.strip_prefix(directory)?.to_path_buf(), bytes);
            }
        }
    }
    Ok(found)
}

/// The files that are not the same on both sides, each with how.
fn differing(committed: &BTreeMap<PathBuf, Vec<u8>>, rebuilt: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<String> {
    let mut differing = Vec::new();
    for (path, bytes) in committed {
        match rebuilt.get(path) {
            None => differing.push(format!("{} is no longer made", path.display())),
            Some(other) if other != bytes => differing.push(format!("{} is another one", path.display())),
            Some(_) => {}
        }
    }
    let missing = rebuilt.keys().filter(|path| !committed.contains_key(*path));
    differing.extend(missing.map(|path| format!("{} is missing", path.display())));
    differing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_differs_is_named() {
        let bundle = |files: &[(&str, &str)]| files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect();
        let committed = bundle(&[("index.html", "a"), ("assets/app-1.js", "b"), ("same.css", "c")]);
        let rebuilt = bundle(&[("index.html", "z"), ("assets/app-2.js", "b"), ("same.css", "c")]);
        let expected = ["assets/app-1.js is no longer made", "index.html is another one", "assets/app-2.js is missing"];
        assert_eq!(differing(&committed, &rebuilt), expected);
        assert_eq!(differing(&committed, &committed), [""; 0]);
    }

    #[test]
    fn files_are_found_however_deep_they_lie() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("a/b")).unwrap();
        fs::write(directory.path().join("a/b/c.js"), "x").unwrap();
        fs::write(directory.path().join("index.html"), "y").unwrap();
        let found: Vec<PathBuf> = files(directory.path()).unwrap().into_keys().collect();
        assert_eq!(found, [PathBuf::from("a/b/c.js"), PathBuf::from("index.html")]);
    }
}
