//! What the installation says of itself: runtimes, and the server.

use api_proto::zona::runtime::v1 as runtimes;
use api_proto::zona::server::v1 as servers;
use prost_types::Timestamp;
use tonic::Code;

use crate::harness::{Harness, TENANT, details, pairs, reason, violations};

#[tokio::test]
async fn runtimes_page_by_name_without_packages_and_modules() {
    let server = Harness::start().await;
    let mut names = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = runtimes::ListRuntimesRequest { parent: TENANT.to_owned(), page_size: 2, page_token };
        let page = server.runtimes.clone().list_runtimes(request).await.unwrap().into_inner();
        assert!(page.runtimes.len() <= 2);
        assert!(page.runtimes.iter().all(|runtime| runtime.packages.is_empty() && runtime.allowed_modules.is_empty()));
        names.extend(page.runtimes.into_iter().map(|runtime| runtime.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(names, ["extra", "old", "python"].map(|id| format!("{TENANT}/runtimes/{id}")));
    let request = runtimes::ListRuntimesRequest { parent: TENANT.to_owned(), page_size: -1, page_token: "?".to_owned() };
    let refused = server.runtimes.clone().list_runtimes(request).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("page_size", "OUT_OF_RANGE"), ("page_token", "MALFORMED")]));
}

#[tokio::test]
async fn a_runtime_shows_its_packages_with_their_advisories_and_an_absent_one_is_not_found() {
    let server = Harness::start().await;
    let get = async |id: &str| {
        let request = runtimes::GetRuntimeRequest { name: format!("{TENANT}/runtimes/{id}") };
        server.runtimes.clone().get_runtime(request).await
    };
    let runtime = get("python").await.unwrap().into_inner();
    assert_eq!(
        (runtime.python_version.as_str(), runtime.digest.as_str(), runtime.backend.as_str()),
        ("3.11.2", "sha256:first", "namespace")
    );
    assert_eq!((runtime.version.as_str(), runtime.lock_digest.as_str(), runtime.problem.as_str()), ("1.0.0", "sha256:lock", ""));
    assert_eq!(runtime.packages[0].hashes, ["sha256:00"]);
    assert_eq!(runtime.allowed_modules, ["json", "re"]);
    let package = &runtime.packages[0];
    assert_eq!(
        (package.name.as_str(), package.version.as_str(), package.modules.as_slice()),
        ("Leaky", "1.0", ["leaky".to_owned()].as_slice())
    );
    assert_eq!((package.advisories[0].id.as_str(), package.advisories[0].summary.as_str()), ("GHSA-0000", "it leaks"));
    let absent = get("cobol").await.unwrap_err();
    assert_eq!(absent.code(), Code::NotFound);
    assert_eq!(details(&absent).resource_info().unwrap().resource_type, "zona.dev/Runtime");
}

#[tokio::test]
async fn runtimes_are_unavailable_while_the_sandbox_is() {
    let server = Harness::start().await;
    server.compiler.set_down(true);
    let request = runtimes::ListRuntimesRequest { parent: TENANT.to_owned(), ..Default::default() };
    let refused = server.runtimes.clone().list_runtimes(request).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::Unavailable, "DEPENDENCY_UNAVAILABLE".to_owned()));
}

#[tokio::test]
async fn a_server_tells_what_its_self_test_found() {
    let server = Harness::start().await;
    let info = server.servers.clone().get_server_info(servers::GetServerInfoRequest {}).await.unwrap().into_inner();
    assert_eq!((info.version.as_str(), info.instance.as_str(), info.backend.as_str()), ("0.1.0", "test", "namespace"));
    assert_eq!((info.start_time, info.running_executions), (Some(Timestamp { seconds: 1, nanos: 0 }), 0));
    let battery_time = Some(Timestamp { seconds: 1, nanos: 500_000_000 });
    let tested = servers::TierReport { accepted: true, battery_version: "7".to_owned(), battery_time, probes: 60, ..Default::default() };
    let leak = servers::ProbeFailure {
        probe: "network-tcp-connect".to_owned(),
        defence: "namespaces".to_owned(),
        detail: "connected".to_owned(),
        hint: "enable user namespaces".to_owned(),
    };
    let expected = [
        servers::TierReport { tier: "T1".to_owned(), ..tested.clone() },
        servers::TierReport { tier: "T2".to_owned(), accepted: true, ..Default::default() },
        servers::TierReport { tier: "T3".to_owned(), accepted: false, failures: vec![leak], ..tested },
    ];
    assert_eq!(info.tiers, expected);
}
