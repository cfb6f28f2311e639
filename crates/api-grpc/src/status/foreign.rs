//! Statuses that tonic makes by itself, without details: unknown methods, messages that are too large or no messages at all.
//! They get an ErrorInfo as every other error, and a code by which a client can tell its own mistakes from the server's.

use std::collections::HashMap;

use domain::execution::MAX_REQUEST;
use http::HeaderMap;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::reason::{ANSWER_TOO_LARGE, ERROR_DOMAIN, MALFORMED_MESSAGE, MESSAGE_TOO_LARGE, REFUSED, UNKNOWN_METHOD, UNSUPPORTED_ENCODING};

/// How tonic words a request that is larger than its limit.
const DECODED_TOO_LARGE: &str = "Error, decoded message length too large";
/// How tonic words an answer that is larger than its limit.
const ENCODED_TOO_LARGE: &str = "Error, encoded message length too large";

/// Where a status stands: before anything was answered, or after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the headers: nothing but a status is answered.
    Headers,
    /// In the trailers, behind messages.
    Trailers,
}

/// The code that `headers` carry, if any; a failure that has no details gets them.
pub(crate) fn complete(headers: &mut HeaderMap, place: Place) -> Option<Code> {
    let found = Status::from_header_map(headers)?;
    if found.code() == Code::Ok || !found.details().is_empty() {
        return Some(found.code());
    }
    let completed = explain(&found, place);
    // Only metadata of a foreign status could be unfit for a header, and this one has none.
    let written = completed.add_header(headers);
    Some(written.map_or(found.code(), |()| completed.code()))
}

fn explain(found: &Status, place: Place) -> Status {
    let message = found.message();
    match (found.code(), place) {
        (Code::OutOfRange, _) if message.starts_with(DECODED_TOO_LARGE) => {
            let text = format!("the request is larger than {MAX_REQUEST} bytes");
            make(Code::ResourceExhausted, text, MESSAGE_TOO_LARGE, &[("limit_bytes", MAX_REQUEST.to_string())])
        }
        (Code::OutOfRange, _) if message.starts_with(ENCODED_TOO_LARGE) => {
            let text = "the answer is larger than the server sends; ask for less".to_owned();
            make(Code::ResourceExhausted, text, ANSWER_TOO_LARGE, &[])
        }
        // tonic calls a request that it cannot read an internal error; it is the caller's.
        (Code::Internal, Place::Headers) => {
            make(Code::InvalidArgument, format!("the request is no message of this method: {message}"), MALFORMED_MESSAGE, &[])
        }
        (Code::Unimplemented, _) if message.is_empty() => {
            make(Code::Unimplemented, "this server has no such method".to_owned(), UNKNOWN_METHOD, &[])
        }
        (Code::Unimplemented, Place::Headers) => make(Code::Unimplemented, message.to_owned(), UNSUPPORTED_ENCODING, &[]),
        (code, _) => make(code, message.to_owned(), REFUSED, &[]),
    }
}

fn make(code: Code, message: String, reason: &str, metadata: &[(&str, String)]) -> Status {
    let metadata: HashMap<String, String> = metadata.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    let details = ErrorDetails::with_error_info(reason, ERROR_DOMAIN, metadata);
    Status::with_error_details(code, message, details)
}
