//! Asks another issuer, in a file, over HTTP on this host or over HTTPS, within bounds of size and time. Redirections are
//! not followed: who answers under the configured address answers, or nobody does.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::{Either, select};
use http::header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tls::{Protocol, Trust};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::key_set;
use crate::public_key::PublicKey;

/// Most bytes of an answer, such as a set of keys.
const MAX_BYTES: usize = 256 * 1024;
/// Longest time until all of it is there.
const DEADLINE: Duration = Duration::from_secs(5);

/// Where an issuer is asked: for its public keys, for a description of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPlace {
    /// A file, which nobody but the server's user and root can change.
    File(PathBuf),
    /// An address on this host, asked in plain text.
    Local(Uri),
    /// An address that is asked over TLS 1.3.
    Encrypted {
        /// The address.
        address: Uri,
        /// Who says that the server is the one of the address.
        trust: Trust,
    },
}

/// Why an answer cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Untrusted(#[from] file_trust::Error),
    #[error("it cannot be read")]
    Read(#[from] io::Error),
    #[error("no answer")]
    Http(#[from] hyper::Error),
    #[error("nobody can be believed")]
    Tls(#[from] tls::Error),
    #[error("the request cannot be made")]
    Request(#[from] http::Error),
    #[error("the answer ends early, or has more than {MAX_BYTES} bytes")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the answer has the status {0}")]
    Status(http::StatusCode),
    #[error("no answer within {DEADLINE:?}")]
    Deadline(#[from] tokio::time::error::Elapsed),
    #[error("reading failed")]
    Panicked(#[from] tokio::task::JoinError),
    #[error("what is there cannot be used")]
    Fault(#[from] key_set::Fault),
    #[error("a file takes nothing")]
    NoServer,
}

impl KeyPlace {
    /// Reads an absolute path, an `http` address on this host, or an `https` address.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if Path::new(text).is_absolute() {
            return Ok(KeyPlace::File(text.into()));
        }
        let local = |uri: &Uri| match uri.host() {
            Some(host) => matches!(host, "127.0.0.1" | "[::1]"),
            None => false,
        };
        match text.parse::<Uri>() {
            Ok(uri) if uri.scheme_str() == Some("http") && local(&uri) => Ok(KeyPlace::Local(uri)),
            Ok(uri) if uri.scheme_str() == Some("https") && uri.host().is_some() && !has_user(&uri) => {
                Ok(KeyPlace::Encrypted { address: uri, trust: Trust::System })
            }
            Ok(uri) if uri.host().is_some_and(|host| host.eq_ignore_ascii_case("localhost")) => {
                Err("must name 127.0.0.1 or [::1]: what `localhost` is, a resolver says".to_owned())
            }
            Ok(uri) if uri.scheme_str() == Some("http") => {
                Err("must be an absolute path, https://... or http://127.0.0.1:PORT/...: keys from elsewhere need TLS".to_owned())
            }
            _ => Err("must be an absolute path, or an address such as https://id.example.org/jwks.json".to_owned()),
        }
    }

    /// The same, where this file has the authorities that may say who the server is, and no others may.
    ///
    /// # Errors
    /// Nothing is asked there over TLS.
    pub fn believing(self, authorities: PathBuf) -> Result<Self, String> {
        match self {
            KeyPlace::Encrypted { address, .. } => Ok(KeyPlace::Encrypted { address, trust: Trust::File(authorities) }),
            KeyPlace::File(_) | KeyPlace::Local(_) => Err("is for keys at an https address".to_owned()),
        }
    }
}

/// Whether an address names somebody at its host, which some read as another host.
fn has_user(uri: &Uri) -> bool {
    uri.authority().is_some_and(|authority| authority.as_str().contains('@'))
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyPlace::File(path) => path.display().fmt(f),
            KeyPlace::Local(address) | KeyPlace::Encrypted { address, .. } => address.fmt(f),
        }
    }
}

/// The keys that are at a place now.
pub(crate) async fn keys(place: &KeyPlace) -> Result<Vec<PublicKey>, Error> {
    Ok(key_set::read(&document(place).await?)?)
}

/// What is at a place now.
pub(super) async fn document(place: &KeyPlace) -> Result<Vec<u8>, Error> {
    if let KeyPlace::File(path) = place {
        let path = path.clone();
        return tokio::task::spawn_blocking(move || read(&path)).await?;
    }
    match ask(place, Question { method: Method::GET, authorization: None, form: String::new() }).await? {
        (StatusCode::OK, body) => Ok(body.to_vec()),
        (status, _) => Err(Error::Status(status)),
    }
}

/// What is answered to a form, whatever the status.
pub(super) async fn post(place: &KeyPlace, authorization: Option<HeaderValue>, form: String) -> Result<(StatusCode, Bytes), Error> {
    ask(place, Question { method: Method::POST, authorization, form }).await
}

/// What is asked at an address.
struct Question {
    method: Method,
    authorization: Option<HeaderValue>,
    /// Of a GET, empty.
    form: String,
}

async fn ask(place: &KeyPlace, question: Question) -> Result<(StatusCode, Bytes), Error> {
    match place {
        KeyPlace::File(_) => Err(Error::NoServer),
        KeyPlace::Local(address) => tokio::time::timeout(DEADLINE, in_plain_text(address, question)).await?,
        KeyPlace::Encrypted { address, trust } => tokio::time::timeout(DEADLINE, encrypted(address, trust, question)).await?,
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let file = File::open(file_trust::trusted(path)?)?;
    let mut bytes = Vec::new();
    // What is longer than this ends too early, and is no set.
    file.take(MAX_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

async fn in_plain_text(uri: &Uri, question: Question) -> Result<(StatusCode, Bytes), Error> {
    exchange(uri, connect(uri, 80).await?, question).await
}

async fn encrypted(uri: &Uri, trust: &Trust, question: Question) -> Result<(StatusCode, Bytes), Error> {
    let trust = trust.clone();
    let client = tokio::task::spawn_blocking(move || tls::Client::new(&trust, Protocol::Http1)).await??;
    let stream = client.connect(uri.host().unwrap_or_default(), connect(uri, 443).await?).await?;
    exchange(uri, stream, question).await
}

async fn connect(uri: &Uri, usual_port: u16) -> io::Result<TcpStream> {
    let host = uri.host().unwrap_or_default();
    TcpStream::connect((host.trim_matches(['[', ']']), uri.port_u16().unwrap_or(usual_port))).await
}

async fn exchange(uri: &Uri, stream: impl AsyncRead + AsyncWrite + Unpin + Send, question: Question) -> Result<(StatusCode, Bytes), Error> {
    let host = uri.host().unwrap_or_default();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let authority = uri.authority().map_or(host, http::uri::Authority::as_str);
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let request = Request::builder().method(question.method).uri(path);
    let mut request = request.header(HOST, authority).header(ACCEPT, "application/json").header(CONNECTION, "close");
    if !question.form.is_empty() {
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    if let Some(authorization) = question.authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    let request = request.body(Full::new(Bytes::from(question.form)))?;
    let answer = Box::pin(async move {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        Ok((status, Limited::new(answer.into_body(), MAX_BYTES).collect().await.map_err(Error::Body)?.to_bytes()))
    });
    // The connection does its work only while it is asked to; what it has read may be answered after its end.
    match select(answer, connection).await {
        Either::Left((answered, _)) => answered,
        Either::Right((_, answer)) => answer.await,
    }
}

#[cfg(test)]
mod tests;
