//! `--print-config`: the effective configuration as a file that could be used as one. There are no secrets in it: those
//! come from files that it names.

use std::fmt::Write as _;

use figment::Figment;
use figment::value::Value;

use super::{KEYS, RUNTIME_KEYS, TENANT_KEYS, layers, runtimes, tenants};

pub(super) fn print(figment: &Figment) -> String {
    let mut text = String::new();
    let mut section = "";
    for key in KEYS {
        let (table, name) = key.split_once('.').unwrap_or(("", key));
        if table != section {
            section = table;
            let _ = write!(text, "\n[{table}]\n");
        }
        line(figment, key, name, &mut text);
    }
    for runtime in runtimes::names(figment) {
        let _ = write!(text, "\n[runtimes.{runtime}]\n");
        RUNTIME_KEYS.iter().for_each(|leaf| line(figment, &runtimes::key(&runtime, leaf), leaf, &mut text));
    }
    for tenant in tenants::names(figment) {
        let _ = write!(text, "\n[tenants.{tenant}]\n");
        TENANT_KEYS.iter().for_each(|leaf| line(figment, &tenants::key(&tenant, leaf), leaf, &mut text));
    }
    text
}

fn line(figment: &Figment, key: &str, name: &str, text: &mut String) {
    // Writing to a String cannot fail.
    let _ = match figment.find_value(key) {
        Ok(value) => writeln!(text, "{name} = {}  # {}", literal(&value), source_of(figment, key, &value)),
        Err(_) => writeln!(text, "# {name} is not set"),
    };
}

/// Where a value comes from, in words.
pub(super) fn source_of(figment: &Figment, key: &str, value: &Value) -> String {
    let Some(metadata) = figment.get_metadata(value.tag()) else { return String::new() };
    if let Some(path) = metadata.source.as_ref().and_then(figment::Source::file_path) {
        return path.display().to_string();
    }
    match metadata.name.as_ref() {
        layers::DEFAULT | layers::FLAGS => metadata.name.to_string(),
        _ => format!("environment ZONA_{}", key.to_uppercase().replace('.', "__")),
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
