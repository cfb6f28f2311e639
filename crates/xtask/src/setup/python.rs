//! Virtual environments with exactly what a file of requirements pins: of the Python client and the checks of OpenAPI that the stories run, and of
//! the peers that benchmarks compare with. They are kept in the cache and never stand on PATH, where they would pass for the
//! machine's own interpreter.

use std::{fs, path::Path, process::Command};

use anyhow::Context as _;

use crate::{
    process::{find, run},
    workspace::Workspace,
};

/// Name and content of the file that marks a finished installation; the stories compare it with the committed one.
const MARK: &str = "requirements.txt";

/// One environment.
pub struct Environment {
    /// Its directory in the cache.
    name: &'static str,
    /// What it holds, below the workspace root.
    requirements: &'static str,
}

/// Packages of the Python client.
pub const CLIENT: Environment = Environment { name: "python-client", requirements: "tests/python/requirements.txt" };
/// What checks the description of JSON over HTTP, and a server by it.
pub const OPENAPI: Environment = Environment { name: "openapi-checks", requirements: "tests/openapi/requirements.txt" };
/// Sandboxes of others, to measure beside ours.
pub const PEERS: Environment = Environment { name: "bench-peers", requirements: "tests/peers/requirements.txt" };

/// Builds the environment unless the cache has it with the same requirements. A package that does not have its pinned hash is
/// refused where the requirements give hashes.
///
/// # Errors
/// When Python or its module `venv` is missing, or pip fails.
pub fn install(workspace: &Workspace, environment: &Environment) -> anyhow::Result<()> {
    let requirements = workspace.path(environment.requirements);
    let wanted = fs::read_to_string(&requirements).with_context(|| format!("failed to read {}", requirements.display()))?;
    let home = workspace.cache.join("tools").join(environment.name);
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
