//! How often tenants may call: counted by what a call does and by the tenant of who calls, before anything else of it is looked at.

use std::sync::Arc;

use api_proto::zona::execution::v1 as executions;
use api_proto::zona::utility::v1 as pb;
use domain::identity::Role;
use domain::limit::CallClass;
use test_support::FakeLimits;
use tonic::{Code, Status};

use crate::harness::{Harness, Options, details, reason, utility_name};
use crate::roles::{Person, RoleAuthenticator};

const HERE: Person = Person::new("ann", Role::Admin);
const ELSEWHERE: Person = Person { tenant: "acme", ..Person::new("bob", Role::Admin) };

/// A server, and its limits, which a test may change.
async fn server() -> (Harness, Arc<FakeLimits>) {
    let options = Options { authenticator: Some(RoleAuthenticator::of([HERE, ELSEWHERE])), ..Options::default() };
    let limits = options.limits.clone();
    (Harness::with(options).await, limits)
}

async fn get(server: &Harness, person: Person, name: String) -> Result<pb::Utility, Status> {
    Ok(server.utilities.clone().get_utility(person.asks(pb::GetUtilityRequest { name })).await?.into_inner())
}

#[tokio::test]
async fn a_tenant_that_calls_too_often_is_told_when_to_come_back_and_no_other_notices() {
    let (server, limits) = server().await;
    limits.leave("demo", CallClass::Read, 2);
    let absent = || utility_name("absent");
    for _ in 0..2 {
        assert_eq!(get(&server, HERE, absent()).await.unwrap_err().code(), Code::NotFound);
    }
    let refused = get(&server, HERE, absent()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "RATE_LIMITED"));
    let details = details(&refused);
    assert!(details.retry_info().and_then(|retry| retry.retry_delay).is_some_and(|delay| !delay.is_zero()));
    assert_eq!(details.quota_failure().unwrap().violations[0].subject, "tenants/demo");
    let other = get(&server, ELSEWHERE, "tenants/acme/utilities/absent".to_owned()).await.unwrap_err();
    assert_eq!(other.code(), Code::NotFound);
}

#[tokio::test]
async fn reads_changes_and_executions_count_for_themselves() {
    let (server, limits) = server().await;
    for class in [CallClass::Write, CallClass::Execute] {
        limits.leave("demo", class, 0);
    }
    assert_eq!(get(&server, HERE, utility_name("absent")).await.unwrap_err().code(), Code::NotFound);
    let delete = pb::DeleteUtilityRequest { name: utility_name("absent"), ..Default::default() };
    let refused = server.utilities.clone().delete_utility(HERE.asks(delete)).await.unwrap_err();
    assert_eq!(reason(&refused), "RATE_LIMITED");
    let transform = executions::TransformRequest { name: utility_name("absent"), values_json: vec!["1".to_owned()], ..Default::default() };
    let refused = server.executions.clone().transform(HERE.asks(transform)).await.unwrap_err();
    assert_eq!(reason(&refused), "RATE_LIMITED");
}

#[tokio::test]
async fn a_call_about_another_tenant_counts_for_the_tenant_of_who_calls() {
    let (server, limits) = server().await;
    limits.leave("acme", CallClass::Read, 0);
    let denied = get(&server, HERE, "tenants/acme/utilities/absent".to_owned()).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
}
