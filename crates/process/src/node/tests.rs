//! Documents as trees, and the bounds that hold before they cost.

use super::*;

fn yaml(text: &str) -> Node {
    read_yaml(text).unwrap_or_else(|problems| panic!("{:?}", problems.list()))
}

#[track_caller]
fn refused(text: &str, rule: &str) {
    let problems = read_yaml(text).expect_err("it is refused");
    assert!(problems.list().iter().any(|problem| problem.rule == rule), "{rule}: {:?}", problems.list());
}

#[test]
fn yaml_and_json_of_one_document_are_one_tree() {
    let a = yaml("a: [1, 1.10, true, null, x]\nb: {c: \"1\"}\n");
    let b = read_json(r#"{"a": [1, "1.10", true, null, "x"], "b": {"c": "1"}}"#).unwrap();
    assert_eq!(a.get("b"), b.get("b"));
    assert_eq!(a.get("a").unwrap().items()[0], b.get("a").unwrap().items()[0]);
    assert_eq!(a.get("a").unwrap().items()[1].value, Value::Number("1.10".to_owned()), "digits stay what was written");
}

#[test]
fn numbers_of_json_keep_their_digits_as_those_of_yaml_do() {
    let text = r#"{"a 1": [1.10, -0, 1e2, 100000000000000000000, "2.50", "\\", "\" 7", "\u0031"], "b": {"3": 0.30}}"#;
    let node = read_json(text).unwrap();
    let numbers: Vec<_> = node.get("a 1").unwrap().items()[..4].iter().filter_map(Node::scalar).collect();
    assert_eq!(numbers, ["1.10", "-0", "1e2", "100000000000000000000"]);
    assert_eq!(node.get("b").and_then(|b| b.get("3")).map(|node| &node.value), Some(&Value::Number("0.30".to_owned())));
    assert_eq!(node, yaml(text));
}

#[test]
fn words_of_yaml_1_1_are_texts() {
    let node = yaml("[yes, no, on, off, 12:30, 2026-01-01, 0x1F, 1_000, .inf]");
    assert!(node.items().iter().all(|item| matches!(item.value, Value::Text(_))), "{node:?}");
}

#[test]
fn values_know_their_places() {
    let node = yaml("a:\n  - b: ä\n    c: 1\n");
    let c = &node.get("a").unwrap().items()[0].members()[1];
    assert_eq!(c.place.map(|place| (place.line, place.column)), Some((3, 5)));
    assert_eq!(c.node.place.map(|place| (place.line, place.column)), Some((3, 8)));
}

#[test]
fn aliases_repeat_and_merges_fill_up() {
    let node = yaml("base: &base {a: 1, b: 2}\nother: {<<: *base, b: 3}\nlist: [*base, *base]\n");
    let other = node.get("other").unwrap();
    assert_eq!((other.get("a").unwrap().scalar(), other.get("b").unwrap().scalar()), (Some("1"), Some("3")));
    assert_eq!(node.get("list").unwrap().items()[1], *node.get("base").unwrap());
}

#[test]
fn tags_of_applications_are_kept() {
    let node = yaml("a: !reset null\nb: !override [x]\nc: !!str 12\n");
    assert_eq!(node.members()[0].node.tag.as_deref(), Some("reset"));
    assert_eq!(node.members()[1].node.tag.as_deref(), Some("override"));
    assert_eq!(node.members()[2].node.value, Value::Text("12".to_owned()));
}

#[test]
fn what_has_no_meaning_in_a_tree_is_refused() {
    refused("a: 1\na: 2\n", "name-twice");
    refused("a: 1\n---\nb: 2\n", "several-documents");
    refused("{a: 1}: 2\n", "name-is-no-text");
    refused("a: [1\n", "syntax");
    refused("a: *nobody\n", "syntax");
    refused("a: &a [*a]\n", "alias");
    refused("a: {<<: 12}\n", "merge");
    assert!(read_json(r#"{"a": 1, "a": 2}"#).is_err());
    assert!(read_json(r#"{"a": 1} x"#).is_err());
}

#[test]
fn every_name_that_stands_twice_is_told() {
    let problems = read_yaml("a: 1\na: 2\nb: {c: 1, c: 2}\n").expect_err("two names stand twice");
    assert_eq!(problems.list().len(), 2);
}

#[test]
fn aliases_that_multiply_are_refused_before_they_cost() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..40 {
        let before = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(", ")));
    }
    refused(&bomb, "too-many-values");
}

#[test]
fn anchors_around_anchors_cost_no_more_than_the_bound() {
    let deep = format!("{}{}{}", "&a [".repeat(40), "x, ".repeat(100_000), "]".repeat(40));
    refused(&deep, "too-many-values");
}

#[test]
fn texts_that_aliases_repeat_are_refused_before_they_cost() {
    let text = "x".repeat(MAX_BYTES / 2);
    refused(&format!("a: &a {text}\nb: [{}]\n", "*a,".repeat(50_000)), "too-large");
    refused(&format!("{}{text}{}", "&a [".repeat(40), "]".repeat(40)), "too-large");
    refused(&format!("a: &a {{? {text} : 1}}\nb: [{}]\n", "{<<: *a},".repeat(1_000)), "too-large");
    assert_eq!(yaml(&format!("a: &a {text}\nb: *a\n")).get("b").and_then(Node::scalar).map(str::len), Some(text.len()));
}

#[test]
fn depth_size_and_number_of_values_are_bounded() {
    refused(&"[".repeat(100), "too-deep");
    assert!(read_yaml(&"[".repeat(100_000)).is_err());
    refused(&format!("[{}]", "x,".repeat(MAX_NODES + 1)), "too-many-values");
    refused(&" ".repeat(MAX_BYTES + 1), "too-large");
    assert!(read_json(&"[".repeat(100_000)).is_err());
    assert!(read_json(&format!("[{}1]", "1,".repeat(MAX_NODES))).is_err());
    assert!(read_json(&format!("[{}1]", "1,".repeat(MAX_NODES / 2))).is_ok());
    assert!(read_json(&format!("{}{}", "[".repeat(60), "]".repeat(60))).is_err());
    assert!(read_json(&format!("{}{}", "[".repeat(40), "]".repeat(40))).is_ok());
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_name() {
    assert_eq!(yaml("\u{feff}a: 1").members()[0].name, "a");
    assert_eq!(read_json("\u{feff}{\"a\": 1}").unwrap().members()[0].name, "a");
}

#[test]
fn many_names_in_one_map_are_read_in_the_time_of_their_number() {
    let text: String = (0..90_000).map(|index| format!("name{index}: 1\n")).collect();
    assert_eq!(yaml(&text).members().len(), 90_000);
}
