//! `zona.server.v1.ServerService`: what a server says of itself. Nothing is decided here.

use api_proto::zona::server::v1 as pb;
use domain::access::{self, Policy};
use domain::server::Servers;
use tonic::{Request, Response, Status};

use crate::call::split;
use crate::convert::server_info;

/// Handles the methods of ServerService.
#[derive(Clone)]
pub struct ServerHandler {
    policy: Policy,
    servers: Servers,
}

impl ServerHandler {
    /// A handler that asks `policy` and calls `servers`.
    pub fn new(policy: Policy, servers: Servers) -> Self {
        ServerHandler { policy, servers }
    }
}

#[tonic::async_trait]
impl pb::server_service_server::ServerService for ServerHandler {
    async fn get_server_info(&self, request: Request<pb::GetServerInfoRequest>) -> Result<Response<pb::ServerInfo>, Status> {
        let (call, _) = split(request);
        call.answer(async {
            let permit = call.require_of_installation::<access::GetServerInfo>(&self.policy).await?;
            Ok(server_info::to_wire(self.servers.get(&permit)))
        })
        .await
    }
}
