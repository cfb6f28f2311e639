//! Who may connect, and how: encrypted and by a password, and then with no more than a server needs.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use domain::audit::AuditRepository;
use domain::change::ChangeListener;
use domain::request::Committed;
use domain::utility::UtilityRepository;
use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::options::{ClientOptions, Credential};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::sync::Arc;
use tempfile::TempDir;
use test_support::audit_repository::entry;
use test_support::sample::{creation, scope, utility};
use test_support::{HeardChanges, InMemorySignals};

use super::server::Server;
use crate::collections::UTILITIES;
use crate::error::Error;
use crate::operator::Operator;
use crate::roles::{MIGRATOR, SERVER};
use crate::{Config, MongoStore};

const DATABASE: &str = "zona";
const ADMIN: &str = "root";
const PASSWORD: &str = "correct horse";

/// A directory for files of one test.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Place(TempDir::new().unwrap())
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// A configuration by which somebody logs in.
    fn config(&self, uri: &str, login: Option<(&str, &str)>) -> Config {
        let patient = Duration::from_secs(60);
        let config = Config { deadline: patient, ..Config::new(uri, DATABASE, self.0.path().join("keys")) };
        match login {
            Some((user, password)) => Config {
                user_file: Some(self.file(&format!("user-{user}"), user)),
                password_file: Some(self.file(&format!("password-{user}"), password)),
                ..config
            },
            None => config,
        }
    }
}

/// A server on which somebody may do everything.
async fn with_an_admin(arguments: &[&str]) -> (Server, Client) {
    let server = Server::start(&[arguments, &["--auth"]].concat());
    let root = doc! { "createUser": ADMIN, "pwd": PASSWORD, "roles": [{ "role": "root", "db": "admin" }] };
    // Whoever is on this machine may make the first user.
    let first = Client::with_uri_str(&server.uri()).await.unwrap();
    first.database("admin").run_command(root).await.unwrap();
    let mut options = ClientOptions::parse(server.uri()).await.unwrap();
    options.credential = Some(Credential::builder().username(ADMIN.to_owned()).password(PASSWORD.to_owned()).build());
    (server, Client::with_options(options).unwrap())
}

async fn refusal(config: Config) -> Error {
    MongoStore::open(config).await.err().expect("it is refused")
}

#[tokio::test]
async fn a_password_opens_the_store_and_a_wrong_one_is_refused_and_not_quoted() {
    let (place, (server, _admin)) = (Place::new(), with_an_admin(&[]).await);
    let store = MongoStore::open(place.config(&server.uri(), Some((ADMIN, PASSWORD)))).await.unwrap();
    store.append(vec![entry("acme", 1)]).await.unwrap();
    let error = refusal(place.config(&server.uri(), Some((ADMIN, "wrong horse")))).await;
    let shown = format!("{error} {:?}", std::error::Error::source(&error));
    assert!(matches!(error, Error::Database { .. }) && !shown.contains("horse"), "{shown}");
    let error = refusal(place.config(&server.uri(), None)).await;
    assert!(matches!(error, Error::Database { .. }), "nobody is let in without one: {error}");
}

#[tokio::test]
async fn a_server_does_its_work_with_its_role_and_nothing_else() {
    let (place, (server, admin)) = (Place::new(), with_an_admin(&[]).await);
    let as_admin = place.config(&server.uri(), Some((ADMIN, PASSWORD)));
    for _ in ["made", "brought up to date"] {
        let operator = Operator::connect(&as_admin).await.unwrap();
        operator.make_roles().await.unwrap();
        operator.close().await;
    }
    for (user, held) in [("server", &[SERVER][..]), ("migrator", &[SERVER, MIGRATOR])] {
        let held: Vec<Document> = held.iter().map(|role| doc! { "role": *role, "db": DATABASE }).collect();
        admin.database("admin").run_command(doc! { "createUser": user, "pwd": PASSWORD, "roles": held }).await.unwrap();
    }
    // An empty database is none that a server alone can make its own.
    assert!(matches!(refusal(place.config(&server.uri(), Some(("server", PASSWORD)))).await, Error::Database { .. }));
    MongoStore::open(place.config(&server.uri(), Some(("migrator", PASSWORD)))).await.unwrap();
    let heard: Arc<dyn ChangeListener> = Arc::new(HeardChanges::default());
    let config = place.config(&server.uri(), Some(("server", PASSWORD)));
    let store = MongoStore::open(config).await.unwrap().telling(heard);
    store.signals(Arc::new(InMemorySignals::default())).await.expect("the hints of other servers may be followed");
    let acme = scope("acme");
    assert_eq!(UtilityRepository::commit(&store, &acme, creation(utility(&acme, "extract"))).await.unwrap(), Committed::Stored);
    store.append(vec![entry("acme", 1)]).await.unwrap();
    assert_eq!(store.size(&acme).await.unwrap(), 1);
    // With the same password, and without the program. Of single collections the tests' server knows no privileges.
    let of_server = &store.shared.database;
    assert!(is_refused(of_server.collection::<Document>(UTILITIES.name).drop().await), "nothing is dropped");
    assert!(is_refused(of_server.create_collection("theirs").await), "nothing is made");
    let elsewhere = store.shared.client.database("elsewhere").collection::<Document>("things").find_one(doc! {}).await;
    assert!(is_refused(elsewhere.map(drop)), "no other database is read");
}

/// Whether it is answered that this user may not do it.
fn is_refused(done: mongodb::error::Result<()>) -> bool {
    const UNAUTHORIZED: i32 = 13;
    done.is_err_and(|error| matches!(&*error.kind, mongodb::error::ErrorKind::Command(command) if command.code == UNAUTHORIZED))
}

#[tokio::test]
async fn a_certificate_of_the_named_authority_is_believed_and_no_other() {
    let place = Place::new();
    let (own, foreign) = (authority(), authority());
    let key = KeyPair::generate().unwrap();
    let names = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    let certificate = place.file("server.crt", &names.signed_by(&key, &own).unwrap().pem());
    let key = place.file("server.key", &key.serialize_pem());
    let server = Server::start(&["--tls-cert-file", certificate.to_str().unwrap(), "--tls-key-file", key.to_str().unwrap()]);
    let uri = |authority: &PathBuf| format!("{}&tls=true&tlsCAFile={}", server.uri(), authority.display());
    let (own, foreign) = (place.file("own.pem", &own.pem()), place.file("foreign.pem", &foreign.pem()));
    let store = MongoStore::open(place.config(&uri(&own), None)).await.unwrap();
    store.append(vec![entry("acme", 1)]).await.unwrap();
    let hasty = |config: Config| Config { selection: Duration::from_secs(2), ..config };
    let error = refusal(hasty(place.config(&uri(&foreign), None))).await;
    assert!(error.is_unavailability(), "{error}");
    let error = refusal(hasty(place.config(&server.uri(), None))).await;
    assert!(error.is_unavailability(), "plain text is not understood: {error}");
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}
