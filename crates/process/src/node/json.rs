//! JSON as a tree. A name that occurs twice is refused; places are not known. Numbers keep the digits that stand in the text.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::node::limits::{MAX_BYTES, MAX_DEPTH, MAX_NODES};
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
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let nodes = Cell::new(0);
    let read = Level { depth: 0, nodes: &nodes }.deserialize(&mut deserializer).and_then(|node| deserializer.end().map(|()| node));
    let read = read.map(|mut node| {
        as_written(&mut node, &mut numbers(text));
        node
    });
    read.map_err(|error| {
        let place = (error.line() > 0).then(|| Place { line: error.line(), column: error.column().max(1) });
        problems.add("", place, "syntax", format!("this is not JSON that can be read: {error}"));
        problems
    })
}

/// The numbers of a text that is JSON, in its order. What reads it knows their values only: 1.10 is 1.1 there.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let begin = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit())?;
            rest = &rest[begin..];
            if let Some(mut inside) = rest.strip_prefix('"') {
                while let Some(at) = inside.find(['"', '\\']) {
                    let is_end = inside[at..].starts_with('"');
                    // A backslash is followed by a character that ends nothing; of `\uXXXX` the digits lie inside all the same.
                    let after = at + 1 + if is_end { 0 } else { inside[at + 1..].chars().next().map_or(0, char::len_utf8) };
                    inside = &inside[after..];
                    if is_end {
                        break;
                    }
                }
                rest = inside;
                continue;
            }
            let end = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len());
            let (number, after) = rest.split_at(end);
            rest = after;
            return Some(number);
        }
    })
}

/// Gives each number the digits that stand in the text: a tree is in the order of its text.
fn as_written<'t>(node: &mut Node, numbers: &mut impl Iterator<Item = &'t str>) {
    match &mut node.value {
        Value::Number(number) => {
            if let Some(written) = numbers.next() {
                *number = written.to_owned();
            }
        }
        Value::List(items) => items.iter_mut().for_each(|item| as_written(item, numbers)),
        Value::Map(members) => members.iter_mut().for_each(|member| as_written(&mut member.node, numbers)),
        Value::Null | Value::Bool(_) | Value::Text(_) => {}
    }
}

/// Reads a value so many levels below the root, and counts it.
#[derive(Clone, Copy)]
struct Level<'n> {
    depth: usize,
    nodes: &'n Cell<usize>,
}

impl Level<'_> {
    fn below<E: Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format!("more than {MAX_DEPTH} levels of lists and maps")));
        }
        Ok(Level { depth: self.depth + 1, ..self })
    }

    fn count<E: Error>(self) -> Result<(), E> {
        self.nodes.set(self.nodes.get() + 1);
        if self.nodes.get() > MAX_NODES {
            return Err(E::custom(format!("more than {MAX_NODES} values")));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self).map(Node::new)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
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
            // Names count as those of YAML do.
            below.count()?;
            let node = access.next_value_seed(below)?;
            members.push(Member { name, place: None, node });
        }
        Ok(Value::Map(members))
    }
}
