//! A Docker daemon of a test's own, with its own socket, data, runtime directory and containerd, that can be stopped, killed, frozen
//! and starved. Nothing of it stays.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sandbox::Docker;

use crate::support::PATIENCE;

const IMAGE: &str = "zona/runtime-python:3.11";
const POLL: Duration = Duration::from_millis(20);

pub struct Daemon {
    child: Option<Child>,
    /// Short: sockets lie below it.
    directory: tempfile::TempDir,
}

impl Daemon {
    /// One with the runtime image.
    pub fn start() -> Self {
        let mut daemon = Daemon { child: None, directory: tempfile::Builder::new().prefix("zd").tempdir().unwrap() };
        std::fs::create_dir(daemon.data()).unwrap();
        daemon.provide();
        daemon
    }

    /// One with the runtime image whose data lie on a file system of so many MiB.
    pub fn start_within(mebibytes: u32) -> Self {
        let mut daemon = Daemon { child: None, directory: tempfile::Builder::new().prefix("zd").tempdir().unwrap() };
        std::fs::create_dir(daemon.data()).unwrap();
        let options = format!("size={mebibytes}m");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(daemon.data()));
        daemon.provide();
        daemon
    }

    /// One that knows gVisor's `runsc`, which must be installed, with the arguments that an operator is told.
    pub fn start_with_runsc() -> Self {
        let mut daemon = Daemon { child: None, directory: tempfile::Builder::new().prefix("zd").tempdir().unwrap() };
        std::fs::create_dir(daemon.data()).unwrap();
        let arguments = ["--platform=ptrace", "--network=none", "--host-uds=open", "--host-fifo=open"];
        let runtimes = serde_json::json!({ "runtimes": { "runsc": { "path": "/usr/bin/runsc", "runtimeArgs": arguments } } });
        std::fs::write(daemon.settings_file(), runtimes.to_string()).unwrap();
        daemon.provide();
        daemon
    }

    /// Absent where it has the defaults.
    fn settings_file(&self) -> PathBuf {
        self.directory.path().join("daemon.json")
    }

    fn provide(&mut self) {
        self.restart();
        let mut save = Command::new("docker").args(["save", IMAGE]).stdout(Stdio::piped()).spawn().unwrap();
        run(self.docker(&["load"]).stdin(save.stdout.take().unwrap()));
        assert!(save.wait().unwrap().success());
    }

    /// How a host uses it.
    pub fn settings(&self, deadline: Duration) -> Docker {
        Docker { socket: self.socket(), image: IMAGE.to_owned(), deadline, ..Docker::default() }
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("s")
    }

    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn docker(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.arg("--host").arg(format!("unix://{}", self.socket().display())).args(arguments);
        command
    }

    /// Its containers, running or not: name and state.
    pub fn containers(&self) -> Vec<String> {
        let listed = run(&mut self.docker(&["ps", "--all", "--quiet", "--no-trunc"]));
        listed.lines().filter_map(|id| self.inspect(id)).collect()
    }

    /// What it knows of a container, or nothing: a daemon that starts again while containers end can go on to list one that it has
    /// removed, without a name and dead, and answers that there is none when it is asked for it (seen with 20.10.24).
    fn inspect(&self, id: &str) -> Option<String> {
        let output = self.docker(&["inspect", "--type", "container", "--format", "{{.Name}}: {{.State.Status}}", id]).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() || words.contains("No such container"), "{words}");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Leaves a container behind as a server of this installation does that was killed.
    pub fn leave_behind(&self, installation: &str) {
        let labels = [format!("zona.installation={installation}"), "zona.instance=dead".to_owned()];
        run(&mut self.docker(&["create", "--label", &labels[0], "--label", &labels[1], IMAGE, "/nothing"]));
    }

    /// Starts it, or starts it again. One that finds what a killed one left may give up before it serves (it waits for a containerd
    /// that is just ending): then it is started once more, as a service manager does.
    pub fn restart(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let log = self.directory.path().join("log");
        loop {
            let mut child = self.spawn();
            let mut ended = false;
            let settled = within(deadline.saturating_duration_since(Instant::now()), || {
                ended = child.try_wait().unwrap().is_some();
                ended || self.docker(&["version"]).stdin(Stdio::null()).output().unwrap().status.success()
            });
            if settled && !ended {
                self.child = Some(child);
                return;
            }
            if !ended {
                child.kill().unwrap();
                child.wait().unwrap();
            }
            assert!(Instant::now() < deadline, "{}", std::fs::read_to_string(&log).unwrap());
        }
    }

    fn spawn(&self) -> Child {
        let file = |name: &str| self.directory.path().join(name);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(file("log")).unwrap();
        let settings = Some(self.settings_file()).filter(|file| file.exists());
        Command::new("dockerd")
            .args(settings.iter().flat_map(|file| ["--config-file".as_ref(), file.as_os_str()]))
            .arg("--host")
            .arg(format!("unix://{}", self.socket().display()))
            .arg("--data-root")
            .arg(self.data())
            .arg("--exec-root")
            .arg(file("exec"))
            .arg("--pidfile")
            .arg(file("pid"))
            .args(["--bridge=none", "--iptables=false", "--ip6tables=false"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    /// Ends it in good order: it ends its containers first.
    pub fn stop(&mut self) {
        self.end(Signal::TERM);
    }

    /// Ends it as a crash does: its containers run on.
    pub fn kill(&mut self) {
        self.end(Signal::KILL);
    }

    /// It answers nothing any more, and everything of it stays.
    pub fn freeze(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
    }

    pub fn thaw(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().expect("it runs"))
    }

    fn end(&mut self, signal: Signal) {
        let Some(mut child) = self.child.take() else { return };
        kill_process(Pid::from_child(&child), signal).unwrap();
        let ended = within(PATIENCE, || child.try_wait().unwrap().is_some());
        if !ended {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert!(ended || std::thread::panicking(), "the daemon does not end");
    }

    /// A killed daemon leaves its containerd, which is ours to end.
    fn end_containerd(&self) {
        let file = self.directory.path().join("exec/containerd/containerd.pid");
        let pid = std::fs::read_to_string(file).ok().and_then(|text| Pid::from_raw(text.trim().parse().ok()?));
        let Some(pid) = pid else { return };
        let directory = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
        let command = std::fs::read_to_string(directory.join("cmdline")).unwrap_or_default();
        if command.contains(&*self.directory.path().to_string_lossy()) {
            let _ended = kill_process(pid, Signal::TERM);
            within(Duration::from_secs(5), || !directory.exists());
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.child.is_some() {
            // Of a test that failed while it was frozen.
            self.thaw();
        }
        self.end(Signal::TERM);
        self.end_containerd();
        for mount in mounts_below(self.directory.path()) {
            let _gone = Command::new("umount").args(["--lazy"]).arg(mount).output();
        }
    }
}

/// The last ones first, so that none lies below another.
fn mounts_below(directory: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let points = text.lines().filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from);
    let mut found: Vec<_> = points.filter(|point| point.starts_with(directory)).collect();
    found.reverse();
    found
}

/// Whether something becomes true in time.
pub fn within(patience: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(POLL);
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
