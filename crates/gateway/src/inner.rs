//! One call of the services behind the gateway: the message in a frame of gRPC, and the answer's frames out of its body. The services see
//! a call as any other, so every layer that they lie behind is passed.

use std::convert::Infallible;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http::{Extensions, HeaderMap, Method as Verb, Request, Response, Version};
use http_body_util::BodyExt as _;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;

use crate::body::full;

/// Bytes before each message: a flag, and its length in four bytes.
const PREFIX: usize = 5;

/// The services behind the gateway.
pub(crate) type Calls = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// An answer: its headers, and its messages.
pub(crate) struct Answered {
    pub(crate) headers: HeaderMap,
    pub(crate) messages: Messages,
}

/// A call that failed before its first message.
pub(crate) struct Failed {
    pub(crate) headers: HeaderMap,
    pub(crate) status: Status,
}

/// The messages of an answer as they come.
pub(crate) struct Messages {
    body: Body,
    buffered: BytesMut,
    ended: bool,
}

/// Calls the method at `path`.
pub(crate) async fn call(calls: Calls, path: &str, headers: HeaderMap, extensions: Extensions, message: &[u8]) -> Result<Answered, Failed> {
    let mut request = Request::new(full(framed(message)));
    *request.method_mut() = Verb::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = path.parse().expect("a path of the contract is one");
    *request.headers_mut() = headers;
    *request.extensions_mut() = extensions;
    let response = match calls.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let (parts, body) = response.into_parts();
    match Status::from_header_map(&parts.headers) {
        Some(status) if status.code() != Code::Ok => Err(Failed { headers: parts.headers, status }),
        told => {
            let ended = told.is_some();
            Ok(Answered { headers: parts.headers, messages: Messages { body, buffered: BytesMut::new(), ended } })
        }
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(PREFIX + message.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).expect("a request is smaller than its body, which is bounded"));
    frame.extend_from_slice(message);
    frame
}

// === impl Messages ===

impl Messages {
    /// The next message; `None` behind the last.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, Status>> {
        loop {
            if let Some(message) = self.buffered() {
                return Some(message);
            }
            if self.ended {
                return None;
            }
            match self.body.frame().await {
                None => return self.end(Err(Status::unknown("the answer ended without a status"))),
                Some(Err(broken)) => return self.end(Err(broken)),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.buffered.extend_from_slice(&data),
                    Err(frame) => {
                        let status = frame.trailers_ref().and_then(Status::from_header_map);
                        let status = status.unwrap_or_else(|| Status::unknown("the answer ended without a status"));
                        return self.end(if status.code() == Code::Ok { Ok(()) } else { Err(status) });
                    }
                },
            }
        }
    }

    /// The only message of a call that answers one.
    pub(crate) async fn only(mut self) -> Result<Bytes, Status> {
        let message = self.next().await.unwrap_or_else(|| Err(Status::unknown("nothing was answered")))?;
        match self.next().await {
            None => Ok(message),
            Some(Err(status)) => Err(status),
            Some(Ok(_)) => Err(Status::unknown("more than one message was answered")),
        }
    }

    fn end(&mut self, ended: Result<(), Status>) -> Option<Result<Bytes, Status>> {
        self.ended = true;
        ended.err().map(Err)
    }

    fn buffered(&mut self) -> Option<Result<Bytes, Status>> {
        let [flag, length @ ..] = *self.buffered.first_chunk::<PREFIX>()?;
        let length = u32::from_be_bytes(length) as usize;
        if flag != 0 {
            self.buffered.clear();
            self.ended = true;
            return Some(Err(Status::unknown("a compressed message was answered, which was not asked for")));
        }
        if self.buffered.len() - PREFIX < length {
            return None;
        }
        self.buffered.advance(PREFIX);
        Some(Ok(self.buffered.split_to(length).freeze()))
    }
}
