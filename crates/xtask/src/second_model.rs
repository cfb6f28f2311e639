//! The second model of the rules of access, `second-model/`: a workspace of its own, so that the features of its engine do not change
//! what the other tests test.

use std::process::Command;

use crate::{process::run, workspace::Workspace};

/// Compiles and runs it. `cargo` is set up for the workspace.
///
/// # Errors
/// When it does not compile, or the two models disagree.
pub fn compare(workspace: &Workspace, mut cargo: Command) -> anyhow::Result<()> {
    cargo.args(["test", "--locked", "--manifest-path"]).arg(workspace.path("second-model/Cargo.toml"));
    // In a directory of its own: a workspace that looks for its binaries in the other one must not find these.
    cargo.arg("--target-dir").arg(workspace.target_directory()?.join("second-model"));
    run(&mut cargo)
}
