//! Two servers on one machine, each with data of its own, do not touch each other's sandboxes.

use std::collections::BTreeSet;

use api_proto::zona::execution::v1::ExecutionState;
use e2e::{
    host::{Process, is_alive},
    rpc::{Client, Printed, finished, next, rest},
    server::{Backend, Server},
};

use crate::steps::{TICKER, assert_ticked, patient, ticking};

#[tokio::test(flavor = "multi_thread")]
async fn killing_and_restarting_one_server_does_not_touch_the_other() {
    let data = tempfile::tempdir().expect("a temporary directory can be made");
    let killed = Server::on(&data.path().join("a"), Backend::Namespace);
    let neighbor = Server::on(&data.path().join("b"), Backend::Namespace);
    let mut there = Client::connect(&neighbor).await;
    let mut here = Client::connect(&killed).await;
    here.create("ticker", TICKER, patient()).await;
    there.create("ticker", TICKER, patient()).await;
    ticking(&mut here, "ticker", 2).await;

    let name = there.start("ticker", r#"{"lines": 80, "pause": 0.1}"#).await;
    let mut stream = there.watch(&name, 0).await;
    let mut events = Vec::new();
    while Printed::of(&events).text().is_empty() {
        events.push(next(&mut stream, events.len() as i64).await.expect("the ticker runs for seconds"));
    }
    let before = neighbor.footprint();
    assert!(before.directories.is_disjoint(&killed.footprint().directories), "the servers share a directory");
    killed.kill();
    // A start sweeps what is dead, and only that.
    let restarted = Server::on(&data.path().join("a"), Backend::Namespace);
    assert_eq!(finished(&Client::connect(&restarted).await.events(&only_execution(&restarted).await).await).state(), ExecutionState::Lost);
    events.extend(rest(&mut stream, events.len() as i64).await);
    let execution = finished(&events);
    assert_eq!(execution.state(), ExecutionState::Succeeded, "{:?}", execution.failure);
    let text = Printed::of(&events).text();
    assert_eq!(text.lines().count(), 80);
    assert_ticked(&text);
    // The run's own process ends with the run; the sandbox that it ran in stays.
    let kept: BTreeSet<Process> = before.processes.iter().copied().filter(|process| is_alive(*process)).collect();
    assert!(!kept.is_empty() && before.directories.iter().all(|directory| directory.exists()), "{:?}", before.directories);
    restarted.stop();
    neighbor.stop();
}

async fn only_execution(server: &Server) -> String {
    let request = api_proto::zona::execution::v1::ListExecutionsRequest { parent: e2e::rpc::TENANT.into(), ..Default::default() };
    let page = Client::connect(server).await.executions.list_executions(request).await.expect("executions can be listed").into_inner();
    assert_eq!(page.executions.len(), 1);
    page.executions[0].name.clone()
}
