//! The body of an answer on its way out: it ends at the deadline, turns a panic into a status, gives errors their details,
//! and says when it ended. It acts only while it is asked for more; a call whose answer nobody reads is ended by
//! the task of its stream (`ending.rs`), which drops this with all that it holds. Below it, little is held: an answer goes out in
//! pieces.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::HeaderMap;
use http_body::{Frame, SizeHint};
use prost::bytes::Bytes;
use tokio::time::Sleep;
use tonic::body::Body;
use tonic::{Code, Status};

use crate::layer::RequestId;
use crate::layer::passing::Passing;
use crate::status;
use crate::status::foreign::{Place, complete};

/// Bytes of one piece: what the connection holds of an answer beside this body, a full frame of HTTP/2.
const PIECE: usize = 16 * 1024;

/// A body with its call.
pub(crate) struct Answer {
    /// Gone once it has ended: what it holds must not outlive the call.
    inner: Option<Body>,
    /// What of the last frame has not gone out.
    rest: Bytes,
    call: Passing,
    alarm: Pin<Box<Sleep>>,
}

/// The status of a call whose handler panicked, which is logged here.
pub(crate) fn panicked(panic: &(dyn Any + Send), request_id: &RequestId) -> Status {
    tracing::error!(request_id = &*request_id.0, panic = panic_text(panic), "a handler panicked");
    status::panicked(&request_id.0)
}

/// What a panic said, for the log.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("not a text")
}

/// The next piece of what has not gone out. A copy, so that a peer who reads a little of an answer does not hold all of it.
pub(crate) fn piece(rest: &mut Bytes) -> Frame<Bytes> {
    let piece = rest.split_to(PIECE.min(rest.len()));
    Frame::data(Bytes::copy_from_slice(&piece))
}

impl Answer {
    pub(crate) fn new(inner: Body, call: Passing) -> Self {
        let alarm = Box::pin(tokio::time::sleep_until(call.deadline.at));
        Answer { inner: Some(inner), rest: Bytes::new(), call, alarm }
    }

    fn end(&mut self, status: &Status) -> Option<Frame<Bytes>> {
        self.inner = None;
        self.call.record.finish(status.code());
        let mut trailers = HeaderMap::new();
        let written = status.add_header(&mut trailers);
        written.is_ok().then(|| Frame::trailers(trailers))
    }

    fn pass(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        let mut frame = match frame.into_data() {
            Ok(data) if data.len() > PIECE => {
                self.rest = data;
                return piece(&mut self.rest);
            }
            Ok(data) => Frame::data(data),
            Err(other) => other,
        };
        if let Some(code) = frame.trailers_mut().and_then(|trailers| complete(trailers, Place::Trailers)) {
            self.call.record.finish(code);
        }
        frame
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if !this.rest.is_empty() {
            return Poll::Ready(Some(Ok(piece(&mut this.rest))));
        }
        let span = this.call.span.clone();
        let _entered = span.enter();
        let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
        match catch_unwind(AssertUnwindSafe(|| Pin::new(inner).poll_frame(context))) {
            Ok(Poll::Ready(Some(Ok(frame)))) => Poll::Ready(Some(Ok(this.pass(frame)))),
            Ok(Poll::Ready(Some(Err(broken)))) => Poll::Ready(Some(Err(broken))),
            Ok(Poll::Ready(None)) => {
                this.inner = None;
                // A body without trailers whose headers carried no status breaks the protocol; counted as what clients see.
                this.call.record.finish(Code::Unknown);
                Poll::Ready(None)
            }
            Ok(Poll::Pending) if this.alarm.as_mut().poll(context).is_ready() => {
                let status = status::deadline_exceeded(this.call.deadline.allowed);
                Poll::Ready(this.end(&status).map(Ok))
            }
            Ok(Poll::Pending) => Poll::Pending,
            Err(panic) => {
                let status = panicked(&*panic, &this.call.request_id);
                Poll::Ready(this.end(&status).map(Ok))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // Nobody read it to its end, or the task of its stream has ended it.
        if self.inner.is_some() && self.call.deadline.is_over() {
            self.call.record.finish(Code::DeadlineExceeded);
        }
    }
}
