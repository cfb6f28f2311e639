//! Handshakes between a server and clients that are right, wrong, old or silent about what they speak.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_rustls::TlsConnector;

use super::*;
use crate::provider::provider;

const HOST: &str = "zona.example";
const DAY: Duration = Duration::from_secs(24 * 3_600);

struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
struct Issued {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn server(&self) -> Issued {
        self.issue(CertificateParams::new([HOST.to_owned()]).unwrap())
    }

    fn client(&self, uris: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
        change(&mut params);
        self.issue(params)
    }

    fn issue(&self, params: CertificateParams) -> Issued {
        let key = KeyPair::generate().unwrap();
        Issued { certificate: params.signed_by(&key, &self.0).unwrap(), key }
    }
}

struct Place {
    directory: tempfile::TempDir,
    files: ServerFiles,
}

impl Place {
    fn new(issued: &Issued, clients: Option<&Authority>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| directory.path().join(name);
        let files = ServerFiles { certificate: file("tls.crt"), key: file("tls.key"), client_ca: clients.map(|_| file("clients.pem")) };
        let place = Place { directory, files };
        place.put(issued);
        if let Some(clients) = clients {
            place.believe(&[clients]);
        }
        place
    }

    fn put(&self, issued: &Issued) {
        write(&self.files.certificate, &issued.certificate.pem(), 0o644);
        write(&self.files.key, &issued.key.serialize_pem(), 0o600);
    }

    fn believe(&self, authorities: &[&Authority]) {
        let pem: String = authorities.iter().map(|authority| authority.0.pem()).collect();
        write(self.files.client_ca.as_deref().unwrap(), &pem, 0o644);
    }

    fn open(&self) -> Arc<Server> {
        Arc::new(Server::open(self.files.clone()).unwrap())
    }

    /// A client that believes this authority.
    fn client(&self, authority: &Authority, protocol: Protocol) -> Client {
        let path = self.directory.path().join("ca.pem");
        write(&path, &authority.0.pem(), 0o644);
        Client::new(&Trust::File(path), protocol).unwrap()
    }
}

fn write(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

type Accepted = (ServerStream<DuplexStream>, Option<PeerCertificate>);
type Connected = ClientStream<DuplexStream>;

/// Both ends of a handshake.
async fn shake(server: &Arc<Server>, client: &Client, host: &str) -> (io::Result<Accepted>, io::Result<Connected>) {
    let (near, far) = duplex(64 * 1024);
    tokio::join!(server.accept(far), client.connect(host, near))
}

/// The same with a client that shows a certificate.
async fn show(server: &Arc<Server>, authority: &Authority, shown: &Issued) -> io::Result<(Accepted, Connected)> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.0.der().clone()).unwrap();
    let builder = rustls::ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(shown.key.serialize_der()).unwrap();
    let chain = vec![shown.certificate.der().clone()];
    let mut config = builder.with_root_certificates(roots).with_client_auth_cert(chain, key).unwrap();
    config.alpn_protocols = vec![Protocol::Http2.name().to_vec()];
    let (near, far) = duplex(64 * 1024);
    let connector = TlsConnector::from(Arc::new(config));
    let (accepted, connected) = tokio::join!(server.accept(far), connector.connect(ServerName::try_from(HOST).unwrap(), near));
    Ok((accepted?, connected?))
}

/// That bytes go both ways.
async fn talk(accepted: &mut Accepted, connected: &mut Connected) {
    for _ in 0..3 {
        connected.write_all(b"ping").await.unwrap();
        connected.flush().await.unwrap();
        let mut heard = [0; 4];
        accepted.0.read_exact(&mut heard).await.unwrap();
        accepted.0.write_all(b"pong").await.unwrap();
        accepted.0.flush().await.unwrap();
        connected.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"pong");
    }
}

/// The certificate that a client was shown.
fn shown(connected: &Connected) -> Vec<u8> {
    connected.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn both_ends_speak_tls_1_3_and_http_2() {
    let authority = Authority::new("ours");
    let place = Place::new(&authority.server(), None);
    let (accepted, connected) = shake(&place.open(), &place.client(&authority, Protocol::Http2), HOST).await;
    let (mut accepted, mut connected) = (accepted.unwrap(), connected.unwrap());
    assert_eq!(connected.get_ref().1.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    assert!(accepted.1.is_none(), "no certificate was asked for");
    talk(&mut accepted, &mut connected).await;
}

/// What a client of TLS 1.2 begins with: no extension says that it knows anything newer.
fn hello_of_tls_1_2() -> Vec<u8> {
    let extensions: &[&[u8]] = &[
        &[0, 10, 0, 4, 0, 2, 0, 23],         // groups: P-256
        &[0, 11, 0, 2, 1, 0],                // points: uncompressed
        &[0, 13, 0, 6, 0, 4, 4, 3, 8, 4],    // signatures: ECDSA with SHA-256, RSA-PSS with SHA-256
        &[0, 16, 0, 5, 0, 3, 2, b'h', b'2'], // protocols: h2
    ];
    let extensions = extensions.concat();
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0]);
    body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend(extensions);
    let mut handshake = vec![1, 0];
    handshake.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    handshake.extend(body);
    let mut record = vec![22, 3, 1];
    record.extend(u16::try_from(handshake.len()).unwrap().to_be_bytes());
    record.extend(handshake);
    record
}

#[tokio::test]
async fn a_client_of_tls_1_2_is_told_that_its_version_is_refused() {
    let place = Place::new(&Authority::new("ours").server(), None);
    let server = place.open();
    let (mut near, far) = duplex(64 * 1024);
    near.write_all(&hello_of_tls_1_2()).await.unwrap();
    assert!(server.accept(far).await.is_err());
    let mut answer = Vec::new();
    near.read_to_end(&mut answer).await.unwrap();
    // A fatal alert, protocol_version (RFC 8446, 6).
    assert_eq!((answer[0], &answer[answer.len() - 2..]), (21, &[2, 70][..]), "{answer:?}");
}

#[tokio::test]
async fn a_server_that_speaks_no_newer_version_than_tls_1_2_is_refused() {
    let authority = Authority::new("ours");
    let issued = authority.server();
    let client = Place::new(&issued, None).client(&authority, Protocol::Http2);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS12]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(issued.key.serialize_der()).unwrap();
    let config = builder.with_no_client_auth().with_single_cert(vec![issued.certificate.der().clone()], key).unwrap();
    let (near, far) = duplex(64 * 1024);
    let old = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let (accepted, connected) = tokio::join!(old.accept(far), client.connect(HOST, near));
    assert!(accepted.is_err() && connected.is_err());
}

#[tokio::test]
async fn a_peer_that_does_not_say_that_it_speaks_http_2_is_refused() {
    let authority = Authority::new("ours");
    let place = Place::new(&authority.server(), None);
    let server = place.open();
    let (accepted, _) = shake(&server, &place.client(&authority, Protocol::Http1), HOST).await;
    assert!(accepted.is_err(), "another protocol");
    let (near, far) = duplex(64 * 1024);
    let (accepted, _) = tokio::join!(server.accept(far), silent(&authority).connect(ServerName::try_from(HOST).unwrap(), near));
    assert!(accepted.err().unwrap().to_string().contains("HTTP/2"), "no protocol at all");
}

/// A client that names no protocol.
fn silent(authority: &Authority) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(authority.0.der().clone()).unwrap();
    let builder = rustls::ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    TlsConnector::from(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

#[tokio::test]
async fn a_peer_of_the_web_speaks_the_http_that_it_names_and_must_name_one() {
    let authority = Authority::new("ours");
    let place = Place::new(&authority.server(), None);
    let server = place.open();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let (near, far) = duplex(64 * 1024);
        let client = place.client(&authority, protocol);
        let (accepted, connected) = tokio::join!(server.accept_web(far), client.connect(HOST, near));
        assert_eq!((accepted.unwrap().2, connected.is_ok()), (protocol, true));
    }
    let (near, far) = duplex(64 * 1024);
    let (accepted, _) = tokio::join!(server.accept_web(far), silent(&authority).connect(ServerName::try_from(HOST).unwrap(), near));
    assert!(accepted.err().unwrap().to_string().contains("HTTP"), "no protocol at all");
}

#[tokio::test]
async fn a_server_is_believed_only_under_its_name_and_by_whom_its_authority_is_trusted() {
    let (authority, other) = (Authority::new("ours"), Authority::new("another"));
    let place = Place::new(&authority.server(), None);
    let server = place.open();
    let (_, refused) = shake(&server, &place.client(&other, Protocol::Http2), HOST).await;
    assert!(refused.unwrap_err().to_string().contains("UnknownIssuer"));
    let (_, refused) = shake(&server, &place.client(&authority, Protocol::Http2), "127.0.0.1").await;
    assert!(refused.unwrap_err().to_string().contains("not valid for name"));
}

#[tokio::test]
async fn new_connections_get_the_new_certificate_and_old_ones_go_on() {
    let authority = Authority::new("ours");
    let (first, second) = (authority.server(), authority.server());
    let place = Place::new(&first, None);
    let (server, client) = (place.open(), place.client(&authority, Protocol::Http2));
    let (accepted, connected) = shake(&server, &client, HOST).await;
    let (mut accepted, mut connected) = (accepted.unwrap(), connected.unwrap());
    assert!(!server.reload().unwrap(), "nothing has changed");
    place.put(&second);
    assert!(server.reload().unwrap());
    let (_, newer) = shake(&server, &client, HOST).await;
    assert_eq!(shown(&newer.unwrap()), second.certificate.der().to_vec());
    assert_eq!(shown(&connected), first.certificate.der().to_vec());
    talk(&mut accepted, &mut connected).await;
}

#[tokio::test]
async fn files_that_cannot_be_used_are_refused_and_change_nothing() {
    let authority = Authority::new("ours");
    let first = authority.server();
    let place = Place::new(&first, Some(&authority));
    let (server, client) = (place.open(), place.client(&authority, Protocol::Http2));
    let ServerFiles { certificate, key, client_ca } = place.files.clone();
    let faults: [(&str, &dyn Fn()); 8] = [
        ("cannot be used together", &|| write(&key, &KeyPair::generate().unwrap().serialize_pem(), 0o600)),
        ("everybody on this machine can read the key", &|| write(&key, &first.key.serialize_pem(), 0o604)),
        ("holds no private key", &|| write(&key, "", 0o600)),
        ("holds no certificate", &|| write(&certificate, "certificate", 0o644)),
        ("others can write it", &|| write(&certificate, &first.certificate.pem(), 0o666)),
        ("others can write it", &|| write(client_ca.as_deref().unwrap(), &authority.0.pem(), 0o666)),
        ("is not PEM", &|| write(client_ca.as_deref().unwrap(), "-----BEGIN CERTIFICATE-----\n", 0o644)),
        ("No such file", &|| std::fs::remove_file(&certificate).unwrap()),
    ];
    for (expected, break_it) in faults {
        break_it();
        let refused = server.reload().expect_err(expected);
        let mut said = refused.to_string();
        let mut cause = std::error::Error::source(&refused);
        while let Some(error) = cause {
            said = format!("{said}: {error}");
            cause = error.source();
        }
        assert!(said.contains(expected), "{expected}: {said}");
        assert!(!said.contains("PRIVATE"), "{said}");
        let (_, connected) = shake(&server, &client, HOST).await;
        assert_eq!(shown(&connected.unwrap()), first.certificate.der().to_vec(), "{expected}");
        place.put(&first);
        place.believe(&[&authority]);
        assert!(!server.reload().unwrap(), "{expected}: what is there is in force already");
    }
}

#[tokio::test]
async fn a_clients_certificate_says_its_uris_and_how_long_it_is_valid() {
    let authority = Authority::new("ours");
    let place = Place::new(&authority.server(), Some(&authority));
    let server = place.open();
    let uris = ["zona://tenants/demo/serviceAccounts/ci", "spiffe://example/ci"];
    let (since, until) = (SystemTime::UNIX_EPOCH + DAY, SystemTime::UNIX_EPOCH + 40_000 * DAY);
    let client = authority.client(&uris, |params| {
        params.not_before = since.into();
        params.not_after = until.into();
    });
    let (accepted, _connected) = show(&server, &authority, &client).await.unwrap();
    let certificate = accepted.1.expect("one was shown");
    assert_eq!(certificate.uris(), uris);
    assert_eq!((certificate.not_before(), certificate.not_after()), (since, until));
    assert!(certificate.is_trusted());
    let (accepted, _) = shake(&server, &place.client(&authority, Protocol::Http2), HOST).await;
    assert!(accepted.unwrap().1.is_none(), "nobody has to show one");
}

#[tokio::test]
async fn certificates_of_strangers_and_those_whose_time_is_not_now_are_refused() {
    let authority = Authority::new("ours");
    let place = Place::new(&authority.server(), Some(&authority));
    let server = place.open();
    let now = SystemTime::now();
    let stranger = Authority::new("another").client(&[], |_| {});
    let namesake = Authority::new("ours").client(&[], |_| {});
    let past = authority.client(&[], |params| params.not_after = (now - DAY).into());
    let future = authority.client(&[], |params| params.not_before = (now + DAY).into());
    for (what, shown) in [("a stranger", stranger), ("a namesake", namesake), ("of the past", past), ("of the future", future)] {
        assert!(show(&server, &authority, &shown).await.is_err(), "{what}");
    }
}

#[tokio::test]
async fn who_lets_clients_in_may_change_and_open_connections_follow() {
    let (leaving, coming) = (Authority::new("leaving"), Authority::new("coming"));
    let place = Place::new(&leaving.server(), Some(&leaving));
    let server = place.open();
    let (accepted, _connected) = show(&server, &leaving, &leaving.client(&[], |_| {})).await.unwrap();
    let certificate = accepted.1.unwrap();
    place.believe(&[&leaving, &coming]);
    assert!(server.reload().unwrap());
    assert!(certificate.is_trusted(), "its authority is still one of them");
    assert!(show(&server, &leaving, &coming.client(&[], |_| {})).await.is_ok());
    place.believe(&[&coming]);
    assert!(server.reload().unwrap());
    assert!(!certificate.is_trusted(), "its authority is gone");
    place.believe(&[&leaving]);
    server.reload().unwrap();
    assert!(certificate.is_trusted(), "it is back");
}

#[tokio::test]
async fn a_server_does_not_start_without_the_authorities_that_it_is_to_believe() {
    let authority = Authority::new("ours");
    let place = Place::new(&authority.server(), Some(&authority));
    place.believe(&[]);
    let refused = Server::open(place.files.clone()).err().expect("the file is empty").to_string();
    assert!(refused.contains("holds no certificate"), "{refused}");
}

#[tokio::test]
async fn taking_the_last_authority_away_lets_in_nobody() {
    let authority = Authority::new("ours");
    let place = Place::new(&authority.server(), Some(&authority));
    let path = place.files.client_ca.clone().unwrap();
    let takings: [(&str, &dyn Fn()); 3] = [
        ("all lines", &|| write(&path, "", 0o644)),
        ("all but a remark", &|| write(&path, "# nobody for now\n", 0o644)),
        ("the file", &|| std::fs::remove_file(&path).unwrap()),
    ];
    for (what, take) in takings {
        place.believe(&[&authority]);
        let server = place.open();
        let client = authority.client(&[], |_| {});
        let (accepted, _connected) = show(&server, &authority, &client).await.unwrap();
        let certificate = accepted.1.unwrap();
        assert!(certificate.is_trusted() && !server.believes_nobody());
        take();
        assert!(server.reload().unwrap(), "{what}");
        assert!(!certificate.is_trusted() && server.believes_nobody(), "{what}: on the connection that is open");
        let (accepted, _connected) = show(&server, &authority, &client).await.unwrap();
        assert!(accepted.1.is_none(), "{what}: nobody is asked for one");
        assert!(!server.reload().unwrap(), "{what}: nothing has changed since");
        place.believe(&[&authority]);
        assert!(server.reload().unwrap() && certificate.is_trusted(), "{what}: it is back");
    }
}

#[tokio::test]
async fn an_authority_is_taken_away_also_while_the_servers_own_certificate_cannot_be_used() {
    let (leaving, staying) = (Authority::new("leaving"), Authority::new("staying"));
    let (first, second) = (staying.server(), staying.server());
    let place = Place::new(&first, Some(&leaving));
    let server = place.open();
    let (accepted, _connected) = show(&server, &staying, &leaving.client(&[], |_| {})).await.unwrap();
    write(&place.files.key, "no key", 0o600);
    place.believe(&[&staying]);
    assert!(server.reload().is_err(), "it is told");
    assert!(!accepted.1.unwrap().is_trusted());
    assert!(show(&server, &staying, &leaving.client(&[], |_| {})).await.is_err());

    place.put(&second);
    write(place.files.client_ca.as_deref().unwrap(), "-----BEGIN CERTIFICATE-----\n", 0o644);
    assert!(server.reload().is_err(), "it is told");
    let (_, connected) = show(&server, &staying, &staying.client(&[], |_| {})).await.unwrap();
    assert_eq!(shown(&connected), second.certificate.der().to_vec(), "the new certificate, and the authority of before");
}
