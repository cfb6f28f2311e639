//! A tenant from its creation to its suspension and back, told by the command line and grpcurl.

use std::{process::Command, time::Duration};

use e2e::{
    command::{Ended, run},
    host,
    server::Server,
    workspace,
};
use serde_json::{Value, json};

use crate::{
    signing_in::{Person, SIGNED_IN_ONLY},
    steps::SHOUT,
};

const OK: i32 = 0;
const USAGE: i32 = 2;
const DENIED: i32 = 3;
const NOT_FOUND: i32 = 4;
const CONFLICT: i32 = 5;
/// Records behind an answer are stored at once; the rest is slack for a busy machine.
const RECORDED_WITHIN: Duration = Duration::from_secs(20);

/// Somebody of the tenant `acme`, made by whoever may, and signed in.
fn member(maker: &Person, server: &Server, id: &str, role: &str) -> Person {
    maker.zona(&["--tenant", "acme", "user", "create", id, "--role", role, "--password-file", "password"]).with_code(OK);
    let person = Person::new(server);
    signs_in(&person, id).with_code(OK);
    person
}

fn signs_in(person: &Person, id: &str) -> Ended {
    person.zona(&["login", "--tenant", "acme", "--user", id, "--password-file", "password"])
}

fn grpcurl(server: &Server, token: &str, method: &str, body: &Value) -> Ended {
    let mut command = Command::new(workspace::tool("grpcurl"));
    command.env("TOKEN", token.trim()).args(["-plaintext", "-expand-headers", "-H", "authorization: Bearer ${TOKEN}"]);
    run(command.args(["-format-error", "-d", &body.to_string(), &server.address(), method]))
}

#[track_caller]
fn is_suspended(ended: Ended) {
    let ended = ended.with_code(DENIED);
    assert!(ended.errors().contains("TENANT_SUSPENDED") && ended.errors().contains("tenants/acme is suspended"), "{}", ended.errors());
}

#[test]
fn a_tenant_is_made_filled_suspended_and_resumed() {
    let server = Server::configured(SIGNED_IN_ONLY);
    let root = Person::first(&server);
    let absent = root.zona(&["--tenant", "acme", "user", "create", "boss", "--no-password"]).with_code(NOT_FOUND);
    assert!(absent.errors().contains("tenants/acme"), "{}", absent.errors());

    let create = ["tenant", "create", "acme", "--name", "Acme Inc.", "--db-host", "db:5432", "-o", "json"];
    let made = root.zona(&create).with_code(OK).json();
    let told = [&made["name"], &made["tenantcode"], &made["status"], &made["db_host"], &made["connection_status"]];
    assert_eq!(told, ["Acme Inc.", "acme", "active", "db:5432", "unchecked"]);
    assert!(made["id"].as_i64().is_some_and(|id| id > 2), "after `system` and `demo`: {made}");
    root.zona(&create).with_code(CONFLICT);
    root.zona(&["tenant", "create", "Not-A-Code"]).with_code(USAGE);
    root.zona(&["tenant", "get", "absent"]).with_code(NOT_FOUND);

    let boss = member(&root, &server, "boss", "ADMIN");
    let ann = member(&boss, &server, "ann", "CREATOR");
    let file = ann.file("shout.py", SHOUT);
    ann.zona(&["utility", "create", "shout", "--file", file.to_str().expect("a temporary path is UTF-8")]).with_code(OK);
    assert_eq!(boss.zona(&["tenant", "get", "-o", "json"]).with_code(OK).json()["id"], made["id"]);
    let renamed = boss.zona(&["tenant", "update", "acme", "--name", "Acme", "-o", "json"]).with_code(OK).json();
    assert_eq!(renamed["name"], "Acme");
    boss.file("db-password", "plumbus-and-fleeb-juice");
    let settle =
        ["tenant", "update", "acme", "--time-zone", "Europe/Berlin", "--execution-days", "30", "--db-password-file", "db-password"];
    let settled = boss.zona(&[&settle[..], &["-o", "json"]].concat()).with_code(OK);
    assert!(!settled.text().contains("plumbus"), "{}", settled.text());
    let settings = &settled.json()["settings"];
    assert_eq!((&settings["time_zone"], &settings["execution_days"]), (&json!("Europe/Berlin"), &json!(30)));
    boss.zona(&["tenant", "update", "acme", "--time-zone", "Mars/Olympus"]).with_code(USAGE);
    boss.zona(&["tenant", "update", "acme", "--legal-hold", "true"]).with_code(DENIED);
    for words in [&["tenant", "list"][..], &["tenant", "suspend", "acme"], &["tenant", "get", "demo"], &["tenant", "create", "other"]] {
        boss.zona(words).with_code(DENIED);
    }
    ann.zona(&["tenant", "get"]).with_code(DENIED);

    let token = ann.zona(&["token"]).with_code(OK).text();
    let execute = || {
        let body = json!({"name": "tenants/acme/utilities/shout", "valuesJson": ["\"a\""]});
        grpcurl(&server, &token, "zona.execution.v1.ExecutionService/Transform", &body)
    };
    assert_eq!(execute().with_code(0).json()["results"], json!([{"resultJson": "\"A!\""}]));

    let suspended = root.zona(&["tenant", "suspend", "acme", "-o", "json"]).with_code(OK).json();
    assert_eq!(suspended["status"], "suspended");
    for person in [&boss, &ann] {
        for words in [&["utility", "list"][..], &["transform", "shout", "--value-string", "a"], &["whoami"], &["user", "list"]] {
            is_suspended(person.zona(words));
        }
    }
    is_suspended(signs_in(&ann, "ann"));
    let refused = execute();
    assert!([refused.text(), refused.errors()].concat().contains("TENANT_SUSPENDED"), "{} {}", refused.text(), refused.errors());
    let of_acme = |words: &[&str]| root.zona(&[&["--tenant", "acme"], words].concat());
    of_acme(&["utility", "get", "shout"]).with_code(OK);
    of_acme(&["audit", "list", "-o", "jsonl"]).with_code(OK);
    is_suspended(of_acme(&["transform", "shout", "--value-string", "a"]));
    root.zona(&["tenant", "suspend", "system"]).with_code(CONFLICT);

    let listed = root.zona(&["tenant", "list", "-o", "json"]).with_code(OK).json();
    let codes: Vec<&str> = listed.as_array().expect("it is a list").iter().filter_map(|tenant| tenant["tenantcode"].as_str()).collect();
    assert_eq!(codes, ["acme", "demo", "system"]);
    root.zona(&["tenant", "resume", "acme"]).with_code(OK);
    assert_eq!(execute().with_code(0).json()["results"], json!([{"resultJson": "\"A!\""}]), "its session goes on");
    root.zona(&["tenant", "delete", "acme"]).with_code(OK);
    let refused = boss.zona(&["utility", "list"]).with_code(DENIED);
    assert!(refused.errors().contains("TENANT_DELETED"), "{}", refused.errors());
    let left = root.zona(&["tenant", "list", "-o", "json"]).with_code(OK).json();
    assert_eq!(left.as_array().map(Vec::len), Some(2));

    let root_token = root.zona(&["token"]).with_code(OK).text();
    let body = json!({"showDeleted": true});
    let by_grpcurl = grpcurl(&server, &root_token, "zona.tenant.v1.TenantService/ListTenants", &body).with_code(0).json();
    assert_eq!([&by_grpcurl["tenants"][0]["name"], &by_grpcurl["tenants"][0]["status"]], ["Acme", "deleted"]);
    server.stop();
}

#[test]
fn an_installation_is_filled_with_utilities_that_work() {
    let server = Server::configured(SIGNED_IN_ONLY);
    let root = Person::first(&server);
    let seed = ["bench", "seed", "--tenants", "3", "--utilities", "20", "-o", "json"];
    let first = root.zona(&seed).with_code(OK).json();
    assert_eq!((&first["tenants"]["made"], &first["utilities"]["made"]), (&json!(3), &json!(60)));
    let log = ["--tenant", "seed-0001", "audit", "list", "--action", "utility.create", "--limit", "100", "-o", "json"];
    let records = || root.zona(&log).with_code(OK).json().as_array().map_or(0, Vec::len);
    // What became of a call is recorded behind its answer.
    assert!(host::eventually(RECORDED_WITHIN, || records() == 40), "two records of each: {}", records());
    let again = root.zona(&seed).with_code(OK).json();
    assert_eq!((&again["tenants"]["there"], &again["utilities"]["there"]), (&json!(3), &json!(60)));
    let list = root.zona(&["--tenant", "seed-0002", "utility", "list", "-o", "json"]).with_code(OK).json();
    let utilities = list.as_array().expect("a list is an array");
    let scripts = utilities.iter().filter(|utility| utility["kind"] == "SCRIPT").count();
    assert_eq!((utilities.len(), scripts), (20, 5), "{list}");
    let made = root.zona(&["--tenant", "seed-0003", "transform", "utility-0000007", "--value-string", " A "]).with_code(OK);
    assert_eq!(made.text(), "\"a-7\"\n");
    let member = Person::made_by(&root, &server, "ann", "CREATOR");
    member.zona(&seed).with_code(DENIED);
}
