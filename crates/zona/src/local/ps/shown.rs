//! A manifest's tree as a document that can be printed.

use cli::document::Document;
use process::node::{Node, Value};

/// A tree as it is printed; numbers as they were written.
pub fn document(node: &Node) -> Document {
    match &node.value {
        Value::Null => Document::Null,
        Value::Bool(value) => Document::Bool(*value),
        Value::Number(number) => Document::Number(number.clone()),
        Value::Text(text) => Document::Text(text.clone()),
        Value::List(items) => Document::List(items.iter().map(document).collect()),
        Value::Map(members) => Document::object(members.iter().map(|member| (member.name.clone(), document(&member.node)))),
    }
}
