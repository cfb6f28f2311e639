//! Messages of the contract as documents.
//!
//! Fields keep their names, or have the one that the contract gives them in JSON; a field that holds JSON text stands as JSON under its name without `_json`; enum values stand
//! without the prefix of their enum; times as RFC 3339; durations in seconds, e.g. `0.25s`; bytes as text where they are
//! UTF-8; a map as an object. What is not set is left out.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MapKey, ReflectMessage, Value};

use super::Document;

static CONTRACT: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(api_proto::DESCRIPTOR_SET).expect("the build made the descriptors and a test decodes them"));

/// A message of the contract, by its full name.
pub trait Contract: prost::Message {
    /// E.g. `zona.utility.v1.Utility`.
    const NAME: &'static str;
}

macro_rules! contract {
    ($($package:ident :: $message:ident),* $(,)?) => {
        $(impl Contract for api_proto::zona::$package::v1::$message {
            const NAME: &'static str = concat!("zona.", stringify!($package), ".v1.", stringify!($message));
        })*
        /// Every message that is printed.
        #[cfg(test)]
        pub const NAMES: &[&str] = &[$(<api_proto::zona::$package::v1::$message as Contract>::NAME),*];
    };
}

contract! {
    utility::Utility,
    utility::UtilityVersion,
    utility::DiffUtilityVersionsResponse,
    utility::CodePolicy,
    utility::Proposal,
    runtime::Runtime,
    server::ServerInfo,
    server::WrappingKey,
    execution::Execution,
    execution::ExecutionEvent,
    execution::TransformResponse,
    execution::TransformResult,
    access::Grant,
    access::ExplainAccessResponse,
    audit::AuditRecord,
    audit::AuditReport,
    identity::User,
    identity::ServiceAccount,
    identity::ApiKey,
    identity::ExportSubjectResponse,
    identity::EraseSubjectResponse,
    identity::WhoAmIResponse,
    tenant::Tenant,
    event::Webhook,
    event::DeadLetter,
    schedule::Schedule,
    secret::Secret,
    operation::Operation,
    operation::BatchItemReport,
    process::Service,
    process::Platform,
    process::ReadLogsResponse,
    process::Integration,
    process::IntegrationExplanation,
}

/// A message as a document.
pub fn document<M: Contract>(message: &M) -> Document {
    let descriptor = CONTRACT.get_message_by_name(M::NAME).expect("a test finds every printed message in the contract");
    let mut dynamic = DynamicMessage::new(descriptor);
    match dynamic.transcode_from(message) {
        Ok(()) => object(&dynamic),
        // Both sides come from the same descriptors; text beats a panic in a printer.
        Err(error) => Document::Text(error.to_string()),
    }
}

/// The short name of an enum's value, e.g. `SUCCEEDED` of `EXECUTION_STATE_SUCCEEDED`.
pub fn short<'a>(enum_name: &str, value: &'a str) -> &'a str {
    let mut prefix = String::new();
    for (index, c) in enum_name.chars().enumerate() {
        if index > 0 && c.is_ascii_uppercase() {
            prefix.push('_');
        }
        prefix.push(c.to_ascii_uppercase());
    }
    prefix.push('_');
    value.strip_prefix(&prefix).unwrap_or(value)
}

/// The short name as the flags of the command line take it, e.g. `tenant-warm` of `ISOLATION_TENANT_WARM`.
pub fn flag(enum_name: &str, value: &str) -> String {
    short(enum_name, value).to_lowercase().replace('_', "-")
}

fn object(message: &DynamicMessage) -> Document {
    let mut members = Vec::new();
    for field in message.descriptor().fields() {
        if !field.supports_presence() || message.has_field(&field) {
            members.extend(member(&field, &message.get_field(&field)));
        }
    }
    Document::Object(members)
}

fn member(field: &FieldDescriptor, value: &Value) -> Option<(String, Document)> {
    let name = name(field);
    if let (Some(name), Kind::String) = (name.strip_suffix("_json"), field.kind()) {
        return json_member(name, value);
    }
    if let Value::Bytes(bytes) = value {
        return Some(Document::bytes(name, bytes));
    }
    if let Value::Map(entries) = value {
        return (!entries.is_empty()).then(|| (name.to_owned(), entries_by_name(field, entries)));
    }
    Some((name.to_owned(), plain(field, value)?))
}

/// The name of a field; in JSON the contract may give it another than its own in camel case.
fn name(field: &FieldDescriptor) -> &str {
    let is_usual = field.json_name().eq_ignore_ascii_case(&field.name().replace('_', ""));
    if is_usual { field.name() } else { field.json_name() }
}

fn json_member(name: &str, value: &Value) -> Option<(String, Document)> {
    let document = match value {
        Value::List(items) => Document::List(items.iter().filter_map(Value::as_str).map(Document::json).collect()),
        Value::String(text) if text.is_empty() => return None,
        other => Document::json(other.as_str()?),
    };
    Some((name.to_owned(), document))
}

/// The entries of a map whose keys are texts, by these in order: a map of the contract has none.
fn entries_by_name(field: &FieldDescriptor, entries: &HashMap<MapKey, Value>) -> Document {
    let kind = field.kind();
    let of = kind.as_message().expect("a map is a message for each entry").map_entry_value_field();
    let members: BTreeMap<&str, Document> = entries.iter().filter_map(|(key, value)| Some((key.as_str()?, plain(&of, value)?))).collect();
    Document::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// `None` for a value that was never set.
fn plain(field: &FieldDescriptor, value: &Value) -> Option<Document> {
    Some(match value {
        Value::Bool(value) => Document::Bool(*value),
        Value::I32(value) => Document::Integer((*value).into()),
        Value::I64(value) => Document::Integer((*value).into()),
        Value::U32(value) => Document::Integer((*value).into()),
        Value::U64(value) => Document::Integer((*value).into()),
        Value::F32(value) => Document::Float((*value).into()),
        Value::F64(value) => Document::Float(*value),
        Value::String(text) => Document::Text(text.clone()),
        Value::Bytes(bytes) => Document::bytes("", bytes).1,
        Value::EnumNumber(number) => Document::Text(enum_value(field.kind().as_enum()?, *number)?),
        Value::Message(message) => known(message).unwrap_or_else(|| object(message)),
        Value::List(items) => Document::List(items.iter().filter_map(|item| plain(field, item)).collect()),
        Value::Map(_) => return None,
    })
}

fn enum_value(descriptor: &EnumDescriptor, number: i32) -> Option<String> {
    match descriptor.get_value(number) {
        Some(_) if number == 0 => None,
        Some(value) => Some(short(descriptor.name(), value.name()).to_owned()),
        None => Some(number.to_string()),
    }
}

/// Types that have a text form of their own.
fn known(message: &DynamicMessage) -> Option<Document> {
    let number = |name: &str| {
        message.get_field_by_name(name).map(|value| value.as_i64().or_else(|| value.as_i32().map(i64::from)).unwrap_or_default())
    };
    match message.descriptor().full_name() {
        "google.protobuf.Timestamp" => Some(Document::Text(time(number("seconds")?, number("nanos")?))),
        "google.protobuf.Duration" => Some(Document::Text(seconds(number("seconds")?, number("nanos")?))),
        _ => None,
    }
}

/// RFC 3339 in UTC with milliseconds.
pub fn time(seconds: i64, nanos: i64) -> String {
    match jiff::Timestamp::new(seconds, i32::try_from(nanos).unwrap_or_default()) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => format!("{seconds}s"),
    }
}

fn seconds(seconds: i64, nanos: i64) -> String {
    let fraction = format!("{nanos:09}");
    match fraction.trim_end_matches('0') {
        "" => format!("{seconds}s"),
        fraction => format!("{seconds}.{fraction}s"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_printed_message_is_part_of_the_contract() {
        for name in NAMES {
            assert!(CONTRACT.get_message_by_name(name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_keys_of_each_printed_map_are_texts_as_others_would_be_left_out() {
        let mut printed: Vec<_> = NAMES.iter().filter_map(|name| CONTRACT.get_message_by_name(name)).collect();
        let mut seen = BTreeSet::new();
        while let Some(message) = printed.pop() {
            for field in message.fields() {
                if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
                    assert_eq!(entry.map_entry_key_field().kind(), Kind::String, "{}", field.full_name());
                }
                if let Kind::Message(part) = field.kind()
                    && seen.insert(part.full_name().to_owned())
                {
                    printed.push(part);
                }
            }
        }
        assert!(seen.contains("zona.utility.v1.Limits"), "parts of what is printed are looked at");
    }
}
