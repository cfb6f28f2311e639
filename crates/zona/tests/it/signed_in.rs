//! Who a person is at a server of `zona dev`, and at one that is reached over TLS: from outside, through files and the command line.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustix::process::Signal;

use crate::support::{Done, Server, zona};

const DEV: &str = "tenants/demo/serviceAccounts/dev";
/// As a server is without anything said.
const NOBODY_IS_LOCAL: (&str, &str) = ("ZONA_IDENTITY__LOCAL_CALLER", "false");

/// A command of somebody with the contexts of this server's person.
fn at_home(data: &Path, arguments: &[&str]) -> Done {
    zona().env("XDG_CONFIG_HOME", data.with_extension("config")).args(arguments).output().unwrap().into()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn whoever_starts_a_server_is_signed_in_and_nobody_else_on_the_machine_is_anybody() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut server = Server::start_with(&data, &[NOBODY_IS_LOCAL]);
    let me = at_home(&data, &["whoami", "-o", "json"]).expect(0).json();
    assert_eq!((&me["principal"], &me["role"]), (&DEV.into(), &"ADMIN".into()), "{me}");
    let utilities = at_home(&data, &["utility", "list", "-o", "jsonl"]).expect(0).json_lines();
    assert!(utilities.len() >= 5 && utilities.iter().all(|utility| utility["owner"] == DEV), "{utilities:?}");
    assert!(server.run(&["utility", "list"]).expect(3).stderr.contains("UNAUTHENTICATED"), "who has no context is nobody");

    let key = data.join("dev.key");
    assert_eq!((mode(&key), mode(&data.with_extension("config").join("zona/contexts.toml"))), (0o600, 0o600));
    let secret = fs::read_to_string(&key).unwrap();
    let log = fs::read_to_string(&server.log).unwrap();
    assert!(!server.banner.contains(secret.trim()) && !log.contains(secret.trim()), "it is shown to nobody");
    server.signal(Signal::TERM);
    server.wait();

    let _again = Server::start_with(&data, &[NOBODY_IS_LOCAL]);
    assert_eq!(fs::read_to_string(&key).unwrap(), secret, "the key of before is good for the server of now");
    at_home(&data, &["whoami"]).expect(0);
}

#[test]
fn a_developer_whose_key_was_lost_or_account_deleted_gets_another() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let key = data.join("dev.key");
    let mut server = Server::start_with(&data, &[NOBODY_IS_LOCAL]);
    at_home(&data, &["service-account", "delete", "dev"]).expect(0);
    at_home(&data, &["whoami"]).expect(3);
    server.signal(Signal::TERM);
    server.wait();
    let before = fs::read_to_string(&key).unwrap();
    let mut server = Server::start_with(&data, &[NOBODY_IS_LOCAL]);
    assert_ne!(fs::read_to_string(&key).unwrap(), before);
    at_home(&data, &["whoami"]).expect(0);
    server.signal(Signal::TERM);
    server.wait();
    fs::remove_file(&key).unwrap();
    let _server = Server::start_with(&data, &[NOBODY_IS_LOCAL]);
    at_home(&data, &["whoami"]).expect(0);
    let keys = at_home(&data, &["api-key", "list", "--service-account", "dev", "-o", "jsonl"]).expect(0).json_lines();
    assert_eq!(keys.len(), 2, "those of before the deletion went with the account: {keys:?}");
    let live: Vec<_> = keys.iter().filter(|key| key["revoke_time"].is_null()).collect();
    assert!(live.len() == 1 && live[0]["expire_time"].is_string(), "the one that was lost is void: {keys:?}");
}

#[test]
fn a_server_whose_tenant_of_examples_is_suspended_starts_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut server = Server::start_with(&data, &[NOBODY_IS_LOCAL]);
    let said = fs::read_to_string(&server.log).unwrap();
    let code = said.lines().find_map(|line| line.split_once("with this code, once: ")).expect("a code is shown").1;
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (code, password) = (file("code", code.trim()), file("password", "seven green herons"));
    let url = format!("http://{}", server.address);
    let login = ["--server", &url, "--context", "root", "login", "--bootstrap-code-file", &code, "--password-file", &password];
    at_home(&data, &login).expect(0);
    at_home(&data, &["--context", "root", "tenant", "suspend", "demo"]).expect(0);
    server.signal(Signal::TERM);
    server.wait();

    for has_key in [true, false] {
        let mut server = Server::start_with(&data, &[NOBODY_IS_LOCAL]);
        assert!(server.banner.contains("tenants/demo is suspended"), "{}", server.banner);
        assert_eq!(server.banner.contains("signed in"), has_key, "{}", server.banner);
        server.signal(Signal::TERM);
        server.wait();
        if has_key {
            fs::remove_file(data.join("dev.key")).unwrap();
        }
    }
    assert!(!data.join("dev.key").exists(), "no key was made");
}

/// A directory with a server's certificate and key, and the authority that signed it.
struct Files(PathBuf);

impl Files {
    fn new(directory: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        let files = Files(directory.to_owned());
        for (name, text) in [("ca.pem", authority.pem()), ("tls.crt", certificate.pem()), ("tls.key", key.serialize_pem())] {
            fs::write(directory.join(name), text).unwrap();
            fs::set_permissions(directory.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        files
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

#[test]
fn a_server_of_tls_serves_whoever_believes_its_authority_and_nobody_in_plain_text() {
    let directory = tempfile::tempdir().unwrap();
    let (data, files) = (directory.path().join("data"), Files::new(directory.path()));
    let (certificate, key, ca) = (files.path("tls.crt"), files.path("tls.key"), files.path("ca.pem"));
    let environment = [("ZONA_TLS__CERTIFICATE", certificate.as_str()), ("ZONA_TLS__KEY", key.as_str()), NOBODY_IS_LOCAL];
    let mut server = Server::start_with(&data, &environment);
    let banner = &server.banner;
    assert!(banner.contains(&format!("https://{}", server.address)) && banner.contains("--ca FILE"), "{banner}");
    let me = at_home(&data, &["--ca", &ca, "whoami", "-o", "json"]).expect(0).json();
    assert_eq!((&me["principal"], &me["server"]), (&DEV.into(), &format!("https://{}", server.address).into()));
    let refused = at_home(&data, &["whoami"]).expect(6);
    assert!(refused.stderr.contains("invalid peer certificate") && refused.stderr.contains("--ca"), "{refused:?}");
    let unanswered = server.run(&["whoami"]).expect(6);
    assert!(unanswered.stderr.contains("before the server answered") && unanswered.stderr.contains("https://"), "{unanswered:?}");

    let key_file = data.join("dev.key").display().to_string();
    let url = format!("https://{}", server.address);
    at_home(&data, &["--server", &url, "--ca", &ca, "--context", "mine", "login", "--api-key-file", &key_file]).expect(0);
    at_home(&data, &["--context", "mine", "utility", "list"]).expect(0);

    at_home(&data, &["--server", &url, "--ca", &ca, "--context", "dev", "login", "--api-key-file", &key_file]).expect(0);
    server.signal(Signal::TERM);
    server.wait();
    let _again = Server::start_with(&data, &environment);
    at_home(&data, &["whoami"]).expect(0);
}

#[test]
fn a_server_that_cannot_use_its_certificate_does_not_start_and_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let files = Files::new(directory.path());
    let key = files.path("tls.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let mut command = zona();
    command.args(["dev", "--listen", "127.0.0.1:0", "--data"]).arg(directory.path().join("data"));
    command.env("ZONA_TLS__CERTIFICATE", files.path("tls.crt")).env("ZONA_TLS__KEY", &key);
    let done = Done::from(command.output().unwrap()).expect(2);
    assert!(done.stderr.contains(&format!("{key} has the mode 0644")) && done.stderr.contains("chmod o="), "{done:?}");
}
