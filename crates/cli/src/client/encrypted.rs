//! Connections to servers elsewhere: TLS 1.3, to a server whose certificate is that of its name.

use std::io;
use std::path::Path;

use hyper_util::rt::TokioIo;
use tls::{ClientStream, Protocol, Trust};
use tokio::net::TcpStream;
use tonic::codegen::BoxFuture;
use tonic::codegen::http::Uri;
use tower::Service;

use super::address;
use crate::failure::{Failure, Result, chain};

/// Connects to whatever address it is given.
///
/// # Errors
/// The file of the authority cannot be used, or the system trusts nobody.
pub(super) fn connector(
    ca: Option<&Path>,
) -> Result<impl Service<Uri, Response = TokioIo<ClientStream<TcpStream>>, Error = io::Error, Future: Send> + Send + 'static> {
    let trust = ca.map_or(Trust::System, |path| Trust::File(path.to_owned()));
    let tls = tls::Client::new(&trust, Protocol::Http2).map_err(|error| Failure::usage(chain(&error)))?;
    Ok(tower::service_fn(move |address: Uri| -> BoxFuture<TokioIo<ClientStream<TcpStream>>, io::Error> {
        let tls = tls.clone();
        Box::pin(async move {
            let (host, port) = address::place(&address).ok_or(io::ErrorKind::InvalidInput)?;
            let connection = TcpStream::connect((host.as_str(), port)).await?;
            connection.set_nodelay(true)?;
            Ok(TokioIo::new(tls.connect(&host, connection).await?))
        })
    }))
}
