//! One request to a store of objects and its answer, within bounds of size and time: over TLS 1.3, or in plain text to this host. Redirections
//! are not followed.

use std::fmt;
use std::io;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{Either, select};
use http::header::{CONNECTION, HOST};
use http::{HeaderValue, StatusCode, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService};
use tls::{Client, Protocol, Trust};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::error::Answered;
use crate::form::MAX_OBJECT;

/// Longest time until there is a connection.
const CONNECTED_WITHIN: Duration = Duration::from_secs(5);
/// Longest time until all of an answer is there.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// Most bytes of an answer: an object, or a page of a list, of which each name takes some hundred.
const MAX_ANSWER: usize = MAX_OBJECT + 64 * 1024;

/// The code of S3 for a bucket that is not there, in the answer's document.
const NO_BUCKET: &[u8] = b"<Code>NoSuchBucket</Code>";

/// Makes what asks, for the library.
#[derive(Debug)]
pub(crate) struct Https {
    /// Who may say who is asked; `None` where that is on this host and in plain text.
    pub(crate) trust: Option<Trust>,
}

struct Asking {
    client: Option<Client>,
}

impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asking")
    }
}

impl HttpConnector for Https {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = self.trust.as_ref().map(|trust| Client::new(trust, Protocol::Http1)).transpose();
        let failed = |error: tls::Error| object_store::Error::Generic { store: "S3", source: Box::new(error) };
        Ok(HttpClient::new(Asking { client: client.map_err(failed)? }))
    }
}

#[async_trait]
impl HttpService for Asking {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let late = |_elapsed| failed(HttpErrorKind::Timeout, io::ErrorKind::TimedOut, "no answer in time");
        timeout(ANSWERED_WITHIN, self.ask(request)).await.map_err(late)?
    }
}

impl Asking {
    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let uri = request.uri().clone();
        let host = uri.host().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(if self.client.is_some() { 443 } else { 80 });
        let late = |_elapsed| failed(HttpErrorKind::Connect, io::ErrorKind::TimedOut, "no connection in time");
        let connected = timeout(CONNECTED_WITHIN, TcpStream::connect((host.trim_matches(['[', ']']), port))).await.map_err(late)?;
        let stream = connected.map_err(|error| HttpError::new(HttpErrorKind::Connect, error))?;
        let Some(client) = &self.client else { return say(stream, request, &uri).await };
        let encrypted = timeout(CONNECTED_WITHIN, client.connect(host, stream)).await.map_err(late)?;
        say(encrypted.map_err(|error| HttpError::new(HttpErrorKind::Connect, error))?, request, &uri).await
    }
}

async fn say(stream: impl AsyncRead + AsyncWrite + Unpin + Send, request: HttpRequest, uri: &Uri) -> Result<HttpResponse, HttpError> {
    let broken = |error: hyper::Error| HttpError::new(HttpErrorKind::Interrupted, error);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let (mut parts, body) = request.into_parts();
    let unnamed = |error: http::Error| HttpError::new(HttpErrorKind::Unknown, error);
    let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    parts.headers.insert(HOST, HeaderValue::try_from(authority).map_err(|error| unnamed(error.into()))?);
    parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    // A server takes the path; who it is stands in the header.
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri = Uri::try_from(path).map_err(|error| unnamed(error.into()))?;
    let answer = Box::pin(async move {
        let answer = sender.send_request(HttpRequest::from_parts(parts, body)).await.map_err(broken)?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|error| HttpError::new_boxed(HttpErrorKind::Interrupted, error))?.to_bytes();
        if let Some(answered) = answered(parts.status, &body) {
            return Err(HttpError::new(HttpErrorKind::Unknown, answered));
        }
        Ok(HttpResponse::from_parts(parts, body.into()))
    });
    // The connection does its work only while it is asked to; what it has read may be answered after its end.
    match select(answer, connection).await {
        Either::Left((answered, _)) => answered,
        Either::Right((_, answer)) => answer.await,
    }
}

fn answered(status: StatusCode, body: &[u8]) -> Option<Answered> {
    let is_no_bucket = || body.windows(NO_BUCKET.len()).any(|window| window == NO_BUCKET);
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(Answered::Refused),
        StatusCode::NOT_FOUND if is_no_bucket() => Some(Answered::NoBucket),
        _ => None,
    }
}

fn failed(kind: HttpErrorKind, io: io::ErrorKind, why: &'static str) -> HttpError {
    HttpError::new(kind, io::Error::new(io, why))
}
