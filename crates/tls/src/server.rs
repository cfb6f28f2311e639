//! The server's side: its certificate, and the authorities of its clients. Files that change are read anew, and connections that are open
//! go on. A file that cannot be used changes nothing, and keeps no other from being used; where the authorities are gone, nobody is
//! let in by a certificate any more.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
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
    pair: Pair,
    clients: Clients,
    /// For whoever must speak HTTP/2.
    config: Arc<rustls::ServerConfig>,
    /// For whoever may speak HTTP/1.1, too.
    web: Arc<rustls::ServerConfig>,
    /// Grows whenever the authorities of clients change.
    generation: u64,
}

/// The certificate and its key, with what their files hold.
#[derive(Clone)]
struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
    both: Arc<CertifiedKey>,
}

/// Who lets clients in, with what their file holds.
#[derive(Clone, Default)]
struct Clients {
    pem: Vec<u8>,
    /// `None` where nobody does: clients are not asked for a certificate, and none of before is believed.
    verifier: Option<Arc<dyn ClientCertVerifier>>,
}

// === impl Server ===

impl Server {
    /// Reads the files.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub fn open(files: ServerFiles) -> Result<Self, Error> {
        let (pair, clients) = (Pair::read(&files)?, Clients::read(&files)?);
        let current = Current::of(pair, clients, 0);
        Ok(Server { files, current: RwLock::new(Arc::new(current)) })
    }

    /// Reads the files again; connections that begin from now on get what they hold. Says whether something had changed. The certificate
    /// with its key, and the authorities, count each for themselves: what is wrong with one never keeps an authority that was taken away.
    ///
    /// # Errors
    /// One of them cannot be used; what it stood for stays in force, and the other is in force as it is now.
    pub fn reload(&self) -> Result<bool, Error> {
        let before = self.current();
        let (pair, clients) = (Pair::read(&self.files), Clients::read_again(&self.files));
        let other_pair = pair.as_ref().is_ok_and(|pair| !pair.is_same(&before.pair));
        let other_clients = clients.as_ref().is_ok_and(|clients| clients.pem != before.clients.pem);
        if other_pair || other_clients {
            let shown = pair.as_ref().unwrap_or(&before.pair).clone();
            let believed = clients.as_ref().unwrap_or(&before.clients).clone();
            let fresh = Arc::new(Current::of(shown, believed, before.generation + u64::from(other_clients)));
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
        pair?;
        clients?;
        Ok(other_pair || other_clients)
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
        let (stream, certificate, protocol) = self.shake(&current, &current.config, connection).await?;
        match protocol {
            Some(Protocol::Http2) => Ok((stream, certificate)),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "the peer does not say that it speaks HTTP/2")),
        }
    }

    /// As [`Server::accept`] with a peer that may speak HTTP/1.1 as well, and says which it is.
    ///
    /// # Errors
    /// As [`Server::accept`].
    pub async fn accept_web<C>(self: &Arc<Self>, connection: C) -> io::Result<(ServerStream<C>, Option<PeerCertificate>, Protocol)>
    where
        C: AsyncRead + AsyncWrite + Unpin,
    {
        let current = self.current();
        let (stream, certificate, protocol) = self.shake(&current, &current.web, connection).await?;
        let unsaid = || io::Error::new(io::ErrorKind::InvalidData, "the peer does not say that it speaks HTTP");
        Ok((stream, certificate, protocol.ok_or_else(unsaid)?))
    }

    /// Shakes hands; a peer that names no protocol may be led here by somebody else, to be taken for a caller.
    async fn shake<C>(
        self: &Arc<Self>,
        current: &Current,
        config: &Arc<rustls::ServerConfig>,
        connection: C,
    ) -> io::Result<(ServerStream<C>, Option<PeerCertificate>, Option<Protocol>)>
    where
        C: AsyncRead + AsyncWrite + Unpin,
    {
        let stream = TlsAcceptor::from(Arc::clone(config)).accept(connection).await?;
        let (_, session) = stream.get_ref();
        let protocol = session.alpn_protocol().and_then(Protocol::named);
        let read = |chain: &[CertificateDer<'_>]| PeerCertificate::read(chain, Arc::<Self>::clone(self), current.generation);
        let certificate = session.peer_certificates().map(read).transpose()?;
        Ok((stream, certificate, protocol))
    }

    /// Whether no certificate of a client is believed any more, though clients may show one.
    pub fn believes_nobody(&self) -> bool {
        self.files.client_ca.is_some() && self.current().clients.verifier.is_none()
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
        match (&current.clients.verifier, chain) {
            (Some(clients), [own, between @ ..]) => clients.verify_client_cert(own, between, UnixTime::now()).is_ok(),
            _ => false,
        }
    }
}

// === impl Current ===

impl Current {
    fn of(pair: Pair, clients: Clients, generation: u64) -> Self {
        let builder = rustls::ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]);
        let builder = builder.expect("the provider knows TLS 1.3");
        let verifier = clients.verifier.clone().unwrap_or_else(WebPkiClientVerifier::no_client_auth);
        let shown = Arc::new(SingleCertAndKey::from(Arc::clone(&pair.both)));
        let mut config = builder.with_client_cert_verifier(verifier).with_cert_resolver(shown);
        config.alpn_protocols = vec![Protocol::Http2.name().to_vec()];
        // A session that goes on would carry a certificate that nobody has looked at again.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        let mut web = config.clone();
        web.alpn_protocols.push(Protocol::Http1.name().to_vec());
        Current { pair, clients, config: Arc::new(config), web: Arc::new(web), generation }
    }
}

// === impl Pair ===

impl Pair {
    fn read(files: &ServerFiles) -> Result<Self, Error> {
        let (certificate, key) = (files::read(&files.certificate)?, files::read_key(&files.key)?);
        let chain = files::certificates(&files.certificate, &certificate)?;
        let pair = |source| Error::Pair { certificate: files.certificate.clone(), key: files.key.clone(), source };
        let both = CertifiedKey::from_der(chain, files::key(&files.key, &key)?, &provider()).map_err(pair)?;
        Ok(Pair { certificate, key, both: Arc::new(both) })
    }

    fn is_same(&self, other: &Pair) -> bool {
        self.certificate == other.certificate && self.key == other.key
    }
}

// === impl Clients ===

impl Clients {
    fn read(files: &ServerFiles) -> Result<Self, Error> {
        let Some(path) = &files.client_ca else { return Ok(Clients::default()) };
        let pem = files::read(path)?;
        let roots = Arc::new(files::authorities(path, &pem)?);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).allow_unauthenticated().build();
        let verifier = verifier.map_err(|source| Error::Authorities { path: path.clone(), source })?;
        Ok(Clients { pem, verifier: Some(verifier) })
    }

    /// The same while the server runs: whoever takes the last authority away, or the whole file, lets nobody in any more.
    fn read_again(files: &ServerFiles) -> Result<Self, Error> {
        match Clients::read(files) {
            Err(error) if error.is_absence() => Ok(Clients::default()),
            read => read,
        }
    }
}
