//! The yardstick of GetUtility: the barest tonic server that answers the same call with the same message.
//!
//! No layers, no parsing, no store; it decodes the request and encodes a copy of the answer, as every server must.

use std::convert::Infallible;
use std::future::Future;
use std::io::Read as _;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use api_proto::zona::utility::v1::{GetUtilityRequest, Utility};
use prost::Message as _;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// Serves until it is killed. The message comes from standard input.
///
/// # Errors
/// When the message cannot be read or the address is taken.
pub async fn serve(address: SocketAddr) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    let echo = Echo(Arc::new(Utility::decode(bytes.as_slice())?));
    Ok(Server::builder().add_service(echo).serve(address).await?)
}

#[derive(Clone)]
struct Echo(Arc<Utility>);

impl NamedService for Echo {
    const NAME: &'static str = "zona.utility.v1.UtilityService";
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let echo = self.clone();
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(echo, request).await) })
    }
}

impl UnaryService<GetUtilityRequest> for Echo {
    type Response = Utility;
    type Future = std::future::Ready<Result<Response<Utility>, Status>>;

    fn call(&mut self, _: Request<GetUtilityRequest>) -> Self::Future {
        std::future::ready(Ok(Response::new(Utility::clone(&self.0))))
    }
}
