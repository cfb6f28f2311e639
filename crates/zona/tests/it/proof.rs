//! `zona server`: nobody is told that calls are welcome before the sandbox has withstood its self-test.

use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, health_check_response};

use crate::support::{Server, until};

const NAMESPACE: (&str, &str) = ("ZONA_SANDBOX__BACKEND", "namespace");

/// What gRPC health says of the server as a whole, and of one service.
fn health(server: &Server) -> [health_check_response::ServingStatus; 2] {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let channel = tonic::transport::Endpoint::from_shared(format!("http://{}", server.address)).unwrap().connect().await.unwrap();
        let mut client = HealthClient::new(channel);
        let mut answers = [ServingStatus::Unknown; 2];
        for (answer, service) in answers.iter_mut().zip(["", "zona.execution.v1.ExecutionService"]) {
            let request = HealthCheckRequest { service: service.to_owned() };
            *answer = client.check(request).await.unwrap().into_inner().status();
        }
        answers
    })
}

/// What the server says of T1: accepted, and how many probes it withstood.
fn t1(server: &Server) -> (bool, u64) {
    let info = server.run(&["server", "info", "-o", "json"]).expect(0).json();
    let tier = info["tiers"].as_array().unwrap().iter().find(|tier| tier["tier"] == "T1").unwrap_or_else(|| panic!("{info}")).clone();
    (tier["accepted"].as_bool().unwrap(), tier["probes"].as_u64().unwrap_or_default())
}

#[test]
fn a_server_that_cannot_prove_itself_lives_and_is_not_ready() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_proving(&directory.path().join("data"), &[NAMESPACE, ("ZONA_SANDBOX__PYTHON", "/nonexistent/python3")]);
    let log = || std::fs::read_to_string(&server.log).unwrap();
    let line = || log().lines().find(|line| line.contains("not ready")).map(str::to_owned);
    until("it says why", || line().is_some());
    let line = line().unwrap();
    assert!(line.contains("tier T1 has not withstood the escape probes yet: "), "{line}");
    assert!(!line.contains("is unavailable"), "the cause, not that there is one: {line}");
    assert_eq!((server.page("/healthz").0, server.page("/readyz").0), (200, 503));
    assert_eq!(health(&server), [ServingStatus::NotServing; 2]);
    assert_eq!(t1(&server).1, 0, "what it knows of itself can be asked for");
}

#[test]
fn a_server_is_ready_once_it_has_proven_itself() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_proving(&directory.path().join("data"), &[NAMESPACE]);
    until("it is ready", || server.page("/readyz").0 == 200);
    let (accepted, probes) = t1(&server);
    assert!(accepted && probes >= 60, "ready means proven: {probes}");
    assert_eq!(health(&server), [ServingStatus::Serving; 2]);
}

#[test]
fn a_server_for_development_is_ready_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_with(&directory.path().join("data"), &[("ZONA_SANDBOX__PYTHON", "/nonexistent/python3")]);
    assert_eq!(server.page("/readyz").0, 200);
    assert_eq!(health(&server), [ServingStatus::Serving; 2]);
}
