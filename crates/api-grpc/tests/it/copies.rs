//! Copies and proposals through the API: where a copy comes from, what its source becomes, and that nothing here is overwritten unseen.

use api_proto::zona::access::v1 as access;
use api_proto::zona::audit::v1 as audit;
use api_proto::zona::utility::v1 as pb;
use domain::identity::Role;
use domain::tenant::TenantState;
use test_support::TODO_RULE;
use tonic::{Code, Status};

use crate::harness::{Harness, TENANT, details, pairs, reason, utility_name, violations};
use crate::roles::{Person, server_of};

pub const OTHERS: &str = "tenants/acme";
pub const COPY: &str = "tenants/acme/utilities/copy";
/// Of the tenant that shares.
pub const ROOT: Person = Person::new("root", Role::Admin);
pub const ANN: Person = Person::new("ann", Role::Creator);
/// Of the tenant that copies.
pub const ZED: Person = Person { tenant: "acme", ..Person::new("zed", Role::Admin) };
pub const ZOE: Person = Person { tenant: "acme", ..Person::new("zoe", Role::User) };
pub const YAN: Person = Person { tenant: "acme", ..Person::new("yan", Role::User) };
/// Of a third one.
const MAX: Person = Person { tenant: "beta", ..Person::new("max", Role::Admin) };
/// Of the installation.
pub const RULER: Person = Person { tenant: "system", ..Person::new("ruler", Role::SuperAdmin) };
pub const REQUEST: &str = "0192e5a4-7f2b-7c64-9d1e-3a5b8c7d9e0f";

/// A program with these words in it, one a line.
pub fn code(words: &str) -> String {
    let lines: String = words.split(' ').map(|word| format!("    # {word}\n")).collect();
    format!("def main():\n    #: return 1\n{lines}")
}

/// A server that knows all of them.
pub async fn server_of_all() -> Harness {
    server_of(&[ROOT, ANN, ZED, ZOE, YAN, MAX, RULER]).await
}

/// A server on which ann of demo owns `some`, which acme may read.
pub async fn server() -> Harness {
    let server = server_of_all().await;
    create(&server, ANN, "some", &code("one two three four five")).await;
    share(&server, ROOT, ZED, &utility_name("some")).await;
    server
}

pub async fn create(server: &Harness, who: Person, id: &str, code: &str) {
    let utility = pb::Utility { code: code.to_owned(), display_name: "Some".to_owned(), show_secrets: true, ..Default::default() };
    let (parent, utility_id) = (format!("tenants/{}", who.tenant), id.to_owned());
    let request = pb::CreateUtilityRequest { parent, utility_id, utility: Some(utility), ..Default::default() };
    server.utilities.clone().create_utility(who.asks(request)).await.unwrap();
}

pub async fn share(server: &Harness, from: Person, to: Person, name: &str) {
    let parent = format!("tenants/{}", to.tenant);
    let (name, access) = (name.to_owned(), access::Access::Read.into());
    let offer = access::OfferShareRequest { name: name.clone(), tenant: parent.clone(), access, ..Default::default() };
    server.access.clone().offer_share(from.asks(offer)).await.unwrap();
    let answer = access::AcceptShareRequest { parent, utility: name, ..Default::default() };
    server.access.clone().accept_share(to.asks(answer)).await.unwrap();
}

pub async fn revoke(server: &Harness) {
    let request = access::RevokeShareRequest { name: utility_name("some"), tenant: OTHERS.to_owned(), ..Default::default() };
    server.access.clone().revoke_share(ROOT.asks(request)).await.unwrap();
}

pub fn copying(id: &str, source: &str) -> pb::CopyUtilityRequest {
    let (parent, utility_id, source) = (OTHERS.to_owned(), id.to_owned(), source.to_owned());
    pb::CopyUtilityRequest { parent, utility_id, source, ..Default::default() }
}

pub async fn copy(server: &Harness, who: Person, request: pb::CopyUtilityRequest) -> Result<pb::Utility, Status> {
    Ok(server.copies.clone().copy_utility(who.asks(request)).await?.into_inner())
}

pub async fn get(server: &Harness, who: Person, name: &str) -> pb::Utility {
    let request = pb::GetUtilityRequest { name: name.to_owned() };
    server.utilities.clone().get_utility(who.asks(request)).await.unwrap().into_inner()
}

/// Changes the code, and answers the utility.
pub async fn change(server: &Harness, who: Person, name: &str, code: &str) -> pb::Utility {
    let utility = Some(pb::Utility { name: name.to_owned(), code: code.to_owned(), ..Default::default() });
    let update_mask = Some(prost_types::FieldMask { paths: vec!["code".to_owned()] });
    let request = pb::UpdateUtilityRequest { utility, update_mask, ..Default::default() };
    server.utilities.clone().update_utility(who.asks(request)).await.unwrap().into_inner()
}

pub async fn listed(server: &Harness, who: Person) -> Vec<pb::Proposal> {
    let request = pb::ListProposalsRequest { parent: format!("tenants/{}", who.tenant), ..Default::default() };
    server.copies.clone().list_proposals(who.asks(request)).await.unwrap().into_inner().proposals
}

pub async fn proposal(server: &Harness, who: Person, name: &str) -> Result<pb::Proposal, Status> {
    let request = pb::GetProposalRequest { name: name.to_owned() };
    Ok(server.copies.clone().get_proposal(who.asks(request)).await?.into_inner())
}

pub fn accepting(proposal: &pb::Proposal) -> pb::AcceptProposalRequest {
    let (name, source_version, etag) = (proposal.utility.clone(), proposal.source_version, proposal.etag.clone());
    pb::AcceptProposalRequest { name, source_version, etag, ..Default::default() }
}

pub async fn accept(server: &Harness, who: Person, request: pb::AcceptProposalRequest) -> Result<pb::Utility, Status> {
    Ok(server.copies.clone().accept_proposal(who.asks(request)).await?.into_inner())
}

pub async fn dismiss(server: &Harness, who: Person, source_version: i32) -> Result<pb::Utility, Status> {
    let request = pb::DismissProposalRequest { name: COPY.to_owned(), source_version, ..Default::default() };
    Ok(server.copies.clone().dismiss_proposal(who.asks(request)).await?.into_inner())
}

pub fn is(status: &Status, code: Code, because: &str) {
    assert_eq!((status.code(), reason(status).as_str()), (code, because), "{status:?}");
}

#[tokio::test]
async fn a_copy_is_the_callers_own_and_knows_where_it_comes_from() {
    let server = server().await;
    let source = get(&server, ANN, &utility_name("some")).await;
    let request = pb::CopyUtilityRequest { request_id: REQUEST.to_owned(), ..copying("copy", &source.name) };
    let copied = copy(&server, ZOE, request.clone()).await.unwrap();
    assert_eq!((copied.name.as_str(), copied.owner.clone(), copied.latest_version), (COPY, ZOE.name(), 1));
    assert_eq!((&copied.code, &copied.content_hash, &copied.display_name), (&source.code, &source.content_hash, &source.display_name));
    assert!(!copied.show_secrets, "what becomes of secrets is decided anew");
    let from = copied.copied_from.clone().unwrap();
    assert_eq!((&from.source, from.version, &from.content_hash, from.copied_by), (&source.name, 1, &source.content_hash, ZOE.name()));
    assert!(from.copy_time.is_some());
    assert_eq!(get(&server, ZOE, COPY).await, copied);

    assert_eq!(copy(&server, ZOE, request).await.unwrap(), copied, "the same request has one answer");
    let taken = copy(&server, ZOE, copying("copy", &source.name)).await.unwrap_err();
    assert_eq!(taken.code(), Code::AlreadyExists);
    assert_eq!(get(&server, ZOE, COPY).await, copied, "nothing is overwritten");

    change(&server, ANN, &source.name, &code("another")).await;
    let old = pb::CopyUtilityRequest { source_version: 1, ..copying("old", &source.name) };
    assert_eq!(copy(&server, ZED, old).await.unwrap().code, source.code);
    let within = pb::CopyUtilityRequest { parent: TENANT.to_owned(), ..copying("mine", &source.name) };
    assert_eq!(copy(&server, ANN, within).await.unwrap().copied_from.unwrap().version, 2);
}

#[tokio::test]
async fn nothing_is_copied_that_the_caller_may_not_read() {
    let server = server().await;
    create(&server, ANN, "kept", &code("kept")).await;
    create(&server, ZED, "zeds", &code("zeds")).await;
    let say = async |who: Person, parent: &str, source: String| {
        let request = pb::CopyUtilityRequest { parent: parent.to_owned(), ..copying("copy", &source) };
        let refused = copy(&server, who, request).await.unwrap_err();
        let id = source.rsplit('/').next().unwrap().to_owned();
        (refused.code(), refused.message().replace(&id, "ID"), reason(&refused))
    };
    let kept = say(ZOE, OTHERS, utility_name("kept")).await;
    assert_eq!(kept, say(ZOE, OTHERS, utility_name("none")).await, "what exists is refused as what does not");
    assert_eq!(kept.0, Code::PermissionDenied);
    assert_eq!(say(MAX, "tenants/beta", utility_name("some")).await.0, Code::PermissionDenied);
    assert_eq!(say(ZOE, TENANT, utility_name("some")).await.0, Code::PermissionDenied, "into another tenant");
    let zeds = say(ZOE, OTHERS, "tenants/acme/utilities/zeds".to_owned()).await;
    assert_eq!(zeds, say(ZOE, OTHERS, "tenants/acme/utilities/nonx".to_owned()).await);
    assert_eq!(zeds.0, Code::NotFound);
    let wrong = pb::CopyUtilityRequest { request_id: "no uuid".to_owned(), source_version: -1, ..copying("No Id", "no name") };
    let refused = copy(&server, ZOE, wrong).await.unwrap_err();
    let fields: Vec<String> = violations(&refused).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["request_id", "utility_id", "source", "source_version"]);
}

#[tokio::test]
async fn a_copy_passes_the_policy_of_its_own_tenant() {
    let server = server().await;
    change(&server, ANN, &utility_name("some"), &code("TODO")).await;
    let policy = pb::CodePolicy { name: format!("{OTHERS}/codePolicy"), denied_rules: vec![TODO_RULE.to_owned()], ..Default::default() };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["denied_rules".to_owned()] });
    let request = pb::UpdateCodePolicyRequest { policy: Some(policy), update_mask };
    server.policies.clone().update_code_policy(ZED.asks(request)).await.unwrap();
    let refused = copy(&server, ZOE, copying("copy", &utility_name("some"))).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("utility.code", TODO_RULE)]));
    let old = pb::CopyUtilityRequest { source_version: 1, ..copying("copy", &utility_name("some")) };
    copy(&server, ZOE, old).await.unwrap();
    let proposed = proposal(&server, ZOE, COPY).await.unwrap();
    let refused = accept(&server, ZOE, accepting(&proposed)).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("utility.code", TODO_RULE)]));
    assert_eq!(get(&server, ZOE, COPY).await.latest_version, 1);
}

#[tokio::test]
async fn where_a_copy_comes_from_is_told_to_nobody_who_could_not_know() {
    let server = server().await;
    copy(&server, ZOE, copying("copy", &utility_name("some"))).await.unwrap();
    share(&server, ZED, MAX, COPY).await;
    let shown = get(&server, MAX, COPY).await;
    assert_eq!(shown.copied_from, None, "a third tenant knows nothing of the first");
    let versions = pb::ListUtilityVersionsRequest { parent: COPY.to_owned(), ..Default::default() };
    let versions = server.utilities.clone().list_utility_versions(MAX.asks(versions)).await.unwrap().into_inner().versions;
    assert_eq!(versions.into_iter().map(|version| version.message).collect::<Vec<_>>(), ["Copy of version 1 of its source"]);
    is(&proposal(&server, MAX, COPY).await.unwrap_err(), Code::FailedPrecondition, "NO_PROPOSAL");
    // Within a tenant: who may read the copy need not know the source.
    let within = pb::CopyUtilityRequest { parent: OTHERS.to_owned(), ..copying("second", COPY) };
    copy(&server, ZOE, within).await.unwrap();
    let second = "tenants/acme/utilities/second".to_owned();
    grant(&server, &second, YAN, access::Access::Read).await;
    assert_eq!(get(&server, YAN, &second).await.copied_from, None);
    for who in [ZED, ZOE] {
        assert_eq!(get(&server, who, &second).await.copied_from.unwrap().source, COPY);
    }
    // Who may read the source, too, is proposed what it becomes.
    change(&server, ZOE, COPY, &code("another")).await;
    is(&proposal(&server, YAN, &second).await.unwrap_err(), Code::FailedPrecondition, "NO_PROPOSAL");
    grant(&server, COPY, YAN, access::Access::Read).await;
    assert_eq!(proposal(&server, YAN, &second).await.unwrap().source, COPY);
}

#[tokio::test]
async fn where_a_super_administrator_has_copied_from_is_told_to_nobody_with_whom_that_was_not_shared() {
    let server = server().await;
    create(&server, ANN, "kept", &code("kept")).await;
    copy(&server, RULER, copying("copy", &utility_name("kept"))).await.unwrap();
    copy(&server, ZOE, copying("shared", &utility_name("some"))).await.unwrap();
    let shared = format!("{OTHERS}/utilities/shared");
    grant(&server, COPY, YAN, access::Access::Read).await;
    grant(&server, &shared, YAN, access::Access::Read).await;
    assert_eq!(get(&server, YAN, COPY).await.copied_from, None);
    assert_eq!(get(&server, ZED, COPY).await.copied_from.unwrap().source, utility_name("kept"));
    assert_eq!(get(&server, YAN, &shared).await.copied_from.unwrap().source, utility_name("some"));
}

/// The administrator of the tenant that copies grants this to somebody.
pub async fn grant(server: &Harness, name: &str, to: Person, access: access::Access) {
    let (name, grantee) = (name.to_owned(), to.name());
    let request = access::GrantAccessRequest { name, grantee, access: access.into(), ..Default::default() };
    server.access.clone().grant_access(ZED.asks(request)).await.unwrap();
}

#[tokio::test]
async fn what_the_source_becomes_is_proposed_and_merged_with_what_was_changed_here() {
    let server = server().await;
    copy(&server, ZOE, copying("copy", &utility_name("some"))).await.unwrap();
    assert_eq!(listed(&server, ZOE).await, []);
    is(&proposal(&server, ZOE, COPY).await.unwrap_err(), Code::FailedPrecondition, "NO_PROPOSAL");
    change(&server, ZOE, COPY, &code("ONE two three four five")).await;
    change(&server, ANN, &utility_name("some"), &code("one two three four FIVE six")).await;

    let computed = server.processor.made();
    let proposed = proposal(&server, ZOE, COPY).await.unwrap();
    assert_eq!(server.processor.made(), computed + 1, "not on a thread that serves");
    assert_eq!((proposed.source.as_str(), proposed.base_version, proposed.source_version), (utility_name("some").as_str(), 1, 2));
    assert_eq!((proposed.merged_code.as_str(), &proposed.conflicts), (code("ONE two three four FIVE six").as_str(), &vec![]));
    assert!(proposed.source_diff.contains("+    # FIVE") && !proposed.source_diff.contains("ONE"), "{}", proposed.source_diff);
    assert!(proposed.local_diff.contains("+    # ONE") && !proposed.local_diff.contains("FIVE"), "{}", proposed.local_diff);
    assert_eq!(proposed.changed_fields, ["code"]);
    let short = &listed(&server, ZOE).await[0];
    assert_eq!(
        (&short.utility, short.source_version, &short.etag, &short.merged_code),
        (&proposed.utility, 2, &proposed.etag, &String::new())
    );
    assert_eq!(listed(&server, YAN).await, [], "whose copy it is not is proposed nothing");

    // Nothing is merged unseen.
    let blind = accept(&server, ZOE, pb::AcceptProposalRequest { etag: String::new(), ..accepting(&proposed) }).await.unwrap_err();
    assert_eq!(violations(&blind), pairs(&[("etag", "MISSING")]));
    let older = accept(&server, ZOE, pb::AcceptProposalRequest { source_version: 1, ..accepting(&proposed) }).await.unwrap_err();
    is(&older, Code::Aborted, "ETAG_MISMATCH");
    change(&server, ZOE, COPY, &code("ONE TWO three four five")).await;
    is(&accept(&server, ZOE, accepting(&proposed)).await.unwrap_err(), Code::Aborted, "ETAG_MISMATCH");

    let seen = proposal(&server, ZOE, COPY).await.unwrap();
    let request = pb::AcceptProposalRequest { request_id: REQUEST.to_owned(), ..accepting(&seen) };
    let computed = server.processor.made();
    let merged = accept(&server, ZOE, request.clone()).await.unwrap();
    assert_eq!(server.processor.made(), computed + 1);
    assert_eq!((merged.code.as_str(), merged.latest_version), (code("ONE TWO three four FIVE six").as_str(), 4));
    let from = merged.copied_from.clone().unwrap();
    assert_eq!((from.version, from.copied_by), (2, ZOE.name()));
    assert_eq!(accept(&server, ZOE, request).await.unwrap(), merged, "the same request has one answer");
    assert_eq!(listed(&server, ZOE).await, []);
    is(&accept(&server, ZOE, accepting(&seen)).await.unwrap_err(), Code::Aborted, "ETAG_MISMATCH");
}

#[tokio::test]
async fn conflicts_are_refused_with_their_places_and_settled_by_the_caller() {
    let server = server().await;
    copy(&server, ZOE, copying("copy", &utility_name("some"))).await.unwrap();
    change(&server, ZOE, COPY, &code("one two HERE four five")).await;
    change(&server, ANN, &utility_name("some"), &code("one two THERE four five")).await;
    let memory = async |who: Person, name: &str, mebibytes: i64| {
        let limits = Some(pb::Limits { memory_bytes: mebibytes * 1024 * 1024, ..Default::default() });
        let utility = Some(pb::Utility { name: name.to_owned(), limits, ..Default::default() });
        let update_mask = Some(prost_types::FieldMask { paths: vec!["limits.memory_bytes".to_owned()] });
        let request = pb::UpdateUtilityRequest { utility, update_mask, ..Default::default() };
        server.utilities.clone().update_utility(who.asks(request)).await.unwrap();
    };
    memory(ZOE, COPY, 64).await;
    memory(ANN, &utility_name("some"), 128).await;

    let proposed = proposal(&server, ZOE, COPY).await.unwrap();
    let [conflict] = proposed.conflicts[..] else { panic!("{proposed:?}") };
    let lines: Vec<&str> = proposed.merged_code.lines().collect();
    let between = &lines[conflict.first_line as usize - 1..conflict.last_line as usize];
    assert!(["    # HERE", "    # three", "    # THERE"].iter().all(|line| between.contains(line)), "{between:?}");
    assert_eq!(
        (&proposed.conflicting_fields, &proposed.changed_fields),
        (&vec!["limits".to_owned()], &vec!["code".to_owned(), "limits".to_owned()])
    );

    let places = format!("lines {} to {} of the merged code", conflict.first_line, conflict.last_line);
    let settled = pb::AcceptProposalRequest { code: Some(code("one two BOTH four five")), ..accepting(&proposed) };
    for (request, named) in [(accepting(&proposed), vec![places.as_str(), "limits"]), (settled.clone(), vec!["limits"])] {
        let refused = accept(&server, ZOE, request).await.unwrap_err();
        is(&refused, Code::FailedPrecondition, "MERGE_CONFLICT");
        assert!(named.iter().all(|place| refused.message().contains(place)), "{}", refused.message());
    }
    let given = pb::AcceptProposalRequest { keep_fields: vec!["limits".to_owned()], ..accepting(&proposed) };
    is(&accept(&server, ZOE, given).await.unwrap_err(), Code::FailedPrecondition, "MERGE_CONFLICT");
    let unknown = pb::AcceptProposalRequest { keep_fields: vec!["kind".to_owned()], ..settled.clone() };
    assert_eq!(violations(&accept(&server, ZOE, unknown).await.unwrap_err()), pairs(&[("keep_fields[0]", "UNKNOWN_FIELD")]));
    let many = pb::AcceptProposalRequest { keep_fields: vec!["kind".to_owned(); 100_000], ..settled.clone() };
    let refused = accept(&server, ZOE, many).await.unwrap_err();
    assert_eq!(details(&refused).error_info().unwrap().metadata["violations"], "1000", "{refused:?}");
    let settled = pb::AcceptProposalRequest { keep_fields: vec!["limits".to_owned()], ..settled };
    let merged = accept(&server, ZOE, settled).await.unwrap();
    assert_eq!((merged.code, merged.limits.unwrap().memory_bytes), (code("one two BOTH four five"), 64 * 1024 * 1024));
}

#[tokio::test]
async fn what_was_dismissed_is_proposed_again_once_the_source_has_changed_again() {
    let server = server().await;
    copy(&server, ZOE, copying("copy", &utility_name("some"))).await.unwrap();
    change(&server, ANN, &utility_name("some"), &code("second")).await;
    is(&dismiss(&server, ZOE, 1).await.unwrap_err(), Code::Aborted, "ETAG_MISMATCH");
    let before = get(&server, ZOE, COPY).await;
    let left = dismiss(&server, ZOE, 2).await.unwrap();
    assert_eq!((&left.code, left.latest_version, &left.copied_from), (&before.code, 1, &before.copied_from));
    assert_eq!(listed(&server, ZOE).await, []);
    assert!(proposal(&server, ZOE, COPY).await.unwrap().dismissed);
    change(&server, ANN, &utility_name("some"), &code("third")).await;
    assert_eq!(listed(&server, ZOE).await.iter().map(|proposal| proposal.source_version).collect::<Vec<_>>(), [3]);
    change(&server, ANN, &utility_name("some"), &code("one two three four five")).await;
    assert_eq!(listed(&server, ZOE).await, [], "it is what was copied");
}

#[tokio::test]
async fn nothing_is_told_of_a_source_that_is_no_longer_shared() {
    let server = server().await;
    copy(&server, ZOE, copying("copy", &utility_name("some"))).await.unwrap();
    change(&server, ANN, &utility_name("some"), &code("second")).await;
    let seen = proposal(&server, ZOE, COPY).await.unwrap();
    for state in [TenantState::Suspended, TenantState::Deleted] {
        server.known_tenants.turn("demo", state);
        assert_eq!(listed(&server, ZOE).await, []);
        is(&proposal(&server, ZOE, COPY).await.unwrap_err(), Code::FailedPrecondition, "NO_PROPOSAL");
    }
    server.known_tenants.turn("demo", TenantState::Active);
    let delete = pb::DeleteUtilityRequest { name: utility_name("some"), ..Default::default() };
    server.utilities.clone().delete_utility(ANN.asks(delete)).await.unwrap();
    is(&proposal(&server, ZOE, COPY).await.unwrap_err(), Code::FailedPrecondition, "NO_PROPOSAL");
    let undelete = pb::UndeleteUtilityRequest { name: utility_name("some"), ..Default::default() };
    server.utilities.clone().undelete_utility(ANN.asks(undelete)).await.unwrap();
    assert_eq!(proposal(&server, ZOE, COPY).await.unwrap(), seen);
    revoke(&server).await;
    assert_eq!(listed(&server, ZOE).await, []);
    is(&proposal(&server, ZOE, COPY).await.unwrap_err(), Code::FailedPrecondition, "NO_PROPOSAL");
    is(&accept(&server, ZOE, accepting(&seen)).await.unwrap_err(), Code::FailedPrecondition, "NO_PROPOSAL");
    is(&dismiss(&server, ZOE, 2).await.unwrap_err(), Code::FailedPrecondition, "NO_PROPOSAL");
    assert_eq!(get(&server, ZOE, COPY).await.copied_from.unwrap().version, 1, "the copy stays, and says where it comes from");
}

#[tokio::test]
async fn no_code_of_a_closed_tenant_becomes_that_of_another_by_a_super_administrator() {
    let server = server().await;
    copy(&server, RULER, copying("copy", &utility_name("some"))).await.unwrap();
    change(&server, ANN, &utility_name("some"), &code("second")).await;
    let seen = proposal(&server, RULER, COPY).await.unwrap();
    for (state, because) in [(TenantState::Suspended, "TENANT_SUSPENDED"), (TenantState::Deleted, "TENANT_DELETED")] {
        server.known_tenants.turn("demo", state);
        assert_eq!(get(&server, RULER, &utility_name("some")).await.code, code("second"), "it may be read");
        is(&copy(&server, RULER, copying("other", &utility_name("some"))).await.unwrap_err(), Code::PermissionDenied, because);
        is(&proposal(&server, RULER, COPY).await.unwrap_err(), Code::FailedPrecondition, "NO_PROPOSAL");
        is(&accept(&server, RULER, accepting(&seen)).await.unwrap_err(), Code::FailedPrecondition, "NO_PROPOSAL");
    }
    server.known_tenants.turn("demo", TenantState::Active);
    assert_eq!(accept(&server, RULER, accepting(&seen)).await.unwrap().code, code("second"));
}

#[tokio::test]
async fn the_tenant_that_shares_is_told_of_its_own_utility_only() {
    let server = server().await;
    copy(&server, ZOE, copying("copy", &utility_name("some"))).await.unwrap();
    change(&server, ANN, &utility_name("some"), &code("second")).await;
    let proposed = proposal(&server, ZOE, COPY).await.unwrap();
    accept(&server, ZOE, accepting(&proposed)).await.unwrap();
    server.spawner.settle().await;
    let some = utility_name("some");
    let told = |action: &str, version| {
        [audit::AuditOutcome::Intent, audit::AuditOutcome::Allowed].map(|outcome| (action.to_owned(), some.clone(), version, outcome))
    };
    let shown = ("utility.getProposal".to_owned(), some.clone(), 2, audit::AuditOutcome::Allowed);
    let expected: Vec<_> = told("utility.acceptProposal", 2).into_iter().chain(told("utility.copy", 1)).chain([shown]).collect();
    let records = records(&server, ROOT, ZOE).await;
    assert!(records.iter().all(|record| record.changes.is_empty() && record.request_id.is_empty()), "{records:?}");
    assert_eq!(named(records), expected);
    let own = self::records(&server, ZED, ZOE).await;
    let shown = own.iter().find(|record| record.action == "utility.getProposal").unwrap();
    let fields: Vec<&str> = shown.changes.iter().map(|change| change.field.as_str()).collect();
    assert_eq!((shown.resource.as_str(), fields), (COPY, vec![format!("source={some}").as_str(), "source_version=2"]));
    let copied = own.iter().find(|record| record.action == "utility.copy" && record.outcome() == audit::AuditOutcome::Allowed).unwrap();
    let fields: Vec<&str> = copied.changes.iter().map(|change| change.field.as_str()).collect();
    let source = format!("source={some}");
    assert_eq!((copied.resource.as_str(), copied.version, fields), (COPY, 1, vec![source.as_str(), "source_version=1", "source_content"]));
}

#[tokio::test]
async fn the_tenant_that_shares_is_told_of_nothing_that_is_refused() {
    let server = server().await;
    copy(&server, ZOE, copying("copy", &utility_name("some"))).await.unwrap();
    change(&server, ZOE, COPY, &code("one two HERE four five")).await;
    change(&server, ANN, &utility_name("some"), &code("one two THERE four five")).await;
    let proposed = proposal(&server, ZOE, COPY).await.unwrap();
    server.spawner.settle().await;
    let before = named(records(&server, ROOT, ZOE).await);
    assert_eq!(copy(&server, ZOE, copying("copy", &utility_name("some"))).await.unwrap_err().code(), Code::AlreadyExists);
    is(&accept(&server, ZOE, accepting(&proposed)).await.unwrap_err(), Code::FailedPrecondition, "MERGE_CONFLICT");
    let settled = pb::AcceptProposalRequest { code: Some(code("both")), ..accepting(&proposed) };
    let long = pb::AcceptProposalRequest { message: "m".repeat(501), ..settled };
    assert_eq!(violations(&accept(&server, ZOE, long).await.unwrap_err()), pairs(&[("message", "TOO_LONG")]));
    server.spawner.settle().await;
    assert_eq!(named(records(&server, ROOT, ZOE).await), before);
}

#[tokio::test]
async fn what_a_caller_may_not_copy_is_named_in_the_log_of_its_own_tenant_only() {
    let server = server().await;
    create(&server, ANN, "kept", &code("kept")).await;
    assert_eq!(copy(&server, ZOE, copying("copy", &utility_name("kept"))).await.unwrap_err().code(), Code::PermissionDenied);
    server.spawner.settle().await;
    let own = records(&server, ZED, ZOE).await;
    let refused = |record: &audit::AuditRecord| (record.action.clone(), record.resource.clone(), record.outcome());
    let expected = ("utility.copy".to_owned(), utility_name("kept"), audit::AuditOutcome::Denied);
    assert_eq!(own.iter().map(refused).collect::<Vec<_>>(), [expected], "one record, of what was refused");
    assert_eq!(named(records(&server, ROOT, ZOE).await), []);
}

/// What the log of a tenant says of what somebody did, by whoever administers it.
pub async fn records(server: &Harness, reader: Person, actor: Person) -> Vec<audit::AuditRecord> {
    let parent = format!("tenants/{}", reader.tenant);
    let request = audit::ListAuditRecordsRequest { parent, page_size: 1_000, ..Default::default() };
    let records = server.audit.clone().list_audit_records(reader.asks(request)).await.unwrap().into_inner().records;
    records.into_iter().filter(|record| record.actor.as_ref().is_some_and(|named| named.principal == actor.name())).collect()
}

pub fn named(records: Vec<audit::AuditRecord>) -> Vec<(String, String, i32, audit::AuditOutcome)> {
    let name = |record: audit::AuditRecord| (record.action.clone(), record.resource.clone(), record.version, record.outcome());
    let mut named: Vec<_> = records.into_iter().map(name).collect();
    named.sort_by_key(|(action, _, _, outcome)| (action.clone(), *outcome as i32));
    named
}
