//! The same server with its sandboxes in containers of a real Docker Engine.

use std::{process::Command, time::Duration};

use api_proto::zona::execution::v1::{Backend as Attested, ExecutionState, TransformRequest, transform_result::Outcome};
use e2e::{
    command::run,
    host,
    rpc::{Client, finished, utility},
    server::{Backend, FRESH, Server},
};

use crate::steps::{SHOUT, TICKER, patient, ticking};

const CONTAINERS_GONE: Duration = Duration::from_secs(15);

/// Containers of this server, running or not, by the label that carries its instance.
fn containers(instance: &str) -> Vec<String> {
    let filter = format!("label=zona.instance={instance}");
    let listed = run(Command::new("docker").args(["ps", "--all", "--quiet", "--filter", &filter]));
    assert_eq!(listed.code, Some(0), "no Docker daemon answers; run `cargo xtask setup`: {}", listed.errors());
    listed.text().lines().map(str::to_owned).collect()
}

fn instance(server: &Server) -> String {
    let directories = server.footprint().directories;
    let directory = directories.first().expect("a server has a runtime directory");
    directory.file_name().expect("it is named after the instance").to_string_lossy().into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn utilities_run_in_containers_and_leave_none() {
    containers("none");
    let data = tempfile::tempdir().expect("a temporary directory can be made");
    let first = Server::on(data.path(), Backend::Docker);
    let mut client = Client::connect(&first).await;
    client.create("ticker", TICKER, patient()).await;
    client.create("shout", SHOUT, patient()).await;
    let (execution, printed) = client.run("ticker", r#"{"lines": 2}"#).await;
    assert_eq!((execution.state(), printed.text().as_str()), (ExecutionState::Succeeded, "line 0\nline 1\n"), "{:?}", execution.failure);
    let attestation = execution.attestation.expect("it ran in a sandbox");
    assert_eq!(attestation.backend(), Attested::Docker);
    assert!(attestation.runtime_digest.starts_with("sha256:"), "{attestation:?}");

    let mut times = Vec::new();
    for _ in 0..8 {
        let (execution, _) = client.run("ticker", r#"{"lines": 0}"#).await;
        times.push(execution.attestation.expect("it ran in a sandbox").restored);
    }
    let is_put_back = times.iter().any(|times| *times > 0);
    assert_eq!(is_put_back, std::env::var_os(FRESH).is_none(), "this host puts processes back, unless that is not wanted: {times:?}");

    let values_json = vec![r#""a""#.to_owned(), "1".to_owned()];
    let request = TransformRequest { name: utility("shout"), values_json, ..Default::default() };
    let results = client.executions.transform(request).await.expect("the call is fine").into_inner().results;
    assert_eq!(results[0].outcome, Some(Outcome::ResultJson(r#""A!""#.into())));
    assert!(matches!(&results[1].outcome, Some(Outcome::Failure(failure)) if failure.reason == "USER_ERROR"), "{results:?}");

    let (lost, _) = ticking(&mut client, "ticker", 5).await;
    let killed = instance(&first);
    assert!(!containers(&killed).is_empty(), "the story sees no containers");
    first.kill();
    let second = Server::on(data.path(), Backend::Docker);
    assert!(host::eventually(CONTAINERS_GONE, || containers(&killed).is_empty()), "not swept: {:?}", containers(&killed));
    let mut client = Client::connect(&second).await;
    assert_eq!(finished(&client.events(&lost).await).state(), ExecutionState::Lost);

    let (cancelled, _) = ticking(&mut client, "ticker", 2).await;
    let stopped = instance(&second);
    assert!(!containers(&stopped).is_empty(), "the story sees no containers");
    second.stop();
    assert_eq!(containers(&stopped), [""; 0], "left behind");
    let third = Server::on(data.path(), Backend::Docker);
    assert_eq!(finished(&Client::connect(&third).await.events(&cancelled).await).state(), ExecutionState::Cancelled);
    third.stop();
}
