//! The body of an answer on its way out: it ends at the deadline, turns a panic into a status, gives errors their details,
//! and says when it ended.

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

use crate::layer::{Passing, RequestId};
use crate::status;
use crate::status::foreign::{Place, complete};

/// A body with its call.
pub(crate) struct Answer {
    /// Gone once it has ended: what it holds must not outlive the call.
    inner: Option<Body>,
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

impl Answer {
    pub(crate) fn new(inner: Body, call: Passing) -> Self {
        let alarm = Box::pin(tokio::time::sleep_until(call.deadline.at));
        Answer { inner: Some(inner), call, alarm }
    }

    fn end(&mut self, status: &Status) -> Option<Frame<Bytes>> {
        self.inner = None;
        self.call.record.finish(status.code());
        let mut trailers = HeaderMap::new();
        let written = status.add_header(&mut trailers);
        written.is_ok().then(|| Frame::trailers(trailers))
    }

    fn pass(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        let mut frame = frame;
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
        self.inner.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}
