//! Lists: pages, orders, filters, tokens, and answers that a client takes without being told otherwise.

use std::time::Duration;

use api_proto::zona::execution::v1 as executions;
use api_proto::zona::utility::v1 as pb;
use prost::Message as _;
use prost_types::FieldMask;

use crate::harness::{Harness, TENANT, pairs, utility_name, violations};

const SCRIPT: &str = "def main():\n    pass\n";

async fn list(server: &Harness, request: pb::ListUtilitiesRequest) -> pb::ListUtilitiesResponse {
    server.utilities.clone().list_utilities(request).await.unwrap().into_inner()
}

fn request() -> pb::ListUtilitiesRequest {
    pb::ListUtilitiesRequest { parent: TENANT.to_owned(), ..Default::default() }
}

fn ids(page: &pb::ListUtilitiesResponse) -> Vec<&str> {
    page.utilities.iter().map(|utility| utility.name.rsplit('/').next().unwrap()).collect()
}

#[tokio::test]
async fn utilities_page_in_every_order_without_gaps_or_repetitions() {
    let server = Harness::start().await;
    for id in ["d", "a", "c", "b", "e"] {
        server.create(id, SCRIPT).await;
        server.clock.advance(Duration::from_secs(1));
    }
    let orders = [
        (pb::UtilityOrder::Unspecified, ["a", "b", "c", "d", "e"]),
        (pb::UtilityOrder::Name, ["a", "b", "c", "d", "e"]),
        (pb::UtilityOrder::CreateTimeDesc, ["e", "b", "c", "a", "d"]),
        (pb::UtilityOrder::UpdateTimeDesc, ["e", "b", "c", "a", "d"]),
    ];
    for (order, expected) in orders {
        let mut found = Vec::new();
        let mut page_token = String::new();
        loop {
            let page = list(&server, pb::ListUtilitiesRequest { page_size: 2, order: order.into(), page_token, ..request() }).await;
            assert!(page.utilities.len() <= 2);
            assert!(page.utilities.iter().all(|utility| utility.code.is_empty() && utility.parameters.is_empty()));
            found.extend(ids(&page).into_iter().map(str::to_owned));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(found, expected, "{order:?}");
    }
}

#[tokio::test]
async fn utilities_are_filtered_by_everything_that_is_set() {
    let server = Harness::start().await;
    let tagged = |code: &str, tag: &str| pb::Utility { code: code.to_owned(), tags: vec![tag.to_owned()], ..Default::default() };
    server.create_as("ioc-a", tagged("def transform(value):\n    pass\n", "ioc")).await.unwrap();
    server.create_as("ioc-b", tagged(SCRIPT, "ioc")).await.unwrap();
    server.create_as("other", tagged(SCRIPT, "log")).await.unwrap();
    let delete = pb::DeleteUtilityRequest { name: utility_name("ioc-b"), ..Default::default() };
    server.utilities.clone().delete_utility(delete).await.unwrap();
    let filtered = async |filter: pb::UtilityFilter| {
        let page = list(&server, pb::ListUtilitiesRequest { filter: Some(filter), ..request() }).await;
        ids(&page).join(" ")
    };
    let script = pb::UtilityKind::Script.into();
    let none = pb::UtilityFilter::default();
    assert_eq!(filtered(none.clone()).await, "ioc-a other");
    assert_eq!(filtered(pb::UtilityFilter { show_deleted: true, ..none.clone() }).await, "ioc-a ioc-b other");
    assert_eq!(filtered(pb::UtilityFilter { kind: script, ..none.clone() }).await, "other");
    assert_eq!(filtered(pb::UtilityFilter { tag: "ioc".to_owned(), ..none.clone() }).await, "ioc-a");
    let both = pb::UtilityFilter { name_prefix: "ioc".to_owned(), show_deleted: true, kind: script, ..none.clone() };
    assert_eq!(filtered(both).await, "ioc-b");
    let owner = |name: &str| pb::UtilityFilter { owner: format!("{TENANT}/users/{name}"), ..none.clone() };
    assert_eq!(filtered(owner("local")).await, "ioc-a other");
    assert_eq!(filtered(owner("nobody")).await, "");
}

#[tokio::test]
async fn vulnerable_utilities_are_those_that_import_a_package_with_advisories() {
    let server = Harness::start().await;
    server.create("clean", "import json\ndef main():\n    pass\n").await;
    let leaky = server.create("leaky", "import json\nimport leaky.deep\ndef main():\n    pass\n").await;
    assert_eq!(leaky.imports, ["json", "leaky"]);
    let code = "import leaky\ndef main():\n    pass\n".to_owned();
    for runtime in ["extra", "old"] {
        let utility = pb::Utility { code: code.clone(), runtime: runtime.to_owned(), ..Default::default() };
        server.create_as(runtime, utility).await.unwrap();
    }
    let vulnerable = async || {
        let filter = Some(pb::UtilityFilter { vulnerable: true, ..Default::default() });
        server.utilities.clone().list_utilities(pb::ListUtilitiesRequest { filter, ..request() }).await
    };
    assert_eq!(ids(vulnerable().await.unwrap().get_ref()), ["extra", "leaky"], "the version in `old` has no advisory");
    server.compiler.set_down(true);
    let refused = vulnerable().await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unavailable, "better no answer than a false one");
}

#[tokio::test]
async fn a_utility_shows_the_advisories_against_what_it_imports() {
    let server = Harness::start().await;
    let code = "import json\nimport leaky\ndef main():\n    pass\n";
    let created = server.create("some", code).await;
    let against = pb::VulnerableImport { module: "leaky".to_owned(), advisories: vec!["GHSA-0000".to_owned()] };
    assert_eq!(created.vulnerable_imports, Some(pb::VulnerableImports { imports: vec![against] }));
    assert_eq!(server.get("some").await, created);
    let mended = pb::Utility { code: code.to_owned(), runtime: "old".to_owned(), ..Default::default() };
    server.create_as("mended", mended).await.unwrap();
    server.create("clean", "import json\ndef main():\n    pass\n").await;
    for id in ["mended", "clean"] {
        assert_eq!(server.get(id).await.vulnerable_imports, Some(pb::VulnerableImports::default()), "{id}: nothing is known against it");
    }
    assert!(list(&server, request()).await.utilities.iter().all(|utility| utility.vulnerable_imports.is_none()));
    server.compiler.set_down(true);
    assert_eq!(server.get("some").await.vulnerable_imports, None, "not known is not the same as none");
}

#[tokio::test]
async fn a_token_fits_only_the_list_that_it_was_made_for() {
    let server = Harness::start().await;
    for id in ["a", "b", "c"] {
        server.create(id, SCRIPT).await;
    }
    let first = list(&server, pb::ListUtilitiesRequest { page_size: 1, ..request() }).await;
    let token = first.next_page_token;
    let larger = list(&server, pb::ListUtilitiesRequest { page_size: 9, page_token: token.clone(), ..request() }).await;
    assert_eq!(ids(&larger), ["b", "c"], "the size may change");

    let order = pb::UtilityOrder::CreateTimeDesc.into();
    let filter = Some(pb::UtilityFilter { show_deleted: true, ..Default::default() });
    let mut changed = token.clone();
    changed.insert(0, 'A');
    let foreign = [
        pb::ListUtilitiesRequest { page_token: token.clone(), order, ..request() },
        pb::ListUtilitiesRequest { page_token: token.clone(), filter, ..request() },
        pb::ListUtilitiesRequest { page_token: changed, ..request() },
        pb::ListUtilitiesRequest { page_token: "no token".to_owned(), ..request() },
    ];
    for request in foreign {
        let refused = server.utilities.clone().list_utilities(request.clone()).await.expect_err("a foreign token");
        assert_eq!(violations(&refused), pairs(&[("page_token", "MALFORMED")]), "{request:?}");
    }
    let versions = pb::ListUtilityVersionsRequest { parent: utility_name("a"), page_token: token.clone(), ..Default::default() };
    let refused = server.utilities.clone().list_utility_versions(versions).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("page_token", "MALFORMED")]));
    let executions = executions::ListExecutionsRequest { parent: TENANT.to_owned(), page_token: token, ..Default::default() };
    let refused = server.executions.clone().list_executions(executions).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("page_token", "MALFORMED")]));
}

#[tokio::test]
async fn a_page_of_large_items_ends_early_and_the_next_one_goes_on() {
    const COUNT: usize = 300;
    let server = Harness::start().await;
    // 4,000 characters of 4 bytes: 300 such items are more than a client takes by default.
    let description = "\u{1f40d}".repeat(4_000);
    for number in 0..COUNT {
        let utility = pb::Utility { code: SCRIPT.to_owned(), description: description.clone(), ..Default::default() };
        server.create_as(&format!("u{number:03}"), utility).await.unwrap();
    }
    let mut found = Vec::new();
    let mut page_token = String::new();
    let mut pages = 0;
    loop {
        let page = list(&server, pb::ListUtilitiesRequest { page_size: 1_000, page_token, ..request() }).await;
        assert!(page.encoded_len() < 4 * 1024 * 1024, "{} bytes", page.encoded_len());
        found.extend(ids(&page).into_iter().map(str::to_owned));
        pages += 1;
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(found, (0..COUNT).map(|number| format!("u{number:03}")).collect::<Vec<_>>());
    assert!(pages > 1);
}

#[tokio::test]
async fn versions_page_newest_first_without_code() {
    let server = Harness::start().await;
    server.create("some", SCRIPT).await;
    for number in 2..=5 {
        let utility = pb::Utility { name: utility_name("some"), code: format!("{SCRIPT}# {number} TODO\n"), ..Default::default() };
        let update_mask = Some(FieldMask { paths: vec!["code".to_owned()] });
        let request = pb::UpdateUtilityRequest { utility: Some(utility), update_mask, ..Default::default() };
        server.utilities.clone().update_utility(request).await.unwrap();
    }
    let mut numbers = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::ListUtilityVersionsRequest { parent: utility_name("some"), page_size: 2, page_token };
        let page = server.utilities.clone().list_utility_versions(request).await.unwrap().into_inner();
        assert!(page.versions.len() <= 2);
        assert!(page.versions.iter().all(|version| version.code.is_empty() && version.findings.is_empty()));
        numbers.extend(page.versions.iter().map(|version| version.version));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(numbers, [5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn executions_page_in_both_orders_and_are_filtered() {
    let server = Harness::start().await;
    server.create("good", "def main():\n    #: return 1\n").await;
    server.create("bad", "def main():\n    #: raise ValueError no\n").await;
    let mut names = Vec::new();
    for id in ["good", "bad", "good"] {
        let request = executions::StartExecutionRequest { name: utility_name(id), ..Default::default() };
        let started = server.executions.clone().start_execution(request).await.unwrap().into_inner();
        server.ended(&started.name).await;
        names.push(started.name);
        server.clock.advance(Duration::from_secs(10));
    }
    let listed = async |page_size: i32, filter: executions::ExecutionFilter, order: executions::ExecutionOrder| {
        let mut found = Vec::new();
        let mut page_token = String::new();
        loop {
            let filter = Some(filter.clone());
            let parent = TENANT.to_owned();
            let request = executions::ListExecutionsRequest { parent, page_size, page_token, filter, order: order.into() };
            let page = server.executions.clone().list_executions(request).await.unwrap().into_inner();
            assert!(page.executions.iter().all(|execution| execution.result_json.is_empty() && execution.attestation.is_none()));
            assert!(page.executions.iter().all(|one| one.failure.as_ref().is_none_or(|failure| failure.traceback.is_empty())));
            found.extend(page.executions.into_iter().map(|execution| execution.name));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return found;
            }
        }
    };
    use executions::{ExecutionFilter as Filter, ExecutionOrder as Order, ExecutionState as State};
    let newest_first: Vec<_> = names.iter().rev().cloned().collect();
    assert_eq!(listed(1, Filter::default(), Order::Unspecified).await, newest_first);
    assert_eq!(listed(2, Filter::default(), Order::CreateTimeAsc).await, names);
    let failed = Filter { states: vec![State::Failed.into(), State::TimedOut.into()], ..Default::default() };
    assert_eq!(listed(9, failed, Order::Unspecified).await, names[1..2]);
    let of_good = Filter { utility: utility_name("good"), ..Default::default() };
    assert_eq!(listed(9, of_good, Order::CreateTimeAsc).await, [names[0].clone(), names[2].clone()]);
    let second = server.execution(&names[1]).await.create_time;
    let until = Filter { created_before: second, ..Default::default() };
    assert_eq!(listed(9, until, Order::Unspecified).await, names[..1]);
    let from = Filter { created_from: second, ..Default::default() };
    assert_eq!(listed(9, from, Order::CreateTimeAsc).await, names[1..]);
}
