//! Builds the program that runs inside sandboxes, as a static executable, for the binary to carry: so the two never differ in
//! version, and `cargo build -p zona` is all there is to do.
//!
//! The nested build has a target directory of its own, since cargo holds the lock of this one, and is always optimized: what
//! a sandbox costs should not depend on how the server was built.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the agent is made of, from the root of the workspace.
const SOURCES: [&str; 4] = ["crates/sandbox-agent", "crates/sandbox-protocol", "Cargo.lock", "rust-toolchain.toml"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../..").canonicalize()?;
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    let agent = build_agent(&root, &variable("TARGET")?, &target_directory()?)?;
    println!("cargo::rustc-env=SANDBOX_AGENT={}", agent.display());
    Ok(())
}

fn build_agent(root: &Path, target: &str, directory: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let mut cargo = Command::new(variable("CARGO")?);
    cargo.args(["build", "--release", "--package", "sandbox-agent", "--bin", "zona-agent", "--target", target, "--target-dir"]);
    cargo.arg(directory).current_dir(root);
    // Settings of the outer build must not leak into the agent: flags, profile overrides, wrappers for coverage.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let leaks = ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET", "RUSTC_WORKSPACE_WRAPPER"];
        if leaks.contains(&&*text) || ["CARGO_PROFILE_", "CARGO_FEATURE_", "CARGO_CFG_"].iter().any(|prefix| text.starts_with(prefix)) {
            cargo.env_remove(&name);
        }
    }
    let status = cargo.env("RUSTFLAGS", "-C target-feature=+crt-static").status()?;
    if !status.success() {
        return Err(format!("building the sandbox agent failed: {status}").into());
    }
    Ok(directory.join(target).join("release/zona-agent"))
}

/// `agent-build` beside the profile's directory: one for all profiles.
fn target_directory() -> Result<PathBuf, Box<dyn Error>> {
    let out = PathBuf::from(variable("OUT_DIR")?);
    // target/PROFILE/build/zona-HASH/out
    let target = out.ancestors().nth(4).ok_or("OUT_DIR is not below a target directory")?;
    Ok(target.join("agent-build"))
}

fn variable(name: &str) -> Result<String, Box<dyn Error>> {
    env::var(name).map_err(|error| format!("{name}: {error}").into())
}
