//! Who is known, from the first super administrator to access that is taken back: through the command line, grpcurl, and what goes
//! wrong on the way. These servers know nobody who does not prove who they are.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use e2e::{
    command::{self, Ended, run},
    host,
    server::Server,
    workspace,
};
use serde_json::{Value, json};

use crate::steps::{SHOUT, TICKER};

/// Nobody is taken for somebody because of where the call comes from.
pub const SIGNED_IN_ONLY: &str = "[identity]\nlocal_caller = false\n";
/// The password of everybody in these stories.
pub const PASSWORD: &str = "correct horse battery staple";
/// What is promised of a revocation, with slack for a busy machine.
const REVOKED_WITHIN: Duration = Duration::from_secs(5);

pub mod exit {
    pub const OK: i32 = 0;
    pub const USAGE: i32 = 2;
    pub const DENIED: i32 = 3;
    pub const NOT_FOUND: i32 = 4;
    pub const CONFLICT: i32 = 5;
    pub const UNAVAILABLE: i32 = 6;
    pub const INTERRUPTED: i32 = 130;
}

/// Somebody with a home of their own.
pub struct Person {
    home: tempfile::TempDir,
    server: String,
}

/// What runs in a story ends when the story says so, however slow the machine is: the most that a utility may have.
const TIMEOUT: &str = "300s";

impl Person {
    /// Who has nothing yet.
    pub fn new(server: &Server) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory can be made");
        let person = Person { home, server: format!("http://{}", server.address()) };
        person.file("password", PASSWORD);
        person
    }

    /// The first super administrator of a new server.
    pub fn first(server: &Server) -> Self {
        let root = Person::new(server);
        root.file("code", &bootstrap_code(server));
        let login = ["login", "--bootstrap-code-file", "code", "--password-file", "password", "-o", "json"];
        let signed_in = root.zona(&login).with_code(exit::OK).json();
        assert_eq!(signed_in["principal"], "tenants/system/users/admin");
        root
    }

    /// A user whom `root` makes in the tenant `demo`, signed in.
    pub fn made_by(root: &Person, server: &Server, id: &str, role: &str) -> Self {
        root.zona(&["--tenant", "demo", "user", "create", id, "--role", role, "--password-file", "password"]).with_code(exit::OK);
        let person = Person::new(server);
        person.signs_in(id).with_code(exit::OK);
        person
    }

    pub fn signs_in(&self, id: &str) -> Ended {
        self.zona(&["login", "--tenant", "demo", "--user", id, "--password-file", "password"])
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(name);
        fs::write(&path, text).expect("the directory is writable");
        path
    }

    fn contexts(&self) -> PathBuf {
        self.home.path().join("zona/contexts.toml")
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = e2e::server::client();
        command.env("XDG_CONFIG_HOME", self.home.path()).env("ZONA_SERVER", &self.server).current_dir(self.home.path());
        command.args(words);
        command
    }

    pub fn zona(&self, words: &[&str]) -> Ended {
        run(&mut self.command(words))
    }

    #[track_caller]
    pub fn creates(&self, id: &str, code: &str) {
        let file = self.file(&format!("{id}.py"), code);
        let file = file.to_str().expect("a temporary path is UTF-8");
        self.zona(&["utility", "create", id, "--file", file, "--timeout", TIMEOUT]).with_code(exit::OK);
    }

    /// Runs the ticker for minutes, and waits until it has printed something.
    pub fn ticks(&self, id: &str) -> Child {
        let mut running = self.command(&["run", id, "--params", r#"{"lines": 1200, "pause": 0.1}"#]);
        let output = self.home.path().join("output");
        let file = fs::File::create(&output).expect("the directory is writable");
        let child = running.stdin(Stdio::null()).stdout(file).stderr(Stdio::piped()).spawn().expect("zona starts");
        let printed = || fs::read_to_string(&output).is_ok_and(|text| text.contains("line 2"));
        assert!(host::eventually(Duration::from_secs(20), printed), "it never runs");
        child
    }
}

/// What the server printed for whoever comes first.
fn bootstrap_code(server: &Server) -> String {
    assert!(host::eventually(Duration::from_secs(10), || server.said("zona_bootstrap_").is_some()), "no code is printed");
    server.said("zona_bootstrap_").expect("it was there just now")
}

/// How a command ended within the time that is promised.
#[track_caller]
pub fn ends_soon(mut child: Child) -> (Option<i32>, String) {
    let code = command::wait(&mut child, REVOKED_WITHIN);
    if code.is_none() {
        child.kill().expect("a child can be killed");
    }
    let ended = child.wait_with_output().expect("zona ends");
    (code.unwrap_or_else(|| panic!("the stream goes on")), String::from_utf8_lossy(&ended.stderr).into_owned())
}

#[track_caller]
fn is_sent_to_sign_in(ended: Ended) {
    let ended = ended.with_code(exit::DENIED);
    assert!(ended.errors().contains("UNAUTHENTICATED") && ended.errors().contains("zona login"), "{}", ended.errors());
}

#[test]
fn access_begins_with_the_bootstrap_code_and_ends_when_it_is_taken_back() {
    let server = Server::configured(SIGNED_IN_ONLY);
    is_sent_to_sign_in(Person::new(&server).zona(&["utility", "list"]));
    let root = Person::first(&server);
    let known = root.zona(&["whoami", "-o", "json"]).with_code(exit::OK).json();
    assert_eq!((&known["role"], &known["credential"]), (&json!("SUPER_ADMIN"), &json!("ACCESS_TOKEN")));

    let ann = Person::made_by(&root, &server, "ann", "CREATOR");
    let bob = Person::made_by(&root, &server, "bob", "USER");
    ann.creates("shout", SHOUT);
    let made = ann.zona(&["utility", "get", "shout", "-o", "json"]).with_code(exit::OK).json();
    assert_eq!(made["owner"], "tenants/demo/users/ann");
    assert_eq!(ann.zona(&["transform", "shout", "--value-string", "a"]).with_code(exit::OK).text(), "\"A!\"\n");

    for words in [&["utility", "get", "shout"][..], &["transform", "shout", "--value-string", "a"], &["utility", "get", "absent"]] {
        bob.zona(words).with_code(exit::NOT_FOUND);
    }
    assert_eq!(bob.zona(&["utility", "list", "-o", "json"]).with_code(exit::OK).json(), json!([]));
    bob.zona(&["user", "create", "eve", "--no-password"]).with_code(exit::DENIED);

    ann.creates("ticker", TICKER);
    let stream = ann.ticks("ticker");
    root.zona(&["--tenant", "demo", "session", "revoke", "--user", "ann"]).with_code(exit::OK);
    let (code, errors) = ends_soon(stream);
    assert_eq!(code, Some(exit::DENIED), "{errors}");
    assert!(errors.contains("zona login"), "{errors}");
    is_sent_to_sign_in(ann.zona(&["utility", "list"]));
    ann.signs_in("ann").with_code(exit::OK);
    ann.zona(&["utility", "list"]).with_code(exit::OK);

    root.zona(&["--tenant", "demo", "user", "disable", "ann"]).with_code(exit::OK);
    is_sent_to_sign_in(ann.zona(&["whoami"]));
    ann.signs_in("ann").with_code(exit::DENIED);
    root.zona(&["--tenant", "demo", "user", "enable", "ann"]).with_code(exit::OK);
    ann.signs_in("ann").with_code(exit::OK);
    ann.zona(&["logout"]).with_code(exit::OK);
    is_sent_to_sign_in(ann.zona(&["whoami"]));
    server.stop();
}

#[test]
fn a_program_proves_itself_with_a_key_and_grpcurl_with_a_token() {
    let server = Server::configured(SIGNED_IN_ONLY);
    let root = Person::first(&server);
    let of_demo = |words: &[&str]| root.zona(&[&["--tenant", "demo"], words].concat()).with_code(exit::OK);
    of_demo(&["service-account", "create", "ci", "--role", "CREATOR"]);
    let made = of_demo(&["api-key", "create", "--service-account", "ci", "--expires", "1d", "-o", "json"]).json();
    let (name, secret) = (made["name"].as_str().expect("a key has a name"), made["secret"].as_str().expect("its secret is shown once"));
    let listed = of_demo(&["api-key", "list", "--service-account", "ci", "-o", "json"]);
    assert!(listed.text().contains(name) && !listed.text().contains(secret), "{}", listed.text());

    let ci = Person::new(&server);
    let key = ci.file("key", &format!("{secret}\n"));
    let with_key = |words: &[&str]| run(ci.command(words).env("ZONA_API_KEY_FILE", &key));
    let known = with_key(&["whoami", "-o", "json"]).with_code(exit::OK).json();
    assert_eq!((&known["principal"], &known["credential"]), (&json!("tenants/demo/serviceAccounts/ci"), &json!("API_KEY")));
    ci.zona(&["login", "--api-key-file", "key"]).with_code(exit::OK);
    ci.creates("shout", SHOUT);

    let token = ci.zona(&["token"]).with_code(exit::OK).text();
    let grpcurl = |method: &str, body: &Value| {
        let mut command = Command::new(workspace::tool("grpcurl"));
        // Not on the command line, where everybody could read it.
        command.env("TOKEN", token.trim()).args(["-plaintext", "-expand-headers", "-H", "authorization: Bearer ${TOKEN}"]);
        run(command.args(["-format-error", "-d", &body.to_string(), &server.address(), method]))
    };
    let transform = || {
        let body = json!({"name": "tenants/demo/utilities/shout", "valuesJson": ["\"a\""]});
        grpcurl("zona.execution.v1.ExecutionService/Transform", &body)
    };
    assert_eq!(transform().with_code(0).json()["results"], json!([{"resultJson": "\"A!\""}]));
    let known = grpcurl("zona.identity.v1.IdentityService/WhoAmI", &json!({})).with_code(0).json();
    assert_eq!((&known["principal"], &known["apiKey"]), (&json!("tenants/demo/serviceAccounts/ci"), &json!(name)));

    of_demo(&["api-key", "revoke", name]);
    is_sent_to_sign_in(ci.zona(&["utility", "list"]));
    is_sent_to_sign_in(with_key(&["utility", "list"]));
    let refused = transform();
    assert!(refused.errors().contains("UNAUTHENTICATED") || refused.text().contains("UNAUTHENTICATED"), "{}", refused.errors());
    server.stop();
}

#[test]
fn what_does_not_prove_anything_signs_nobody_in() {
    let server = Server::configured(SIGNED_IN_ONLY);
    let root = Person::new(&server);
    root.file("wrong", "zona_bootstrap_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let bootstrap = |code: &str| root.zona(&["login", "--bootstrap-code-file", code, "--password-file", "password"]);
    bootstrap("wrong").with_code(exit::DENIED);
    root.file("code", &bootstrap_code(&server));
    root.file("weak", "password");
    let weak = root.zona(&["login", "--bootstrap-code-file", "code", "--password-file", "weak"]).with_code(exit::USAGE);
    assert!(weak.errors().contains("password"), "{}", weak.errors());
    bootstrap("code").with_code(exit::OK);
    let again = bootstrap("code").with_code(exit::DENIED);
    assert!(again.errors().contains("serves once"), "{}", again.errors());

    root.zona(&["--tenant", "demo", "user", "create", "ann", "--password-file", "password"]).with_code(exit::OK);
    root.zona(&["--tenant", "demo", "user", "create", "ann", "--password-file", "password"]).with_code(exit::CONFLICT);
    let ann = Person::new(&server);
    ann.file("password", "not her password at all");
    let wrong = ann.signs_in("ann").with_code(exit::DENIED);
    let unknown = ann.signs_in("nobody").with_code(exit::DENIED);
    assert_eq!(wrong.errors(), unknown.errors(), "who exists is not told");
    ann.file("password", PASSWORD);
    let without_terminal = ann.zona(&["login", "--tenant", "demo", "--user", "ann"]).with_code(exit::USAGE);
    assert!(without_terminal.errors().contains("no terminal"), "{}", without_terminal.errors());
    ann.zona(&["login", "--tenant", "demo"]).with_code(exit::USAGE);
    assert!(!ann.contexts().exists(), "a login that fails keeps nothing");
    let key = ann.file("key", "zona_key_aaaaaaaaaaaaaaaa_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    ann.zona(&["login", "--api-key-file", "key"]).with_code(exit::DENIED);
    is_sent_to_sign_in(run(ann.command(&["utility", "list"]).env("ZONA_API_KEY_FILE", &key)));
    run(ann.command(&["utility", "list"]).env("ZONA_API_KEY_FILE", ann.home.path().join("absent"))).with_code(exit::USAGE);
    server.stop();
}

#[test]
fn credentials_stay_in_their_file_and_on_this_machine() {
    let server = Server::configured(SIGNED_IN_ONLY);
    let root = Person::first(&server);
    let contexts = root.contexts();
    assert_eq!(fs::metadata(&contexts).expect("there are contexts").mode() & 0o777, 0o600);
    let kept = fs::read_to_string(&contexts).expect("contexts are text");
    let listed = root.zona(&["context", "list", "-o", "json"]).with_code(exit::OK);
    assert_eq!(listed.json()[0]["name"], "admin@system");
    for secret in kept.lines().filter_map(|line| line.split_once("_token = ")).map(|(_, secret)| secret.trim_matches('"')) {
        assert!(!listed.text().contains(secret));
    }

    for elsewhere in ["http://192.0.2.1:7070", "http://zona.example:7070"] {
        let words = ["--server", elsewhere, "login", "--user", "ann", "--password-file", "password"];
        let refused = root.zona(&words).with_code(exit::USAGE);
        assert!(refused.errors().contains("plain text") && refused.errors().contains("ssh -N -L"), "{}", refused.errors());
        // Nobody is signed in there, and the password of another is as secret.
        let words = ["--server", elsewhere, "user", "create", "ann", "--password-file", "password"];
        let refused = root.zona(&words).with_code(exit::USAGE);
        assert!(refused.errors().contains("plain text"), "{}", refused.errors());
    }
    let key = root.file("key", "zona_key_x");
    let refused = run(root.command(&["--server", "http://192.0.2.1:7070", "whoami"]).env("ZONA_API_KEY_FILE", key)).with_code(exit::USAGE);
    assert!(refused.errors().contains("plain text"), "{}", refused.errors());
    root.zona(&["--context", "admin@system", "--server", "http://127.0.0.1:1", "whoami"]).with_code(exit::USAGE);
    let nobody = root.zona(&["--server", "http://127.0.0.1:1", "login", "--user", "ann", "--password-file", "password"]);
    nobody.with_code(exit::UNAVAILABLE);
    assert_eq!(fs::read_to_string(&contexts).expect("contexts are text"), kept, "what fails changes nothing");

    fs::set_permissions(&contexts, fs::Permissions::from_mode(0o646)).expect("it is ours");
    let refused = root.zona(&["whoami"]).with_code(exit::USAGE);
    assert!(refused.errors().contains("chmod go-w"), "{}", refused.errors());
    fs::set_permissions(&contexts, fs::Permissions::from_mode(0o600)).expect("it is ours");
    fs::write(&contexts, format!("{kept}\nbroken")).expect("it is ours");
    for words in [&["whoami"][..], &["context", "list"], &["context", "use", "admin@system"], &["logout"]] {
        let refused = root.zona(words).with_code(exit::USAGE);
        assert!(refused.errors().contains("contexts.toml") && !refused.errors().contains("zona_refresh_"), "{}", refused.errors());
    }
    assert_eq!(fs::read_to_string(&contexts).expect("contexts are text"), format!("{kept}\nbroken"));
    fs::write(&contexts, &kept).expect("it is ours");
    root.zona(&["whoami"]).with_code(exit::OK);
    server.stop();
}

#[test]
fn commands_at_once_share_a_session_and_none_loses_the_tokens_of_another() {
    let server = Server::configured(SIGNED_IN_ONLY);
    let root = Person::first(&server);
    for _ in 0..3 {
        // Each has to fetch a token, by a refresh token that is good for once.
        let kept = fs::read_to_string(root.contexts()).expect("contexts are text");
        let ended = |line: &str| if line.starts_with("access_expires") { "access_expires = 0".to_owned() } else { line.to_owned() };
        let expired: Vec<String> = kept.lines().map(ended).collect();
        root.file("zona/contexts.toml", &(expired.join("\n") + "\n"));
        thread::scope(|scope| {
            let together: Vec<_> = (0..6).map(|_| scope.spawn(|| root.zona(&["whoami", "-o", "json"]))).collect();
            for one in together {
                one.join().expect("zona ends").with_code(exit::OK);
            }
        });
    }
    root.zona(&["whoami"]).with_code(exit::OK);
    server.stop();
}
