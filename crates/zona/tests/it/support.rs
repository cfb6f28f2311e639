//! Starting the binary and servers. A server is killed when its test ends, however it ends.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take that should take much less, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The binary, with none of this machine's configuration.
pub fn zona() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zona"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ZONA_") {
            command.env_remove(name);
        }
    }
    command.env("XDG_CONFIG_HOME", "/nonexistent").env("XDG_DATA_HOME", "/nonexistent").stdin(Stdio::null());
    command
}

/// What a command did.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    /// Standard output as one JSON value.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Standard output as JSON lines.
    pub fn json_lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"))).collect()
    }

    /// The same, once the exit code is as expected.
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        Done {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs the binary to its end.
pub fn run(arguments: &[&str]) -> Done {
    zona().args(arguments).output().unwrap().into()
}

/// A file in a directory of its own.
pub struct Source {
    _directory: TempDir,
    pub path: PathBuf,
}

impl Source {
    pub fn new(name: &str, text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        Source { _directory: directory, path }
    }

    pub fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }
}

/// A server: of `zona dev`, unless somebody says otherwise.
pub struct Server {
    child: Child,
    pub address: String,
    pub admin: String,
    pub banner: String,
    pub log: PathBuf,
}

impl Server {
    /// Starts one on free ports and waits until it serves.
    pub fn start(data: &Path) -> Self {
        Server::start_with(data, &[])
    }

    /// The same with an environment.
    pub fn start_with(data: &Path, environment: &[(&str, &str)]) -> Self {
        Server::start_command("dev", data, environment)
    }

    /// A server of `zona server` that keeps everything by itself, when it serves; that it is ready is another matter.
    pub fn start_proving(data: &Path, environment: &[(&str, &str)]) -> Self {
        Server::start_command("server", data, &[environment, &[("ZONA_STORE__EMBEDDED", "true")]].concat())
    }

    fn start_command(command_name: &str, data: &Path, environment: &[(&str, &str)]) -> Self {
        let log = data.with_extension("log");
        let errors = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let mut command = zona();
        command.args([command_name, "--listen", "127.0.0.1:0", "--data"]).arg(data).args(["--log", "info,server=debug"]);
        // Most tests are about other things than who calls. Where `zona dev` signs somebody in is this test's own.
        command.env("ZONA_IDENTITY__LOCAL_CALLER", "true").env("XDG_CONFIG_HOME", data.with_extension("config"));
        command.envs(environment.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(errors).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut banner = String::new();
        for line in lines.by_ref().map_while(Result::ok) {
            banner.push_str(&line);
            banner.push('\n');
            if line == "Ctrl-C stops." {
                break;
            }
        }
        let field = |name: &str| {
            let line = banner.lines().find(|line| line.trim_start().starts_with(name));
            let url = line.and_then(|line| line.split("://").nth(1));
            let address = url.map(|url| url.split(['/', ' ']).next().unwrap_or_default().to_owned());
            address.unwrap_or_else(|| panic!("no {name} in {banner:?}; log: {}", std::fs::read_to_string(&log).unwrap_or_default()))
        };
        let (address, admin) = (field("serving"), field("metrics"));
        Server { child, address, admin, banner, log }
    }

    /// A client command of this server.
    pub fn client(&self) -> Command {
        let mut command = zona();
        command.env("ZONA_SERVER", format!("http://{}", self.address));
        command
    }

    /// Runs a client command to its end.
    pub fn run(&self, arguments: &[&str]) -> Done {
        self.client().args(arguments).output().unwrap().into()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(pid(&self.child), signal).unwrap();
    }

    /// Waits for its end; answers exit code and duration.
    pub fn wait(&mut self) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        let status = self.child.wait().unwrap();
        (status.code(), begun.elapsed())
    }

    /// Every process below the server: agents, zygotes, children.
    pub fn descendants(&self) -> Vec<Process> {
        let all = Process::all();
        let mut found = vec![self.child.id()];
        let mut grown = true;
        while grown {
            let next: Vec<u32> = all
                .iter()
                .filter(|process| found.contains(&process.parent) && !found.contains(&process.pid))
                .map(|process| process.pid)
                .collect();
            grown = !next.is_empty();
            found.extend(next);
        }
        all.into_iter().filter(|process| process.pid != self.child.id() && found.contains(&process.pid)).collect()
    }

    /// Body of a page of the operators' port, with its status.
    pub fn page(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.admin).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Gently first: a killed server leaves its runtime directory to the next one.
            let _ = kill_process(pid(&self.child), Signal::TERM);
            let begun = Instant::now();
            while matches!(self.child.try_wait(), Ok(None)) && begun.elapsed() < Duration::from_secs(10) {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        // It may have ended by now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process, told from a later one with the same number by its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pid: u32,
    parent: u32,
    started: u64,
}

impl Process {
    fn all() -> Vec<Process> {
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter_map(Process::read).collect()
    }

    fn read(pid: u32) -> Option<Process> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, in parentheses, may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(Process { pid, parent: fields.get(1)?.parse().ok()?, started: fields.get(19)?.parse().ok()? })
    }

    /// Whether it still runs; one that nobody has reaped does not.
    fn lives(&self) -> bool {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok();
        let zombie = state.is_some_and(|stat| stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z')));
        !zombie && Process::read(self.pid).is_some_and(|now| now.started == self.started)
    }
}

/// Waits until none of these processes runs any more.
pub fn wait_gone(processes: &[Process]) {
    until("every process is gone", || !processes.iter().any(Process::lives));
}

/// Waits for a condition.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The number of a child, for signals.
pub fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap()
}
