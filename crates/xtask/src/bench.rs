//! Benchmarks: provides what they need, builds release binaries, and hands over to the runner in `tests/`. What is measured,
//! and how, is the runner's business.

use std::process::Command;

use crate::{
    process::{cargo, run},
    setup::{self, Need},
    workspace::Workspace,
};

/// The runner's flag that compares with more peers than Debian's own.
const PEERS: &str = "--peers";

/// Runs the benchmark runner with the given arguments.
///
/// # Errors
/// When something cannot be provided or built, or the runner fails.
pub fn run_benchmarks(workspace: &Workspace, arguments: &[String]) -> anyhow::Result<()> {
    let mut needs = vec![Need::Packages, Need::Docker, Need::Image];
    if arguments.iter().any(|argument| argument == PEERS) {
        needs.push(Need::Peers);
    }
    let provided = setup::provide(workspace, &needs, &mut Vec::new())?;
    // One package each: together, features that one asks for would change the other.
    for (package, binary) in [("zona", "zona"), ("e2e", "bench")] {
        run(cargo().current_dir(&workspace.root).args(["build", "--release", "--locked", "--package", package, "--bin", binary]))?;
    }
    let binaries = workspace.target_directory()?.join("release");
    run(Command::new(binaries.join("bench"))
        .current_dir(&workspace.root)
        .args(arguments)
        .env("PATH", &provided.path)
        .env("E2E_BINARY", binaries.join("zona")))?;
    provided.stop()
}
