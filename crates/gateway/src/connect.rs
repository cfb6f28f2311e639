//! Errors as the Connect protocol writes them: <https://connectrpc.com/docs/protocol>. Its unary calls differ from a route's in the address
//! and in this.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::pb;

/// How the names of types begin in details, which the protocol leaves away.
const TYPES: &str = "type.googleapis.com/";

/// A status as JSON; `message` is the descriptor of `google.rpc.Status`.
pub(crate) fn to_json(status: &Status, message: &MessageDescriptor) -> Vec<u8> {
    let details: Vec<Value> = match pb::Status::decode(status.details()) {
        Ok(whole) => whole.details.iter().map(|detail| self::detail(&detail.type_url, &detail.value, message)).collect(),
        Err(_foreign) => Vec::new(),
    };
    json!({ "code": name(status.code()), "message": status.message(), "details": details }).to_string().into_bytes()
}

fn detail(url: &str, value: &[u8], status: &MessageDescriptor) -> Value {
    let name = url.strip_prefix(TYPES).unwrap_or(url);
    let mut written = json!({ "type": name, "value": STANDARD_NO_PAD.encode(value) });
    // For people; programs read the value.
    let known = status.parent_pool().get_message_by_name(name);
    if let Some(read) = known.and_then(|message| DynamicMessage::decode(message, value).ok())
        && let Ok(shown) = serde_json::to_value(&read)
    {
        written["debug"] = shown;
    }
    written
}

fn name(code: Code) -> &'static str {
    match code {
        Code::Ok | Code::Unknown => "unknown",
        Code::Cancelled => "canceled",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    }
}
