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
        [("nul.py", b"a = '\0'".to_vec()), ("binary.py", vec![0xff; 64]), ("deep.py", vec![b'['; 100_000]), ("empty.py", Vec::new())]
    {
        fs::write(directory.path().join(name), bytes).unwrap();
    }
    let lines = run(&["check", directory.path().to_str().unwrap(), "-o", "jsonl"]).expect(1).json_lines();
    let refused = lines.iter().filter(|line| line["accepted"] == false).count();
    assert_eq!((lines.len(), refused), (4, 3), "{lines:#?}");
}

/// Names in the order of the text: `serde_json` would sort them.
fn members(line: &Value) -> Vec<&str> {
    let known = ["file", "accepted", "findings", "imports", "ms"];
    assert_eq!(line.as_object().unwrap().len(), known.len(), "{line}");
    known.into_iter().filter(|name| line.get(name).is_some()).collect()
}
