//! How `zona-agent` becomes one static file. Included by path where a build script or a test needs the file: cargo has no
//! dependency on another package's program that could ask for different compiler flags.
//!
//! The same as by hand:
//!
//! ```text
//! RUSTFLAGS="-C target-feature=+crt-static" \
//!     cargo build --release --package sandbox-agent --bin zona-agent --target x86_64-unknown-linux-gnu
//! ```

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// What the agent runs on.
const TARGET: &str = "x86_64-unknown-linux-gnu";
const PROGRAM: &str = "zona-agent";
/// Set by an outer cargo, rustc wrapper or linter for its own build, and wrong for this one.
const FOREIGN_VARIABLES: [&str; 8] = [
    "RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_MAKEFLAGS",
];

/// Paths below the workspace whose change makes the agent stale.
#[allow(dead_code)] // A test does not watch, cargo does it there.
pub const SOURCES: [&str; 3] = ["crates/sandbox-agent", "crates/sandbox-protocol", "Cargo.lock"];

/// Builds the agent of the workspace at `workspace` in a target directory of its own (sharing the outer build's would wait for
/// its lock for ever) and returns the file's path.
///
/// # Errors
/// One sentence: cargo cannot be run, or the build failed; cargo's own words are on stderr then.
pub fn build_agent(workspace: &Path, target_directory: &Path) -> Result<PathBuf, String> {
    build(workspace, target_directory, &[])
}

/// The same, with the feature that lets a test leave defences out. It needs a target directory of its own: a mix-up would ship it.
///
/// # Errors
/// As [`build_agent`].
#[allow(dead_code)] // Only one test weakens.
pub fn build_weakened_agent(workspace: &Path, target_directory: &Path) -> Result<PathBuf, String> {
    build(workspace, target_directory, &["--features", "weaken"])
}

fn build(workspace: &Path, target_directory: &Path, options: &[&str]) -> Result<PathBuf, String> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(workspace)
        .args(["build", "--quiet", "--release", "--package", "sandbox-agent", "--bin", PROGRAM, "--target", TARGET])
        .args(options)
        .arg("--target-dir")
        .arg(target_directory);
    for variable in FOREIGN_VARIABLES {
        cargo.env_remove(variable);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static");
    let status = cargo.status().map_err(|error| format!("cannot run cargo to build {PROGRAM}: {error}"))?;
    if !status.success() {
        return Err(format!("building {PROGRAM} failed: {status}"));
    }
    Ok(target_directory.join(TARGET).join("release").join(PROGRAM))
}
