//! What a browser does, told by curl with a jar of cookies: signing in, calling with the session, being turned away without the text that a
//! change must show, signing out here and everywhere; and the files of the console.

use std::path::PathBuf;
use std::process::Command;

use e2e::{
    command::run,
    server::{Backend, Server},
};
use serde_json::{Value, json};

const STRICT: &str = "[identity]\nlocal_caller = false\n";
const JSON: &str = "content-type: application/json";
const WHO: &str = "/v1/whoami";
const UTILITIES: &str = "/v1/tenants/demo/utilities";
const PASSWORD: &str = "correct horse battery";

/// A browser: curl with cookies of its own.
struct Browser<'s> {
    server: &'s Server,
    jar: PathBuf,
    csrf: String,
}

struct Answer {
    status: u16,
    /// In lower case.
    headers: String,
    /// The etag as it is.
    tag: String,
    body: String,
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.body))
    }
}

fn curl(server: &Server, path: &str, words: &[&str]) -> Answer {
    let url = format!("{}{path}", server.gateway());
    let ended = run(Command::new("curl").args(["-q", "-sS", "-i", "--globoff", "--compressed"]).args(words).arg(url)).with_code(0);
    let text = ended.text();
    let (headers, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {text}"));
    let status = headers.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status: {headers}"));
    let tag = headers.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap_or_default().to_owned();
    Answer { status, headers: headers.to_lowercase(), tag, body: body.to_owned() }
}

impl<'s> Browser<'s> {
    fn new(server: &'s Server, jars: &tempfile::TempDir, name: &str) -> Self {
        Browser { server, jar: jars.path().join(name), csrf: String::new() }
    }

    fn ask(&self, path: &str, words: &[&str]) -> Answer {
        let jar = self.jar.to_str().expect("a path of ours is UTF-8");
        curl(self.server, path, &[&["-b", jar, "-c", jar], words].concat())
    }

    /// Asks for what is no read, as a page of the console does.
    fn change(&self, path: &str, body: &Value) -> Answer {
        self.ask(path, &["-H", JSON, "-H", &format!("x-zona-csrf: {}", self.csrf), "-d", &body.to_string()])
    }

    fn sign_in(&mut self, proof: &Value) -> Answer {
        let answer = self.ask("/console/sign-in", &["-H", JSON, "-d", &proof.to_string()]);
        if answer.status == 200 {
            self.csrf = answer.json()["csrfToken"].as_str().expect("a session has one").to_owned();
        }
        answer
    }

    fn who(&self) -> u16 {
        self.ask(WHO, &[]).status
    }
}

/// Makes ann, with a password.
fn ann(server: &Server) -> Value {
    let bearer = format!("authorization: Bearer {}", server.developer_key());
    let user = json!({ "displayName": "Ann", "role": "ROLE_CREATOR", "password": PASSWORD });
    let made = curl(server, "/v1/tenants/demo/users?userId=ann", &["-H", &bearer, "-H", JSON, "-d", &user.to_string()]);
    assert_eq!(made.status, 200, "{}", made.body);
    json!({ "tenant": "demo", "user": "ann", "password": PASSWORD })
}

#[test]
fn a_browser_signs_in_works_and_signs_out_and_shows_no_secret_to_its_pages() {
    let server = Server::configured(STRICT);
    let (proof, jars) = (ann(&server), tempfile::tempdir().expect("a directory can be made"));
    let mut browser = Browser::new(&server, &jars, "one");
    let mut wrong = proof.clone();
    wrong["password"] = json!("incorrect horse battery");
    assert_eq!((browser.sign_in(&wrong).status, browser.who()), (401, 401));

    let signed_in = browser.sign_in(&proof);
    let told = signed_in.json();
    assert_eq!((&told["principal"], &told["role"]), (&json!("tenants/demo/users/ann"), &json!("ROLE_CREATOR")));
    assert!(!signed_in.body.contains("zona_session_"), "no page learns the secret");
    assert!(signed_in.headers.contains("httponly; samesite=strict"), "{}", signed_in.headers);
    let me = browser.ask(WHO, &[]).json();
    assert_eq!((&me["credential"], &me["principal"]), (&json!("CREDENTIAL_KIND_SESSION"), &told["principal"]));
    assert_eq!(browser.ask("/console/session", &[]).json(), told, "another tab is told the same");

    let create = format!("{UTILITIES}?utilityId=ann-shout");
    let utility = json!({ "code": "def transform(value: str) -> str:\n    return value.upper()\n" });
    let refused = browser.ask(&create, &["-H", JSON, "-d", &utility.to_string()]);
    assert!(refused.status == 403 && refused.body.contains("CSRF_TOKEN_MISMATCH"), "{}", refused.body);
    let made = browser.change(&create, &utility);
    assert_eq!((made.status, &made.json()["owner"]), (200, &told["principal"]), "{}", made.body);
    let by_name = browser.change("/zona.utility.v1.UtilityService/GetUtility", &json!({ "name": "tenants/demo/utilities/ann-shout" }));
    assert_eq!(by_name.status, 200, "{}", by_name.body);

    assert_eq!(browser.change("/console/sign-out", &json!({})).status, 204);
    assert_eq!(browser.who(), 401);
    server.stop();
}

#[test]
fn a_session_outlives_its_server_and_ends_in_every_browser_at_once() {
    let (kept, jars) = (tempfile::tempdir(), tempfile::tempdir());
    let (kept, jars) = (kept.expect("a directory can be made"), jars.expect("a directory can be made"));
    let data = kept.path().join("data");
    let first = Server::configured_on(&data, Backend::Namespace, STRICT);
    let proof = ann(&first);
    let (mut one, mut other) = (Browser::new(&first, &jars, "one"), Browser::new(&first, &jars, "other"));
    one.sign_in(&proof);
    other.sign_in(&proof);
    assert_eq!((one.who(), other.who()), (200, 200));
    let csrf = other.csrf;
    first.stop();

    let server = Server::configured_on(&data, Backend::Namespace, STRICT);
    let (mut one, mut other) = (Browser::new(&server, &jars, "one"), Browser::new(&server, &jars, "other"));
    assert_eq!((one.who(), other.who()), (200, 200), "the store knows them");
    // It follows from the session, so it is still right.
    other.csrf = csrf;
    assert_eq!(other.change("/console/sign-out?everywhere=true", &json!({})).status, 204);
    assert_eq!((one.who(), other.who()), (401, 401));

    let program = json!({ "apiKey": server.developer_key() });
    let told = one.sign_in(&program).json();
    assert_eq!((&told["principal"], &told["canSignOutEverywhere"]), (&json!("tenants/demo/serviceAccounts/dev"), &json!(false)));
    assert_eq!(one.change("/console/sign-out?everywhere=true", &json!({})).status, 400, "the key is the program's");
    assert_eq!(one.change("/console/sign-out", &json!({})).status, 204);
    server.stop();
}

#[test]
fn the_console_is_served_from_the_binary_under_a_policy_that_trusts_no_page() {
    let server = Server::start();
    let page = curl(&server, "/", &["-H", "accept: text/html"]);
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.headers.contains("content-security-policy: default-src 'none'; script-src 'self'"), "{}", page.headers);
    let elsewhere = curl(&server, "/utilities/extract-iocs", &["-H", "accept: text/html"]);
    assert_eq!(elsewhere.body, page.body, "the page tells by itself what an address means");
    let again = curl(&server, "/", &["-H", &format!("if-none-match: {}", page.tag)]);
    assert_eq!((again.status, again.body.as_str()), (304, ""), "{}", page.headers);
    assert_eq!(curl(&server, "/nothing", &[]).status, 404, "whoever asks for no page is told that there is nothing");
    assert_eq!(curl(&server, "/v1/nothing", &["-H", "accept: text/html"]).status, 404);
    assert_eq!(curl(&server, "/", &["-X", "POST"]).status, 405);
    server.stop();
}
