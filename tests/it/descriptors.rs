//! A server that may open no more files: what runs goes on, calls are answered, programs are refused with the cause, connections
//! wait; and when there are descriptors again, everything works without a restart.

use std::time::{Duration, Instant};

use api_proto::zona::execution::v1::{ExecutionState, TransformRequest};
use api_proto::zona::utility::v1::GetUtilityRequest;
use e2e::{
    rpc::{Client, finished, rest, utility},
    server::Server,
};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::steps::{SHOUT, TICKER, patient};

const PATIENCE: Duration = Duration::from_secs(60);
/// Refused at once: nothing was waited for.
const SOON: Duration = Duration::from_secs(5);
/// What the server says of it in its log.
const EXPECTED: [&str; 4] = ["no free descriptors", "Too many open files", "is unavailable", "cannot accept connections"];

/// Changes how many files the server may have open; answers what it was.
fn allow(server: &Server, files: Option<u64>) -> Option<u64> {
    let pid = Pid::from_raw(i32::try_from(server.pid()).expect("a process id fits")).expect("it is no zero");
    // The server has inherited it.
    let maximum = getrlimit(Resource::Nofile).maximum;
    let before = prlimit(Some(pid), Resource::Nofile, Rlimit { current: files, maximum });
    before.expect("a soft limit below the hard one may be changed").current
}

async fn shout(client: &mut Client) -> Result<(), tonic::Status> {
    let request = TransformRequest { name: utility("shout"), values_json: vec![r#""a""#.into()], ..Default::default() };
    let answer = client.executions.transform(request).await?.into_inner();
    assert!(answer.results[0].outcome.is_some(), "{answer:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_descriptors_refuses_programs_with_the_cause_and_recovers_by_itself() {
    let server = Server::start();
    let mut client = Client::connect(&server).await;
    client.create("ticker", TICKER, patient()).await;
    client.create("shout", SHOUT, patient()).await;
    shout(&mut client).await.expect("all is well");
    let mut running = client.execute("ticker", r#"{"lines": 60, "pause": 0.1}"#).await;

    let usual = allow(&server, Some(3));
    let deadline = Instant::now() + PATIENCE;
    // Programs that are ready have all that they need.
    let refused = loop {
        let began = Instant::now();
        if let Err(status) = shout(&mut client).await {
            assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
            break status;
        }
        assert!(Instant::now() < deadline, "programs need no descriptors");
    };
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert!(refused.get_details_retry_info().is_some(), "{refused:?}");
    let request = GetUtilityRequest { name: utility("shout") };
    client.utilities.get_utility(request).await.expect("what is stored can be read");
    let address = format!("http://{}", server.address());
    let mut waiting = tokio::spawn(async move {
        let endpoint = tonic::transport::Channel::from_shared(address).expect("the address is valid");
        let mut health = tonic_health::pb::health_client::HealthClient::new(endpoint.connect().await.expect("the port is open"));
        health.check(tonic_health::pb::HealthCheckRequest::default()).await
    });
    let unanswered = tokio::time::timeout(Duration::from_millis(500), &mut waiting).await;
    assert!(unanswered.is_err(), "a connection waits: {unanswered:?}");

    allow(&server, usual);
    while let Err(status) = shout(&mut client).await {
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        assert!(Instant::now() < deadline, "it does not recover: {status:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let answered = tokio::time::timeout(SOON, waiting).await.expect("the connection is taken").expect("asking does not panic");
    answered.expect("the server is healthy");
    let events = rest(&mut running, 0).await;
    let ended = finished(&events);
    assert_eq!(ended.state(), ExecutionState::Succeeded, "what ran went on: {:?}", ended.failure);
    server.stop_despite(&EXPECTED);
}
