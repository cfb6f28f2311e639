//! The message that a request means: what its path, its query and its body say, all together. Every violation is collected, as far as the
//! parts of a request can be told from each other.

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use percent_encoding::percent_decode_str;
use prost_reflect::DynamicMessage;

use crate::contract::{BodyRule, Method, Route};
use crate::refusal::{Refusal, Violation};
use crate::template::Capture;
use crate::{field, json, precondition};

/// The parts of a request.
pub(crate) struct Asked<'r> {
    /// The segments of the path, without its verb.
    pub(crate) segments: Vec<&'r str>,
    pub(crate) query: Option<&'r str>,
    pub(crate) headers: &'r HeaderMap,
    pub(crate) body: &'r [u8],
}

/// What a request of this route means.
pub(crate) fn message(route: &Route, asked: &Asked<'_>) -> Result<DynamicMessage, Refusal> {
    let mut message = body(route, asked)?;
    let mut violations = Vec::new();
    for capture in &route.template.captures {
        violations.extend(fill(capture, &asked.segments, &mut message).err());
    }
    for (name, text) in form_urlencoded::parse(asked.query.unwrap_or_default().as_bytes()) {
        violations.extend(ask(route, &name, &text, &mut message).err());
    }
    violations.extend(precondition::apply(&route.method, asked.headers, &mut message));
    if violations.is_empty() { Ok(message) } else { Err(Refusal::invalid(violations)) }
}

/// What a request means whose body is the whole message.
pub(crate) fn whole(method: &Method, headers: &HeaderMap, body: &[u8]) -> Result<DynamicMessage, Refusal> {
    let mut message =
        read(body, headers, |text| json::read(&method.input, text, ""))?.unwrap_or_else(|| DynamicMessage::new(method.input.clone()));
    let violations = precondition::apply(method, headers, &mut message);
    if violations.is_empty() { Ok(message) } else { Err(Refusal::invalid(violations)) }
}

fn body(route: &Route, asked: &Asked<'_>) -> Result<DynamicMessage, Refusal> {
    let input = &route.method.input;
    let empty = || DynamicMessage::new(input.clone());
    match &route.body {
        BodyRule::None if asked.body.is_empty() => Ok(empty()),
        BodyRule::None => {
            let description = "a request of this route has no body; what it says stands behind the question mark".to_owned();
            Err(Refusal::invalid(vec![Violation::malformed(String::new(), description)]))
        }
        BodyRule::Whole => Ok(read(asked.body, asked.headers, |text| json::read(input, text, ""))?.unwrap_or_else(empty)),
        BodyRule::Field(field) => {
            let kind = field.kind();
            let inner = kind.as_message().expect("the route was read so");
            let mut message = empty();
            if let Some(value) = read(asked.body, asked.headers, |text| json::read(inner, text, field.name()))? {
                message.set_field(field, prost_reflect::Value::Message(value));
            }
            Ok(message)
        }
    }
}

/// Reads a body, where there is one.
fn read<T>(body: &[u8], headers: &HeaderMap, read: impl FnOnce(&[u8]) -> Result<T, Refusal>) -> Result<Option<T>, Refusal> {
    match body.is_empty() {
        true => Ok(None),
        false if is_json(headers) => read(body).map(Some),
        false => Err(Refusal::unsupported_media_type()),
    }
}

/// Whether a body is said to be JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let stated = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = stated.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    // JSON has one encoding (RFC 8259, 8.1).
    is_json && parts.all(|part| part.eq_ignore_ascii_case("charset=utf-8") || part.eq_ignore_ascii_case("charset=\"utf-8\""))
}

/// Fills a field from the path.
fn fill(capture: &Capture, segments: &[&str], message: &mut DynamicMessage) -> Result<(), Violation> {
    let name = || field::dotted(&capture.path);
    let taken = &segments[capture.from..capture.to.unwrap_or(segments.len())];
    let mut parts = Vec::with_capacity(taken.len());
    for segment in taken {
        let text = percent_decode_str(segment).decode_utf8();
        let text = text.map_err(|_| Violation::malformed(name(), "the path is not UTF-8".to_owned()))?;
        // Decoded, it would be another resource's name.
        if text.contains('/') && !capture.is_single() {
            return Err(Violation::malformed(name(), "an encoded slash stands in a name".to_owned()));
        }
        parts.push(text);
    }
    let last = capture.path.last().expect("a path has a field");
    let value = field::parse(last, &parts.join("/")).map_err(|wrong| Violation::malformed(name(), wrong))?;
    field::put(message, &capture.path, value)
}

/// Fills a field from the query.
fn ask(route: &Route, name: &str, text: &str, message: &mut DynamicMessage) -> Result<(), Violation> {
    let Some(path) = field::find(message, name) else { return Err(Violation::unknown(name.to_owned())) };
    let (first, last) = (&path[0], path.last().expect("a path has a field"));
    let dotted = field::dotted(&path);
    let in_body = match &route.body {
        BodyRule::None => false,
        BodyRule::Whole => true,
        BodyRule::Field(field) => field == first,
    };
    if in_body {
        return Err(Violation::malformed(dotted, "of this route, it stands in the body".to_owned()));
    }
    if route.template.captures.iter().any(|capture| capture.path == path) {
        return Err(Violation::malformed(dotted, "of this route, it stands in the path".to_owned()));
    }
    if last.is_map() {
        return Err(Violation::malformed(dotted, "a map fits into a body only".to_owned()));
    }
    let value = field::parse(last, text).map_err(|wrong| Violation::malformed(dotted, wrong))?;
    field::add(message, &path, value)
}
