//! The audit log of a real server, verified without it: by `zona audit verify`, and by a program in Go that shares no code with ours.

use std::{fs, path::Path, process::Command};

use api_proto::zona::audit::v1::{GetConsistencyProofRequest, GetInclusionProofRequest, audit_service_client::AuditServiceClient};
use audit::{TileId, Tiles, leaf_hash, tile_path};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use e2e::{
    command::{Ended, run},
    rpc::TENANT,
    server::{Backend, Server},
    workspace,
};
use serde_json::{Value, json};

/// Enough for two tiles of leaves.
const READS: usize = 300;

fn zona(server: &Server, directory: &Path, words: &[&str]) -> Ended {
    run(server.zona().current_dir(directory).args(words))
}

/// A log with changes, executions, refusals and reads in it, exported.
fn lived(server: &Server, directory: &Path) {
    fs::write(directory.join("hello.py"), "def transform(value):\n    return value\n").expect("the directory is writable");
    zona(server, directory, &["utility", "create", "hello", "--file", "hello.py"]).with_code(0);
    zona(server, directory, &["transform", "hello", "--value", "1"]).with_code(0);
    zona(server, directory, &["utility", "get", "absent"]).with_code(4);
    zona(server, directory, &["--tenant", "other", "utility", "get", "hello"]).with_code(3);
    zona(server, directory, &["utility", "list"]).with_code(0);
}

fn records(export: &str) -> Vec<&str> {
    export.lines().filter(|line| line.starts_with(r#"{"action":"#)).collect()
}

#[test]
fn what_people_do_is_in_the_log_and_an_export_of_it_verifies_without_the_server_and_shows_what_was_changed() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let server = Server::start();
    lived(&server, directory.path());
    let listed = zona(&server, directory.path(), &["audit", "list", "-o", "jsonl"]).with_code(0).json_values();
    let said = |action: &str| -> Vec<&str> {
        let found = listed.iter().filter(|record| record["action"] == action && record["method"] != "server");
        found.filter_map(|record| record["outcome"].as_str()).collect()
    };
    // Newest first.
    assert_eq!(said("utility.create"), ["ALLOWED", "INTENT"]);
    assert_eq!(said("utility.transform"), ["ALLOWED", "INTENT"]);
    // The examples are the server's own work.
    let own = listed.iter().filter(|record| record["action"] == "utility.create" && record["method"] == "server").count();
    assert_eq!(own, 10, "five examples, each with an intent and an outcome");
    // One that failed is counted, and recorded when its minute is over.
    assert_eq!(said("utility.get").first(), Some(&"DENIED"));
    zona(&server, directory.path(), &["audit", "export", "--out", "first"]).with_code(0);
    zona(&server, directory.path(), &["audit", "export", "--out", "first"]).with_code(2);
    zona(&server, directory.path(), &["audit", "export", "--out", "second"]).with_code(0);
    server.stop();

    let verify = |words: &[&str]| run(Command::new(workspace::zona()).current_dir(directory.path()).args(["audit", "verify"]).args(words));
    verify(&["first"]).with_code(0);
    verify(&["second", "--follow", "seen"]).with_code(0);
    let older = verify(&["first", "--follow", "seen"]).with_code(1);
    assert!(older.text().contains("this is an older state of the log"), "{}", older.text());
    let export = fs::read_to_string(directory.path().join("second")).expect("it was written");
    assert!(records(&export).len() >= 8, "{export}");
    fs::write(directory.path().join("edited"), export.replacen("ALLOWED", "DENIED", 1)).expect("the directory is writable");
    let faults = verify(&["edited"]).with_code(1);
    assert_eq!(faults.text().lines().count(), 1, "one line a fault: {}", faults.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn gos_checksum_database_packages_verify_checkpoints_tiles_inclusion_and_consistency() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let server = Server::start();
    lived(&server, directory.path());
    zona(&server, directory.path(), &["audit", "export", "--out", "early"]).with_code(0);
    let mut client = AuditServiceClient::connect(format!("http://{}", server.address())).await.expect("the server accepts connections");
    let mut utilities = e2e::rpc::Client::connect(&server).await.utilities;
    for _ in 0..READS {
        let request = api_proto::zona::utility::v1::GetUtilityRequest { name: e2e::rpc::utility("hello") };
        utilities.get_utility(request).await.expect("it is there");
    }
    zona(&server, directory.path(), &["audit", "export", "--out", "log"]).with_code(0);
    let export = fs::read_to_string(directory.path().join("log")).expect("it was written");
    let (count, early) = (records(&export).len(), fs::read_to_string(directory.path().join("early")).expect("it was written"));
    assert!(count > 256 + READS / 10, "{count}");

    let (mut inclusion, mut consistency) = (Vec::new(), Vec::new());
    for sequence in [0, 1, 200, 255, 256, count as i64 - 1] {
        let request = GetInclusionProofRequest { parent: TENANT.into(), sequence, size: count as i64 };
        let proof = client.get_inclusion_proof(request).await.expect("it is covered").into_inner();
        inclusion.push(json!({"sequence": sequence, "size": count, "hashes": texts(&proof.hashes)}));
    }
    for older in [1, 7, records(&early).len(), 256, count] {
        let request = GetConsistencyProofRequest { parent: TENANT.into(), older_size: older as i64, newer_size: count as i64 };
        let proof = client.get_consistency_proof(request).await.expect("both are covered").into_inner();
        consistency.push(json!({"older": older, "newer": count, "hashes": texts(&proof.hashes)}));
    }
    let proofs = json!({"inclusion": inclusion, "consistency": consistency, "tiles": tiles(&records(&export))});
    fs::write(directory.path().join("proofs"), proofs.to_string()).expect("the directory is writable");
    server.stop();

    let program = workspace::scratch().join("zona-audit-go");
    run(Command::new(workspace::path("tests/audit-go/build.sh")).arg(&program).env("PATH", workspace::path_with(&["go"]))).with_code(0);
    let verified = run(Command::new(&program).current_dir(directory.path()).args(["log", "proofs"])).with_code(0);
    assert!(verified.text().contains("6 inclusion proofs, 5 consistency proofs, 3 tiles"), "{}", verified.text());
    // It is not content with anything.
    let text = proofs.to_string();
    for (from, to) in [(r#""sequence":200"#, r#""sequence":201"#), (r#""older":7"#, r#""older":8"#), ("tile/0/000", "tile/0/001")] {
        assert!(text.contains(from), "{from}");
        fs::write(directory.path().join("proofs"), text.replacen(from, to, 1)).expect("the directory is writable");
        run(Command::new(&program).current_dir(directory.path()).args(["log", "proofs"])).with_code(1);
    }
}

/// The tiles of these records, with their paths.
fn tiles(records: &[&str]) -> Vec<Value> {
    let mut tiles = Tiles::default();
    for (sequence, record) in records.iter().enumerate() {
        tiles.push(sequence as u64, leaf_hash(record.as_bytes()));
    }
    let shown = |(id, hashes): (TileId, Vec<u8>)| {
        let width = id.width(records.len() as u64);
        json!({"level": id.level, "index": id.index, "width": width, "path": tile_path(id, width), "hashes": STANDARD.encode(hashes)})
    };
    tiles.into_tiles().map(shown).collect()
}

fn texts(hashes: &[Vec<u8>]) -> Vec<String> {
    hashes.iter().map(|hash| STANDARD.encode(hash)).collect()
}

#[test]
fn what_was_counted_is_recorded_and_covered_by_a_checkpoint_before_a_stop() {
    let data = tempfile::tempdir().expect("a temporary directory can be made");
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let first = Server::on(data.path(), Backend::Namespace);
    zona(&first, directory.path(), &["utility", "list"]).with_code(0);
    zona(&first, directory.path(), &["utility", "list"]).with_code(0);
    first.stop();
    let second = Server::on(data.path(), Backend::Namespace);
    let counted = zona(&second, directory.path(), &["audit", "list", "--action", "utility.list", "-o", "jsonl"]).with_code(0);
    let calls: i64 = counted.json_values().iter().filter_map(|record| record["count"].as_i64()).sum();
    assert_eq!(calls, 2, "{}", counted.text());
    second.stop();
}

#[test]
fn an_intent_of_a_killed_server_is_closed_by_the_next_one() {
    let data = tempfile::tempdir().expect("a temporary directory can be made");
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let first = Server::on(data.path(), Backend::Namespace);
    fs::write(directory.path().join("slow.py"), "import time\n\ndef transform(value):\n    time.sleep(60)\n")
        .expect("the directory is writable");
    zona(&first, directory.path(), &["utility", "create", "slow", "--file", "slow.py"]).with_code(0);
    let mut asked =
        first.zona().current_dir(directory.path()).args(["transform", "slow", "--value", "1"]).spawn().expect("the client starts");
    let listed = |server: &Server| zona(server, directory.path(), &["audit", "list", "--action", "utility.transform", "-o", "jsonl"]);
    let begun = e2e::host::eventually(std::time::Duration::from_secs(30), || !listed(&first).with_code(0).json_values().is_empty());
    assert!(begun, "its intent is recorded");
    first.kill();
    asked.wait().expect("the client ends with its server");

    let second = Server::on(data.path(), Backend::Namespace);
    let records = listed(&second).with_code(0).json_values();
    let outcomes: Vec<_> = records.iter().map(|record| (record["outcome"].as_str(), record["reason"].as_str())).collect();
    assert_eq!(outcomes, [(Some("UNKNOWN"), Some("SERVER_DIED")), (Some("INTENT"), Some(""))]);
    zona(&second, directory.path(), &["audit", "export", "--out", "log"]).with_code(0);
    second.stop();
    run(Command::new(workspace::zona()).current_dir(directory.path()).args(["audit", "verify", "log"])).with_code(0);
}

#[test]
fn a_user_is_taken_away_and_erased_and_the_log_is_still_proven_also_by_what_was_exported_before() {
    let data = tempfile::tempdir().expect("a temporary directory can be made");
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let first = Server::on(data.path(), Backend::Namespace);
    fs::write(directory.path().join("password"), "correct horse battery").expect("the directory is writable");
    let create = ["user", "create", "zaphodine", "--display-name", "Zaphodine Quux", "--password-file", "password"];
    zona(&first, directory.path(), &create).with_code(0);
    zona(&first, directory.path(), &["audit", "export", "--out", "before"]).with_code(0);
    zona(&first, directory.path(), &["user", "export", "zaphodine", "--out", "person"]).with_code(0);
    let person = fs::read_to_string(directory.path().join("person")).expect("it was written");
    assert!(person.lines().next().is_some_and(|user| user.contains("Zaphodine Quux")), "{person}");
    zona(&first, directory.path(), &["user", "erase", "zaphodine"]).with_code(2);
    let erased = zona(&first, directory.path(), &["user", "erase", "zaphodine", "--yes", "-o", "json"]).with_code(0).json();
    let name = erased["name"].as_str().expect("it is named").to_owned();
    zona(&first, directory.path(), &["user", "show", "zaphodine"]).with_code(4);
    first.kill();

    let second = Server::on(data.path(), Backend::Namespace);
    zona(&second, directory.path(), &create).with_code(5);
    let about = zona(&second, directory.path(), &["audit", "list", "--resource", &name, "-o", "jsonl"]).with_code(0).json_values();
    assert!(about.iter().any(|record| record["action"] == "user.erase"), "{about:?}");
    zona(&second, directory.path(), &["audit", "export", "--out", "after"]).with_code(0);
    second.stop();
    let verify =
        |file| run(Command::new(workspace::zona()).current_dir(directory.path()).args(["audit", "verify", file, "--follow", "seen"]));
    verify("before").with_code(0);
    verify("after").with_code(0);
    for file in ["before", "after"] {
        let export = fs::read_to_string(directory.path().join(file)).expect("it was written");
        assert!(!export.contains("zaphodine") && !export.contains("Quux"), "an export names nobody");
    }
}
