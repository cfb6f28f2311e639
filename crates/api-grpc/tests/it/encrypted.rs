//! Connections of TLS: handshakes within their bounds, and certificates that change while streams go on.

use std::fs::Permissions;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api_proto::zona::execution::v1 as executions;
use api_proto::zona::identity::v1 as pb;
use hyper_util::rt::TokioIo;
use pb::identity_service_client::IdentityServiceClient;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use test_support::in_time;
use tls::{Protocol, Server, ServerFiles, Trust};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Code;
use tonic::codegen::http::Uri;
use tonic::transport::{Channel, Endpoint};

use crate::harness::{Harness, Options, utility_name};

const HOST: &str = "127.0.0.1";

/// A channel that a client of ours encrypts.
pub async fn channel(address: SocketAddr, client: tls::Client) -> Result<Channel, tonic::transport::Error> {
    let connector = tower::service_fn(move |_: Uri| {
        let client = client.clone();
        async move { Ok::<_, io::Error>(TokioIo::new(client.connect(HOST, TcpStream::connect(address).await?).await?)) }
    });
    Endpoint::from_shared(format!("https://{address}"))?.connect_with_connector(connector).await
}

/// One that signs certificates.
pub type Authority = CertifiedIssuer<'static, KeyPair>;

/// An authority, and the files of a server that it has signed for and whose clients it signs for.
pub struct Place {
    directory: tempfile::TempDir,
    pub authority: Authority,
    files: ServerFiles,
}

impl Place {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| directory.path().join(name);
        let files = ServerFiles { certificate: file("tls.crt"), key: file("tls.key"), client_ca: Some(file("ca.pem")) };
        let place = Place { authority: authority(), directory, files };
        write(&place.directory.path().join("ca.pem"), &place.authority.pem());
        place.renew();
        place
    }

    /// Puts a new certificate of the server there; answers what clients are shown from then on.
    fn renew(&self) -> Vec<u8> {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([HOST.to_owned()]).unwrap().signed_by(&key, &self.authority).unwrap();
        write(&self.files.key, &key.serialize_pem());
        write(&self.files.certificate, &certificate.pem());
        certificate.der().to_vec()
    }

    /// Lets clients of this authority in, and no others.
    pub fn believes(&self, authority: &Authority) {
        write(self.files.client_ca.as_deref().unwrap(), &authority.pem());
    }

    pub fn server(&self) -> Arc<Server> {
        Arc::new(Server::open(self.files.clone()).unwrap())
    }

    pub fn client(&self) -> tls::Client {
        self.speaking(Protocol::Http2)
    }

    pub fn speaking(&self, protocol: Protocol) -> tls::Client {
        tls::Client::new(&Trust::File(self.directory.path().join("ca.pem")), protocol).unwrap()
    }

    /// A channel whose client shows a certificate that somebody signed.
    pub fn showing(&self, harness: &Harness, signer: &Authority, params: CertificateParams) -> Channel {
        self.showing_at(harness.address, signer, params)
    }

    /// One to another port.
    pub fn showing_at(&self, address: SocketAddr, signer: &Authority, params: CertificateParams) -> Channel {
        let key = KeyPair::generate().unwrap();
        let chain = vec![params.signed_by(&key, signer).unwrap().der().clone()];
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.authority.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let mut config = builder.with_root_certificates(roots).with_client_auth_cert(chain, key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let connector = tower::service_fn(move |_: Uri| {
            let connector = connector.clone();
            async move {
                let name = HOST.try_into().expect("an address");
                Ok::<_, io::Error>(TokioIo::new(connector.connect(name, TcpStream::connect(address).await?).await?))
            }
        });
        Endpoint::from_shared(format!("https://{address}")).unwrap().connect_with_connector_lazy(connector)
    }
}

pub fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

fn encrypted(place: &Place) -> Options {
    Options { tls: Some((place.server(), place.client())), ..Options::default() }
}

#[tokio::test]
async fn a_certificate_that_is_renewed_is_shown_to_new_connections_while_open_streams_go_on() {
    let place = Place::new();
    let server = place.server();
    let options = Options { tls: Some((server.clone(), place.client())), ..Options::default() };
    let harness = Harness::with(options).await;
    harness.create("some", "def main():\n    #: print one\n    #: wait\n    #: return 1\n").await;
    let request = executions::ExecuteUtilityRequest { name: utility_name("some"), ..Default::default() };
    let mut stream = harness.executions.clone().execute_utility(request).await.unwrap().into_inner();
    in_time(stream.message()).await.unwrap().expect("the first event");
    let fresh = place.renew();
    assert!(server.reload().unwrap());
    let seen = place.client().connect(HOST, TcpStream::connect(harness.address).await.unwrap()).await.unwrap();
    assert_eq!(seen.get_ref().1.peer_certificates().unwrap()[0].to_vec(), fresh);
    harness.sandbox.release();
    let mut last = None;
    while let Some(event) = in_time(stream.message()).await.unwrap() {
        last = event.event;
    }
    assert!(matches!(last, Some(executions::execution_event::Event::Finished(_))), "{last:?}");
}

#[tokio::test]
async fn handshakes_that_stop_half_way_take_places_and_give_them_back_in_time() {
    let place = Place::new();
    let patience = Duration::from_secs(1);
    let options = Options { max_connections: Some(3), preface_patience: Some(patience), ..encrypted(&place) };
    let harness = Harness::with(options).await;
    let begun = std::time::Instant::now();
    let mut silent = TcpStream::connect(harness.address).await.unwrap();
    let mut half = TcpStream::connect(harness.address).await.unwrap();
    // The header of a record of 512 bytes, of which few follow.
    half.write_all(&[22, 3, 1, 2, 0, 1, 0]).await.unwrap();
    let mut fourth = TcpStream::connect(harness.address).await.unwrap();
    assert!(matches!(fourth.read(&mut [0; 1]).await, Ok(0) | Err(_)), "there is no place while they last");
    assert!(begun.elapsed() < patience, "it is closed at once");
    for connection in [&mut silent, &mut half] {
        let mut said = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(30), connection.read_to_end(&mut said)).await;
        // Closed or reset, whichever comes first.
        let _end = closed.expect("it does not stay open");
    }
    assert!(begun.elapsed() >= patience, "not before its time");
    harness.get_after_all(&place).await;
}

#[tokio::test]
async fn who_has_shaken_hands_and_says_nothing_is_closed_in_time() {
    let place = Place::new();
    let options = Options { preface_patience: Some(Duration::from_secs(1)), ..encrypted(&place) };
    let harness = Harness::with(options).await;
    let mut quiet = place.client().connect(HOST, TcpStream::connect(harness.address).await.unwrap()).await.unwrap();
    let mut said = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(30), quiet.read_to_end(&mut said)).await;
    // Closed or reset, whichever comes first.
    let _end = closed.expect("it does not stay open");
}

#[tokio::test]
async fn a_stopping_server_waits_for_no_handshake() {
    let place = Place::new();
    let harness = Harness::with(Options { preface_patience: Some(Duration::from_secs(3_600)), ..encrypted(&place) }).await;
    let mut half = TcpStream::connect(harness.address).await.unwrap();
    half.write_all(&[22, 3, 1]).await.unwrap();
    tokio::time::timeout(Duration::from_secs(30), harness.stop()).await.expect("it stops");
}

#[tokio::test]
async fn plain_text_is_not_served_where_there_is_tls() {
    let place = Place::new();
    let harness = Harness::with(encrypted(&place)).await;
    let plain = Channel::from_shared(format!("http://{}", harness.address)).unwrap().connect().await;
    if let Ok(channel) = plain {
        let refused = IdentityServiceClient::new(channel).get_key_set(pb::GetKeySetRequest {}).await.unwrap_err();
        assert!(matches!(refused.code(), Code::Unavailable | Code::Unknown | Code::Internal), "{refused:?}");
    }
}

impl Harness {
    /// That a new connection is served.
    async fn get_after_all(&self, place: &Place) {
        let channel = channel(self.address, place.client()).await.unwrap();
        IdentityServiceClient::new(channel).get_key_set(pb::GetKeySetRequest {}).await.unwrap();
    }
}
