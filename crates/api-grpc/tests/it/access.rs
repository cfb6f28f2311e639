//! Who is let in: held for every method of the contract, driven by its descriptors.

use std::sync::Arc;

use api_proto::zona::annotations::v1::Who;
use api_proto::zona::utility::v1 as pb;
use prost::Message as _;
use prost_reflect::MethodDescriptor;
use tonic::{Code, Request, Status};

use crate::fakes::{RecordingRules, TokenAuthenticator};
use crate::generic::{call_with, demanding, methods, methods_about_tenants, name_in, named_request, path, send};
use crate::harness::{Harness, LOCAL, Options, details, reason};

#[tokio::test]
async fn every_method_demands_exactly_the_action_that_the_contract_states() {
    let rules = Arc::new(RecordingRules::default());
    let server = Harness::with(Options { rules: Some(rules.clone()), ..Options::default() }).await;
    let permissions = api_proto::permissions();
    for method in demanding() {
        let path = path(&method);
        let refused = call_with(&server.channel, &method, &named_request(&method, "demo")).await.expect_err(&path);
        assert_eq!((refused.code(), reason(&refused)), (Code::PermissionDenied, "PERMISSION_DENIED".to_owned()), "{path}");
        let asked: Vec<&str> = rules.take().into_iter().map(|(action, _)| action.name).collect();
        let stated = &permissions[&path].action;
        assert_eq!(asked, [stated], "{path}");
        assert_eq!(details(&refused).error_info().unwrap().metadata.get("action"), Some(stated), "{path}");
    }
}

#[tokio::test]
async fn every_method_is_decided_about_exactly_the_resource_that_it_names() {
    let rules = Arc::new(RecordingRules::default());
    let server = Harness::with(Options { rules: Some(rules.clone()), ..Options::default() }).await;
    for method in demanding() {
        let request = named_request(&method, "demo");
        call_with(&server.channel, &method, &request).await.expect_err(&path(&method));
        let asked: Vec<String> = rules.take().into_iter().map(|(_, target)| target).collect();
        let unnamed = if method.name() == "WhoAmI" { LOCAL } else { "the installation" };
        assert_eq!(asked, [name_in(&request).unwrap_or(unnamed.to_owned())], "{}", path(&method));
    }
}

#[tokio::test]
async fn a_caller_of_whom_nothing_is_known_is_unauthenticated_in_every_method() {
    let authenticator = Arc::new(TokenAuthenticator::default());
    let server = Harness::with(Options { authenticator: Some(authenticator.clone()), ..Options::default() }).await;
    for method in demanding() {
        // Not even the name is read.
        for tenant in ["demo", "Not A Tenant"] {
            let refused = call_with(&server.channel, &method, &named_request(&method, tenant)).await.expect_err(&path(&method));
            assert_eq!((refused.code(), reason(&refused)), (Code::Unauthenticated, "UNAUTHENTICATED".to_owned()), "{}", path(&method));
        }
        let mut request = Request::new(named_request(&method, "demo").encode_to_vec().into());
        request.metadata_mut().insert("authorization", TokenAuthenticator::TOKEN.parse().unwrap());
        let answered = send(&server.channel, &path(&method), request).await.map(drop);
        is_denied_only_what_the_known_do(&method, answered);
    }
    let peers = authenticator.peers.lock().unwrap();
    assert!(peers.iter().all(|peer| peer.is_some_and(|peer| peer.is_loopback())), "it is told where a call comes from: {peers:?}");
}

#[tokio::test]
async fn a_caller_from_another_host_is_denied_every_method() {
    for peer in ["192.0.2.7:4711", "[2001:db8::7]:4711"] {
        let server = Harness::with(Options { peer: Some(peer.parse().unwrap()), ..Options::default() }).await;
        for method in demanding() {
            let refused = call_with(&server.channel, &method, &named_request(&method, "demo")).await.expect_err(&path(&method));
            assert_eq!(refused.code(), Code::PermissionDenied, "{}", path(&method));
        }
    }
}

#[tokio::test]
async fn no_method_reaches_into_another_tenant() {
    let server = Harness::start().await;
    for method in methods_about_tenants() {
        let refused = call_with(&server.channel, &method, &named_request(&method, "acme")).await.expect_err(&path(&method));
        assert_eq!(refused.code(), Code::PermissionDenied, "{}", path(&method));
    }
}

#[tokio::test]
async fn what_is_about_the_installation_is_denied_to_callers_of_other_tenants() {
    let principal = "tenants/acme/users/ann".to_owned();
    let server = Harness::with(Options { principal, ..Options::default() }).await;
    let about_tenants: Vec<_> = methods_about_tenants().iter().map(path).collect();
    for method in demanding().into_iter().filter(|method| !about_tenants.contains(&path(method))) {
        let refused = call_with(&server.channel, &method, &named_request(&method, "demo")).await.expect_err(&path(&method));
        assert_eq!((refused.code(), reason(&refused)), (Code::PermissionDenied, "PERMISSION_DENIED".to_owned()), "{}", path(&method));
    }
}

#[tokio::test]
async fn a_caller_of_the_tenant_on_this_host_is_never_denied() {
    let server = Harness::start().await;
    for method in demanding() {
        let answered = call_with(&server.channel, &method, &named_request(&method, "demo")).await.map(drop);
        is_denied_only_what_the_known_do(&method, answered);
    }
}

/// Whoever makes or stops tenants must have proven who they are; everything else in its tenant is open to the local caller.
fn is_denied_only_what_the_known_do(method: &MethodDescriptor, answered: Result<(), Status>) {
    let permission = &api_proto::permissions()[&path(method)];
    let is_for_the_known = permission.resource == "tenant" && permission.who() == Who::All;
    let is_denied = answered.as_ref().is_err_and(|status| status.code() == Code::PermissionDenied);
    let is_unknown = answered.as_ref().is_err_and(|status| status.code() == Code::Unauthenticated);
    assert!(is_denied == is_for_the_known && !is_unknown, "{}: {answered:?}", path(method));
}

#[tokio::test]
async fn a_denial_says_nothing_about_the_body_or_about_existence() {
    let rules = Arc::new(RecordingRules::default());
    let server = Harness::with(Options { rules: Some(rules), ..Options::default() }).await;
    let mut client = server.utilities.clone();
    let name = "tenants/demo/utilities/some".to_owned();
    let good = pb::UpdateUtilityRequest { utility: Some(pb::Utility { name, ..Default::default() }), ..Default::default() };
    let bad = pb::UpdateUtilityRequest { request_id: "no uuid".to_owned(), message: "x".repeat(5_000), ..good.clone() };
    let (first, second) = (client.update_utility(good).await.unwrap_err(), client.update_utility(bad).await.unwrap_err());
    assert_eq!((first.code(), first.message()), (second.code(), second.message()));
    let (first_details, second_details) = (details(&first), details(&second));
    assert!(first_details.bad_request().is_none() && second_details.bad_request().is_none());
    assert_eq!(first_details.error_info().unwrap().metadata, second_details.error_info().unwrap().metadata);
    assert!(first.message().contains("or it might not exist"), "{first}");
}

#[tokio::test]
async fn a_name_that_is_none_is_the_callers_mistake_in_every_method() {
    let server = Harness::start().await;
    for method in methods_about_tenants() {
        let refused = call_with(&server.channel, &method, &named_request(&method, "Not A Tenant")).await.expect_err(&path(&method));
        assert_eq!((refused.code(), reason(&refused)), (Code::InvalidArgument, "INVALID_FIELDS".to_owned()), "{}", path(&method));
    }
}

#[tokio::test]
async fn methods_that_are_open_to_anyone_ask_nobody_who_calls_and_for_no_permission() {
    let (rules, authenticator) = (Arc::new(RecordingRules::default()), Arc::new(TokenAuthenticator::default()));
    let options = Options { rules: Some(rules.clone()), authenticator: Some(authenticator.clone()), ..Options::default() };
    let server = Harness::with(options).await;
    let demanding: Vec<String> = demanding().iter().map(path).collect();
    let open: Vec<_> = methods().into_iter().map(|method| path(&method)).filter(|path| !demanding.contains(path)).collect();
    assert_eq!(open.len(), 4, "{open:?}");
    for path in open {
        let mut request = Request::new(Vec::new().into());
        request.metadata_mut().insert("authorization", "Bearer nonsense".parse().unwrap());
        if let Err(status) = send(&server.channel, &path, request).await {
            assert!(!matches!(status.code(), Code::PermissionDenied | Code::Internal), "{path}: {status:?}");
        }
    }
    assert!(rules.take().is_empty());
    assert!(authenticator.peers.lock().unwrap().is_empty());
}
