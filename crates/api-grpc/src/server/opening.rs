//! What was accepted, until it is a connection: where there is TLS, hands are shaken first. That is the peer's pace, so it is a part of the
//! connection's own task, within its time and its place.

use std::future::Future;
use std::io;
use std::sync::Arc;

use tls::Protocol;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::either::Either;
use tonic::transport::server::{Connected, TcpConnectInfo};

use super::counted::Counted;
use super::place::Place;
use crate::certificate::Certificate;

/// Something that becomes a connection.
pub(super) trait Opening: Send + 'static {
    /// What it becomes.
    type Connection: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Does what comes before the first byte of HTTP/2.
    fn open(self) -> impl Future<Output = io::Result<(Self::Connection, Origin)>> + Send;
}

/// Where a connection comes from, and what it began with.
#[derive(Clone)]
pub(super) struct Origin {
    pub(super) address: TcpConnectInfo,
    pub(super) certificate: Option<Arc<Certificate>>,
}

/// What came to a listener, with its place.
pub(super) struct Arrived {
    pub(super) connection: TcpStream,
    pub(super) place: Place,
    /// By when it must have said its preface.
    pub(super) until: Instant,
    /// `None` for plain text.
    pub(super) tls: Option<Arc<tls::Server>>,
}

/// A connection that somebody else has opened.
pub(super) struct Opened<C>(pub(super) C);

/// A connection of a listener, in the clear or not.
pub(super) type Listened = Counted<Either<TcpStream, tls::ServerStream<TcpStream>>>;

impl Opening for Arrived {
    type Connection = Listened;

    async fn open(self) -> io::Result<(Self::Connection, Origin)> {
        let Arrived { connection, place, until, tls } = self;
        let address = connection.connect_info();
        let (connection, certificate) = match tls {
            None => (Either::Left(connection), None),
            Some(tls) => {
                let (stream, shown) = tokio::time::timeout_at(until, tls.accept(connection)).await??;
                (Either::Right(stream), shown)
            }
        };
        let certificate = certificate.map(|shown| Arc::new(Certificate::new(shown)));
        Ok((Counted::new(connection, place, until), Origin { address, certificate }))
    }
}

impl Arrived {
    /// Opens a connection that may speak HTTP/1.1: in the clear it does, and over TLS as it says in the handshake.
    pub(super) async fn open_for_web(self) -> io::Result<(Listened, Origin, Protocol)> {
        let Arrived { connection, place, until, tls } = self;
        let address = connection.connect_info();
        let (connection, certificate, protocol) = match tls {
            None => (Either::Left(connection), None, Protocol::Http1),
            Some(tls) => {
                let (stream, shown, protocol) = tokio::time::timeout_at(until, tls.accept_web(connection)).await??;
                (Either::Right(stream), shown, protocol)
            }
        };
        let certificate = certificate.map(|shown| Arc::new(Certificate::new(shown)));
        Ok((Counted::new(connection, place, until), Origin { address, certificate }, protocol))
    }
}

impl<C> Opening for Opened<C>
where
    C: AsyncRead + AsyncWrite + Connected<ConnectInfo = TcpConnectInfo> + Unpin + Send + 'static,
{
    type Connection = C;

    async fn open(self) -> io::Result<(C, Origin)> {
        let address = self.0.connect_info();
        Ok((self.0, Origin { address, certificate: None }))
    }
}
