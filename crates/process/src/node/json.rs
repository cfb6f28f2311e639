//! JSON as a tree. A name that occurs twice is refused; places are not known.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::node::limits::{MAX_BYTES, MAX_DEPTH};
use crate::node::tree::{Member, Node, Value};
use crate::problem::{Place, Problems};

/// Reads a document.
///
/// # Errors
/// The first thing that is wrong: JSON cannot be read past a fault.
pub fn read_json(text: &str) -> Result<Node, Problems> {
    let mut problems = Problems::default();
    if text.len() > MAX_BYTES {
        problems.add("", None, "too-large", format!("the document has {} bytes; at most {MAX_BYTES} are read", text.len()));
        return Err(problems);
    }
    let mut deserializer = serde_json::Deserializer::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    let read = Level(0).deserialize(&mut deserializer).and_then(|node| deserializer.end().map(|()| node));
    read.map_err(|error| {
        let place = (error.line() > 0).then(|| Place { line: error.line(), column: error.column().max(1) });
        problems.add("", place, "syntax", format!("this is not JSON that can be read: {error}"));
        problems
    })
}

/// Reads a value so many levels below the root.
#[derive(Clone, Copy)]
struct Level(usize);

impl Level {
    fn below<E: Error>(self) -> Result<Self, E> {
        if self.0 >= MAX_DEPTH {
            return Err(E::custom(format!("more than {MAX_DEPTH} levels of lists and maps")));
        }
        Ok(Level(self.0 + 1))
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self).map(Node::new)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(below)? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let (mut members, mut names) = (Vec::new(), HashSet::new());
        while let Some(name) = access.next_key::<String>()? {
            if !names.insert(name.clone()) {
                return Err(A::Error::custom(format!("`{name}` stands there twice")));
            }
            let node = access.next_value_seed(below)?;
            members.push(Member { name, place: None, node });
        }
        Ok(Value::Map(members))
    }
}
