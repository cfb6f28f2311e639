//! What is sent, against receivers on this machine, and where nothing is sent to.

use std::io::Write as _;
use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use domain::event::{Event, EventKind};
use domain::time::Timestamp;
use domain::webhook::{Refusal, WebhookSecrets, WebhookSender as _};
use test_support::sample;
use tls::Trust;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::network::{Network, Networks};
use crate::sender::{Config, HttpSender};

fn networks(all: &[&str]) -> Networks {
    all.iter().map(|network| network.parse::<Network>().unwrap()).collect::<Vec<_>>().into()
}

fn sender(timeout: Duration) -> HttpSender {
    open(timeout, networks(&["127.0.0.0/8"]), Trust::System)
}

fn open(timeout: Duration, networks: Networks, trust: Trust) -> HttpSender {
    HttpSender::open(Config { timeout, networks, trust }).unwrap()
}

/// What people of the tenant are told.
fn told(refused: Refusal) -> String {
    match refused {
        Refusal::Theirs(told) => told,
        Refusal::Ours(why) => panic!("this machine cannot send: {why}"),
    }
}

fn event() -> Event {
    Event {
        tenant: sample::tenant("acme"),
        sequence: 7,
        id: "0123456789abcdef0123".to_owned(),
        time: Timestamp::from_millis(1_790_000_000_005),
        kind: EventKind::UtilityCreated,
        subject: "tenants/acme/utilities/größe".to_owned(),
        details: [("version".to_owned(), 1.into()), ("state".to_owned(), "a \"b\"".into())].into(),
    }
}

fn secrets(sender: &HttpSender) -> WebhookSecrets {
    WebhookSecrets { current: sender.new_secret(), previous: Vec::new() }
}

/// Reads one request to its end, and answers.
async fn answer(mut stream: TcpStream, answer: &'static str) -> (Vec<String>, String) {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse::<usize>().unwrap();
            if body.len() >= length {
                stream.write_all(answer.as_bytes()).await.unwrap();
                return (head.lines().map(str::to_owned).collect(), body.to_owned());
            }
        }
        assert!(stream.read_buf(&mut read).await.unwrap() > 0, "the request ends early: {text}");
    }
}

/// A receiver in plain text that answers once.
async fn receiver(says: &'static str) -> (String, JoinHandle<(Vec<String>, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?a=1", listener.local_addr().unwrap());
    (url, tokio::spawn(async move { answer(listener.accept().await.unwrap().0, says).await }))
}

fn header<'a>(head: &'a [String], name: &str) -> &'a str {
    let found = head.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("{name} is not among {head:?}"))
}

/// Verifies a message as somebody would who has nothing but Python.
fn verified_by_python(secret: &str, head: &[String], body: &str) -> bool {
    const PROGRAM: &str = "import base64, hashlib, hmac, json, sys\n\
        m = json.load(sys.stdin)\n\
        key = base64.b64decode(m['secret'].removeprefix('whsec_'))\n\
        text = f\"{m['id']}.{m['time']}.{m['body']}\".encode()\n\
        own = 'v1,' + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()\n\
        assert json.loads(m['body'])['specversion'] == '1.0'\n\
        sys.exit(0 if any(hmac.compare_digest(own, other) for other in m['signature'].split()) else 3)\n";
    let message = serde_json::json!({
        "secret": secret,
        "id": header(head, "webhook-id"),
        "time": header(head, "webhook-timestamp"),
        "signature": header(head, "webhook-signature"),
        "body": body,
    });
    let mut python = Command::new("python3").args(["-I", "-c", PROGRAM]).stdin(Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(message.to_string().as_bytes()).unwrap();
    python.wait().unwrap().code() == Some(0)
}

#[tokio::test]
async fn an_event_arrives_signed_as_others_verify_it() {
    let (sender, event) = (sender(Duration::from_secs(10)), event());
    let secrets = secrets(&sender);
    let (url, received) = receiver("HTTP/1.1 204 No Content\r\n\r\n").await;
    sender.send(&url, &secrets, &event, Timestamp::from_millis(1_790_000_001_999)).await.unwrap();
    let (head, body) = received.await.unwrap();
    assert_eq!(head[0], "POST /hook?a=1 HTTP/1.1");
    assert_eq!((header(&head, "webhook-id"), header(&head, "webhook-timestamp")), (event.id.as_str(), "1790000001"));
    assert_eq!(header(&head, "content-type"), "application/cloudevents+json; charset=utf-8");
    let expected = r#"{"specversion":"1.0","id":"0123456789abcdef0123","source":"//zona.dev/tenants/acme","#.to_owned()
        + r#""type":"dev.zona.utility.created","subject":"tenants/acme/utilities/größe","time":"2026-09-21T14:13:20.005Z","#
        + r#""sequence":"00000000000000000007","datacontenttype":"application/json","data":{"state":"a \"b\"","version":1}}"#;
    assert_eq!(body, expected);
    assert!(verified_by_python(secrets.current.expose(), &head, &body));
    assert!(!verified_by_python(sender.new_secret().expose(), &head, &body), "of another secret");
    assert!(!verified_by_python(secrets.current.expose(), &head, &body.replace("created", "deleted")), "another body");
}

#[tokio::test]
async fn what_is_not_taken_is_told_by_its_status_and_redirections_are_not_followed() {
    let sender = sender(Duration::from_secs(10));
    for (says, told) in [
        ("HTTP/1.1 500 Oops\r\ncontent-length: 3\r\n\r\nsee", "the answer has the status 500"),
        ("HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n", "the answer has the status 404"),
        (
            "HTTP/1.1 307 There\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
            "the answer has the status 307, and redirections are not followed",
        ),
    ] {
        let (url, received) = receiver(says).await;
        let refused = sender.send(&url, &secrets(&sender), &event(), Timestamp::from_millis(5)).await.unwrap_err();
        assert_eq!(refused, Refusal::Theirs(told.to_owned()));
        received.await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_that_never_ends_is_taken_by_its_status_and_one_that_never_begins_is_given_up() {
    let endless: String = "x".repeat(1024 * 1024);
    let patient = sender(Duration::from_secs(20));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let receiver = tokio::spawn(async move {
        let mut kept = Vec::new();
        // One says more than anybody reads, one nothing behind its head, and one nothing at all.
        for says in [Some(endless.as_str()), Some(""), None] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut some = [0; 16];
            stream.read_exact(&mut some).await.unwrap();
            if let Some(body) = says {
                // The sender goes once it has enough.
                let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: 1048576\r\n\r\n{body}").as_bytes()).await;
            }
            kept.push(stream);
        }
        kept
    });
    for _ in 0..2 {
        patient.send(&url, &secrets(&patient), &event(), Timestamp::from_millis(5)).await.unwrap();
    }
    let hasty = sender(Duration::from_millis(200));
    let refused = hasty.send(&url, &secrets(&hasty), &event(), Timestamp::from_millis(5)).await.unwrap_err();
    assert_eq!(refused, Refusal::Theirs("no answer within 200ms".to_owned()));
    drop(receiver.await.unwrap());
}

#[tokio::test]
async fn nobody_there_is_a_refusal() {
    let sender = sender(Duration::from_secs(10));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let refused = told(sender.send(&url, &secrets(&sender), &event(), Timestamp::from_millis(5)).await.unwrap_err());
    assert!(refused.starts_with("no connection: "), "{refused}");
}

#[test]
fn addresses_that_are_not_of_the_public_internet_are_refused_in_every_form() {
    let sender = open(Duration::from_secs(1), Networks::default(), Trust::System);
    for host in [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "168.63.129.16",
        "100.64.0.1",
        "0.0.0.0",
        "192.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2001::1]",
        "[2001:db8::1]",
        "[fec0::1]",
        "[100::1]",
    ] {
        let refused = sender.check(&format!("https://{host}/")).unwrap_err();
        assert!(refused.contains("not of the public internet"), "{host}: {refused}");
    }
    for host in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "[2606:4700::1]", "[64:ff9b::808:808]", "hooks.example.org"] {
        sender.check(&format!("https://{host}:8443/hook")).unwrap_or_else(|refused| panic!("{host}: {refused}"));
    }
}

#[test]
fn only_addresses_over_https_without_a_user_are_taken() {
    let sender = sender(Duration::from_secs(1));
    for wrong in [
        "",
        "hooks.example.org",
        "/hook",
        "ftp://hooks.example.org/",
        "http://hooks.example.org/",
        "http://localhost/",
        "http://8.8.8.8/",
        "https://",
        "https:///hook",
        "https://ann@hooks.example.org/",
        "https://hooks.example.org/#there",
        "https://hooks.example.org\\@127.0.0.1/",
        "https://hooks.example.org/a b",
        "https://hooks.example.org:/hook",
        "https://hooks.example.org:0/hook",
        "https://hooks.example.org:65536/hook",
    ] {
        assert!(sender.check(wrong).is_err(), "{wrong} is taken");
    }
    sender.check("http://127.0.0.1:8080/hook").unwrap();
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_refused_when_it_is_sent_to() {
    let sender = open(Duration::from_secs(5), Networks::default(), Trust::System);
    sender.check("https://localhost:1/").unwrap();
    let refused = told(sender.send("https://localhost:1/", &secrets(&sender), &event(), Timestamp::from_millis(5)).await.unwrap_err());
    assert!(refused.contains("not of the public internet"), "{refused}");
    assert!(!refused.contains("127.0.0.1") && !refused.contains("::1"), "where names of the server's network lead is not told: {refused}");
}

#[test]
fn networks_hold_what_begins_like_them() {
    let held = |network: &str, address: &str| networks(&[network]).admit(address.parse::<IpAddr>().unwrap());
    assert!(held("10.1.0.0/16", "10.1.2.3") && !held("10.1.0.0/16", "10.2.0.0"));
    assert!(held("0.0.0.0/0", "127.0.0.1") && !held("0.0.0.0/0", "::1"));
    assert!(held("127.0.0.1/32", "127.0.0.1") && held("127.0.0.1/32", "::ffff:127.0.0.1") && !held("127.0.0.1/32", "127.0.0.2"));
    assert!(held("::/0", "::1") && held("fd00::/8", "fd12::1") && !held("fd00::/8", "fe80::1"));
    for malformed in ["", "10.0.0.0", "10.0.0.0/33", "x/8", "::/129", "10.0.0.0/-1"] {
        assert!(malformed.parse::<Network>().is_err(), "{malformed}");
    }
}

/// A receiver over TLS, of nothing but Python: takes whatever it is sent.
struct Encrypted {
    child: std::process::Child,
    url: String,
    directory: tempfile::TempDir,
}

impl Encrypted {
    fn start(version: &str) -> Self {
        const PROGRAM: &str = "import http.server, pathlib, ssl, sys\n\
            here = pathlib.Path(sys.argv[1])\n\
            class Receiver(http.server.BaseHTTPRequestHandler):\n\
            \x20   def do_POST(self):\n\
            \x20       self.rfile.read(int(self.headers['content-length']))\n\
            \x20       self.send_response(204)\n\
            \x20       self.end_headers()\n\
            \x20   def log_message(self, *_):\n\
            \x20       pass\n\
            server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Receiver)\n\
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n\
            context.maximum_version = ssl.TLSVersion[sys.argv[2]]\n\
            context.load_cert_chain(here / 'cert.pem', here / 'key.pem')\n\
            server.socket = context.wrap_socket(server.socket, server_side=True)\n\
            print(server.server_address[1], flush=True)\n\
            server.serve_forever()\n";
        let directory = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(directory.path().join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(directory.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let mut python = Command::new("python3");
        python.args(["-I", "-c", PROGRAM]).arg(directory.path()).arg(version).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = python.spawn().unwrap();
        let mut port = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut port).unwrap();
        Encrypted { child, url: format!("https://localhost:{}/hook", port.trim()), directory }
    }
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn nothing_is_sent_to_a_receiver_that_is_not_believed_or_speaks_no_tls_1_3() {
    let send = async |url: &str, believed: &Encrypted| {
        let trust = Trust::File(believed.directory.path().join("cert.pem"));
        let networks = networks(&["127.0.0.0/8", "::1/128"]);
        let sender = open(Duration::from_secs(10), networks, trust);
        sender.send(url, &secrets(&sender), &event(), Timestamp::from_millis(5)).await
    };
    let (one, other, old) = (Encrypted::start("TLSv1_3"), Encrypted::start("TLSv1_3"), Encrypted::start("TLSv1_2"));
    send(&one.url, &one).await.unwrap();
    let misnamed = one.url.replace("localhost", "127.0.0.1");
    for (url, believed) in [(&one.url, &other), (&old.url, &old), (&misnamed, &one)] {
        let refused = told(send(url, believed).await.unwrap_err());
        assert!(refused.starts_with("no handshake: "), "{refused}");
        assert!(!refused.contains("localhost"), "what a certificate says is the receiver's choice of words: {refused}");
    }
}

#[tokio::test]
async fn authorities_that_cannot_be_read_are_refused_at_the_start_and_those_before_are_believed_later() {
    let receiver = Encrypted::start("TLSv1_3");
    let file = receiver.directory.path().join("cert.pem");
    let config = || {
        let (networks, trust) = (networks(&["127.0.0.0/8", "::1/128"]), Trust::File(file.clone()));
        Config { timeout: Duration::from_secs(10), networks, trust }
    };
    let mut sender = HttpSender::open(config()).unwrap();
    sender.believed_for = Duration::ZERO;
    std::fs::remove_file(&file).unwrap();
    assert!(HttpSender::open(config()).is_err());
    sender.send(&receiver.url, &secrets(&sender), &event(), Timestamp::from_millis(5)).await.unwrap();
}
