//! Headers of HTTP that stand for fields of the request: `If-Match` for the etag, `Idempotency-Key` for the request id, and `Last-Event-ID`
//! for the place at which a stream goes on. A precondition that the method cannot keep is refused, since whoever sends it relies on it.

use http::header::IF_MATCH;
use http::{HeaderMap, Method as Verb};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value};

use crate::contract::Method;
use crate::field;
use crate::refusal::Violation;

const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// What a browser sends when it asks for a stream again.
pub(crate) const LAST_EVENT_ID: &str = "last-event-id";
const ETAG: &str = "etag";
const REQUEST_ID: &str = "request_id";
/// What a request has that changes a part of what is there, and how methods begin that change the whole of it.
const UPDATE_MASK: &str = "update_mask";
const SETS: &str = "Set";
/// Fields that say where a stream goes on: behind the last place, or at the next one.
const AFTER: &str = "after_sequence";
const FROM: &str = "from_sequence";

/// How a method says at which place its stream goes on.
#[derive(Debug, Clone)]
pub(crate) enum Resumption {
    /// Behind this place.
    After(FieldDescriptor),
    /// At this place.
    From(FieldDescriptor),
}

/// Puts what the headers say into the message.
pub(crate) fn apply(method: &Method, headers: &HeaderMap, message: &mut DynamicMessage) -> Vec<Violation> {
    [if_match(method, headers, message), idempotency_key(headers, message), last_event_id(method, headers, message)]
        .into_iter()
        .filter_map(Result::err)
        .collect()
}

fn if_match(method: &Method, headers: &HeaderMap, message: &mut DynamicMessage) -> Result<(), Violation> {
    let Some(stated) = headers.get(IF_MATCH) else { return Ok(()) };
    let Some(tag) = stated.to_str().ok().filter(|text| is_tag(text)) else {
        return Err(Violation::malformed("If-Match".to_owned(), "it must be one strong entity tag in quotes"));
    };
    match etag_path(method) {
        Some(path) => field::put(message, &path, Value::String(tag.to_owned())),
        None => Err(Violation::malformed("If-Match".to_owned(), "this method compares no etag")),
    }
}

fn idempotency_key(headers: &HeaderMap, message: &mut DynamicMessage) -> Result<(), Violation> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else { return Ok(()) };
    let name = || "Idempotency-Key".to_owned();
    let text = key.to_str().map_err(|_| Violation::malformed(name(), "it must be a UUID"))?;
    // The draft of the header has quotes around it; most clients send none.
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    match message.descriptor().get_field_by_name(REQUEST_ID) {
        Some(field) => field::put(message, &[field], Value::String(text.to_owned())),
        None => Err(Violation::malformed(name(), "each call of this method stands for itself")),
    }
}

fn last_event_id(method: &Method, headers: &HeaderMap, message: &mut DynamicMessage) -> Result<(), Violation> {
    let Some(id) = headers.get(LAST_EVENT_ID).filter(|_| method.streams) else { return Ok(()) };
    let name = || "Last-Event-ID".to_owned();
    // Whoever asks so takes what follows for the rest of what was there before.
    let resumption = resumption(method).ok_or_else(|| Violation::malformed(name(), "this stream begins anew each time"))?;
    let sequence = id.to_str().ok().and_then(|text| text.parse::<i64>().ok());
    let Some(sequence) = sequence else {
        return Err(Violation::malformed(name(), "it must be the id of an event of this stream"));
    };
    // A browser asks with the address of the first time, so the header counts more.
    match resumption {
        Resumption::After(field) => message.set_field(&field, Value::I64(sequence)),
        Resumption::From(field) => message.set_field(&field, Value::I64(sequence.saturating_add(1))),
    }
    Ok(())
}

/// How the stream of a method goes on, if it can.
pub(crate) fn resumption(method: &Method) -> Option<Resumption> {
    let place = |name: &str| method.input.get_field_by_name(name).filter(|field| field.kind() == Kind::Int64);
    let found = place(AFTER).map(Resumption::After).or_else(|| place(FROM).map(Resumption::From));
    found.filter(|_| method.streams)
}

/// Where a request says which state it is about: itself, or in what it brings. What is brought to be made anew has no state yet, and its etag
/// is not looked at: that counts where it changes what is there, by a mask or as a whole.
pub(crate) fn etag_path(method: &Method) -> Option<Vec<FieldDescriptor>> {
    let input = &method.input;
    let tag = |message: &MessageDescriptor| message.get_field_by_name(ETAG).filter(|field| field.kind() == Kind::String);
    if let Some(own) = tag(input) {
        return Some(vec![own]);
    }
    if input.get_field_by_name(UPDATE_MASK).is_none() && !method.descriptor.name().starts_with(SETS) {
        return None;
    }
    let brought = input.fields().filter(|field| !field.is_list() && !field.is_map());
    let mut found = brought.filter_map(|field| field.kind().as_message().and_then(tag).map(|inner| vec![field.clone(), inner]));
    found.next().filter(|_| found.next().is_none())
}

/// Whether the state that was read is the one that the caller has already.
pub(crate) fn is_unchanged(verb: &Verb, headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get(http::header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let reads = matches!(*verb, Verb::GET | Verb::HEAD);
    reads && known.split(',').map(|known| known.trim().trim_start_matches("W/")).any(|known| known == tag && is_tag(tag))
}

/// Whether a text is a strong entity tag as HTTP writes it, in quotes (RFC 9110, 8.8.3): the etags of the contract are.
pub(crate) fn is_tag(text: &str) -> bool {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.is_some_and(|inner| !inner.contains('"'))
}
