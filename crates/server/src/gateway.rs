//! The gateway beside the port of gRPC: the same services behind the same layers, for whoever speaks JSON over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use api_grpc::Server;
use gateway::{Contract, Gateway, Issuers, SignIn};
use tokio::net::TcpListener;

use crate::config::Config;
use crate::error::Error;
use crate::tasks::Tasks;

/// Its port, before anything is served there.
pub(crate) struct Port {
    listener: TcpListener,
    pub(crate) address: SocketAddr,
}

// === impl Port ===

impl Port {
    /// A port that was taken.
    pub(crate) fn new(listener: TcpListener, address: SocketAddr) -> Self {
        Port { listener, address }
    }

    /// Serves, until the stop, what `server` serves.
    ///
    /// # Errors
    /// The contract has routes that cannot be served.
    pub(crate) fn serve(self, config: &Config, server: &Server, issuers: Arc<dyn Issuers>, tasks: &Tasks) -> Result<(), Error> {
        let public = config.gateway.public_address.clone();
        let sign_in = public.map(|public| SignIn { public, ways: config.ways.clone(), issuers });
        let config = config.gateway.config(config.tls.files().is_some(), sign_in);
        let gateway = Gateway::new(Contract::built_in()?, server.calls(), config);
        let (web, stopping) = (server.web(), tasks.stopping());
        tasks.critical("gateway", async move { web.serve(self.listener, gateway, stopping.cancelled_owned()).await });
        Ok(())
    }
}
