//! Values that stand in a path, behind a question mark or in a header: one text each, in the form that the value has in JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, Value};

use crate::names::named;
use crate::refusal::Violation;

/// A truth that may be left out.
const BOOL: &str = "google.protobuf.BoolValue";

/// Reads a text as a value of this field; of a list, as one of its values.
pub(crate) fn parse(field: &FieldDescriptor, text: &str) -> Result<Value, String> {
    let number = |kind: &str| format!("{text:?} is not a {kind} number");
    match field.kind() {
        Kind::String => Ok(Value::String(text.to_owned())),
        Kind::Bool => text.parse().map(Value::Bool).map_err(|_| format!("{text:?} is neither true nor false")),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => text.parse().map(Value::I32).map_err(|_| number("whole 32-bit")),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => text.parse().map(Value::I64).map_err(|_| number("whole 64-bit")),
        Kind::Uint32 | Kind::Fixed32 => text.parse().map(Value::U32).map_err(|_| number("non-negative whole 32-bit")),
        Kind::Uint64 | Kind::Fixed64 => text.parse().map(Value::U64).map_err(|_| number("non-negative whole 64-bit")),
        Kind::Float => text.parse().map(Value::F32).map_err(|_| number("32-bit")),
        Kind::Double => text.parse().map(Value::F64).map_err(|_| number("64-bit")),
        Kind::Bytes => STANDARD.decode(text).map(|bytes| Value::Bytes(bytes.into())).map_err(|error| format!("it is not base64: {error}")),
        Kind::Enum(values) => {
            let by_name = values.get_value_by_name(text).map(|value| value.number());
            by_name.or_else(|| text.parse().ok()).map(Value::EnumNumber).ok_or_else(|| format!("{text:?} is no value of {}", values.name()))
        }
        Kind::Message(message) => {
            // Times, durations and masks are texts in JSON; whatever is an object there fits into a body only.
            let json = match text.parse() {
                Ok(flag) if message.full_name() == BOOL => serde_json::Value::Bool(flag),
                _ => serde_json::Value::String(text.to_owned()),
            };
            DynamicMessage::deserialize(message, json).map(Value::Message).map_err(|error| error.to_string())
        }
    }
}

/// Puts a value at a path; one that stands there already must be the same.
pub(crate) fn put(message: &mut DynamicMessage, path: &[FieldDescriptor], value: Value) -> Result<(), Violation> {
    let name = dotted(path);
    let (last, above) = path.split_last().expect("a path has a field");
    let within = descend(message, above);
    if within.has_field(last) && *within.get_field(last) != value {
        return Err(Violation::conflict(name, "the path, the headers and the body of the request say different things"));
    }
    within.set_field(last, value);
    Ok(())
}

/// Puts one more value at a path: of a list behind the others, otherwise the only one.
pub(crate) fn add(message: &mut DynamicMessage, path: &[FieldDescriptor], value: Value) -> Result<(), Violation> {
    let (last, above) = path.split_last().expect("a path has a field");
    if !last.is_list() {
        return put(message, path, value);
    }
    let list = descend(message, above).get_field_mut(last);
    list.as_list_mut().expect("the field is a list").push(value);
    Ok(())
}

/// The field that a name such as `filter.created_from` means, in either spelling.
pub(crate) fn find(message: &DynamicMessage, name: &str) -> Option<Vec<FieldDescriptor>> {
    let mut path: Vec<FieldDescriptor> = Vec::new();
    for part in name.split('.') {
        let field = match path.last() {
            None => named(&prost_reflect::ReflectMessage::descriptor(message), part)?,
            Some(above) if !above.is_list() && !above.is_map() => named(above.kind().as_message()?, part)?,
            Some(_) => return None,
        };
        path.push(field);
    }
    Some(path)
}

/// A path by the contract's names.
pub(crate) fn dotted(path: &[FieldDescriptor]) -> String {
    path.iter().map(FieldDescriptor::name).collect::<Vec<_>>().join(".")
}

fn descend<'m>(message: &'m mut DynamicMessage, path: &[FieldDescriptor]) -> &'m mut DynamicMessage {
    path.iter().fold(message, |within, field| within.get_field_mut(field).as_message_mut().expect("a path leads through messages"))
}
