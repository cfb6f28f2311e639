//! What a person does with `zona` against a running server: keep utilities, run them, follow and stop runs, and decide by the
//! exit code.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use e2e::{
    command::{Ended, run},
    host,
    server::Server,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::time::Duration;

use crate::steps::{SHOUT, TICKER};

/// Exit codes, as documented.
mod exit {
    pub const OK: i32 = 0;
    pub const USER_CODE: i32 = 1;
    pub const USAGE: i32 = 2;
    pub const DENIED: i32 = 3;
    pub const NOT_FOUND: i32 = 4;
    pub const CONFLICT: i32 = 5;
    pub const UNAVAILABLE: i32 = 6;
    pub const TIMEOUT: i32 = 7;
    pub const INTERRUPTED: i32 = 130;
}

/// A person at a terminal of their own, with files.
struct Person {
    server: Server,
    files: tempfile::TempDir,
}

impl Person {
    fn new() -> Self {
        Person { server: Server::start(), files: tempfile::tempdir().expect("a temporary directory can be made") }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.files.path().join(name);
        fs::write(&path, text).expect("the directory is writable");
        path
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.server.zona();
        command.current_dir(self.files.path()).args(words);
        command
    }

    /// Runs `zona` with these words.
    fn zona(&self, words: &[&str]) -> Ended {
        run(&mut self.command(words))
    }

    #[track_caller]
    fn creates(&self, id: &str, code: &str) {
        let file = self.file(&format!("{id}.py"), code);
        self.zona(&["utility", "create", id, "--file", text(&file)]).with_code(exit::OK);
    }

    /// The only execution that a list shows.
    #[track_caller]
    fn execution(&self, arguments: &[&str]) -> Value {
        let words = [&["execution", "list", "-o", "json"], arguments].concat();
        let listed = self.zona(&words).with_code(exit::OK).json();
        let executions = listed.as_array().cloned().unwrap_or_default();
        assert_eq!(executions.len(), 1, "{listed}");
        executions[0].clone()
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a temporary path is UTF-8")
}

#[test]
fn utilities_are_kept_from_the_command_line() {
    let person = Person::new();
    let file = person.file("shout.py", SHOUT);
    let create = |extra: &[&str]| person.zona(&[&["utility", "create", "shout", "--file", text(&file), "-o", "json"], extra].concat());
    let made = create(&["--tag", "text", "--message", "first"]).with_code(exit::OK).json();
    assert_eq!((&made["kind"], &made["latest_version"], &made["tags"]), (&json!("TRANSFORMER"), &json!(1), &json!(["text"])));
    create(&[]).with_code(exit::CONFLICT);

    let louder = person.file("louder.py", &SHOUT.replace("+ mark", "+ mark * 2"));
    let update = ["utility", "update", "shout", "--file", text(&louder), "-m", "louder"];
    person.zona(&update).with_code(exit::OK);
    let etag = made["etag"].as_str().expect("a utility has an etag");
    let stale = person.zona(&["utility", "update", "shout", "--description", "x", "--etag", etag]).with_code(exit::CONFLICT);
    assert!(stale.errors().contains("ETAG_MISMATCH"), "{}", stale.errors());

    let versions = person.zona(&["utility", "versions", "shout", "-o", "jsonl"]).with_code(exit::OK).json_values();
    let messages: Vec<(i64, &str)> =
        versions.iter().map(|version| (version["version"].as_i64().unwrap_or(0), version["message"].as_str().unwrap_or(""))).collect();
    assert_eq!(messages, [(2, "louder"), (1, "first")]);
    let diff = person.zona(&["utility", "diff", "shout"]).with_code(exit::OK).text();
    assert!(diff.contains("-    return value.upper() + mark\n+    return value.upper() + mark * 2\n"), "{diff}");
    person.zona(&["utility", "restore", "shout", "1"]).with_code(exit::OK);
    assert_eq!(person.zona(&["utility", "get", "shout", "--code"]).with_code(exit::OK).text(), SHOUT);
    assert_eq!(person.zona(&["utility", "get", "shout", "-o", "json"]).with_code(exit::OK).json()["latest_version"], 3);

    person.zona(&["utility", "delete", "shout"]).with_code(exit::OK);
    person.zona(&["utility", "delete", "shout"]).with_code(exit::CONFLICT);
    let listed = person.zona(&["utility", "list", "--prefix", "shout", "-o", "json"]).with_code(exit::OK).json();
    assert_eq!(listed, json!([]));
    person.zona(&["utility", "undelete", "shout"]).with_code(exit::OK);
    let table = person.zona(&["utility", "list"]).with_code(exit::OK).text();
    assert!(table.contains("NAME") && table.contains("shout") && table.contains("extract-iocs"), "the examples are there, too:\n{table}");
    person.server.stop();
}

#[test]
fn a_run_streams_and_ends_with_the_code_of_its_end() {
    let person = Person::new();
    person.creates("ticker", TICKER);
    let ran = person.zona(&["run", "ticker", "--param", "lines=3"]).with_code(exit::OK);
    assert_eq!(ran.text(), "line 0\nline 1\nline 2\n3\n");
    assert_eq!(ran.errors(), "", "nothing but the program speaks where no terminal listens");

    person.creates("bad", "def main(n: int):\n    print('before')\n    return 1 // n\n");
    let failed = person.zona(&["run", "bad", "--param", "n=0"]).with_code(exit::USER_CODE);
    assert_eq!(failed.text(), "before\n");
    assert!(failed.errors().contains("ZeroDivisionError") && failed.errors().contains("USER_ERROR"), "{}", failed.errors());
    let late = person.zona(&["run", "ticker", "--params", r#"{"lines": 9, "pause": 30}"#, "--timeout", "300ms"]).with_code(exit::TIMEOUT);
    assert_eq!(late.text(), "line 0\n");

    let wrong = person.zona(&["run", "ticker", "--param", "lines=many", "--param", "colour=red"]).with_code(exit::USAGE);
    for expected in ["params_json.lines", "params_json.colour"] {
        assert!(wrong.errors().contains(expected), "{expected} is not in: {}", wrong.errors());
    }
    person.zona(&["run", "ticker", "--param", "lines"]).with_code(exit::USAGE);
    person.zona(&["run", "absent"]).with_code(exit::NOT_FOUND);
    person.zona(&["run", "tenants/other/utilities/ticker", "--param", "lines=1"]).with_code(exit::DENIED);
    person.zona(&["run", "Not An Id"]).with_code(exit::USAGE);
    let whole = person.zona(&["run", "ticker", "--param", "lines=1", "-o", "json"]).with_code(exit::OK).json();
    assert_eq!((&whole["state"], &whole["stdout"], &whole["result"]), (&json!("SUCCEEDED"), &json!("line 0\n"), &json!(1)));
    let events = person.zona(&["run", "ticker", "--param", "lines=1", "-o", "jsonl"]).with_code(exit::OK).json_values();
    assert!(events.len() >= 4 && events.last().is_some_and(|event| event["finished"]["execution"]["state"] == "SUCCEEDED"), "{events:?}");
    person.server.stop();
}

#[test]
fn values_are_transformed_from_arguments_and_files() {
    let person = Person::new();
    person.creates("shout", SHOUT);
    let two = person.zona(&["transform", "shout", "--value", r#""a""#, "--value-string", "b", "--param", "mark=?"]).with_code(exit::OK);
    assert_eq!(two.text(), "\"A?\"\n\"B?\"\n");
    let file = person.file("values", "\"a\"\n17\n\"c\"\n");
    let mixed = person.zona(&["transform", "shout", "--values-file", text(&file), "-o", "jsonl"]).with_code(exit::USER_CODE).json_values();
    assert_eq!((&mixed[0]["result"], &mixed[2]["result"]), (&json!("A!"), &json!("C!")));
    assert_eq!(mixed[1]["failure"]["reason"], "USER_ERROR");
    person.creates("echo", "def transform(value):\n    return value\n");
    let large = person.zona(&["transform", "echo", "--value", "9007199254740993"]).with_code(exit::OK);
    assert_eq!(large.text(), "9007199254740993\n");
    person.zona(&["transform", "echo", "--value", "{"]).with_code(exit::USAGE);
    person.server.stop();
}

#[test]
fn runs_are_followed_and_stopped_from_another_terminal() {
    let person = Person::new();
    person.creates("ticker", TICKER);
    let started = person.zona(&["run", "ticker", "--params", r#"{"lines": 500, "pause": 0.02}"#, "--detach"]).with_code(exit::OK).text();
    let name = started.trim();
    let mut watch = person.command(&["execution", "watch", name]);
    let watch = watch.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("zona starts");
    let running = || {
        let listed = person.zona(&["execution", "list", "--state", "running", "-o", "json"]).with_code(exit::OK).json();
        listed[0]["name"] == name
    };
    assert!(host::eventually(Duration::from_secs(10), running), "it never runs");
    for _ in 0..2 {
        person.zona(&["execution", "cancel", name]).with_code(exit::OK);
    }
    let watched = watch.wait_with_output().expect("zona ends");
    assert_eq!(watched.status.code(), Some(exit::INTERRUPTED), "{}", String::from_utf8_lossy(&watched.stderr));
    let execution = person.zona(&["execution", "get", name, "-o", "json"]).with_code(exit::OK).json();
    assert_eq!((&execution["state"], &execution["failure"]["reason"]), (&json!("CANCELLED"), &json!("CANCELLED")));
    let replayed = person.zona(&["execution", "watch", name]);
    assert_eq!((replayed.code, replayed.stdout), (Some(exit::INTERRUPTED), watched.stdout), "a replay shows what the watcher saw");
    assert_eq!(person.execution(&["--utility", "ticker", "--state", "cancelled"])["name"], name);
    person.zona(&["execution", "get", "00000000-0000-7000-8000-000000000000"]).with_code(exit::NOT_FOUND);
    person.server.stop();
}

#[test]
fn control_c_cancels_the_run_and_shows_its_end() {
    let person = Person::new();
    person.creates("ticker", TICKER);
    let mut ran = person.command(&["run", "ticker", "--params", r#"{"lines": 500, "pause": 0.02}"#]);
    let ran = ran.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("zona starts");
    let runs = || {
        let listed = person.zona(&["execution", "list", "--utility", "ticker", "--state", "running", "-o", "jsonl"]).with_code(exit::OK);
        !listed.json_values().is_empty()
    };
    assert!(host::eventually(Duration::from_secs(10), runs), "it never runs");
    kill_process(Pid::from_child(&ran), Signal::INT).expect("a child can be signalled");
    let ended = ran.wait_with_output().expect("zona ends");
    assert_eq!(ended.status.code(), Some(exit::INTERRUPTED), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(person.execution(&["--utility", "ticker"])["state"], "CANCELLED");
    person.server.stop();
}

#[test]
fn a_server_that_is_not_there_is_unavailable_with_a_hint() {
    let mut zona = e2e::server::client();
    let ended = run(zona.env("ZONA_SERVER", "http://127.0.0.1:1").args(["utility", "list"])).with_code(exit::UNAVAILABLE);
    assert!(ended.errors().contains("zona dev"), "{}", ended.errors());
}
