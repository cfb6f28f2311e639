//! Fuzzing of the code check: builds the targets of `fuzz/` with the nightly compiler and runs each for a bounded time. What it
//! finds lies in `fuzz/artifacts`; the seeds in `fuzz/seeds` are committed, the corpus that grows beside them is not.

use std::{ffi::OsStr, fs, process::Command, time::Duration};

use anyhow::bail;

use crate::{
    process::{run, succeeds},
    workspace::Workspace,
};

/// Targets of `fuzz/Cargo.toml`.
const TARGETS: [&str; 2] = ["bytes", "mutated_sources"];
/// The longest code that a policy may allow: longer inputs are refused unread.
const MAX_INPUT: usize = 256 * 1024;
/// How long one input may take until it counts as a hang; the targets themselves hold the promised time.
const HANG: Duration = Duration::from_secs(60);

/// Runs every target for `duration`. `path` is the PATH that holds `cargo-fuzz`.
///
/// # Errors
/// When there is no nightly compiler, a target does not build, or an input breaks what must hold.
pub fn run_targets(workspace: &Workspace, path: &OsStr, duration: Duration) -> anyhow::Result<()> {
    if !succeeds(Command::new("rustup").args(["run", "nightly", "rustc", "--version"])) {
        bail!("fuzzing needs a nightly compiler: rustup toolchain install nightly");
    }
    let cargo_fuzz = |arguments: &[&str]| {
        let mut command = Command::new("rustup");
        command.current_dir(workspace.path("fuzz")).env("PATH", path).args(["run", "nightly", "cargo", "fuzz"]).args(arguments);
        // There is no unsafe code to watch, and the sanitizers would cost most of the time.
        command.args(["--sanitizer", "none"]);
        command
    };
    for target in TARGETS {
        let (corpus, seeds) = (format!("corpus/{target}"), format!("seeds/{target}"));
        fs::create_dir_all(workspace.path("fuzz").join(&corpus))?;
        let mut command = cargo_fuzz(&["run", target]);
        command.args([corpus, seeds, "--".to_owned(), "-dict=python.dict".to_owned(), "-print_final_stats=1".to_owned()]);
        command.arg(format!("-max_total_time={}", duration.as_secs()));
        command.arg(format!("-max_len={MAX_INPUT}"));
        command.arg(format!("-timeout={}", HANG.as_secs()));
        // One line for each new input would be thousands.
        run(command.arg("-verbosity=0"))?;
    }
    Ok(())
}
