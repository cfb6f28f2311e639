//! What every call passes before and after its handler: request id, trace span, deadline, panics, metrics, and the details of
//! errors that tonic makes by itself. Who calls and what is permitted is none of its business.

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use http::{Request, Response};
use tonic::body::Body;
use tower::{Layer, Service};
use tracing::Instrument as _;

mod answer;
mod arriving;
mod deadline;
mod metrics;
mod passing;
mod request_id;
mod trace;

pub use deadline::Deadlines;
pub use metrics::{CallMetrics, NoMetrics};
pub use trace::LinkTrace;

pub(crate) use answer::{panic_text, piece};
pub(crate) use arriving::Arriving;
pub(crate) use deadline::UNREAD;
pub(crate) use request_id::RequestId;

use crate::budget::Budget;
use crate::call::Call;
use crate::compression;
use crate::ending;
use crate::method::{Input, Methods, Shape};
use crate::status;
use crate::status::foreign::Place;
use crate::timeline;
use answer::Answer;
use deadline::Deadline;
use metrics::Record;
use passing::Passing;

/// What the layer needs.
pub(crate) struct Parts {
    /// Every method of the contract.
    pub(crate) methods: Methods,
    /// How long calls may take.
    pub(crate) deadlines: Deadlines,
    /// Joins a call's span to the caller's trace.
    pub(crate) link_trace: LinkTrace,
    /// Counts calls.
    pub(crate) metrics: Arc<dyn CallMetrics>,
}

/// Wraps every service of the server.
#[derive(Clone)]
pub struct CallLayer {
    parts: Arc<Parts>,
}

/// A service behind the layer.
#[derive(Clone)]
pub struct CallService<S> {
    inner: S,
    parts: Arc<Parts>,
}

impl CallLayer {
    pub(crate) fn new(parts: Parts) -> Self {
        CallLayer { parts: Arc::new(parts) }
    }
}

impl<S> Layer<S> for CallLayer {
    type Service = CallService<S>;

    fn layer(&self, inner: S) -> CallService<S> {
        CallService { inner, parts: Arc::clone(&self.parts) }
    }
}

impl<S> Service<Request<Body>> for CallService<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // The service that was polled ready takes the call; its clone waits for the next one.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let call = self.parts.begin(&mut request);
        let span = call.span.clone();
        Box::pin(async move { Ok(run(call, async move { inner.call(request).await }).await) }.instrument(span))
    }
}

impl Parts {
    fn begin(&self, request: &mut Request<Body>) -> Passing {
        let path = request.uri().path();
        let method = Arc::clone(self.methods.find(path));
        let request_id = RequestId::of(request.headers());
        let (span, trace_id) = trace::span(&method.path, path, &request_id, request.headers(), &self.link_trace);
        let deadline = Deadline::of(request.headers(), self.deadlines.of(method.shape));
        if method.shape == Shape::Stream {
            compression::leave_alone(request.headers_mut());
        }
        let record = Record::begin(Arc::clone(&self.metrics), Arc::clone(&method));
        ending::end_at(deadline.at + UNREAD);
        self.bound(request, method.input);
        request.extensions_mut().insert(Call::new(request_id.clone(), trace_id, method));
        Passing { request_id, span, deadline, record }
    }

    /// Bounds how much of the request is held while it is not complete, and for how long.
    fn bound(&self, request: &mut Request<Body>, input: Input) {
        let share = request.extensions().get::<Budget>().map(Budget::share);
        let body = std::mem::take(request.body_mut());
        *request.body_mut() = Body::new(Arriving::new(body, input, share, self.deadlines.request));
    }
}

/// Has a call handled: in time, without panics, and counted.
async fn run(mut passing: Passing, handler: impl Future<Output = Result<Response<Body>, Infallible>> + Send) -> Response<Body> {
    timeline::mark("arrived");
    let handled = async move {
        let Ok(response) = handler.await;
        compression::beside(response).await
    };
    let handled = AssertUnwindSafe(handled).catch_unwind();
    let mut response = match tokio::time::timeout_at(passing.deadline.at, handled).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => answer::panicked(&*panic, &passing.request_id).into_http(),
        Err(_elapsed) => status::deadline_exceeded(passing.deadline.allowed).into_http(),
    };
    passing.request_id.write(response.headers_mut());
    if let Some(code) = status::foreign::complete(response.headers_mut(), Place::Headers) {
        passing.record.finish(code);
    }
    response.map(|body| Body::new(Answer::new(body, passing)))
}
