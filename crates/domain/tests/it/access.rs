//! Permissions: decided about one target, and good for nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::access::{
    AccessPolicy, Action, ActionSpec, Authenticator as _, Caller, Found, Installation, LocalRules, LoopbackAuthenticator, Permit,
    Presented, Reach, Rules, Target,
};
use domain::code_policy::CodePolicy;
use domain::name::{RuntimeId, RuntimeName, UtilityName};
use domain::page::Page;
use domain::utility::{UtilityRepository as _, actions};
use domain::{Error, Result, code_policy, execution, runtime, server};
use test_support::{FakeClock, InMemoryTenants, sample};

use crate::world::{World, acme, code_policy, name};

const SCRIPT: &str = "print(1)\n";

/// Where what was found is opened without a permit, beside the area of permits itself: for work that the server does for itself, and
/// for copies that are handed on sealed.
const OPENED_FOR_SYSTEM: [&str; 18] = [
    "cache/src/policies.rs",
    "cache/src/shared.rs",
    "cache/src/utilities.rs",
    "domain/src/access/explain.rs",
    "domain/src/execution/claiming.rs",
    "domain/src/execution/items.rs",
    "domain/src/execution/readying.rs",
    "domain/src/execution/tending.rs",
    "domain/src/execution/watch.rs",
    "domain/src/identity/api_keys.rs",
    "domain/src/identity/authentication.rs",
    "domain/src/identity/sign_in.rs",
    "domain/src/identity/subjects.rs",
    "domain/src/operation/driver.rs",
    "domain/src/retention/job.rs",
    "domain/src/schedule/scheduler.rs",
    "domain/src/utility/gate.rs",
    "domain/src/webhook/deliveries.rs",
];

/// Where a query's tenant is chosen without a permit: only where the server settles what a dead one left, where it claims and readies what waits, where it goes on with operations, where the rules look for
/// grants, from which a permit is made first, where a decision is explained, where it is found out who calls, where the first super administrator is made, where
/// events are sent to webhooks and schedules start executions, where a cache reads ahead what was asked for most, which only a permit takes out of it, and where checkpoints of each log are signed and what is older than they say is removed.
const SCOPED_FOR_SYSTEM: [&str; 19] = [
    "cache/src/shared.rs",
    "domain/src/access/explain.rs",
    "domain/src/access/matrix_rules.rs",
    "domain/src/archive/archiver.rs",
    "domain/src/audit/removal.rs",
    "domain/src/execution/claiming.rs",
    "domain/src/execution/items.rs",
    "domain/src/execution/readying.rs",
    "domain/src/execution/tending.rs",
    "domain/src/identity/authentication.rs",
    "domain/src/identity/sign_in.rs",
    "domain/src/operation/driver.rs",
    "domain/src/operation/tending.rs",
    "domain/src/retention/job.rs",
    "domain/src/schedule/scheduler.rs",
    "domain/src/webhook/deliveries.rs",
    "server/src/audit.rs",
    "storage-embedded/src/identity.rs",
    "storage-mongo/src/identity.rs",
];

/// A grant on one single utility: it may be read, its versions and executions too, and nothing else.
struct OnlyOne(UtilityName);

#[async_trait]
impl Rules for OnlyOne {
    async fn decide(&self, _caller: &Caller, _action: ActionSpec, target: Target<'_>) -> Result<Option<Reach>> {
        let granted = match target {
            Target::Utility(name) => *name == self.0,
            Target::Version(name) => name.utility == self.0,
            _ => false,
        };
        Ok(granted.then_some(Reach::Tenant))
    }
}

/// Refuses everything, and remembers what it was asked about.
#[derive(Default)]
struct Asked(Mutex<Vec<String>>);

#[async_trait]
impl Rules for Asked {
    async fn decide(&self, _caller: &Caller, action: ActionSpec, target: Target<'_>) -> Result<Option<Reach>> {
        self.0.lock().unwrap().push(format!("{} on {target} of {:?}", action.name, target.tenant().map(ToString::to_string)));
        Ok(None)
    }
}

fn tenants() -> Arc<InMemoryTenants> {
    Arc::new(InMemoryTenants::of(Arc::new(FakeClock::default()), &["acme", "beta"]))
}

fn ann() -> Caller {
    Caller::loopback(sample::user("ann"))
}

async fn by<A: Action>(rules: impl Rules + 'static, target: A::Target) -> Result<Permit<A>> {
    AccessPolicy::new(Arc::new(rules), tenants()).require(&ann(), target).await
}

#[tokio::test]
async fn a_grant_can_be_about_one_single_resource() {
    let world = World::new();
    world.create("granted", SCRIPT).await.unwrap();
    world.create("other", SCRIPT).await.unwrap();
    let rules = || OnlyOne(name("granted"));
    let permit = by::<actions::GetUtility>(rules(), name("granted")).await.unwrap();
    assert_eq!(world.utilities.get(&permit).await.unwrap().0.name, name("granted"));
    let version = by::<actions::GetUtilityVersion>(rules(), name("granted").version(1)).await.unwrap();
    assert_eq!(world.utilities.get_version(&version).await.unwrap().number, 1);
    let refused = by::<actions::GetUtility>(rules(), name("other")).await.unwrap_err();
    assert!(matches!(refused, Error::Denied { action: "utility.get", resource } if resource == name("other").to_string()));
    assert!(matches!(by::<actions::ListUtilities>(rules(), acme()).await.unwrap_err(), Error::Denied { .. }));
    assert!(matches!(by::<code_policy::actions::GetCodePolicy>(rules(), code_policy()).await.unwrap_err(), Error::Denied { .. }));
}

#[tokio::test]
async fn rules_are_told_what_every_kind_of_call_is_about() {
    let rules = Arc::new(Asked::default());
    let policy = AccessPolicy::new(rules.clone(), tenants());
    let runtime = RuntimeName { tenant: sample::tenant("acme"), runtime: RuntimeId::default() };
    let execution = execution_name();
    policy.require::<actions::ListUtilities>(&ann(), acme()).await.unwrap_err();
    policy.require::<actions::GetUtility>(&ann(), name("some")).await.unwrap_err();
    policy.require::<actions::GetUtilityVersion>(&ann(), name("some").version(7)).await.unwrap_err();
    policy.require::<execution::actions::GetExecution>(&ann(), execution.clone()).await.unwrap_err();
    policy.require::<code_policy::actions::GetCodePolicy>(&ann(), code_policy()).await.unwrap_err();
    policy.require::<runtime::actions::GetRuntime>(&ann(), runtime).await.unwrap_err();
    let refused = policy.require::<server::actions::GetServerInfo>(&ann(), Installation).await.unwrap_err();
    assert!(matches!(refused, Error::Denied { resource, .. } if resource == "server"), "it has no name but its kind");
    let expected = [
        "utility.list on tenants/acme of Some(\"acme\")".to_owned(),
        "utility.get on tenants/acme/utilities/some of Some(\"acme\")".to_owned(),
        "version.get on tenants/acme/utilities/some/versions/7 of Some(\"acme\")".to_owned(),
        format!("execution.get on {execution} of Some(\"acme\")"),
        "policy.get on tenants/acme/codePolicy of Some(\"acme\")".to_owned(),
        "runtime.get on tenants/acme/runtimes/python of Some(\"acme\")".to_owned(),
        "server.get on the installation of None".to_owned(),
    ];
    assert_eq!(*rules.0.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_permit_of_one_utility_opens_no_other() {
    let world = World::new();
    let other = world.create("other", SCRIPT).await.unwrap();
    let permit = world.permit::<actions::GetUtility>(name("some")).await;
    let scope = permit.scope();
    let found = world.stored.find_current(&scope, &name("other").utility).await.unwrap();
    assert!(matches!(permit.open(found, &name("other")), Err(Error::Internal { .. })), "a use case is mistaken");
    let versions = world.stored.find_version(&scope, &name("other").utility, 1).await.unwrap();
    assert!(matches!(permit.open_part(&other.0, versions, &name("other")), Err(Error::Internal { .. })));
    let page = Found::one(Page { items: vec![other.0.clone()], next: None });
    assert_eq!(permit.open_page(page).items, []);
    let parts = Found::one(Page { items: vec![other.1.clone()], next: None });
    assert_eq!(permit.open_parts(&other.0, parts).items, []);
}

#[tokio::test]
async fn a_permit_of_one_version_opens_that_one_and_the_current_one() {
    let world = World::new();
    let (utility, version) = world.create("some", SCRIPT).await.unwrap();
    let permit = world.permit::<actions::RestoreUtilityVersion>(name("some").version(2)).await;
    let utility = domain::utility::Utility { latest_version: 3, ..utility };
    let opens = |number| {
        let mut numbered = version.clone();
        numbered.head.number = number;
        let found = Found::one(numbered);
        permit.open_part(&utility, found, &name("some").version(number)).is_ok()
    };
    assert_eq!([1, 2, 3, 4].map(opens), [false, true, true, false]);
}

#[tokio::test]
async fn a_permit_of_a_tenant_opens_what_is_in_it_and_nothing_of_another() {
    let world = World::new();
    let (utility, _) = world.create("some", SCRIPT).await.unwrap();
    let permit = world.permit::<actions::ListUtilities>(acme()).await;
    assert!(permit.open(Found::one(utility.clone()), &name("some")).is_ok());
    let foreign = domain::utility::Utility { name: UtilityName { tenant: sample::tenant("beta"), ..name("some") }, ..utility };
    assert!(matches!(permit.open(Found::one(foreign), &name("some")), Err(Error::Internal { .. })));
    let policy = world.permit::<code_policy::actions::GetCodePolicy>(code_policy()).await;
    assert!(policy.open(Found::one(CodePolicy::default_of(sample::tenant("acme"))), policy.target()).is_ok());
    assert!(policy.open(Found::one(CodePolicy::default_of(sample::tenant("beta"))), policy.target()).is_err());
}

#[test]
fn what_was_found_shows_nothing_of_itself_before_it_is_opened() {
    assert_eq!(format!("{:?}", Found::one("secret")), "Found(sealed)");
    assert_eq!(format!("{:?}", Found::<&str>::of(None)), "Found(nothing)");
}

#[tokio::test]
async fn the_local_rules_know_one_tenant_and_its_installation() {
    let local = || LocalRules::new(sample::tenant("acme"));
    assert!(by::<actions::GetUtility>(local(), name("some")).await.is_ok());
    assert!(by::<server::actions::GetServerInfo>(local(), Installation).await.is_ok());
    let beta = || LocalRules::new(sample::tenant("beta"));
    assert!(by::<actions::GetUtility>(beta(), name("some")).await.is_err());
    assert!(by::<server::actions::GetServerInfo>(beta(), Installation).await.is_err(), "its caller is of another tenant");
}

#[tokio::test]
async fn only_loopback_addresses_are_local() {
    let authenticator = LoopbackAuthenticator::new(sample::user("ann"));
    let is_local = async |address: Option<&str>| {
        let peer = address.map(|address| address.parse().unwrap());
        authenticator.authenticate(Presented { peer, ..Presented::default() }).await.unwrap().local()
    };
    for local in ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"] {
        assert!(is_local(Some(local)).await, "{local}");
    }
    for foreign in ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "0.0.0.0"] {
        assert!(!is_local(Some(foreign)).await, "{foreign}");
    }
    assert!(!is_local(None).await);
}

#[test]
fn every_action_has_a_name_of_its_own_that_starts_with_its_resource() {
    let actions: Vec<ActionSpec> = domain::actions().collect();
    for action in &actions {
        assert!(action.name.strip_prefix(action.resource).is_some_and(|verb| verb.starts_with('.')), "{action:?}");
        assert_eq!(actions.iter().filter(|other| other.name == action.name).count(), 1, "{action:?}");
    }
}

fn execution_name() -> domain::name::ExecutionName {
    domain::name::ExecutionName { tenant: sample::tenant("acme"), execution: sample::execution_id(7) }
}

/// Files below `path` that name `word` outside of comments.
fn naming(word: &str, path: &Path, found: &mut BTreeSet<String>) {
    let names = |line: &str| !line.trim_start().starts_with("//") && words(line).any(|named| named == word);
    for entry in fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            naming(word, &entry, found);
        } else if fs::read_to_string(&entry).is_ok_and(|text| text.lines().any(names)) {
            found.insert(entry.to_str().unwrap().rsplit_once("crates/").unwrap().1.to_owned());
        }
    }
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|letter: char| letter != '_' && !letter.is_alphanumeric())
}

/// Shipped code that names `word`, but for the file that defines it and what proves permits.
fn shipped_code_naming(word: &str) -> Vec<String> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(crates).unwrap().map(|entry| entry.unwrap().path().join("src")) {
        if entry.is_dir() && !entry.ends_with("test-support/src") {
            naming(word, &entry, &mut found);
        }
    }
    let own = ["domain/src/access/found.rs", "domain/src/access/permit.rs", "domain/src/access/scope.rs"];
    found.retain(|path| !path.contains("/tests") && !own.contains(&path.as_str()));
    found.into_iter().collect()
}

#[test]
fn nothing_but_the_servers_own_work_opens_what_was_found_without_a_permit() {
    assert_eq!(shipped_code_naming("open_for_system"), OPENED_FOR_SYSTEM);
}

#[test]
fn nothing_but_the_servers_own_work_chooses_a_tenant_without_a_permit() {
    assert_eq!(shipped_code_naming("for_system"), SCOPED_FOR_SYSTEM);
}

#[test]
fn a_call_through_a_path_is_seen_like_one_through_a_dot() {
    let named = |line: &'static str| words(line).any(|word| word == "open_for_system");
    assert!(named("found.map(Found::open_for_system)") && named("found\u{a0}.open_for_system ()"));
    assert!(!named("found.reopen_for_system()"));
}
