//! A Docker daemon on the default socket. One that answers is used as it is; otherwise one is started, with data and log in
//! the cache, and stopped again by whoever started it. It never touches a daemon that it did not start.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    process::{find, succeeds},
    workspace::Workspace,
};

/// How long a daemon may take until it answers; a first start on a slow disk takes seconds.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// How long a daemon may take to end its containers and itself.
const STOP_DEADLINE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(200);

/// Flags after the first attempt, for kernels without packet filter modules: sandboxes have no network anyway.
const WITHOUT_NETWORK: [&str; 3] = ["--bridge=none", "--iptables=false", "--ip6tables=false"];

/// gVisor, which a server uses where its configuration says so.
const SETTINGS: &str = r#"{"runtimes": {"runsc": {"path": "/usr/bin/runsc", "runtimeArgs": ["--platform=ptrace", "--network=none", "--host-uds=open", "--host-fifo=open"]}}}
"#;
/// A machine's own settings win: an option that stands in both keeps the daemon from starting.
const SYSTEM_SETTINGS: &str = "/etc/docker/daemon.json";

const PID_FILE: &str = "/run/zona-dockerd.pid";

/// A daemon that we started. Dropping it stops it.
pub struct Daemon {
    child: Option<Child>,
}

/// Starts a daemon unless one answers.
///
/// # Errors
/// When none answers and none can be started; the error carries the end of its log.
pub fn start(workspace: &Workspace) -> anyhow::Result<Option<Daemon>> {
    if answers() {
        return Ok(None);
    }
    if !rustix::process::geteuid().is_root() {
        bail!("no Docker daemon answers, and starting one needs root");
    }
    forget_dead_daemon();
    let log = workspace.cache.join("log/dockerd.log");
    fs::create_dir_all(workspace.cache.join("log"))?;
    for flags in [&[][..], &WITHOUT_NETWORK[..]] {
        if let Some(daemon) = attempt(workspace, &log, flags)? {
            return Ok(Some(daemon));
        }
        // A package that was just installed may have started its own daemon in the meantime.
        if answers() {
            return Ok(None);
        }
    }
    bail!("dockerd does not start; the end of {}:\n{}", log.display(), tail(&log));
}

/// `None` when the daemon ends or stays silent.
fn attempt(workspace: &Workspace, log: &Path, flags: &[&str]) -> anyhow::Result<Option<Daemon>> {
    let out = File::create(log).with_context(|| format!("failed to create {}", log.display()))?;
    let program = find("dockerd").unwrap_or_else(|| PathBuf::from("/usr/sbin/dockerd"));
    // A session of its own: a terminal's Ctrl-C or hang-up must not take it down before the sandboxes are swept. `setsid`
    // replaces itself, so the child is the daemon.
    let mut command = Command::new("setsid");
    command.arg(program);
    if !Path::new(SYSTEM_SETTINGS).exists() {
        let settings = workspace.cache.join("docker/daemon.json");
        fs::create_dir_all(workspace.cache.join("docker"))?;
        fs::write(&settings, SETTINGS).with_context(|| format!("failed to write {}", settings.display()))?;
        command.arg("--config-file").arg(settings);
    }
    let child = command
        .arg("--data-root")
        .arg(workspace.cache.join("docker/data"))
        // Sockets lie below this directory, and a socket's path has 108 bytes.
        .args(["--exec-root", "/run/zona-dockerd", "--pidfile", PID_FILE])
        .args(flags)
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .spawn()
        .context("failed to start dockerd")?;
    let mut daemon = Daemon { child: Some(child) };
    let deadline = Instant::now() + START_DEADLINE;
    while Instant::now() < deadline {
        if answers() {
            println!("setup: started dockerd, log in {}", log.display());
            return Ok(Some(daemon));
        }
        if daemon.has_ended()? {
            return Ok(None);
        }
        thread::sleep(POLL);
    }
    daemon.end()?;
    Ok(None)
}

/// A daemon that was killed leaves its process id behind; once another process has it, the next daemon refuses to start.
fn forget_dead_daemon() {
    let Ok(pid) = fs::read_to_string(PID_FILE) else { return };
    let name = fs::read_to_string(format!("/proc/{}/comm", pid.trim())).unwrap_or_default();
    if name.trim() != "dockerd" {
        // Not removed: then the daemon says so itself.
        let _ = fs::remove_file(PID_FILE);
    }
}

fn answers() -> bool {
    succeeds(Command::new("docker").args(["version", "--format", "{{.Server.Version}}"]))
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

// === impl Daemon ===

impl Daemon {
    /// Lets it run on.
    pub fn leave_running(mut self) {
        self.child = None;
    }

    /// Ends it and waits.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.end()
    }

    fn has_ended(&mut self) -> anyhow::Result<bool> {
        Ok(match &mut self.child {
            Some(child) => child.try_wait()?.is_some(),
            None => true,
        })
    }

    fn end(&mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        kill_process(Pid::from_child(&child), Signal::TERM)?;
        let deadline = Instant::now() + STOP_DEADLINE;
        while Instant::now() < deadline {
            if child.try_wait()?.is_some() {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        bail!("dockerd (process {}) does not end", child.id());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("failed to stop dockerd: {error:#}");
        }
    }
}
