//! What an import makes of Compose files, without compose-go: helpers, and in `reading` the tests.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::manifest::{File, Notation};
use crate::node::{Node, Value};
use crate::service::{Condition, Order, Probe, RestartCondition, Service, Storage};

mod reading;

/// A tree as JSON, which manifests are read from as well as from YAML.
fn json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => serde_json::from_str(number).unwrap(),
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(members) => serde_json::Value::Object(members.iter().map(|member| (member.name.clone(), json(&member.node))).collect()),
    }
}

fn imported(files: &[&str], values: &[(&str, &str)]) -> Import {
    let values: BTreeMap<String, String> = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    import(files, &values).unwrap_or_else(|(index, problems)| panic!("file {index}: {:?}", problems.list()))
}

/// The services of a file, which must be a right manifest.
fn services(files: &[&str]) -> BTreeMap<String, Service> {
    let import = imported(files, &[("TAG", "7"), ("EMPTY", "")]);
    let text = json(&import.manifest).to_string();
    let file = File::read(&text, Notation::Json).unwrap_or_else(|problems| panic!("{:?} in {text}", problems.list()));
    file.manifest().services.into_iter().map(|service| (service.name.clone(), service)).collect()
}

/// One service with these fields.
fn service(fields: &str) -> Service {
    let fields: String = fields.lines().map(|line| format!("    {line}\n")).collect();
    services(&[&format!("services:\n  web:\n    image: web:1\n{fields}")]).remove("web").unwrap()
}

/// What is said of one service with these fields.
fn notes(fields: &str) -> Vec<(What, String)> {
    let fields: String = fields.lines().map(|line| format!("    {line}\n")).collect();
    let import = imported(&[&format!("services:\n  web:\n    image: web:1\n    restart: always\n{fields}")], &[]);
    import.notes.into_iter().map(|note| (note.what, note.path)).collect()
}
