//! The virtual environment of the Python client that the stories run: exactly what `tests/python/requirements.txt` pins. It is
//! kept in the cache and never stands on PATH, where it would pass for the machine's own interpreter.

use std::{fs, path::Path, process::Command};

use anyhow::Context as _;

use crate::{
    process::{find, run},
    workspace::Workspace,
};

/// Name and content of the file that marks a finished installation; the stories compare it with the committed one.
const MARK: &str = "requirements.txt";

/// Builds the environment unless the cache has it with the same requirements.
///
/// # Errors
/// When Python or its module `venv` is missing, or pip fails.
pub fn install(workspace: &Workspace) -> anyhow::Result<()> {
    let requirements = workspace.path("tests/python/requirements.txt");
    let wanted = fs::read_to_string(&requirements).with_context(|| format!("failed to read {}", requirements.display()))?;
    let home = workspace.cache.join("tools/python-client");
    if fs::read_to_string(home.join(MARK)).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    // Debian's own interpreter first: one that a version manager put on PATH may be gone tomorrow.
    let system = Path::new("/usr/bin/python3");
    let python = if system.is_file() { system.to_path_buf() } else { find("python3").context("python3 is missing")? };
    run(Command::new(python).args(["-m", "venv", "--clear"]).arg(&home))?;
    let mut pip = Command::new(home.join("bin/python3"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--requirement"]);
    run(pip.arg(&requirements))?;
    fs::write(home.join(MARK), wanted)?;
    Ok(())
}
