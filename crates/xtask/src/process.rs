//! Running other programs: shown before they start, never given our stdin, and an error when they fail.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

/// The cargo that started us, or the one on PATH.
pub fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// Runs to the end with our stdout and stderr.
///
/// # Errors
/// When it cannot start or exits with anything but 0.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let shown = show(command);
    println!("$ {shown}");
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("failed to start {shown}"))?;
    if !status.success() {
        bail!("{shown}: {status}");
    }
    Ok(())
}

/// Whether the command runs and exits with 0; its output is thrown away.
pub fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// What the command prints to stdout.
///
/// # Errors
/// When it cannot start or exits with anything but 0; the error carries its stderr.
pub fn output(command: &mut Command) -> anyhow::Result<String> {
    let shown = show(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("failed to start {shown}"))?;
    if !output.status.success() {
        bail!("{shown}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{shown} prints something that is not UTF-8"))
}

/// The file that a program name stands for on PATH.
pub fn find(program: &str) -> Option<PathBuf> {
    find_in(program, &env::var_os("PATH")?)
}

fn find_in(program: &str, path: &OsString) -> Option<PathBuf> {
    env::split_paths(path).map(|directory| directory.join(program)).find(|file| file.is_file())
}

/// PATH with more directories in front.
///
/// # Errors
/// When a directory's name cannot stand in a PATH.
pub fn path_with<'a>(directories: impl IntoIterator<Item = &'a Path>) -> anyhow::Result<OsString> {
    let current = env::var_os("PATH").unwrap_or_default();
    let all = directories.into_iter().map(Path::to_path_buf).chain(env::split_paths(&current));
    Ok(env::join_paths(all)?)
}

fn show(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
