//! Reads the parameters of an execution against the schema of its utility, on JSON texts alone: numbers keep every digit, and
//! nothing is converted. It does not infer schemas; that is the signature's.
//!
//! An omitted parameter takes the default that a person wrote, whatever the code's own is. What was inferred from the code stays
//! out: the code's own default is the object that the author meant, and no JSON text of it. `null` fits a parameter of type any, one
//! whose default is `null`, and one that lists it among its allowed values.

use std::collections::{BTreeMap, HashSet};

use domain::Violation;
use domain::code::{Bound, Code, Parameter, ParameterBinder, Schema, ValueType};
use domain::identity::Secret;
use domain::json::{JsonText, Token, check_portable, tokens};
use domain::sandbox::Secrets;
use serde_json::Value;
use serde_json::value::RawValue;

use object::Object;

use crate::checker;

mod numbers;
mod object;

/// Path of the parameters in every request.
pub const PARAMETERS_FIELD: &str = "params_json";

/// The binder. Has no state.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonBinder;

impl ParameterBinder for JsonBinder {
    fn bind(&self, schema: Schema<'_>, json: &str) -> Result<Bound, Vec<Violation>> {
        let given = read_object(json)?;
        let mut violations = other_members(schema, &given);
        for parameter in schema.named() {
            match given.get(&parameter.name) {
                Some(value) => violations.extend(check_member(parameter, &parameter.name, value)),
                None if parameter.required => violations.push(missing(parameter)),
                None => {}
            }
        }
        if !violations.is_empty() {
            return Err(violations);
        }
        let (json, public_json) = (with_defaults(schema, &given), without_secrets(schema, &given));
        Ok(Bound { json: JsonText::read(json), public_json: JsonText::read(public_json), secrets: secrets(schema, &given) })
    }

    fn take(&self, json: &str, member: &str) -> Result<(Option<JsonText>, JsonText), Vec<Violation>> {
        let given = read_object(json)?;
        let taken = given.get(member).map(|value| JsonText::read(value.get()));
        let rest = given.members().filter(|(name, _)| *name != member).map(|(name, value)| (name, value.get()));
        Ok((taken, JsonText::read(write_object(rest))))
    }

    fn put(&self, json: &str, texts: &[(String, Secret)]) -> Result<(JsonText, Vec<String>), Vec<Violation>> {
        let given = read_object(json)?;
        let texts: BTreeMap<&str, String> =
            texts.iter().map(|(name, text)| (name.as_str(), Value::from(text.expose()).to_string())).collect();
        let replaced = given.members().filter(|(name, _)| texts.contains_key(name)).map(|(name, _)| name.to_owned()).collect();
        let kept = given.members().filter(|(name, _)| !texts.contains_key(name)).map(|(name, value)| (name, value.get()));
        let members = kept.chain(texts.iter().map(|(name, text)| (*name, text.as_str())));
        Ok((JsonText::read(write_object(members)), replaced))
    }

    fn input_name(&self, code: &Code) -> Option<String> {
        checker::input_name(code.text())
    }

    fn read_value(&self, json: String) -> Result<JsonText, String> {
        check_value(&json).map(|()| JsonText::read(json))
    }
}

/// That a text is one JSON value, and one that every reader takes alike.
fn check_value(json: &str) -> Result<(), String> {
    serde_json::from_str::<&RawValue>(json).map_err(|error| not_json(&error))?;
    check_portable(json).map_err(|unportable| unportable.to_string())
}

fn read_object(json: &str) -> Result<Object<'_>, Vec<Violation>> {
    let refuse = |reason, text: String| vec![Violation::new(PARAMETERS_FIELD, reason, text)];
    let text = json.trim_matches([' ', '\t', '\r', '\n']);
    if text.is_empty() {
        return Ok(Object::default());
    }
    check_value(text).map_err(|rule| refuse("NOT_JSON", rule))?;
    if !text.starts_with('{') {
        return Err(refuse("NOT_AN_OBJECT", format!("must be one JSON object, not {}", article(kind_of(text)))));
    }
    let object: Object<'_> = serde_json::from_str(text).map_err(|error| refuse("NOT_JSON", not_json(&error)))?;
    let mut seen = HashSet::new();
    let twice = object.members().map(|(name, _)| name).filter(|name| !seen.insert(*name));
    let violations: Vec<_> = twice.map(|name| at(name, "DUPLICATE", "is given twice")).collect();
    if violations.is_empty() { Ok(object) } else { Err(violations) }
}

/// What is wrong with the members that are no named parameters.
fn other_members(schema: Schema<'_>, given: &Object<'_>) -> Vec<Violation> {
    let others = given.members().filter(|(name, _)| schema.find(name).is_none());
    if let Some(rest) = schema.rest() {
        return others.filter_map(|(name, value)| check_member(rest, name, value)).collect();
    }
    let names: Vec<_> = schema.named().map(|parameter| format!("`{}`", parameter.name)).collect();
    let text = if names.is_empty() { "the utility has no parameters".to_owned() } else { format!("the utility has {}", names.join(", ")) };
    others.map(|(name, _)| at(name, "UNKNOWN_PARAMETER", format!("is unknown; {text}"))).collect()
}

fn missing(parameter: &Parameter) -> Violation {
    at(&parameter.name, "MISSING", format!("is required: {}", expected(parameter)))
}

fn check_member(parameter: &Parameter, name: &str, value: &RawValue) -> Option<Violation> {
    let text = value.get();
    let is_null = text == "null";
    if is_null && accepts_null(parameter) {
        return None;
    }
    if is_null && parameter.value_type != ValueType::Any || !fits(parameter.value_type, text) {
        let seen = if parameter.secret { "something else".to_owned() } else { article(kind_of(text)) };
        return Some(at(name, "WRONG_TYPE", format!("must be {}, not {seen}", expected(parameter))));
    }
    if !parameter.enum_json.is_empty() && !parameter.enum_json.iter().any(|allowed| equal(allowed, text)) {
        return Some(at(name, "NOT_ALLOWED", format!("must be {}", expected(parameter))));
    }
    None
}

fn accepts_null(parameter: &Parameter) -> bool {
    let listed = parameter.enum_json.iter().any(|allowed| allowed.trim() == "null");
    let by_default = parameter.default_json.as_deref().is_some_and(|default| default.trim() == "null");
    listed || by_default || (parameter.value_type == ValueType::Any && parameter.enum_json.is_empty())
}

fn fits(value_type: ValueType, text: &str) -> bool {
    match value_type {
        ValueType::Any => true,
        ValueType::Integer => kind_of(text) == ValueType::Integer,
        ValueType::Number => matches!(kind_of(text), ValueType::Integer | ValueType::Number),
        ValueType::String | ValueType::Boolean | ValueType::Array | ValueType::Object => kind_of(text) == value_type,
    }
}

/// The type of a well-formed JSON text; `Any` is null.
fn kind_of(text: &str) -> ValueType {
    match text.as_bytes().first() {
        Some(b'"') => ValueType::String,
        Some(b'{') => ValueType::Object,
        Some(b'[') => ValueType::Array,
        Some(b't' | b'f') => ValueType::Boolean,
        Some(b'n') | None => ValueType::Any,
        Some(_) if text.contains(['.', 'e', 'E']) => ValueType::Number,
        Some(_) => ValueType::Integer,
    }
}

/// Whether two JSON texts are the same value. Numbers too large for a double are the same only as texts.
fn equal(left: &str, right: &str) -> bool {
    left == right
        || matches!((serde_json::from_str::<Value>(left), serde_json::from_str::<Value>(right)), (Ok(left), Ok(right)) if left == right)
}

fn expected(parameter: &Parameter) -> String {
    if parameter.enum_json.is_empty() {
        let any = parameter.value_type == ValueType::Any;
        return if any { "any JSON value".to_owned() } else { article(parameter.value_type) };
    }
    format!("one of {}", parameter.enum_json.join(", "))
}

fn article(value_type: ValueType) -> String {
    match value_type {
        ValueType::Any => "null".to_owned(),
        ValueType::Integer | ValueType::Array | ValueType::Object => format!("an {}", value_type.as_str()),
        ValueType::String | ValueType::Number | ValueType::Boolean => format!("a {}", value_type.as_str()),
    }
}

fn with_defaults(schema: Schema<'_>, given: &Object<'_>) -> String {
    let omitted = schema.named().filter(|parameter| schema.written && given.get(&parameter.name).is_none());
    let defaults = omitted.filter_map(|parameter| Some((parameter.name.as_str(), parameter.default_json.as_deref()?)));
    write_object(given.members().map(|(name, value)| (name, value.get())).chain(defaults))
}

fn without_secrets(schema: Schema<'_>, given: &Object<'_>) -> String {
    write_object(given.members().filter(|(name, _)| !is_secret(schema, name)).map(|(name, value)| (name, value.get())))
}

fn is_secret(schema: Schema<'_>, name: &str) -> bool {
    schema.find(name).or(schema.rest()).is_some_and(|parameter| parameter.secret)
}

/// The texts of the secret values, and their numbers as they were given and as Python writes them.
fn secrets(schema: Schema<'_>, given: &Object<'_>) -> Secrets {
    let secret = given.members().filter(|(name, _)| is_secret(schema, name));
    Secrets::new(secret.flat_map(|(_, value)| {
        let json = value.get();
        tokens(json).flat_map(|token| match token {
            Token::Text(span) => serde_json::from_str(&json[span]).into_iter().collect(),
            Token::Number(span) => numbers::spellings(&json[span]),
            Token::Open | Token::Close | Token::Name(_) => Vec::new(),
        })
    }))
}

fn write_object<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::from("{");
    for (index, (name, value)) in members.enumerate() {
        let comma = if index == 0 { "" } else { "," };
        text.push_str(&format!("{comma}{}:{value}", Value::from(name)));
    }
    text.push('}');
    text
}

fn not_json(error: &serde_json::Error) -> String {
    format!("is not JSON: {error}")
}

fn at(name: &str, reason: &'static str, text: impl Into<String>) -> Violation {
    Violation::new(format!("{PARAMETERS_FIELD}.{name}"), reason, text)
}

#[cfg(test)]
mod tests;
