//! A newcomer's story through the command line: create, run, look, change, compare, restore, delete.

use crate::support::{Server, Source};

const GREET: &str = "import logging\n\ndef main(name: str, times: int = 1):\n    for _ in range(times):\n        print('hello', name)\n    logging.warning('done')\n    return {'greeted': name, 'big': 9007199254740993}\n";

fn server() -> (tempfile::TempDir, Server) {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("data"));
    (directory, server)
}

#[test]
fn a_utility_is_created_run_changed_compared_restored_and_deleted() {
    let (_directory, server) = server();
    assert!(server.banner.contains("5 created for tenant demo"), "{}", server.banner);
    let first = Source::new("greet.py", GREET);
    server.run(&["utility", "create", "greet", "--file", first.path(), "--tag", "story", "-m", "first"]).expect(0);
    server.run(&["utility", "create", "greet", "--file", first.path()]).expect(5);

    let done = server.run(&["run", "greet", "--param", "name=Ada", "--param", "times=2"]).expect(0);
    assert_eq!(done.stdout, "hello Ada\nhello Ada\n{\"greeted\":\"Ada\",\"big\":9007199254740993}\n");
    assert_eq!(done.stderr, "WARNING:root:done\n", "progress is for terminals only");

    let second = Source::new("greet.py", &GREET.replace("hello", "good day"));
    server.run(&["utility", "update", "greet", "--file", second.path(), "-m", "politer", "--timeout", "5s"]).expect(0);
    let versions = server.run(&["utility", "versions", "greet", "-o", "json"]).expect(0).json();
    assert_eq!((&versions[0]["message"], &versions[1]["message"]), (&"politer".into(), &"first".into()));
    let diff = server.run(&["utility", "diff", "greet"]).expect(0).stdout;
    assert!(diff.contains("-        print('hello', name)\n+        print('good day', name)\n"), "{diff}");
    let utility = server.run(&["utility", "get", "greet", "-o", "json"]).expect(0).json();
    assert_eq!((&utility["limits"]["timeout"], &utility["limits"]["memory_bytes"]), (&"5s".into(), &(256 << 20).into()));
    assert!(server.run(&["run", "greet", "--param", "name=Ada", "--version", "1"]).expect(0).stdout.starts_with("hello Ada\n"));

    server.run(&["utility", "restore", "greet", "1"]).expect(0);
    assert_eq!(server.run(&["utility", "get", "greet", "--code"]).expect(0).stdout, GREET);
    server.run(&["utility", "delete", "greet", "--etag", "\"stale\""]).expect(5);
    server.run(&["utility", "delete", "greet"]).expect(0);
    let refused = server.run(&["run", "greet", "--param", "name=Ada"]).expect(5);
    assert!(refused.stderr.contains("UTILITY_DELETED") && refused.stderr.contains("zona utility undelete"), "{refused:?}");
    server.run(&["utility", "undelete", "greet"]).expect(0);
    let listed = server.run(&["utility", "list", "--tag", "story", "-o", "jsonl"]).expect(0).json_lines();
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0]["latest_version"], &listed[0]["state"]), (&3.into(), &"ACTIVE".into()));
}

#[test]
fn every_exit_code_of_a_run_says_what_came_of_it() {
    let (_directory, server) = server();
    let create = |id: &str, code: &str| {
        let source = Source::new("code.py", code);
        server.run(&["utility", "create", id, "--file", source.path()]).expect(0);
    };
    create("fails", "def main():\n    print('before')\n    return 1 / 0\n");
    create("sleeps", "import time\n\ndef main():\n    print('before', flush=True)\n    time.sleep(60)\n");
    let failed = server.run(&["run", "fails"]).expect(1);
    assert_eq!(failed.stdout, "before\n");
    assert_eq!(failed.stderr.matches("ZeroDivisionError: division by zero\n").count(), 1, "a traceback is shown once: {failed:?}");
    assert!(failed.stderr.contains("failed: USER_ERROR") && failed.stderr.contains("(line 3)"), "{failed:?}");
    let late = server.run(&["run", "sleeps", "--timeout", "300ms"]).expect(7);
    assert_eq!(late.stdout, "before\n", "what was printed before the deadline is kept");
    server.run(&["run", "nobody"]).expect(4);
    server.run(&["utility", "get", "tenants/other/utilities/x"]).expect(3);
    let invalid = server.run(&["run", "summarize-events", "--param", "top=many", "--param", "tops=1"]).expect(2);
    assert!(invalid.stderr.contains("params_json.top: ") && invalid.stderr.contains("params_json.tops: "), "{invalid:?}");
    let without_value = server.run(&["run", "normalize-severity"]).expect(2);
    assert!(without_value.stderr.contains("`value`") && without_value.stderr.contains("zona transform"), "{without_value:?}");
    let absent = server.run(&["runtime", "show", "nope"]).expect(4);
    assert!(absent.stderr.contains("zona runtime list"), "{absent:?}");
    let misnamed = server.run(&["execution", "get", "nope"]).expect(2);
    assert!(misnamed.stderr.contains("an execution id is a UUID"), "{misnamed:?}");
    let refused = Source::new("code.py", "def main(:\n");
    let refused = server.run(&["utility", "create", "broken", "--file", refused.path()]).expect(2);
    assert!(refused.stderr.contains("utility.code: line 1"), "{refused:?}");
}

#[test]
fn documents_of_a_run_hold_everything_in_each_format() {
    let (_directory, server) = server();
    let source = Source::new("greet.py", GREET);
    server.run(&["utility", "create", "greet", "--file", source.path()]).expect(0);
    let run = |format: &str| server.run(&["run", "greet", "--param", "name=Ada", "-o", format]).expect(0);
    let json = run("json");
    assert!(json.stdout.contains("9007199254740993"), "{json:?}");
    let json = json.json();
    assert_eq!(
        (&json["state"], &json["stdout"], &json["stderr"]),
        (&"SUCCEEDED".into(), &"hello Ada\n".into(), &"WARNING:root:done\n".into())
    );
    assert_eq!((&json["params"]["name"], &json["result"]["greeted"]), (&"Ada".into(), &"Ada".into()));
    assert!(run("yaml").stdout.contains("state: SUCCEEDED\n"));
    let events = run("jsonl").json_lines();
    let sequences: Vec<_> = events.iter().map(|event| event["sequence"].as_i64().unwrap()).filter(|sequence| *sequence > 0).collect();
    assert_eq!(sequences, (1..=sequences.len() as i64).collect::<Vec<_>>());
    assert!(events[0].get("queued").is_some() && events.last().unwrap().get("finished").is_some(), "{events:#?}");
}

#[test]
fn many_values_go_through_a_transformer_in_order() {
    let (directory, server) = server();
    let source =
        Source::new("half.py", "def transform(value):\n    if value < 0:\n        raise ValueError('negative')\n    return value / 2\n");
    server.run(&["utility", "create", "half", "--file", source.path()]).expect(0);
    let values = directory.path().join("values");
    std::fs::write(&values, "4\n-1\n\n10\n").unwrap();
    let done = server.run(&["transform", "half", "--value", "2", "--values-file", values.to_str().unwrap()]).expect(1);
    assert_eq!(done.stdout, "1.0\n2.0\n\n5.0\n");
    assert!(done.stderr.contains("value 3: ") && done.stderr.contains("USER_ERROR: ValueError: negative"), "{done:?}");
    let lines = server.run(&["transform", "half", "--value", "2", "--value", "-2", "-o", "jsonl"]).expect(1).json_lines();
    assert_eq!((&lines[0]["result"], &lines[1]["failure"]["reason"]), (&1.0.into(), &"USER_ERROR".into()));
    assert_eq!(server.run(&["transform", "half", "--value", "9"]).expect(0).stdout, "4.5\n");
    server.run(&["transform", "summarize-events", "--value", "1"]).expect(5);
}

#[test]
fn a_secret_reaches_the_code_and_nothing_else() {
    let (_directory, server) = server();
    let code = "from typing import Annotated\n\ndef main(token: Annotated[str, 'secret']):\n    return len(token)\n";
    let (source, token) = (Source::new("login.py", code), Source::new("token", "s3cret-value\n"));
    server.run(&["utility", "create", "login", "--file", source.path()]).expect(0);
    let done = server.run(&["run", "login", "--param-file", &format!("token={}", token.path()), "-o", "json"]).expect(0);
    assert_eq!(done.json()["result"], 12);
    let listed = server.run(&["execution", "list", "--utility", "login", "-o", "json"]).expect(0);
    let name = listed.json()[0]["name"].as_str().unwrap().to_owned();
    let shown = server.run(&["execution", "get", &name, "-o", "json"]).expect(0);
    let log = std::fs::read_to_string(&server.log).unwrap();
    for text in [&done.stdout, &shown.stdout, &log] {
        assert!(!text.contains("s3cret-value"), "{text}");
    }
}
