//! The server that tests run on: one for each run of this crate's tests, on a free port and a directory of its own, and one for each test
//! that ends it. It ends with the process of the tests, however that ends.

use std::env;
use std::io::{ErrorKind, Read as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const PROGRAM: &str = "secantusd-rs";
/// Names another server.
const GIVEN: &str = "MONGODB_URI";
/// What the server keeps in memory at most: a fifth of it may be unwritten, and a transaction that stores 20 MiB, each twice, waits for ever where
/// that is too little for it.
const CACHE: &str = "1G";
/// How long the server may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at whether it does.
const POLL: Duration = Duration::from_millis(5);
/// Ends the server and removes what it has stored once nobody holds the other end of its standard input any more.
const UNTIL_WE_END: &str = r#"directory=$1; shift; "$@" >"$directory/log" 2>&1 </dev/null & child=$!
read -r line; kill -KILL "$child"; wait "$child"; rm -rf "$directory""#;

/// As above, and keeps what it has stored; its process stands in a file meanwhile.
const UNTIL_TOLD: &str = r#"directory=$1; shift; "$@" >>"$directory/log" 2>&1 </dev/null & child=$!; echo "$child" >"$directory/process"
read -r line; kill -KILL "$child"; wait "$child""#;

/// The one of all tests that was started for them.
struct Started {
    port: u16,
    _guard: Child,
}

/// Where the server of all tests answers.
pub(super) fn uri() -> String {
    given().unwrap_or_else(|| at(port()))
}

/// Another server than the one that is started for the tests.
pub(super) fn given() -> Option<String> {
    env::var(GIVEN).ok()
}

/// The port of the one that is started for the tests. Those that cut it off or look at its commands need it whatever else is given.
pub(super) fn port() -> u16 {
    static SERVER: OnceLock<Started> = OnceLock::new();
    SERVER.get_or_init(start).port
}

fn start() -> Started {
    let (port, directory) = (free_port(), tempfile::tempdir().expect("a directory can be made").keep());
    let guard = spawn(UNTIL_WE_END, &directory, port, &[]);
    wait_for(port, &directory);
    Started { port, _guard: guard }
}

/// A server of one test, which may end it, stop it, and start it again with what it has stored. It ends with this value.
pub(super) struct Server {
    pub(super) port: u16,
    directory: TempDir,
    guard: Option<Child>,
}

impl Server {
    pub(super) fn start(arguments: &[&str]) -> Self {
        let mut server = Server { port: free_port(), directory: tempfile::tempdir().expect("a directory can be made"), guard: None };
        server.start_again(arguments);
        server
    }

    /// Starts it where it was ended.
    pub(super) fn start_again(&mut self, arguments: &[&str]) {
        self.guard = Some(spawn(UNTIL_TOLD, self.directory.path(), self.port, arguments));
        wait_for(self.port, self.directory.path());
    }

    pub(super) fn uri(&self) -> String {
        at(self.port)
    }

    /// Ends it with SIGKILL, and waits until it is gone.
    pub(super) fn kill(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            guard.wait().expect("the shell ends");
        }
    }

    /// Sends its process a signal: `STOP`, `CONT`.
    pub(super) fn signal(&self, name: &str) {
        let process = std::fs::read_to_string(self.directory.path().join("process")).expect("it runs");
        let sent = Command::new("kill").args([&format!("-{name}"), process.trim()]).status().expect("`kill` runs");
        assert!(sent.success(), "{sent}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn at(port: u16) -> String {
    format!("mongodb://127.0.0.1:{port}/?replicaSet=secantus")
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a port is free").port()
}

/// Starts a server under a shell that ends it once nobody holds the other end of its standard input.
fn spawn(script: &str, directory: &Path, port: u16, arguments: &[&str]) -> Child {
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(directory).arg(program());
    shell.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--sync-on-commit", "--cache-size", CACHE, "--storage-path"]);
    shell.arg(directory.join("data")).args(arguments);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a shell runs")
}

fn wait_for(port: u16, directory: &Path) {
    let until = Instant::now() + PATIENCE;
    loop {
        match TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), PATIENCE) {
            Ok(_) => return,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused && Instant::now() < until => std::thread::sleep(POLL),
            Err(error) => {
                let mut log = String::new();
                let read = std::fs::File::open(directory.join("log")).and_then(|mut file| file.read_to_string(&mut log));
                panic!("{PROGRAM} does not listen: {error}; {read:?}: {log}");
            }
        }
    }
}

/// On PATH, or where `cargo xtask setup` keeps it.
fn program() -> PathBuf {
    let on_path = env::var_os("PATH").into_iter().flat_map(|path| env::split_paths(&path).collect::<Vec<_>>());
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
    let tools = cache.and_then(|cache| std::fs::read_dir(cache.join("zona/tools")).ok()).into_iter().flatten().flatten();
    let kept = tools.filter(|tool| tool.file_name().to_string_lossy().starts_with(PROGRAM)).map(|tool| tool.path().join("bin"));
    let mut places = on_path.chain(kept).map(|directory| directory.join(PROGRAM));
    places.find(|program| program.is_file()).unwrap_or_else(|| panic!("{PROGRAM} is missing: run `cargo xtask setup`, or set {GIVEN}"))
}
