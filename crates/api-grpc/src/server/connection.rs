//! Connections: HTTP/2 within hard bounds. hyper's defaults are unbounded where a peer could exhaust the server; tonic's transport
//! leaves no say in how streams run, and so cannot end one that nobody reads.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use http::header::CONTENT_TYPE;
use http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tonic::body::Body;
use tower::util::Oneshot;
use tower::{Service, ServiceExt as _};

use super::idle_frames::IdleFrames;
use super::opening::{Opening, Origin};
use crate::budget::Budget;
use crate::call::OfWeb;
use crate::ending::Streams;
use crate::layer::Arriving;
use crate::method::Input;

/// Calls that one connection may have open.
const MAX_CONCURRENT_STREAMS: u32 = 256;
/// Streams that a peer may make us reset before the connection is closed.
const MAX_LOCAL_ERROR_RESET_STREAMS: usize = 1_024;
/// Streams that a peer may open and reset before we have looked at them.
const MAX_PENDING_ACCEPT_RESET_STREAMS: usize = 128;
/// Bytes of all headers of one request.
pub(super) const MAX_HEADER_LIST: u32 = 16 * 1024;
/// Bytes of one frame: what a call may hold beyond its budget (see `layer::arriving`), 256 times.
const MAX_FRAME: u32 = 16 * 1024;
/// Silence after which a peer is pinged.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);
/// How long it has to answer.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// After this, a connection takes no new calls, and the peer opens another. Nothing cuts off the calls that are open then: every
/// call ends by its own deadline.
pub(super) const MAX_CONNECTION_AGE: Duration = Duration::from_secs(30 * 60);
/// Bytes in flight of one request: a request of 8 MiB needs eight round trips.
const STREAM_WINDOW: u32 = 1024 * 1024;
/// Bytes in flight of one connection: what a peer can make us hold for requests that nobody reads.
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// Bytes of one answer that wait for the peer below what the answer itself holds: enough for full packets, and little where it
/// reads slowly, 256 times.
pub(super) const SEND_BUFFER: usize = 64 * 1024;

/// Serves what `incoming` yields until `stop` completes and the connections that are open then have ended: each takes no new calls
/// and closes behind the last that is open. One without an open call for `idle` is closed in the same way.
pub(super) async fn serve<I, O, E, S>(incoming: I, service: S, budget: Budget, idle: Duration, stop: impl Future<Output = ()>)
where
    I: futures_util::Stream<Item = Result<O, E>>,
    O: Opening,
    E: Into<Box<dyn Error + Send + Sync>>,
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    serve_each(incoming, stop, |opening, stops| begin(opening, service.clone(), budget.of_connection(), idle, stops)).await;
}

/// Has each of what `incoming` yields served by `begin` as a task of its own, which is told of the stop, until `stop` completes and all have ended.
pub(super) async fn serve_each<I, O, E, F>(incoming: I, stop: impl Future<Output = ()>, begin: impl Fn(O, watch::Receiver<()>) -> F)
where
    I: futures_util::Stream<Item = Result<O, E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
    F: Future<Output = ()> + Send + 'static,
{
    let (stopping, stops) = watch::channel(());
    {
        // The listener goes with this block: who connects later is refused at once, instead of waiting for us to be gone.
        let (mut incoming, mut stop) = (pin!(incoming), pin!(stop));
        while let Either::Right((Some(accepted), _)) = select(stop.as_mut(), incoming.next()).await {
            match accepted {
                Ok(opening) => {
                    // Awaited by the receiver that it holds; how it ends is the peer's matter.
                    tokio::spawn(begin(opening, stops.clone()));
                }
                Err(error) => tracing::debug!(error = &*error.into(), "a connection failed before it began"),
            }
        }
    }
    drop(stops);
    stopping.send_replace(());
    stopping.closed().await;
}

/// Opens a connection and serves it to its end. One that is not open by the stop has no calls, and goes.
async fn begin<O, S>(opening: O, service: S, budget: Budget, idle: Duration, mut stops: watch::Receiver<()>)
where
    O: Opening,
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let opened = match select(pin!(opening.open()), pin!(stops.changed())).await {
        Either::Left((opened, _)) => opened,
        Either::Right(_) => return,
    };
    match opened {
        Ok((connection, origin)) => run(connection, Peer { service, origin, bounds: Bounds::Messages(budget) }, idle, stops).await,
        Err(error) => tracing::debug!(error = &error as &dyn Error, "a connection failed before it began"),
    }
}

/// Serves one connection of HTTP/2 to its end.
pub(super) async fn run<C, S>(connection: C, peer: Peer<S>, idle: Duration, mut stops: watch::Receiver<()>)
where
    C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let streams = Streams::default();
    let mut connection = pin!(hardened(streams.clone()).serve_connection(TokioIo::new(IdleFrames::new(connection)), peer));
    let aged = tokio::time::sleep(MAX_CONNECTION_AGE);
    let leave = async {
        // A sender that is gone stops, too.
        select(pin!(stops.changed()), select(pin!(aged), pin!(streams.idle_for(idle)))).await;
    };
    let ended = match select(connection.as_mut(), pin!(leave)).await {
        Either::Left((ended, _)) => ended,
        Either::Right(_) => {
            connection.as_mut().graceful_shutdown();
            // A peer that does not answer the goodbye has no call that could be cut off once it is idle.
            match select(connection, pin!(streams.idle_for(idle))).await {
                Either::Left((ended, _)) => ended,
                Either::Right(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn Error, "a connection failed");
    }
}

fn hardened(streams: Streams) -> Builder<Streams> {
    let mut builder = Builder::new(streams);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
        .max_local_error_reset_streams(MAX_LOCAL_ERROR_RESET_STREAMS)
        .max_pending_accept_reset_streams(MAX_PENDING_ACCEPT_RESET_STREAMS)
        .max_header_list_size(MAX_HEADER_LIST)
        .max_frame_size(MAX_FRAME)
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER);
    builder
}

/// What answers the calls of one connection.
pub(super) struct Peer<S> {
    pub(super) service: S,
    pub(super) origin: Origin,
    pub(super) bounds: Bounds,
}

/// What bounds the requests of a connection while they are not complete.
pub(super) enum Bounds {
    /// They are messages of gRPC: whoever knows the method bounds them, within this.
    Messages(Budget),
    /// They are bytes of a browser or its like, which must be there in time, within this; those that are messages of gRPC all the same are
    /// bounded as such.
    Bytes(Budget, Duration),
}

impl<S> hyper::service::Service<Request<Incoming>> for Peer<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Oneshot<S, Request<Body>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let mut request = request.map(Body::new);
        let Origin { address, certificate } = self.origin.clone();
        request.extensions_mut().insert(address);
        if let Some(certificate) = certificate {
            request.extensions_mut().insert(certificate);
        }
        match &self.bounds {
            Bounds::Messages(budget) => {
                request.extensions_mut().insert(budget.clone());
            }
            Bounds::Bytes(budget, _) if is_grpc(&request) => {
                request.extensions_mut().insert(OfWeb);
                request.extensions_mut().insert(budget.clone());
            }
            Bounds::Bytes(budget, patience) => {
                request.extensions_mut().insert(OfWeb);
                request = request.map(|body| Body::new(Arriving::new(body, Input::Bytes, Some(budget.share()), *patience)));
            }
        }
        self.service.clone().oneshot(request)
    }
}

/// Whether a request is one of gRPC itself. That of browsers, gRPC-Web, is bytes to whoever translates it.
fn is_grpc(request: &Request<Body>) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    let kind = request.headers().get(CONTENT_TYPE).map(http::HeaderValue::as_bytes).unwrap_or_default();
    let of_grpc = kind.split_at_checked(GRPC.len()).filter(|(begin, _)| begin.eq_ignore_ascii_case(GRPC));
    request.version() == Version::HTTP_2 && of_grpc.is_some_and(|(_, rest)| rest.first() != Some(&b'-'))
}
