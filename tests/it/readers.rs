//! What the readers of other languages make of JSON texts, as docs/utilities.md says it of each.

use std::{fs, process::Command};

use domain::json::check_portable;
use e2e::{command::run, workspace};
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
