//! Messages in proto3 JSON. What cannot be read is explained: every unknown field by its path, or the one place where a value does not fit.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, SerializeOptions};
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_path_to_error::{Deserializer, Segment, Track};

use crate::names::{join, named};
use crate::refusal::{Refusal, Violation};
use crate::unknown;

/// Reads a message; `at` is its own path within the request, empty for the whole of it.
pub(crate) fn read(message: &MessageDescriptor, text: &[u8], at: &str) -> Result<DynamicMessage, Refusal> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let read = DynamicMessage::deserialize(message.clone(), &mut deserializer);
    // Most requests can be read: why one cannot is looked for only then.
    read.and_then(|read| deserializer.end().map(|()| read)).map_err(|_unread| explain(message, text, at))
}

/// Writes a message.
pub(crate) fn write(message: &DynamicMessage) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(message)
}

/// Writes one field of a message; one that is not set, too.
pub(crate) fn write_field(message: &DynamicMessage, field: &FieldDescriptor) -> serde_json::Result<Vec<u8>> {
    let mut written = serde_json::to_value(message)?;
    if let Some(value) = written.get_mut(field.json_name()) {
        return serde_json::to_vec(&value.take());
    }
    let with_defaults = SerializeOptions::new().skip_default_fields(false);
    let mut written = message.serialize_with_options(serde_json::value::Serializer, &with_defaults)?;
    serde_json::to_vec(&written.get_mut(field.json_name()).map(Value::take))
}

fn explain(message: &MessageDescriptor, text: &[u8], at: &str) -> Refusal {
    // What is only looked at is not checked for its encoding.
    if let Err(error) = std::str::from_utf8(text) {
        return Refusal::malformed_json(&error);
    }
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(text) {
        return Refusal::malformed_json(&error);
    }
    let mut violations = unknown::find(text, message, at);
    if violations.is_empty() {
        violations.push(unfit(message, text, at));
    }
    Refusal::invalid(violations)
}

/// The place at which a value does not fit.
fn unfit(message: &MessageDescriptor, text: &[u8], at: &str) -> Violation {
    let mut track = Track::new();
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let read = DynamicMessage::deserialize(message.clone(), Deserializer::new(&mut deserializer, &mut track));
    let description = read.err().map_or_else(|| "it cannot be read".to_owned(), |error| error.to_string());
    Violation::malformed(spoken(track.path().iter(), message, at), description)
}

/// A path in JSON by the names of the contract, as the services say it.
fn spoken<'s>(segments: impl Iterator<Item = &'s Segment>, message: &MessageDescriptor, at: &str) -> String {
    let mut path = at.to_owned();
    let mut within = Some(message.clone());
    for segment in segments {
        match segment {
            Segment::Seq { index } => path = format!("{path}[{index}]"),
            Segment::Map { key } => {
                let field = within.as_ref().and_then(|message| named(message, key));
                path = join(&path, field.as_ref().map_or(key, |field| field.name()));
                within = field.and_then(|field| inner(&field));
            }
            Segment::Enum { variant } => path = join(&path, variant),
            Segment::Unknown => {}
        }
    }
    path
}

/// The messages that a field holds, directly, as a list or as the values of a map.
fn inner(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind().as_message().cloned(),
        Kind::Message(message) => Some(message),
        _ => None,
    }
}
