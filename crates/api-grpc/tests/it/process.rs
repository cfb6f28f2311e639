//! The process manager: a manifest is applied, services are started, stopped, restarted and scaled, and everything can be followed.

use api_proto::zona::process::v1 as pb;
use domain::identity::Role;
use pb::watch_status_response::What;
use prost_reflect::DescriptorPool;
use test_support::in_time;
use tonic::{Code, Status, Streaming};

use crate::harness::{Harness, Options, pairs, reason, violations};
use crate::roles::{Person, RoleAuthenticator};

const ROOT: Person = Person { tenant: "system", ..Person::new("root", Role::SuperAdmin) };
pub const SHOP: &str = "db SYSTEM 1 db:1\nweb APP 2 web:1 after db\n";
const FIRST: &str = "0192e5a4-7f2b-7c64-9d1e-3a5b8c7d9e0f";
const ANOTHER: &str = "0192e5a4-7f2b-7c64-9d1e-3a5b8c7d9e10";

async fn started() -> Harness {
    Harness::with(Options { authenticator: Some(RoleAuthenticator::of([ROOT])), ..Options::default() }).await
}

async fn apply(server: &Harness, request: pb::ApplyManifestRequest) -> Result<pb::Platform, Status> {
    Ok(server.processes.clone().apply_manifest(ROOT.asks(request)).await?.into_inner())
}

fn manifest(text: &str) -> pb::ApplyManifestRequest {
    pb::ApplyManifestRequest { manifest: text.to_owned(), ..Default::default() }
}

async fn platform(server: &Harness) -> pb::Platform {
    server.processes.clone().get_platform(ROOT.asks(pb::GetPlatformRequest {})).await.unwrap().into_inner()
}

async fn follow(server: &Harness, after: Option<i64>) -> Streaming<pb::WatchStatusResponse> {
    let request = ROOT.asks(pb::WatchStatusRequest { after_sequence: after });
    server.processes.clone().watch_status(request).await.unwrap().into_inner()
}

async fn next(stream: &mut Streaming<pb::WatchStatusResponse>) -> pb::WatchStatusResponse {
    in_time(stream.message()).await.unwrap().expect("what is followed goes on")
}

/// Reads on until a revision has ended; answers what it came to, and the place of that.
async fn ended(stream: &mut Streaming<pb::WatchStatusResponse>, revision: i64) -> (pb::PlatformState, i64) {
    loop {
        let told = next(stream).await;
        if let Some(What::End(end)) = told.what.filter(|what| matches!(what, What::End(end) if end.revision == revision)) {
            return (end.state(), told.sequence);
        }
    }
}

/// Applies a manifest and waits for what it comes to.
async fn applied(server: &Harness, text: &str) -> pb::PlatformState {
    let mut stream = follow(server, None).await;
    next(&mut stream).await;
    let revision = apply(server, manifest(text)).await.unwrap().revision;
    let state = ended(&mut stream, revision).await.0;
    settled(server, revision).await;
    state
}

/// Returns once what a revision came to is stored, which follows what is told.
async fn settled(server: &Harness, revision: i64) {
    while platform(server).await.revision == revision && platform(server).await.state() == pb::PlatformState::UnderWay {
        tokio::task::yield_now().await;
    }
}

async fn services(server: &Harness) -> Vec<(String, pb::ServiceState, i32, i32)> {
    let request = ROOT.asks(pb::GetStatusRequest {});
    let status = server.processes.clone().get_status(request).await.unwrap().into_inner();
    let row = |service: pb::Service| (service.name.clone(), service.state(), service.replicas, service.available_replicas);
    status.services.into_iter().map(row).collect()
}

async fn scale(server: &Harness, request: pb::ScaleServiceRequest) -> Result<pb::ScaleServiceResponse, Status> {
    Ok(server.processes.clone().scale_service(ROOT.asks(request)).await?.into_inner())
}

#[tokio::test]
async fn a_manifest_that_is_applied_is_stored_made_so_and_told_of() {
    let server = started().await;
    assert_eq!(platform(&server).await, pb::Platform::default(), "nothing was applied yet");
    assert_eq!(applied(&server, SHOP).await, pb::PlatformState::Reached);
    let running = |name: &str, replicas| (name.to_owned(), pb::ServiceState::Running, replicas, replicas);
    assert_eq!(services(&server).await, [running("db", 1), running("web", 2)]);
    let stored = platform(&server).await;
    assert_eq!((stored.revision, stored.manifest.as_str(), stored.change.as_str()), (1, SHOP, "apply"));
    assert_eq!((stored.author.as_str(), stored.state()), ("tenants/system/users/root", pb::PlatformState::Reached));
    assert!(stored.end_time.is_some() && stored.failure.is_none());
    let get = pb::GetServiceRequest { service_name: "web".to_owned() };
    let web = server.processes.clone().get_service(ROOT.asks(get)).await.unwrap().into_inner();
    assert_eq!((web.depends_on.as_slice(), web.declared, web.group()), (&["db".to_owned()][..], true, pb::ServiceGroup::App));
    assert_eq!(web.context.map(|context| (context.image, context.environment_names)), Some(("web:1".to_owned(), vec!["LANG".to_owned()])));
    assert_eq!(web.instances.iter().map(|replica| replica.id.as_str()).collect::<Vec<_>>(), ["web-1", "web-2"]);
}

#[tokio::test]
async fn a_manifest_that_fails_is_taken_back_and_what_was_before_stays_in_force() {
    let server = started().await;
    assert_eq!(applied(&server, SHOP).await, pb::PlatformState::Reached);
    assert_eq!(applied(&server, "db SYSTEM 1 db:1\nweb APP 2 bad:2 after db\n").await, pb::PlatformState::RolledBack);
    let stored = platform(&server).await;
    let failure = stored.failure.clone().expect("it says what failed");
    assert_eq!((stored.revision, stored.state(), failure.service_name.as_str()), (2, pb::PlatformState::RolledBack, "web"));
    assert_eq!(services(&server).await[1].1, pb::ServiceState::Running);
    let scaled =
        scale(&server, pb::ScaleServiceRequest { service_name: "web".to_owned(), replicas: 3, ..Default::default() }).await.unwrap();
    assert_eq!(scaled.details.map(|change| change.revision), Some(3));
    settled(&server, 3).await;
    let image = platform(&server).await.manifest;
    assert_eq!((image.as_str(), services(&server).await[1].3), (SHOP, 3), "what is changed next is what runs");
}

#[tokio::test]
async fn services_are_started_stopped_restarted_and_scaled_until_the_next_manifest() {
    let server = started().await;
    applied(&server, SHOP).await;
    let mut client = server.processes.clone();
    let web = || "web".to_owned();
    let stopped = client.stop_service(ROOT.asks(pb::StopServiceRequest { service_name: web(), ..Default::default() })).await;
    assert!(["stopping", "stopped"].contains(&stopped.unwrap().into_inner().status.as_str()));
    settled(&server, 2).await;
    assert_eq!(services(&server).await[1], (web(), pb::ServiceState::Stopped, 0, 0));
    let started = client.start_service(ROOT.asks(pb::StartServiceRequest { service_name: web(), ..Default::default() })).await;
    let details = started.unwrap().into_inner().details.expect("it says what was changed");
    assert_eq!((details.revision, details.service.map(|service| service.replicas)), (3, Some(2)));
    settled(&server, 3).await;
    let revision = async || {
        let request = ROOT.asks(pb::GetServiceRequest { service_name: "web".to_owned() });
        server.processes.clone().get_service(request).await.unwrap().into_inner().instances[0].revision.clone()
    };
    let before = revision().await;
    client.restart_service(ROOT.asks(pb::RestartServiceRequest { service_name: web(), ..Default::default() })).await.unwrap();
    settled(&server, 4).await;
    let after = revision().await;
    assert_ne!(before, after);
    scale(&server, pb::ScaleServiceRequest { service_name: web(), replicas: 5, ..Default::default() }).await.unwrap();
    settled(&server, 5).await;
    let stored = platform(&server).await;
    assert_eq!(stored.change, "scale web=5");
    assert_eq!(stored.overrides, [pb::ServiceOverride { service_name: web(), enabled: Some(true), replicas: Some(5), restarts: 1 }]);
    applied(&server, SHOP).await;
    assert_eq!(services(&server).await[1].2, 2, "a manifest says it anew");
    assert_eq!(revision().await, after, "and restarts nothing once more");
}

#[tokio::test]
async fn what_a_rule_of_manifests_forbids_is_refused_with_the_rule() {
    let server = started().await;
    applied(&server, SHOP).await;
    let stop = pb::StopServiceRequest { service_name: "db".to_owned(), ..Default::default() };
    let refused = server.processes.clone().stop_service(ROOT.asks(stop)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "AGAINST_MANIFEST_RULES"));
    assert!(refused.message().contains("`web` waits for `db`"), "{refused:?}");
    let absent = pb::StartServiceRequest { service_name: "cache".to_owned(), ..Default::default() };
    assert_eq!(server.processes.clone().start_service(ROOT.asks(absent)).await.unwrap_err().code(), Code::NotFound);
    let wrong = pb::ScaleServiceRequest { service_name: String::new(), replicas: -1, request_id: "no uuid".to_owned() };
    let refused = scale(&server, wrong).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("request_id", "MALFORMED"), ("replicas", "OUT_OF_RANGE"), ("service_name", "MISSING")]));
    assert_eq!(platform(&server).await.revision, 1, "nothing was stored");
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_manifest_is_told_at_once_and_nothing_is_stored() {
    let server = started().await;
    let wrong = pb::ApplyManifestRequest { environment: "test".to_owned(), ..manifest("web APP two web:1\nworker APP 1 w:1 after web\n") };
    let refused = apply(&server, wrong).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("environment", "UNKNOWN_VALUE"), ("manifest.line[1]", "MALFORMED"), ("manifest", "UNMET")]));
    assert_eq!(violations(&apply(&server, manifest("")).await.unwrap_err()), pairs(&[("manifest", "MISSING")]));
    assert_eq!(platform(&server).await.revision, 0);
}

#[tokio::test]
async fn a_plan_says_what_would_be_done_and_changes_nothing() {
    let server = started().await;
    let plan = async |manifest: &str| {
        let request = pb::PlanManifestRequest { manifest: manifest.to_owned(), environment: String::new() };
        server.processes.clone().plan_manifest(ROOT.asks(request)).await.map(tonic::Response::into_inner)
    };
    let kinds = |plan: pb::Plan| {
        let actions = plan.waves.into_iter().flat_map(|wave| wave.actions);
        actions.map(|action| format!("{} {}", action.kind, action.service_name)).collect::<Vec<_>>()
    };
    assert_eq!(violations(&plan("").await.unwrap_err()), pairs(&[("manifest", "MISSING")]), "none is in force");
    assert_eq!(kinds(plan(SHOP).await.unwrap()), ["create db", "create web"]);
    assert_eq!(services(&server).await, []);
    applied(&server, SHOP).await;
    assert_eq!(kinds(plan("").await.unwrap()), Vec::<String>::new());
    assert_eq!(kinds(plan("web APP 2 web:2\n").await.unwrap()), ["replace web", "stop db"]);
    assert_eq!(platform(&server).await.revision, 1);
}

#[tokio::test]
async fn a_change_that_is_asked_for_twice_is_made_once() {
    let server = started().await;
    let first = apply(&server, pb::ApplyManifestRequest { request_id: FIRST.to_owned(), ..manifest(SHOP) }).await.unwrap();
    settled(&server, 1).await;
    let again = apply(&server, pb::ApplyManifestRequest { request_id: FIRST.to_owned(), ..manifest(SHOP) }).await.unwrap();
    assert_eq!((again.revision, again.etag), (first.revision, first.etag));
    let other = apply(&server, pb::ApplyManifestRequest { request_id: FIRST.to_owned(), ..manifest("db SYSTEM 1 db:2\n") }).await;
    assert_eq!(reason(&other.unwrap_err()), "REQUEST_ID_REUSED");
    let ask = |request_id: &str| pb::RestartServiceRequest { service_name: "web".to_owned(), request_id: request_id.to_owned() };
    let restart = async |request_id: &str| {
        let answer = server.processes.clone().restart_service(ROOT.asks(ask(request_id))).await.unwrap().into_inner();
        answer.details.map(|change| change.revision)
    };
    assert_eq!([restart(ANOTHER).await, restart(ANOTHER).await], [Some(2); 2]);
    let (start, stop) = (pb::StartServiceRequest { service_name: "web".to_owned(), request_id: ANOTHER.to_owned() }, ask(ANOTHER));
    server.processes.clone().start_service(ROOT.asks(start.clone())).await.unwrap();
    server.processes.clone().start_service(ROOT.asks(start)).await.unwrap();
    let stop = pb::StopServiceRequest { service_name: stop.service_name, request_id: stop.request_id };
    server.processes.clone().stop_service(ROOT.asks(stop.clone())).await.unwrap();
    server.processes.clone().stop_service(ROOT.asks(stop)).await.unwrap();
    let more = pb::ScaleServiceRequest { service_name: "web".to_owned(), replicas: 3, request_id: ANOTHER.to_owned() };
    scale(&server, more.clone()).await.unwrap();
    scale(&server, more).await.unwrap();
    assert_eq!(platform(&server).await.revision, 5);
}

#[tokio::test]
async fn a_manifest_is_applied_to_the_revision_that_its_author_saw() {
    let server = started().await;
    let seen = apply(&server, manifest(SHOP)).await.unwrap().etag;
    let with = |etag: &str| pb::ApplyManifestRequest { etag: etag.to_owned(), ..manifest("db SYSTEM 1 db:2\n") };
    apply(&server, with(&seen)).await.unwrap();
    let refused = apply(&server, with(&seen)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
}

#[tokio::test]
async fn what_was_asked_for_last_is_made_so_while_the_engine_is_busy_with_what_was_before() {
    let server = started().await;
    server.platform.hold(true);
    apply(&server, manifest(SHOP)).await.unwrap();
    in_time(server.platform.begun(1)).await;
    apply(&server, manifest("web APP 4 web:2\n")).await.unwrap();
    in_time(server.platform.begun(2)).await;
    assert_eq!(platform(&server).await.state(), pb::PlatformState::UnderWay);
    server.platform.hold(false);
    settled(&server, 2).await;
    assert_eq!(platform(&server).await.state(), pb::PlatformState::Reached);
    assert_eq!(services(&server).await, [("web".to_owned(), pb::ServiceState::Running, 4, 4)]);
}

#[tokio::test]
async fn an_engine_that_does_not_answer_is_asked_again() {
    let server = started().await;
    server.platform.faults().fail_next("apply", 2);
    apply(&server, manifest(SHOP)).await.unwrap();
    while platform(&server).await.state() == pb::PlatformState::UnderWay {
        server.clock.advance(std::time::Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    assert_eq!(platform(&server).await.state(), pb::PlatformState::Reached);
    server.platform.faults().fail_next("status", 1);
    let refused = server.processes.clone().get_status(ROOT.asks(pb::GetStatusRequest {})).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
}

#[tokio::test]
async fn what_a_manifest_came_to_is_stored_later_where_the_store_does_not_answer_and_nothing_is_rolled_out_again() {
    let server = started().await;
    server.known.platforms.faults().fail_next("settle", 2);
    let mut stream = follow(&server, None).await;
    apply(&server, manifest(SHOP)).await.unwrap();
    while platform(&server).await.state() == pb::PlatformState::UnderWay {
        server.clock.advance(std::time::Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    apply(&server, manifest(SHOP)).await.unwrap();
    ended(&mut stream, 1).await;
    let begun = loop {
        if let Some(What::Progress(step)) = next(&mut stream).await.what {
            break step.revision;
        }
    };
    assert_eq!(begun, 2, "the first one was rolled out once");
}

#[tokio::test]
async fn a_follower_begins_with_everything_goes_on_where_it_was_and_hears_of_silence() {
    let server = started().await;
    let mut stream = follow(&server, None).await;
    let first = next(&mut stream).await;
    assert!(matches!(&first.what, Some(What::Snapshot(all)) if all.services.is_empty()), "{first:?}");
    apply(&server, manifest(SHOP)).await.unwrap();
    let (_, place) = ended(&mut stream, 1).await;
    let heard = tokio::spawn(async move { next(&mut stream).await });
    while !heard.is_finished() {
        server.clock.advance(std::time::Duration::from_secs(5));
        tokio::task::yield_now().await;
    }
    let silent = heard.await.unwrap();
    assert!(matches!(silent.what, Some(What::Heartbeat(_))) && silent.sequence == 0, "{silent:?}");
    let mut later = follow(&server, Some(first.sequence)).await;
    assert_eq!(next(&mut later).await.sequence, first.sequence + 1);
    let mut beyond = follow(&server, Some(place + 1_000)).await;
    let begins = next(&mut beyond).await;
    let Some(What::Snapshot(all)) = begins.what else { panic!("it cannot go on there: {begins:?}") };
    assert_eq!(all.services.iter().map(|service| service.name.as_str()).collect::<Vec<_>>(), ["db", "web"]);
}

#[tokio::test]
async fn logs_of_several_services_come_merged_and_end_unless_they_are_followed() {
    let server = started().await;
    applied(&server, SHOP).await;
    let read = async |names: &[&str], tail| {
        let service_names = names.iter().map(|name| (*name).to_owned()).collect();
        let request = ROOT.asks(pb::ReadLogsRequest { service_names, tail, ..Default::default() });
        let mut stream = server.processes.clone().read_logs(request).await?.into_inner();
        let mut lines = Vec::new();
        while let Some(line) = in_time(stream.message()).await? {
            lines.push(format!("{} {}", line.service_name, line.text));
        }
        Ok::<_, Status>(lines)
    };
    assert_eq!(read(&["web", "db"], 0).await.unwrap().len(), 6);
    assert_eq!(read(&["db"], 1).await.unwrap(), ["db is ready"]);
    assert_eq!(read(&["cache"], 0).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(violations(&read(&[], -1).await.unwrap_err()), pairs(&[("tail", "OUT_OF_RANGE"), ("service_names", "MISSING")]));
}

#[tokio::test]
async fn services_page_by_name() {
    let server = started().await;
    applied(&server, "c CORE 1 c:1\na CORE 1 a:1\nb APP 1 b:1\n").await;
    let (mut names, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ROOT.asks(pb::ListServicesRequest { page_size: 2, page_token });
        let page = server.processes.clone().list_services(request).await.unwrap().into_inner();
        assert!(page.services.len() <= 2);
        names.extend(page.services.into_iter().map(|service| service.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(names, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_change_that_is_stored_is_answered_where_the_engine_does_not_answer_afterwards() {
    let server = with_integrations().await;
    server.platform.faults().fail_always("status");
    let request = pb::StartServiceRequest { service_name: "web".to_owned(), ..Default::default() };
    let answer = server.processes.clone().start_service(ROOT.asks(request)).await.unwrap().into_inner();
    assert_eq!((answer.status.as_str(), answer.details.map(|change| change.revision)), ("unknown", Some(2)));
    assert_eq!(start(&server, seven(&[("HOST", "asked")])).await.unwrap().status, "unknown");
    let stop = pb::StopIntegrationRequest { parent: ACME.to_owned(), integration_id: 9, ..Default::default() };
    assert_eq!(server.processes.clone().stop_integration(ADMIN.asks(stop)).await.unwrap().into_inner().status, "disabled");
    assert_eq!(platform(&server).await.revision, 4);
}

const ADMIN: Person = Person { tenant: "acme", ..Person::new("ann", Role::Admin) };
const WITH_INTEGRATIONS: &str =
    "web APP 1 web:1\nintegration 7 acme web HOST=a\nintegration 9 acme web HOST=c\nintegration 8 beta web HOST=b\n";
const ACME: &str = "tenants/acme";

async fn with_integrations() -> Harness {
    let server = Harness::with(Options { authenticator: Some(RoleAuthenticator::of([ROOT, ADMIN])), ..Options::default() }).await;
    applied(&server, WITH_INTEGRATIONS).await;
    server
}

async fn start(server: &Harness, request: pb::StartIntegrationRequest) -> Result<pb::Integration, Status> {
    Ok(server.processes.clone().start_integration(ADMIN.asks(request)).await?.into_inner())
}

fn seven(parameters: &[(&str, &str)]) -> pb::StartIntegrationRequest {
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    pb::StartIntegrationRequest { parent: ACME.to_owned(), integration_id: 7, parameters, ..Default::default() }
}

async fn explain(server: &Harness, integration_id: i32) -> Result<pb::IntegrationExplanation, Status> {
    let request = pb::ExplainIntegrationRequest { parent: ACME.to_owned(), integration_id };
    Ok(server.processes.clone().explain_integration(ADMIN.asks(request)).await?.into_inner())
}

#[tokio::test]
async fn an_administrator_lists_the_integrations_of_the_tenant_and_none_of_another() {
    let server = with_integrations().await;
    for parent in [ACME, ""] {
        let (mut found, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = pb::ListIntegrationsRequest { parent: parent.to_owned(), page_size: 1, page_token };
            let page = server.processes.clone().list_integrations(ADMIN.asks(request)).await.unwrap().into_inner();
            found.extend(page.integrations);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let rows: Vec<_> = found.iter().map(|one| (one.integration_id, one.status.as_str(), one.tenantcode.as_str())).collect();
        assert_eq!(rows, [(7, "running", "acme"), (9, "running", "acme")], "{parent}");
        assert_eq!(
            (found[0].service_name.as_str(), found[0].execution_dir.as_str(), found[0].executable.as_str()),
            ("web", "/srv", "/bin/run")
        );
    }
    let get = pb::GetIntegrationRequest { parent: ACME.to_owned(), integration_id: 8 };
    assert_eq!(server.processes.clone().get_integration(ADMIN.asks(get)).await.unwrap_err().code(), Code::NotFound, "it is another's");
    let foreign = pb::ListIntegrationsRequest { parent: "tenants/beta".to_owned(), ..Default::default() };
    assert_eq!(server.processes.clone().list_integrations(ADMIN.asks(foreign)).await.unwrap_err().code(), Code::PermissionDenied);
    let status = server.processes.clone().get_status(ROOT.asks(pb::GetStatusRequest {})).await.unwrap().into_inner();
    assert_eq!(status.integrations.iter().map(|one| one.integration_id).collect::<Vec<_>>(), [7, 8, 9]);
    assert_eq!(status.services.iter().map(|service| service.name.as_str()).collect::<Vec<_>>(), ["web"], "integrations are no services");
}

#[tokio::test]
async fn an_integration_is_stopped_and_started_with_parameters_of_its_own() {
    let server = with_integrations().await;
    let stop = pb::StopIntegrationRequest { parent: ACME.to_owned(), integration_id: 7, request_id: FIRST.to_owned() };
    for _ in 0..2 {
        let stopped = server.processes.clone().stop_integration(ADMIN.asks(stop.clone())).await.unwrap().into_inner();
        assert!(["stopping", "disabled"].contains(&stopped.status.as_str()), "{stopped:?}");
    }
    settled(&server, 2).await;
    let stored = platform(&server).await;
    assert_eq!((stored.revision, stored.change.as_str(), stored.author.as_str()), (2, "stop integration 7", "tenants/acme/users/ann"));
    assert_eq!(explain(&server, 7).await.unwrap().integration.map(|one| one.status), Some("disabled".to_owned()));
    for _ in 0..2 {
        start(&server, pb::StartIntegrationRequest { request_id: FIRST.to_owned(), ..seven(&[("HOST", "asked")]) }).await.unwrap();
    }
    settled(&server, 3).await;
    let explained = explain(&server, 7).await.unwrap();
    assert_eq!(explained.integration.map(|one| one.status), Some("running".to_owned()));
    let host = &explained.parameters[0];
    assert_eq!((host.name.as_str(), host.value.as_str(), host.origin.as_str(), host.conflicts), ("HOST", "asked", "override", true));
    assert_eq!(host.hidden, [pb::HiddenValue { origin: "integration".to_owned(), value: "a".to_owned() }]);
    assert_eq!((explained.ports[0].range.as_str(), explained.ports[0].port), ("web", 2_007));
    assert_eq!(platform(&server).await.revision, 3, "each was done once");
}

#[tokio::test]
async fn no_tenant_takes_over_from_a_manifest_that_is_being_applied() {
    let server = with_integrations().await;
    server.platform.hold(true);
    apply(&server, manifest(WITH_INTEGRATIONS)).await.unwrap();
    in_time(server.platform.begun(2)).await;
    let refused = start(&server, seven(&[("HOST", "asked")])).await.unwrap_err();
    assert_eq!((refused.code(), platform(&server).await.revision), (Code::Aborted, 2));
    server.platform.hold(false);
    settled(&server, 2).await;
    start(&server, seven(&[("HOST", "asked")])).await.unwrap();
    assert_eq!(platform(&server).await.revision, 3);
}

#[tokio::test]
async fn what_was_asked_of_an_integration_already_is_stored_once() {
    let server = with_integrations().await;
    for request_id in [FIRST, ANOTHER] {
        start(&server, pb::StartIntegrationRequest { request_id: request_id.to_owned(), ..seven(&[("HOST", "asked")]) }).await.unwrap();
        settled(&server, 2).await;
    }
    assert_eq!(platform(&server).await.revision, 2);
    start(&server, seven(&[("HOST", "another")])).await.unwrap();
    assert_eq!(platform(&server).await.revision, 3);
}

#[tokio::test]
async fn an_integration_is_started_with_no_variables_but_its_parameters() {
    let server = with_integrations().await;
    let refused = start(&server, seven(&[("LD_PRELOAD", "/tmp/own.so"), ("HOST", "a")])).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("parameters", "UNKNOWN_FIELD")]));
    let refused = start(&server, pb::StartIntegrationRequest { integration_id: 0, ..seven(&[]) }).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("integration_id", "OUT_OF_RANGE")]));
    assert_eq!(platform(&server).await.revision, 1);
}

/// The names that the fields of a message have in JSON.
fn json_names(message: &str) -> Vec<String> {
    let pool = DescriptorPool::decode(api_proto::DESCRIPTOR_SET).unwrap();
    let message = pool.get_message_by_name(&format!("zona.process.v1.{message}")).unwrap();
    message.fields().map(|field| field.json_name().to_owned()).collect()
}

#[test]
fn the_paths_of_the_low_level_design_have_its_names() {
    assert_eq!(json_names("StartServiceRequest")[0], "serviceName");
    assert_eq!(json_names("StartServiceResponse"), ["status", "details"]);
    assert_eq!(
        (json_names("StopServiceRequest")[0].as_str(), json_names("StopServiceResponse")),
        ("serviceName", vec!["status".to_owned()])
    );
    assert_eq!(json_names("GetStatusResponse"), ["services", "integrations"]);
    let fields = ["integration_id", "title", "action", "serviceName", "executionDir", "status", "executable", "tenantcode"];
    assert_eq!(json_names("Integration")[..8], fields);
    let pool = DescriptorPool::decode(api_proto::DESCRIPTOR_SET).unwrap();
    let (service, http) = (pool.get_service_by_name("zona.process.v1.ProcessService").unwrap(), "google.api.http");
    let http = pool.get_extension_by_name(http).unwrap();
    let routes: String = service.methods().map(|method| format!("{:?}\n", method.options().get_extension(&http))).collect();
    for path in ["/service/start", "/service/stop", "/status", "/integration/list"] {
        assert!(routes.contains(&format!("\"{path}\"")), "{path}: {routes}");
    }
}
