//! A server whose Docker daemon is not there keeps what needs no daemon, and refuses the rest at once, in a way that a client can
//! decide by.

use std::time::{Duration, Instant};

use api_proto::zona::execution::v1::{ExecuteUtilityRequest, ListExecutionsRequest, StartExecutionRequest, TransformRequest};
use api_proto::zona::utility::v1::{GetUtilityRequest, ListUtilitiesRequest};
use e2e::{
    health::is_serving,
    rpc::{Client, TENANT, utility},
    server::{Backend, Server},
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::steps::{SHOUT, patient};

const CONFIGURATION: &str = "[sandbox]\ndocker_socket = \"/nonexistent/docker.sock\"\n";
/// What design and operators expect of a daemon that is known to be down.
const AT_ONCE: Duration = Duration::from_millis(2_500);

fn check(refused: &Status, began: Instant) {
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert!(refused.get_details_retry_info().is_some_and(|info| info.retry_delay.is_some()), "{refused:?}");
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_docker_daemon_utilities_are_kept_and_programs_refused_at_once() {
    let data = tempfile::tempdir().expect("a temporary directory can be made");
    let server = Server::configured_on(&data.path().join("data"), Backend::Docker, CONFIGURATION);
    let mut client = Client::connect(&server).await;
    client.create("shout", SHOUT, patient()).await;
    let request = GetUtilityRequest { name: utility("shout") };
    let stored = client.utilities.get_utility(request).await.expect("it can be read").into_inner();
    assert_eq!(stored.code, SHOUT);
    let request = ListUtilitiesRequest { parent: TENANT.into(), ..Default::default() };
    assert!(!client.utilities.list_utilities(request).await.expect("they can be listed").into_inner().utilities.is_empty());
    for _ in 0..3 {
        let began = Instant::now();
        let request = TransformRequest { name: utility("shout"), values_json: vec!["1".into()], ..Default::default() };
        check(&client.executions.transform(request).await.expect_err("nothing can run it"), began);
        let began = Instant::now();
        let request = StartExecutionRequest { name: utility("shout"), params_json: r#"{"value": "a"}"#.into(), ..Default::default() };
        check(&client.executions.start_execution(request).await.expect_err("nothing can run it"), began);
        let began = Instant::now();
        let request = ExecuteUtilityRequest { name: utility("shout"), params_json: r#"{"value": "a"}"#.into(), ..Default::default() };
        check(&client.executions.execute_utility(request).await.expect_err("nothing can run it"), began);
    }
    let request = ListExecutionsRequest { parent: TENANT.into(), ..Default::default() };
    let history = client.executions.list_executions(request).await.expect("history can be read").into_inner();
    assert_eq!(history.executions.len(), 0, "what is refused leaves nothing: {history:?}");
    assert!(is_serving(&server.address()));
    server.stop_despite(&["does not answer", "unavailable", "could not be run"]);
}
