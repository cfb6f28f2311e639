//! The way to a server: one connection, deadlines on what answers once, and errors that say what to do.

use std::time::Duration;

use api_proto::zona::execution::v1::execution_service_client::ExecutionServiceClient;
use api_proto::zona::runtime::v1::runtime_service_client::RuntimeServiceClient;
use api_proto::zona::server::v1::server_service_client::ServerServiceClient;
use api_proto::zona::utility::v1::code_policy_service_client::CodePolicyServiceClient;
use api_proto::zona::utility::v1::utility_service_client::UtilityServiceClient;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use crate::exit::Exit;
use crate::failure::{Failure, Result, chain};

pub mod follow;
pub mod names;

/// How long a connection may take: the server is on this machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an answer may take that does not wait for user code.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Largest answer: a Transform call of many values, or a full page.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// Things of a list that are asked for at once.
pub const PAGE: u32 = 200;

/// A connection to a server. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    channel: Channel,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// Nobody answers there.
    pub async fn connect(server: &str) -> Result<Self> {
        let endpoint = Endpoint::from_shared(server.to_owned()).map_err(|error| Failure::usage(format!("server {server}: {error}")))?;
        let endpoint = endpoint.connect_timeout(CONNECT_TIMEOUT).tcp_nodelay(true);
        match endpoint.connect().await {
            Ok(channel) => Ok(Client { channel }),
            Err(error) => Err(Failure::new(Exit::Unavailable, format!("no server answers at {server}: {}", chain(&error)))
                .hint("start one with `zona dev`, or name another with --server or ZONA_SERVER")),
        }
    }

    /// The service that keeps utilities.
    pub fn utilities(&self) -> UtilityServiceClient<Channel> {
        UtilityServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER)
    }

    /// The service that keeps code policies.
    pub fn policies(&self) -> CodePolicyServiceClient<Channel> {
        CodePolicyServiceClient::new(self.channel.clone())
    }

    /// The service that reads runtimes.
    pub fn runtimes(&self) -> RuntimeServiceClient<Channel> {
        RuntimeServiceClient::new(self.channel.clone())
    }

    /// The service that tells what the server says of itself.
    pub fn servers(&self) -> ServerServiceClient<Channel> {
        ServerServiceClient::new(self.channel.clone())
    }

    /// The service that runs them.
    pub fn executions(&self) -> ExecutionServiceClient<Channel> {
        ExecutionServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER)
    }
}

/// A request that must be answered soon.
pub fn soon<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(ANSWER_TIMEOUT);
    request
}
