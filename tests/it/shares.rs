//! Two tenants and what one shares with the other, told by the command line and grpcurl.

use std::process::Command;

use e2e::{
    command::{Ended, run},
    server::Server,
    workspace,
};
use serde_json::{Value, json};

use crate::{
    signing_in::{Person, SIGNED_IN_ONLY},
    steps::SHOUT,
};

const OK: i32 = 0;
const DENIED: i32 = 3;
const NOT_FOUND: i32 = 4;
const CONFLICT: i32 = 5;
const SHARED: &str = "tenants/demo/utilities/shout";

/// A server with two tenants: who administers it, who administers `demo` and owns a utility there, and somebody of `acme` with each role.
struct World {
    server: Server,
    root: Person,
    owner: Person,
    boss: Person,
    zoe: Person,
}

impl World {
    fn new() -> Self {
        let server = Server::configured(SIGNED_IN_ONLY);
        let root = Person::first(&server);
        let owner = Person::made_by(&root, &server, "ann", "ADMIN");
        root.zona(&["tenant", "create", "acme"]).with_code(OK);
        let member = |id: &str, role: &str| {
            root.zona(&["--tenant", "acme", "user", "create", id, "--role", role, "--password-file", "password"]).with_code(OK);
            let person = Person::new(&server);
            person.zona(&["login", "--tenant", "acme", "--user", id, "--password-file", "password"]).with_code(OK);
            person
        };
        let (boss, zoe) = (member("boss", "ADMIN"), member("zoe", "USER"));
        let world = World { root, owner, boss, zoe, server };
        let file = world.owner.file("shout.py", SHOUT);
        world.owner.zona(&["utility", "create", "shout", "--file", file.to_str().expect("a temporary path is UTF-8")]).with_code(OK);
        world
    }

    /// Runs the utility of the other tenant as somebody of `acme`.
    fn run(&self, person: &Person) -> Ended {
        let token = person.zona(&["token"]).with_code(OK).text();
        let body = json!({"name": SHARED, "valuesJson": ["\"a\""]});
        grpcurl(&self.server, &token, "zona.execution.v1.ExecutionService/Transform", &body)
    }

    #[track_caller]
    fn is_denied(&self, person: &Person) {
        person.zona(&["utility", "get", SHARED]).with_code(DENIED);
        let refused = self.run(person);
        assert!([refused.text(), refused.errors()].concat().contains("PERMISSION_DENIED"), "{} {}", refused.text(), refused.errors());
    }
}

fn grpcurl(server: &Server, token: &str, method: &str, body: &Value) -> Ended {
    let mut command = Command::new(workspace::tool("grpcurl"));
    command.env("TOKEN", token.trim()).args(["-plaintext", "-expand-headers", "-H", "authorization: Bearer ${TOKEN}"]);
    run(command.args(["-format-error", "-d", &body.to_string(), &server.address(), method]))
}

/// Actions and principals of what a tenant's log says was done.
fn log(person: &Person) -> Vec<(String, String)> {
    let listed = person.zona(&["audit", "list", "-o", "jsonl"]).with_code(OK).text();
    let records = listed.lines().map(|line| serde_json::from_str::<Value>(line).expect("each line is JSON"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    records.map(|record| (text(&record["action"]), text(&record["actor"]["principal"]))).collect()
}

#[test]
fn a_utility_is_offered_accepted_run_and_taken_back_between_two_tenants() {
    let world = World::new();
    let World { owner, boss, zoe, root, .. } = &world;
    world.is_denied(zoe);

    let share = ["utility", "share", "shout", "--with", "acme", "--access", "execute", "--expires", "30d", "-o", "json"];
    let offered = owner.zona(&share).with_code(OK).json();
    assert_eq!([&offered["grantee"], &offered["share_state"]], ["tenants/acme", "OFFERED"]);
    world.is_denied(zoe);
    zoe.zona(&["access", "share", "accept", SHARED]).with_code(DENIED);
    boss.zona(&["utility", "share", SHARED, "--with", "system"]).with_code(DENIED);
    let listed = boss.zona(&["access", "share", "list", "-o", "json"]).with_code(OK).json();
    assert_eq!([&listed[0]["utility"], &listed[0]["share_state"]], [SHARED, "OFFERED"]);

    let accept = ["access", "share", "accept", SHARED, "--request-id", "0192e5a4-7f2b-7c64-9d1e-3a5b8c7d9e0f", "-o", "json"];
    let accepted = boss.zona(&accept).with_code(OK).json();
    assert_eq!([&accepted["share_state"], &accepted["accepted_by"]], ["ACCEPTED", "tenants/acme/users/boss"]);
    assert_eq!(boss.zona(&accept).with_code(OK).json(), accepted, "the same request has one answer");
    boss.zona(&["access", "share", "accept", SHARED]).with_code(CONFLICT);
    let given = owner.zona(&["access", "share", "list", "--given", "-o", "json"]).with_code(OK).json();
    assert_eq!(given, json!([accepted]));

    assert_eq!(world.run(zoe).with_code(0).json()["results"], json!([{"resultJson": "\"A!\""}]));
    assert_eq!(zoe.zona(&["utility", "get", SHARED, "--code"]).with_code(OK).text(), SHOUT);
    assert_eq!(zoe.zona(&["utility", "list", "-o", "json"]).with_code(OK).json(), json!([]), "it is in no list of their own");
    zoe.zona(&["utility", "delete", SHARED]).with_code(DENIED);
    let executions = zoe.zona(&["execution", "list", "-o", "json"]).with_code(OK).json();
    assert!(executions[0]["name"].as_str().is_some_and(|name| name.starts_with("tenants/acme/")), "{executions}");
    assert_eq!(owner.zona(&["execution", "list", "-o", "json"]).with_code(OK).json(), json!([]));
    let explained = boss.zona(&["access", "explain", "zoe", "utility.execute", SHARED, "-o", "json"]).with_code(OK).json();
    assert_eq!((&explained["rule"], &explained["grant"]["grantee"]), (&json!("GRANT"), &json!("tenants/acme")));
    for person in [owner, boss] {
        let log = log(person);
        for action in ["utility.transform", "utility.get"] {
            assert!(log.contains(&(action.to_owned(), "tenants/acme/users/zoe".to_owned())), "{action} is not in {log:?}");
        }
    }

    root.zona(&["tenant", "suspend", "demo"]).with_code(OK);
    world.is_denied(zoe);
    root.zona(&["tenant", "resume", "demo"]).with_code(OK);
    world.run(zoe).with_code(0);
    owner.zona(&["access", "share", "revoke", "shout", "--with", "acme"]).with_code(OK);
    world.is_denied(zoe);
    owner.zona(&["access", "share", "revoke", "shout", "--with", "acme"]).with_code(NOT_FOUND);
    assert_eq!(boss.zona(&["access", "share", "list", "-o", "json"]).with_code(OK).json(), json!([]));
    world.server.stop();
}

/// A program of three places that two sides can change.
fn program(first: &str, second: &str, last: &str) -> String {
    format!(
        "def transform(value: str) -> str:\n    text = value{first}\n    # one\n    # two\n    text = text{second}\n    # three\n    # four\n    \
         return text{last}\n"
    )
}

#[test]
fn a_copy_follows_its_source_across_two_tenants() {
    let world = World::new();
    let World { owner, boss, zoe, .. } = &world;
    let writes = |person: &Person, words: &[&str], code: &str| {
        let file = person.file("code.py", code);
        let file = file.to_str().expect("a temporary path is UTF-8").to_owned();
        person.zona(&[words, &["--file", &file]].concat())
    };
    writes(owner, &["utility", "update", "shout"], &program("", "", ".upper()")).with_code(OK);
    let copy = ["utility", "copy", SHARED, "mine", "--request-id", "0192e5a4-7f2b-7c64-9d1e-3a5b8c7d9e0f", "-o", "json"];
    zoe.zona(&copy).with_code(DENIED);
    owner.zona(&["utility", "share", "shout", "--with", "acme"]).with_code(OK);
    boss.zona(&["access", "share", "accept", SHARED]).with_code(OK);
    let copied = zoe.zona(&copy).with_code(OK).json();
    let from = &copied["copied_from"];
    let said = [&copied["name"], &copied["owner"], &from["source"], &from["copied_by"]];
    assert_eq!(said, ["tenants/acme/utilities/mine", "tenants/acme/users/zoe", SHARED, "tenants/acme/users/zoe"]);
    assert_eq!((&from["version"], &from["content_hash"]), (&json!(2), &copied["content_hash"]));
    assert_eq!(zoe.zona(&copy).with_code(OK).json(), copied);
    zoe.zona(&["utility", "copy", SHARED, "mine"]).with_code(CONFLICT);
    let shown = zoe.zona(&["utility", "get", "mine"]).with_code(OK).text();
    assert!(shown.contains(&format!("{SHARED} version 2")), "{shown}");
    zoe.zona(&["utility", "proposal", "show", "mine"]).with_code(CONFLICT);

    writes(zoe, &["utility", "update", "mine"], &program(".strip()", "", ".upper()")).with_code(OK);
    writes(owner, &["utility", "update", "shout"], &program("", "", ".upper() + \"!\"")).with_code(OK);
    let listed = zoe.zona(&["utility", "proposal", "list", "-o", "json"]).with_code(OK).json();
    assert_eq!([&listed[0]["utility"], &listed[0]["source"]], ["tenants/acme/utilities/mine", SHARED]);
    let token = zoe.zona(&["token"]).with_code(OK).text();
    let body = json!({"name": "tenants/acme/utilities/mine"});
    let by_grpcurl = grpcurl(&world.server, &token, "zona.utility.v1.CopyService/GetProposal", &body).with_code(0).json();
    assert_eq!(by_grpcurl["mergedCode"], json!(program(".strip()", "", ".upper() + \"!\"")));
    let etag = by_grpcurl["etag"].as_str().expect("it has one").to_owned();
    let accept = |etag: &str, version: &str| {
        zoe.zona(&["utility", "proposal", "accept", "mine", "--source-version", version, "--etag", etag, "-o", "json"])
    };
    accept("\"another\"", "3").with_code(CONFLICT);
    accept(&etag, "2").with_code(CONFLICT);
    let merged = accept(&etag, "3").with_code(OK).json();
    assert_eq!((&merged["latest_version"], &merged["copied_from"]["version"]), (&json!(3), &json!(3)));
    let body = json!({"name": "tenants/acme/utilities/mine", "valuesJson": ["\" a \""]});
    let run = grpcurl(&world.server, &token, "zona.execution.v1.ExecutionService/Transform", &body).with_code(0).json();
    assert_eq!(run["results"], json!([{"resultJson": "\"A!\""}]));

    // Both change the same: the caller settles it.
    writes(zoe, &["utility", "update", "mine"], &program(".strip()", " * 2", ".upper() + \"!\"")).with_code(OK);
    writes(owner, &["utility", "update", "shout"], &program("", " * 3", ".upper() + \"!\"")).with_code(OK);
    let proposed = zoe.zona(&["utility", "proposal", "show", "mine", "-o", "json"]).with_code(OK).json();
    assert_eq!(proposed["conflicts"].as_array().map(Vec::len), Some(1), "{proposed}");
    let etag = proposed["etag"].as_str().expect("it has one");
    let refused = accept(etag, "4").with_code(CONFLICT);
    assert!(refused.errors().contains("MERGE_CONFLICT") && refused.errors().contains("lines"), "{}", refused.errors());
    let settled = ["utility", "proposal", "accept", "mine", "--source-version", "4", "--etag", etag];
    writes(zoe, &settled, &program(".strip()", " * 6", ".upper() + \"!\"")).with_code(OK);

    writes(owner, &["utility", "update", "shout"], &program("", " * 9", ".upper()")).with_code(OK);
    zoe.zona(&["utility", "proposal", "dismiss", "mine", "--source-version", "5"]).with_code(OK);
    assert_eq!(zoe.zona(&["utility", "proposal", "list", "-o", "json"]).with_code(OK).json(), json!([]));
    owner.zona(&["access", "share", "revoke", "shout", "--with", "acme"]).with_code(OK);
    zoe.zona(&["utility", "proposal", "show", "mine"]).with_code(CONFLICT);
    zoe.zona(&["utility", "get", "mine"]).with_code(OK);
    let told = log(owner);
    for action in ["utility.copy", "utility.getProposal", "utility.acceptProposal"] {
        assert!(told.contains(&(action.to_owned(), "tenants/acme/users/zoe".to_owned())), "{action} is not in {told:?}");
    }
    world.server.stop();
}
