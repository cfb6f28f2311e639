//! Webhooks from the command line to somebody else's program, a receiver of nothing but Python's standard library: what happens arrives
//! signed, also where the receiver was down and the server died in between, and what nobody took is sent again.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use e2e::{
    command::run,
    host,
    server::{Backend, Server},
};
use serde_json::Value;
use tempfile::TempDir;

use crate::steps::SHOUT;

/// Within which what is due arrives, on a busy machine.
const ARRIVES: Duration = Duration::from_secs(60);
/// Answers what the file `status` says, after as many seconds as `delay` says, and writes the body of each message that verifies, and that
/// it answers with 204, to `received`.
const RECEIVER: &str = r#"
import base64, hashlib, hmac, http.server, pathlib, ssl, sys, time
here = pathlib.Path(sys.argv[1])
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        key = base64.b64decode((here / "secret").read_text().removeprefix("whsec_"))
        text = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + body
        own = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        genuine = any(hmac.compare_digest(own, other) for other in self.headers["webhook-signature"].split())
        status = int((here / "status").read_text()) if genuine else 401
        if status == 204:
            with open(here / "received", "ab") as received:
                received.write(body + b"\n")
        time.sleep(float((here / "delay").read_text()))
        self.send_response(status)
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.minimum_version = ssl.TLSVersion.TLSv1_3
context.load_cert_chain(here / "cert.pem", here / "key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
"#;

/// The receiver, in a directory of its own.
struct Receiver {
    child: Child,
    port: String,
    directory: TempDir,
}

impl Receiver {
    fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate can be made");
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).expect("the directory is writable");
        write("cert.pem", &made.cert.pem());
        write("key.pem", &made.signing_key.serialize_pem());
        write("received", "");
        write("secret", "whsec_");
        write("status", "503");
        write("delay", "0");
        let mut python = Command::new("python3");
        python.args(["-I", "-c", RECEIVER]).arg(directory.path()).stdout(Stdio::piped());
        let mut child = python.spawn().expect("there is a Python");
        let mut port = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut port).expect("it says where it listens");
        Receiver { child, port: port.trim().to_owned(), directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        // Whole or not at all: it is read at any time.
        let next = self.path("next");
        fs::write(&next, text).and_then(|()| fs::rename(&next, self.path(name))).expect("the directory is writable");
    }

    /// What has arrived.
    fn received(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("received")).expect("it is there");
        text.lines().map(|line| serde_json::from_str(line).expect("each is one JSON value")).collect()
    }

    fn has(&self, kind: &str, subject: &str) -> bool {
        self.received().iter().any(|event| event["type"] == kind && event["subject"] == subject)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(receiver: &Receiver, attempts: u32) -> String {
    let ca = receiver.path("cert.pem");
    let ca = ca.display();
    format!("[webhooks]\nnetworks = \"127.0.0.0/8, ::1/128\"\nca = \"{ca}\"\nattempts = {attempts}\nfirst_pause = \"300ms\"\n")
}

fn create(server: &Server, id: &str, code: &Path) {
    run(server.zona().args(["utility", "create", id, "--file"]).arg(code)).with_code(0);
}

fn webhook(server: &Server, words: &[&str]) -> Value {
    run(server.zona().arg("webhook").args(words).args(["-o", "json"])).with_code(0).json()
}

#[test]
fn what_happens_reaches_a_receiver_that_was_down_past_the_death_of_the_server_and_what_nobody_took_is_sent_again() {
    let (receiver, data) = (Receiver::start(), tempfile::tempdir().expect("a temporary directory can be made"));
    let code = receiver.path("code.py");
    fs::write(&code, SHOUT).expect("the directory is writable");
    // More attempts than there is time for, then few, so that nothing is given up early and what is to be is given up soon.
    let server = Server::configured_on(data.path(), Backend::Namespace, &configuration(&receiver, 100));

    let url = format!("https://localhost:{}/hook", receiver.port);
    let made = webhook(&server, &["create", "hook", "--url", &url, "--type", "dev.zona.utility"]);
    receiver.write("secret", made["secret"].as_str().expect("it is shown once"));
    assert_eq!(webhook(&server, &["get", "hook"])["secret"], Value::Null);
    for refused in ["https://169.254.169.254/", "http://10.0.0.1/", "https://[fd00:ec2::254]/"] {
        run(server.zona().args(["webhook", "create", "wrong", "--url", refused])).with_code(2);
    }

    create(&server, "first", &code);
    let first = e2e::rpc::utility("first");
    assert!(host::eventually(ARRIVES, || webhook(&server, &["get", "hook"])["progress"]["waiting"] == 1), "it is refused and waits");
    server.kill();
    receiver.write("status", "204");
    let server = Server::configured_on(data.path(), Backend::Namespace, &configuration(&receiver, 3));
    assert!(host::eventually(ARRIVES, || receiver.has("dev.zona.utility.created", &first)), "{:?}", receiver.received());

    receiver.write("status", "500");
    create(&server, "second", &code);
    let second = e2e::rpc::utility("second");
    let given_up = || webhook(&server, &["dead-letters", "hook"]).as_array().is_some_and(|letters| letters.len() == 1);
    assert!(host::eventually(ARRIVES, given_up), "it is given up");
    let letter = &webhook(&server, &["dead-letters", "hook"])[0];
    assert_eq!((&letter["event"]["subject"], &letter["attempts"]), (&Value::from(second.as_str()), &Value::from(3)));
    assert_eq!(letter["failure"], "the answer has the status 500");
    receiver.write("status", "204");
    webhook(&server, &["replay", "hook"]);
    assert!(host::eventually(ARRIVES, || receiver.has("dev.zona.utility.created", &second)), "{:?}", receiver.received());
    assert_eq!(webhook(&server, &["dead-letters", "hook"]), Value::Array(Vec::new()));

    let rotated = webhook(&server, &["rotate-secret", "hook"]);
    create(&server, "third", &code);
    assert!(
        host::eventually(ARRIVES, || receiver.has("dev.zona.utility.created", &e2e::rpc::utility("third"))),
        "the old secret signs, too"
    );
    receiver.write("secret", rotated["secret"].as_str().expect("it is shown once"));
    create(&server, "fourth", &code);
    assert!(host::eventually(ARRIVES, || receiver.has("dev.zona.utility.created", &e2e::rpc::utility("fourth"))));
    assert!(receiver.received().iter().all(|event| event["type"].as_str().is_some_and(|kind| kind.starts_with("dev.zona.utility."))));
    webhook(&server, &["delete", "hook"]);
    server.stop();
}

#[test]
fn kills_while_messages_are_under_way_lose_none_and_double_only_those() {
    const KILLS: usize = 2;
    const EACH: usize = 15;
    let (receiver, data) = (Receiver::start(), tempfile::tempdir().expect("a temporary directory can be made"));
    let code = receiver.path("shout.py");
    fs::write(&code, SHOUT).expect("the directory is writable");
    receiver.write("status", "204");
    receiver.write("delay", "0.3");
    let start = || Server::configured_on(data.path(), Backend::Namespace, &configuration(&receiver, 100));
    let mut server = start();
    let url = format!("https://localhost:{}/hook", receiver.port);
    let made = webhook(&server, &["create", "hook", "--url", &url, "--type", "dev.zona.utility.created"]);
    receiver.write("secret", made["secret"].as_str().expect("it is shown once"));
    let mut wanted = BTreeSet::new();
    for round in 0..=KILLS {
        let before = receiver.received().len();
        for number in 0..EACH {
            let id = format!("u-{round}-{number}");
            create(&server, &id, &code);
            wanted.insert(e2e::rpc::utility(&id));
        }
        assert!(host::eventually(ARRIVES, || receiver.received().len() > before), "nothing arrives");
        if round < KILLS {
            server.kill();
            server = start();
        }
    }
    let subjects = || receiver.received().iter().filter_map(|event| event["subject"].as_str().map(str::to_owned)).collect::<Vec<_>>();
    assert!(host::eventually(ARRIVES, || wanted == subjects().into_iter().collect()), "{wanted:?} {:?}", subjects());
    assert!(host::eventually(ARRIVES, || webhook(&server, &["get", "hook"])["progress"]["waiting"] == 0), "something waits for ever");
    let arrived = subjects().len();
    assert!(arrived <= wanted.len() + 4 * KILLS, "{arrived} messages of {} events", wanted.len());
    server.stop();
}
