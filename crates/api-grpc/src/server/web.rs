//! Connections for what makes calls of other protocols: HTTP/1.1, and over TLS HTTP/2 where the peer says so, within the same bounds as
//! those of gRPC. What a request means is the service's; here is how long it may take, and how much of it is held.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::{Either, select};
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use prost::bytes::Bytes;
use tls::Protocol;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tower::{Service, ServiceExt as _};

use super::accept;
use super::connection::{self, Bounds, MAX_CONNECTION_AGE, MAX_HEADER_LIST, Peer, SEND_BUFFER};
use super::opening::{Arrived, Listened};
use crate::budget::Budget;
use crate::ending::{end_at, until_its_end};
use crate::layer::{UNREAD, piece};

/// How long the head of a request may take, and with it how long a connection without a request stays open: hyper has one time for both.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// Headers of one request.
const MAX_HEADERS: usize = 100;

/// What it takes to serve other protocols beside gRPC.
pub struct Web {
    pub(super) tls: Option<Arc<tls::Server>>,
    pub(super) budget: Budget,
    pub(super) max_connections: usize,
    pub(super) preface_patience: Duration,
    pub(super) idle_patience: Duration,
    /// How long a request may take to be there.
    pub(super) request_patience: Duration,
}

/// What connections of one listener have in common.
#[derive(Clone)]
struct Pace {
    idle: Duration,
    request: Duration,
}

// === impl Web ===

impl Web {
    /// Serves the connections of `listener` until `shutdown` completes and the calls that are open then have ended.
    ///
    /// # Errors
    /// Never: a connection that fails is its own matter.
    pub async fn serve<S>(self, listener: TcpListener, service: S, shutdown: impl Future<Output = ()>) -> Result<(), Infallible>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send + 'static,
    {
        let connections = accept::connections(listener, self.tls, self.max_connections, self.preface_patience);
        let (pace, budget) = (Pace { idle: self.idle_patience, request: self.request_patience }, self.budget);
        let begin = |arrived, stops| begin(arrived, service.clone(), budget.of_connection(), pace.clone(), stops);
        connection::serve_each(connections, shutdown, begin).await;
        Ok(())
    }
}

/// Opens a connection and serves it to its end, in the protocol that it speaks.
async fn begin<S>(arrived: Arrived, service: S, budget: Budget, pace: Pace, mut stops: watch::Receiver<()>)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let opened = match select(pin!(arrived.open_for_web()), pin!(stops.changed())).await {
        Either::Left((opened, _)) => opened,
        Either::Right(_) => return,
    };
    let (connection, origin, protocol) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            tracing::debug!(error = &error as &dyn Error, "a connection failed before it began");
            return;
        }
    };
    let (bounds, idle) = (Bounds::Bytes(budget, pace.request), pace.idle);
    let peer = Peer { service: Paced { service, pace }, origin, bounds };
    match protocol {
        Protocol::Http2 => connection::run(connection, peer, idle, stops).await,
        Protocol::Http1 => until_its_end(run(connection, peer, stops)).await,
    }
}

/// Serves one connection of HTTP/1.1 to its end.
async fn run<S>(connection: Listened, peer: Peer<S>, mut stops: watch::Receiver<()>)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let mut connection = pin!(hardened().serve_connection(TokioIo::new(connection), peer));
    let aged = tokio::time::sleep(MAX_CONNECTION_AGE);
    let leave = async {
        // A sender that is gone stops, too.
        select(pin!(stops.changed()), pin!(aged)).await;
    };
    let ended = match select(connection.as_mut(), pin!(leave)).await {
        Either::Left((ended, _)) => ended,
        Either::Right(_) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn Error, "a connection failed");
    }
}

fn hardened() -> Builder {
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEADER_LIST as usize)
        .max_buf_size(SEND_BUFFER);
    builder
}

/// A service whose answers name the time at which they end whatever their peer does, since not all of them are of calls that would: while a
/// request comes, that of its patience; then that of the call, where there is one; and once everything is handed out, the time that a peer
/// has to read the rest. Of HTTP/1.1 that is the time at which the connection ends, on which one follows the other.
#[derive(Clone)]
struct Paced<S> {
    service: S,
    pace: Pace,
}

impl<S> Service<Request<Body>> for Paced<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Paced { service, pace } = self.clone();
        Box::pin(async move {
            end_at(Instant::now() + pace.request + UNREAD);
            let response = service.oneshot(request).await?;
            Ok(response.map(|body| Body::new(Told { body, rest: Bytes::new(), idle: pace.idle })))
        })
    }
}

/// The body of an answer, behind which the connection has a while for the rest of it and for the next request. It is handed out in pieces, so
/// that what is left for that while is no more than the connection holds of any answer.
struct Told {
    body: Body,
    /// What of the last frame was not handed out.
    rest: Bytes,
    idle: Duration,
}

impl http_body::Body for Told {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(context)).transpose()?.map(Frame::into_data) {
                Some(Ok(data)) => this.rest = data,
                Some(Err(other)) => return Poll::Ready(Some(Ok(other))),
                None => return Poll::Ready(None),
            }
        }
        Poll::Ready(Some(Ok(piece(&mut this.rest))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, mut hint) = (self.rest.len() as u64, self.body.size_hint());
        if let Some(most) = hint.upper() {
            hint.set_upper(most + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        end_at(Instant::now() + self.idle);
    }
}
