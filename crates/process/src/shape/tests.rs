//! Checks and schemas of a small shape.

use super::Kind::{Duration, Image, List, Name, Object, Size, Whole};
use super::*;
use crate::node::read_yaml;
use crate::problem::Problems;

const INNER: Shape = Shape { name: "Inner", about: "Inside.", fields: &[required("time", Duration, "a time")] };
const OUTER: Shape = Shape {
    name: "Outer",
    about: "Outside.",
    fields: &[
        required("name", Name, "its name"),
        optional("count", Whole(1, 3), "a count"),
        optional("size", Size, "a size"),
        optional("inner", List(&Object(&INNER), 2), "what is inside"),
    ],
};

fn problems(text: &str) -> Vec<(String, &'static str)> {
    let mut problems = Problems::default();
    check(&read_yaml(text).expect("it is YAML"), &Object(&OUTER), "", &mut problems);
    problems.list().iter().map(|problem| (problem.path.clone(), problem.rule)).collect()
}

#[test]
fn what_fits_passes_and_nothing_counts_as_absent() {
    assert_eq!(problems("{name: a, count: 3, size: 1MiB, inner: [{time: 1s}]}"), []);
    assert_eq!(problems("{name: a, count: null, size:, inner: ~}"), []);
}

#[test]
fn everything_that_differs_is_named_by_its_path() {
    let found = problems("{nam: a, count: 4, size: 1, inner: [{time: 1}, {}, {time: 1s}]}");
    let wanted = [
        ("nam", "unknown-field"),
        ("count", "out-of-range"),
        ("size", "size"),
        ("inner", "too-many"),
        ("inner[0].time", "duration"),
        ("inner[1].time", "missing"),
        ("name", "missing"),
    ];
    assert_eq!(found, wanted.map(|(path, rule)| (path.to_owned(), rule)));
}

#[test]
fn the_schema_names_every_field_and_what_must_be_there() {
    let schema = schema(&OUTER, "https://example.com/outer.json");
    assert_eq!(schema["required"], serde_json::json!(["name"]));
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["properties"]["inner"]["items"]["$ref"], "#/$defs/Inner");
    assert_eq!(schema["$defs"]["Inner"]["properties"]["time"]["type"], "string");
    assert_eq!(schema["properties"]["count"]["maximum"], 3);
}

#[test]
fn a_digest_or_a_tag_names_an_image() {
    let fits = |text: &str| {
        let mut problems = Problems::default();
        check(&read_yaml(&format!("'{text}'")).unwrap(), &Image, "", &mut problems);
        problems.is_empty()
    };
    assert!(fits("a:1") && fits("r.io/a/b:1") && fits(&format!("a:1@sha256:{}", "0".repeat(64))));
    assert!(!fits("a") && !fits("r.io:5000/a") && !fits(&format!("a@sha256:{}", "0".repeat(63))));
}
