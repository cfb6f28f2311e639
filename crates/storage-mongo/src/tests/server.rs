//! The server that tests run on: one for each run of this crate's tests, on a free port and a directory of its own. It ends with the
//! process of the tests, however that ends.

use std::env;
use std::io::{ErrorKind, Read as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const PROGRAM: &str = "secantusd-rs";
/// Another server than the one that is started for the tests.
const GIVEN: &str = "MONGODB_URI";
/// What the server keeps in memory at most: a fifth of it may be unwritten, and a transaction that stores 20 MiB, each twice, waits for ever where
/// that is too little for it.
const CACHE: &str = "1G";
/// How long the server may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);
/// Ends the server and removes what it has stored once nobody holds the other end of its standard input any more.
const UNTIL_WE_END: &str = r#"directory=$1; shift; "$@" >"$directory/log" 2>&1 </dev/null & child=$!
read -r line; kill -KILL "$child"; wait "$child"; rm -rf "$directory""#;

struct Server {
    uri: String,
    _guard: Option<Child>,
}

/// Where the server answers.
pub(super) fn uri() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER
        .get_or_init(|| match env::var(GIVEN) {
            Ok(uri) => Server { uri, _guard: None },
            Err(_) => start(),
        })
        .uri
        .clone()
}

fn start() -> Server {
    let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a port is free").port();
    let directory = tempfile::tempdir().expect("a directory can be made").keep();
    let mut shell = Command::new("sh");
    shell.args(["-c", UNTIL_WE_END, "sh"]).arg(&directory).arg(program());
    shell.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--sync-on-commit", "--cache-size", CACHE, "--storage-path"]);
    shell.arg(directory.join("data")).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let guard = shell.spawn().expect("a shell runs");
    wait_for(port, &directory);
    Server { uri: format!("mongodb://127.0.0.1:{port}/?replicaSet=secantus"), _guard: Some(guard) }
}

fn wait_for(port: u16, directory: &Path) {
    let until = Instant::now() + PATIENCE;
    loop {
        match TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), PATIENCE) {
            Ok(_) => return,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused && Instant::now() < until => std::thread::yield_now(),
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
