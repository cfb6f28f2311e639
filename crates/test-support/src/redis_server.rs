//! A real Redis, and a cluster of them, on free ports of the loopback interface: started for a test, paused, killed, filled and started
//! again by it, and ended with the process of the tests, however that ends.

use std::env;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const PROGRAM: &str = "redis-server";
const CLIENT: &str = "redis-cli";
/// How long a server may take to answer, and a cluster to be one.
const PATIENCE: Duration = Duration::from_secs(60);
/// Nodes of a cluster: three masters, each with a replica.
const NODES: usize = 6;
/// The nodes of a cluster talk on the port that lies so far above.
const BUS: u16 = 10_000;
/// Ends the server and removes its directory once nobody holds the other end of its standard input any more.
const UNTIL_WE_END: &str = r#"directory=$1; shift; "$@" >"$directory/log" 2>&1 </dev/null & child=$!; echo "$child"
read -r line; kill -KILL "$child"; wait "$child" 2>/dev/null; rm -rf "$directory""#;

/// A Redis of a test.
pub struct RedisServer {
    port: u16,
    options: Vec<String>,
    process: Option<Process>,
}

/// A cluster of a test.
pub struct RedisCluster(Vec<RedisServer>);

struct Process {
    guard: Child,
    server: Pid,
}

// === impl RedisServer ===

impl RedisServer {
    /// Starts one.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with further options, such as `--maxmemory`, `1mb`.
    pub fn start_with(options: &[&str]) -> Self {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut server = RedisServer { port: free_port(), options, process: None };
        server.restart();
        server
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it at once. It keeps nothing.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again, empty, where it was.
    pub fn restart(&mut self) {
        self.kill();
        self.process = Some(Process::start(self.port, &self.options));
    }

    /// Has it do nothing for a while; its connections stay.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Has it go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Has it do something, and answers what it says: a text, or `-` and an error.
    pub fn command(&self, parts: &[&str]) -> String {
        ask(self.port, parts).expect("Redis answers")
    }

    fn signal(&self, signal: Signal) {
        let process = self.process.as_ref().expect("it was not killed");
        kill_process(process.server, signal).expect("it is ours and lives");
    }
}

// === impl RedisCluster ===

impl RedisCluster {
    /// Starts one of three masters and three replicas.
    pub fn start() -> Self {
        let options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
        let nodes: Vec<RedisServer> = (0..NODES).map(|_| RedisServer::start_with(&options)).collect();
        let mut create = Command::new(program(CLIENT));
        create.args(["--cluster", "create"]).args(nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)));
        let made = create.args(["--cluster-replicas", "1", "--cluster-yes"]).output().expect("redis-cli runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
        let cluster = RedisCluster(nodes);
        let until = Instant::now() + PATIENCE;
        while !cluster.0.iter().all(|node| node.command(&["CLUSTER", "INFO"]).contains("cluster_state:ok")) {
            assert!(Instant::now() < until, "the cluster does not come to be");
            std::thread::yield_now();
        }
        cluster
    }

    /// Where its nodes answer, separated by commas.
    pub fn url(&self) -> String {
        self.0.iter().map(RedisServer::url).collect::<Vec<_>>().join(",")
    }

    /// Its nodes.
    pub fn nodes(&self) -> &[RedisServer] {
        &self.0
    }
}

// === impl Process ===

impl Process {
    fn start(port: u16, options: &[String]) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made").keep();
        let mut shell = Command::new("sh");
        shell.args(["-c", UNTIL_WE_END, "sh"]).arg(&directory).arg(program(PROGRAM));
        shell.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--dir"]).arg(&directory).args(options);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut guard = shell.spawn().expect("a shell runs");
        let mut said = String::new();
        BufReader::new(guard.stdout.take().expect("it is piped")).read_line(&mut said).expect("the shell says who it has started");
        let server = said.trim().parse().ok().and_then(Pid::from_raw).expect("the shell says a number");
        let until = Instant::now() + PATIENCE;
        while ask(port, &["PING"]).ok().as_deref() != Some("PONG") {
            let log = || std::fs::read_to_string(directory.join("log")).unwrap_or_default();
            assert!(Instant::now() < until, "{PROGRAM} does not answer: {}", log());
            std::thread::yield_now();
        }
        Process { guard, server }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The shell reads that nobody is there any more, and kills the server, paused or not.
        drop(self.guard.stdin.take());
        self.guard.wait().expect("the shell is our child");
    }
}

/// Asks one thing over a connection of its own.
fn ask(port: u16, parts: &[&str]) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(("127.0.0.1", port))?;
    connection.set_read_timeout(Some(PATIENCE))?;
    let mut request = format!("*{}\r\n", parts.len());
    for part in parts {
        request.push_str(&format!("${}\r\n{part}\r\n", part.len()));
    }
    connection.write_all(request.as_bytes())?;
    let mut answer = BufReader::new(connection);
    let mut line = String::new();
    answer.read_line(&mut line)?;
    let line = line.trim_end();
    match line.split_at_checked(1) {
        Some(("$", length)) => {
            let mut text = vec![0; length.parse().unwrap_or_default()];
            answer.read_exact(&mut text)?;
            Ok(String::from_utf8_lossy(&text).into_owned())
        }
        Some(("+" | ":", text)) => Ok(text.to_owned()),
        _ => Ok(line.to_owned()),
    }
}

/// One whose bus port exists, too, for a node of a cluster.
fn free_port() -> u16 {
    loop {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        if port.checked_add(BUS).is_some_and(|bus| TcpListener::bind(("127.0.0.1", bus)).is_ok()) {
            return port;
        }
    }
}

fn program(name: &str) -> PathBuf {
    let mut places = env::var_os("PATH").into_iter().flat_map(|path| env::split_paths(&path).collect::<Vec<_>>());
    let found = places.find_map(|directory| Some(directory.join(name)).filter(|program| program.is_file()));
    found.unwrap_or_else(|| panic!("{name} is missing: run `cargo xtask setup`"))
}
