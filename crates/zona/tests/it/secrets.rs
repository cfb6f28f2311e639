//! What a program prints, returns or raises of its secrets: nobody finds it in an answer, in the store or in a log, unless the utility
//! shows it. `zona run`, `zona transform` and `zona sandbox exec` agree.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Done, Server, Source, run};

/// It has another form in JSON, in `repr()` and in `ascii()`.
const TOKEN: &str = r#"s3\cret-"välue""#;
/// What all forms of it hold.
const CORE: &str = "cret-";
const PIN: &str = "31337042";

const PRINTS: &str = r#"import json
import logging
from typing import Annotated


def main(token: Annotated[str, "secret"], pin: Annotated[int, "secret"], then: str = "return"):
    print("token", token, json.dumps({"t": token}), json.dumps(token, ensure_ascii=False), repr(token), ascii(token), pin)
    print(token[:6], end="", flush=True)
    print(token[6:], flush=True)
    logging.warning("token %s", token)
    if then == "raise":
        raise ValueError("bad " + token)
    while then == "hang":
        pass
    return {"token": token, token: [pin, 31337], "text": json.dumps(token)}
"#;

const STDOUT: &str = "token *** {\"t\": \"***\"} \"***\" '***' '***' ***\n***\n";

fn server() -> (tempfile::TempDir, Server) {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("data"));
    (directory, server)
}

fn create(server: &Server, id: &str, code: &str, flags: &[&str]) {
    let source = Source::new("code.py", code);
    server.run(&[&["utility", "create", id, "--file", source.path()], flags].concat()).expect(0);
}

fn given(then: &str) -> Vec<String> {
    let mut arguments = vec!["--param-string".to_owned(), format!("token={TOKEN}"), "--param".to_owned(), format!("pin={PIN}")];
    arguments.extend(["--param-string".to_owned(), format!("then={then}")]);
    arguments
}

fn run_login(server: &Server, then: &str, flags: &[&str]) -> Done {
    let given = given(then);
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    server.run(&[&["run", "login"], given.as_slice(), flags].concat())
}

fn hold_no_secret<'a>(texts: impl IntoIterator<Item = &'a str>) {
    for text in texts {
        assert!(!text.contains(CORE) && !text.contains(PIN), "{text}");
    }
}

/// Everything that a server has written.
fn files(directory: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts.extend(files(&path));
        } else if let Ok(bytes) = fs::read(&path) {
            texts.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    texts
}

/// The newest execution of a utility, as the store has it, and its events.
fn stored(server: &Server, utility: &str) -> (Value, String) {
    let listed = server.run(&["execution", "list", "--utility", utility, "-o", "json"]).expect(0).json();
    let name = listed[0]["name"].as_str().unwrap();
    let shown = server.run(&["execution", "get", name, "-o", "json"]).expect(0);
    let events = server.run(&["execution", "watch", name, "-o", "jsonl"]);
    hold_no_secret([shown.stdout.as_str(), &events.stdout, &events.stderr]);
    (shown.json(), events.stdout)
}

#[test]
fn what_code_prints_returns_and_raises_of_a_secret_is_masked_in_answers_store_and_log() {
    let (directory, server) = server();
    create(&server, "login", PRINTS, &[]);

    let done = run_login(&server, "return", &["-o", "json"]).expect(0);
    let answer = done.json();
    assert_eq!((answer["stdout"].as_str().unwrap(), answer["stderr"].as_str().unwrap()), (STDOUT, "WARNING:root:token ***\n"));
    assert_eq!(answer["result"], json!({"token": "***", "***": ["***", 31337], "text": "\"***\""}));
    assert_eq!(answer["usage"]["stdout_bytes"], STDOUT.len(), "what is counted is what is stored");
    let (execution, _) = stored(&server, "login");
    assert_eq!(execution["result"], answer["result"]);

    let raised = run_login(&server, "raise", &["-o", "json"]).expect(1);
    let failure = &raised.json()["failure"];
    assert_eq!(failure["message"], "ValueError: bad ***");
    assert!(failure["traceback"].as_str().unwrap().ends_with("ValueError: bad ***\n"), "{failure}");
    let (execution, _) = stored(&server, "login");
    assert_eq!(&execution["failure"], failure);

    let late = run_login(&server, "hang", &["--timeout", "500ms", "-o", "jsonl"]).expect(7);
    let (_, events) = stored(&server, "login");
    assert!(late.stdout.contains("***") && events.contains("***"), "{late:?}");

    hold_no_secret([done.stdout.as_str(), &raised.stdout, &raised.stderr, &late.stdout, &late.stderr]);
    hold_no_secret([fs::read_to_string(&server.log).unwrap().as_str()]);
    let files = files(&directory.path().join("data"));
    assert!(files.iter().any(|text| text.contains("utilities/login")), "the store is looked at, where output is sealed");
    hold_no_secret(files.iter().map(String::as_str));
}

#[test]
fn results_and_failures_of_a_transformer_hold_no_secret() {
    let (directory, server) = server();
    let code = "from typing import Annotated\n\ndef transform(value: str, token: Annotated[str, 'secret']):\n    \
                if value == 'bad':\n        raise ValueError(token)\n    return [value, token]\n";
    create(&server, "sign", code, &["--store-values"]);
    let token = format!("token={TOKEN}");
    let done =
        server.run(&["transform", "sign", "--value", "\"a\"", "--value", "\"bad\"", "--param-string", &token, "-o", "jsonl"]).expect(1);
    let lines = done.json_lines();
    assert_eq!(lines[0]["result"], json!(["a", "***"]));
    assert_eq!(lines[1]["failure"]["message"], "ValueError: ***");
    stored(&server, "sign");
    hold_no_secret([done.stdout.as_str(), &done.stderr]);
    hold_no_secret(files(&directory.path().join("data")).iter().map(String::as_str));
}

#[test]
fn a_utility_that_shows_its_secrets_gives_them_out_as_the_code_does() {
    let (_directory, server) = server();
    create(&server, "login", PRINTS, &["--show-secrets"]);
    assert_eq!(run_login(&server, "return", &["-o", "json"]).expect(0).json()["result"]["token"], TOKEN);
    server.run(&["utility", "update", "login", "--show-secrets=false"]).expect(0);
    assert_eq!(run_login(&server, "return", &["-o", "json"]).expect(0).json()["result"]["token"], "***");
    assert_eq!(server.run(&["utility", "get", "login", "-o", "json"]).expect(0).json()["latest_version"], 1);
}

#[test]
fn the_sandbox_alone_masks_what_a_server_masks() {
    let source = Source::new("login.py", PRINTS);
    let exec = |then: &str, flags: &[&str]| {
        let given = given(then);
        let given: Vec<&str> = given.iter().map(String::as_str).collect();
        let fixed = ["sandbox", "exec", source.path(), "--backend", "namespace", "-o", "json"];
        run(&[&fixed, given.as_slice(), flags].concat())
    };
    let done = exec("return", &[]).expect(0);
    let answer = done.json();
    assert_eq!((&answer["stdout"], &answer["stderr"]), (&STDOUT.into(), &"WARNING:root:token ***\n".into()));
    assert_eq!(answer["result"], json!({"token": "***", "***": ["***", 31337], "text": "\"***\""}));
    let raised = exec("raise", &[]).expect(1);
    assert_eq!(raised.json()["message"], "ValueError: bad ***");
    hold_no_secret([done.stdout.as_str(), &done.stderr, &raised.stdout, &raised.stderr]);
    assert_eq!(exec("return", &["--show-secrets"]).expect(0).json()["result"]["token"], TOKEN);
}

#[test]
fn more_secret_text_than_can_be_masked_is_refused_before_anything_runs() {
    let (_directory, server) = server();
    let code = "from typing import Annotated\n\ndef main(token: Annotated[str, 'secret']):\n    return len(token)\n";
    create(&server, "long", code, &[]);
    let token = Source::new("token", &"x".repeat(64 * 1024 + 1));
    let given = format!("token={}", token.path());
    let refused = server.run(&["run", "long", "--param-file", &given]).expect(2);
    assert!(refused.stderr.contains("65536") && refused.stderr.contains("show_secrets"), "{refused:?}");
    server.run(&["utility", "update", "long", "--show-secrets"]).expect(0);
    assert_eq!(server.run(&["run", "long", "--param-file", &given]).expect(0).stdout, "65537\n");
}
