//! The parameter schema. That its JSON texts are JSON of the stated type is checked here, because the domain parses none.

use api_proto::zona::utility::v1 as pb;
use domain::code::{Parameter, ValueType};
use domain::json::{JsonText, check_portable};
use serde_json::value::RawValue;

use crate::convert::{Violations, WireViolations as _};

/// Reads a schema; `path` is where it stands in the request.
pub(crate) fn read(path: &str, wire: Vec<pb::Parameter>, violations: &mut Violations) -> Vec<Parameter> {
    wire.into_iter().enumerate().map(|(index, parameter)| read_one(&format!("{path}[{index}]"), parameter, violations)).collect()
}

/// One parameter as it is answered.
pub(crate) fn to_wire(parameter: &Parameter) -> pb::Parameter {
    pb::Parameter {
        name: parameter.name.clone(),
        value_type: value_type_to_wire(parameter.value_type).into(),
        required: parameter.required,
        default_json: parameter.default_json.clone().map(JsonText::into_string),
        enum_json: parameter.enum_json.iter().map(JsonText::to_string).collect(),
        secret: parameter.secret,
        description: parameter.description.clone(),
    }
}

fn read_one(path: &str, wire: pb::Parameter, violations: &mut Violations) -> Parameter {
    let value_type = read_value_type(violations.known(&format!("{path}.value_type"), wire.value_type));
    if let Some(default) = &wire.default_json {
        check_value(&format!("{path}.default_json"), value_type, default, violations);
    }
    for (index, value) in wire.enum_json.iter().enumerate() {
        check_value(&format!("{path}.enum_json[{index}]"), value_type, value, violations);
    }
    Parameter {
        name: wire.name,
        value_type,
        required: wire.required,
        default_json: wire.default_json.map(JsonText::read),
        enum_json: wire.enum_json.into_iter().map(JsonText::read).collect(),
        secret: wire.secret,
        description: wire.description,
    }
}

fn check_value(field: &str, value_type: ValueType, json: &str, violations: &mut Violations) {
    match serde_json::from_str::<&RawValue>(json) {
        Err(error) => violations.push(field, "NOT_JSON", format!("is not one JSON text: {error}")),
        Ok(value) if !fits(value_type, value.get()) => {
            violations.push(field, "WRONG_TYPE", format!("is not of type {}", value_type.as_str()));
        }
        Ok(value) => {
            if let Err(unportable) = check_portable(value.get()) {
                violations.push(field, "NOT_JSON", unportable.to_string());
            }
        }
    }
}

/// The type of a JSON text shows in its first character. `null` stands for an omitted value of any type, as Python's `None` does.
fn fits(value_type: ValueType, json: &str) -> bool {
    let first = json.as_bytes().first();
    let number = first.is_some_and(|first| *first == b'-' || first.is_ascii_digit());
    match value_type {
        _ if json == "null" => true,
        ValueType::Any => true,
        ValueType::String => first == Some(&b'"'),
        ValueType::Integer => number && !json.contains(['.', 'e', 'E']),
        ValueType::Number => number,
        ValueType::Boolean => matches!(json, "true" | "false"),
        ValueType::Array => first == Some(&b'['),
        ValueType::Object => first == Some(&b'{'),
    }
}

fn read_value_type(wire: pb::ValueType) -> ValueType {
    match wire {
        pb::ValueType::Unspecified | pb::ValueType::Any => ValueType::Any,
        pb::ValueType::String => ValueType::String,
        pb::ValueType::Integer => ValueType::Integer,
        pb::ValueType::Number => ValueType::Number,
        pb::ValueType::Boolean => ValueType::Boolean,
        pb::ValueType::Array => ValueType::Array,
        pb::ValueType::Object => ValueType::Object,
    }
}

fn value_type_to_wire(value_type: ValueType) -> pb::ValueType {
    match value_type {
        ValueType::Any => pb::ValueType::Any,
        ValueType::String => pb::ValueType::String,
        ValueType::Integer => pb::ValueType::Integer,
        ValueType::Number => pb::ValueType::Number,
        ValueType::Boolean => pb::ValueType::Boolean,
        ValueType::Array => pb::ValueType::Array,
        ValueType::Object => pb::ValueType::Object,
    }
}
