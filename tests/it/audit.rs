//! The audit log of a real server, verified without it: by `zona audit verify`, and by a program in Go that shares no code with ours.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

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

    let program = auditor_in_go("zona-audit-go");
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

/// The auditor and witness that shares no code with ours.
fn auditor_in_go(name: &str) -> PathBuf {
    let program = workspace::scratch().join(name);
    run(Command::new(workspace::path("tests/audit-go/build.sh")).arg(&program).env("PATH", workspace::path_with(&["go"]))).with_code(0);
    program
}

#[test]
fn a_witness_in_go_cosigns_a_checkpoint_which_exports_show_and_verifying_demands() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let program = auditor_in_go("zona-witness-go");
    let in_go = |words: &[&str]| run(Command::new(&program).current_dir(directory.path()).args(words)).with_code(0).text();
    let (witness, stranger) = (in_go(&["witness-key", "one"]), in_go(&["witness-key", "two"]));
    let server = Server::configured(&format!("[audit]\nwitnesses = \"{}\"\n", witness.trim()));
    let zona = |words: &[&str]| zona(&server, directory.path(), words);
    lived(&server, directory.path());
    zona(&["audit", "export", "--out", "first"]).with_code(0);
    let export = fs::read_to_string(directory.path().join("first")).expect("it was written");
    let size = records(&export).len().to_string();
    let verify = |file: &str, key: &str| zona(&["audit", "verify", file, "--witness", key.trim()]);
    assert!(verify("first", &witness).with_code(1).text().contains("no checkpoint that fits is cosigned by witness.example/go"));

    let lines = |seed: &str| fs::write(directory.path().join("lines"), in_go(&["cosign", seed, "first"]));
    lines("two").expect("the directory is writable");
    let refused = zona(&["audit", "cosign", "--size", &size, "lines"]).with_code(2);
    assert!(refused.errors().contains("audit.witnesses"), "{}", refused.errors());
    lines("one").expect("the directory is writable");
    zona(&["audit", "cosign", "--size", "1", "lines"]).with_code(4);
    let cosigned = zona(&["audit", "cosign", "--size", &size, "lines"]).with_code(0).text();
    assert!(cosigned.lines().count() == 6 && cosigned.contains("witness.example/go"), "{cosigned}");

    zona(&["audit", "export", "--out", "second"]).with_code(0);
    let whole = verify("second", &witness).with_code(0).text();
    assert!(whole.contains(&format!("has cosigned the first {size} records")), "{whole}");
    verify("second", &stranger).with_code(1);
    let export = fs::read_to_string(directory.path().join("second")).expect("it was written");
    let forged = export.replacen("witness.example/go ", "witness.example/go AAAA", 1);
    fs::write(directory.path().join("forged"), forged).expect("the directory is writable");
    verify("forged", &witness).with_code(1);
    server.stop();
}

#[test]
fn a_report_counts_what_a_list_shows_and_an_export_as_csv_or_ocsf_has_a_line_for_each_record() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let server = Server::start();
    let zona = |words: &[&str]| zona(&server, directory.path(), words);
    let read = |file: &str| fs::read_to_string(directory.path().join(file)).expect("it was written");
    lived(&server, directory.path());
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    // The story may be told around midnight.
    let days = ["--from", today.as_str(), "--to", &jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()].map(str::to_owned);
    let report = |format: &str| {
        let mut words = vec!["audit", "report", "--format", format, "--out", format];
        words.extend(days.iter().map(String::as_str));
        zona(&words).with_code(0);
        read(format)
    };
    let counted: Value = serde_json::from_str(&report("json")).expect("it is JSON");
    let listed = zona(&["audit", "list", "--limit", "1000", "-o", "jsonl"]).with_code(0).json_values();
    let covered = counted["verification"]["size"].as_i64().expect("there are records");
    let before: Vec<_> = listed.iter().filter(|record| record["sequence"].as_i64().is_some_and(|at| at < covered)).collect();
    assert_eq!(counted["records"].as_i64(), i64::try_from(before.len()).ok());
    assert_eq!(counted["verification"]["whole"], true);
    let denied = before.iter().filter(|record| record["outcome"] == "DENIED").count();
    assert_eq!(counted["denials"].as_array().map(Vec::len), Some(1));
    assert_eq!(counted["denials"][0]["calls"].as_u64(), Some(denied as u64));

    let page = report("html");
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("The log of this period is whole."), "{page}");
    let csv = report("csv");
    fs::write(directory.path().join("report.csv"), &csv).expect("the directory is writable");
    zona(&["audit", "export", "--format", "csv", "--out", "log.csv"]).with_code(0);
    zona(&["audit", "export", "--format", "ocsf", "--out", "log.ocsf"]).with_code(0);
    server.stop();
    let check = "import csv, sys\nfor name in sys.argv[1:]:\n    rows = list(csv.reader(open(name, newline='')))\n    \
                 assert len({len(row) for row in rows}) == 1 and len(rows) > 10, name\n\
                 assert [row[0] for row in rows[1:]] == [str(at) for at in range(len(rows) - 1)], rows\n";
    run(Command::new("python3").current_dir(directory.path()).args(["-c", check, "report.csv", "log.csv"])).with_code(0);
    for file in ["json", "html", "log.csv", "log.ocsf"] {
        let mode = fs::metadata(directory.path().join(file)).expect("it was written").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let events = read("log.ocsf");
    let sequences = events.lines().map(|line| serde_json::from_str::<Value>(line).expect("it is JSON")["metadata"]["sequence"].clone());
    assert!(sequences.enumerate().all(|(at, sequence)| sequence == at), "{events}");
    assert!(events.lines().all(|line| serde_json::from_str::<Value>(line).is_ok_and(|event| event["class_uid"] == 6003)));
}

#[test]
fn a_watch_shows_what_is_added_until_it_is_interrupted() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let server = Server::start();
    let path = directory.path().join("watched");
    let watched = fs::File::create(&path).expect("the directory is writable");
    let mut watch = server.zona();
    watch.args(["audit", "watch", "--from", "0", "-o", "jsonl"]).stdout(watched);
    let mut watch = watch.spawn().expect("zona starts");
    lived(&server, directory.path());
    let seen = || fs::read_to_string(&path).is_ok_and(|text| text.contains("utility.transform") && text.contains("DENIED"));
    assert!(e2e::host::eventually(std::time::Duration::from_secs(20), seen), "{:?}", fs::read_to_string(&path));
    rustix::process::kill_process(rustix::process::Pid::from_child(&watch), rustix::process::Signal::INT).expect("it runs");
    let code = watch.wait().expect("it ends").code();
    assert_eq!(code, Some(130));
    let text = fs::read_to_string(&path).expect("it was written");
    let sequences: Vec<i64> = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()?["sequence"].as_i64()).collect();
    assert_eq!(sequences, (0..sequences.len() as i64).collect::<Vec<_>>(), "no gap and no repetition");
    server.stop();
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
