//! Where keys may be.

use super::*;

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

#[test]
fn keys_are_in_a_file_or_on_this_host_or_behind_tls() {
    assert_eq!(KeyPlace::parse("/etc/zona/keys.json"), Ok(KeyPlace::File("/etc/zona/keys.json".into())));
    for local in ["http://127.0.0.1:8080/keys", "http://[::1]:8080/realm/keys?x=y"] {
        assert!(matches!(KeyPlace::parse(local), Ok(KeyPlace::Local(_))), "{local}");
    }
    for encrypted in ["https://id.example/keys", "https://localhost:8443/keys", "https://[2001:db8::1]/keys"] {
        assert!(matches!(KeyPlace::parse(encrypted), Ok(KeyPlace::Encrypted { .. })), "{encrypted}");
    }
}

#[test]
fn nothing_is_asked_in_the_clear_beyond_this_host() {
    for elsewhere in ["http://id.example/keys", "http://127.0.0.1.example/keys", "http://127.0.0.1@id.example/keys"] {
        assert!(KeyPlace::parse(elsewhere).unwrap_err().contains("TLS"), "{elsewhere}");
    }
    for nothing in [
        "keys.json",
        "",
        "ftp://127.0.0.1/keys",
        "file:///etc/keys",
        "127.0.0.1:8080/keys",
        "https:///keys",
        "https://id.example@127.0.0.1/",
    ] {
        assert!(KeyPlace::parse(nothing).is_err(), "{nothing}");
    }
}

#[test]
fn a_name_whose_meaning_a_resolver_decides_is_refused() {
    for name in ["http://localhost/keys", "http://LocalHost:8080/keys"] {
        assert!(KeyPlace::parse(name).unwrap_err().contains("127.0.0.1 or [::1]"), "{name}");
    }
}

#[tokio::test]
async fn nobody_there_is_an_error_and_no_wait() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let place = KeyPlace::parse(&format!("http://{free}/keys")).unwrap();
    assert!(matches!(keys(&place).await, Err(Error::Read(_))));
    assert!(matches!(keys(&KeyPlace::File("/nowhere/keys.json".into())).await, Err(Error::Untrusted(_))));
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// An issuer that answers everybody with one key, over TLS, under a certificate that `authority` signs.
async fn issuer(authority: &CertifiedIssuer<'static, KeyPair>) -> std::net::SocketAddr {
    let key = KeyPair::generate().unwrap();
    let chain = vec![CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, authority).unwrap().der().clone()];
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let (acceptor, listener) = (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            // Whoever does not believe the certificate leaves during the handshake.
            let Ok(mut stream) = acceptor.accept(connection).await else { continue };
            let mut asked = [0; 1024];
            let _ = stream.read(&mut asked).await.unwrap();
            let keys = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"a"}]}"#;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", keys.len());
            stream.write_all((head + keys).as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn keys_come_from_an_issuer_whose_certificate_is_believed_and_from_nobody_else() {
    let (ours, other) = (authority(), authority());
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, authority: &CertifiedIssuer<'static, KeyPair>| {
        std::fs::write(directory.path().join(name), authority.pem()).unwrap();
        directory.path().join(name)
    };
    let address = format!("https://{}/keys", issuer(&ours).await);
    let believing = |path| KeyPlace::parse(&address).unwrap().believing(path).unwrap();
    assert_eq!(keys(&believing(file("ours.pem", &ours))).await.unwrap().len(), 1);
    let refused = keys(&believing(file("other.pem", &other))).await.err();
    assert!(matches!(&refused, Some(Error::Read(error)) if error.to_string().contains("invalid peer certificate")), "{refused:?}");
    assert!(matches!(keys(&KeyPlace::parse(&address).unwrap()).await, Err(Error::Read(_) | Error::Tls(_))), "the system knows neither");
    assert!(KeyPlace::File("/keys".into()).believing("/ca.pem".into()).is_err());
}
