//! The names of modules that well-known packages bring, `crates/python-check/data/known-modules.txt`: fetched and read by a script that
//! names its sources with version and hash.

use std::{fs, process::Command};

use anyhow::Context as _;

use crate::{process::output, workspace::Workspace};

const SCRIPT: &str = "crates/python-check/tools/known_modules.py";
const LIST: &str = "crates/python-check/data/known-modules.txt";

/// Writes the list anew. Needs `python3` with pip, and PyPI.
///
/// # Errors
/// When the script cannot get its sources, or something else than what it names; the list stays as it is then.
pub fn write_list(workspace: &Workspace) -> anyhow::Result<()> {
    let list = output(Command::new("python3").arg(workspace.path(SCRIPT)))?;
    fs::write(workspace.path(LIST), &list).with_context(|| format!("failed to write {LIST}"))?;
    let names = list.lines().filter(|line| !line.starts_with('#')).count();
    println!("{LIST}: {names} names. To take newer sources, change their versions and hashes in {SCRIPT}");
    Ok(())
}
