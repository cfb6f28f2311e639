//! The commands that need no server: the demo, the sandbox for operators, the check, the doctor.

use std::{fs, process::Command};

use e2e::{command::run, server::client, workspace};
use serde_json::{Value, json};

fn in_sandbox(code: &str, options: &[&str]) -> e2e::command::Ended {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let file = directory.path().join("program.py");
    fs::write(&file, code).expect("the directory is writable");
    run(client().args(["sandbox", "exec"]).arg(file).args(["-o", "json"]).args(options))
}

#[test]
fn the_demo_measures_itself() {
    let shown = run(client().args(["demo", "-o", "json"])).with_code(0).json();
    let mut members: Vec<&str> = shown.as_object().into_iter().flat_map(|object| object.keys().map(String::as_str)).collect();
    let mut expected = ["first_ms", "transform_p50_ms", "transform_p95_ms", "bare_python_ms", "backend", "tier"];
    expected.sort_unstable();
    members.sort_unstable();
    assert_eq!(members, expected);
    let figure = |name: &str| shown[name].as_f64().unwrap_or_else(|| panic!("{name} is no number: {shown}"));
    let (p50, p95, bare) = (figure("transform_p50_ms"), figure("transform_p95_ms"), figure("bare_python_ms"));
    assert!(p50 > 0.0 && p50 <= p95 && figure("first_ms") > 0.0, "{shown}");
    // The bench holds the promised speed; this holds the sense of it, on a busy machine and in a debug build.
    assert!(p50 < bare, "isolation costs more than a bare interpreter: {shown}");
    assert_eq!((&shown["backend"], &shown["tier"]), (&json!("namespace"), &json!("T1")));
}

#[test]
fn the_demo_shows_the_output_and_a_table() {
    let shown = run(client().arg("demo")).with_code(0).text();
    for expected in ["P50", "P95", "Transform over gRPC", "python3 -I -S -E"] {
        assert!(shown.contains(expected), "{expected} is not in:\n{shown}");
    }
}

#[test]
fn raw_bytes_come_out_of_the_sandbox_unchanged() {
    let code = "import sys\nsys.stdout.buffer.write(bytes(range(256)))\nprint('caf\\u00e9', file=sys.stderr)\n";
    for backend in ["namespace", "docker"] {
        let ended = in_sandbox(code, &["--backend", backend]).with_code(0).json();
        assert_eq!((&ended["status"], &ended["reason"]), (&json!("SUCCEEDED"), &json!("")), "{ended}");
        // The bytes 0 to 255 in base64 begin and end so.
        let base64 = ended["stdout_base64"].as_str().unwrap_or_else(|| panic!("no base64: {ended}"));
        assert!(base64.starts_with("AAECAwQFBgcICQoLDA0O") && base64.ends_with("+fr7/P3+/w==") && base64.len() == 344, "{base64}");
        assert_eq!(ended["stderr"], "café\n");
        assert_eq!(ended["attestation"]["backend"], json!(backend), "{ended}");
    }
}

#[test]
fn the_sandbox_tells_how_a_program_ended() {
    let value = in_sandbox("def transform(value, times=2):\n    return value * times\n", &["--params", r#"{"value": 9007199254740993}"#]);
    assert_eq!(value.with_code(0).json()["result"].to_string(), "18014398509481986");
    let failed = in_sandbox("def main():\n    raise KeyError('x')\n", &[]).with_code(1).json();
    assert_eq!((&failed["status"], &failed["reason"], &failed["line"]), (&json!("FAILED"), &json!("USER_ERROR"), &json!(2)), "{failed}");
    let late = in_sandbox("print('before', flush=True)\nwhile True:\n    pass\n", &["--timeout", "300ms"]).with_code(1).json();
    assert_eq!((&late["status"], &late["reason"], &late["stdout"]), (&json!("TIMED_OUT"), &json!("TIMEOUT"), &json!("before\n")), "{late}");
    let blocked = in_sandbox("import socket\nsocket.socket()\n", &[]).with_code(1).json();
    assert_eq!(blocked["reason"], "DENIED_OPERATION", "{blocked}");
    assert!(blocked["message"].as_str().is_some_and(|message| message.contains("socket")), "{blocked}");
}

#[test]
fn the_check_writes_one_line_for_each_file() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    fs::write(directory.path().join("bad.py"), "def main(:\n    pass\n").expect("the directory is writable");
    let examples = workspace::path("examples");
    let count = fs::read_dir(&examples).expect("the examples are there").count();
    let accepted = run(client().args(["check", "-o", "jsonl"]).arg(&examples)).with_code(0).json_values();
    assert_eq!(accepted.len(), count);
    assert!(accepted.iter().all(|line| line["accepted"] == true && line["ms"].is_number() && line["imports"].is_array()), "{accepted:?}");
    let refused = run(client().args(["check", "-o", "jsonl"]).arg(directory.path())).with_code(1).json_values();
    let finding = &refused[0]["findings"][0];
    assert_eq!((&refused[0]["accepted"], &finding["line"], &finding["family"]), (&json!(false), &json!(1), &json!("syntax")));
    run(client().args(["check", "/nonexistent.py"])).with_code(2);
}

#[test]
fn the_doctor_says_what_works_here() {
    let report = run(client().args(["doctor", "-o", "json"]));
    let shown: Value = report.json();
    let text = shown.to_string();
    for expected in ["namespace", "docker", "T1"] {
        assert!(text.contains(expected), "{expected} is not in {shown}");
    }
    report.with_code(0);
}

#[test]
fn a_server_refuses_to_listen_beyond_the_loopback_interface() {
    let data = tempfile::tempdir().expect("a temporary directory can be made");
    let mut dev: Command = client();
    let ended = run(dev.args(["dev", "--listen", "0.0.0.0:0", "--data"]).arg(data.path())).with_code(2);
    assert!(ended.errors().contains("loopback"), "{}", ended.errors());
}
