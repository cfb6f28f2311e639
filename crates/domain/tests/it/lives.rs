//! The life of a utility and of its versions, and what there is to run them.

use domain::Result;
use domain::access::Installation;
use domain::execution::{ExecutionQuery, State, actions as executions};
use domain::name::{RuntimeId, RuntimeName};
use domain::page::PageRequest;
use domain::request::RequestKey;
use domain::revision::Etag;
use domain::runtime::{Runtimes, actions as runtimes};
use domain::sandbox::Limits;
use domain::server::{Facts, KeyRepository, ServerFacts, Servers, WrappingKey, actions as servers};
use domain::tenant::TenantStates as _;
use domain::utility::{Call, Draft, Patch, UtilityQuery, actions};
use domain::violation::Violation;
use test_support::{FakeCompiler, IMPORT_RULE, sample};

use crate::installation::{ADA, CLEO, Installed, ROOT, UMA, reason, tenant, violations};
use crate::world::{World, acme, name, start};

const SCRIPT: &str = "print(1)\n";

fn first_page() -> PageRequest {
    PageRequest { size: 10, after: None }
}

fn code(text: &str) -> Patch {
    Patch { code: Some(text.as_bytes().to_vec()), ..Patch::default() }
}

#[tokio::test]
async fn versions_are_listed_compared_and_brought_back() {
    let world = World::new();
    world.create("some", SCRIPT).await.unwrap();
    let update = async |patch| world.utilities.update(&world.permit(name("some")).await, patch, Call::default()).await.unwrap();
    update(code("print(2)\n")).await;
    let heads = world.utilities.list_versions(&world.permit(name("some")).await, &first_page()).await.unwrap().items;
    assert_eq!(heads.iter().map(|head| head.number).collect::<Vec<_>>(), [2, 1]);
    let difference = world.utilities.diff(&world.permit(name("some")).await, None, None).await.unwrap();
    assert_eq!((difference.from, difference.to, difference.added_lines, difference.removed_lines), (1, 2, 1, 1));
    let first = world.utilities.diff(&world.permit(name("some")).await, None, Some(1)).await.unwrap();
    assert_eq!((first.from, first.added_lines, first.removed_lines), (0, 1, 0), "before the first there was nothing");
    let permit = world.permit::<actions::RestoreUtilityVersion>(name("some").version(1)).await;
    let (restored, version) = world.utilities.restore(&permit, String::new(), Call::default()).await.unwrap();
    assert_eq!((restored.latest_version, &**version.code.text(), version.message.as_str()), (3, SCRIPT, "Restore version 1"));
    let stale = Call { etag: Etag::new("\"1\""), ..Call::default() };
    assert_eq!(reason(world.utilities.restore(&permit, String::new(), stale).await), "ETAG_MISMATCH");
    let long = world.utilities.restore(&permit, "x".repeat(501), Call::default()).await;
    assert_eq!(violations(long), [("message".to_owned(), "TOO_LONG")]);
}

#[tokio::test]
async fn a_deleted_utility_keeps_its_name_and_comes_back_as_it_was() {
    let world = World::new();
    let (made, _) = world.create("some", SCRIPT).await.unwrap();
    let delete = async |call| world.utilities.delete(&world.permit(name("some")).await, call).await;
    let stale = Call { etag: Etag::new("\"7\""), ..Call::default() };
    assert_eq!(reason(delete(stale).await), "ETAG_MISMATCH");
    assert!(delete(Call::default()).await.unwrap().0.deleted.is_some());
    assert_eq!(reason(delete(Call::default()).await), "UTILITY_DELETED");
    assert_eq!(reason(world.create("some", SCRIPT).await), "ALREADY_EXISTS");
    let listed = async |show_deleted| {
        let query = UtilityQuery { show_deleted, ..UtilityQuery::default() };
        world.utilities.list(&world.permit(acme()).await, query, false, &first_page()).await.unwrap().items.len()
    };
    assert_eq!((listed(false).await, listed(true).await), (0, 1));
    let undelete = async || world.utilities.undelete(&world.permit(name("some")).await, Call::default()).await;
    let (back, _) = undelete().await.unwrap();
    assert_eq!((back.deleted, back.content_hash), (None, made.content_hash));
    assert_eq!(reason(undelete().await), "UTILITY_NOT_DELETED");
}

#[tokio::test]
async fn what_is_only_validated_is_not_stored_and_what_comes_twice_is_made_once() {
    let world = World::new();
    let draft = || Draft { code: SCRIPT.as_bytes().to_vec(), limits: Limits::DEFAULT, ..Draft::default() };
    let create = async |call| {
        let permit = world.permit::<actions::CreateUtility>(acme()).await;
        world.utilities.create(&permit, Some(sample::utility_id("some")), draft(), call).await
    };
    create(Call { validate_only: true, ..Call::default() }).await.unwrap();
    assert_eq!(reason(world.utilities.get(&world.permit(name("some")).await).await), "NOT_FOUND");
    let call = || Call { request: Some(sample::request("/zona.Test/Create", "one", 1)), ..Call::default() };
    let first = create(call()).await.unwrap();
    assert_eq!(create(call()).await.unwrap(), first);
    let odd = Call { violations: vec![Violation::new("request_id", "MALFORMED", "is no UUID")], ..Call::default() };
    assert_eq!(violations(create(odd).await), [("request_id".to_owned(), "MALFORMED")]);
}

#[tokio::test]
async fn code_is_checked_without_being_stored_for_a_runtime_that_there_is() {
    let world = World::new();
    let check = async |text: &str, runtime: Option<&str>| {
        let permit = world.permit::<actions::ValidateCode>(acme()).await;
        world.utilities.validate(&permit, text.as_bytes().to_vec(), None, runtime.map(RuntimeId::new)).await
    };
    assert!(check(SCRIPT, None).await.unwrap().findings.is_empty());
    let found = check("import os\n", Some("extra")).await.unwrap().findings;
    assert!(found.iter().any(|finding| finding.rule == IMPORT_RULE), "{found:?}");
    assert_eq!(violations(check(SCRIPT, Some("nowhere")).await), [("runtime".to_owned(), "RUNTIME_UNKNOWN")]);
}

#[tokio::test]
async fn utilities_that_import_what_is_known_to_be_vulnerable_are_found() {
    let world = World::new();
    world.create("safe", SCRIPT).await.unwrap();
    world.create("leaks", "import leaky\n").await.unwrap();
    let listed = world.utilities.list(&world.permit(acme()).await, UtilityQuery::default(), true, &first_page()).await.unwrap();
    assert_eq!(listed.items.iter().map(|found| found.name.clone()).collect::<Vec<_>>(), [name("leaks")]);
}

#[tokio::test]
async fn executions_are_read_listed_and_cancelled_by_name() {
    let world = World::new();
    world.create("some", "#: wait\nprint(1)\n").await.unwrap();
    let started = start(&world, "some").await;
    let get = async || world.executions.get(&world.permit(started.clone()).await).await.unwrap();
    assert_eq!(get().await.name, started);
    let listed = async |query: ExecutionQuery| {
        let permit = world.permit::<executions::ListExecutions>(acme()).await;
        world.executions.list(&permit, query, &first_page()).await.unwrap().items.len()
    };
    assert_eq!(listed(ExecutionQuery::default()).await, 1);
    world.executions.cancel(&world.permit(started.clone()).await).await.unwrap();
    for _ in 0..10_000 {
        if get().await.state.is_terminal() {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(get().await.state, State::Cancelled);
    assert_eq!(listed(ExecutionQuery { states: vec![State::Running], ..ExecutionQuery::default() }).await, 0);
    let ended = get().await;
    assert_eq!(world.executions.cancel(&world.permit(started.clone()).await).await.unwrap(), ended, "what has ended stays as it is");
}

#[tokio::test]
async fn runtimes_page_by_name_and_are_found_by_it() {
    let installed = Installed::new().await;
    let use_cases = Runtimes::new(std::sync::Arc::new(FakeCompiler::default()));
    let permit = installed.by::<runtimes::ListRuntimes>(UMA, tenant("acme")).await.unwrap();
    let page = async |after: Option<String>| use_cases.list(&permit, &PageRequest { size: 2, after }).await.unwrap();
    let first = page(None).await;
    let names = |page: &domain::page::Page<domain::runtime::Runtime>| page.items.iter().map(|one| one.name.to_string()).collect::<Vec<_>>();
    assert_eq!((names(&first), first.next.as_deref()), (vec!["extra".to_owned(), "old".to_owned()], Some("old")));
    let second = page(first.next).await;
    assert_eq!((names(&second), second.next), (vec!["python".to_owned()], None));
    let get = async |runtime: &str| {
        let name = RuntimeName { tenant: sample::tenant("acme"), runtime: RuntimeId::new(runtime) };
        use_cases.get(&installed.by::<runtimes::GetRuntime>(UMA, name).await?).await
    };
    assert_eq!(get("old").await.unwrap().packages[0].version, "0.9");
    assert_eq!(reason(get("nowhere").await), "NOT_FOUND");
}

/// Facts of a server, and keys of which a rotation makes the next.
struct Keys(std::sync::Mutex<Vec<WrappingKey>>);

impl ServerFacts for Keys {
    fn facts(&self) -> Facts {
        let started = sample::at(0);
        Facts { version: "0.1.0".to_owned(), instance: "one".to_owned(), started, backend: "namespace".to_owned(), tiers: Vec::new() }
    }
}

#[async_trait::async_trait]
impl KeyRepository for Keys {
    async fn wrapping_keys(&self) -> Result<Vec<WrappingKey>> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn rotate(&self, _request: Option<&RequestKey>) -> Result<domain::request::Committed<String>> {
        let mut keys = self.0.lock().unwrap();
        let key = WrappingKey { id: format!("key-{}", keys.len()), created: sample::at(1), wraps: 3 };
        keys.insert(0, key.clone());
        Ok(domain::request::Committed::Answered(Box::new(key.id)))
    }

    async fn find_rotation(&self, request: &RequestKey) -> Result<Option<domain::request::Committed<String>>> {
        let newest = self.0.lock().unwrap().first().map(|key| key.id.clone());
        let known = newest.filter(|_| request.id == "again");
        Ok(known.map(|id| domain::request::Committed::Answered(Box::new(id))))
    }

    async fn go_on_rotating(&self) -> Result<u64> {
        Ok(3)
    }
}

#[tokio::test]
async fn what_is_of_the_installation_super_administrators_alone_see_and_change() {
    let (installed, world) = (Installed::new().await, World::new());
    let keys = std::sync::Arc::new(Keys(std::sync::Mutex::default()));
    let use_cases = Servers::new(keys.clone(), world.executions.clone(), keys);
    let permit = installed.by::<servers::GetServerInfo>(ROOT, Installation).await.unwrap();
    assert_eq!(use_cases.get(&permit).0.instance, "one");
    let rotate = installed.by::<servers::RotateKeys>(ROOT, Installation).await.unwrap();
    let request = |id: &str| Some(sample::request("/zona.Test/Rotate", id, 1));
    assert_eq!(use_cases.rotate_keys(&rotate, request("first"), Vec::new()).await.unwrap(), "key-0");
    assert_eq!(use_cases.rotate_keys(&rotate, request("again"), Vec::new()).await.unwrap(), "key-0", "the same request makes no other");
    let odd = use_cases.rotate_keys(&rotate, None, vec![Violation::new("request_id", "MALFORMED", "is no UUID")]).await;
    assert_eq!(violations(odd), [("request_id".to_owned(), "MALFORMED")]);
    assert_eq!(use_cases.go_on_rotating().await.unwrap(), 3);
    let status = installed.by::<servers::GetKeyStatus>(ROOT, Installation).await.unwrap();
    assert_eq!(use_cases.keys(&status).await.unwrap().len(), 1);
    for who in [ADA, CLEO] {
        assert_eq!(reason(installed.by::<servers::RotateKeys>(who, Installation).await.map(drop)), "PERMISSION_DENIED");
    }
    assert!(installed.kept_tenants.state(&sample::tenant("acme")).await.unwrap().is_some());
}
