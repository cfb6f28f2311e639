//! What copies and proposals ask of their source at each call: a share that holds, a place in the log of the tenant that shares, and
//! permission to read, whatever the caller may do with the copy.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use api_proto::zona::access::v1 as access;
use api_proto::zona::utility::v1 as pb;
use domain::name::RuntimeId;
use domain::time::Clock as _;
use tonic::{Code, Status};

use crate::copies::{
    ANN, COPY, OTHERS, ROOT, YAN, ZED, ZOE, accept, accepting, change, code, copy, copying, create, dismiss, get, grant, listed, named,
    proposal, records, server, server_of_all, share,
};
use crate::harness::{Harness, pairs, reason, utility_name, violations};
use crate::roles::Person;

/// A server on which ann of demo owns `some`, zoe of acme a copy of it, and there is something to take over. Acme may read `some` or not.
async fn followed() -> (Harness, pb::Proposal) {
    let server = server_of_all().await;
    create(&server, ANN, "some", &code("first")).await;
    share(&server, ROOT, ZED, &utility_name("some")).await;
    copy(&server, ZOE, copying("copy", &utility_name("some"))).await.unwrap();
    change(&server, ANN, &utility_name("some"), &code("second")).await;
    let seen = proposal(&server, ZOE, COPY).await.unwrap();
    revoke(&server).await;
    (server, seen)
}

async fn offer(server: &Harness, access: access::Access, expire_time: Option<prost_types::Timestamp>) {
    let (name, tenant) = (utility_name("some"), OTHERS.to_owned());
    let request = access::OfferShareRequest { name, tenant, access: access.into(), expire_time, ..Default::default() };
    server.access.clone().offer_share(ROOT.asks(request)).await.unwrap();
}

async fn agree(server: &Harness) {
    let request = access::AcceptShareRequest { parent: OTHERS.to_owned(), utility: utility_name("some"), ..Default::default() };
    server.access.clone().accept_share(ZED.asks(request)).await.unwrap();
}

async fn revoke(server: &Harness) {
    let request = access::RevokeShareRequest { name: utility_name("some"), tenant: OTHERS.to_owned(), ..Default::default() };
    server.access.clone().revoke_share(ROOT.asks(request)).await.unwrap();
}

/// What becomes of copying, showing, dismissing and accepting, in this order.
async fn tried(server: &Harness, seen: &pb::Proposal) -> [Result<(), (Code, String)>; 4] {
    let told = |status: Status| (status.code(), reason(&status));
    let copied = copy(server, ZOE, copying("another", &utility_name("some"))).await.map(drop).map_err(told);
    let shown = proposal(server, ZOE, COPY).await.map(drop).map_err(told);
    let dismissed = dismiss(server, ZOE, 2).await.map(drop).map_err(told);
    let etag = get(server, ZOE, COPY).await.etag;
    let accepted = accept(server, ZOE, pb::AcceptProposalRequest { etag, ..accepting(seen) }).await.map(drop).map_err(told);
    [copied, shown, dismissed, accepted]
}

fn refused() -> [Result<(), (Code, String)>; 4] {
    let none = || Err((Code::FailedPrecondition, "NO_PROPOSAL".to_owned()));
    [Err((Code::PermissionDenied, "PERMISSION_DENIED".to_owned())), none(), none(), none()]
}

#[tokio::test]
async fn copies_and_proposals_take_a_share_that_holds_whatever_it_allows() {
    for (share, allows) in
        [("read", true), ("execute", true), ("awaiting", false), ("declined", false), ("revoked", false), ("expired", false)]
    {
        let (server, seen) = followed().await;
        match share {
            "awaiting" => offer(&server, access::Access::Read, None).await,
            "declined" => {
                offer(&server, access::Access::Read, None).await;
                let request =
                    access::DeclineShareRequest { parent: OTHERS.to_owned(), utility: utility_name("some"), ..Default::default() };
                server.access.clone().decline_share(ZED.asks(request)).await.unwrap();
            }
            "expired" => {
                let end = server.clock.now().plus(Duration::from_secs(60)).as_millis();
                let expire_time = prost_types::Timestamp { seconds: (end / 1_000) as i64, nanos: (end % 1_000 * 1_000_000) as i32 };
                offer(&server, access::Access::Execute, Some(expire_time)).await;
                agree(&server).await;
                assert!(proposal(&server, ZOE, COPY).await.is_ok(), "it holds for a minute");
                server.clock.advance(Duration::from_secs(60));
            }
            held => {
                offer(&server, if held == "read" { access::Access::Read } else { access::Access::Execute }, None).await;
                agree(&server).await;
                if held == "revoked" {
                    revoke(&server).await;
                }
            }
        }
        let expected = if allows { [const { Ok(()) }; 4] } else { refused() };
        assert_eq!(tried(&server, &seen).await, expected, "{share}");
        let code = if allows { code("second") } else { code("first") };
        assert_eq!(get(&server, ZOE, COPY).await.code, code, "{share}");
    }
}

#[tokio::test]
async fn nothing_is_copied_shown_or_merged_where_the_tenant_that_shares_cannot_be_told() {
    let (server, seen) = followed().await;
    offer(&server, access::Access::Read, None).await;
    agree(&server).await;
    server.spawner.settle().await;
    let before = (get(&server, ZED, COPY).await, named(records(&server, ROOT, ZOE).await));
    // The intent of a change in the own log comes first, and is stored.
    let faults = server.execution_store.faults();
    let second = || {
        let (turned, calls) = (faults.clone(), AtomicU32::new(0));
        faults.meanwhile("append_audit", move || {
            if calls.fetch_add(1, Ordering::Relaxed) == 1 {
                turned.fail_next("append_audit", 1);
            }
        });
    };
    let unrecorded = |refused: Status| assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unavailable, "AUDIT_UNAVAILABLE"));
    second();
    unrecorded(copy(&server, ZOE, copying("another", &utility_name("some"))).await.unwrap_err());
    second();
    unrecorded(accept(&server, ZOE, accepting(&seen)).await.unwrap_err());
    faults.meanwhile("append_audit", || {});
    faults.fail_next("append_audit", 1);
    unrecorded(proposal(&server, ZOE, COPY).await.unwrap_err());
    server.spawner.settle().await;
    assert_eq!((get(&server, ZED, COPY).await, named(records(&server, ROOT, ZOE).await)), before);
    let request = pb::GetUtilityRequest { name: format!("{OTHERS}/utilities/another") };
    assert_eq!(server.utilities.clone().get_utility(ZED.asks(request)).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn who_may_change_a_copy_and_not_read_its_source_takes_nothing_over() {
    let server = server_of_all().await;
    create(&server, ZOE, "source", &code("first")).await;
    let source = format!("{OTHERS}/utilities/source");
    copy(&server, ZOE, copying("copy", &source)).await.unwrap();
    change(&server, ZOE, &source, &code("second")).await;
    let seen = proposal(&server, ZOE, COPY).await.unwrap();
    grant(&server, COPY, YAN, access::Access::Manage).await;
    assert_eq!(listed(&server, YAN).await, []);
    for refused in [
        proposal(&server, YAN, COPY).await.map(drop).unwrap_err(),
        accept(&server, YAN, accepting(&seen)).await.map(drop).unwrap_err(),
        dismiss(&server, YAN, 2).await.map(drop).unwrap_err(),
    ] {
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "NO_PROPOSAL"));
    }
    grant(&server, &source, YAN, access::Access::Read).await;
    assert_eq!(accept(&server, YAN, accepting(&seen)).await.unwrap().code, code("second"));
}

#[tokio::test]
async fn a_copy_asks_for_fresh_processes_as_its_source_does_and_keeps_what_it_is_told_to() {
    let server = server().await;
    let ask = async |who: Person, name: &str, fresh_processes: bool| {
        let utility = Some(pb::Utility { name: name.to_owned(), fresh_processes, ..Default::default() });
        let update_mask = Some(prost_types::FieldMask { paths: vec!["fresh_processes".to_owned()] });
        let request = pb::UpdateUtilityRequest { utility, update_mask, ..Default::default() };
        server.utilities.clone().update_utility(who.asks(request)).await.unwrap();
    };
    ask(ANN, &utility_name("some"), true).await;
    assert!(copy(&server, ZOE, copying("copy", &utility_name("some"))).await.unwrap().fresh_processes);

    ask(ANN, &utility_name("some"), false).await;
    let proposed = proposal(&server, ZOE, COPY).await.unwrap();
    assert_eq!((proposed.changed_fields.clone(), proposed.conflicting_fields.len()), (vec!["fresh_processes".to_owned()], 0));
    let kept = pb::AcceptProposalRequest { keep_fields: vec!["fresh_processes".to_owned()], ..accepting(&proposed) };
    assert!(accept(&server, ZOE, kept).await.unwrap().fresh_processes, "the source takes nothing from what was asked for here");

    ask(ANN, &utility_name("some"), true).await;
    change(&server, ANN, &utility_name("some"), &code("another")).await;
    ask(ZOE, COPY, false).await;
    let proposed = proposal(&server, ZOE, COPY).await.unwrap();
    assert!(accept(&server, ZOE, accepting(&proposed)).await.unwrap().fresh_processes, "the source has asked since");
}

#[tokio::test]
async fn a_copy_takes_a_runtime_that_its_own_tenant_may_use() {
    let (server, seen) = followed().await;
    offer(&server, access::Access::Read, None).await;
    agree(&server).await;
    server.known_tenants.settle("acme", |settings| settings.runtimes = vec![RuntimeId::new("another")]);
    let refused = copy(&server, ZOE, copying("another", &utility_name("some"))).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("utility.runtime", "RUNTIME_NOT_ALLOWED")]));
    let refused = accept(&server, ZOE, accepting(&seen)).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("utility.runtime", "RUNTIME_NOT_ALLOWED")]));
}
