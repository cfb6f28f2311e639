//! A server of MongoDB's protocol, on a free port of the loopback interface with a directory of its own. It ends with the story.

use std::{
    io,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::{command, host, workspace};

/// How long it may take to listen, on a busy machine.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// How long a killed process may take to be gone.
const END_DEADLINE: Duration = Duration::from_secs(10);
/// What it keeps in memory at most.
const CACHE: &str = "256M";

/// A running database.
pub struct Database {
    child: Child,
    port: u16,
    options: &'static [&'static str],
    directory: TempDir,
}

impl Database {
    /// Starts one that lets everybody in.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts one that lets nobody in, as it has no users.
    pub fn closed() -> Self {
        Self::with(&["--auth"])
    }

    fn with(options: &'static [&'static str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port is free").port();
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let child = spawn(port, options, &directory).expect("the database starts");
        let database = Database { child, port, options, directory };
        database.become_ready();
        database
    }

    /// Where it answers.
    pub fn uri(&self) -> String {
        self.uri_by(self.port)
    }

    /// Where it answers for those who come by another port.
    pub fn uri_by(&self, port: u16) -> String {
        format!("mongodb://127.0.0.1:{port}/?replicaSet=secantus")
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it keeps everything.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Kills it without warning; what it has acknowledged stays in its directory.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child can be killed");
        command::wait(&mut self.child, END_DEADLINE).expect("what is killed ends");
    }

    /// Starts it again on the same port and directory.
    pub fn start_again(&mut self) {
        self.child = spawn(self.port, self.options, &self.directory).expect("the database starts");
        self.become_ready();
    }

    fn become_ready(&self) {
        let listens = || TcpStream::connect(("127.0.0.1", self.port)).is_ok();
        assert!(host::eventually(START_DEADLINE, listens), "the database does not listen");
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // It may have ended by itself, or with the story.
        if self.child.kill().is_ok() {
            command::wait(&mut self.child, END_DEADLINE).expect("what is killed ends");
        }
    }
}

fn spawn(port: u16, options: &[&str], directory: &TempDir) -> io::Result<Child> {
    let mut command = Command::new(workspace::tool("secantusd-rs"));
    // Without it a kill would lose what was acknowledged.
    command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--sync-on-commit", "--cache-size", CACHE, "--storage-path"]);
    command.arg(directory.path().join("data")).args(options);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}
