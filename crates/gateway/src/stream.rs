//! An answer of many messages, each as it comes: as Server-Sent Events, whose ids are the places at which the stream can be taken up again,
//! or as lines of JSON. A stream that fails ends with the status. When its reader goes away, the call behind it ends with the body.

use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use prost_reflect::{DynamicMessage, MessageDescriptor, ReflectMessage as _, Value};
use tonic::body::Body;
use tonic::{Code, Status};

use crate::accept::Form;
use crate::body::keep_private;
use crate::inner::Messages;
use crate::precondition::Resumption;
use crate::{json, refusal};

/// Names of places in messages: that of the message itself, and one up to which everything was looked at.
const SEQUENCE: &str = "sequence";
const REACHED: &str = "reached_sequence";
/// What the last line of a stream that failed says of itself: no message of a stream has such a member.
const STATUS_TYPE: &str = "type.googleapis.com/google.rpc.Status";

/// How a stream is told.
pub(crate) struct Telling {
    pub(crate) form: Form,
    pub(crate) output: MessageDescriptor,
    pub(crate) status: MessageDescriptor,
    pub(crate) resumption: Option<Resumption>,
}

/// The answer. A `resumed` stream that has ended already is 204: to a browser, that it need not ask again.
pub(crate) async fn of(mut messages: Messages, telling: Telling, resumed: bool) -> Result<Response<Body>, Status> {
    let mut first = None;
    if resumed && telling.form == Form::Events {
        match messages.next().await {
            None => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                return Ok(response);
            }
            Some(message) => first = Some(message?),
        }
    }
    let media_type = telling.form.media_type();
    let told = stream::unfold(State { messages, telling, first, ended: false }, State::next);
    let mut response = Response::new(Body::new(StreamBody::new(told)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    keep_private(response.headers_mut());
    // What comes is of this moment, and a proxy that gathers it would make it late.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

struct State {
    messages: Messages,
    telling: Telling,
    /// A message that was waited for already.
    first: Option<Bytes>,
    ended: bool,
}

// === impl State ===

impl State {
    async fn next(mut self) -> Option<(Result<Frame<Bytes>, Status>, Self)> {
        if self.ended {
            return None;
        }
        let message = match self.first.take() {
            Some(message) => Some(Ok(message)),
            None => self.messages.next().await,
        };
        let told = match message {
            Some(Ok(message)) => self.telling.message(&message),
            None => Err(Status::new(Code::Ok, "")),
            Some(Err(status)) => Err(status),
        };
        let text = match told {
            Ok(text) => text,
            Err(status) => {
                self.ended = true;
                self.telling.end(&status)?
            }
        };
        Some((Ok(Frame::data(text.into())), self))
    }
}

// === impl Telling ===

impl Telling {
    fn message(&self, encoded: &[u8]) -> Result<Vec<u8>, Status> {
        let broken = |cause: &str| refusal::Refusal::internal(cause).status;
        let message = DynamicMessage::decode(self.output.clone(), encoded).map_err(|error| broken(&error.to_string()))?;
        let written = json::write(&message).map_err(|error| broken(&error.to_string()))?;
        Ok(match self.form {
            Form::Lines => [&written[..], b"\n"].concat(),
            Form::Events => {
                let id = self.id(&message).map(|id| format!("id: {id}\n")).unwrap_or_default();
                [id.as_bytes(), b"data: ", &written, b"\n\n"].concat()
            }
        })
    }

    /// How the stream ends: an event in each case, since a browser takes an end without one for a breakdown; a line for a failure only.
    fn end(&self, status: &Status) -> Option<Vec<u8>> {
        let written = refusal::to_json(status, &self.status);
        match (self.form, status.code()) {
            (Form::Events, _) => Some([b"event: status\ndata: ", &written[..], b"\n\n"].concat()),
            (Form::Lines, Code::Ok) => None,
            (Form::Lines, _) => {
                let rest = written.strip_prefix(b"{").unwrap_or(b"}");
                Some([b"{\"@type\":\"", STATUS_TYPE.as_bytes(), b"\",", rest, b"\n"].concat())
            }
        }
    }

    /// The place behind which the stream goes on; none of what has no place, and none where the method does not go on: asked again, it
    /// would begin anew.
    fn id(&self, message: &DynamicMessage) -> Option<i64> {
        let resumption = self.resumption.as_ref()?;
        if let Some(own) = place(message, SEQUENCE) {
            return (own > 0).then_some(own);
        }
        if let Some(reached) = place(message, REACHED) {
            return Some(match resumption {
                Resumption::After(_) => reached,
                Resumption::From(_) => reached - 1,
            });
        }
        message.fields().find_map(|(_, part)| place(part.as_message()?, SEQUENCE))
    }
}

/// The number that a message has in a field of this name; none where a choice of parts fell on another.
fn place(message: &DynamicMessage, name: &str) -> Option<i64> {
    let field = message.descriptor().get_field_by_name(name)?;
    if field.supports_presence() && !message.has_field(&field) {
        return None;
    }
    match message.get_field(&field).as_ref() {
        Value::I64(number) => Some(*number),
        _ => None,
    }
}
