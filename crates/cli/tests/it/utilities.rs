//! Utilities, their versions and copies: what each line asks for, and what is told of the answer.

use serde_json::json;
use tonic::Status;

use crate::line::{each_asks, run};
use crate::peer::Peer;

const TENANT: &str = "tenants/demo";
const EXTRACT: &str = "tenants/demo/utilities/extract";

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[tokio::test]
async fn a_utility_is_made_of_a_file_and_of_everything_that_was_said() {
    let peer = Peer::start().await;
    let code = file("print(1)\n");
    let schema = file(
        r#"[{"name": "n", "value_type": "INTEGER", "required": true, "enum": [1, 2.0]},
            {"name": "t", "secret": true, "default": "x", "description": "token"}]"#,
    );
    let limits = json!({
        "timeout": "10s",
        "grace": "1s",
        "cpu_time": "5s",
        "memory_bytes": 268_435_456,
        "output_bytes": 1_048_576,
        "result_bytes": 65_536,
        "tmpfs_bytes": 1024,
        "open_files": 32,
        "on_output_limit": "OUTPUT_LIMIT_ACTION_STOP",
    });
    let utility = json!({
        "kind": "UTILITY_KIND_SCRIPT",
        "code": "print(1)\n",
        "display_name": "Extract",
        "description": "finds",
        "tags": ["ioc", "text"],
        "runtime": "data",
        "isolation": "ISOLATION_ONE_SHOT",
        "store_values": true,
        "show_secrets": true,
        "parameters_overridden": true,
        "parameters": [
            {"name": "n", "value_type": "VALUE_TYPE_INTEGER", "required": true, "enum_json": ["1", "2.0"]},
            {"name": "t", "value_type": "VALUE_TYPE_ANY", "secret": true, "default_json": "\"x\"", "description": "token"},
        ],
        "limits": limits,
    });
    let line = format!(
        "utility create extract --file {} --kind script --display-name Extract --description finds --tag ioc --tag text --runtime data \
         --isolation one-shot --store-values --show-secrets true --parameters {} --timeout 10s --grace 1s --cpu-time 5s --memory 256MiB \
         --output-bytes 1MiB --result-bytes 64KiB --tmpfs 1024 --open-files 32 --on-output-limit stop --message first --validate-only",
        code.path().display(),
        schema.path().display()
    );
    let request = json!({"parent": TENANT, "utility_id": "extract", "utility": utility, "message": "first", "validate_only": true});
    let line: Vec<&str> = line.split_whitespace().collect();
    let ran = crate::line::run_words(&peer, &line, cli::Credential::Absent).await;
    assert_eq!(ran.only(), ("CreateUtility", &request), "{:?}", ran.ended);
}

#[tokio::test]
async fn each_line_about_utilities_and_versions_asks_for_what_it_says() {
    let peer = Peer::start().await;
    let code = file("print(2)\n");
    let path = code.path().display();
    let filter = json!({
        "kind": "UTILITY_KIND_TRANSFORMER",
        "owner": "tenants/demo/users/ann",
        "tag": "ioc",
        "name_prefix": "ex",
        "show_deleted": true,
        "vulnerable": true,
    });
    let list = "utility list --kind transformer --owner tenants/demo/users/ann --tag ioc --prefix ex --deleted --vulnerable --order changed \
                --limit 7";
    let listed = json!({"parent": TENANT, "page_size": 7, "filter": filter, "order": "UTILITY_ORDER_UPDATE_TIME_DESC"});
    let updated = json!({"utility": {"name": EXTRACT, "code": "print(2)\n", "etag": "e"}, "update_mask": "tags,code"});
    each_asks(
        &peer,
        &[
            ("utility get extract", "GetUtility", json!({"name": EXTRACT})),
            ("utility get extract --version 3", "GetUtilityVersion", json!({"name": format!("{EXTRACT}/versions/3")})),
            (&list.split_whitespace().collect::<Vec<_>>().join(" "), "ListUtilities", listed),
            (&format!("utility update extract --file {path} --tag  --etag e"), "UpdateUtility", updated),
            (
                "utility update extract --infer-parameters",
                "UpdateUtility",
                json!({"utility": {"name": EXTRACT}, "update_mask": "parametersOverridden"}),
            ),
            ("utility delete extract --etag e", "DeleteUtility", json!({"name": EXTRACT, "etag": "e"})),
            ("utility undelete extract", "UndeleteUtility", json!({"name": EXTRACT})),
            ("utility versions extract", "ListUtilityVersions", json!({"parent": EXTRACT, "page_size": 100})),
            ("utility diff extract --from 1 --to 3", "DiffUtilityVersions", json!({"name": EXTRACT, "from_version": 1, "to_version": 3})),
            (
                "utility restore extract 2 --message back",
                "RestoreUtilityVersion",
                json!({"name": format!("{EXTRACT}/versions/2"), "message": "back"}),
            ),
        ],
    )
    .await;
    assert_eq!(run(&peer, "utility update extract").await.code(), 2);
    let absent = run(&peer, "utility create extract --file /nonexistent/code.py").await;
    assert!(absent.asked.is_empty() && absent.failure().contains("/nonexistent/code.py"), "{absent:?}");
}

#[tokio::test]
async fn a_utility_is_shown_with_its_parameters_limits_and_what_speaks_against_its_imports() {
    let peer = Peer::start().await;
    let utility = json!({
        "name": EXTRACT,
        "kind": "UTILITY_KIND_TRANSFORMER",
        "state": "UTILITY_STATE_ACTIVE",
        "displayName": "Extract",
        "latestVersion": 4,
        "tags": ["ioc"],
        "code": "def transform(value):\n    return value\n",
        "isolation": "ISOLATION_SINGLE_USE",
        "imports": ["json", "leaky"],
        "vulnerableImports": {"imports": [{"module": "leaky", "advisories": ["GHSA-1"]}]},
        "limits": {"timeout": "10s", "memoryBytes": 268_435_456},
        "parameters": [{"name": "n", "valueType": "VALUE_TYPE_INTEGER", "required": true}],
        "copiedFrom": {"source": "tenants/acme/utilities/theirs", "version": 2, "copiedBy": "tenants/demo/users/ann"},
        "storeValues": true,
    });
    peer.answers("GetUtility", utility.clone());
    let shown = run(&peer, "utility get extract").await.printed;
    for part in ["leaky (vulnerable: GHSA-1)", "tenants/acme/utilities/theirs version 2", "single-use", "stores values", "256"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert!(shown.contains("integer"), "{shown}");
    assert_eq!(run(&peer, "utility get extract --code").await.printed, "def transform(value):\n    return value\n");
    let document = run(&peer, "utility get extract -o json").await.json();
    assert_eq!((&document["kind"], &document["latest_version"]), (&json!("TRANSFORMER"), &json!(4)));
    for (line, done) in [("delete", "deleted"), ("undelete", "undeleted")] {
        peer.answers(if line == "delete" { "DeleteUtility" } else { "UndeleteUtility" }, utility.clone());
        assert_eq!(run(&peer, &format!("utility {line} extract")).await.printed, format!("extract {done}: transformer, version 4\n"));
    }
    peer.answers("ListUtilities", json!({"utilities": [utility], "nextPageToken": "more"}));
    let listed = run(&peer, "utility list --limit 1").await;
    assert_eq!(listed.asked.len(), 1, "as many as were asked for");
    assert!(listed.printed.contains("extract") && listed.printed.contains("Extract"), "{}", listed.printed);
}

#[tokio::test]
async fn versions_are_listed_shown_and_compared() {
    let peer = Peer::start().await;
    let version = json!({
        "name": format!("{EXTRACT}/versions/3"),
        "version": 3,
        "kind": "UTILITY_KIND_SCRIPT",
        "code": "print(3)\n",
        "author": "tenants/demo/users/ann",
        "contentHash": "00112233445566778899",
        "message": "third",
        "findings": [{"rule": "ZPY-QUALITY-001", "line": 2, "column": 5, "message": "unused"}],
    });
    peer.answers("GetUtilityVersion", version.clone());
    let shown = run(&peer, "utility get extract --version 3").await.printed;
    assert!(shown.contains("not yet compiled") && shown.contains("warning ZPY-QUALITY-001 at 2:5: unused"), "{shown}");
    assert_eq!(run(&peer, "utility get extract --version 3 --code").await.printed, "print(3)\n");
    peer.answers("ListUtilityVersions", json!({"versions": [version], "nextPageToken": "more"}));
    peer.answers("ListUtilityVersions", json!({"versions": [{"version": 2, "message": "second"}]}));
    let listed = run(&peer, "utility versions extract").await;
    assert_eq!(listed.asked.len(), 2);
    assert!(listed.printed.contains("001122334455 ") && listed.printed.contains("second"), "{}", listed.printed);
    let diff = json!({"fromVersion": 2, "toVersion": 3, "unifiedDiff": "--- a\n+++ b\n", "changedFields": ["code"], "addedLines": 1});
    peer.answers("DiffUtilityVersions", diff);
    assert_eq!(run(&peer, "utility diff extract").await.printed, "--- a\n+++ b\n");
    assert_eq!(run(&peer, "utility diff extract -o json").await.json()["changed_fields"], json!(["code"]));
    peer.answers("RestoreUtilityVersion", json!({"name": EXTRACT, "kind": "UTILITY_KIND_SCRIPT", "latestVersion": 4}));
    let restored = run(&peer, "utility restore extract 2").await.printed;
    assert_eq!(restored, "extract restored from version 2: script, version 4\n");
}

#[tokio::test]
async fn each_line_about_copies_and_proposals_asks_for_what_it_says() {
    let peer = Peer::start().await;
    let code = file("settled\n");
    let (path, theirs, copy) = (code.path().display(), "tenants/acme/utilities/theirs", "tenants/demo/utilities/copy");
    let accepted = json!({
        "name": copy,
        "source_version": 4,
        "etag": "e",
        "code": "settled\n",
        "keep_fields": ["parameters", "limits", "runtime", "isolation"],
        "message": "merged",
    });
    let accept = format!(
        "utility proposal accept copy --source-version 4 --etag e --file {path} --keep parameters --keep limits --keep runtime --keep isolation \
         --message merged"
    );
    each_asks(
        &peer,
        &[
            (
                &format!("utility copy {theirs} copy --version 2"),
                "CopyUtility",
                json!({"parent": TENANT, "utility_id": "copy", "source": theirs, "source_version": 2}),
            ),
            ("utility proposal list", "ListProposals", json!({"parent": TENANT, "page_size": 200})),
            ("utility proposal show copy", "GetProposal", json!({"name": copy})),
            (&accept.split_whitespace().collect::<Vec<_>>().join(" "), "AcceptProposal", accepted),
            ("utility proposal dismiss copy --source-version 4", "DismissProposal", json!({"name": copy, "source_version": 4})),
        ],
    )
    .await;
    let proposal = json!({
        "utility": copy,
        "source": theirs,
        "baseVersion": 2,
        "sourceVersion": 4,
        "sourceDiff": "--- theirs@2\n+++ theirs@4\n",
        "mergedCode": "merged\n",
        "conflicts": [{"firstLine": 3, "lastLine": 9}],
        "conflictingFields": ["limits"],
    });
    peer.answers("GetProposal", proposal.clone());
    assert_eq!(run(&peer, "utility proposal show copy").await.printed, "--- theirs@2\n+++ theirs@4\n");
    assert_eq!(run(&peer, "utility proposal show copy --merged").await.printed, "merged\n");
    assert_eq!(run(&peer, "utility proposal show copy -o json").await.json()["source_version"], json!(4));
    peer.answers("ListProposals", json!({"proposals": [proposal]}));
    assert!(run(&peer, "utility proposal list").await.printed.contains(theirs));
    let peer = Peer::start().await;
    peer.refuses("AcceptProposal", Status::failed_precondition("both sides have changed lines 3 to 9"));
    let refused = run(&peer, "utility proposal accept copy --source-version 4 --etag e").await;
    assert_eq!(refused.code(), 5);
    assert!(refused.failure().contains("--merged the code with its conflicts"), "{}", refused.failure());
}
