//! The declaration as a JSON Schema (draft 2020-12), which editors understand. Patterns say what the check says as far as a pattern can.

use serde_json::{Map, Value, json};

use crate::shape::kind::{Field, Kind, MAX_MEMBERS, MAX_NAME, Shape};

/// The schema of documents of a shape, under this address.
pub fn schema(root: &Shape, id: &str) -> Value {
    let mut definitions = Map::new();
    let mut schema = object(root, &mut definitions);
    let members = schema.as_object_mut().expect("an object of a shape is a map");
    members.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    members.insert("$id".to_owned(), json!(id));
    members.insert("title".to_owned(), json!(root.name));
    members.insert("$defs".to_owned(), Value::Object(definitions));
    schema
}

fn object(shape: &Shape, definitions: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    for field in shape.fields {
        properties.insert(field.name.to_owned(), member(field, definitions));
    }
    let required: Vec<&str> = shape.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let mut object = json!({
        "type": "object",
        "description": shape.about,
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn member(field: &Field, definitions: &mut Map<String, Value>) -> Value {
    let mut value = kind(&field.kind, definitions);
    value["description"] = json!(field.about);
    value
}

fn kind(of: &Kind, definitions: &mut Map<String, Value>) -> Value {
    match of {
        Kind::Text(most) => json!({"type": "string", "minLength": 1, "maxLength": most}),
        Kind::Name => json!({"type": "string", "maxLength": MAX_NAME, "pattern": "^[a-z]([a-z0-9-]*[a-z0-9])?$"}),
        Kind::Variable => json!({"type": "string", "maxLength": 255, "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}),
        Kind::Image => json!({"type": "string", "maxLength": 512, "pattern": "^[^@\\s]+(:[\\w][\\w.-]{0,127}|@sha256:[0-9a-f]{64})$"}),
        Kind::Path => json!({"type": "string", "maxLength": 4096, "pattern": "^/"}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Whole(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::Duration => json!({"type": "string", "pattern": "^([0-9]+(us|ms|s|m|h|d))+$"}),
        Kind::Size => json!({"type": "string", "pattern": "^[0-9]+(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$"}),
        Kind::Processors => json!({"type": ["number", "string"], "pattern": "^[0-9]+([.][0-9]{1,3})?$"}),
        Kind::Share => json!({"type": "string", "pattern": "^(100|[1-9][0-9]?)%$"}),
        Kind::Choice(words) => json!({"type": "string", "enum": words}),
        Kind::Scalar => json!({"type": ["string", "number", "boolean"]}),
        Kind::List(item, most) => json!({"type": "array", "maxItems": most, "items": kind(item, definitions)}),
        Kind::Map(name, value) => {
            let (names, values) = (kind(name, definitions), kind(value, definitions));
            json!({"type": "object", "maxProperties": MAX_MEMBERS, "propertyNames": names, "additionalProperties": values})
        }
        Kind::Object(shape) => {
            // Put there before its fields are, which may name it again.
            if !definitions.contains_key(shape.name) {
                definitions.insert(shape.name.to_owned(), Value::Null);
                let object = object(shape, definitions);
                definitions.insert(shape.name.to_owned(), object);
            }
            json!({"$ref": format!("#/$defs/{}", shape.name)})
        }
    }
}
