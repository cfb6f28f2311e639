//! `zona sandbox exec` and `zona doctor`: the sandbox of this host without a server.

use std::process::{Command, Stdio};

use crate::support::{Done, Source, run, zona};

fn exec(code: &str, flags: &[&str]) -> Done {
    let source = Source::new("program.py", code);
    run(&[&["sandbox", "exec", source.path(), "--backend", "namespace", "-o", "json"], flags].concat())
}

#[test]
fn a_transformer_answers_its_result_and_how_it_was_isolated() {
    let done = exec(
        "def transform(value, factor=1):\n    print('hi')\n    return value * factor\n",
        &["--params", r#"{"value": 21, "factor": 2}"#],
    )
    .expect(0);
    let json = done.json();
    assert_eq!((&json["status"], &json["result"], &json["stdout"]), (&"SUCCEEDED".into(), &42.into(), &"hi\n".into()));
    assert_eq!((&json["reason"], &json["exit_code"]), (&"".into(), &serde_json::Value::Null));
    let attestation = &json["attestation"];
    assert_eq!(
        (&attestation["backend"], &attestation["tier"], &attestation["network"]),
        (&"namespace".into(), &"T1".into(), &"none".into())
    );
    assert!(json["usage"]["wall_ms"].as_f64().unwrap() > 0.0, "{json}");
}

#[test]
fn failing_code_is_an_answer_with_exit_code_one() {
    let json = exec("import sys\nsys.stderr.write('bye')\nsys.exit(7)\n", &[]).expect(1).json();
    assert_eq!((&json["status"], &json["reason"], &json["exit_code"]), (&"FAILED".into(), &"EXIT_CODE".into(), &7.into()));
    assert_eq!(json["stderr"], "bye");
    let json = exec("def main():\n    raise ValueError('no')\n", &[]).expect(1).json();
    assert_eq!((&json["reason"], &json["line"], &json["exception"]), (&"USER_ERROR".into(), &2.into(), &"ValueError".into()));
}

#[test]
fn output_that_is_not_text_is_base64() {
    let json = exec("import sys\nsys.stdout.buffer.write(bytes([255, 0]))\n", &[]).expect(0).json();
    assert_eq!(json["stdout_base64"], "/wA=");
    assert!(json.get("stdout").is_none(), "{json}");
}

#[test]
fn the_deadline_of_the_command_line_holds() {
    let json = exec("print('begun', flush=True)\nwhile True: pass\n", &["--timeout", "300ms"]).expect(1).json();
    assert_eq!((&json["status"], &json["reason"], &json["stdout"]), (&"TIMED_OUT".into(), &"TIMEOUT".into(), &"begun\n".into()));
}

#[test]
fn what_cannot_be_run_is_a_usage_error() {
    let refused = exec("print(1)\n", &["--params", "{a"]).expect(2);
    assert!(refused.stderr.contains("  --params: ") && !refused.stderr.contains("params_json"), "the flag is named: {refused:?}");
    exec("print(1)\n", &["--params", "[1]"]).expect(2);
    exec("print(1)\n", &["--timeout", "1h"]).expect(2);
    run(&["sandbox", "exec", "/nonexistent.py"]).expect(2);
}

#[test]
fn parameters_come_from_a_file_or_standard_input_where_the_command_line_is_too_short() {
    let code = "def main(text, times=1):\n    return [len(text), times]\n";
    // A system takes no argument of more than 128 KiB.
    let long = format!(r#"{{"text": "{}"}}"#, "x".repeat(300_000));
    let file = Source::new("params.json", &long);
    let named = format!("@{}", file.path());
    assert_eq!(exec(code, &["--params", &named]).expect(0).json()["result"], serde_json::json!([300_000, 1]));
    assert_eq!(exec(code, &["--params", &named, "--param", "times=3"]).expect(0).json()["result"], serde_json::json!([300_000, 3]));
    let source = Source::new("program.py", code);
    for name in ["-", "@-"] {
        let mut command = zona();
        command.args(["sandbox", "exec", source.path(), "--backend", "namespace", "-o", "json", "--params", name]);
        let done = Done::from(command.stdin(std::fs::File::open(&file.path).unwrap()).output().unwrap()).expect(0);
        assert_eq!(done.json()["result"], serde_json::json!([300_000, 1]));
    }
    let refused = run(&["sandbox", "exec", "-", "--params", "-"]).expect(2);
    assert!(refused.stderr.contains("standard input is named twice"), "{refused:?}");
}

#[test]
fn output_that_goes_to_no_terminal_is_not_changed() {
    let code = "import sys\nsys.stdout.buffer.write(b'\\x1b[2J\\x1b]0;t\\x07\\xff')\n";
    let source = Source::new("program.py", code);
    let output = zona().args(["sandbox", "exec", source.path(), "--backend", "namespace"]).output().unwrap();
    assert_eq!(output.stdout, b"\x1b[2J\x1b]0;t\x07\xffnull\n");
}

#[test]
fn what_code_says_reaches_people_without_commands_to_their_terminal() {
    // The texts of p07: a message that would clear the screen and rename the window.
    let source = Source::new("ansi.py", "def main():\n    raise ValueError('\\x1b[2J\\x1b]0;title\\x07cleared\\u202e')\n");
    let done = run(&["sandbox", "exec", source.path(), "--backend", "namespace"]).expect(1);
    assert!(done.stderr.contains(r"ValueError: \x1b[2J\x1b]0;title\x07cleared\u202e"), "{done:?}");
}

#[test]
fn the_doctor_says_what_works_by_trying_it() {
    let json = run(&["doctor", "-o", "json"]).expect(0).json();
    assert_eq!((&json["works"], &json["backend"]), (&true.into(), &"namespace".into()));
    let tiers = json["tiers"].as_array().unwrap();
    assert_eq!(tiers.len(), 7, "three tiers of two backends, and one of Landlock: {json}");
    for tier in tiers {
        assert!(tier["works"] == true || !tier["problem"].as_str().unwrap().is_empty(), "{tier}");
    }
    assert!(json["checks"].as_array().unwrap().iter().any(|check| check["name"] == "kernel"), "{json}");
}

/// `zona`, nicer by this much than the test.
fn nicer_zona(by: i32) -> Command {
    let zona = zona();
    let mut command = Command::new("nice");
    command.args(["-n", &by.to_string()]).arg(zona.get_program()).stdin(Stdio::null());
    for (name, value) in zona.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

#[test]
fn a_child_is_nicer_than_whoever_started_it_however_nice_that_is() {
    const NICEST: i32 = 19;
    let source = Source::new("niceness.py", "import os\n\ndef main():\n    return os.getpriority(os.PRIO_PROCESS, 0)\n");
    let own: i32 = String::from_utf8(Command::new("nice").output().unwrap().stdout).unwrap().trim().parse().unwrap();
    for by in [0, 7, 15, NICEST] {
        let arguments = ["sandbox", "exec", source.path(), "--backend", "namespace", "-o", "json"];
        let done: Done = nicer_zona(by).args(arguments).output().unwrap().into();
        let expected = ((own + by).min(NICEST) + 5).min(NICEST);
        assert_eq!(done.expect(0).json()["result"], expected, "nicer by {by}");
    }
}
