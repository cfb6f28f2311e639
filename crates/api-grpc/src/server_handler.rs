//! `zona.server.v1.ServerService`: what a server says of itself, and its keys. Nothing is decided here.

use api_proto::zona::server::v1 as pb;
use domain::access::Installation;
use domain::server::{Servers, actions};
use tonic::{Request, Response, Status};

use crate::convert::server_info;
use crate::handler::Handler;
use crate::perform::Permitted;

/// Handles the methods of ServerService.
pub(crate) type ServerHandler = Handler<Servers>;

#[tonic::async_trait]
impl pb::server_service_server::ServerService for ServerHandler {
    async fn get_server_info(&self, request: Request<pb::GetServerInfoRequest>) -> Result<Response<pb::ServerInfo>, Status> {
        let name = |_: &pb::GetServerInfoRequest| Ok(Installation);
        self.perform(request, name, |servers, Permitted { permit, .. }: Permitted<actions::GetServerInfo, _>| async move {
            Ok(server_info::to_wire(servers.get(&permit)))
        })
        .await
    }

    async fn get_key_status(&self, request: Request<pb::GetKeyStatusRequest>) -> Result<Response<pb::KeyStatus>, Status> {
        let name = |_: &pb::GetKeyStatusRequest| Ok(Installation);
        self.perform(request, name, |servers, Permitted { permit, .. }: Permitted<actions::GetKeyStatus, _>| async move {
            Ok(server_info::keys_to_wire(servers.keys(&permit).await?))
        })
        .await
    }

    async fn rotate_keys(&self, request: Request<pb::RotateKeysRequest>) -> Result<Response<pb::RotateKeysResponse>, Status> {
        let name = |_: &pb::RotateKeysRequest| Ok(Installation);
        self.perform(request, name, |servers, Permitted { permit, body, .. }: Permitted<actions::RotateKeys, _>| async move {
            let (request, violations) = server_info::read_rotation(body, permit.principal());
            Ok(pb::RotateKeysResponse { key: servers.rotate_keys(&permit, request, violations).await? })
        })
        .await
    }
}
