//! `--print-config`: the effective configuration as a file that could be used as one. There are no secrets in it: those
//! come from files that it names.

use figment::Figment;
use figment::value::Value;

use crate::declaration::{Schema, Section};
use crate::{environment, layers};

pub(crate) fn print(schema: &Schema, figment: &Figment) -> String {
    let mut text = String::new();
    for section in schema.sections() {
        if section.is_each() {
            for name in section.entries(figment) {
                table(figment, section, &section.entry(&name), &mut text);
            }
        } else {
            table(figment, section, section.path(), &mut text);
        }
    }
    text
}

fn table(figment: &Figment, section: &Section, path: &str, text: &mut String) {
    if !path.is_empty() {
        text.push_str(&format!("\n[{path}]\n"));
    }
    for key in section.keys {
        let full = Section::key(path, key.name);
        let line = match figment.find_value(&full) {
            Ok(value) => format!("{} = {}  # {}\n", key.name, literal(&value), source_of(figment, &full, &value)),
            Err(_) => format!("# {} is not set\n", key.name),
        };
        text.push_str(&line);
    }
}

/// Where a value comes from, in words.
pub(crate) fn source_of(figment: &Figment, key: &str, value: &Value) -> String {
    let Some(metadata) = figment.get_metadata(value.tag()) else { return String::new() };
    if let Some(path) = metadata.source.as_ref().and_then(figment::Source::file_path) {
        return path.display().to_string();
    }
    match metadata.name.as_ref() {
        layers::DEFAULT | layers::FLAGS => metadata.name.to_string(),
        _ => format!("environment {}", environment::variable(key)),
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::String(_, text) => serde_json::Value::from(text.as_str()).to_string(),
        Value::Bool(_, flag) => flag.to_string(),
        other => match (other.to_u128(), other.to_i128(), other.to_f64()) {
            (Some(number), _, _) => number.to_string(),
            (None, Some(number), _) => number.to_string(),
            (None, None, number) => number.unwrap_or_default().to_string(),
        },
    }
}
