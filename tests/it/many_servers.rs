//! Servers that share a database: what one of them is told, the others know; what one leaves, another settles. And what an operator hears
//! where the database is missing, goes away and comes back.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use e2e::{
    command::run,
    database::Database,
    host,
    installation::Installation,
    server::{Server, client},
    workspace,
};
use serde_json::{Value, json};

use crate::signing_in::{PASSWORD, Person, SIGNED_IN_ONLY, ends_soon, exit};
use crate::steps::{SHOUT, TICKER};

/// What is promised of a revocation on another server is one second; the rest is slack for a busy machine.
const REVOKED_WITHIN: Duration = Duration::from_secs(5);
/// A lease of a dead server lasts 15 seconds; the rest is slack.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
/// What comes by hints, or with the next round of five seconds.
const HEARD_WITHIN: Duration = Duration::from_secs(20);

/// Somebody of the tenant `demo`, signed in at this server.
fn signed_in(server: &Server, id: &str) -> Person {
    let person = Person::new(server);
    person.signs_in(id).with_code(exit::OK);
    person
}

/// The executions of the tenant in this state, newest first.
fn executions(person: &Person, state: &str) -> Vec<String> {
    let listed = person.zona(&["execution", "list", "--state", state, "-o", "json"]).with_code(exit::OK).json();
    let name = |execution: &Value| execution["name"].as_str().expect("it has a name").to_owned();
    listed.as_array().into_iter().flatten().map(name).collect()
}

/// Each execution and its state, for whoever reads why a story went wrong.
fn states(person: &Person) -> String {
    person.zona(&["execution", "list", "-o", "json"]).text()
}

/// Follows an execution in a process of its own; what it prints lies in the file.
fn watch(person: &Person, execution: &str) -> (Child, PathBuf) {
    let output = person.file("watched", "");
    let file = fs::File::create(&output).expect("the directory is writable");
    let mut watching = person.command(&["execution", "watch", execution]);
    (watching.stdin(Stdio::null()).stdout(file).stderr(Stdio::piped()).spawn().expect("zona starts"), output)
}

#[test]
fn what_one_server_is_told_the_others_know_and_what_it_leaves_another_settles() {
    let installation = Installation::default();
    let first = installation.server("first", SIGNED_IN_ONLY);
    let root = Person::first(&first);
    let ann = Person::made_by(&root, &first, "ann", "CREATOR");
    ann.creates("shout", SHOUT);
    ann.creates("ticker", TICKER);
    let second = installation.server("second", SIGNED_IN_ONLY);

    // Who signed in at one is known at the other, by the same keys.
    let token = ann.zona(&["token"]).with_code(exit::OK).text();
    let mut grpcurl = Command::new(workspace::tool("grpcurl"));
    grpcurl.env("TOKEN", token.trim()).args(["-plaintext", "-expand-headers", "-H", "authorization: Bearer ${TOKEN}"]);
    let known = run(grpcurl.args([&second.address(), "zona.identity.v1.IdentityService/WhoAmI"])).with_code(0).json();
    assert_eq!(known["principal"], json!("tenants/demo/users/ann"));
    let there = signed_in(&second, "ann");
    assert_eq!(there.zona(&["transform", "shout", "--value-string", "a"]).with_code(exit::OK).text(), "\"A!\"\n");

    // What runs on one is watched and cancelled from the other.
    let running = ann.ticks("ticker");
    let name = executions(&there, "RUNNING").pop().expect("it runs");
    let (watching, output) = watch(&there, &name);
    let sees = || fs::read_to_string(&output).is_ok_and(|text| text.contains("line 5"));
    assert!(host::eventually(HEARD_WITHIN, sees), "what is printed there is not seen here");
    there.zona(&["execution", "cancel", &name]).with_code(exit::OK);
    for (which, child) in [("the run", running), ("the watch", watching)] {
        let (code, errors) = ends_soon(child);
        assert_eq!(code, Some(exit::INTERRUPTED), "{which}: {errors}");
    }

    // What is taken back at one is closed at the other.
    root.zona(&["--tenant", "demo", "user", "create", "bob", "--role", "USER", "--password-file", "password"]).with_code(exit::OK);
    let bob = signed_in(&second, "bob");
    let transforms = || bob.zona(&["transform", "shout", "--value-string", "a"]).code;
    assert_eq!(transforms(), Some(exit::NOT_FOUND));
    let access = |words: &[&str]| root.zona(&[&["--tenant", "demo", "access"], words].concat()).with_code(exit::OK);
    access(&["grant", "shout", "--user", "bob", "--access", "execute"]);
    assert!(host::eventually(REVOKED_WITHIN, || transforms() == Some(exit::OK)), "what is granted opens");
    access(&["revoke", "shout", "--user", "bob"]);
    assert!(host::eventually(REVOKED_WITHIN, || transforms() == Some(exit::NOT_FOUND)), "what is taken back stays open");
    root.zona(&["--tenant", "demo", "session", "revoke", "--user", "bob"]).with_code(exit::OK);
    assert!(host::eventually(REVOKED_WITHIN, || transforms() == Some(exit::DENIED)), "a session that was revoked goes on");

    // What changes at one is read at the other.
    let file = ann.file("shout.py", &SHOUT.replace("upper", "lower"));
    ann.zona(&["utility", "update", "shout", "--file", file.to_str().expect("a temporary path is UTF-8")]).with_code(exit::OK);
    let lower = || there.zona(&["transform", "shout", "--value-string", "A"]).with_code(exit::OK).text() == "\"a!\"\n";
    assert!(host::eventually(REVOKED_WITHIN, lower), "the new version is not used");

    // What one leaves when it is killed, the other settles.
    let mut running = ann.ticks("ticker");
    let name = executions(&there, "RUNNING").pop().expect("it runs");
    first.kill();
    let get = || there.zona(&["execution", "get", &name, "-o", "json"]).with_code(exit::OK).json();
    assert!(host::eventually(SETTLED_WITHIN, || get()["state"] == "LOST"), "{}", get());
    assert_eq!(get()["failure"]["reason"], "NODE_LOST");
    running.kill().and_then(|()| running.wait().map(drop)).expect("a child can be killed");

    // Both have signed one audit log, which is whole.
    let auditor = Person::new(&second);
    auditor.zona(&["login", "--tenant", "system", "--user", "admin", "--password-file", "password"]).with_code(exit::OK);
    auditor.zona(&["--tenant", "demo", "audit", "export", "--out", "log"]).with_code(exit::OK);
    auditor.zona(&["audit", "verify", "log"]).with_code(exit::OK);
    second.stop();
}

#[test]
fn a_server_with_other_keys_is_refused_by_the_database_of_an_installation() {
    let installation = Installation::default();
    installation.server("first", "").stop();
    // It has what opens the documents, and neither the key of audit logs nor those of access tokens.
    let (home, shared) = (tempfile::tempdir().expect("a temporary directory can be made"), installation.directory.path().join("shared"));
    let own = home.path().join("own");
    fs::create_dir(&own).expect("the directory is writable");
    run(Command::new("cp").arg("-a").arg(shared.join("keys")).arg(&own)).with_code(0);
    let mut other = client();
    other.current_dir(home.path()).env("ZONA_STORE__MONGODB", installation.database.uri()).env("ZONA_KEYS__DIRECTORY", &own);
    other.args(["server", "--listen", "127.0.0.1:0", "--data"]).arg(home.path().join("data"));
    let refused = run(&mut other).with_code(exit::CONFLICT);
    assert!(
        refused.errors().contains("belongs to the installation") && refused.errors().contains("keys.directory"),
        "{}",
        refused.errors()
    );
    installation.server("second", "").stop();
}

#[test]
fn while_the_database_is_away_calls_say_so_and_go_on_once_it_is_back() {
    let mut installation = Installation::default();
    let server = installation.server_as_shipped_by("only", installation.database.port());
    let home = tempfile::tempdir().expect("a temporary directory can be made");
    let file = home.path().join("shout.py");
    fs::write(&file, SHOUT).expect("the directory is writable");
    let zona = |words: &[&str]| run(server.zona().args(words));
    let file = file.to_str().expect("a temporary path is UTF-8");
    zona(&["utility", "create", "shout", "--file", file]).with_code(exit::OK);

    installation.database.kill();
    for words in
        [&["utility", "list"][..], &["utility", "create", "second", "--file", file], &["transform", "shout", "--value-string", "a"]]
    {
        let away = zona(words).with_code(exit::UNAVAILABLE);
        assert!(away.errors().contains("UNAVAILABLE") || away.errors().contains("STORE"), "{}", away.errors());
    }
    installation.database.start_again();
    assert!(host::eventually(HEARD_WITHIN, || zona(&["utility", "list"]).code == Some(exit::OK)), "it does not come back");
    assert_eq!(zona(&["transform", "shout", "--value-string", "a"]).with_code(exit::OK).text(), "\"A!\"\n");
    zona(&["utility", "create", "third", "--file", file]).with_code(exit::OK);
    drop(server);
}

#[test]
fn an_operator_looks_after_the_database_without_a_server_and_hears_what_is_wrong_with_it() {
    let installation = Installation::default();
    let home = tempfile::tempdir().expect("a temporary directory can be made");
    let storage = |uri: &str, words: &[&str]| {
        let mut command = client();
        command.current_dir(home.path()).env("ZONA_STORE__MONGODB", uri).arg("storage").args(words);
        run(&mut command)
    };
    let uri = installation.database.uri();
    let before = storage(&uri, &["status", "-o", "json"]).with_code(exit::OK).json();
    assert_eq!((&before["store"], &before["database"], &before["schema"]), (&json!("mongodb"), &json!("zona"), &json!(0)));
    assert_eq!(before["pending"], before["newest"]);
    let after = storage(&uri, &["migrate", "-o", "json"]).with_code(exit::OK).json();
    assert_eq!((&after["schema"], &after["pending"]), (&before["newest"], &json!(0)));
    assert_eq!(storage(&uri, &["migrate", "-o", "json"]).with_code(exit::OK).json()["schema"], after["schema"]);
    let shard = storage(&uri, &["shard", "-o", "json"]).with_code(exit::OK).json();
    assert_eq!(shard["applied"], json!(false));
    let wanted = json!("{ \"shardCollection\": \"zona.utilities\", \"key\": { \"tenant\": 1, \"_id\": 1 } }");
    assert!(shard["commands"].as_array().is_some_and(|commands| commands.contains(&wanted)), "{shard}");
    let alone = storage(&uri, &["shard", "--apply"]).with_code(exit::CONFLICT);
    assert!(alone.errors().contains("mongos"), "{}", alone.errors());
    let roles = storage(&uri, &["roles", "-o", "json"]).with_code(exit::OK).json();
    assert_eq!((&roles["applied"], roles["commands"].as_array().map(Vec::len)), (&json!(false), Some(2)));
    let made = storage(&uri, &["roles", "--apply", "-o", "json"]).with_code(exit::OK).json();
    assert_eq!((&made["applied"], &made["commands"]), (&json!(true), &roles["commands"]));

    storage("", &["status"]).with_code(exit::USAGE);
    storage("mongodb://127.0.0.1:1/", &["status"]).with_code(exit::UNAVAILABLE);
    let closed = Database::closed();
    let nobody = storage(&closed.uri(), &["status"]).with_code(exit::DENIED);
    assert!(nobody.errors().contains("store.mongodb_password_file"), "{}", nobody.errors());
    let [user, password] = [("user", "ann\n"), ("password", PASSWORD)].map(|(name, text)| {
        let path = home.path().join(name);
        fs::write(&path, text).expect("the directory is writable");
        path
    });
    let mut wrong = client();
    wrong.current_dir(home.path()).env("ZONA_STORE__MONGODB", closed.uri()).args(["storage", "status"]);
    wrong.env("ZONA_STORE__MONGODB_USER_FILE", user).env("ZONA_STORE__MONGODB_PASSWORD_FILE", password);
    let wrong = run(&mut wrong).with_code(exit::DENIED);
    assert!(wrong.errors().contains("authSource") && !wrong.errors().contains(PASSWORD), "{}", wrong.errors());
}

/// A server on which one program runs at a time.
const NARROW: &str = "\n[executions]\nmax_running = 1\ndrain = \"1s\"\n";

#[test]
fn what_is_started_on_a_full_server_runs_on_another_and_survives_its_first_claimer() {
    let installation = Installation::default();
    let narrow = format!("{SIGNED_IN_ONLY}{NARROW}");
    let first = installation.server("first", &narrow);
    let root = Person::first(&first);
    let ann = Person::made_by(&root, &first, "ann", "CREATOR");
    ann.creates("ticker", TICKER);
    let start = |more: &[&str]| {
        let words = [&["run", "ticker", "--params", r#"{"lines": 3000, "pause": 0.1}"#, "--detach"], more].concat();
        ann.zona(&words).with_code(exit::OK).text().trim().to_owned()
    };
    let occupies = start(&[]);
    assert!(host::eventually(HEARD_WITHIN, || executions(&ann, "RUNNING") == [occupies.clone()]), "it does not run");
    let again = start(&["--retry-if-lost"]);
    let cancelled = start(&[]);
    assert_eq!(executions(&ann, "PENDING").len(), 2);

    // The second one has a place.
    let second = installation.server("second", &narrow);
    let there = signed_in(&second, "ann");
    assert!(
        host::eventually(HEARD_WITHIN, || executions(&there, "RUNNING").contains(&again)),
        "the other server does not claim it: {}",
        states(&ann)
    );
    let (watching, output) = watch(&ann, &again);
    let sees = |line: &str| fs::read_to_string(&output).is_ok_and(|text| text.contains(line));
    assert!(host::eventually(HEARD_WITHIN, || sees("line 3")), "what the other server runs is not seen here");
    assert_eq!(executions(&there, "PENDING"), std::slice::from_ref(&cancelled), "{}", states(&ann));
    there.zona(&["execution", "cancel", &cancelled]).with_code(exit::OK);
    assert_eq!(executions(&ann, "CANCELLED"), [cancelled]);

    // What its claimer leaves when it is killed runs once more, where that was asked for, as soon as there is a place.
    second.kill();
    ann.zona(&["execution", "cancel", &occupies]).with_code(exit::OK);
    let begins = || fs::read_to_string(&output).map_or(0, |text| text.matches("line 1\n").count());
    assert!(host::eventually(SETTLED_WITHIN, || begins() == 2), "it does not run again behind what it printed before");
    ann.zona(&["execution", "cancel", &again]).with_code(exit::OK);
    let (code, errors) = ends_soon(watching);
    assert_eq!(code, Some(exit::INTERRUPTED), "{errors}");

    // A server that stops leaves what waits to the next one.
    let occupies = start(&[]);
    assert!(host::eventually(HEARD_WITHIN, || executions(&ann, "RUNNING") == [occupies.clone()]), "it does not run");
    let waits = start(&[]);
    first.stop();
    let third = installation.server("third", &narrow);
    let there = signed_in(&third, "ann");
    assert!(host::eventually(HEARD_WITHIN, || executions(&there, "RUNNING") == [waits.clone()]), "what waited does not run");
    there.zona(&["execution", "cancel", &waits]).with_code(exit::OK);
    third.stop();
}
