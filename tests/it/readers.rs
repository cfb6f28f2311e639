//! What the readers of other languages make of JSON texts, as docs/utilities.md says it of each, and of what `-o yaml` prints.

use std::{fs, process::Command};

use domain::json::check_portable;
use e2e::{command::run, server::client, workspace};
use serde_json::{Value, json};

/// What stands before the table in the document.
const HEAD: &str = "| JSON text | Python `json` |";

/// The texts of the table, by what its first column calls them.
fn texts() -> [(&'static str, String); 7] {
    [
        ("`9007199254740991`", "9007199254740991".to_owned()),
        ("`9007199254740993`", "9007199254740993".to_owned()),
        ("`123456789012345678901234567890`", "123456789012345678901234567890".to_owned()),
        ("an integer of 401 digits", format!("1{}", "0".repeat(400))),
        (r#"`"\u0000\u2028\ud83d\ude00"`"#, r#""\u0000\u2028\ud83d\ude00""#.to_owned()),
        (r#"refused by Zona: `"\ud800"`"#, r#""\ud800""#.to_owned()),
        ("refused by Zona: `1e400`", "1e400".to_owned()),
    ]
}

/// Rows of the table: the first cell, and what each reader makes of it.
fn documented() -> Vec<(String, Vec<String>)> {
    let document = fs::read_to_string(workspace::path("docs/utilities.md")).expect("the document exists");
    let rows = document.lines().skip_while(|line| !line.starts_with(HEAD)).skip(2).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    rows.map(cells).map(|mut cells| (cells.remove(0), cells.into_iter().map(|cell| cell.replace('`', "")).collect())).collect()
}

fn in_rust(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Err(_) => "refused".to_owned(),
        Ok(Value::Number(number)) if number.is_f64() => format!("{:e}", number.as_f64().expect("it is one")).replace('e', "e+"),
        Ok(_) => "kept".to_owned(),
    }
}

#[test]
fn readers_of_other_languages_make_of_json_what_the_document_says() {
    let (names, texts): (Vec<_>, Vec<_>) = texts().into_iter().unzip();
    for (name, text) in names.iter().zip(&texts) {
        assert_eq!(check_portable(text).is_err(), name.starts_with("refused by Zona"), "{name}");
    }
    let argument = json!(texts).to_string();
    let python = run(Command::new(workspace::python()).arg("-B").arg(workspace::path("tests/readers/read.py")).arg(&argument)).with_code(0);
    let node = run(Command::new(workspace::tool("node")).arg(workspace::path("tests/readers/read.mjs")).arg(&argument)).with_code(0);
    let mut go = Command::new(workspace::tool("go"));
    go.args(["run", "."]).arg(&argument).current_dir(workspace::path("tests/readers/go"));
    go.env("GOEXPERIMENT", "jsonv2").env("GOFLAGS", "-mod=readonly").env("GOWORK", "off");
    let go = run(&mut go).with_code(0);
    let (python, node, go) = (python.json(), node.json(), go.json());
    let readers = [&python["json"], &python["orjson"], &go["v1"], &go["v2"], &node];
    let said = |index: usize| {
        let others = readers.iter().map(|reader| reader[index].as_str().expect("each text has an answer").to_owned());
        others.chain([in_rust(&texts[index])]).collect::<Vec<_>>()
    };
    let found: Vec<_> = names.iter().enumerate().map(|(index, name)| ((*name).to_owned(), said(index))).collect();
    assert_eq!(documented(), found);
}

/// Texts that a reader of YAML 1.1 or 1.2 takes for something else where nothing quotes them, or ends or folds.
const TELLING: &[&str] = &[
    "",
    "~",
    "null",
    "y",
    "N",
    "yes",
    "No",
    "on",
    "OFF",
    "true",
    "False",
    "0",
    "-0",
    "+1",
    "1_000",
    "014",
    "0o14",
    "0x1F",
    "0b1",
    "12:30:45",
    "1:30",
    "190:20:30.15",
    "1e3",
    "1e400",
    "1.",
    ".5",
    "._",
    ".inf",
    "-.INF",
    ".nan",
    "2024-01-01",
    "2001-12-14t21:59:43.10-05:00",
    "2001-12-14 21:59:43.10 -5",
    "=",
    "<<",
    "-",
    "- x",
    "---",
    "...",
    "? a",
    ":",
    "a:",
    "a: b",
    "a # c",
    "!tag",
    "!!int 1",
    "&a",
    "*a",
    "%YAML 1.1",
    "@",
    "`",
    "|",
    ">-",
    "{a: 1}",
    "[1]",
    ",",
    "'",
    "\"",
    "\\n",
    " lead",
    "trail ",
    "\t",
    "a\tb",
    "\u{85}",
    "\u{2028}",
    "\u{0}",
    "\u{1b}[0m",
    "\u{7f}",
    "\u{feff}x",
    "\u{fffe}",
    "\u{202e}x",
    "\n",
    "\n\n x",
    "a\nb",
    "a\nb\n",
    "a\nb\n\n",
    "a\r\nb",
    "\r",
    "a\n b\n  c",
    " a\nb",
    "a\n\t\nb",
    "a\n#b",
    "a\n---\nb",
    "a\u{2028}\nb",
    "é",
    "😀",
];

#[test]
fn readers_of_both_yamls_find_the_values_that_json_holds() {
    let named: serde_json::Map<String, Value> = TELLING.iter().map(|text| ((*text).to_owned(), json!(text))).collect();
    let numbers = json!([0, -1, 9_007_199_254_740_993_u64, 0.1, -0.0, 1e20, 1.5e300, 1e-7, 123_456.75]);
    let nested = json!([[], {}, [[1, []], {"a": {"b": [null, true, false]}}], {"": ""}]);
    let value = json!({"texts": TELLING, "named": named, "numbers": numbers, "nested": nested});
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).expect("the directory is writable");
        path
    };
    let code = file("echo.py", "def transform(value):\n    return value\n");
    let params = format!("@{}", file("params.json", &json!({"value": value}).to_string()).display());
    let shown = |form: &str| {
        let ended = run(client().args(["sandbox", "exec"]).arg(&code).args(["--params", &params, "-o", form])).with_code(0);
        ended.text()
    };
    // Only the result is the same in two runs.
    let result: Value = serde_json::from_str(&shown("json")).expect("it is JSON");
    assert_eq!(result["result"], value);
    let yaml = shown("yaml");
    let (_, after) = yaml.split_once("\nresult:").unwrap_or_else(|| panic!("no result in:\n{yaml}"));
    let end = after.match_indices('\n').find(|(at, _)| after[at + 1..].starts_with(|first: char| first != ' ' && first != '\n'));
    let yaml = file("result.yaml", &format!("result:{}", end.map_or(after, |(at, _)| &after[..=at])));
    let json = file("result.json", &json!({"result": value}).to_string());
    let said = run(Command::new(workspace::python()).arg("-B").arg(workspace::path("tests/readers/read_yaml.py")).args([&yaml, &json]));
    assert_eq!(said.with_code(0).json(), json!({"1.1": [], "1.2": []}));
}
