//! Utilities and versions: create, change by mask, delete, restore, compare, validate.

use api_proto::zona::utility::v1 as pb;
use prost_types::FieldMask;
use tonic::{Code, Status};

use crate::harness::{Harness, TENANT, pairs, reason, utility_name, violations};

const SCRIPT: &str = "def main(a):\n    pass\n";
const TRANSFORMER: &str = "def transform(value):\n    return value\n";

async fn update(server: &Harness, utility: pb::Utility, paths: &[&str]) -> Result<pb::Utility, Status> {
    let update_mask = Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
    let request = pb::UpdateUtilityRequest { utility: Some(utility), update_mask, ..Default::default() };
    Ok(server.utilities.clone().update_utility(request).await?.into_inner())
}

fn some(id: &str) -> pb::Utility {
    pb::Utility { name: utility_name(id), ..Default::default() }
}

fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

#[tokio::test]
async fn a_created_utility_is_answered_complete_and_read_the_same() {
    let server = Harness::start().await;
    let utility = pb::Utility {
        display_name: "Title".to_owned(),
        description: "What it does".to_owned(),
        tags: ["b", "a", "b"].map(str::to_owned).to_vec(),
        code: SCRIPT.to_owned(),
        limits: Some(pb::Limits { timeout: seconds(3), ..Default::default() }),
        store_values: true,
        owner: "tenants/demo/users/somebody-else".to_owned(),
        latest_version: 9,
        ..Default::default()
    };
    let created = server.create_as("some", utility).await.unwrap();
    assert_eq!(created.name, utility_name("some"));
    assert_eq!(created.owner, "tenants/demo/users/local", "never taken from the request");
    assert_eq!((created.latest_version, created.kind()), (1, pb::UtilityKind::Script));
    assert_eq!(created.tags, ["a", "b"]);
    assert_eq!(created.parameters.iter().map(|parameter| parameter.name.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!((created.state(), created.runtime.as_str(), created.store_values), (pb::UtilityState::Active, "python", true));
    let limits = created.limits.unwrap();
    assert_eq!((limits.timeout, limits.memory_bytes, limits.open_files), (seconds(3), 268_435_456, 64));
    assert_eq!(server.get("some").await, created);
}

#[tokio::test]
async fn a_name_stays_taken_even_when_its_utility_is_deleted() {
    let server = Harness::start().await;
    server.create("some", SCRIPT).await;
    let request = pb::DeleteUtilityRequest { name: utility_name("some"), ..Default::default() };
    let deleted = server.utilities.clone().delete_utility(request).await.unwrap().into_inner();
    assert_eq!(deleted.state(), pb::UtilityState::Deleted);
    assert!(deleted.delete_time.is_some());
    let taken = server.create_as("some", pb::Utility { code: SCRIPT.to_owned(), ..Default::default() }).await.unwrap_err();
    assert_eq!((taken.code(), reason(&taken)), (Code::AlreadyExists, "ALREADY_EXISTS".to_owned()));
    let request = pb::UndeleteUtilityRequest { name: utility_name("some"), ..Default::default() };
    let back = server.utilities.clone().undelete_utility(request.clone()).await.unwrap().into_inner();
    assert_eq!((back.state(), back.delete_time), (pb::UtilityState::Active, None));
    let again = server.utilities.clone().undelete_utility(request).await.unwrap_err();
    assert_eq!((again.code(), reason(&again)), (Code::FailedPrecondition, "UTILITY_NOT_DELETED".to_owned()));
}

#[tokio::test]
async fn validate_only_answers_what_would_be_and_stores_nothing() {
    let server = Harness::start().await;
    let utility = pb::Utility { code: SCRIPT.to_owned(), ..Default::default() };
    let request = pb::CreateUtilityRequest {
        parent: TENANT.to_owned(),
        utility_id: "some".to_owned(),
        utility: Some(utility),
        validate_only: true,
        ..Default::default()
    };
    let would_be = server.utilities.clone().create_utility(request).await.unwrap().into_inner();
    assert_eq!((would_be.name, would_be.latest_version), (utility_name("some"), 1));
    let get = pb::GetUtilityRequest { name: utility_name("some") };
    let absent = server.utilities.clone().get_utility(get).await.unwrap_err();
    assert_eq!((absent.code(), reason(&absent)), (Code::NotFound, "NOT_FOUND".to_owned()));
}

// === updates ===

#[tokio::test]
async fn an_update_changes_only_what_its_mask_names() {
    let server = Harness::start().await;
    let before = server.create("some", SCRIPT).await;
    let all = pb::Utility { display_name: "New".to_owned(), description: "New".to_owned(), code: TRANSFORMER.to_owned(), ..some("some") };
    let after = update(&server, all, &["display_name"]).await.unwrap();
    let expected =
        pb::Utility { display_name: "New".to_owned(), etag: after.etag.clone(), update_time: after.update_time, ..before.clone() };
    assert_eq!(after, expected);
    assert_ne!(after.etag, before.etag);
    assert_eq!(after.latest_version, 1, "a title makes no version");
}

#[tokio::test]
async fn an_update_without_a_mask_changes_every_field_that_is_not_empty() {
    let server = Harness::start().await;
    let utility = pb::Utility {
        display_name: "Old".to_owned(),
        code: SCRIPT.to_owned(),
        limits: Some(pb::Limits { memory_bytes: 33_554_432, ..Default::default() }),
        ..Default::default()
    };
    server.create_as("some", utility).await.unwrap();
    let limits = Some(pb::Limits { timeout: seconds(2), ..Default::default() });
    let after = update(&server, pb::Utility { description: "New".to_owned(), limits, ..some("some") }, &[]).await.unwrap();
    assert_eq!((after.display_name.as_str(), after.description.as_str(), after.code.as_str()), ("Old", "New", SCRIPT));
    let limits = after.limits.unwrap();
    assert_eq!((limits.timeout, limits.memory_bytes), (seconds(2), 33_554_432));
    assert_eq!(after.latest_version, 2, "limits are part of a version");
}

#[tokio::test]
async fn naming_limits_replaces_all_of_them_and_naming_one_only_that() {
    let server = Harness::start().await;
    let limits = Some(pb::Limits { memory_bytes: 33_554_432, timeout: seconds(7), ..Default::default() });
    server.create_as("some", pb::Utility { code: SCRIPT.to_owned(), limits, ..Default::default() }).await.unwrap();
    let limits = Some(pb::Limits { timeout: seconds(2), open_files: 17, ..Default::default() });
    let one = update(&server, pb::Utility { limits, ..some("some") }, &["limits.timeout"]).await.unwrap().limits.unwrap();
    assert_eq!((one.timeout, one.memory_bytes, one.open_files), (seconds(2), 33_554_432, 64));
    let limits = Some(pb::Limits { open_files: 17, ..Default::default() });
    let all = update(&server, pb::Utility { limits, ..some("some") }, &["limits"]).await.unwrap().limits.unwrap();
    assert_eq!((all.timeout, all.memory_bytes, all.open_files), (seconds(10), 268_435_456, 17));
}

#[tokio::test]
async fn a_star_replaces_everything_that_can_be_changed() {
    let server = Harness::start().await;
    let utility = pb::Utility { display_name: "Old".to_owned(), code: SCRIPT.to_owned(), store_values: true, ..Default::default() };
    server.create_as("some", utility).await.unwrap();
    let after = update(&server, pb::Utility { code: "def main():\n    pass\n".to_owned(), ..some("some") }, &["*"]).await.unwrap();
    assert_eq!((after.display_name.as_str(), after.store_values, after.latest_version), ("", false, 2));
    assert_eq!((after.name, after.owner.as_str()), (utility_name("some"), "tenants/demo/users/local"));
}

#[tokio::test]
async fn a_path_that_cannot_be_changed_is_refused_with_all_others() {
    let server = Harness::start().await;
    server.create("some", SCRIPT).await;
    let paths = ["owner", "display_name", "limits.nothing", "kind", "name"];
    let refused = update(&server, some("some"), &paths).await.unwrap_err();
    let expected = [0, 2, 3, 4].map(|index| (format!("update_mask.paths[{index}]"), "UNKNOWN_PATH".to_owned()));
    assert_eq!(violations(&refused), expected);
}

#[tokio::test]
async fn a_stale_etag_changes_nothing_whatever_the_change() {
    let server = Harness::start().await;
    let seen = server.create("some", SCRIPT).await;
    let changed = update(&server, pb::Utility { display_name: "First".to_owned(), ..some("some") }, &["display_name"]).await.unwrap();
    let mut client = server.utilities.clone();
    let name = utility_name("some");
    // A star is no etag.
    for etag in [seen.etag, "*".to_owned()] {
        let stale = pb::Utility { display_name: "Second".to_owned(), etag: etag.clone(), ..some("some") };
        let refusals = [
            update(&server, stale, &["display_name"]).await.unwrap_err(),
            client
                .delete_utility(pb::DeleteUtilityRequest { name: name.clone(), etag: etag.clone(), ..Default::default() })
                .await
                .unwrap_err(),
            client
                .undelete_utility(pb::UndeleteUtilityRequest { name: name.clone(), etag: etag.clone(), ..Default::default() })
                .await
                .unwrap_err(),
            client
                .restore_utility_version(pb::RestoreUtilityVersionRequest {
                    name: format!("{name}/versions/1"),
                    etag: etag.clone(),
                    ..Default::default()
                })
                .await
                .unwrap_err(),
        ];
        for refused in refusals {
            assert_eq!((refused.code(), reason(&refused)), (Code::Aborted, "ETAG_MISMATCH".to_owned()), "{refused:?}");
        }
    }
    assert_eq!(server.get("some").await, changed);
    let current = pb::Utility { display_name: "Second".to_owned(), etag: changed.etag, ..some("some") };
    assert_eq!(update(&server, current, &["display_name"]).await.unwrap().display_name, "Second");
}

#[tokio::test]
async fn an_inferred_schema_follows_the_code_until_a_person_writes_one() {
    let server = Harness::start().await;
    server.create("some", SCRIPT).await;
    let names = |utility: &pb::Utility| utility.parameters.iter().map(|parameter| parameter.name.clone()).collect::<Vec<_>>();
    let written = |name: &str| vec![pb::Parameter { name: name.to_owned(), ..Default::default() }];

    let ignored = update(&server, pb::Utility { parameters: written("x"), ..some("some") }, &["parameters"]).await.unwrap();
    assert_eq!(names(&ignored), ["a"], "ignored while the schema is inferred");

    let own = pb::Utility { parameters: written("x"), parameters_overridden: true, ..some("some") };
    let own = update(&server, own, &["parameters", "parameters_overridden"]).await.unwrap();
    assert_eq!((names(&own), own.parameters_overridden, own.latest_version), (vec!["x".to_owned()], true, 2));

    let code = pb::Utility { code: "def main(b):\n    pass\n".to_owned(), ..some("some") };
    let kept = update(&server, code, &["code"]).await.unwrap();
    assert_eq!(names(&kept), ["x"]);

    let inferred = update(&server, some("some"), &["parameters_overridden"]).await.unwrap();
    assert_eq!((names(&inferred), inferred.parameters_overridden), (vec!["b".to_owned()], false));
}

// === versions ===

#[tokio::test]
async fn versions_are_kept_compared_and_restored() {
    let server = Harness::start().await;
    server.create("some", "def main(a):\n    pass\n").await;
    update(&server, pb::Utility { code: "def main(a):\n    print(a)\n".to_owned(), ..some("some") }, &["code"]).await.unwrap();
    let mut client = server.utilities.clone();
    let mut diff = async |from_version, to_version| {
        let request = pb::DiffUtilityVersionsRequest { name: utility_name("some"), from_version, to_version };
        let computed = server.processor.made();
        let difference = client.diff_utility_versions(request).await.unwrap().into_inner();
        assert_eq!(server.processor.made(), computed + 1, "not on a thread that serves");
        difference
    };
    let latest = diff(0, 0).await;
    assert_eq!((latest.from_version, latest.to_version, latest.added_lines, latest.removed_lines), (1, 2, 1, 1));
    assert_eq!(latest.changed_fields, ["code"]);
    assert!(latest.unified_diff.contains("-    pass\n+    print(a)\n"), "{}", latest.unified_diff);
    let first = diff(0, 1).await;
    assert_eq!((first.from_version, first.to_version, first.added_lines, first.removed_lines), (0, 1, 2, 0));
    assert_eq!(first.changed_fields, ["code", "kind", "parameters", "limits", "runtime", "isolation", "fresh_processes"]);
    let same = diff(2, 2).await;
    assert_eq!((same.unified_diff.as_str(), same.changed_fields.len()), ("", 0));

    let name = format!("{}/versions/1", utility_name("some"));
    let restore = pb::RestoreUtilityVersionRequest { name: name.clone(), ..Default::default() };
    let restored = client.restore_utility_version(restore).await.unwrap().into_inner();
    assert_eq!((restored.latest_version, restored.code.as_str()), (3, "def main(a):\n    pass\n"));
    let version = client.get_utility_version(pb::GetUtilityVersionRequest { name: name.clone() }).await.unwrap().into_inner();
    assert_eq!((version.name, version.version, version.content_hash), (name, 1, restored.content_hash));
    assert_eq!(version.author, "tenants/demo/users/local");
}

#[tokio::test]
async fn an_absent_version_is_not_found_by_its_own_name() {
    let server = Harness::start().await;
    server.create("some", SCRIPT).await;
    let name = format!("{}/versions/2", utility_name("some"));
    let absent = server.utilities.clone().get_utility_version(pb::GetUtilityVersionRequest { name: name.clone() }).await.unwrap_err();
    assert_eq!(absent.code(), Code::NotFound);
    let details = crate::harness::details(&absent);
    let resource = details.resource_info().unwrap();
    assert_eq!((resource.resource_type.as_str(), &resource.resource_name), ("zona.dev/UtilityVersion", &name));
}

#[tokio::test]
async fn validation_answers_findings_and_never_fails_for_them() {
    let server = Harness::start().await;
    let mut client = server.utilities.clone();
    let mut validate = async |code: &[u8], kind: pb::UtilityKind| {
        let request = pb::ValidateCodeRequest { parent: TENANT.to_owned(), code: code.to_vec(), kind: kind.into(), runtime: String::new() };
        client.validate_code(request).await.unwrap().into_inner()
    };
    let good = validate(TRANSFORMER.as_bytes(), pb::UtilityKind::Unspecified).await;
    assert_eq!((good.accepted, good.kind(), good.findings.len()), (true, pb::UtilityKind::Transformer, 0));
    let bad = validate(b"\nimport os\n", pb::UtilityKind::Script).await;
    let rules: Vec<_> = bad.findings.iter().map(|finding| (finding.rule.as_str(), finding.line, finding.severity())).collect();
    assert_eq!((bad.accepted, rules), (false, vec![("ZPY-IMPORT-001", 2, pb::Severity::Error)]));
    assert!(!validate(b"\xff", pb::UtilityKind::Unspecified).await.accepted);
    let other = validate(TRANSFORMER.as_bytes(), pb::UtilityKind::Script).await;
    assert_eq!((other.accepted, other.findings[0].rule.as_str(), other.findings[0].line), (false, "ZPY-KIND-001", 0));
}

#[tokio::test]
async fn code_of_another_kind_than_the_utility_is_refused() {
    let server = Harness::start().await;
    server.create("some", SCRIPT).await;
    let refused = update(&server, pb::Utility { code: TRANSFORMER.to_owned(), ..some("some") }, &["code"]).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("utility.kind", "KIND_MISMATCH")]));
}
