//! What the layer and the connection do around every call: ids, deadlines, panics, sizes, health, reflection, shutdown.

use std::time::Duration;

use api_grpc::{Deadlines, REQUEST_ID_HEADER};
use api_proto::zona::execution::v1 as executions;
use api_proto::zona::utility::v1 as pb;
use api_proto::zona::utility::v1::utility_service_client::UtilityServiceClient;
use prost::bytes::Bytes;
use test_support::in_time;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::transport::Channel;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::generic::{call, methods, path, send};
use crate::harness::{Harness, Options, TENANT, details, reason, utility_name};

fn get(id: &str) -> pb::GetUtilityRequest {
    pb::GetUtilityRequest { name: utility_name(id) }
}

#[tokio::test]
async fn the_callers_request_id_is_answered_and_a_missing_one_is_made() {
    let server = Harness::start().await;
    server.create("some", "pass\n").await;
    let mut client = server.utilities.clone();
    let mut request = Request::new(get("some"));
    request.metadata_mut().insert(REQUEST_ID_HEADER, "build-7".parse().unwrap());
    let answer = client.get_utility(request).await.unwrap();
    assert_eq!(answer.metadata().get(REQUEST_ID_HEADER).unwrap(), "build-7");
    let answer = client.get_utility(get("some")).await.unwrap();
    assert_eq!(answer.metadata().get(REQUEST_ID_HEADER).unwrap().len(), 36, "a UUID");
    let mut request = Request::new(get("absent"));
    request.metadata_mut().insert(REQUEST_ID_HEADER, "build-8".parse().unwrap());
    let refused = client.get_utility(request).await.unwrap_err();
    assert_eq!(refused.metadata().get(REQUEST_ID_HEADER).unwrap(), "build-8", "on errors, too");
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_with_the_limit() {
    let server = Harness::start().await;
    let request = pb::ValidateCodeRequest { parent: TENANT.to_owned(), code: vec![b' '; 8 * 1024 * 1024], kind: 0, runtime: String::new() };
    let refused = server.utilities.clone().validate_code(request).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE".to_owned()));
    let details = details(&refused);
    assert_eq!(details.error_info().unwrap().metadata.get("limit_bytes").unwrap(), "8388608");
    let fits =
        pb::ValidateCodeRequest { parent: TENANT.to_owned(), code: vec![b' '; 8 * 1024 * 1024 - 1_024], kind: 0, runtime: String::new() };
    server.utilities.clone().validate_code(fits).await.unwrap();
}

#[tokio::test]
async fn bytes_that_are_no_message_are_the_callers_mistake_in_every_method() {
    let server = Harness::start().await;
    for method in methods() {
        let refused = call(&server.channel, &path(&method), b"\x0a\xff".to_vec()).await.expect_err(&path(&method));
        assert_eq!((refused.code(), reason(&refused)), (Code::InvalidArgument, "MALFORMED_MESSAGE".to_owned()), "{}", path(&method));
    }
}

#[tokio::test]
async fn a_compression_that_the_server_does_not_take_is_named_as_the_reason() {
    let server = Harness::start().await;
    for method in methods() {
        let mut request = Request::new(Bytes::new());
        request.metadata_mut().insert("grpc-encoding", "gzip".parse().unwrap());
        let refused = send(&server.channel, &path(&method), request).await.expect_err(&path(&method));
        assert_eq!((refused.code(), reason(&refused)), (Code::Unimplemented, "UNSUPPORTED_ENCODING".to_owned()), "{}", path(&method));
    }
}

#[tokio::test]
async fn a_method_that_does_not_exist_is_unimplemented_with_a_reason() {
    let server = Harness::start().await;
    for path in ["/zona.utility.v1.UtilityService/PeekUtility", "/zona.nothing.v1.Nothing/Get"] {
        let refused = call(&server.channel, path, Vec::new()).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused)), (Code::Unimplemented, "UNKNOWN_METHOD".to_owned()), "{path}");
    }
    assert_eq!(server.calls.all().await, vec![("other".to_owned(), Code::Unimplemented); 2], "one label for all of them");
}

#[tokio::test]
async fn a_panic_is_an_internal_error_of_that_call_only() {
    let server = Harness::start().await;
    let request = pb::ValidateCodeRequest { parent: TENANT.to_owned(), code: b"PANIC".to_vec(), kind: 0, runtime: String::new() };
    let mut request = Request::new(request);
    request.metadata_mut().insert(REQUEST_ID_HEADER, "build-9".parse().unwrap());
    let broken = server.utilities.clone().validate_code(request).await.unwrap_err();
    assert_eq!((broken.code(), reason(&broken)), (Code::Internal, "INTERNAL".to_owned()));
    assert!(!broken.message().contains("bug"), "the cause stays in the log: {broken}");
    assert_eq!(details(&broken).request_info().unwrap().request_id, "build-9");
    server.create("some", "pass\n").await;
}

#[tokio::test]
async fn a_transform_ends_at_its_deadline_and_so_does_its_execution() {
    let run = Duration::from_millis(300);
    let server = Harness::with(Options { deadlines: Deadlines { run, ..Deadlines::default() }, ..Options::default() }).await;
    server.create("some", "def transform(value):\n    #: wait\n    pass\n").await;
    let request = executions::TransformRequest { name: utility_name("some"), values_json: vec!["1".to_owned()], ..Default::default() };
    let over = server.executions.clone().transform(request).await.unwrap_err();
    assert_eq!((over.code(), reason(&over)), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()));
    assert_eq!(details(&over).error_info().unwrap().metadata.get("allowed_ms").unwrap(), "300");
    let request = executions::ListExecutionsRequest { parent: TENANT.to_owned(), ..Default::default() };
    let listed = server.executions.clone().list_executions(request).await.unwrap().into_inner().executions;
    let ended = server.ended(&listed[0].name).await;
    assert_eq!((listed.len(), ended.state()), (1, executions::ExecutionState::Cancelled));
}

#[tokio::test]
async fn every_call_is_counted_once_with_its_code() {
    let server = Harness::start().await;
    server.create("some", "pass\n").await;
    server.get("some").await;
    server.utilities.clone().get_utility(get("absent")).await.unwrap_err();
    let service = "/zona.utility.v1.UtilityService";
    let expected = [("CreateUtility", Code::Ok), ("GetUtility", Code::Ok), ("GetUtility", Code::NotFound)];
    assert_eq!(server.calls.all().await, expected.map(|(method, code)| (format!("{service}/{method}"), code)));
}

#[tokio::test]
async fn health_is_answered_for_the_server_and_each_service() {
    let server = Harness::start().await;
    let mut client = HealthClient::new(server.channel.clone());
    let mut check = async |service: &str| {
        let answer = client.check(HealthCheckRequest { service: service.to_owned() }).await;
        answer.map(|answer| answer.into_inner().status())
    };
    for service in ["", "zona.utility.v1.UtilityService", "zona.execution.v1.ExecutionService"] {
        assert_eq!(check(service).await.unwrap(), ServingStatus::Serving, "{service:?}");
    }
    let unknown = check("zona.nothing.v1.Nothing").await.unwrap_err();
    assert_eq!((unknown.code(), reason(&unknown)), (Code::NotFound, "REFUSED".to_owned()));
    server.health.set_serving(false).await;
    assert_eq!(check("").await.unwrap(), ServingStatus::NotServing);
}

#[tokio::test]
async fn reflection_shows_the_contract_with_its_permissions_in_both_versions() {
    use tonic_reflection::pb::{v1, v1alpha};
    const SYMBOL: &str = "zona.utility.v1.UtilityService";
    let server = Harness::start().await;

    let mut client = v1::server_reflection_client::ServerReflectionClient::new(server.channel.clone());
    let request = v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1::server_reflection_request::MessageRequest::FileContainingSymbol(SYMBOL.to_owned())),
    };
    let mut answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
    let answer = in_time(answers.message()).await.unwrap().unwrap().message_response.unwrap();
    let v1::server_reflection_response::MessageResponse::FileDescriptorResponse(files) = answer else { panic!("{answer:?}") };
    let shows = |needle: &[u8], file: &[u8]| file.windows(needle.len()).any(|window| window == needle);
    assert!(shows(b"utility.undelete", &files.file_descriptor_proto[0]), "custom options are kept");
    assert!(shows(b"Keeps the utilities of tenants", &files.file_descriptor_proto[0]), "comments are kept");

    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(server.channel.clone());
    let request = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1alpha::server_reflection_request::MessageRequest::ListServices(String::new())),
    };
    let mut answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
    let answer = in_time(answers.message()).await.unwrap().unwrap().message_response.unwrap();
    let v1alpha::server_reflection_response::MessageResponse::ListServicesResponse(list) = answer else { panic!("{answer:?}") };
    let services: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    for service in [SYMBOL, "zona.execution.v1.ExecutionService"] {
        assert!(services.iter().any(|name| name == service), "{services:?}");
    }
}

#[tokio::test]
async fn a_stopping_server_lets_open_calls_end_and_takes_no_new_connections() {
    let server = Harness::start().await;
    server.create("some", "def main():\n    #: print one\n    #: wait\n    #: return 1\n").await;
    let request = executions::ExecuteUtilityRequest { name: utility_name("some"), ..Default::default() };
    let mut stream = server.executions.clone().execute_utility(request).await.unwrap().into_inner();
    in_time(stream.message()).await.unwrap().expect("the first event");
    let sandbox = server.sandbox.clone();
    let stopping = tokio::spawn(server.stop());
    sandbox.release();
    let mut last = None;
    while let Some(event) = in_time(stream.message()).await.unwrap() {
        last = event.event;
    }
    assert!(matches!(last, Some(executions::execution_event::Event::Finished(_))), "{last:?}");
    drop(stream);
    tokio::time::timeout(Duration::from_secs(5), stopping).await.expect("it stops").unwrap();
}

#[tokio::test]
async fn connections_beyond_the_most_are_refused_and_those_that_are_open_go_on() {
    let mut harness = Harness::with(Options { max_connections: Some(2), ..Options::default() }).await;
    let connect = async || Channel::from_shared(format!("http://{}", harness.address)).unwrap().connect().await;
    let second = connect().await.expect("there is a second place");
    let mut other = UtilityServiceClient::new(second);
    other.list_utilities(list()).await.expect("the second is served");
    for _ in 0..20 {
        let third = TcpStream::connect(harness.address).await.unwrap();
        // The server closes it before a byte is exchanged.
        third.readable().await.unwrap();
        assert!(matches!(third.try_read(&mut [0; 1]), Ok(0) | Err(_)), "nothing is said to it");
        harness.utilities.list_utilities(list()).await.expect("the first is served");
        other.list_utilities(list()).await.expect("the second is served");
    }
    drop(other);
    let begun = std::time::Instant::now();
    loop {
        if let Ok(channel) = connect().await
            && UtilityServiceClient::new(channel).list_utilities(list()).await.is_ok()
        {
            break;
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(30), "the place of the second is free again");
    }
}

#[tokio::test]
async fn a_connection_that_does_not_begin_in_time_gives_its_place_back() {
    let patience = Duration::from_secs(1);
    let options = Options { max_connections: Some(3), preface_patience: Some(patience), ..Options::default() };
    let mut harness = Harness::with(options).await;
    let begun = std::time::Instant::now();
    let mut silent = TcpStream::connect(harness.address).await.unwrap();
    let mut hesitant = TcpStream::connect(harness.address).await.unwrap();
    hesitant.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r").await.unwrap();
    for connection in [&mut silent, &mut hesitant] {
        let mut said = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(30), connection.read_to_end(&mut said)).await;
        // Closed or reset, whichever comes first.
        let _end = closed.expect("it does not stay open");
    }
    assert!(begun.elapsed() >= patience, "not before its time");
    for _ in 0..2 {
        let channel = Channel::from_shared(format!("http://{}", harness.address)).unwrap().connect().await.unwrap();
        UtilityServiceClient::new(channel).list_utilities(list()).await.expect("there is a place again");
    }
    harness.utilities.list_utilities(list()).await.expect("who has begun may be silent for longer");
}

#[tokio::test]
async fn a_connection_without_an_open_call_is_closed_in_time_and_one_with_an_open_call_goes_on() {
    let patience = Duration::from_secs(1);
    let harness = Harness::with(Options { idle_patience: Some(patience), ..Options::default() }).await;
    harness.create("some", "def main():\n    #: print one\n    #: wait\n    #: return 1\n").await;
    let request = executions::ExecuteUtilityRequest { name: utility_name("some"), ..Default::default() };
    let mut stream = harness.executions.clone().execute_utility(request).await.unwrap().into_inner();
    in_time(stream.message()).await.unwrap().expect("the first event");

    let begun = std::time::Instant::now();
    let mut idle = TcpStream::connect(harness.address).await.unwrap();
    idle.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut said = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(30), idle.read_to_end(&mut said)).await;
    // Closed or reset, whichever comes first; it answers nothing, not even the goodbye.
    let _end = closed.expect("it does not stay open");
    assert!(begun.elapsed() >= patience, "not before its time");

    harness.sandbox.release();
    let mut last = None;
    while let Some(event) = in_time(stream.message()).await.unwrap() {
        last = event.event;
    }
    assert!(matches!(last, Some(executions::execution_event::Event::Finished(_))), "{last:?}");
    let mut later = harness.utilities.clone();
    later.list_utilities(list()).await.expect("whoever comes back is served");
}

fn list() -> pb::ListUtilitiesRequest {
    pb::ListUtilitiesRequest { parent: "tenants/demo".to_owned(), ..pb::ListUtilitiesRequest::default() }
}
