//! One question to one replica: is it well? HTTP, TCP and gRPC are asked from here at the replica's address; a command runs in it. How
//! answers add up is in `health`.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use process::service::{Health, Probe};
use tokio::net::TcpStream;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::engine::{Engine, Instance};

/// Asks once. Answers why it is not well, as a fragment that fits behind "not well: ".
///
/// # Errors
/// What was wrong. No answer within the check's timeout is wrong, too.
pub async fn ask(engine: &dyn Engine, instance: &Instance, health: &Health) -> Result<(), String> {
    let asked = question(engine, instance, health);
    tokio::time::timeout(health.timeout, asked).await.unwrap_or_else(|_elapsed| Err(late(health.timeout)))
}

async fn question(engine: &dyn Engine, instance: &Instance, health: &Health) -> Result<(), String> {
    let at = |port: u16| instance.address.map(|ip| SocketAddr::new(ip, port)).ok_or_else(|| "it is in no network".to_owned());
    match &health.probe {
        Probe::Http { port, path } => http(at(*port)?, path).await,
        Probe::Tcp { port } => tcp(at(*port)?).await.map(|_connection| ()),
        Probe::Grpc { port, service } => grpc(at(*port)?, service, health.timeout).await,
        Probe::Command(words) => match engine.run(&instance.id, words, health.timeout).await {
            Ok(0) => Ok(()),
            Ok(code) => Err(format!("`{}` ended with {code}", words.join(" "))),
            Err(error) => Err(error.to_string()),
        },
        // The engine asks by itself, and what it says is seen when it is looked at.
        Probe::Image => Ok(()),
    }
}

async fn tcp(address: SocketAddr) -> Result<TcpStream, String> {
    TcpStream::connect(address).await.map_err(|error| format!("no connection to port {}: {error}", address.port()))
}

async fn http(address: SocketAddr, path: &str) -> Result<(), String> {
    let stream = tcp(address).await?;
    let broken = |error: hyper::Error| format!("no answer of HTTP on port {}: {error}", address.port());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let request = http::Request::get(path)
        .header(http::header::HOST, address.to_string())
        .header(http::header::USER_AGENT, "zona")
        .header(http::header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| format!("`{path}` is no path: {error}"))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status().as_u16();
        if (200..400).contains(&status) { Ok(()) } else { Err(format!("{path} answers {status}")) }
    };
    tokio::pin!(answer);
    // The connection moves only while it is asked to. It may end in the moment in which the answer comes, and what it ended with is then no
    // matter.
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        _ended = connection => answer.await,
    }
}

async fn grpc(address: SocketAddr, service: &str, limit: Duration) -> Result<(), String> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|error| error.to_string())?;
    let channel = endpoint.connect_timeout(limit).connect().await;
    let channel = channel.map_err(|error| format!("no connection to port {}: {error}", address.port()))?;
    let request = HealthCheckRequest { service: service.to_owned() };
    let answer = HealthClient::new(channel).check(request).await.map_err(|status| format!("the health check answers {}", status.code()))?;
    match answer.into_inner().status() {
        ServingStatus::Serving => Ok(()),
        status => Err(format!("the health check answers {}", status.as_str_name())),
    }
}

fn late(limit: Duration) -> String {
    format!("no answer within {}", process::quantity::duration_text(limit))
}

#[cfg(test)]
mod tests;
