//! An answer of one message: its JSON, the etag of what it shows, and nothing of it where the caller has that state already.

use http::header::{CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue, Method as Verb, Response, StatusCode};
use prost_reflect::{DynamicMessage, FieldDescriptor};
use tonic::body::Body;

use crate::body::{JSON, full, keep_private};
use crate::contract::Method;
use crate::refusal::Refusal;
use crate::{json, precondition};

/// A request as far as its answer depends on it.
pub(crate) struct Reading<'r> {
    pub(crate) verb: &'r Verb,
    pub(crate) headers: &'r HeaderMap,
}

/// The answer that shows `message`, or the one field of it that the route answers.
pub(crate) fn of(
    message: &[u8],
    method: &Method,
    answered: Option<&FieldDescriptor>,
    reading: &Reading<'_>,
) -> Result<Response<Body>, Refusal> {
    let message = DynamicMessage::decode(method.output.clone(), message).map_err(|error| Refusal::internal(&error.to_string()))?;
    let tag = message.get_field_by_name("etag").and_then(|tag| tag.as_str().map(str::to_owned)).unwrap_or_default();
    let mut response = if precondition::is_unchanged(reading.verb, reading.headers, &tag) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let written = match answered {
            None => json::write(&message),
            Some(field) => json::write_field(&message, field),
        };
        let mut response = Response::new(full(written.map_err(|error| Refusal::internal(&error.to_string()))?));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        response
    };
    keep_private(response.headers_mut());
    // What is no entity tag of HTTP is for the message only.
    if let Some(tag) = Some(tag).filter(|tag| precondition::is_tag(tag)).and_then(|tag| HeaderValue::from_str(&tag).ok()) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}
