//! What stands between code and its execution: the scan under the tenant's policy, and the runtime's own compiler.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::Error;
use domain::admission;
use domain::code::{CodeReport, Family, Kind};
use domain::code_policy::{CodeChecker, CodePolicy, CodePolicyRepository as _, PolicyPatch, RuleException};
use domain::execution::TransformCall;
use domain::name::RuntimeId;
use domain::revision::{Etag, Revision};
use domain::runtime::RuntimeCatalog as _;
use domain::sandbox::Isolation;
use domain::secret::References;
use domain::utility::{Call, Draft, Patch};
use test_support::{BROKEN, FakeChecker, FakeCompiler, IMPORT_RULE, MISSING_RULE, NESTING_RULE, TODO_RULE, sample};

use crate::world::{World, acme, code_policy, exception, name};

const TRANSFORMER: &str = "def transform(value):\n    return value\n";

fn broken() -> String {
    format!("def transform(value):\n    return value {BROKEN}\n")
}

/// Field and reason of each violation.
fn violations(error: Error) -> Vec<(String, &'static str)> {
    match error {
        Error::Invalid(violations) => violations.into_iter().map(|violation| (violation.field, violation.reason)).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_the_compiler_refuses_is_not_stored() {
    let world = World::new();
    let refused = world.create("some", &broken()).await.unwrap_err();
    let Error::Invalid(violations) = &refused else { panic!("{refused:?}") };
    assert_eq!((violations[0].field.as_str(), violations[0].reason), ("utility.code", "ZPY-SYNTAX-900"));
    assert!(violations[0].description.contains("line 2, column 1"), "{}", violations[0].description);
    let read = world.utilities.get(&world.permit(name("some")).await).await.unwrap_err();
    assert!(matches!(read, Error::NotFound { .. }), "{read:?}");
}

#[tokio::test]
async fn what_the_scan_refuses_is_never_shown_to_the_compiler() {
    let world = World::new();
    let refused = world.create("some", &format!("import os\n{}", broken())).await.unwrap_err();
    assert_eq!(violations(refused), [("utility.code".to_owned(), IMPORT_RULE)]);
    assert_eq!(world.compiler.asked(), 0);
}

#[tokio::test]
async fn a_version_that_no_compiler_has_seen_is_stored_but_not_executed_until_one_has() {
    let world = World::new();
    world.compiler.set_down(true);
    let (_, version) = world.create("some", TRANSFORMER).await.unwrap();
    assert_eq!(version.compiled_on, None);
    let refused = world.transform("some").await.unwrap_err();
    assert!(matches!(refused, Error::Unavailable { .. }), "{refused:?}");
    assert!(world.sandbox.isolations().is_empty(), "nothing ran");

    world.compiler.set_down(false);
    world.transform("some").await.unwrap();
    assert_eq!(world.version("some", 1).await.compiled_on.as_deref(), Some("sha256:first"));
    let asked = world.compiler.asked();
    world.transform("some").await.unwrap();
    assert_eq!(world.compiler.asked(), asked, "once is enough");
}

#[tokio::test]
async fn a_version_that_turns_out_not_to_compile_never_executes() {
    let world = World::new();
    world.compiler.set_down(true);
    world.create("some", &broken()).await.unwrap();
    world.compiler.set_down(false);
    for _ in 0..2 {
        let refused = world.transform("some").await.unwrap_err();
        assert!(matches!(refused, Error::Precondition { reason: "CODE_DOES_NOT_COMPILE", .. }), "{refused:?}");
    }
    assert!(world.sandbox.isolations().is_empty());
    assert_eq!(world.version("some", 1).await.compiled_on, None);
}

#[tokio::test]
async fn a_replaced_runtime_compiles_anew_before_it_executes() {
    let world = World::new();
    world.create("some", TRANSFORMER).await.unwrap();
    assert_eq!(world.compiler.asked(), 1);
    world.compiler.replace_runtime("sha256:second");
    world.transform("some").await.unwrap();
    assert_eq!(world.compiler.asked(), 2);
    assert_eq!(world.version("some", 1).await.compiled_on.as_deref(), Some("sha256:second"));
}

#[tokio::test]
async fn an_unknown_runtime_is_a_violation_of_its_own_field() {
    let world = World::new();
    let draft = Draft { code: TRANSFORMER.into(), runtime: Some(RuntimeId::new("cobol")), ..Draft::default() };
    let refused =
        world.utilities.create(&world.permit(acme()).await, Some(sample::utility_id("some")), draft, Call::default()).await.unwrap_err();
    let Error::Invalid(found) = &refused else { panic!("{refused:?}") };
    assert!(["`python`", "`extra`", "`old`"].iter().all(|name| found[0].description.contains(name)), "{}", found[0].description);
    assert_eq!(violations(refused), [("utility.runtime".to_owned(), "RUNTIME_UNKNOWN")]);
    assert_eq!(world.compiler.asked(), 0);
    let refused =
        world.utilities.validate(&world.permit(acme()).await, TRANSFORMER.into(), None, Some(RuntimeId::new("cobol"))).await.unwrap_err();
    assert_eq!(violations(refused), [("runtime".to_owned(), "RUNTIME_UNKNOWN")]);
}

#[tokio::test]
async fn code_is_checked_and_compiled_for_the_runtime_that_its_utility_names() {
    let world = World::new();
    let code = format!("import extra_tools\n{TRANSFORMER}");
    assert_eq!(violations(world.create("some", &code).await.unwrap_err()), [("utility.code".to_owned(), MISSING_RULE)]);
    let draft = Draft { code: code.clone().into(), runtime: Some(RuntimeId::new("extra")), ..Draft::default() };
    let (_, version) =
        world.utilities.create(&world.permit(acme()).await, Some(sample::utility_id("some")), draft, Call::default()).await.unwrap();
    assert_eq!((&*version.definition.runtime, version.compiled_on.as_deref()), ("extra", Some("sha256:extra")));

    let moved = Patch { runtime: Some(None), ..Patch::default() };
    let refused = world.utilities.update(&world.permit(name("some")).await, moved, Call::default()).await.unwrap_err();
    assert_eq!(violations(refused), [("utility.code".to_owned(), MISSING_RULE)], "to the default runtime, which lacks the module");
    let validate = async |runtime: &str| {
        world
            .utilities
            .validate(&world.permit(acme()).await, code.clone().into(), None, (!runtime.is_empty()).then(|| RuntimeId::new(runtime)))
            .await
            .unwrap()
            .accepted()
    };
    assert!(validate("extra").await && !validate("").await && !validate("old").await);
}

#[tokio::test]
async fn replacing_one_runtime_leaves_versions_on_another_as_they_are() {
    let world = World::new();
    let draft = Draft { code: TRANSFORMER.into(), runtime: Some(RuntimeId::new("extra")), ..Draft::default() };
    world.utilities.create(&world.permit(acme()).await, Some(sample::utility_id("some")), draft, Call::default()).await.unwrap();
    world.compiler.replace_runtime("sha256:second");
    world.transform("some").await.unwrap();
    assert_eq!(world.compiler.asked(), 1);
}

#[tokio::test]
async fn an_exception_turns_an_error_into_a_warning_until_it_ends() {
    let world = World::new();
    let exceptions = Some(vec![exception(sample::utility_id("some"), IMPORT_RULE, 1_000)]);
    world.decree(PolicyPatch { exceptions, ..PolicyPatch::default() }).await;
    let code = format!("import os\n{TRANSFORMER}");
    let (_, version) = world.create("some", &code).await.unwrap();
    let [warning] = version.warnings.as_slice() else { panic!("{:?}", version.warnings) };
    assert_eq!(warning.rule, IMPORT_RULE);
    assert!(warning.message.contains("users/ann") && warning.message.contains("reviewed"), "{}", warning.message);
    assert_eq!(violations(world.create("other", &code).await.unwrap_err()), [("utility.code".to_owned(), IMPORT_RULE)]);

    world.clock.advance(Duration::from_millis(1_000));
    let patch = Patch { code: Some(format!("{code}# more\n").into()), ..Patch::default() };
    let refused = world.utilities.update(&world.permit(name("some")).await, patch, Call::default()).await.unwrap_err();
    assert_eq!(violations(refused), [("utility.code".to_owned(), IMPORT_RULE)]);
    world.transform("some").await.expect("what was accepted stays executable");
}

#[tokio::test]
async fn a_policy_widens_and_narrows_what_the_scan_accepts() {
    let world = World::new();
    let code = format!("import os\n# TODO\n{TRANSFORMER}");
    assert!(world.create("some", &code).await.is_err());
    world.decree(PolicyPatch { extra_modules: Some(vec!["os".to_owned()]), ..PolicyPatch::default() }).await;
    assert!(world.create("some", &code).await.is_ok());
    world.decree(PolicyPatch { denied_rules: Some(vec![TODO_RULE.to_owned()]), ..PolicyPatch::default() }).await;
    assert_eq!(violations(world.create("other", &code).await.unwrap_err()), [("utility.code".to_owned(), TODO_RULE)]);
}

#[tokio::test]
async fn the_tenants_minimum_raises_the_isolation_and_never_lowers_it() {
    let world = World::new();
    world.create("weak", TRANSFORMER).await.unwrap();
    let strong = Draft { code: TRANSFORMER.into(), isolation: Isolation::OneShot, ..Draft::default() };
    world.utilities.create(&world.permit(acme()).await, Some(sample::utility_id("strong")), strong, Call::default()).await.unwrap();
    world.transform("weak").await.unwrap();
    world.decree(PolicyPatch { minimum_isolation: Some(Isolation::SingleUse), ..PolicyPatch::default() }).await;
    world.transform("weak").await.unwrap();
    world.transform("strong").await.unwrap();
    assert_eq!(world.sandbox.isolations(), [Isolation::TenantWarm, Isolation::SingleUse, Isolation::OneShot]);
}

#[tokio::test]
async fn a_tenant_whose_policy_demands_fresh_processes_gets_no_other() {
    let world = World::new();
    world.create("some", TRANSFORMER).await.unwrap();
    world.transform("some").await.unwrap();
    world.decree(PolicyPatch { fresh_processes: Some(true), ..PolicyPatch::default() }).await;
    world.transform("some").await.unwrap();
    world.decree(PolicyPatch { minimum_isolation: Some(Isolation::TenantWarm), ..PolicyPatch::default() }).await;
    world.transform("some").await.unwrap();
    assert_eq!(world.sandbox.fresh(), [false, true, true], "another change leaves it as it is");
}

#[tokio::test]
async fn a_version_that_asks_for_fresh_processes_gets_no_other_and_takes_nothing_from_what_the_policy_demands() {
    let world = World::new();
    let draft = Draft { code: TRANSFORMER.into(), fresh_processes: true, ..Draft::default() };
    let create =
        async |id, draft| world.utilities.create(&world.permit(acme()).await, Some(sample::utility_id(id)), draft, Call::default()).await;
    create("some", draft).await.unwrap();
    let of = |version| TransformCall {
        version,
        params_json: String::new(),
        secrets: References::new(),
        values_json: vec!["1".to_owned()],
        timeout: None,
    };
    let run = async |version| world.executions.transform(&world.permit(name("some")).await, of(version)).await.unwrap();
    let update = async |patch| world.utilities.update(&world.permit(name("some")).await, patch, Call::default()).await.unwrap();
    run(None).await;
    let (kept, _) = update(Patch { isolation: Some(Isolation::TenantWarm), ..Patch::default() }).await;
    assert_eq!((kept.latest_version, kept.definition.fresh_processes), (1, true), "another change leaves it as it is");
    let (changed, version) = update(Patch { fresh_processes: Some(false), ..Patch::default() }).await;
    assert_eq!((changed.latest_version, version.number), (2, 2), "it is part of a version");
    run(None).await;
    run(Some(1)).await;
    world.decree(PolicyPatch { fresh_processes: Some(true), ..PolicyPatch::default() }).await;
    run(None).await;
    assert_eq!(world.sandbox.fresh(), [true, false, true, true]);
}

#[tokio::test]
async fn a_tenant_uses_only_the_runtimes_that_it_may() {
    let world = World::new();
    world.create("before", TRANSFORMER).await.unwrap();
    let settle = |runtimes: &[&str]| {
        let runtimes: Vec<_> = runtimes.iter().map(|name| domain::name::RuntimeId::new(*name)).collect();
        world.stores().tenants.settle("acme", |settings| settings.runtimes = runtimes);
    };
    settle(&["other"]);
    let Error::Invalid(violations) = world.create("after", TRANSFORMER).await.unwrap_err() else { panic!("it is no violation") };
    assert_eq!((violations[0].field.as_str(), violations[0].reason), ("utility.runtime", "RUNTIME_NOT_ALLOWED"));
    assert_eq!(world.transform("before").await.unwrap_err().reason(), "RUNTIME_NOT_ALLOWED");
    // Not even to compile what it was not asked about yet.
    let asked = world.compiler.asked();
    world.compiler.replace_runtime("sha256:second");
    assert_eq!(world.transform("before").await.unwrap_err().reason(), "RUNTIME_NOT_ALLOWED");
    assert_eq!((world.compiler.asked(), world.version("before", 1).await.compiled_on.as_deref()), (asked, Some("sha256:first")));
    settle(&["other", "python"]);
    world.create("after", TRANSFORMER).await.unwrap();
    world.transform("before").await.unwrap();
}

#[tokio::test]
async fn a_compilation_waits_for_its_turn_like_an_execution() {
    let world = Arc::new(World::admitting(admission::Config { max_running: 1, max_queued: 1, ..admission::Config::default() }));
    let running = world.admission.enter(&sample::tenant("beta"), None).unwrap();
    let creating = tokio::spawn({
        let world = world.clone();
        async move { world.create("some", TRANSFORMER).await }
    });
    while world.admission.load().queued == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.compiler.asked(), 0);
    let refused = world.create("other", TRANSFORMER).await.unwrap_err();
    assert!(matches!(refused, Error::Exhausted { reason: "QUEUE_FULL", .. }), "{refused:?}");
    drop(running);
    creating.await.unwrap().unwrap();
    assert_eq!((world.compiler.asked(), world.admission.load()), (1, admission::Load::default()));
}

#[tokio::test]
async fn a_compilation_whose_turn_does_not_come_is_given_up() {
    let world = Arc::new(World::admitting(admission::Config { max_running: 1, ..admission::Config::default() }));
    let _running = world.admission.enter(&sample::tenant("beta"), None).unwrap();
    let creating = tokio::spawn({
        let world = world.clone();
        async move { world.create("some", TRANSFORMER).await }
    });
    while world.clock.sleepers() == 0 {
        tokio::task::yield_now().await;
    }
    world.clock.advance(Duration::from_secs(10));
    let refused = creating.await.unwrap().unwrap_err();
    assert!(matches!(refused, Error::Exhausted { reason: "QUEUE_FULL", .. }), "{refused:?}");
    assert_eq!(world.admission.load().queued, 0, "its place is free again");
}

/// Sees nothing wrong in any code as long as the runtime is not known; `then_found`: it is known right after the first scan.
struct EarlyChecker {
    compiler: Arc<FakeCompiler>,
    then_found: bool,
}

#[async_trait]
impl CodeChecker for EarlyChecker {
    async fn check(&self, policy: &CodePolicy, runtime: &RuntimeId, source: Vec<u8>) -> domain::Result<CodeReport> {
        if self.compiler.digest(runtime).is_some() {
            return FakeChecker.check(policy, runtime, source).await;
        }
        self.compiler.set_down(!self.then_found);
        Ok(CodeReport { findings: Vec::new(), kind: Some(Kind::Transformer), parameters: Vec::new(), imports: Vec::new() })
    }

    fn family(&self, rule: &str) -> Option<Family> {
        FakeChecker.family(rule)
    }
}

/// A server that does not know its runtime yet.
fn cold(then_found: bool) -> World {
    let compiler = Arc::new(FakeCompiler::default());
    compiler.set_down(true);
    World::judged_by(compiler.clone(), Arc::new(EarlyChecker { compiler, then_found }))
}

#[tokio::test]
async fn code_that_was_scanned_before_its_runtime_was_known_is_scanned_again_before_it_executes() {
    let world = cold(false);
    world.create("good", TRANSFORMER).await.unwrap();
    world.create("bad", &format!("import os\n{TRANSFORMER}{}", "import extra_tools\n".repeat(7))).await.unwrap();
    world.compiler.set_down(false);
    world.transform("good").await.unwrap();
    for _ in 0..2 {
        let refused = world.transform("bad").await.unwrap_err();
        let Error::Precondition { reason: "CODE_REFUSED", subject, description } = &refused else { panic!("{refused:?}") };
        assert_eq!(subject, &name("bad").version(1).to_string());
        for part in [&format!("line 1, column 1: {IMPORT_RULE}: `os` is refused; line 4"), "line 7", "; and 3 more"] {
            assert!(description.contains(part), "{part}: {description}");
        }
        assert!(!description.contains("line 8"), "{description}");
    }
    assert_eq!(world.sandbox.isolations().len(), 1, "nothing of it ran");
    assert_eq!(world.version("bad", 1).await.compiled_on, None);
}

#[tokio::test]
async fn code_whose_runtime_is_found_after_its_scan_is_scanned_again_before_it_is_stored() {
    let refused = cold(true).create("some", &format!("import os\n{TRANSFORMER}")).await.unwrap_err();
    assert_eq!(violations(refused), [("utility.code".to_owned(), IMPORT_RULE)]);
    let (_, version) = cold(true).create("some", &format!("{TRANSFORMER}# TODO\n")).await.unwrap();
    assert_eq!(version.compiled_on.as_deref(), Some("sha256:first"));
    assert_eq!(version.warnings.first().map(|warning| warning.rule.as_str()), Some(TODO_RULE), "what the second scan says");
}

#[tokio::test]
async fn a_replaced_runtime_has_code_scanned_anew_under_the_policy_of_that_day() {
    let world = World::new();
    let allow = async |modules: &[&str]| {
        let extra_modules = Some(modules.iter().map(|module| (*module).to_owned()).collect());
        world.decree(PolicyPatch { extra_modules, ..PolicyPatch::default() }).await;
    };
    allow(&["os"]).await;
    world.create("some", &format!("import os\n{TRANSFORMER}")).await.unwrap();
    allow(&[]).await;
    world.transform("some").await.expect("what was accepted for this runtime stays executable");
    world.compiler.replace_runtime("sha256:second");
    let refused = world.transform("some").await.unwrap_err();
    assert!(matches!(refused, Error::Precondition { reason: "CODE_REFUSED", .. }), "{refused:?}");
    assert_eq!(world.version("some", 1).await.compiled_on.as_deref(), Some("sha256:first"));
    allow(&["os"]).await;
    world.transform("some").await.unwrap();
    assert_eq!(world.version("some", 1).await.compiled_on.as_deref(), Some("sha256:second"));
}

/// Code that is nested too deeply is looked at no further: an exception from that would let `import os` through unseen.
const HIDDEN: &str = "import os\nDEEP\ndef transform(value):\n    return value\n";

#[tokio::test]
async fn nobody_is_excepted_from_a_rule_that_ends_the_scan() {
    let world = World::new();
    for rule in [NESTING_RULE, "ZPY-ENCODING-001"] {
        let exceptions = Some(vec![exception(sample::utility_id("some"), rule, 1_000)]);
        let patch = PolicyPatch { exceptions, ..PolicyPatch::default() };
        let refused = world.policies.update(&world.permit(code_policy()).await, patch, &Etag::default()).await.unwrap_err();
        assert_eq!(violations(refused), [("policy.exceptions[0].rule".to_owned(), "NOT_EXCEPTABLE")], "{rule}");
    }
    let refused = world.create("some", HIDDEN).await.unwrap_err();
    assert_eq!(violations(refused), [("utility.code".to_owned(), NESTING_RULE)]);
}

#[tokio::test]
async fn a_stored_exception_from_a_rule_that_ends_the_scan_stores_no_code() {
    let world = World::new();
    let stored = RuleException {
        utility: sample::utility_id("some"),
        rule: NESTING_RULE.to_owned(),
        reason: "reviewed".to_owned(),
        expires: sample::at(1_000),
        granted_by: sample::user("ann"),
    };
    let policy = CodePolicy { exceptions: vec![stored], revision: Revision::FIRST, ..CodePolicy::default_of(sample::tenant("acme")) };
    assert!(world.stored_policies.commit(&sample::scope("acme"), Revision::NONE, &policy).await.unwrap());
    let refused = world.create("some", HIDDEN).await.unwrap_err();
    assert_eq!(violations(refused), [("utility.code".to_owned(), NESTING_RULE)]);
    assert_eq!(world.compiler.asked(), 0);
}
