//! A Redis that speaks TLS: by whom it is believed, and that what is said to it is right.

use std::net::TcpListener;
use std::path::Path;

use domain::utility::UtilityRepository as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use test_support::RedisServer;
use test_support::sample::{creation, utility};
use tls::Trust;
use zeroize::Zeroizing;

use super::{World, config};
use crate::{Health, diagnose};

/// Writes the files of an authority and of a server at the loopback address.
fn issue(directory: &Path) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let mut server = CertificateParams::new(Vec::new()).unwrap();
    server.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
    let key = KeyPair::generate().unwrap();
    let certificate = server.signed_by(&key, &authority).unwrap();
    for (name, text) in [("ca.pem", authority.pem()), ("redis.pem", certificate.pem()), ("redis.key", key.serialize_pem())] {
        std::fs::write(directory.join(name), text).unwrap();
    }
}

#[tokio::test]
async fn a_redis_with_tls_is_believed_by_its_authority_and_by_no_other() {
    let (directory, others) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for directory in [&directory, &others] {
        issue(directory.path());
    }
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap().port().to_string();
    let file = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key, authority) = (file("redis.pem"), file("redis.key"), file("ca.pem"));
    let options = ["--tls-port", &port, "--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", &authority];
    let redis = RedisServer::start_with(&[options.as_slice(), &["--tls-auth-clients", "no"]].concat());
    redis.command(&["CONFIG", "SET", "requirepass", "hunter2"]);

    let mut encrypted = config(&format!("rediss://127.0.0.1:{port}"));
    encrypted.password = Some(Zeroizing::new("hunter2".to_owned()));
    encrypted.trust = Trust::File(others.path().join("ca.pem"));
    assert_eq!(diagnose(&encrypted).await.unwrap()[0].health, Health::Bad);
    encrypted.trust = Trust::File(directory.path().join("ca.pem"));
    assert_eq!(diagnose(&encrypted).await.unwrap()[0].health, Health::Good);

    let world = World::on(&encrypted, &[true]);
    let made = utility(&world.acme, "extract");
    world.made_by(0).commit(&world.acme, creation(made.clone())).await.unwrap();
    world
        .until(async |world| {
            world.nodes[0].cache.forget_first();
            assert_eq!(world.current(0, "extract").await.as_ref(), Some(&made));
            world.nodes[0].cache.stats().second.hits > 0
        })
        .await;
}
