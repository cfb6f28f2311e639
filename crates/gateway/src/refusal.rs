//! What is answered in place of a message: a status with its details, in JSON, under the HTTP status of its code. What the gateway itself
//! refuses looks like what the services behind it refuse.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;
use std::time::Duration;

use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use prost_reflect::{DynamicMessage, MessageDescriptor, Value};
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::body::{JSON, full, keep_private};
use crate::metadata;

/// `domain` of the ErrorInfo of every error.
const DOMAIN: &str = "zona.dev";
/// Bytes of a request's body: no message may be larger, and none is smaller in JSON.
pub(crate) const MAX_BODY: usize = 8 * 1024 * 1024;
/// Violations that are listed: enough to mend a request, and few enough for any client.
pub(crate) const MAX_LISTED: usize = 100;
/// Bytes of one text of a violation, or of one name in a path: as much as a person reads.
const MAX_TEXT: usize = 256;
/// Bytes of a path: names of a few messages within each other.
const MAX_FIELD: usize = 1024;

const NO_SUCH_PATH: &str = "NO_SUCH_PATH";
const METHOD_NOT_ALLOWED: &str = "METHOD_NOT_ALLOWED";
const UNSUPPORTED_MEDIA_TYPE: &str = "UNSUPPORTED_MEDIA_TYPE";
const MALFORMED_JSON: &str = "MALFORMED_JSON";
const FOREIGN_ORIGIN: &str = "FOREIGN_ORIGIN";
const FOREIGN_HOST: &str = "FOREIGN_HOST";
const CSRF_TOKEN_MISMATCH: &str = "CSRF_TOKEN_MISMATCH";
const SIGN_IN_UNKNOWN: &str = "SIGN_IN_UNKNOWN";
const SIGN_IN_TOO_OLD: &str = "SIGN_IN_TOO_OLD";
const SIGN_IN_DECLINED: &str = "SIGN_IN_DECLINED";
const SIGN_IN_REFUSED: &str = "SIGN_IN_REFUSED";
const DEPENDENCY_UNAVAILABLE: &str = "DEPENDENCY_UNAVAILABLE";
const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
const INCOMPLETE_BODY: &str = "INCOMPLETE_BODY";
const MORE_VIOLATIONS: &str = "MORE_VIOLATIONS";
const INVALID_FIELDS: &str = "INVALID_FIELDS";
const MESSAGE_TOO_LARGE: &str = "MESSAGE_TOO_LARGE";
const INTERNAL: &str = "INTERNAL";

/// A request that got no message.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) http: StatusCode,
    pub(crate) status: Status,
    /// Headers that belong to it.
    pub(crate) headers: HeaderMap,
}

/// What is wrong with one field.
#[derive(Debug)]
pub(crate) struct Violation {
    /// Its path in the message, by the contract's names.
    pub(crate) field: String,
    pub(crate) reason: &'static str,
    pub(crate) description: Cow<'static, str>,
}

// === impl Violation ===

impl Violation {
    /// No field has this name.
    pub(crate) fn unknown(field: String) -> Self {
        Violation { field, reason: "UNKNOWN_FIELD", description: "there is no such field".into() }
    }

    /// What was sent is no value of the field.
    pub(crate) fn malformed(field: String, description: impl Into<Cow<'static, str>>) -> Self {
        Violation { field, reason: "MALFORMED", description: description.into() }
    }

    /// The field is not there.
    pub(crate) fn missing(field: String) -> Self {
        Violation { field, reason: "MISSING", description: "is missing".into() }
    }

    /// Two places of the request say different things.
    pub(crate) fn conflict(field: String, description: &'static str) -> Self {
        Violation { field, reason: "CONFLICT", description: description.into() }
    }
}

// === impl Refusal ===

impl Refusal {
    /// No route has the path.
    pub(crate) fn no_such_path(path: &str) -> Self {
        let text = format!("nothing is served at {path:?}; /openapi.json and /docs list what is");
        Refusal::of(StatusCode::NOT_FOUND, Code::NotFound, text, NO_SUCH_PATH)
    }

    /// The path is there for these methods.
    pub(crate) fn method_not_allowed(allowed: &str) -> Self {
        let text = format!("this path takes {allowed}");
        let mut refusal = Refusal::of(StatusCode::METHOD_NOT_ALLOWED, Code::Unimplemented, text, METHOD_NOT_ALLOWED);
        refusal.headers.extend(HeaderValue::from_str(allowed).ok().map(|allowed| (ALLOW, allowed)));
        refusal
    }

    /// The body is of a type that is not read.
    pub(crate) fn unsupported_media_type() -> Self {
        let text = "the body must be of the type application/json".to_owned();
        Refusal::of(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidArgument, text, UNSUPPORTED_MEDIA_TYPE)
    }

    /// The body is no JSON.
    pub(crate) fn malformed_json(error: &impl Display) -> Self {
        Refusal::of(StatusCode::BAD_REQUEST, Code::InvalidArgument, format!("the body is not JSON: {error}"), MALFORMED_JSON)
    }

    /// The body has more bytes than are read.
    pub(crate) fn too_large() -> Self {
        let details =
            ErrorDetails::with_error_info(MESSAGE_TOO_LARGE, DOMAIN, HashMap::from([("limit_bytes".to_owned(), MAX_BODY.to_string())]));
        let text = format!("the request is larger than {MAX_BODY} bytes");
        let status = Status::with_error_details(Code::ResourceExhausted, text, details);
        Refusal { http: StatusCode::PAYLOAD_TOO_LARGE, status, headers: HeaderMap::new() }
    }

    /// The body has broken off.
    pub(crate) fn incomplete(cause: &str) -> Self {
        Refusal::of(StatusCode::BAD_REQUEST, Code::InvalidArgument, format!("the body has not come to its end: {cause}"), INCOMPLETE_BODY)
    }

    /// The gateway is not known by the name that the request gives it.
    pub(crate) fn foreign_host() -> Self {
        let text = "in plain text the gateway answers to addresses, to localhost and to the hosts in `gateway.origins`".to_owned();
        Refusal::of(StatusCode::MISDIRECTED_REQUEST, Code::PermissionDenied, text, FOREIGN_HOST)
    }

    /// The page that asks is of an origin that is not on the list.
    pub(crate) fn foreign_origin() -> Self {
        let text = "pages of this origin may not ask; `gateway.origins` lists those that may".to_owned();
        Refusal::of(StatusCode::FORBIDDEN, Code::PermissionDenied, text, FOREIGN_ORIGIN)
    }

    /// Nothing shows that a page of the console wants this.
    pub(crate) fn csrf() -> Self {
        let text = "what a session in a cookie is to do needs the header x-zona-csrf with the csrfToken of /console/session".to_owned();
        Refusal::of(StatusCode::FORBIDDEN, Code::PermissionDenied, text, CSRF_TOKEN_MISMATCH)
    }

    /// There is no session.
    pub(crate) fn signed_out() -> Self {
        Refusal::of(StatusCode::UNAUTHORIZED, Code::Unauthenticated, "nobody is signed in".to_owned(), UNAUTHENTICATED)
    }

    /// What an issuer's page answers belongs to no sign-in that this browser has under way.
    pub(crate) fn sign_in_unknown() -> Self {
        let text = "this belongs to no sign-in that this browser has under way; begin a new one, at the console's own address".to_owned();
        Refusal::of(StatusCode::UNAUTHORIZED, Code::Unauthenticated, text, SIGN_IN_UNKNOWN)
    }

    /// A sign-in has taken longer than it may.
    pub(crate) fn sign_in_too_old() -> Self {
        let text = "this sign-in was begun too long ago; begin a new one".to_owned();
        Refusal::of(StatusCode::UNAUTHORIZED, Code::Unauthenticated, text, SIGN_IN_TOO_OLD)
    }

    /// Somebody does not want to sign in.
    pub(crate) fn sign_in_declined() -> Self {
        let text = "signing in was declined at the issuer".to_owned();
        Refusal::of(StatusCode::UNAUTHORIZED, Code::Unauthenticated, text, SIGN_IN_DECLINED)
    }

    /// An issuer's page does not go on.
    pub(crate) fn sign_in_refused() -> Self {
        let text = "the issuer does not let this sign-in go on; begin a new one".to_owned();
        Refusal::of(StatusCode::UNAUTHORIZED, Code::Unauthenticated, text, SIGN_IN_REFUSED)
    }

    /// An issuer does not say where its page is.
    pub(crate) fn issuer_unavailable(retry_after: Duration) -> Self {
        let metadata = HashMap::from([("dependency".to_owned(), "issuer".to_owned())]);
        let mut details = ErrorDetails::with_error_info(DEPENDENCY_UNAVAILABLE, DOMAIN, metadata);
        details.set_retry_info(Some(retry_after));
        Status::with_error_details(Code::Unavailable, "issuer is unavailable", details).into()
    }

    /// The reason that it gives; empty where it is somebody else's status without one.
    pub(crate) fn reason(&self) -> String {
        self.status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
    }

    /// What a call was refused with, whose answer has these headers.
    pub(crate) fn of_call(status: Status, headers: &HeaderMap) -> Self {
        let mut refusal = Refusal::from(status);
        refusal.headers.extend(metadata::of_answer(headers));
        refusal
    }

    /// Fields break rules.
    pub(crate) fn invalid(violations: Vec<Violation>) -> Self {
        let metadata = HashMap::from([("violations".to_owned(), violations.len().to_string())]);
        let mut details = ErrorDetails::with_error_info(INVALID_FIELDS, DOMAIN, metadata);
        let listed = |violation: &Violation| FieldViolation {
            field: cut(&violation.field, MAX_FIELD).to_owned(),
            description: clip(&violation.description).to_owned(),
            reason: violation.reason.to_owned(),
            localized_message: None,
        };
        let mut told: Vec<_> = violations.iter().take(MAX_LISTED).map(listed).collect();
        let first = told.first().map(|first| format!(": {}: {}", first.field, first.description)).unwrap_or_default();
        if violations.len() > told.len() {
            let description = "more violations are not listed; mend these first".into();
            told.push(listed(&Violation { field: String::new(), reason: MORE_VIOLATIONS, description }));
        }
        details.set_bad_request(told);
        Status::with_error_details(Code::InvalidArgument, format!("the request breaks rules{first}"), details).into()
    }

    /// What came from behind cannot be told; the log knows more.
    pub(crate) fn internal(cause: &str) -> Self {
        tracing::error!(cause, "an answer could not be told over HTTP");
        Refusal::of(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, "internal error".to_owned(), INTERNAL)
    }

    fn of(http: StatusCode, code: Code, text: String, reason: &str) -> Self {
        let details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
        Refusal { http, status: Status::with_error_details(code, text, details), headers: HeaderMap::new() }
    }

    /// The answer, with the body that `written` makes of the status.
    pub(crate) fn answer(mut self, written: impl FnOnce(&Status) -> Vec<u8>) -> Response<Body> {
        if let Some(delay) = self.status.get_details_retry_info().and_then(|info| info.retry_delay) {
            // Whole seconds: no sooner than was said.
            let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
            self.headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.http == StatusCode::UNAUTHORIZED {
            self.headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        keep_private(&mut self.headers);
        let mut response = Response::new(full(written(&self.status)));
        *response.status_mut() = self.http;
        response.headers_mut().extend(self.headers);
        response
    }
}

/// As much of a text as is told.
pub(crate) fn clip(text: &str) -> &str {
    cut(text, MAX_TEXT)
}

fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Refusal { http: http_status(status.code()), status, headers: HeaderMap::new() }
    }
}

/// The HTTP status of a code, as `google/rpc/code.proto` says it.
pub(crate) fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Cancelled => StatusCode::from_u16(499).expect("three digits"),
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A status as `google.rpc.Status`, with its details. `message` is the descriptor of that.
pub(crate) fn message_of(status: &Status, message: &MessageDescriptor) -> DynamicMessage {
    let details = status.details();
    if !details.is_empty()
        && let Ok(whole) = DynamicMessage::decode(message.clone(), details)
    {
        return whole;
    }
    let mut bare = DynamicMessage::new(message.clone());
    bare.set_field_by_name("code", Value::I32(status.code() as i32));
    bare.set_field_by_name("message", Value::String(status.message().to_owned()));
    bare
}

/// A status as JSON; details that nobody knows are left out.
pub(crate) fn to_json(status: &Status, message: &MessageDescriptor) -> Vec<u8> {
    let mut told = message_of(status, message);
    serde_json::to_vec(&told).unwrap_or_else(|_unknown| {
        if let Some(Value::List(details)) = told.get_field_by_name_mut("details") {
            details.retain(|detail| detail.as_message().is_some_and(|detail| serde_json::to_vec(detail).is_ok()));
        }
        serde_json::to_vec(&told).unwrap_or_default()
    })
}
