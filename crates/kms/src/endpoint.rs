//! One request to a service, and its answer, within bounds of size and time: over TLS 1.3, or in plain text to this host. Redirections are
//! not followed: who answers under the configured address answers, or nobody does.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::{Either, select};
use http::header::{CONNECTION, HOST};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tls::{Client, Protocol, Trust};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::error::Error;

/// Longest time until all of an answer is there.
const DEADLINE: Duration = Duration::from_secs(5);
/// Most bytes of an answer; those that hold a key have some hundred.
const MAX_ANSWER: usize = 64 * 1024;

/// Where a service is, and who may say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    uri: Uri,
    trust: Trust,
}

/// What a service answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl Endpoint {
    /// An `https` address, or an `http` address on this host; with the file of the authorities that may say who the service is, where others
    /// may not.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str, authorities: Option<PathBuf>) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|_no_address| "must be an address such as https://vault.example.org:8200".to_owned())?;
        let (scheme, host) = (uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default());
        if host.is_empty() || uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("must be an address such as https://vault.example.org:8200, without a user".to_owned());
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err("must have no path".to_owned());
        }
        match scheme {
            "https" => Ok(Endpoint { uri, trust: authorities.map_or(Trust::System, Trust::File) }),
            "http" if matches!(host, "127.0.0.1" | "[::1]") => Ok(Endpoint { uri, trust: Trust::System }),
            _ => Err("must begin with https://, or with http://127.0.0.1: keys go elsewhere over TLS only".to_owned()),
        }
    }

    /// Host and port, as requests name them.
    pub(crate) fn authority(&self) -> &str {
        self.uri.authority().map(http::uri::Authority::as_str).unwrap_or_default()
    }

    /// The address of a path.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}://{}{path}", self.uri.scheme_str().unwrap_or_default(), self.authority())
    }

    /// Says one request and waits for the answer. Blocks: on a thread and a runtime of its own, as it may be called from any.
    pub(crate) fn ask(&self, request: Request<Vec<u8>>) -> Result<Answer, Error> {
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| Error::Request(error.to_string()))?;
            let answer = runtime.block_on(async { timeout(DEADLINE, self.say(request)).await.unwrap_or(Err(Error::Late(DEADLINE))) });
            // A name that nobody resolves holds a thread longer than the deadline; nothing waits for it.
            runtime.shutdown_background();
            answer
        };
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("ask-key-service".to_owned()).spawn_scoped(scope, run);
            let thread = thread.map_err(|error| Error::Request(error.to_string()))?;
            thread.join().unwrap_or_else(|_panic| Err(Error::Request("it panicked".to_owned())))
        })
    }

    async fn say(&self, request: Request<Vec<u8>>) -> Result<Answer, Error> {
        let host = self.uri.host().unwrap_or_default();
        let is_encrypted = self.uri.scheme_str() == Some("https");
        let port = self.uri.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 });
        let broken = |error: std::io::Error| Error::NoAnswer(error.kind().to_string());
        let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await.map_err(broken)?;
        if !is_encrypted {
            return self.say_over(stream, request).await;
        }
        let client = Client::new(&self.trust, Protocol::Http1).map_err(|error| Error::Request(error.to_string()))?;
        let stream = client.connect(host, stream).await;
        let refused = |_error| Error::NoAnswer("nobody vouches for its certificate, or it speaks no TLS 1.3".to_owned());
        self.say_over(stream.map_err(refused)?, request).await
    }

    async fn say_over(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send, request: Request<Vec<u8>>) -> Result<Answer, Error> {
        let broken = |error: hyper::Error| Error::NoAnswer(error.to_string());
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let (mut parts, body) = request.into_parts();
        let authority = self.authority().parse().map_err(|_no_value| Error::Request("its host cannot be named".to_owned()))?;
        parts.headers.insert(HOST, authority);
        parts.headers.insert(CONNECTION, http::HeaderValue::from_static("close"));
        // A server takes the path; who it is stands in the header.
        parts.uri = parts.uri.path().parse().map_err(|_no_path| Error::Request("its path cannot be named".to_owned()))?;
        let message = Request::from_parts(parts, Full::new(Bytes::from(body)));
        let answer = Box::pin(async move {
            let answer = sender.send_request(message).await.map_err(broken)?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
            let body = body.map_err(|_too_long| Error::NoAnswer("it ends early, or is too long".to_owned()))?.to_bytes();
            Ok(Answer { status, body: Zeroizing::new(body.to_vec()) })
        });
        // The connection does its work only while it is asked to; what it has read may be answered after its end.
        match select(answer, connection).await {
            Either::Left((answered, _)) => answered,
            Either::Right((_, answer)) => answer.await,
        }
    }
}
