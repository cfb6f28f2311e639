//! Logs and events: followed until they break for good, taken away into files, and reported on.

use serde_json::{Value, json};
use tonic::Status;

use crate::line::{each_asks, run};
use crate::peer::Peer;

const TENANT: &str = "tenants/demo";

fn record(sequence: i64) -> Value {
    json!({
        "sequence": sequence,
        "time": "2026-01-02T03:04:05Z",
        "actor": {"principal": "tenants/demo/users/ann", "role": "ACTOR_ROLE_ADMIN", "address": "192.0.2.1"},
        "action": "utility.update",
        "resource": "tenants/demo/utilities/extract",
        "outcome": "AUDIT_OUTCOME_DENIED",
        "reason": "PERMISSION_DENIED",
        "count": 2,
    })
}

fn event(sequence: i64) -> Value {
    json!({
        "sequence": sequence,
        "id": "abc",
        "type": "dev.zona.utility.created",
        "source": "//zona.dev/tenants/demo",
        "subject": "tenants/demo/utilities/u",
        "time": "2026-01-02T03:04:05Z",
        "dataJson": "{\"version\":1}",
    })
}

#[tokio::test]
async fn records_are_listed_by_what_they_are_asked_for() {
    let peer = Peer::start().await;
    let filter = json!({
        "actor": "tenants/demo/users/ann",
        "action": "utility.update",
        "resource": "tenants/demo/utilities/extract",
        "outcome": "AUDIT_OUTCOME_DENIED",
    });
    let line = "audit list --actor tenants/demo/users/ann --action utility.update --resource tenants/demo/utilities/extract --outcome denied \
                --limit 7";
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    each_asks(&peer, &[(&line, "ListAuditRecords", json!({"parent": TENANT, "page_size": 7, "filter": filter}))]).await;
    for outcome in ["INTENT", "ALLOWED", "FAILED", "CANCELLED", "UNKNOWN"] {
        let ran = run(&peer, &format!("audit list --outcome {outcome}")).await;
        assert_eq!(ran.only().1["filter"]["outcome"], json!(format!("AUDIT_OUTCOME_{outcome}")));
    }
    assert!(run(&peer, "audit list --since 1h").await.only().1["filter"]["from"].is_string());
    peer.answers("ListAuditRecords", json!({"records": [record(7)], "nextPageToken": "more"}));
    peer.answers("ListAuditRecords", json!({"records": [record(6)], "nextPageToken": "still"}));
    let _empty = run(&peer, "audit list").await;
    let listed = run(&peer, "audit list --limit 1").await;
    assert_eq!(listed.asked.len(), 1);
    assert!(listed.printed.contains("utility.update") && listed.printed.contains("DENIED"), "{}", listed.printed);
}

#[tokio::test]
async fn a_watch_prints_records_as_they_come_and_goes_on_where_it_broke() {
    let peer = Peer::start().await;
    let parts = vec![json!({"reachedSequence": 5}), json!({"record": record(5)})];
    peer.streams("WatchAuditRecords", parts, Status::unavailable("gone"));
    peer.streams("WatchAuditRecords", vec![json!({"record": record(6)})], Status::permission_denied("revoked"));
    let ran = run(&peer, "audit watch --from 5 --action utility.update").await;
    assert_eq!(ran.code(), 3, "{ran:?}");
    let rows: Vec<&str> = ran.printed.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(rows, ["5", "6"]);
    let begun: Vec<&Value> = ran.asked.iter().map(|asked| &asked.request["from_sequence"]).collect();
    assert_eq!(begun, [&json!(5), &json!(6)]);
    let peer = Peer::start().await;
    peer.streams("WatchAuditRecords", vec![json!({"record": record(1)})], Status::permission_denied("revoked"));
    let line: Value = serde_json::from_str(run(&peer, "audit watch -o jsonl").await.printed.trim()).unwrap();
    assert_eq!(line["outcome"], json!("DENIED"));
}

#[tokio::test]
async fn events_are_printed_as_they_come_for_programs_as_cloud_events() {
    let peer = Peer::start().await;
    let parts = vec![json!({"reachedSequence": 2}), json!({"event": event(3)})];
    peer.streams("SubscribeEvents", parts, Status::unavailable("gone"));
    peer.streams("SubscribeEvents", vec![json!({"event": event(4)})], Status::permission_denied("revoked"));
    let ran = run(&peer, "event watch --type dev.zona.utility --after 2").await;
    assert_eq!((ran.code(), ran.printed.lines().count()), (3, 2));
    assert_eq!(ran.asked[0].request, json!({"parent": TENANT, "types": ["dev.zona.utility"], "after_sequence": 2}));
    assert_eq!(ran.asked[1].request["after_sequence"], json!(3));
    let peer = Peer::start().await;
    peer.streams("SubscribeEvents", vec![json!({"event": event(9)})], Status::permission_denied("revoked"));
    let line: Value = serde_json::from_str(run(&peer, "event watch -o jsonl").await.printed.trim()).unwrap();
    assert_eq!((&line["specversion"], &line["data"]["version"]), (&json!("1.0"), &json!(1)));
}

#[tokio::test]
async fn a_log_is_taken_away_in_three_forms_and_not_in_part() {
    use base64::Engine as _;
    let directory = tempfile::tempdir().unwrap();
    let bytes = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let header = json!({"header": {"tenant": "demo", "origin": "zona/demo", "publicKeys": ["zona/demo+00+key"]}});
    let provable = vec![
        header.clone(),
        json!({"removed": bytes(&[7; 64])}),
        json!({"record": bytes(b"{\"sequence\":2}")}),
        json!({"checkpoint": "zona/demo\n3\nroot\n\n"}),
        json!({"end": 3}),
    ];
    let readable = vec![header.clone(), json!({"read": record(2)}), json!({"end": 1})];
    for (format, parts) in [("jsonl", provable), ("csv", readable.clone()), ("ocsf", readable)] {
        let peer = Peer::start().await;
        peer.streams("ExportAuditRecords", parts.clone(), Status::ok(""));
        let out = directory.path().join(format);
        let ran = run(&peer, &format!("audit export --format {format} --out {}", out.display())).await;
        let expected = if format == "jsonl" { json!({"parent": TENANT}) } else { json!({"parent": TENANT, "readable": true}) };
        assert_eq!((ran.code(), ran.only()), (0, ("ExportAuditRecords", &expected)), "{format}");
        let written = std::fs::read_to_string(&out).unwrap();
        assert!(written.contains(if format == "jsonl" { "zona/demo+00+key" } else { "utility.update" }), "{format}: {written}");
    }
    let peer = Peer::start().await;
    peer.streams("ExportAuditRecords", vec![header], Status::ok(""));
    let out = directory.path().join("cut");
    let cut = run(&peer, &format!("audit export --out {}", out.display())).await;
    assert!(cut.code() == 6 && !out.exists(), "{cut:?}");
}

#[tokio::test]
async fn a_report_is_a_file_and_a_log_that_was_changed_is_an_exit_code() {
    let directory = tempfile::tempdir().unwrap();
    let report = |whole: bool| {
        json!({
            "parent": TENANT,
            "fromDate": "2026-01-01",
            "toDate": "2026-01-02",
            "timeZone": "UTC",
            "records": 4,
            "calls": 3,
            "outcomes": [{"outcome": "AUDIT_OUTCOME_ALLOWED", "records": 3, "calls": 3}],
            "days": [{"date": "2026-01-01", "allowed": 3}, {"date": "2026-01-02"}],
            "access": [{"role": "ACTOR_ROLE_ADMIN", "action": "utility.update", "outcome": "AUDIT_OUTCOME_ALLOWED", "calls": 3}],
            "denials": [{"principal": "tenants/demo/users/uma", "action": "utility.delete", "calls": 70}],
            "permissionChanges": {"total": 1, "newest": [record(2)]},
            "policyChanges": {},
            "retention": {"oldestTime": "2026-01-01T00:00:00Z"},
            "verification": {"whole": whole, "size": 4, "checkpoints": 1},
        })
    };
    for (format, whole) in [("html", true), ("json", true), ("csv", true), ("json", false)] {
        let peer = Peer::start().await;
        peer.answers("GetTenant", json!({"settings": {"locale": "de-CH"}}));
        peer.streams("BuildAuditReport", vec![json!({"read": 4}), json!({"report": report(whole)})], Status::ok(""));
        let out = directory.path().join(format!("{format}-{whole}"));
        let line = format!("audit report --from 2026-01-01 --to 2026-01-02 --format {format} --out {}", out.display());
        let ran = run(&peer, &line).await;
        assert_eq!(ran.code(), u8::from(!whole), "{format}: {ran:?}");
        let asked = ran.asked.last().unwrap();
        let expected = json!({"parent": TENANT, "from_date": "2026-01-01", "to_date": "2026-01-02", "time_zone": "UTC"});
        assert_eq!((asked.method.as_str(), &asked.request), ("BuildAuditReport", &expected));
        let written = std::fs::read_to_string(&out).unwrap();
        assert!(written.contains("utility.delete"), "{format}: {written}");
    }
}

#[tokio::test]
async fn what_a_witness_says_is_added_to_the_checkpoint_that_it_is_about() {
    let peer = Peer::start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "— witness abc\n").unwrap();
    peer.answers("AddCosignatures", json!({"note": "zona/demo\n3\n\n— witness abc\n"}));
    let ran = run(&peer, &format!("audit cosign --size 3 {}", file.path().display())).await;
    assert_eq!(ran.only(), ("AddCosignatures", &json!({"parent": TENANT, "size": 3, "cosignatures": "— witness abc\n"})));
    assert_eq!(ran.printed, "zona/demo\n3\n\n— witness abc\n");
}
