//! `zona check`: lines, verdicts and exit codes.

use std::fs;

use serde_json::Value;

use crate::support::run;

const GOOD: &str = "import json\n\ndef transform(value):\n    return json.loads(value)\n";
const BROKEN: &str = "def transform(value):\n    return (\n";

#[test]
fn each_file_is_one_line_and_a_refused_one_decides_the_exit_code() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::create_dir(at("below")).unwrap();
    fs::write(at("good.py"), GOOD).unwrap();
    fs::write(at("below/broken.py"), BROKEN).unwrap();
    fs::write(at("notes.txt"), "not Python").unwrap();
    let done = run(&["check", directory.path().to_str().unwrap(), "-o", "jsonl"]).expect(1);
    let lines = done.json_lines();
    let files: Vec<_> = lines.iter().map(|line| line["file"].as_str().unwrap()).collect();
    assert_eq!(files, [at("below/broken.py").to_str().unwrap(), at("good.py").to_str().unwrap()]);
    assert_eq!(members(&lines[0]), ["file", "accepted", "findings", "imports", "ms"]);
    assert_eq!((&lines[0]["accepted"], &lines[1]["accepted"]), (&false.into(), &true.into()));
    let finding = &lines[0]["findings"][0];
    assert_eq!((&finding["family"], &finding["severity"], &finding["line"]), (&"syntax".into(), &"error".into(), &2.into()));
    for member in ["rule", "column", "message", "suggestion"] {
        assert!(!finding[member].is_null(), "{finding}");
    }
    assert_eq!(lines[1]["imports"][0]["module"], "json");
    assert!(lines[1]["ms"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_file_is_checked_for_the_python_of_the_default_runtime_unless_told_otherwise() {
    let directory = tempfile::tempdir().unwrap();
    let check = |code: &str, arguments: &[&str], exit: i32| {
        let file = directory.path().join("utility.py");
        fs::write(&file, code).unwrap();
        run(&[&["check", file.to_str().unwrap()], arguments].concat()).expect(exit);
    };
    let newer = "def main():\n    try:\n        return 1\n    except ValueError, TypeError:\n        return 2\n";
    check(newer, &[], 1);
    check(newer, &["--python", "3.11"], 1);
    check(newer, &["--python", "3.14"], 0);
    check("\u{feff}def main():\n    return 'bom'\n", &[], 0);
    check("", &[], 1);
}

#[test]
fn a_file_that_cannot_be_read_does_not_keep_the_others_from_being_checked() {
    let directory = tempfile::tempdir().unwrap();
    let good = directory.path().join("good.py");
    fs::write(&good, GOOD).unwrap();
    let done = run(&["check", "/nonexistent.py", good.to_str().unwrap(), "-o", "jsonl"]).expect(2);
    assert_eq!(done.json_lines().len(), 1);
    assert!(done.stderr.contains("cannot read /nonexistent.py"), "{done:?}");
}

#[test]
fn accepted_files_exit_with_zero_in_every_format() {
    let directory = tempfile::tempdir().unwrap();
    let good = directory.path().join("good.py");
    fs::write(&good, GOOD).unwrap();
    let path = good.to_str().unwrap();
    assert!(run(&["check", path]).expect(0).stdout.contains("good.py: accepted"));
    assert_eq!(run(&["check", path, "-o", "json"]).expect(0).json()[0]["accepted"], true);
    assert!(run(&["check", path, "-o", "yaml"]).expect(0).stdout.contains("accepted: true"));
}

#[test]
fn hostile_bytes_are_findings_and_not_crashes() {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in
        [("nul.py", b"a = '\0'".to_vec()), ("binary.py", vec![0xff; 64]), ("deep.py", vec![b'['; 201]), ("empty.py", Vec::new())]
    {
        fs::write(directory.path().join(name), bytes).unwrap();
    }
    let lines = run(&["check", directory.path().to_str().unwrap(), "-o", "jsonl"]).expect(1).json_lines();
    let refused = lines.iter().filter(|line| line["accepted"] == false).count();
    assert_eq!((lines.len(), refused), (4, 4), "{lines:#?}");
}

const POLICY: &str = r#"
name: tenants/acme/codePolicy
only_modules: [re, json]
extra_modules: [acme_tools]
denied_rules: [ZPY-QUALITY-006]
exceptions:
  - utility: backup
    rule: ZPY-DYNAMIC-001
    reason: a calculator of our own
    expire_time: 2999-01-01T00:00:00Z
    granted_by: tenants/acme/users/admin
  - utility: backup
    rule: ZPY-FILE-002
    reason: long ago
    expire_time: 2001-01-01T00:00:00Z
minimum_isolation: SINGLE_USE
fresh_processes: true
etag: '"p3"'
update_time: 2026-01-01T00:00:00Z
"#;

/// The rules of the blocking findings of `code`, and what the warnings say.
fn judged(arguments: &[&str], code: &str) -> (Vec<String>, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("code.py");
    fs::write(&file, code).unwrap();
    let done = run(&[&["check", "-o", "jsonl", file.to_str().unwrap()], arguments].concat());
    let findings = done.json_lines()[0]["findings"].as_array().unwrap().clone();
    let texts = |severity: &str, member: &str| {
        let of = findings.iter().filter(|finding| finding["severity"] == severity);
        of.map(|finding| finding[member].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    (texts("error", "rule"), texts("warning", "message"))
}

#[test]
fn a_policy_file_decides_which_modules_and_rules_hold() {
    let directory = tempfile::tempdir().unwrap();
    let policy = directory.path().join("policy.yaml");
    fs::write(&policy, POLICY).unwrap();
    let given = ["--policy", policy.to_str().unwrap()];
    let errors = |arguments: &[&str], code: &str| judged(arguments, code).0;
    assert_eq!(errors(&[], "import acme_tools\n"), ["ZPY-DEPENDENCY-003"]);
    assert!(errors(&given, "import acme_tools\nimport json\n").is_empty());
    assert!(errors(&[], "import math\n").is_empty());
    assert_eq!(errors(&given, "import math\n"), ["ZPY-DEPENDENCY-001"]);
    assert!(errors(&[], "print(missing)\n").is_empty(), "a warning by default");
    assert_eq!(errors(&given, "print(missing)\n"), ["ZPY-QUALITY-006"]);
}

#[test]
fn a_preset_of_a_flag_or_a_policy_opens_what_existing_scripts_use() {
    let directory = tempfile::tempdir().unwrap();
    let policy = directory.path().join("policy.yaml");
    fs::write(&policy, "preset: COMPATIBLE\n").unwrap();
    let path = policy.to_str().unwrap();
    let code = "import sys\nprint(sys.argv, open('/tmp/a').read())\n";
    assert_eq!(judged(&[], code).0, ["ZPY-IMPORT-001", "ZPY-API-001", "ZPY-FILE-002"]);
    assert!(judged(&["--policy-preset", "compatible"], code).0.is_empty());
    assert!(judged(&["--policy", path], code).0.is_empty());
    assert!(!judged(&["--policy", path, "--policy-preset", "strict"], code).0.is_empty());
    assert!(!judged(&["--policy-preset", "compatible"], "import sys\nprint(sys.modules)\n").0.is_empty());
}

#[test]
fn exceptions_hold_for_their_utility_until_they_end() {
    let directory = tempfile::tempdir().unwrap();
    let policy = directory.path().join("policy.yaml");
    fs::write(&policy, POLICY).unwrap();
    let path = policy.to_str().unwrap();
    let code = "eval('1')\nopen('x')\n";
    let both = ["ZPY-DYNAMIC-001", "ZPY-FILE-002"];
    assert_eq!(judged(&["--policy", path], code).0, both);
    assert_eq!(judged(&["--policy", path, "--utility", "other"], code).0, both);
    let (errors, warnings) = judged(&["--policy", path, "--utility", "backup"], code);
    assert_eq!(errors, ["ZPY-FILE-002"], "the other exception has ended");
    assert!(
        warnings.iter().any(|warning| warning.contains("allowed by tenants/acme/users/admin: a calculator of our own")),
        "{warnings:?}"
    );
}

/// So many excepted errors that the one that is not excepted is left out of the report.
#[test]
fn exceptions_hide_no_error_that_is_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let policy = directory.path().join("policy.yaml");
    fs::write(&policy, POLICY).unwrap();
    let code = format!("{}import os\n", "eval('1')\n".repeat(300));
    assert_eq!(judged(&["--policy", policy.to_str().unwrap(), "--utility", "backup"], &code).0, ["ZPY-LIMITS-004"]);
}

#[test]
fn a_file_that_is_no_policy_is_a_usage_error_that_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let policy = directory.path().join("policy.yaml");
    let good = directory.path().join("good.py");
    fs::write(&good, GOOD).unwrap();
    for (text, said) in [
        ("only_module: [json]\n", "only_module"),
        ("denied_rules: [ZPY-NOTHING-001]\n", "there is no rule `ZPY-NOTHING-001`"),
        (
            "exceptions: [{utility: a, rule: ZPY-LIMITS-005, reason: r, expire_time: 2999-01-01T00:00:00Z}]\n",
            "`ZPY-LIMITS-005` cannot be excepted",
        ),
        (
            "exceptions: [{utility: a, rule: ZPY-SYNTAX-900, reason: r, expire_time: 2999-01-01T00:00:00Z}]\n",
            "`ZPY-SYNTAX-900` cannot be excepted",
        ),
        ("preset: LOOSE\n", "preset: must be STRICT or COMPATIBLE"),
        ("extra_modules: ['a b']\n", "policy.extra_modules[0]"),
        ("exceptions: [{utility: a, rule: ZPY-FILE-002, reason: r, expire_time: soon}]\n", "exceptions[0].expire_time"),
        ("{\"extra_modules\": 3}", "not a code policy"),
        ("7\n", "expected members of a policy such as `extra_modules: [acme_tools]`"),
        ("exceptions: [backup]\n", "expected an exception: `utility`, `rule`, `reason` and `expire_time`"),
    ] {
        fs::write(&policy, text).unwrap();
        let done = run(&["check", good.to_str().unwrap(), "--policy", policy.to_str().unwrap()]).expect(2);
        assert!(done.stderr.contains(said), "{text:?}: {done:?}");
    }
    fs::write(&policy, "{\"extra_modules\": [\"acme\"]}").unwrap();
    run(&["check", good.to_str().unwrap(), "--policy", policy.to_str().unwrap()]).expect(0);
    run(&["check", good.to_str().unwrap(), "--utility", "backup"]).expect(2);
}

/// Names in the order of the text: `serde_json` would sort them.
fn members(line: &Value) -> Vec<&str> {
    let known = ["file", "accepted", "findings", "imports", "ms"];
    assert_eq!(line.as_object().unwrap().len(), known.len(), "{line}");
    known.into_iter().filter(|name| line.get(name).is_some()).collect()
}
