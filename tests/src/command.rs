//! Running a program to its end within a deadline, keeping what it prints. It never leaves one running.

use std::{
    io::Read,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// More than any program of a story takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(10);

/// What a program did.
#[derive(Debug)]
pub struct Ended {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Bytes of standard output.
    pub stdout: Vec<u8>,
    /// Bytes of standard error.
    pub stderr: Vec<u8>,
    /// From its start to its end.
    pub took: Duration,
}

/// Runs the program with nothing on standard input.
///
/// # Panics
/// When it cannot start, or has not ended after three minutes.
#[track_caller]
pub fn run(command: &mut Command) -> Ended {
    let shown = format!("{command:?}");
    let begun = Instant::now();
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.unwrap_or_else(|error| panic!("failed to start {shown}: {error}"));
    let stdout = read_all(child.stdout.take().expect("stdout is piped"));
    let stderr = read_all(child.stderr.take().expect("stderr is piped"));
    let code = wait(&mut child, DEADLINE).unwrap_or_else(|| {
        child.kill().and_then(|()| child.wait()).expect("a child can be killed");
        panic!("{shown} has not ended after {DEADLINE:?}");
    });
    let took = begun.elapsed();
    Ended { code, stdout: stdout.join().expect("the reader ends"), stderr: stderr.join().expect("the reader ends"), took }
}

/// The exit code, `Some(None)` for a signal; `None` when the deadline passes first.
pub fn wait(child: &mut Child, deadline: Duration) -> Option<Option<i32>> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return Some(status.code());
        }
        if begun.elapsed() >= deadline {
            return None;
        }
        thread::sleep(POLL);
    }
}

fn read_all(mut from: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).expect("a pipe can be read");
        bytes
    })
}

// === impl Ended ===

impl Ended {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    pub fn errors(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Itself, after checking the exit code.
    ///
    /// # Panics
    /// When the program ended otherwise, with all that it printed.
    #[track_caller]
    pub fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.text(), self.errors());
        self
    }

    /// Standard output as one JSON value.
    ///
    /// # Panics
    /// When it is something else.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("not JSON ({error}):\n{}\n{}", self.text(), self.errors()))
    }

    /// Standard output as a sequence of JSON values, with any white space between them.
    ///
    /// # Panics
    /// When it is something else.
    #[track_caller]
    pub fn json_values(&self) -> Vec<Value> {
        let values = serde_json::Deserializer::from_slice(&self.stdout).into_iter::<Value>();
        values.map(|value| value.unwrap_or_else(|error| panic!("not JSON ({error}):\n{}", self.text()))).collect()
    }
}
