//! Signing in at the page of an outside issuer, told by curl with a jar of cookies against the real binary. The issuer is a program of Node's
//! standard library, `console/stories/issuer.mjs`, which checks strictly what it is asked and counts it.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use e2e::{
    command::run,
    server::{Backend, Server},
    workspace,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const BEGIN: &str = "/console/sign-in/corporate";
/// Everything that the parts say who take part: what may be in no log is in none that an operator is sent to.
const LOUD: &str = "[log]\nfilter = \"info,api_grpc=trace,auth=trace,domain=trace,gateway=trace,server=trace\"\n";

/// The issuer, which ends with the story.
struct Issuer {
    child: Child,
    address: String,
    secret: String,
}

impl Issuer {
    /// One that sends people back to the console at this port.
    fn start(port: u16) -> Self {
        let script = workspace::path("console/stories/issuer.mjs");
        let mut node = Command::new(workspace::tool("node"));
        node.arg(script).arg(format!("http://127.0.0.1:{port}{BEGIN}/callback")).stdout(Stdio::piped());
        let mut child = node.spawn().expect("there is a Node");
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().expect("stdout is piped"));
        said.read_line(&mut line).expect("it says where it is");
        let (address, secret) = line.trim().split_once(' ').unwrap_or_else(|| panic!("it says {line:?}"));
        Issuer { address: address.to_owned(), secret: secret.to_owned(), child }
    }

    fn calls(&self) -> Value {
        let ended = run(Command::new("curl").args(["-q", "-sS"]).arg(format!("{}/calls", self.address))).with_code(0);
        serde_json::from_str(&ended.text()).expect("it counts in JSON")
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        // It may have ended by itself, which the story has met by then.
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// The console and an issuer that knows it.
struct Stage {
    kept: TempDir,
    issuer: Issuer,
    port: u16,
}

impl Stage {
    fn new() -> Self {
        let kept = tempfile::tempdir().expect("a directory can be made");
        // Free now: the issuer knows the address before there is a console.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|taken| taken.local_addr()).expect("a port is free").port();
        Stage { kept, issuer: Issuer::start(port), port }
    }

    fn settings(&self, more: &str) -> String {
        let secret = self.kept.path().join("secret");
        fs::write(&secret, &self.issuer.secret).expect("the directory is writable");
        let (issuer, port, secret) = (&self.issuer.address, self.port, secret.display());
        format!(
            "[gateway]\nlisten = \"127.0.0.1:{port}\"\npublic_address = \"http://127.0.0.1:{port}\"\n\
             [identity]\nlocal_caller = false\n\
             [identity.issuers.corporate]\nissuer = \"{issuer}\"\naudience = \"zona\"\nkeys = \"{issuer}/keys\"\nalgorithms = \"RS256\"\n\
             tenants = \"demo\"\nrole_claim = \"roles\"\nroles = \"zona-creators=creator, zona-admins=admin\"\n\
             client_id = \"zona-console\"\nclient_secret_file = \"{secret}\"\nlabel = \"Corporate\"\n{more}"
        )
    }

    fn server(&self) -> Server {
        Server::configured_on(&self.kept.path().join("data"), Backend::Namespace, &self.settings(LOUD))
    }

    fn browser(&self, name: &str) -> Browser {
        Browser { console: format!("http://127.0.0.1:{}", self.port), jar: self.kept.path().join(name) }
    }
}

/// A browser: curl with cookies of its own.
struct Browser {
    console: String,
    jar: PathBuf,
}

struct Answer {
    status: u16,
    location: String,
    head: String,
    body: String,
}

impl Answer {
    #[track_caller]
    fn reason(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.body));
        let mut details = body["details"].as_array().into_iter().flatten();
        details.find_map(|detail| detail["reason"].as_str()).unwrap_or_default().to_owned()
    }
}

impl Browser {
    fn ask(&self, url: &str, words: &[&str]) -> Answer {
        let jar = self.jar.to_str().expect("a path of ours is UTF-8");
        let ended =
            run(Command::new("curl").args(["-q", "-sS", "-i", "--globoff", "-b", jar, "-c", jar]).args(words).arg(url)).with_code(0);
        let text = ended.text();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {text}"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status: {head}"));
        let location = head.lines().find_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("location")));
        let location = location.map(|(_, value)| value.trim().to_owned()).unwrap_or_default();
        Answer { status, location, head: head.to_owned(), body: body.to_owned() }
    }

    /// Signs in at the issuer's page as this account; answers with which address the issuer sends the browser back.
    fn goes_there(&self, account: &str) -> String {
        let sent = self.ask(&format!("{}{BEGIN}?to=/executions", self.console), &[]);
        assert_eq!(sent.status, 303, "{}", sent.body);
        let page = self.ask(&sent.location, &[]);
        assert_eq!(page.status, 200, "the issuer takes what it is asked: {}", page.body);
        let back = self.ask(&sent.location, &["-d", &format!("user={account}")]);
        assert_eq!(back.status, 303, "{}", back.body);
        back.location
    }

    fn signs_in(&self, account: &str) -> Answer {
        self.comes_back(&self.goes_there(account))
    }

    /// Comes back as browsers do from another site.
    fn comes_back(&self, back: &str) -> Answer {
        self.ask(back, &["-H", "sec-fetch-site: cross-site", "-H", "sec-fetch-mode: navigate", "-H", "sec-fetch-dest: document"])
    }

    fn session(&self) -> Option<Value> {
        let answer = self.ask(&format!("{}/console/session", self.console), &[]);
        (answer.status == 200).then(|| serde_json::from_str(&answer.body).expect("a session is told in JSON"))
    }

    /// The same browser, as it is now.
    fn copied(&self, to: &Path) -> Browser {
        fs::copy(&self.jar, to).expect("the jar can be copied");
        Browser { console: self.console.clone(), jar: to.to_owned() }
    }
}

/// What an address says of a parameter; empty where it is not there.
fn parameter<'a>(address: &'a str, name: &str) -> &'a str {
    let mut pairs = address.split(['?', '&']).filter_map(|pair| pair.split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value).unwrap_or_default()
}

#[track_caller]
fn says_nothing_of(server: &Server, secrets: &[&str]) {
    let printed = server.printed().join("\n");
    for secret in secrets {
        assert!(!printed.contains(secret), "{secret} is in the log");
    }
}

#[test]
fn somebody_whom_only_the_issuer_knows_signs_in_and_is_recorded_and_revoked_as_anybody() {
    let stage = Stage::new();
    let server = stage.server();
    let browser = stage.browser("nia");
    let back = browser.goes_there("nia");
    let answer = browser.comes_back(&back);
    assert!(answer.status == 200 && answer.body.contains("content=\"0;url=/executions\""), "{} {}", answer.head, answer.body);
    let session = browser.session().expect("she is signed in");
    assert_eq!((&session["principal"], &session["role"]), (&json!("tenants/demo/users/nia"), &json!("ROLE_CREATOR")));
    assert_eq!(session["canSignOutEverywhere"], json!(false));
    let calls = stage.issuer.calls();
    assert_eq!(calls, json!({ "configuration": 1, "keys": 1, "page": 1, "token": 1, "refused": [] }), "each is asked once");

    let bearer = format!("authorization: Bearer {}", server.developer_key());
    let log = browser
        .copied(&stage.kept.path().join("none"))
        .ask(&format!("{}/v1/tenants/demo/auditRecords?pageSize=100", browser.console), &["-H", &bearer]);
    assert!(log.status == 200 && log.body.contains("tenants/demo/users/nia/sessions/"), "{}", log.body);

    let admin = stage.browser("ann");
    assert_eq!(admin.signs_in("ann").status, 200);
    assert_eq!(admin.session().expect("she is signed in")["role"], json!("ROLE_ADMIN"));
    assert_eq!(stage.issuer.calls()["keys"], json!(1), "keys are known for a while");

    let csrf = format!("x-zona-csrf: {}", session["csrfToken"].as_str().expect("it has one"));
    let before = browser.copied(&stage.kept.path().join("thief"));
    assert_eq!(browser.ask(&format!("{}/console/sign-out", browser.console), &["-X", "POST", "-H", &csrf]).status, 204);
    assert!(before.session().is_none(), "the secret is void, and not only forgotten");
    says_nothing_of(&server, &[stage.issuer.secret.as_str(), parameter(&back, "code"), parameter(&back, "state"), "eyJ", "zona_session_"]);
    server.stop();
}

#[test]
fn a_sign_in_serves_once_even_where_an_issuer_takes_its_code_twice_and_after_a_restart() {
    let stage = Stage::new();
    let first = stage.server();
    let browser = stage.browser("first");
    let back = browser.goes_there("twice");
    first.stop();

    // Another server on the same store finishes it.
    let server = stage.server();
    let again = browser.copied(&stage.kept.path().join("again"));
    assert_eq!(browser.ask(&back, &[]).status, 200);
    assert!(browser.session().is_some());
    let used = browser.ask(&back, &[]);
    assert_eq!((used.status, used.reason().as_str()), (401, "SIGN_IN_UNKNOWN"), "the browser has it no more");
    let replayed = again.ask(&back, &[]);
    assert_eq!((replayed.status, replayed.reason().as_str()), (401, "SIGN_IN_UNKNOWN"), "and the store knows that it was used");
    assert!(again.session().is_none() && browser.session().is_some());
    assert_eq!(stage.issuer.calls()["token"], json!(1), "nobody was asked again");
    server.stop();
}

#[test]
fn what_an_issuer_says_of_another_sign_in_another_client_or_of_nobody_signs_nobody_in() {
    let stage = Stage::new();
    let server = stage.server();
    let mut shown = Vec::new();
    for (account, reason) in
        [("muddled", "ID_TOKEN_REFUSED"), ("misled", "ID_TOKEN_REFUSED"), ("stranger", "SIGN_IN_OF_NOBODY"), ("", "SIGN_IN_DECLINED")]
    {
        let browser = stage.browser(reason);
        let back = browser.goes_there(account);
        let answer = browser.comes_back(&back);
        assert_eq!((answer.status, answer.reason().as_str()), (401, reason), "{account}");
        assert!(browser.session().is_none());
        shown.extend(["code", "state"].map(|name| parameter(&back, name).to_owned()).into_iter().filter(|value| !value.is_empty()));
    }
    let browser = stage.browser("forged");
    let back = browser.goes_there("nia");
    let (before, _) = back.split_once("code=").expect("there is a code");
    let forged = browser.ask(&format!("{before}code=guessed"), &[]);
    assert_eq!((forged.status, forged.reason().as_str()), (401, "SIGN_IN_REFUSED"));
    assert_eq!(stage.issuer.calls()["refused"], json!(["invalid_grant"]));
    let said = server.printed().join("\n");
    assert!(said.contains("an ID token is refused") && said.contains("an issuer refuses a code"), "an operator finds the cause: {said}");
    let secrets: Vec<&str> = shown.iter().map(String::as_str).chain([stage.issuer.secret.as_str(), "guessed", "eyJ"]).collect();
    says_nothing_of(&server, &secrets);
    server.stop();
}

#[test]
fn an_issuer_that_is_away_is_told_as_such_and_asked_seldom() {
    let stage = Stage::new();
    let mut settings = stage.settings("");
    // Nobody listens at its port, which the system keeps for no other for the time of this story.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let away = format!("http://{}", taken.local_addr().expect("it has an address"));
    drop(taken);
    settings = settings.replace(&stage.issuer.address, &away);
    let server = Server::configured_on(&stage.kept.path().join("data"), Backend::Namespace, &settings);
    let browser = stage.browser("away");
    for _once_and_again in 0..2 {
        let answer = browser.ask(&format!("{}{BEGIN}", browser.console), &[]);
        assert_eq!((answer.status, answer.reason().as_str()), (503, "DEPENDENCY_UNAVAILABLE"), "{}", answer.body);
    }
    let page = browser.ask(&format!("{}{BEGIN}", browser.console), &["-H", "accept: text/html"]);
    assert!(page.body.contains("/sign-in?problem=DEPENDENCY_UNAVAILABLE"), "{}", page.body);
    let said = "the description of an issuer cannot be had";
    assert_eq!(server.printed().iter().filter(|line| line.contains(said)).count(), 1, "it was asked once");
    server.stop_despite(&[said]);
}
