//! Names in a JSON text that the contract does not have. The text is walked through once: nothing of it is held but the place where the walk
//! is, and the walk ends with as many names as anybody is told.

use std::fmt;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::names::{join, named};
use crate::refusal::{MAX_LISTED, Violation};

/// How the types of protobuf itself begin, some of which have a form of their own in JSON.
const WELL_KNOWN: &str = "google.protobuf.";

/// Every name in `text` that `message` does not have, and none of the others where there are more than are listed; `at` is the message's
/// own path within the request.
pub(crate) fn find(text: &[u8], message: &MessageDescriptor, at: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    let walk = Walk { expected: Expected::of(message.clone()), at: At { above: None, step: Step::Name(at) }, found: &mut found };
    // What else is wrong with the text, somebody else says; that it is JSON is known.
    let _ended = walk.deserialize(&mut serde_json::Deserializer::from_slice(text));
    found
}

/// A walk through one value.
struct Walk<'w> {
    expected: Expected,
    at: At<'w>,
    found: &'w mut Vec<Violation>,
}

/// What the contract has at a place.
#[derive(Clone)]
enum Expected {
    Message(MessageDescriptor),
    List(MessageDescriptor),
    Map(MessageDescriptor),
    /// Nothing with names of its own.
    Value,
}

/// A place in the text, which is written only where something is wrong there.
struct At<'w> {
    above: Option<&'w At<'w>>,
    step: Step<'w>,
}

enum Step<'w> {
    Name(&'w str),
    Index(usize),
}

// === impl Walk ===

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, _flag: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _number: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _number: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _number: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _text: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let expected = match self.expected {
            Expected::List(message) => Expected::of(message),
            Expected::Message(_) | Expected::Map(_) | Expected::Value => Expected::Value,
        };
        let mut index = 0;
        loop {
            let at = At { above: Some(&self.at), step: Step::Index(index) };
            if items.next_element_seed(Walk { expected: expected.clone(), at, found: &mut *self.found })?.is_none() {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(key) = members.next_key::<String>()? {
            let (expected, name) = match &self.expected {
                Expected::Message(message) => match named(message, &key) {
                    Some(field) => (Expected::at(&field), field.name().to_owned()),
                    None => {
                        self.found.push(Violation::unknown(At { above: Some(&self.at), step: Step::Name(&key) }.spoken()));
                        if self.found.len() > MAX_LISTED {
                            return Err(A::Error::custom("more than are told"));
                        }
                        members.next_value::<IgnoredAny>()?;
                        continue;
                    }
                },
                Expected::Map(message) => (Expected::of(message.clone()), key),
                Expected::List(_) | Expected::Value => (Expected::Value, key),
            };
            let at = At { above: Some(&self.at), step: Step::Name(&name) };
            members.next_value_seed(Walk { expected, at, found: &mut *self.found })?;
        }
        Ok(())
    }
}

// === impl Expected ===

impl Expected {
    fn of(message: MessageDescriptor) -> Self {
        if message.full_name().starts_with(WELL_KNOWN) { Expected::Value } else { Expected::Message(message) }
    }

    fn at(field: &FieldDescriptor) -> Self {
        match field.kind() {
            Kind::Message(entry) if field.is_map() => match entry.map_entry_value_field().kind() {
                Kind::Message(message) => Expected::Map(message),
                _ => Expected::Value,
            },
            Kind::Message(message) if field.is_list() => Expected::List(message),
            Kind::Message(message) => Expected::of(message),
            _ => Expected::Value,
        }
    }
}

// === impl At ===

impl At<'_> {
    fn spoken(&self) -> String {
        let above = self.above.map(At::spoken).unwrap_or_default();
        match self.step {
            Step::Name(name) => join(&above, name),
            Step::Index(index) => format!("{above}[{index}]"),
        }
    }
}
