//! What is asked of a service and what becomes of its answers: against a small server that speaks the published forms of Vault's transit
//! engine, and counts what it is asked. AWS KMS is asked in the stories, where moto stands for it.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use keys::{Error, FileKeys, KeyGuard, KeyProvider as _, Place};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{AwsConfig, AwsKms, Endpoint, VaultConfig, VaultTransit};

const TOKEN: &str = "hvs.CAESIJ";
const PLACE: Place<'_> = Place { tenant: "acme", collection: "data_keys", id: "", field: "key" };

/// What a transit engine knows: each text that it handed out, with what it stands for and the associated data.
#[derive(Default)]
struct Transit {
    sealed: HashMap<String, (String, String)>,
    asked: Vec<String>,
    /// What it answers instead of serving.
    answer: Option<(u16, String)>,
}

/// A Vault that serves one request a connection, on a thread that ends with the process.
struct Vault {
    address: SocketAddr,
    transit: Arc<Mutex<Transit>>,
}

impl Vault {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, transit) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Transit::default())));
        let served = Arc::clone(&transit);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), &mut served.lock().unwrap());
            }
        });
        Vault { address, transit }
    }

    fn guard(&self, token: &Path) -> Arc<dyn KeyGuard> {
        let endpoint = Endpoint::parse(&format!("http://{}", self.address), None).unwrap();
        let config = VaultConfig { endpoint, mount: "transit".to_owned(), key: "zona".to_owned(), token: token.to_owned() };
        Arc::new(VaultTransit::new(config))
    }

    fn asked(&self) -> Vec<String> {
        self.transit.lock().unwrap().asked.clone()
    }

    fn answers(&self, status: u16, body: &str) {
        self.transit.lock().unwrap().answer = Some((status, body.to_owned()));
    }
}

fn serve(mut stream: TcpStream, transit: &mut Transit) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut request, mut length, mut is_known) = (String::new(), 0, false);
    reader.read_line(&mut request).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "x-vault-token" => is_known = value == TOKEN,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let path = request.split(' ').nth(1).unwrap().to_owned();
    transit.asked.push(path.clone());
    let (status, answer) = match transit.answer.clone() {
        Some(answer) => answer,
        None if !is_known => (403, json!({"errors": ["permission denied"]}).to_string()),
        None => transit.answer(&path, &serde_json::from_slice(&body).unwrap()),
    };
    let head = format!("HTTP/1.1 {status} Whatever\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len());
    // Whoever has gone misses it.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(answer.as_bytes()));
}

impl Transit {
    fn answer(&mut self, path: &str, body: &Value) -> (u16, String) {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        match path {
            "/v1/transit/encrypt/zona" => {
                let ciphertext = format!("vault:v1:{:04}", self.sealed.len());
                self.sealed.insert(ciphertext.clone(), (text("plaintext"), text("associated_data")));
                (200, json!({"data": {"ciphertext": ciphertext, "key_version": 1}}).to_string())
            }
            "/v1/transit/decrypt/zona" => match self.sealed.get(&text("ciphertext")) {
                Some((plaintext, data)) if *data == text("associated_data") => (200, json!({"data": {"plaintext": plaintext}}).to_string()),
                _ => (400, json!({"errors": ["cipher: message authentication failed"]}).to_string()),
            },
            _ => (404, json!({"errors": []}).to_string()),
        }
    }
}

/// As a file of secrets is to be.
fn write_private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A directory with a token, and room for keys.
fn place() -> (TempDir, std::path::PathBuf, std::path::PathBuf) {
    let directory = TempDir::new().unwrap();
    let (token, keys) = (directory.path().join("token"), directory.path().join("keys"));
    write_private(&token, &format!("{TOKEN}\n"));
    (directory, token, keys)
}

fn key_files(keys: &Path) -> Vec<(String, String)> {
    let read = |path: &Path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap());
    let mut files: Vec<_> = fs::read_dir(keys).unwrap().map(|entry| read(&entry.unwrap().path())).collect();
    files.sort();
    files
}

fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[test]
fn no_file_holds_a_key_that_a_service_protects_and_it_is_asked_at_the_start_and_for_new_keys_only() {
    let (vault, (_directory, token, keys)) = (Vault::start(), place());
    let files = FileKeys::open_guarded(&keys, &[], Some(vault.guard(&token))).unwrap();
    let data = keys::Key::random();
    let wrapped = files.wrap(PLACE, &data).unwrap();
    assert_eq!(files.unwrap(PLACE, &wrapped).unwrap(), data);
    let made = files.add(files.make().unwrap()).unwrap();
    assert_eq!(
        vault.asked(),
        ["encrypt", "decrypt", "encrypt", "decrypt"].map(|verb| format!("/v1/transit/{verb}/zona")),
        "twice for each key, and not for what it wraps"
    );
    let held = key_files(&keys);
    assert!(held.iter().all(|(_, text)| text.starts_with("zona-kek-2 ") && text.contains(" vault-transit vault:v1:")), "{held:?}");

    let again = FileKeys::open_guarded(&keys, std::slice::from_ref(&wrapped.by), Some(vault.guard(&token))).unwrap();
    assert_eq!(again.unwrap(PLACE, &wrapped).unwrap(), data);
    assert_eq!(again.list()[0].id, made);
    assert_eq!(vault.asked().len(), 6, "each file is opened once");
}

#[test]
fn files_that_nothing_protected_are_protected_when_they_are_met_and_keep_their_keys() {
    let (vault, (_directory, token, keys)) = (Vault::start(), place());
    let plain = FileKeys::open(&keys, &[]).unwrap();
    plain.add(plain.make().unwrap()).unwrap();
    let (data, listed) = (keys::Key::random(), plain.list());
    let wrapped = plain.wrap(PLACE, &data).unwrap();
    let before = key_files(&keys);
    let guarded = FileKeys::open_guarded(&keys, &[], Some(vault.guard(&token))).unwrap();
    assert_eq!((guarded.list(), guarded.unwrap(PLACE, &wrapped).unwrap()), (listed, data));
    for ((id, text), (_, old)) in key_files(&keys).iter().zip(before) {
        let key = old.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(text.starts_with("zona-kek-2 ") && !text.contains(&key), "{id}: {text}");
    }
    let refused = FileKeys::open(&keys, &[]).map(drop).unwrap_err();
    assert!(matches!(&refused, Error::Guarded { by, .. } if by == "vault-transit"), "{refused}");
}

#[test]
fn a_file_under_the_name_of_another_key_does_not_open_and_no_refusal_changes_a_file() {
    let (vault, (_directory, token, keys)) = (Vault::start(), place());
    let files = FileKeys::open_guarded(&keys, &[], Some(vault.guard(&token))).unwrap();
    files.add(files.make().unwrap()).unwrap();
    let held = key_files(&keys);
    let [(first, text), (second, _)] = held.as_slice() else { panic!("{held:?}") };
    fs::write(keys.join(format!("{second}.kek")), text).unwrap();
    let refused = FileKeys::open_guarded(&keys, &[], Some(vault.guard(&token))).map(drop).unwrap_err();
    assert!(matches!(&refused, Error::Guard { id, doing: "open", .. } if id == second), "{refused}");
    assert_eq!(told(&refused), format!("vault-transit does not open the key {second}: the answer has the status 400"));
    assert_eq!(key_files(&keys)[usize::from(key_files(&keys)[0].0 != *first)].1, *text);
}

#[test]
fn what_a_service_refuses_or_garbles_is_an_error_that_quotes_nothing_and_makes_no_key() {
    let (vault, (_directory, token, keys)) = (Vault::start(), place());
    let open = || FileKeys::open_guarded(&keys, &[], Some(vault.guard(&token))).map(drop).unwrap_err();
    fs::write(&token, "hvs.other").unwrap();
    assert!(told(&open()).ends_with("the answer has the status 403"));
    fs::write(&token, TOKEN).unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(told(&open()).ends_with("can be read by everybody; take that away: chmod o-rwx"));
    fs::set_permissions(&token, fs::Permissions::from_mode(0o640)).unwrap();
    let answers = [
        (200, "plumbus"),
        (200, r#"{"data": {"ciphertext": "plumbus"}}"#),
        (200, r#"{"data": {"ciphertext": "vault:v1:two words"}}"#),
        (200, r#"{"data": {"plaintext": "plumbus"}}"#),
        // Taken for a ciphertext, and then for no key.
        (200, r#"{"data": {"ciphertext": "vault:v1:x"}}"#),
        (307, r#"{"errors": ["plumbus"]}"#),
        (503, r#"{"errors": ["plumbus"]}"#),
    ];
    for (status, body) in answers {
        vault.answers(status, body);
        let refused = told(&open());
        let expected = if status == 200 { "none that its interface knows".to_owned() } else { format!("the status {status}") };
        assert!(refused.ends_with(&expected) && !refused.contains("plumbus"), "{refused}");
    }
    vault.answers(200, &"x".repeat(100_000));
    assert!(told(&open()).ends_with("it ends early, or is too long"));
    fs::remove_file(&token).unwrap();
    assert!(told(&open()).contains("cannot be trusted"));
    assert_eq!(key_files(&keys), [], "no key is made that nothing protects");
}

#[test]
fn a_service_that_is_not_there_is_an_error_soon() {
    let (_directory, token, keys) = place();
    // Nobody listens on a port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = Endpoint::parse(&format!("http://{address}"), None).unwrap();
    let guard = VaultTransit::new(VaultConfig { endpoint, mount: "transit".to_owned(), key: "zona".to_owned(), token });
    let refused = told(&FileKeys::open_guarded(&keys, &[], Some(Arc::new(guard))).map(drop).unwrap_err());
    assert!(refused.ends_with("no answer: connection refused"), "{refused}");
}

#[test]
fn keys_leave_this_host_over_tls_only() {
    for address in ["http://vault.example.org:8200", "http://localhost:8200", "ftp://127.0.0.1", "vault", "", "https://", "https://a@b"] {
        assert!(Endpoint::parse(address, None).is_err(), "{address}");
    }
    assert!(Endpoint::parse("https://vault.example.org/v1", None).is_err(), "the path is ours");
    for address in ["https://vault.example.org:8200", "https://vault.example.org/", "http://127.0.0.1:8200", "http://[::1]:8200"] {
        assert!(Endpoint::parse(address, None).is_ok(), "{address}");
    }
}

#[test]
fn a_request_to_aws_is_signed_for_its_host_region_and_body_with_credentials_that_are_read_anew() {
    let directory = TempDir::new().unwrap();
    let credentials = directory.path().join("credentials");
    let sections = "[other]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = x\n\
         [zona]\naws_access_key_id=AKIDEXAMPLE\naws_secret_access_key = wJalrXUtnFEMI\naws_session_token = token\n";
    write_private(&credentials, sections);
    let endpoint = Endpoint::parse("https://kms.eu-central-1.amazonaws.com", None).unwrap();
    let (region, key, profile) = ("eu-central-1".to_owned(), "alias/zona".to_owned(), "zona".to_owned());
    let kms = AwsKms::new(AwsConfig { endpoint, region, key, credentials: credentials.clone(), profile });
    let at = UNIX_EPOCH + Duration::from_secs(1_440_938_160);
    let signature = |body: &[u8]| {
        let request = kms.signed("TrentService.Encrypt", body.to_vec(), at).unwrap();
        assert_eq!(request.headers()["x-amz-security-token"], "token");
        request.headers()["authorization"].to_str().unwrap().to_owned()
    };
    let signed = signature(b"{}");
    let scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-central-1/kms/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=";
    assert!(signed.starts_with(scope), "{signed}");
    assert_ne!(signature(b"{ }"), signed, "the body is signed");
    fs::write(&credentials, "[zona]\naws_access_key_id=AKIDEXAMPLE\n").unwrap();
    let missing = kms.signed("TrentService.Encrypt", Vec::new(), at).unwrap_err().to_string();
    assert!(missing.ends_with("has no aws_secret_access_key in [zona]"), "{missing}");
}
