//! What readers make of the YAML. The library of these tests reads YAML 1.2; what YAML 1.1 takes for something else is listed from
//! its type repository.

use proptest::prelude::*;
use serde_yaml_ng::Value;

use super::*;

/// Texts that some reader of YAML 1.1 or 1.2 takes for something other than a text, or that end one.
const TELLING: &[&str] = &[
    "",
    "~",
    "null",
    "Null",
    "NULL",
    "y",
    "Y",
    "n",
    "N",
    "yes",
    "Yes",
    "YES",
    "no",
    "No",
    "NO",
    "true",
    "True",
    "TRUE",
    "false",
    "False",
    "FALSE",
    "on",
    "On",
    "ON",
    "off",
    "Off",
    "OFF",
    "0",
    "-0",
    "+1",
    "1_000",
    "685_230",
    "0o14",
    "0o7",
    "014",
    "0x1F",
    "0x_0A",
    "0b1",
    "0b1010_0111",
    "190:20:30",
    "12:30:45",
    "1:30",
    "1e3",
    "1e400",
    "6.8523015e+5",
    "685.230_15e+03",
    "685_230.15",
    "190:20:30.15",
    "1.",
    ".5",
    "._",
    ".inf",
    "-.inf",
    "+.INF",
    ".Inf",
    ".nan",
    ".NaN",
    ".NAN",
    "2024-01-01",
    "2001-12-14t21:59:43.10-05:00",
    "2001-12-14 21:59:43.10 -5",
    "2001-12-15 2:59:43.10",
    "=",
    "<<",
    "-",
    "- x",
    "---",
    "...",
    "?",
    "? a",
    ":",
    ":a",
    "a:",
    "a: b",
    "# c",
    "a # c",
    "!tag",
    "!!int 1",
    "&a",
    "*a",
    "%",
    "%YAML 1.1",
    "@",
    "`",
    "|",
    ">",
    ">-",
    "{",
    "}",
    "[",
    "]",
    "{a: 1}",
    "[1]",
    ",",
    "'",
    "\"",
    "\\",
    "\\n",
    " lead",
    "trail ",
    "a ",
    "\t",
    "a\tb",
    "\ta",
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "\u{0}",
    "\u{1b}[0m",
    "\u{7f}",
    "\u{feff}",
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
    "a\n   \nb",
    "a\n\nb",
    "a\n#b",
    "a\n---\nb",
    "a\u{2028}\nb",
    "é",
    "😀",
    "a\u{301}",
    "١٢",
];

/// Everything in its place: as an item, a member, a key, and inside others.
fn everywhere(text: &str) -> Document {
    let text = || Document::from(text);
    Document::object([
        ("member".to_owned(), text()),
        ("list".to_owned(), Document::List(vec![text(), Document::List(vec![text(), Document::List(Vec::new())]), Document::Null])),
        ("objects".to_owned(), Document::List(vec![Document::object([("a", text()), ("b", Document::object([("c", text())]))])])),
        ("keys".to_owned(), Document::Object(vec![(key(&text()), text()), ("z".to_owned(), Document::Object(Vec::new()))])),
    ])
}

fn key(document: &Document) -> String {
    let Document::Text(text) = document else { panic!("a text") };
    format!("{text}{text}")
}

fn read(document: &Document) -> Value {
    let text = yaml(document);
    serde_yaml_ng::from_str(&text).unwrap_or_else(|error| panic!("{error} in:\n{text}"))
}

fn check(document: &Document) {
    let expected: Value = serde_json::from_str(&serde_json::to_string(document).unwrap()).unwrap();
    assert_eq!(read(document), expected, "{}", yaml(document));
}

#[test]
fn every_text_is_read_as_itself_wherever_it_stands() {
    for text in TELLING {
        check(&Document::from(*text));
        check(&Document::List(vec![Document::from(*text)]));
        check(&Document::Object(vec![((*text).to_owned(), Document::from(*text))]));
        check(&everywhere(text));
    }
}

#[test]
fn what_some_reader_takes_for_something_else_is_quoted() {
    let bare = |text: &str| yaml(&Document::from(text)).trim_end() == text;
    let taken: Vec<_> = TELLING.iter().filter(|text| bare(text)).collect();
    assert_eq!(taken, [&"é"]);
    for text in ["SUCCEEDED", "tenants/acme/utilities/a-b", "Ada Lovelace", "a:b", "it's", "x=1", "it took 2.5 s (at most)", "ZPY-FILE-001"]
    {
        assert!(bare(text), "{text}");
    }
}

#[test]
fn nothing_that_nobody_sees_stands_unescaped() {
    let document = everywhere("\u{85}\u{2028}\u{2029}\u{0}\u{1b}\u{7f}\u{9b}\u{feff}\u{202e}\u{fffe}");
    assert!(yaml(&document).chars().all(|character| character == '\n' || !is_hidden(character)));
    let separators = Document::from("a\u{2028}b\u{2029}c\u{85}d");
    assert_eq!(yaml(&separators), "\"a\\u2028b\\u2029c\\x85d\"\n");
}

#[test]
fn numbers_keep_every_digit_and_are_numbers_to_every_reader() {
    let long = "9".repeat(60);
    let json =
        format!(r#"{{"b": [9007199254740993, -170141183460469231731687303715884105728, -{long}, 1.10], "e": [1e16, 1.5E3, 2e-7, 1e+2]}}"#);
    let expected = format!(
        "b:\n- 9007199254740993\n- -170141183460469231731687303715884105728\n- -{long}\n- 1.10\n\
         e:\n- 1.0e+16\n- 1.5e+3\n- 2.0e-7\n- 1.0e+2\n"
    );
    assert_eq!(yaml(&Document::json(json)), expected);
    assert_eq!(
        yaml(&Document::List([1e16, 0.25, f64::NAN, f64::NEG_INFINITY].map(Document::Float).to_vec())),
        "- 1.0e+16\n- 0.25\n- .nan\n- -.inf\n"
    );
}

#[test]
fn documents_read_well() {
    let document = Document::object([
        ("name", Document::from("greet")),
        ("code", Document::from("def main():\n    return 1\n\n\nmain()\n")),
        ("result", Document::json(r#"{"a": [1, null, {"b": [], "c": {}}], "when": "2024-01-01"}"#)),
        ("tags", Document::List(vec![Document::List(vec![Document::from("x"), Document::Bool(true)])])),
    ]);
    let expected = "name: greet\ncode: |\n  def main():\n      return 1\n\n\n  main()\nresult:\n  a:\n  - 1\n  - null\n  - b: []\n    c: {}\n  \
                    when: \"2024-01-01\"\ntags:\n- - x\n  - true\n";
    assert_eq!(yaml(&document), expected);
    check(&document);
}

#[test]
fn a_long_key_is_marked_since_readers_look_no_further_for_its_colon() {
    let long = "k".repeat(2_000);
    let document = Document::Object(vec![
        (long.clone(), Document::from("v")),
        (format!("{long}2"), everywhere("v")),
        (format!("{long}3"), Document::Null),
    ]);
    assert!(yaml(&document).starts_with(&format!("? {long}\n: v\n? ")), "{}", yaml(&document));
    check(&document);
}

fn text() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        4 => proptest::sample::select(TELLING).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        2 => proptest::sample::select(&[" ", "\n", ":", "#", "-", "a", "0"][..]).prop_map(str::to_owned),
    ];
    proptest::collection::vec(pieces, 0..5).prop_map(|pieces| pieces.concat())
}

fn tree() -> impl Strategy<Value = Document> {
    let leaf = prop_oneof![
        4 => text().prop_map(Document::Text),
        1 => Just(Document::Null),
        1 => any::<i64>().prop_map(|number| Document::Integer(number.into())),
        1 => any::<i16>().prop_map(|number| Document::Float(f64::from(number) / 8.0)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Document::List),
            proptest::collection::btree_map(text(), inner, 0..4).prop_map(|members| Document::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_tree_is_read_as_the_same_tree(document in tree()) {
        check(&document);
    }
}
