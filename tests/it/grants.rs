//! Sharing a utility from the command line.

use e2e::{command::run, server::Server};
use serde_json::json;

use crate::steps::SHOUT;

#[test]
fn a_utility_is_shared_and_taken_back_from_the_command_line() {
    let server = Server::start();
    let file = server.data().with_file_name("shout.py");
    std::fs::write(&file, SHOUT).expect("the directory is writable");
    let zona = |words: &[&str]| run(server.zona().args(words));
    zona(&["utility", "create", "shout", "--file", file.to_str().expect("a temporary path is UTF-8")]).with_code(0);

    let early = zona(&["access", "grant", "shout", "--user", "ann", "--access", "read"]).with_code(2);
    assert!(early.errors().contains("is nobody in the tenant"), "{}", early.errors());
    zona(&["user", "create", "ann", "--role", "creator", "--no-password"]).with_code(0);
    let grant =
        ["access", "grant", "shout", "--user", "ann", "--access", "execute", "--reason", "on call", "--expires", "30d", "-o", "json"];
    let given = zona(&grant).with_code(0).json();
    assert_eq!((&given["grantee"], &given["access"]), (&json!("tenants/demo/users/ann"), &json!("EXECUTE")));
    assert_eq!((&given["reason"], &given["granted_by"]), (&json!("on call"), &json!("tenants/demo/users/local")));
    zona(&["access", "grant", "shout", "--role", "CREATOR", "--access", "READ"]).with_code(0);
    zona(&["access", "grant", "shout", "--everybody", "--access", "read"]).with_code(0);
    let listed = zona(&["access", "list", "shout", "-o", "json"]).with_code(0).json();
    let mut grantees: Vec<_> = listed.as_array().into_iter().flatten().filter_map(|grant| grant["grantee"].as_str()).collect();
    grantees.sort_unstable();
    assert_eq!(grantees, ["tenants/demo", "tenants/demo/roles/creator", "tenants/demo/users/ann"]);

    let explained = zona(&["access", "explain", "ann", "utility.execute", "shout", "-o", "json"]).with_code(0).json();
    assert_eq!((&explained["allowed"], &explained["rule"]), (&json!(true), &json!("GRANT")));
    assert_eq!(explained["grant"]["grantee"], json!("tenants/demo/users/ann"));
    let refused = zona(&["access", "explain", "ann", "utility.update", "shout"]).with_code(0);
    assert!(refused.text().contains("NEITHER_OWNED_NOR_GRANTED"), "{}", refused.text());
    zona(&["access", "explain", "ann", "policy.update", "codePolicy"]).with_code(0);
    zona(&["access", "explain", "ann", "utility.execute", "codePolicy"]).with_code(2);
    zona(&["access", "explain", "nobody", "utility.list", "tenants/demo"]).with_code(4);

    zona(&["access", "revoke", "shout", "--user", "ann"]).with_code(0);
    let again = zona(&["access", "revoke", "shout", "--user", "ann"]).with_code(4);
    assert!(again.errors().contains("zona access list"), "{}", again.errors());
    for wrong in [
        &["access", "grant", "shout", "--access", "read"][..],
        &["access", "grant", "shout", "--user", "ann", "--everybody", "--access", "read"],
        &["access", "grant", "shout", "--user", "ann"],
        &["access", "grant", "shout", "--user", "tenants/other/users/ann", "--access", "read"],
    ] {
        zona(wrong).with_code(2);
    }
    zona(&["access", "list", "absent"]).with_code(4);
    server.stop();
}

#[test]
fn a_utility_is_offered_to_another_tenant_from_the_command_line() {
    let server = Server::start();
    let file = server.data().with_file_name("shout.py");
    std::fs::write(&file, SHOUT).expect("the directory is writable");
    let zona = |words: &[&str]| run(server.zona().args(words));
    zona(&["utility", "create", "shout", "--file", file.to_str().expect("a temporary path is UTF-8")]).with_code(0);
    let share =
        ["utility", "share", "shout", "--with", "acme", "--access", "execute", "--reason", "you asked", "--expires", "30d", "-o", "json"];
    let offered = zona(&share).with_code(0).json();
    assert_eq!((&offered["grantee"], &offered["share_state"]), (&json!("tenants/acme"), &json!("OFFERED")));
    let listed = zona(&["access", "share", "list", "--given", "-o", "json"]).with_code(0).json();
    assert_eq!(listed[0]["utility"], json!("tenants/demo/utilities/shout"));
    assert_eq!(zona(&["access", "share", "list", "-o", "json"]).with_code(0).json(), json!([]));
    // The local caller administers its own tenant only.
    zona(&["--tenant", "acme", "access", "share", "accept", "tenants/demo/utilities/shout"]).with_code(3);
    zona(&["access", "share", "accept", "tenants/acme/utilities/absent"]).with_code(4);
    zona(&["utility", "share", "shout", "--with", "demo"]).with_code(2);
    zona(&["access", "share", "revoke", "shout", "--with", "acme"]).with_code(0);
    let again = zona(&["access", "share", "revoke", "shout", "--with", "acme"]).with_code(4);
    assert!(again.errors().contains("zona access share list"), "{}", again.errors());
    server.stop();
}
