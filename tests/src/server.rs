//! One real server: `zona dev`, or `zona server`, on a free port of the loopback interface, with a data directory of its own. It ends with
//! the story, whatever becomes of the story.

mod log;

use std::{
    io::{BufRead as _, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{
    command, health,
    host::{self, Footprint},
    workspace,
};

/// Asks for the stories of servers each of whose processes runs one program.
pub const FRESH: &str = "ZONA_TEST_FRESH";
/// What starts a server unless a story says otherwise.
const DEV: &str = "dev";
/// A first start on a busy machine, image inspection and probes included.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// What a server promises to need for its end, and slack for a busy machine.
const STOP_DEADLINE: Duration = Duration::from_secs(15);

/// Where sandboxes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Namespaces of the server's own.
    Namespace,
    /// A Docker daemon.
    Docker,
}

/// A running server.
pub struct Server {
    child: Child,
    address: SocketAddr,
    data: PathBuf,
    lines: Arc<Mutex<Vec<String>>>,
    /// Only for the directories that the story did not give.
    _owned: Option<TempDir>,
    _home: TempDir,
}

/// How a server ended.
#[derive(Debug)]
pub struct Stopped {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// From the signal to the end.
    pub took: Duration,
    /// What it held right before the signal.
    pub held: Footprint,
}

// === impl Server ===

impl Server {
    /// Starts with new data and the default backend.
    pub fn start() -> Self {
        Self::with(Backend::Namespace)
    }

    /// Starts with new data.
    pub fn with(backend: Backend) -> Self {
        let owned = tempfile::tempdir().expect("a temporary directory can be made");
        let mut server = Self::on(&owned.path().join("data"), backend);
        server._owned = Some(owned);
        server
    }

    /// Starts with new data, the default backend, and this configuration file.
    pub fn configured(toml: &str) -> Self {
        let owned = tempfile::tempdir().expect("a temporary directory can be made");
        let mut server = Self::begin(&workspace::zona(), DEV, &owned.path().join("data"), Backend::Namespace, toml);
        server._owned = Some(owned);
        server
    }

    /// Starts with this data directory.
    ///
    /// # Panics
    /// When it does not become healthy in time, with what it printed.
    pub fn on(data: &Path, backend: Backend) -> Self {
        Self::begin(&workspace::zona(), DEV, data, backend, "")
    }

    /// Starts with this data directory and this configuration file.
    ///
    /// # Panics
    /// As [`Server::on`].
    pub fn configured_on(data: &Path, backend: Backend, toml: &str) -> Self {
        Self::begin(&workspace::zona(), DEV, data, backend, toml)
    }

    /// Starts another build with this data directory and the default backend.
    ///
    /// # Panics
    /// As [`Server::on`].
    pub fn of_build(binary: &Path, data: &Path) -> Self {
        Self::begin(binary, DEV, data, Backend::Namespace, "")
    }

    /// Starts `zona server` with this data directory and this configuration file, and the backend of `zona dev`: one for others, which is
    /// healthy once its sandbox is proven.
    ///
    /// # Panics
    /// As [`Server::on`].
    pub fn for_others(data: &Path, toml: &str) -> Self {
        Self::begin(&workspace::zona(), "server", data, Backend::Namespace, toml)
    }

    fn begin(binary: &Path, word: &str, data: &Path, backend: Backend, toml: &str) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory can be made");
        std::fs::write(home.path().join("zona.toml"), toml).expect("the directory is writable");
        let mut serving = serving(binary, word, data, backend, home.path());
        if !toml.contains("local_caller") && takes_local_callers(binary) {
            // Most stories are about other things than who calls.
            serving.env("ZONA_IDENTITY__LOCAL_CALLER", "true");
        }
        if binary == workspace::zona() && std::env::var_os(FRESH).is_some() {
            serving.env("ZONA_SANDBOX__CHILDREN", "fresh");
        }
        let mut child = serving.spawn().expect("the server starts");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (said, heard) = channel();
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        read_lines(stdout, Arc::clone(&lines), Some(said));
        read_lines(stderr, Arc::clone(&lines), None);
        let unset = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Server { child, address: unset, data: data.to_path_buf(), lines, _owned: None, _home: home };
        server.become_healthy(&heard);
        server
    }

    /// Host and port.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Where JSON over HTTP is served, as a URL.
    ///
    /// # Panics
    /// Where it is not.
    pub fn gateway(&self) -> String {
        let lines = self.lines();
        let found = lines.iter().find_map(|line| line.trim_start().strip_prefix("gateway"));
        found.and_then(|rest| rest.split_whitespace().next()).expect("the server says where its gateway is").to_owned()
    }

    /// The API key of whoever has started it.
    ///
    /// # Panics
    /// Where there is none.
    pub fn developer_key(&self) -> String {
        let key = std::fs::read_to_string(self.data.join("dev.key")).expect("`zona dev` makes a key");
        key.trim().to_owned()
    }

    /// Process number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The first word of what it printed that begins so.
    pub fn said(&self, beginning: &str) -> Option<String> {
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let lines = self.lines();
        let found = lines.iter().find_map(|line| line.find(beginning).map(|at| &line[at..]))?;
        Some(found.chars().take_while(|c| word(*c)).collect())
    }

    /// What it holds on the machine right now.
    pub fn footprint(&self) -> Footprint {
        host::footprint(self.pid())
    }

    /// The `zona` client, talking to this server.
    pub fn zona(&self) -> Command {
        let mut command = client();
        command.env("ZONA_SERVER", format!("http://{}", self.address()));
        command
    }

    /// Asks it to end, and checks everything that is promised of an end: in time, with 0, without a warning in the log, and
    /// with nothing left on the machine.
    #[track_caller]
    pub fn stop(self) -> Stopped {
        self.stop_despite(&[])
    }

    /// As [`Server::stop`], where warnings that hold one of these texts are part of the story.
    #[track_caller]
    pub fn stop_despite(mut self, expected: &[&str]) -> Stopped {
        let stopped = self.signal(Signal::TERM);
        let unexpected = log::problems(&self.lines(), expected);
        assert!(unexpected.is_empty(), "the server logged:\n{}", unexpected.join("\n"));
        assert_eq!(stopped.code, Some(0), "{}", self.transcript());
        assert!(stopped.took < STOP_DEADLINE, "it took {:?} to stop", stopped.took);
        let gone = host::eventually(Duration::from_secs(2), || stopped.held.remains().is_empty());
        assert!(gone, "left behind: {:?}\n{}", stopped.held.remains(), self.transcript());
        stopped
    }

    /// Kills it without warning.
    pub fn kill(mut self) -> Stopped {
        self.signal(Signal::KILL)
    }

    fn signal(&mut self, signal: Signal) -> Stopped {
        let held = self.footprint();
        let begun = Instant::now();
        kill_process(Pid::from_child(&self.child), signal).expect("a child can be signalled");
        let code = command::wait(&mut self.child, STOP_DEADLINE * 2).unwrap_or_else(|| panic!("it does not end\n{}", self.transcript()));
        Stopped { code, took: begun.elapsed(), held }
    }

    fn become_healthy(&mut self, heard: &Receiver<String>) {
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            match heard.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some(address) = log::address(&line) {
                        self.address = address;
                        break;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => panic!("the server ended: {:?}\n{}", self.child.wait(), self.transcript()),
                Err(RecvTimeoutError::Timeout) => panic!("no address within {START_DEADLINE:?}\n{}", self.transcript()),
            }
        }
        let healthy = host::eventually(START_DEADLINE, || health::is_serving(&self.address()));
        assert!(healthy, "{} does not become healthy\n{}", self.address, self.transcript());
    }

    /// What it has printed so far, on both outputs.
    pub fn printed(&self) -> Vec<String> {
        self.lines()
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no reader panics").clone()
    }

    fn transcript(&self) -> String {
        let lines = self.lines();
        format!("the end of its output:\n{}", lines[lines.len().saturating_sub(40)..].join("\n"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Also the way out of a failed story: TERM first, so that its sandboxes go with it.
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let asked = kill_process(Pid::from_child(&self.child), Signal::TERM).is_ok();
        if !asked || command::wait(&mut self.child, STOP_DEADLINE).is_none() {
            let killed = self.child.kill().and_then(|()| self.child.wait());
            eprintln!("the server had to be killed: {killed:?}");
        }
        if thread::panicking() {
            eprintln!("{}", self.transcript());
        }
    }
}

/// The `zona` binary with none of the user's settings.
pub fn client() -> Command {
    without_settings(&workspace::zona())
}

fn without_settings(binary: &Path) -> Command {
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ZONA_")) {
        command.env_remove(name);
    }
    command.env("XDG_CONFIG_HOME", "/nonexistent");
    command
}

fn serving(binary: &Path, word: &str, data: &Path, backend: Backend, home: &Path) -> Command {
    let mut command = without_settings(binary);
    let backend = match backend {
        Backend::Namespace => "namespace",
        Backend::Docker => "docker",
    };
    // Where `zona dev` signs somebody in goes with the server.
    command
        .env("XDG_CONFIG_HOME", home)
        .current_dir(home)
        .args([word, "--listen", "127.0.0.1:0", "--backend", backend, "--data"])
        .arg(data);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Whether a build has the setting: an earlier one refuses what it does not know.
fn takes_local_callers(binary: &Path) -> bool {
    let printed = || without_settings(binary).arg("--print-config").output();
    binary == workspace::zona() || printed().is_ok_and(|printed| String::from_utf8_lossy(&printed.stdout).contains("local_caller"))
}

/// Reads to the end, so that the server never waits for us.
fn read_lines(from: impl Read + Send + 'static, lines: Arc<Mutex<Vec<String>>>, said: Option<Sender<String>>) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            lines.lock().expect("no reader panics").push(line.clone());
            // Nobody listens once the address is known.
            said.as_ref().map(|said| said.send(line));
        }
    });
}
