//! Peers that do half of what a call needs: they never end their request, or do not read the answer. What they make the server
//! hold is bounded, and ends in time, whatever they do.

use std::time::{Duration, Instant};

use api_grpc::Deadlines;
use api_proto::zona::execution::v1 as executions;
use api_proto::zona::utility::v1 as pb;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use h2::client::{Builder, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request};
use prost::Message;
use prost::bytes::{BufMut as _, Bytes, BytesMut};
use tokio::net::TcpStream;
use tonic::{Code, Status};

use crate::harness::{Harness, Options, details, reason, utility_name};

const UTILITIES: &str = "/zona.utility.v1.UtilityService";
const EXECUTIONS: &str = "/zona.execution.v1.ExecutionService";
/// Long enough for a slow machine, and far below any deadline that is not under test.
const SOON: Duration = Duration::from_secs(20);
/// Bytes of each of the requests that are not ended.
const PART: usize = 1024 * 1024;
/// How many of them are sent.
const SENT: usize = 64;

/// A client that decides itself what it reads: its streams may be sent `window` bytes until it says otherwise.
async fn client(server: &Harness, window: u32) -> SendRequest<Bytes> {
    let connection = TcpStream::connect(server.address).await.unwrap();
    let mut builder = Builder::new();
    builder.initial_window_size(window).initial_connection_window_size(16 * 1024 * 1024);
    let (client, connection) = builder.handshake(connection).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Begins a call; its request's end is yet to come.
async fn begin(client: &SendRequest<Bytes>, path: &str, timeout: Option<&str>) -> (h2::client::ResponseFuture, SendStream<Bytes>) {
    let mut request = Request::post(format!("http://server{path}")).header("content-type", "application/grpc").header("te", "trailers");
    if let Some(timeout) = timeout {
        request = request.header("grpc-timeout", timeout);
    }
    let mut client = client.clone().ready().await.unwrap();
    client.send_request(request.body(()).unwrap(), false).unwrap()
}

/// Makes a call with a whole request.
async fn call(client: &SendRequest<Bytes>, path: &str, timeout: &str, message: &impl Message) -> RecvStream {
    let (answer, mut request) = begin(client, path, Some(timeout)).await;
    request.send_data(framed(&message.encode_to_vec()), true).unwrap();
    answer.await.unwrap().into_body()
}

fn framed(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap());
    framed.put_slice(message);
    framed.freeze()
}

/// The beginning of a message of 8 MB.
fn half_of_a_message(bytes: usize) -> Bytes {
    let mut half = BytesMut::new();
    half.put_u8(0);
    half.put_u32(8_000_000);
    half.resize(bytes, b' ');
    half.freeze()
}

/// The status of a call that is answered with nothing else.
async fn refused(answer: h2::client::ResponseFuture) -> Status {
    let headers: HeaderMap = tokio::time::timeout(SOON, answer).await.expect("it is answered").unwrap().into_parts().0.headers;
    Status::from_header_map(&headers).expect("it is a status alone")
}

fn large_code() -> String {
    format!("pass\n#{}\n", "x".repeat(200_000))
}

#[tokio::test]
async fn a_deadline_ends_a_call_whose_answer_nobody_reads() {
    // Not a byte, and one byte: the first piece of the answer is under way then, and never gets through.
    for window in [0, 1] {
        let server = Harness::start().await;
        server.create("some", &large_code()).await;
        let client = client(&server, window).await;
        let begun = Instant::now();
        let mut body =
            call(&client, &format!("{UTILITIES}/GetUtility"), "500m", &pb::GetUtilityRequest { name: utility_name("some") }).await;
        assert_eq!(server.calls.ended("GetUtility").await, Code::DeadlineExceeded);
        assert!(begun.elapsed() < SOON, "{window}: {:?}", begun.elapsed());
        if window == 0 {
            let end = tokio::time::timeout(SOON, body.data()).await.expect("the stream is reset").expect("it has not ended well");
            assert!(end.unwrap_err().is_reset());
        }
    }
}

#[tokio::test]
async fn a_deadline_ends_a_stream_of_events_that_nobody_reads() {
    let server = Harness::start().await;
    server.create("some", "def main():\n    #: print one\n    #: wait\n").await;
    let client = client(&server, 0).await;
    let request = executions::ExecuteUtilityRequest { name: utility_name("some"), cancel_on_disconnect: true, ..Default::default() };
    let mut body = call(&client, &format!("{EXECUTIONS}/ExecuteUtility"), "500m", &request).await;
    let end = tokio::time::timeout(SOON, body.data()).await.expect("the stream is reset").expect("it has not ended well");
    assert!(end.unwrap_err().is_reset());
    assert_eq!(server.calls.ended("ExecuteUtility").await, Code::DeadlineExceeded);
    server.spawner.settle().await;
    let request = executions::ListExecutionsRequest { parent: crate::harness::TENANT.to_owned(), ..Default::default() };
    let listed = server.executions.clone().list_executions(request).await.unwrap().into_inner().executions;
    assert_eq!(listed[0].state(), executions::ExecutionState::Cancelled, "what the stream held is gone with it");
}

#[tokio::test]
async fn a_reader_gets_the_status_of_a_deadline_and_a_large_answer_whole() {
    let server = Harness::start().await;
    let code = large_code();
    server.create("some", &code).await;
    assert_eq!(server.get("some").await.code, code);
}

#[tokio::test]
async fn requests_that_are_not_complete_are_bounded_in_sum_and_give_back_what_they_held() {
    bounded_in_sum(half_of_a_message(PART)).await;
}

#[tokio::test]
async fn whole_messages_whose_calls_send_no_end_are_bounded_in_sum_and_give_back_what_they_held() {
    bounded_in_sum(nearly_a_part()).await;
}

/// Sends `bytes` without an end, as often as makes twice the budget of a connection.
async fn bounded_in_sum(bytes: Bytes) {
    let server = Harness::start().await;
    let client = client(&server, 65_535).await;
    let (mut answers, requests) = unended(&client, &bytes).await;
    // Of one connection, 32 MiB are held: as many as these have to go before everything is sent.
    for _ in 0..SENT - 32 {
        let refusal = answers.next().await.expect("all of them are waited for");
        assert_eq!((refusal.code(), reason(&refusal)), (Code::ResourceExhausted, "UNFINISHED_REQUESTS".to_owned()));
        assert!(details(&refusal).retry_info().is_some());
    }
    // What is whole with its first frame is answered all the same.
    validated(&client, 1_000).await.expect("it needs no room");
    server.create("others", "pass\n").await;
    drop((answers, requests));
    // There is room again once the server has heard of it.
    let begun = Instant::now();
    while let Err(status) = validated(&client, 4 * PART).await {
        assert!(begun.elapsed() < SOON, "{status:?}");
    }
}

#[tokio::test]
async fn whole_messages_whose_calls_send_no_end_are_ended_in_time_and_give_back_what_they_held() {
    let deadlines = Deadlines { request: Duration::from_millis(500), ..Deadlines::default() };
    let server = Harness::with(Options { deadlines, ..Options::default() }).await;
    let client = client(&server, 65_535).await;
    let (answers, _open) = unended(&client, &nearly_a_part()).await;
    let codes: Vec<Code> = answers.map(|status| status.code()).collect().await;
    let (late, refused): (Vec<_>, Vec<_>) = codes.into_iter().partition(|code| *code == Code::DeadlineExceeded);
    assert!(late.len() >= 32, "{late:?}: all that were let in");
    assert!(refused.iter().all(|code| *code == Code::ResourceExhausted), "{refused:?}");
    validated(&client, 4 * PART).await.expect("there is room again");
}

#[tokio::test]
async fn a_call_that_asks_many_times_may_wait_between_its_messages() {
    let deadlines = Deadlines { request: Duration::from_millis(300), ..Deadlines::default() };
    let server = Harness::with(Options { deadlines, ..Options::default() }).await;
    may_wait(&client(&server, 65_535).await).await;
}

/// Waits between messages for longer than a request may take.
pub async fn may_wait(client: &SendRequest<Bytes>) {
    let asked = tonic_reflection::pb::v1::ServerReflectionRequest {
        message_request: Some(tonic_reflection::pb::v1::server_reflection_request::MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    let (answer, mut request) = begin(client, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", None).await;
    let ask = |request: &mut SendStream<Bytes>| request.send_data(framed(&asked.encode_to_vec()), false).unwrap();
    ask(&mut request);
    let mut answers = answer.await.unwrap().into_body();
    assert!(!answers.data().await.expect("it is answered").unwrap().is_empty());
    // A call that begins now is ended after as long as the other one waits at least.
    let (late, _open) = begin(client, &format!("{UTILITIES}/GetUtility"), None).await;
    assert_eq!(refused(late).await.code(), Code::DeadlineExceeded);
    ask(&mut request);
    assert!(!answers.data().await.expect("it is answered again").unwrap().is_empty());
}

type Unended = (FuturesUnordered<BoxFuture<'static, Status>>, Vec<SendStream<Bytes>>);

/// Begins [`SENT`] calls with these bytes, and ends none of them.
async fn unended(client: &SendRequest<Bytes>, bytes: &Bytes) -> Unended {
    let (answers, mut requests) = (FuturesUnordered::new(), Vec::new());
    for _ in 0..SENT {
        let (answer, mut request) = begin(client, &format!("{UTILITIES}/ValidateCode"), None).await;
        request.send_data(bytes.clone(), false).unwrap();
        answers.push(refused(answer).boxed());
        requests.push(request);
    }
    (answers, requests)
}

/// A whole message: 32 of them fit into the budget of a connection, and 33 do not.
fn nearly_a_part() -> Bytes {
    framed(&validation(PART - 1024).encode_to_vec())
}

fn validation(bytes: usize) -> pb::ValidateCodeRequest {
    pb::ValidateCodeRequest { parent: crate::harness::TENANT.to_owned(), code: vec![b' '; bytes], ..Default::default() }
}

async fn validated(client: &SendRequest<Bytes>, bytes: usize) -> Result<(), Status> {
    server_answers(client, &format!("{UTILITIES}/ValidateCode"), &validation(bytes)).await
}

async fn server_answers(client: &SendRequest<Bytes>, path: &str, message: &impl Message) -> Result<(), Status> {
    let (answer, mut request) = begin(client, path, None).await;
    request.send_data(framed(&message.encode_to_vec()), true).unwrap();
    match Status::from_header_map(answer.await.unwrap().headers()) {
        Some(status) => Err(status),
        None => Ok(()),
    }
}

#[tokio::test]
async fn a_request_that_does_not_arrive_in_time_is_ended_in_every_method() {
    let deadlines = Deadlines { request: Duration::from_millis(300), ..Deadlines::default() };
    let server = Harness::with(Options { deadlines, ..Options::default() }).await;
    let client = client(&server, 65_535).await;
    for method in crate::generic::methods() {
        let path = crate::generic::path(&method);
        assert!(!method.is_client_streaming(), "{path}: the server takes one message");
        let (nothing, _open) = begin(&client, &path, None).await;
        let (half, mut request) = begin(&client, &path, None).await;
        request.send_data(half_of_a_message(100), false).unwrap();
        let (whole, mut unended) = begin(&client, &path, None).await;
        unended.send_data(framed(b""), false).unwrap();
        for answer in [nothing, half, whole] {
            let late = refused(answer).await;
            assert_eq!((late.code(), reason(&late)), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()), "{path}");
        }
    }
}
