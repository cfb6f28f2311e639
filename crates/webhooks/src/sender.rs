//! One attempt: resolve, check every address, connect to one of them, say one request, and believe nothing but the status.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::event::Event;
use domain::identity::Secret;
use domain::time::Timestamp;
use domain::webhook::{Refusal, WebhookSecrets, WebhookSender};
use futures_util::future::{Either, select};
use http::header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tls::{Client, Protocol, Trust};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::address::{Address, Resolver, is_ours};
use crate::network::Networks;
use crate::{cloud_event, signature};

/// How much of an answer's body is read, and for how long, so that a receiver can end in good order; nothing is made of it.
const MAX_ANSWER: usize = 4 * 1024;
const ANSWER_TIME: Duration = Duration::from_millis(500);

/// Least time for a connection to one of several addresses.
const LEAST: Duration = Duration::from_secs(1);

/// How long the authorities that were read are believed: their files change.
const BELIEVED_FOR: Duration = Duration::from_secs(3_600);

/// How events are sent.
#[derive(Debug, Clone)]
pub struct Config {
    /// Longest time of one attempt, all together.
    pub timeout: Duration,
    /// Addresses beyond the public internet that may be reached.
    pub networks: Networks,
    /// Who is believed when they say who a receiver is.
    pub trust: Trust,
}

/// Sends over HTTP/1.1.
pub struct HttpSender {
    config: Config,
    resolver: Resolver,
    /// What is believed, and when that was read.
    client: Mutex<Option<(Instant, Client)>>,
    /// How long it is believed.
    pub(crate) believed_for: Duration,
}

impl HttpSender {
    /// A sender. Authorities that an operator names are read at once, those of the system when it sends first, and either anew after a while.
    ///
    /// # Errors
    /// Those that an operator names cannot be used.
    pub fn open(config: Config) -> Result<Self, tls::Error> {
        let client = match &config.trust {
            Trust::File(_) => Some((Instant::now(), Client::new(&config.trust, Protocol::Http1)?)),
            Trust::System => None,
        };
        Ok(HttpSender { config, resolver: Resolver::default(), client: Mutex::new(client), believed_for: BELIEVED_FOR })
    }

    async fn attempt(&self, address: &Address, message: Request<Full<Bytes>>) -> Result<(), Refusal> {
        let stream = self.connect(address).await?;
        if !address.encrypted {
            return say(stream, message).await;
        }
        let client = self.client().await?;
        let shaken = client.connect(address.host(), stream).await;
        say(shaken.map_err(|error| no_handshake(&error))?, message).await
    }

    async fn connect(&self, address: &Address) -> Result<TcpStream, Refusal> {
        // To what was checked, and not to the name once more: that may lead elsewhere by now.
        let all = self.resolver.resolve(address, &self.config.networks).await?;
        let share = share(self.config.timeout, all.len());
        first_that_answers(&all, share).await
    }

    async fn client(&self) -> Result<Client, Refusal> {
        let mut kept = self.client.lock().await;
        if let Some((read, client)) = &*kept
            && read.elapsed() < self.believed_for
        {
            return Ok(client.clone());
        }
        let trust = self.config.trust.clone();
        let made = tokio::task::spawn_blocking(move || Client::new(&trust, Protocol::Http1)).await;
        let made = made.map_err(|error| Refusal::Ours(format!("nobody can be believed: {error}")))?;
        let client = match (made, &*kept) {
            (Ok(client), _) => client,
            (Err(error), Some((_, client))) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(
                    error,
                    "authorities of receivers of webhooks cannot be read; those that were read last are believed further on"
                );
                client.clone()
            }
            (Err(error), None) => return Err(Refusal::Ours(format!("nobody can be believed: {error}"))),
        };
        *kept = Some((Instant::now(), client.clone()));
        Ok(client)
    }
}

#[async_trait]
impl WebhookSender for HttpSender {
    fn check(&self, url: &str) -> Result<(), String> {
        Address::parse(url, &self.config.networks).map(drop)
    }

    fn new_secret(&self) -> Secret {
        signature::new_secret()
    }

    async fn send(&self, url: &str, secrets: &WebhookSecrets, event: &Event, now: Timestamp) -> Result<(), Refusal> {
        let address = Address::parse(url, &self.config.networks).map_err(Refusal::Theirs)?;
        let (body, seconds) = (cloud_event::text(event), now.as_millis() / 1_000);
        let signatures = signature::signatures(secrets, now, &event.id, seconds, &body);
        let signatures = signatures.ok_or_else(|| Refusal::Theirs("its secret is none".to_owned()))?;
        let message = Request::post(address.path())
            .header(HOST, address.authority())
            .header(USER_AGENT, "zona")
            .header(CONTENT_TYPE, "application/cloudevents+json; charset=utf-8")
            .header(CONNECTION, "close")
            .header("webhook-id", &event.id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signatures)
            .body(Full::new(Bytes::from(body)));
        let message = message.map_err(|error| Refusal::Theirs(format!("it cannot be asked: {error}")))?;
        let limit = self.config.timeout;
        let late = |_elapsed| Err(Refusal::Theirs(format!("no answer within {limit:?}")));
        timeout(limit, self.attempt(&address, message)).await.unwrap_or_else(late)
    }
}

/// The time for a connection to each of so many addresses: one that drops what it is sent leaves time for the next.
fn share(timeout: Duration, addresses: usize) -> Duration {
    (timeout / u32::try_from(addresses).unwrap_or(u32::MAX).max(1)).max(LEAST)
}

/// A connection to the first of the addresses that takes one within its share of the time.
async fn first_that_answers(addresses: &[SocketAddr], share: Duration) -> Result<TcpStream, Refusal> {
    let mut last = io::ErrorKind::AddrNotAvailable;
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) if is_ours(&error) => return Err(Refusal::Ours(format!("no connection can be made: {error}"))),
            Ok(Err(error)) => last = error.kind(),
            Err(_elapsed) => last = io::ErrorKind::TimedOut,
        }
    }
    Err(Refusal::Theirs(format!("no connection: {last}")))
}

/// Says one request, and waits for the answer. Redirections are not followed: who answers under the address answers, or nobody does.
async fn say(stream: impl AsyncRead + AsyncWrite + Unpin + Send, message: Request<Full<Bytes>>) -> Result<(), Refusal> {
    let broken = |error: hyper::Error| Refusal::Theirs(format!("no answer: {error}"));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let answer = Box::pin(async move {
        let answer = sender.send_request(message).await.map_err(broken)?;
        let status = answer.status();
        // It counts as taken by its status, whatever follows, and however slowly.
        let _ = timeout(ANSWER_TIME, Limited::new(answer.into_body(), MAX_ANSWER).collect()).await;
        Ok(status)
    });
    // The connection does its work only while it is asked to; what it has read may be answered after its end.
    let status = match select(answer, connection).await {
        Either::Left((answered, _)) => answered?,
        Either::Right((_, answer)) => answer.await?,
    };
    if status.is_success() { Ok(()) } else { Err(Refusal::Theirs(told(status))) }
}

/// In words of our own: what the receiver says of itself stands in the error, its certificate's names among it.
fn no_handshake(error: &io::Error) -> Refusal {
    let why = match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            "nobody vouches for its certificate, or it speaks no TLS 1.3".to_owned()
        }
        kind => kind.to_string(),
    };
    Refusal::Theirs(format!("no handshake: {why}"))
}

fn told(status: StatusCode) -> String {
    let kind = if status.is_redirection() { ", and redirections are not followed" } else { "" };
    format!("the answer has the status {}{kind}", status.as_u16())
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// An address that drops what it is sent, as behind a firewall: whoever listens there takes nobody, and its queue is full. It does so
    /// for as long as what is answered beside it is kept.
    async fn silent() -> (SocketAddr, (TcpListener, Vec<TcpStream>)) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let listener = socket.listen(1).unwrap();
        let (address, mut queue) = (listener.local_addr().unwrap(), Vec::new());
        while let Ok(waiting) = timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
            queue.push(waiting.unwrap());
        }
        (address, (listener, queue))
    }

    #[test]
    fn addresses_share_the_time_of_an_attempt_and_none_gets_next_to_nothing() {
        let seconds = Duration::from_secs;
        let shares = [0, 1, 2, 4, 40].map(|addresses| share(seconds(10), addresses));
        assert_eq!(shares, [seconds(10), seconds(10), seconds(5), Duration::from_millis(2_500), LEAST]);
    }

    #[tokio::test]
    async fn an_address_that_drops_what_it_is_sent_leaves_time_for_the_next() {
        let (dropping, _full) = silent().await;
        let taking = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let taken = taking.local_addr().unwrap();
        let (a_share, begun) = (Duration::from_millis(100), Instant::now());
        let stream = first_that_answers(&[dropping, taken], a_share).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), taken);
        assert!(begun.elapsed() >= a_share, "the first had its share");
        let refused = first_that_answers(&[dropping], a_share).await.unwrap_err();
        assert_eq!(refused, Refusal::Theirs("no connection: timed out".to_owned()));
    }
}
