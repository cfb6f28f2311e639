//! The port for other protocols: HTTP/1.1 as bytes, within the same bounds as gRPC, and nobody is anybody by coming from this machine.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use api_grpc::Deadlines;
use api_proto::zona::audit::v1::{AuditOutcome, AuditRecord};
use api_proto::zona::utility::v1 as pb;
use h2::client::{Builder, SendRequest};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use prost::Message as _;
use prost::bytes::Bytes;
use test_support::in_time;
use tls::{Client, Protocol};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::Service;

use crate::encrypted::{self, Place};
use crate::harness::{Harness, Options, utility_name};
use crate::{audit, unread};

const WHO_AM_I: &str = "/zona.identity.v1.IdentityService/WhoAmI";
/// A message of nothing, in its frame.
const NOTHING: &[u8] = &[0; 5];
/// Bytes of requests that are not complete, of one connection.
const BUDGET: usize = 32 * 1024 * 1024;
/// Long enough for a slow machine, and shorter than what would end a connection for another reason than the one that is tested.
const SOON: Duration = Duration::from_secs(20);

/// What answers on the port.
trait Web: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static {}

impl<S> Web for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
}

async fn soon<T>(awaited: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, awaited).await.expect("what is waited for does not come soon")
}

/// A client of HTTP/2, whose streams may be sent `window` bytes.
async fn over_http2(place: &Place, address: SocketAddr, window: u32) -> SendRequest<Bytes> {
    let connection = place.client().connect("127.0.0.1", connected(address).await).await.unwrap();
    let mut builder = Builder::new();
    let (client, connection) = builder.initial_window_size(window).handshake(connection).await.unwrap();
    tokio::spawn(connection);
    client
}

fn head(path: &str, length: usize) -> Vec<u8> {
    let text =
        format!("POST {path} HTTP/1.1\r\nhost: zona\r\ncontent-type: application/grpc\r\nte: trailers\r\ncontent-length: {length}\r\n");
    text.into_bytes()
}

fn request(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    [&head(path, body.len())[..], headers.as_bytes(), b"\r\n", body].concat()
}

/// The head of the next answer.
async fn answered(connection: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(in_time(connection.read_u8()).await.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&head))));
    }
    String::from_utf8(head).unwrap()
}

/// Everything up to the end.
async fn rest(connection: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    // How it ends, with a goodbye or without, is not what is asked here.
    let _ended = in_time(connection.read_to_end(&mut bytes)).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn connected(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

async fn send(connection: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) {
    connection.write_all(bytes).await.unwrap();
    connection.flush().await.unwrap();
}

#[tokio::test]
async fn whoever_comes_by_the_port_for_browsers_must_show_who_they_are() {
    let mut harness = Harness::start().await;
    let known = harness.identity.who_am_i(api_proto::zona::identity::v1::WhoAmIRequest {}).await;
    assert!(known.is_ok(), "over the loopback interface, whoever comes is known");
    let address = harness.serve_web().await;
    let mut connection = connected(address).await;
    for _ in 0..2 {
        send(&mut connection, &request(WHO_AM_I, "", NOTHING)).await;
        let answer = answered(&mut connection).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("grpc-status: 7"), "{answer}");
    }
}

/// Reads bodies and does nothing else; says how each has ended.
fn reader() -> (impl Web, UnboundedReceiver<Code>) {
    let (told, ends) = unbounded_channel();
    let service = tower::service_fn(move |request: Request<Body>| {
        let told = told.clone();
        async move {
            let mut body = request.into_body();
            let end = loop {
                match body.frame().await {
                    Some(Ok(_read)) => {}
                    Some(Err(broken)) => break broken,
                    None => break Status::new(Code::Ok, ""),
                }
            };
            told.send(end.code()).unwrap();
            Ok(end.into_http())
        }
    });
    (service, ends)
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_ended_whoever_reads_it() {
    let deadlines = Deadlines { request: Duration::from_millis(200), ..Deadlines::default() };
    let mut harness = Harness::with(Options { deadlines, ..Options::default() }).await;
    let (service, mut ends) = reader();
    let address = harness.serve_web_of(service).await;
    let mut connection = connected(address).await;
    send(&mut connection, &[&head(WHO_AM_I, 1_000)[..], b"\r\n", NOTHING].concat()).await;
    assert_eq!(soon(ends.recv()).await, Some(Code::DeadlineExceeded));
}

#[tokio::test]
async fn bytes_of_bodies_that_are_not_there_yet_count_against_the_budget_of_their_connection() {
    let mut harness = Harness::start().await;
    let (service, mut ends) = reader();
    let address = harness.serve_web_of(service).await;
    let mut connection = connected(address).await;
    send(&mut connection, &[&head(WHO_AM_I, 2 * BUDGET)[..], b"\r\n"].concat()).await;
    // The server hangs up in the middle.
    let _cut_off = connection.write_all(&vec![b'x'; 2 * BUDGET - 1]).await;
    assert_eq!(soon(ends.recv()).await, Some(Code::ResourceExhausted));
}

/// Answers this much at once; says when nothing of it is held any more.
fn generous(bytes: usize) -> (impl Web, UnboundedReceiver<()>) {
    struct Held(Vec<u8>, UnboundedSender<()>);
    impl AsRef<[u8]> for Held {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    impl Drop for Held {
        fn drop(&mut self) {
            self.1.send(()).unwrap();
        }
    }
    let (told, ends) = unbounded_channel();
    let service = tower::service_fn(move |_asked: Request<Body>| {
        let held = Bytes::from_owner(Held(vec![b'x'; bytes], told.clone()));
        async move { Ok(Response::new(Body::new(Full::new(held)))) }
    });
    (service, ends)
}

#[tokio::test]
async fn over_http2_an_answer_that_nobody_reads_is_ended_whoever_gives_it() {
    let place = Place::new();
    let deadlines = Deadlines { request: Duration::from_millis(200), ..Deadlines::default() };
    let mut harness = Harness::with(Options { deadlines, tls: Some((place.server(), place.client())), ..Options::default() }).await;
    let (service, mut ends) = generous(100_000);
    let address = harness.serve_web_of(service).await;
    for window in [0, 1] {
        let mut client = over_http2(&place, address, window).await.ready().await.unwrap();
        let request = Request::get("https://127.0.0.1/openapi.json").body(()).unwrap();
        let mut body = client.send_request(request, true).unwrap().0.await.unwrap().into_body();
        let end = loop {
            if let Err(end) = soon(body.data()).await.expect("it has not ended well") {
                break end;
            }
        };
        assert!(end.is_reset(), "{end:?}");
        soon(ends.recv()).await.expect("and nothing of it is held");
    }
}

#[tokio::test]
async fn over_http1_an_answer_that_nobody_reads_is_ended_whoever_gives_it() {
    let deadlines = Deadlines { request: Duration::from_millis(200), ..Deadlines::default() };
    let idle_patience = Some(Duration::from_secs(3_600));
    let mut harness = Harness::with(Options { deadlines, idle_patience, ..Options::default() }).await;
    // More than the kernel holds of it.
    let (service, mut ends) = generous(64 * 1024 * 1024);
    let address = harness.serve_web_of(service).await;
    let mut connection = connected(address).await;
    send(&mut connection, &request("/openapi.json", "", b"")).await;
    soon(ends.recv()).await.expect("nothing of it is held");
    let told = rest(&mut connection).await;
    assert!(told.starts_with("HTTP/1.1 200") && told.len() < 64 * 1024 * 1024, "{} bytes", told.len());
}

#[tokio::test]
async fn messages_of_grpc_are_bounded_as_such_also_over_the_port_for_browsers() {
    let place = Place::new();
    let deadlines = Deadlines { request: Duration::from_millis(300), ..Deadlines::default() };
    let mut harness = Harness::with(Options { deadlines, tls: Some((place.server(), place.client())), ..Options::default() }).await;
    let address = harness.serve_web().await;
    unread::may_wait(&over_http2(&place, address, 65_535).await).await;
}

#[tokio::test]
async fn heads_are_bounded_in_bytes_and_in_number() {
    let mut harness = Harness::start().await;
    let address = harness.serve_web().await;
    for headers in [format!("x-long: {}\r\n", "x".repeat(20_000)), "x-many: y\r\n".repeat(200)] {
        let mut connection = connected(address).await;
        send(&mut connection, &request(WHO_AM_I, &headers, NOTHING)).await;
        let answer = answered(&mut connection).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
}

#[tokio::test]
async fn who_says_nothing_is_closed() {
    let mut harness = Harness::with(Options { preface_patience: Some(Duration::from_millis(200)), ..Options::default() }).await;
    let address = harness.serve_web().await;
    assert_eq!(soon(rest(&mut connected(address).await)).await, "");
}

#[tokio::test]
async fn places_are_bounded() {
    // Who has one keeps it.
    let long = Some(Duration::from_secs(3_600));
    let options = Options { max_connections: Some(1), preface_patience: long, idle_patience: long, ..Options::default() };
    let mut harness = Harness::with(options).await;
    let address = harness.serve_web().await;
    let mut first = connected(address).await;
    send(&mut first, &request(WHO_AM_I, "", NOTHING)).await;
    assert!(answered(&mut first).await.starts_with("HTTP/1.1 200"));
    assert_eq!(soon(rest(&mut connected(address).await)).await, "", "there is one place");
}

#[tokio::test]
async fn who_is_refused_there_is_recorded_with_address_and_purpose() {
    let mut harness = Harness::start().await;
    let address = harness.serve_web().await;
    let message = pb::GetUtilityRequest { name: utility_name("one") }.encode_to_vec();
    let framed = [&[0, 0, 0, 0, u8::try_from(message.len()).unwrap()][..], &message].concat();
    let mut connection = connected(address).await;
    send(&mut connection, &request("/zona.utility.v1.UtilityService/GetUtility", "zona-purpose: ticket 4711\r\n", &framed)).await;
    let answer = answered(&mut connection).await;
    assert!(answer.contains("grpc-status: 7"), "{answer}");
    harness.auditor.flush().await;
    let found = audit::of_action(&harness, "utility.get").await;
    let address = |record: &AuditRecord| record.actor.as_ref().map(|actor| actor.address.clone()).unwrap_or_default();
    let said: Vec<_> = found.iter().map(|record| (record.outcome(), record.purpose.as_str(), address(record))).collect();
    assert_eq!(said, [(AuditOutcome::Denied, "ticket 4711", "127.0.0.1".to_owned())]);
}

#[tokio::test]
async fn over_tls_a_client_speaks_the_http_that_it_has_named() {
    let place = Place::new();
    let mut harness = Harness::with(Options { tls: Some((place.server(), place.client())), ..Options::default() }).await;
    let address = harness.serve_web().await;
    let client: Client = place.speaking(Protocol::Http1);
    let mut connection = client.connect("127.0.0.1", connected(address).await).await.unwrap();
    send(&mut connection, &request(WHO_AM_I, "", NOTHING)).await;
    assert!(answered(&mut connection).await.starts_with("HTTP/1.1 200"));
    let channel = encrypted::channel(address, place.client()).await.unwrap();
    let mut identity = api_proto::zona::identity::v1::identity_service_client::IdentityServiceClient::new(channel);
    let refused = identity.who_am_i(api_proto::zona::identity::v1::WhoAmIRequest {}).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied);
}
