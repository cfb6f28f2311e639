//! Questions to real servers on this machine.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tonic_health::ServingStatus as ServingReply;
use tonic_health::server::health_reporter;

use super::*;

/// A server that answers each request with the same bytes.
async fn answering(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1_024];
            let read = stream.read(&mut request).await.unwrap();
            assert!(request[..read].starts_with(b"GET /ready?deep=1 HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    address
}

/// A port that nobody listens on.
async fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn http_is_well_from_200_to_399() {
    for (answer, well) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", true),
        ("HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", true),
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", false),
        ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", false),
    ] {
        let asked = http(answering(answer).await, "/ready?deep=1").await;
        assert_eq!(asked.is_ok(), well, "{answer}: {asked:?}");
    }
    let error = http(answering("HTTP/1.1 503 x\r\ncontent-length: 0\r\n\r\n").await, "/ready?deep=1").await.unwrap_err();
    assert_eq!(error, "/ready?deep=1 answers 503");
}

#[tokio::test]
async fn what_is_no_http_or_not_there_is_not_well() {
    http(answering("SSH-2.0-x\r\n\r\n").await, "/ready?deep=1").await.unwrap_err();
    http(closed().await, "/").await.unwrap_err();
    tcp(closed().await).await.unwrap_err();
    grpc(closed().await, "", Duration::from_secs(5)).await.unwrap_err();
}

#[tokio::test]
async fn grpc_is_well_where_the_health_service_says_so_of_the_service() {
    let (reporter, service) = health_reporter();
    reporter.set_service_status("zona.Api", ServingReply::Serving).await;
    reporter.set_service_status("zona.Other", ServingReply::NotServing).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
    let limit = Duration::from_secs(5);
    grpc(address, "zona.Api", limit).await.unwrap();
    assert_eq!(grpc(address, "zona.Other", limit).await.unwrap_err(), "the health check answers NOT_SERVING");
    assert!(grpc(address, "zona.Unknown", limit).await.unwrap_err().contains("not found"), "an unknown service is not well");
}
