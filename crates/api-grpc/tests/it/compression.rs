//! What goes over the wire compressed, and what does not: seen by real clients, and byte by byte.

use api_proto::zona::execution::v1 as executions;
use api_proto::zona::utility::v1 as pb;
use http::HeaderMap;
use http_body_util::{BodyExt as _, Full};
use prost::Message;
use prost::bytes::{BufMut as _, Bytes, BytesMut};
use test_support::in_time;
use tonic::Code;
use tonic::body::Body;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::transport::Channel;
use tower::ServiceExt as _;

use crate::harness::{Harness, TENANT, reason, utility_name};

const GET: &str = "/zona.utility.v1.UtilityService/GetUtility";
const EXECUTE: &str = "/zona.execution.v1.ExecutionService/ExecuteUtility";
const PREFIX: usize = 5;

/// An answer as it goes over the wire: its headers, and of each message whether it is compressed, and its bytes there.
struct Seen {
    headers: HeaderMap,
    messages: Vec<(bool, Bytes)>,
}

/// Code of a length that says much the same all the time.
fn code(bytes: usize) -> String {
    "# What it is for, and what it is not for.\n".repeat(bytes / 42) + "def transform(value):\n    return value\n"
}

/// Calls as who takes these codings, and looks at what comes.
async fn look(channel: &Channel, path: &str, accepted: Option<&str>, message: &impl Message) -> Seen {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.encoded_len()).unwrap());
    message.encode(&mut frame).unwrap();
    let mut request = http::Request::post(path).header("content-type", "application/grpc").header("te", "trailers");
    if let Some(accepted) = accepted {
        request = request.header("grpc-accept-encoding", accepted);
    }
    let request = request.body(Body::new(Full::new(frame.freeze()))).unwrap();
    let (parts, body) = in_time(channel.clone().oneshot(request)).await.unwrap().into_parts();
    let mut rest = in_time(body.collect()).await.unwrap().to_bytes();
    let mut messages = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_be_bytes(rest[1..PREFIX].try_into().unwrap()) as usize;
        messages.push((rest[0] == 1, rest.slice(PREFIX..PREFIX + length)));
        rest = rest.slice(PREFIX + length..);
    }
    Seen { headers: parts.headers, messages }
}

#[tokio::test]
async fn an_answer_over_a_kib_is_compressed_for_whoever_takes_that_and_says_the_same() {
    let server = Harness::start().await;
    // The last is compressed beside other calls.
    for (id, bytes) in [("middling", 4_000), ("large", 250_000)] {
        let made = server.create(id, &code(bytes)).await;
        let request = pb::GetUtilityRequest { name: utility_name(id) };
        let plain = look(&server.channel, GET, None, &request).await;
        assert_eq!((plain.messages.len(), plain.messages[0].0), (1, false), "{id}");
        assert!(!plain.headers.contains_key("grpc-encoding"), "{id}");
        for accepted in ["gzip", "identity, deflate, gzip"] {
            let packed = look(&server.channel, GET, Some(accepted), &request).await;
            assert_eq!((packed.messages.len(), packed.messages[0].0), (1, true), "{id} {accepted}");
            assert_eq!(packed.headers["grpc-encoding"], "gzip", "{id} {accepted}");
            assert!(packed.messages[0].1.len() < plain.messages[0].1.len() / 3, "{id} {accepted}");
        }
        let mut client = server.utilities.clone().accept_compressed(Gzip);
        let read = client.get_utility(request).await.unwrap().into_inner();
        assert_eq!((read.name, read.code), (made.name, made.code), "{id}");
    }
}

#[tokio::test]
async fn a_small_answer_and_one_for_who_takes_no_gzip_go_as_they_are() {
    let server = Harness::start().await;
    server.create("small", "pass\n").await;
    server.create("middling", &code(4_000)).await;
    for (id, accepted) in [("small", "gzip"), ("middling", "deflate,zstd"), ("middling", "identity"), ("middling", "")] {
        let seen = look(&server.channel, GET, Some(accepted), &pb::GetUtilityRequest { name: utility_name(id) }).await;
        assert_eq!((seen.messages.len(), seen.messages[0].0), (1, false), "{id} {accepted:?}");
        pb::Utility::decode(seen.messages[0].1.clone()).expect("it is the message itself");
    }
    let refused =
        server.utilities.clone().accept_compressed(Gzip).get_utility(pb::GetUtilityRequest { name: utility_name("absent") }).await;
    assert_eq!(refused.unwrap_err().code(), Code::NotFound, "an error is told as ever");
}

#[tokio::test]
async fn a_stream_goes_out_as_it_comes_whatever_its_caller_takes() {
    let server = Harness::start().await;
    let text = "a".repeat(4_000);
    server.create("some", &format!("def main():\n    #: print {text}\n    #: return 1\n")).await;
    let request = executions::ExecuteUtilityRequest { name: utility_name("some"), ..Default::default() };
    let seen = look(&server.channel, EXECUTE, Some("gzip"), &request).await;
    assert!(!seen.headers.contains_key("grpc-encoding"));
    assert!(seen.messages.iter().any(|(_, message)| message.len() > text.len()), "its output came");
    assert!(seen.messages.iter().all(|(packed, _)| !packed));
}

#[tokio::test]
async fn a_request_that_is_compressed_is_refused_before_it_is_unpacked_and_names_what_is_taken() {
    let server = Harness::start().await;
    // Some KiB on the wire, and almost the most that a request may be.
    let bomb = pb::ValidateCodeRequest { parent: TENANT.to_owned(), code: vec![b' '; 8 * 1024 * 1024 - 1_024], ..Default::default() };
    for _ in 0..64 {
        let refused = server.utilities.clone().send_compressed(Gzip).validate_code(bomb.clone()).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused)), (Code::Unimplemented, "UNSUPPORTED_ENCODING".to_owned()));
        assert_eq!(refused.metadata().get("grpc-accept-encoding").unwrap(), "identity");
    }
    server.create("some", "pass\n").await;
}
