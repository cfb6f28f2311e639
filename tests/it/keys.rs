//! The key that wraps others is changed while a server runs, and what was sealed before opens afterwards, also without the old key.

use std::{fs, time::Duration};

use e2e::{
    command::{Ended, run},
    host,
    server::{Backend, Server},
};

const DISPLAY_NAME: &str = "Zaphodine Quuxbury";

#[test]
fn what_was_sealed_before_a_rotation_of_keys_opens_without_the_old_key() {
    let data = tempfile::tempdir().expect("a temporary directory can be made");
    let home = tempfile::tempdir().expect("a temporary directory can be made");
    fs::write(home.path().join("password"), "correct horse battery").expect("the directory is writable");
    let zona = |server: &Server, words: &[&str]| -> Ended { run(server.zona().current_dir(home.path()).args(words)) };
    let server = Server::on(data.path(), Backend::Namespace);
    let create = ["user", "create", "zaphodine", "--display-name", DISPLAY_NAME, "--password-file", "password"];
    zona(&server, &create).with_code(0);
    let before = zona(&server, &["keys", "status", "-o", "jsonl"]).with_code(0).json_values();
    let [old] = before.as_slice() else { panic!("{before:?}") };
    let after = zona(&server, &["keys", "rotate", "-o", "jsonl"]).with_code(0).json_values();
    let [new, left] = after.as_slice() else { panic!("{after:?}") };
    assert!(new["id"] != old["id"] && left["id"] == old["id"], "{after:?}");
    let wraps = |key: &serde_json::Value| key["wraps"].as_i64().unwrap_or_default();
    assert!(wraps(new) >= wraps(old) && wraps(old) > 0 && wraps(left) == 0, "{before:?} {after:?}");
    server.kill();

    let old = format!("{}.kek", old["id"].as_str().expect("a key has an id"));
    fs::remove_file(data.path().join("keys").join(old)).expect("its file is there");
    let server = Server::on(data.path(), Backend::Namespace);
    let shown = zona(&server, &["user", "show", "zaphodine", "-o", "json"]).with_code(0).text();
    assert!(shown.contains(DISPLAY_NAME), "{shown}");
    let listed = ["audit", "list", "--action", "key.rotate", "-o", "jsonl"];
    let records = zona(&server, &listed).with_code(0).json_values();
    assert_eq!(records.iter().map(|record| record["outcome"].as_str()).collect::<Vec<_>>(), [Some("ALLOWED"), Some("INTENT")]);
    server.stop();
}

#[test]
fn a_rotation_of_keys_that_was_cut_off_is_gone_on_with_while_the_next_server_serves() {
    let data = tempfile::tempdir().expect("a temporary directory can be made");
    let status = |server: &Server, command: &str| -> Vec<(String, i64)> {
        let keys = run(server.zona().args(["keys", command, "-o", "jsonl"])).with_code(0).json_values();
        let key =
            |key: &serde_json::Value| (key["id"].as_str().expect("a key has an id").to_owned(), key["wraps"].as_i64().unwrap_or_default());
        keys.iter().map(key).collect()
    };
    let server = Server::on(data.path(), Backend::Namespace);
    let before = status(&server, "status");
    server.stop();
    let database = data.path().join("zona.db");
    let unrotated = fs::read(&database).expect("a server that has stopped leaves one file");
    let server = Server::on(data.path(), Backend::Namespace);
    let after = status(&server, "rotate");
    server.stop();

    // The new key is there, and everything is wrapped by the old one: as if the server had ended behind the first step.
    fs::write(&database, unrotated).expect("the file is writable");
    let server = Server::on(data.path(), Backend::Namespace);
    let is_done = || matches!(status(&server, "status").as_slice(), [(new, some), (_, 0)] if *new == after[0].0 && *some >= before[0].1);
    assert!(before[0].1 > 0 && host::eventually(Duration::from_secs(10), is_done), "{:?}", status(&server, "status"));
    server.stop();
}
