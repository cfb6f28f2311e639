//! Messages as JSON schemas, in the form that proto3 JSON gives them.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, Value as Reflected};
use serde_json::{Map, Value, json};

use crate::comments::Comments;

/// The option that says whether a field is required, or the server's to set.
const BEHAVIOR: &str = "google.api.field_behavior";
/// Its values.
const REQUIRED: i32 = 2;
const OUTPUT_ONLY: i32 = 3;
/// Where schemas stand.
const SCHEMAS: &str = "#/components/schemas/";

/// The schemas that were asked for, and those that they name.
pub(crate) struct Schemas<'c> {
    comments: &'c Comments,
    made: BTreeMap<String, Value>,
    /// Messages that stand in answers. What a request must bring, an answer need not show: lists leave parts away.
    answered: BTreeSet<String>,
}

// === impl Schemas ===

impl<'c> Schemas<'c> {
    /// None yet, of a contract whose methods answer these messages.
    pub(crate) fn new(comments: &'c Comments, answers: impl Iterator<Item = MessageDescriptor>) -> Self {
        let mut answered = BTreeSet::new();
        answers.for_each(|message| reach(&message, &mut answered));
        Schemas { comments, made: BTreeMap::new(), answered }
    }

    /// All of them, by name.
    pub(crate) fn finish(self) -> Map<String, Value> {
        self.made.into_iter().collect()
    }

    /// A message, by reference where it is no type with a form of its own.
    pub(crate) fn message(&mut self, message: &MessageDescriptor) -> Value {
        if let Some(own) = well_known(message.full_name()) {
            return own;
        }
        let name = message.full_name().to_owned();
        if !self.made.contains_key(&name) {
            // A message may hold itself: the place is taken before its fields are looked at.
            self.made.insert(name.clone(), Value::Null);
            let schema = self.object(message, |_all| true);
            self.made.insert(name.clone(), schema);
        }
        json!({ "$ref": format!("{SCHEMAS}{name}") })
    }

    /// A message that a request brings.
    pub(crate) fn brought(&mut self, message: &MessageDescriptor) -> Value {
        let mut schema = self.message(message);
        let required: Vec<Value> = message.fields().filter(is_required).map(|field| Value::from(field.json_name())).collect();
        if !required.is_empty() && self.answered.contains(message.full_name()) {
            schema["required"] = required.into();
        }
        schema
    }

    /// A message itself, with those of its fields that are `wanted`.
    pub(crate) fn object(&mut self, message: &MessageDescriptor, wanted: impl Fn(&FieldDescriptor) -> bool) -> Value {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for field in message.fields().filter(|field| wanted(field)) {
            let mut schema = self.field(&field);
            let stated = behaviors(&field);
            if stated.contains(&OUTPUT_ONLY) {
                schema["readOnly"] = true.into();
            }
            if stated.contains(&REQUIRED) {
                required.push(Value::from(field.json_name()));
            }
            properties.insert(field.json_name().to_owned(), schema);
        }
        let mut schema = json!({ "type": "object", "description": self.comments.message(message), "properties": properties });
        if !required.is_empty() && !self.answered.contains(message.full_name()) {
            schema["required"] = required.into();
        }
        schema
    }

    /// What a field holds, with its comment.
    pub(crate) fn field(&mut self, field: &FieldDescriptor) -> Value {
        let mut schema = if field.is_map() {
            let kind = field.kind();
            let entry = kind.as_message().expect("a map is a list of entries").map_entry_value_field();
            json!({ "type": "object", "additionalProperties": self.kind(&entry.kind()) })
        } else if field.is_list() {
            json!({ "type": "array", "items": self.kind(&field.kind()) })
        } else {
            self.kind(&field.kind())
        };
        schema["description"] = self.comments.field(field).into();
        schema
    }

    fn kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::String => json!({ "type": "string" }),
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({ "type": "integer", "format": "int32" }),
            Kind::Uint32 | Kind::Fixed32 => json!({ "type": "integer", "format": "uint32", "minimum": 0 }),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => json!({ "type": "string", "format": "int64" }),
            Kind::Uint64 | Kind::Fixed64 => json!({ "type": "string", "format": "uint64" }),
            Kind::Float => json!({ "type": "number", "format": "float" }),
            Kind::Double => json!({ "type": "number", "format": "double" }),
            Kind::Enum(values) => self.enumeration(values),
            Kind::Message(message) => self.message(message),
        }
    }

    fn enumeration(&mut self, values: &EnumDescriptor) -> Value {
        let name = values.full_name().to_owned();
        if !self.made.contains_key(&name) {
            let names: Vec<String> = values.values().map(|value| value.name().to_owned()).collect();
            let schema = json!({ "type": "string", "enum": names, "description": self.comments.enumeration(values) });
            self.made.insert(name.clone(), schema);
        }
        json!({ "$ref": format!("{SCHEMAS}{name}") })
    }
}

/// Adds a message and those within it.
fn reach(message: &MessageDescriptor, reached: &mut BTreeSet<String>) {
    if reached.insert(message.full_name().to_owned()) {
        message.fields().filter_map(|field| field.kind().as_message().cloned()).for_each(|inner| reach(&inner, reached));
    }
}

/// Whether a field is nothing that a caller sends.
pub(crate) fn is_output_only(field: &FieldDescriptor) -> bool {
    behaviors(field).contains(&OUTPUT_ONLY)
}

/// Whether a caller must send it.
pub(crate) fn is_required(field: &FieldDescriptor) -> bool {
    behaviors(field).contains(&REQUIRED)
}

fn behaviors(field: &FieldDescriptor) -> Vec<i32> {
    let Some(option) = field.parent_message().parent_pool().get_extension_by_name(BEHAVIOR) else { return Vec::new() };
    let options = field.options();
    let stated = options.get_extension(&option);
    stated.as_list().unwrap_or_default().iter().filter_map(Reflected::as_enum_number).collect()
}

/// Types of protobuf itself that have a form of their own in JSON.
pub(crate) fn well_known(name: &str) -> Option<Value> {
    let schema = match name.strip_prefix("google.protobuf.")? {
        "Timestamp" => json!({ "type": "string", "format": "date-time" }),
        "Duration" => json!({ "type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$" }),
        "FieldMask" => json!({ "type": "string" }),
        "StringValue" => json!({ "type": ["string", "null"] }),
        "BytesValue" => json!({ "type": ["string", "null"], "contentEncoding": "base64" }),
        "BoolValue" => json!({ "type": ["boolean", "null"] }),
        "Int32Value" | "UInt32Value" => json!({ "type": ["integer", "null"] }),
        "Int64Value" | "UInt64Value" => json!({ "type": ["string", "null"], "format": "int64" }),
        "FloatValue" | "DoubleValue" => json!({ "type": ["number", "null"] }),
        "ListValue" => json!({ "type": "array" }),
        "Value" => json!({}),
        "Any" => json!({ "type": "object", "required": ["@type"], "properties": { "@type": { "type": "string" } } }),
        "Struct" | "Empty" => json!({ "type": "object" }),
        _ => return None,
    };
    Some(schema)
}
