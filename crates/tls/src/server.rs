//! The server's side: its certificate, and the authorities of its clients. Files that change are read anew; connections that are open
//! notice nothing, and a file that cannot be used changes nothing.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::TLS13;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use crate::client::Protocol;
use crate::error::Error;
use crate::files;
use crate::peer::{Authorities, PeerCertificate};
use crate::provider::provider;

pub use tokio_rustls::server::TlsStream as ServerStream;

/// Where a server's certificate, its key, and the authorities of its clients are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFiles {
    /// Its certificate, and behind it those that lead to its authority.
    pub certificate: PathBuf,
    /// The key of the certificate.
    pub key: PathBuf,
    /// Whose certificates clients may show; `None` where they are not asked for one.
    pub client_ca: Option<PathBuf>,
}

/// The server's side of TLS.
pub struct Server {
    files: ServerFiles,
    current: RwLock<Arc<Current>>,
}

/// What is in force.
struct Current {
    contents: Contents,
    config: Arc<rustls::ServerConfig>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
    /// Grows whenever the authorities of clients change.
    generation: u64,
}

/// What the files hold.
#[derive(PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

// === impl Server ===

impl Server {
    /// Reads the files.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub fn open(files: ServerFiles) -> Result<Self, Error> {
        let contents = files.read()?;
        let current = Current::of(&files, contents, 0)?;
        Ok(Server { files, current: RwLock::new(Arc::new(current)) })
    }

    /// Reads the files again; connections that begin from now on get what they hold. Says whether something had changed.
    ///
    /// # Errors
    /// One of them cannot be used; what was in force stays so.
    pub fn reload(&self) -> Result<bool, Error> {
        let (contents, before) = (self.files.read()?, self.current());
        if contents == before.contents {
            return Ok(false);
        }
        let generation = before.generation + u64::from(contents.client_ca != before.contents.client_ca);
        let fresh = Arc::new(Current::of(&self.files, contents, generation)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(true)
    }

    /// Shakes hands with a peer, which must speak HTTP/2. The caller bounds how long that may take.
    ///
    /// # Errors
    /// The peer speaks something else, goes away, or shows a certificate that is not believed.
    pub async fn accept<C>(self: &Arc<Self>, connection: C) -> io::Result<(ServerStream<C>, Option<PeerCertificate>)>
    where
        C: AsyncRead + AsyncWrite + Unpin,
    {
        let current = self.current();
        let stream = TlsAcceptor::from(Arc::clone(&current.config)).accept(connection).await?;
        let (_, session) = stream.get_ref();
        // Who names no protocol may be led here by somebody else, to be taken for a caller.
        if session.alpn_protocol() != Some(Protocol::Http2.name()) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the peer does not say that it speaks HTTP/2"));
        }
        let read = |chain: &[CertificateDer<'_>]| PeerCertificate::read(chain, Arc::<Self>::clone(self), current.generation);
        let certificate = session.peer_certificates().map(read).transpose()?;
        Ok((stream, certificate))
    }

    fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Authorities for Server {
    fn generation(&self) -> u64 {
        self.current().generation
    }

    fn believe(&self, chain: &[CertificateDer<'static>]) -> bool {
        let current = self.current();
        match (&current.clients, chain) {
            (Some(clients), [own, between @ ..]) => clients.verify_client_cert(own, between, UnixTime::now()).is_ok(),
            _ => false,
        }
    }
}

// === impl Current ===

impl Current {
    fn of(files: &ServerFiles, contents: Contents, generation: u64) -> Result<Self, Error> {
        let clients = match (&files.client_ca, &contents.client_ca) {
            (Some(path), Some(pem)) => {
                let roots = Arc::new(files::authorities(path, pem)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).allow_unauthenticated().build();
                Some(verifier.map_err(|source| Error::Authorities { path: path.clone(), source })?)
            }
            _ => None,
        };
        let chain = files::certificates(&files.certificate, &contents.certificate)?;
        let key = files::key(&files.key, &contents.key)?;
        let pair = |source| Error::Pair { certificate: files.certificate.clone(), key: files.key.clone(), source };
        let builder = rustls::ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]);
        let builder = builder.expect("the provider knows TLS 1.3");
        let verifier = clients.clone().unwrap_or_else(WebPkiClientVerifier::no_client_auth);
        let mut config = builder.with_client_cert_verifier(verifier).with_single_cert(chain, key).map_err(pair)?;
        config.alpn_protocols = vec![Protocol::Http2.name().to_vec()];
        // A session that goes on would carry a certificate that nobody has looked at again.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Current { contents, config: Arc::new(config), clients, generation })
    }
}

// === impl ServerFiles ===

impl ServerFiles {
    fn read(&self) -> Result<Contents, Error> {
        Ok(Contents {
            certificate: files::read(&self.certificate)?,
            key: files::read_key(&self.key)?,
            client_ca: self.client_ca.as_deref().map(files::read).transpose()?,
        })
    }
}
