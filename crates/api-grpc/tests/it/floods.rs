//! Peers that send frames which carry no work, as fast as they can; and those that send many because they read much.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::transport::Endpoint;

use api_proto::zona::utility::v1 as pb;
use api_proto::zona::utility::v1::utility_service_client::UtilityServiceClient;

use crate::harness::{Harness, utility_name};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Long enough for a slow machine.
const SOON: Duration = Duration::from_secs(20);
/// More than may come at once, and little enough for a test.
const MANY: usize = 400_000;

/// A frame on a stream.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// Sends so many of a frame; says whether the server has ended the connection.
async fn is_ended(server: &Harness, frame: &[u8], count: usize) -> bool {
    let mut connection = TcpStream::connect(server.address).await.unwrap();
    connection.write_all(PREFACE).await.unwrap();
    connection.write_all(&self::frame(0x4, 0, 0, &[])).await.unwrap();
    let (mut read, mut write) = connection.split();
    let flood = async {
        let piece = frame.repeat(1_000);
        for _ in 0..count / 1_000 {
            if write.write_all(&piece).await.is_err() {
                return true;
            }
        }
        std::future::pending().await
    };
    let answers = async {
        let mut buffer = [0; 64 * 1024];
        while matches!(read.read(&mut buffer).await, Ok(bytes) if bytes > 0) {}
        true
    };
    let ended = async {
        tokio::select! { ended = flood => ended, ended = answers => ended }
    };
    tokio::time::timeout(SOON, ended).await.unwrap_or(false)
}

#[tokio::test]
async fn a_flood_of_frames_that_carry_no_work_ends_its_connection_and_no_other() {
    let server = Harness::start().await;
    server.create("some", "pass").await;
    let floods: [(&str, Vec<u8>); 5] = [
        ("priority", frame(0x2, 0, 3, &[0, 0, 0, 0, 7])),
        ("window update", frame(0x8, 0, 0, &[0, 0, 0, 1])),
        ("ping", frame(0x6, 0, 0, &[0; 8])),
        ("settings", frame(0x4, 0, 0, &[])),
        ("unknown", frame(0x77, 0, 0, &[1, 2, 3])),
    ];
    for (name, flood) in floods {
        assert!(is_ended(&server, &flood, MANY).await, "{name}");
        assert_eq!(server.get("some").await.code, "pass", "{name}: others are served");
    }
}

#[tokio::test]
async fn who_reads_much_through_a_small_window_is_not_taken_for_a_flood() {
    let server = Harness::start().await;
    let code = format!("pass\n#{}\n", "x".repeat(200_000));
    server.create("some", &code).await;
    // About 4,000 window updates an answer.
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap().initial_stream_window_size(100);
    let mut client = UtilityServiceClient::new(endpoint.connect().await.unwrap());
    for _ in 0..10 {
        let answer = client.get_utility(pb::GetUtilityRequest { name: utility_name("some") }).await.unwrap();
        assert_eq!(answer.into_inner().code, code);
    }
}
