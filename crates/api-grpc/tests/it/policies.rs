//! Code policies: what they decide, their masks and etags, and every violation at once; and the runtime's own compiler.

use std::time::Duration;

use api_proto::zona::execution::v1 as executions;
use api_proto::zona::utility::v1 as pb;
use prost_types::{FieldMask, Timestamp};
use test_support::{BROKEN, FakeClock, IMPORT_RULE, TODO_RULE};
use tonic::{Code, Response, Status};

use crate::harness::{Harness, LOCAL, TENANT, pairs, reason, utility_name, violations};

const NAME: &str = "tenants/demo/codePolicy";
const SCRIPT: &str = "def main():\n    #: return 1\n";
const IMPORTS_OS: &str = "import os\ndef main():\n    #: return 1\n";

async fn get(server: &Harness) -> pb::CodePolicy {
    let request = pb::GetCodePolicyRequest { name: NAME.to_owned() };
    server.policies.clone().get_code_policy(request).await.unwrap().into_inner()
}

async fn update(server: &Harness, policy: pb::CodePolicy, paths: &[&str]) -> Result<pb::CodePolicy, Status> {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    let policy = pb::CodePolicy { name: NAME.to_owned(), ..policy };
    let request = pb::UpdateCodePolicyRequest { policy: Some(policy), update_mask: Some(FieldMask { paths }) };
    Ok(server.policies.clone().update_code_policy(request).await?.into_inner())
}

/// So many seconds after the start of the clock.
fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds: (FakeClock::START.as_millis() / 1_000) as i64 + seconds, nanos: 0 })
}

fn exception(utility: &str, seconds: i64) -> pb::RuleException {
    pb::RuleException {
        utility: utility.to_owned(),
        rule: IMPORT_RULE.to_owned(),
        reason: "reviewed by the platform team".to_owned(),
        expire_time: at(seconds),
        granted_by: "tenants/demo/users/somebody-else".to_owned(),
    }
}

#[tokio::test]
async fn a_tenant_without_a_policy_has_the_default_and_an_update_changes_only_what_its_mask_names() {
    let server = Harness::start().await;
    let default = get(&server).await;
    assert_eq!((default.minimum_isolation(), default.preset()), (pb::Isolation::TenantWarm, pb::PolicyPreset::Strict));
    assert_eq!((default.update_time, default.only_modules.len(), default.exceptions.len()), (None, 0, 0));

    let all = pb::CodePolicy {
        only_modules: vec!["json".to_owned()],
        extra_modules: vec!["yaml".to_owned()],
        denied_rules: vec![TODO_RULE.to_owned()],
        exceptions: vec![exception("backup", 60)],
        minimum_isolation: pb::Isolation::SingleUse.into(),
        preset: pb::PolicyPreset::Compatible.into(),
        fresh_processes: true,
        ..Default::default()
    };
    let one = update(&server, all.clone(), &["extra_modules"]).await.unwrap();
    assert_eq!(
        one,
        pb::CodePolicy {
            extra_modules: all.extra_modules.clone(),
            etag: one.etag.clone(),
            update_time: one.update_time,
            ..default.clone()
        }
    );
    assert!(one.update_time.is_some() && one.etag != default.etag);

    let implied = update(&server, all.clone(), &[]).await.unwrap();
    let granted = pb::RuleException { granted_by: LOCAL.to_owned(), ..exception("backup", 60) };
    assert_eq!((&implied.only_modules, &implied.denied_rules, &implied.exceptions), (&all.only_modules, &all.denied_rules, &vec![granted]));
    assert_eq!((implied.minimum_isolation(), implied.preset()), (pb::Isolation::SingleUse, pb::PolicyPreset::Compatible));
    assert!(implied.fresh_processes);
    assert_eq!(get(&server).await, implied);

    let emptied = update(&server, pb::CodePolicy::default(), &["*"]).await.unwrap();
    assert_eq!(emptied, pb::CodePolicy { etag: emptied.etag.clone(), update_time: emptied.update_time, ..default });
}

#[tokio::test]
async fn a_stale_etag_changes_no_policy() {
    let server = Harness::start().await;
    let seen = get(&server).await.etag;
    let first = pb::CodePolicy { extra_modules: vec!["yaml".to_owned()], etag: seen.clone(), ..Default::default() };
    let stored = update(&server, first, &[]).await.unwrap();
    let second = pb::CodePolicy { extra_modules: vec!["os".to_owned()], etag: seen, ..Default::default() };
    let refused = update(&server, second, &[]).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::Aborted, "ETAG_MISMATCH".to_owned()));
    assert_eq!(get(&server).await, stored);
}

#[tokio::test]
async fn a_change_of_a_policy_reports_every_violation_at_once() {
    let server = Harness::start().await;
    let unreadable = Some(Timestamp { seconds: -1, nanos: 0 });
    let policy = pb::CodePolicy {
        only_modules: vec!["no module".to_owned()],
        denied_rules: vec!["ZPY-NONE-001".to_owned()],
        exceptions: vec![
            pb::RuleException { utility: "Not An Id".to_owned(), reason: String::new(), ..exception("x", -1) },
            pb::RuleException { rule: "ZPY-NONE-002".to_owned(), expire_time: None, ..exception("x", 1) },
            pb::RuleException { expire_time: unreadable, ..exception("x", 1) },
        ],
        minimum_isolation: 17,
        preset: 17,
        ..Default::default()
    };
    let paths = ["only_modules", "denied_rules", "exceptions", "minimum_isolation", "preset", "etag"];
    let refused = update(&server, policy, &paths).await.unwrap_err();
    let expected = [
        ("update_mask.paths[5]", "UNKNOWN_PATH"),
        ("policy.exceptions[0].utility", "MALFORMED"),
        ("policy.exceptions[2].expire_time", "OUT_OF_RANGE"),
        ("policy.minimum_isolation", "UNKNOWN_VALUE"),
        ("policy.preset", "UNKNOWN_VALUE"),
        ("policy.denied_rules[0]", "UNKNOWN_RULE"),
        ("policy.exceptions[1].rule", "UNKNOWN_RULE"),
        ("policy.only_modules[0]", "MALFORMED"),
        ("policy.exceptions[0].reason", "MALFORMED"),
        ("policy.exceptions[0].expire_time", "OUT_OF_RANGE"),
        ("policy.exceptions[1].expire_time", "MISSING"),
    ];
    assert_eq!(violations(&refused), pairs(&expected));
}

#[tokio::test]
async fn an_exception_lets_one_utility_pass_until_it_ends() {
    let server = Harness::start().await;
    update(&server, pb::CodePolicy { exceptions: vec![exception("backup", 60)], ..Default::default() }, &[]).await.unwrap();
    let created = server.create("backup", IMPORTS_OS).await;
    let version = pb::GetUtilityVersionRequest { name: format!("{}/versions/1", created.name) };
    let version = server.utilities.clone().get_utility_version(version).await.unwrap().into_inner();
    let finding = &version.findings[0];
    assert_eq!((finding.rule.as_str(), finding.severity()), (IMPORT_RULE, pb::Severity::Warning));
    assert!(finding.message.contains(LOCAL) && finding.message.contains("reviewed by the platform team"), "{}", finding.message);

    let code = || pb::Utility { code: IMPORTS_OS.to_owned(), ..Default::default() };
    let refused = server.create_as("other", code()).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("utility.code", IMPORT_RULE)]), "only for the utility it names");
    server.clock.advance(Duration::from_secs(60));
    let restore = pb::RestoreUtilityVersionRequest { name: version.name, ..Default::default() };
    let refused = server.utilities.clone().restore_utility_version(restore).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("utility.code", IMPORT_RULE)]), "only until it ends");
}

#[tokio::test]
async fn a_utility_says_how_strongly_it_is_isolated_and_an_update_changes_it() {
    let server = Harness::start().await;
    let strong = pb::Utility { code: SCRIPT.to_owned(), isolation: pb::Isolation::OneShot.into(), ..Default::default() };
    let created = server.create_as("some", strong).await.unwrap();
    assert_eq!(created.isolation(), pb::Isolation::OneShot);
    assert_eq!(server.create("other", SCRIPT).await.isolation(), pb::Isolation::TenantWarm);

    let weaker = pb::Utility { name: utility_name("some"), isolation: pb::Isolation::SingleUse.into(), ..Default::default() };
    let request = pb::UpdateUtilityRequest { utility: Some(weaker), ..Default::default() };
    let updated = server.utilities.clone().update_utility(request).await.unwrap().into_inner();
    assert_eq!((updated.isolation(), updated.latest_version), (pb::Isolation::SingleUse, 2), "it is part of a version");
    let version = pb::GetUtilityVersionRequest { name: format!("{}/versions/1", updated.name) };
    let version = server.utilities.clone().get_utility_version(version).await.unwrap().into_inner();
    assert_eq!((version.isolation(), version.compiled_on.as_str()), (pb::Isolation::OneShot, "sha256:first"));
}

#[tokio::test]
async fn a_utility_asks_for_fresh_processes_by_its_version_until_an_update_names_that_it_does_not() {
    let server = Harness::start().await;
    assert!(!server.create("other", SCRIPT).await.fresh_processes, "nobody has asked");
    let asks = pb::Utility { code: SCRIPT.to_owned(), fresh_processes: true, ..Default::default() };
    let created = server.create_as("some", asks).await.unwrap();
    assert!(created.fresh_processes && created.content_hash != server.create("third", SCRIPT).await.content_hash);

    let update = async |utility: pb::Utility, paths: &[&str]| {
        let utility = Some(pb::Utility { name: utility_name("some"), ..utility });
        let update_mask = Some(FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() });
        let request = pb::UpdateUtilityRequest { utility, update_mask, ..Default::default() };
        server.utilities.clone().update_utility(request).await.map(Response::into_inner)
    };
    let titled = update(pb::Utility { display_name: "Some".to_owned(), ..Default::default() }, &[]).await.unwrap();
    assert!(titled.fresh_processes && titled.latest_version == 1, "a false that nobody has named says nothing");
    let unknown = update(pb::Utility::default(), &["fresh_process"]).await.unwrap_err();
    assert_eq!(violations(&unknown), pairs(&[("update_mask.paths[0]", "UNKNOWN_PATH")]));
    let changed = update(pb::Utility::default(), &["fresh_processes"]).await.unwrap();
    assert!(!changed.fresh_processes && changed.latest_version == 2, "{changed:?}");

    let version = pb::GetUtilityVersionRequest { name: format!("{}/versions/1", changed.name) };
    assert!(server.utilities.clone().get_utility_version(version).await.unwrap().into_inner().fresh_processes);
    let request = pb::DiffUtilityVersionsRequest { name: utility_name("some"), ..Default::default() };
    let difference = server.utilities.clone().diff_utility_versions(request).await.unwrap().into_inner();
    assert_eq!(difference.changed_fields, ["fresh_processes"]);
    let restore = pb::RestoreUtilityVersionRequest { name: format!("{}/versions/1", changed.name), ..Default::default() };
    let restored = server.utilities.clone().restore_utility_version(restore).await.unwrap().into_inner();
    assert_eq!((restored.fresh_processes, restored.content_hash), (true, created.content_hash));
}

#[tokio::test]
async fn what_the_runtimes_compiler_refuses_is_not_stored_and_names_its_line() {
    let server = Harness::start().await;
    let broken = pb::Utility { code: format!("def main():\n    pass {BROKEN}\n"), ..Default::default() };
    let refused = server.create_as("some", broken).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("utility.code", "ZPY-SYNTAX-900")]));
    assert!(refused.message().contains("line 2"), "{}", refused.message());
    let elsewhere = pb::Utility { code: SCRIPT.to_owned(), runtime: "cobol".to_owned(), ..Default::default() };
    let refused = server.create_as("some", elsewhere).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("utility.runtime", "RUNTIME_UNKNOWN")]));
}

#[tokio::test]
async fn what_was_stored_without_a_compiler_executes_once_there_is_one() {
    let server = Harness::start().await;
    server.compiler.set_down(true);
    server.create("good", SCRIPT).await;
    server.create("bad", &format!("def main():\n    pass {BROKEN}\n")).await;
    let start = async |id: &str| {
        let request = executions::StartExecutionRequest { name: utility_name(id), ..Default::default() };
        server.executions.clone().start_execution(request).await.map(tonic::Response::into_inner)
    };
    let refused = start("good").await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::Unavailable, "DEPENDENCY_UNAVAILABLE".to_owned()));
    server.compiler.set_down(false);
    let started = start("good").await.unwrap();
    assert_eq!(server.ended(&started.name).await.state(), executions::ExecutionState::Succeeded);
    let refused = start("bad").await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "CODE_DOES_NOT_COMPILE".to_owned()));
    assert_eq!(server.sandbox.started(), 1, "nothing of it ran in {TENANT}");
}
