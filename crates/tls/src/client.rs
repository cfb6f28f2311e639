//! The client's side: whom it believes, which is the system's authorities or those of one file.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use rustls::version::TLS13;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use crate::error::Error;
use crate::files;
use crate::provider::provider;

pub use tokio_rustls::client::TlsStream as ClientStream;

/// Whom a client believes when they say who a server is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// The authorities of the system, or those of the file or directory that `SSL_CERT_FILE` or `SSL_CERT_DIR` names.
    #[default]
    System,
    /// The authorities in this file, and no others.
    File(PathBuf),
}

/// What is spoken inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// The client's side of TLS. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    connector: TlsConnector,
}

// === impl Trust ===

impl Trust {
    fn authorities(&self) -> Result<RootCertStore, Error> {
        match self {
            Trust::File(path) => files::authorities(path, &files::read(path)?),
            Trust::System => system(),
        }
    }
}

/// What of it cannot be used is passed over: a system has hundreds, and nobody here chose them.
fn system() -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(Error::NoAuthorities) } else { Ok(roots) }
}

// === impl Protocol ===

impl Protocol {
    /// As it is said in a handshake (RFC 7301).
    pub(crate) const fn name(self) -> &'static [u8] {
        match self {
            Protocol::Http1 => b"http/1.1",
            Protocol::Http2 => b"h2",
        }
    }

    /// The one that is called so in a handshake.
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        [Protocol::Http1, Protocol::Http2].into_iter().find(|protocol| protocol.name() == name)
    }
}

// === impl Client ===

impl Client {
    /// A client that believes whom `trust` says, and speaks this inside.
    ///
    /// # Errors
    /// There is nobody to believe.
    pub fn new(trust: &Trust, protocol: Protocol) -> Result<Self, Error> {
        Self::speaking(trust, vec![protocol.name().to_vec()])
    }

    /// A client that believes whom `trust` says, and speaks something inside that has no name in handshakes.
    ///
    /// # Errors
    /// There is nobody to believe.
    pub fn unnamed(trust: &Trust) -> Result<Self, Error> {
        Self::speaking(trust, Vec::new())
    }

    /// What shakes hands, for a library that does so itself.
    pub fn connector(&self) -> TlsConnector {
        self.connector.clone()
    }

    /// Shakes hands with the server of this name or address.
    ///
    /// # Errors
    /// The server is not believed to be that one, speaks no TLS 1.3, or goes away.
    pub async fn connect<C>(&self, host: &str, connection: C) -> io::Result<ClientStream<C>>
    where
        C: AsyncRead + AsyncWrite + Unpin,
    {
        let host = host.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        self.connector.connect(name, connection).await
    }

    fn speaking(trust: &Trust, names: Vec<Vec<u8>>) -> Result<Self, Error> {
        let roots = trust.authorities()?;
        let builder = rustls::ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]);
        let mut config = builder.expect("the provider knows TLS 1.3").with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = names;
        Ok(Client { connector: TlsConnector::from(Arc::new(config)) })
    }
}
