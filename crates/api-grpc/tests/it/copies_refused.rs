//! Copies and proposals that are refused, or cannot be read: what is recorded of them, and what of that is told to whom.

use std::num::NonZeroU32;
use std::time::Duration;

use api_proto::zona::access::v1 as access;
use api_proto::zona::audit::v1 as audit;
use api_proto::zona::utility::v1 as pb;
use test_support::TODO_RULE;
use tonic::Code;

use crate::copies::{
    ANN, COPY, OTHERS, REQUEST, ROOT, RULER, YAN, ZED, ZOE, accept, accepting, change, code, copy, copying, create, get, grant, is, listed,
    proposal, records, revoke, server, share,
};
use crate::harness::utility_name;

#[tokio::test]
async fn a_copy_counts_to_the_utilities_that_its_tenant_may_have() {
    let server = server().await;
    server.known_tenants.settle("acme", |settings| settings.quota.utilities = NonZeroU32::new(1));
    copy(&server, ZOE, copying("copy", &utility_name("some"))).await.unwrap();
    is(&copy(&server, ZOE, copying("other", &utility_name("some"))).await.unwrap_err(), Code::ResourceExhausted, "UTILITIES_FULL");
    let delete = pb::DeleteUtilityRequest { name: COPY.to_owned(), ..Default::default() };
    server.utilities.clone().delete_utility(ZED.asks(delete)).await.unwrap();
    copy(&server, ZOE, copying("other", &utility_name("some"))).await.unwrap();
    let undelete = pb::UndeleteUtilityRequest { name: COPY.to_owned(), ..Default::default() };
    let refused = server.utilities.clone().undelete_utility(ZED.asks(undelete)).await.unwrap_err();
    is(&refused, Code::ResourceExhausted, "UTILITIES_FULL");
}

#[tokio::test]
async fn copies_that_are_refused_fill_no_log_however_often_they_are_asked_for() {
    let server = server().await;
    create(&server, ANN, "kept", &code("kept")).await;
    for attempt in 0..100 {
        let refused = copy(&server, ZOE, copying(&format!("copy-{attempt}"), &utility_name("kept"))).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
    }
    server.spawner.settle().await;
    assert_eq!(records(&server, ZED, ZOE).await.len(), 60, "beyond 60 a minute they are counted");
    server.clock.advance(Duration::from_secs(60));
    server.auditor.tend().await.unwrap();
    let counted: i64 = records(&server, ZED, ZOE).await.iter().map(|record| record.count).sum();
    assert_eq!(counted, 100, "and none is missing");
}

#[tokio::test]
async fn the_same_request_is_answered_although_what_was_copied_is_no_longer_shared() {
    let server = server().await;
    let request = pb::CopyUtilityRequest { request_id: REQUEST.to_owned(), ..copying("copy", &utility_name("some")) };
    let copied = copy(&server, ZOE, request.clone()).await.unwrap();
    revoke(&server).await;
    assert_eq!(copy(&server, ZOE, request).await.unwrap(), copied);
    assert_eq!(copy(&server, ZOE, copying("other", &utility_name("some"))).await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn why_a_copy_was_refused_where_it_was_to_be_is_told_to_nobody_else() {
    let server = server().await;
    change(&server, ANN, &utility_name("some"), &code("TODO")).await;
    let policy = pb::CodePolicy { name: format!("{OTHERS}/codePolicy"), denied_rules: vec![TODO_RULE.to_owned()], ..Default::default() };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["denied_rules".to_owned()] });
    server.policies.clone().update_code_policy(ZED.asks(pb::UpdateCodePolicyRequest { policy: Some(policy), update_mask })).await.unwrap();
    copy(&server, ZOE, copying("copy", &utility_name("some"))).await.unwrap_err();
    server.spawner.settle().await;
    let told = records(&server, ROOT, ZOE).await;
    let outcomes: Vec<_> = told.iter().map(audit::AuditRecord::outcome).collect();
    assert_eq!(outcomes, [audit::AuditOutcome::Failed, audit::AuditOutcome::Intent], "that it was tried, and that nothing came of it");
    assert!(told.iter().all(|record| record.reason.is_empty() && record.changes.is_empty()), "{told:?}");
    let own = records(&server, ZED, ZOE).await;
    assert!(own.iter().any(|record| record.outcome() == audit::AuditOutcome::Failed && !record.reason.is_empty()), "{own:?}");
}

#[tokio::test]
async fn what_a_super_administrator_has_merged_is_told_to_nobody_with_whom_that_was_not_shared() {
    let server = server().await;
    copy(&server, ZOE, copying("copy", &utility_name("some"))).await.unwrap();
    grant(&server, COPY, YAN, access::Access::Read).await;
    revoke(&server).await;
    change(&server, ANN, &utility_name("some"), &code("second")).await;
    assert_eq!(get(&server, YAN, COPY).await.copied_from.unwrap().version, 1, "that was shared with the tenant");
    let seen = proposal(&server, RULER, COPY).await.unwrap();
    accept(&server, RULER, accepting(&seen)).await.unwrap();
    for nobody in [YAN, ZOE] {
        assert_eq!(get(&server, nobody, COPY).await.copied_from, None);
    }
    let from = get(&server, ZED, COPY).await.copied_from.unwrap();
    assert_eq!((from.version, from.copied_by), (2, RULER.name()));
}

#[tokio::test]
async fn a_source_that_cannot_be_read_hides_no_other_proposal() {
    let server = server().await;
    create(&server, ANN, "other", &code("first")).await;
    share(&server, ROOT, ZED, &utility_name("other")).await;
    for (id, source) in [("copy", "some"), ("second", "other")] {
        copy(&server, ZOE, copying(id, &utility_name(source))).await.unwrap();
        change(&server, ANN, &utility_name(source), &code("changed")).await;
    }
    assert_eq!(listed(&server, ZOE).await.len(), 2);
    server.utility_faults.break_next("find", 1);
    let left: Vec<String> = listed(&server, ZOE).await.into_iter().map(|proposal| proposal.source).collect();
    assert_eq!(left, [utility_name("other")]);
    server.utility_faults.fail_next("find", 1);
    let request = pb::ListProposalsRequest { parent: OTHERS.to_owned(), ..Default::default() };
    let unavailable = server.copies.clone().list_proposals(ZOE.asks(request)).await.unwrap_err();
    assert_eq!(unavailable.code(), Code::Unavailable, "what is away for a moment is no reason to leave anything out");
}
