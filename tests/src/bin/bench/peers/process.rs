//! An interpreter for each call: bare, which is the yardstick, and inside bubblewrap.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::{PYTHON_FLAGS, Peer, RUNNER, check, job};
use crate::cpu::Scope;

/// The interpreter without any isolation. The runner is written into `directory`.
///
/// # Errors
/// When the runner cannot be written.
pub fn bare(python: &Path, directory: &Path) -> anyhow::Result<Peer> {
    let runner = write_runner(directory)?;
    let mut command: Vec<OsString> = vec![python.into()];
    command.extend(PYTHON_FLAGS.map(OsString::from));
    command.push(runner.into());
    Ok(peer("bare python3 -I -S -E", command, Some(Scope::Own)))
}

/// The same inside bubblewrap: all namespaces, a read-only `/usr`, no capabilities; no limits, no filter.
///
/// # Errors
/// When the runner cannot be written.
pub fn bubblewrap(python: &Path, directory: &Path) -> anyhow::Result<Peer> {
    let runner = write_runner(directory)?;
    let mut command: Vec<OsString> =
        ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"].map(Into::into).into();
    command.extend(["--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"].map(Into::into));
    command.extend(["--tmpfs", "/tmp", "--ro-bind"].map(Into::into));
    command.extend([runner.into(), "/runner.py".into(), python.into()]);
    command.extend(PYTHON_FLAGS.map(OsString::from));
    command.push("/runner.py".into());
    // Its innermost process ends as nobody's child, and its time with it.
    Ok(peer("bubblewrap", command, None))
}

fn write_runner(directory: &Path) -> anyhow::Result<PathBuf> {
    let path = directory.join("runner.py");
    std::fs::write(&path, RUNNER).with_context(|| format!("failed to write {}", path.display()))?;
    Ok(path)
}

fn peer(name: &'static str, command: Vec<OsString>, scope: Option<Scope>) -> Peer {
    let (command, input) = (Arc::new(command), Arc::new(job()));
    let subject = Arc::new(move || -> crate::load::Call {
        let (command, input) = (Arc::clone(&command), Arc::clone(&input));
        Box::pin(async move { spawn(&command, &input).await })
    });
    Peer { name, subject, scope }
}

async fn spawn(command: &[OsString], input: &str) -> anyhow::Result<Instant> {
    let [program, arguments @ ..] = command else { anyhow::bail!("an empty command") };
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("failed to start {}", program.display()))?;
    let mut stdin = child.stdin.take().context("standard input is piped")?;
    stdin.write_all(input.as_bytes()).await?;
    drop(stdin);
    let output = child.wait_with_output().await?;
    let done = Instant::now();
    anyhow::ensure!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    check(&String::from_utf8_lossy(&output.stdout))?;
    Ok(done)
}
