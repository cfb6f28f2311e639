//! The port for other protocols: HTTP/1.1 as bytes, within the same bounds as gRPC, and nobody is anybody by coming from this machine.

use std::net::SocketAddr;
use std::time::Duration;

use api_grpc::Deadlines;
use test_support::in_time;
use tls::{Client, Protocol};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::encrypted::{self, Place};
use crate::harness::{Harness, Options};

const WHO_AM_I: &str = "/zona.identity.v1.IdentityService/WhoAmI";
/// A message of nothing, in its frame.
const NOTHING: &[u8] = &[0; 5];

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

#[tokio::test]
async fn a_body_that_does_not_come_in_time_ends_the_call_and_the_connection() {
    let deadlines = Deadlines { request: Duration::from_millis(200), ..Deadlines::default() };
    let mut harness = Harness::with(Options { deadlines, ..Options::default() }).await;
    let address = harness.serve_web().await;
    let mut connection = connected(address).await;
    send(&mut connection, &[&head(WHO_AM_I, 1_000)[..], b"\r\n", NOTHING].concat()).await;
    let told = rest(&mut connection).await;
    assert!(told.contains("grpc-status: 4"), "{told}");
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
async fn who_says_nothing_is_closed_and_places_are_bounded() {
    let options = Options { max_connections: Some(1), preface_patience: Some(Duration::from_millis(200)), ..Options::default() };
    let mut harness = Harness::with(options).await;
    let address = harness.serve_web().await;
    let mut silent = connected(address).await;
    let mut refused = connected(address).await;
    assert_eq!(rest(&mut refused).await, "", "there is one place");
    assert_eq!(rest(&mut silent).await, "", "who says nothing gives it back");
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
