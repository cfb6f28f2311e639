//! Copies of what another tenant shares, and proposals of what its source has become.

use domain::Result;
use domain::access::{Access, GrantDraft, Grantee, ShareDraft, actions as shares};
use domain::name::UtilityName;
use domain::page::PageRequest;
use domain::sandbox::{Limits, LimitsPatch};
use domain::tenant::TenantState;
use domain::utility::{Acceptance, Call, Comparison, CopyDraft, Draft, Metadata, Part, Patch, Proposal, Utility, Version, actions};
use test_support::sample;

use crate::installation::{ADA, BEA, CLEO, Installed, UMA, principal, reason, tenant, violations};

/// A program with these words in it, one a line.
fn code(words: &str) -> Vec<u8> {
    let lines: String = words.split(' ').map(|word| format!("    # {word}\n")).collect();
    format!("def main():\n    return 1\n{lines}").into_bytes()
}

fn source() -> UtilityName {
    UtilityName { tenant: sample::tenant("acme"), utility: sample::utility_id("some") }
}

fn copy_name() -> UtilityName {
    UtilityName { tenant: sample::tenant("beta"), utility: sample::utility_id("copy") }
}

fn draft_of<T>(named: T) -> ShareDraft<T> {
    ShareDraft { named: Some(named), violations: Vec::new(), request: None }
}

/// Cleo of acme owns `some`, which beta may read.
async fn shared() -> Installed {
    let installed = Installed::new().await;
    let permit = installed.by::<actions::CreateUtility>(CLEO, tenant("acme")).await.unwrap();
    let metadata = Metadata { display_name: "Some".to_owned(), show_secrets: true, ..Metadata::default() };
    let draft = Draft { metadata, code: code("one two three four five"), limits: Limits::DEFAULT, ..Draft::default() };
    installed.makers.create(&permit, Some(source().utility), draft, Call::default()).await.unwrap();
    let permit = installed.by::<shares::OfferShare>(ADA, source()).await.unwrap();
    let beta = Some(Grantee::Tenant(sample::tenant("beta")));
    let draft = GrantDraft { grantee: beta, access: Some(Access::Read), ..GrantDraft::default() };
    installed.shares.offer(&permit, draft, None).await.unwrap();
    let permit = installed.by::<shares::AcceptShare>(BEA, tenant("beta")).await.unwrap();
    installed.shares.accept(&permit, draft_of(source())).await.unwrap();
    installed
}

async fn take_back(installed: &Installed) {
    let permit = installed.by::<shares::RevokeShare>(ADA, source()).await.unwrap();
    let draft = draft_of(sample::tenant("beta"));
    installed.shares.revoke(&permit, draft).await.unwrap();
}

async fn copy(installed: &Installed, who: &str, draft: CopyDraft) -> Result<(Utility, Version)> {
    let permit = installed.by::<actions::CopyUtility>(who, tenant(principal(who).tenant().as_str())).await?;
    installed.copies.may_copy(&permit, &draft).await?;
    installed.copies.copy(&permit, draft).await
}

fn as_copy() -> CopyDraft {
    CopyDraft { id: Some(copy_name().utility), source: Some(source()), ..CopyDraft::default() }
}

async fn change(installed: &Installed, who: &str, name: UtilityName, patch: Patch) -> Utility {
    let permit = installed.by::<actions::UpdateUtility>(who, name).await.unwrap();
    installed.makers.update(&permit, patch, Call::default()).await.unwrap().0
}

fn with_code(words: &str) -> Patch {
    Patch { code: Some(code(words)), ..Patch::default() }
}

async fn proposed(installed: &Installed) -> Result<Comparison> {
    let permit = installed.by::<actions::GetProposal>(BEA, copy_name()).await?;
    installed.copies.get(&permit).await
}

async fn proposals(installed: &Installed) -> Vec<Proposal> {
    let permit = installed.by::<actions::ListProposals>(BEA, tenant("beta")).await.unwrap();
    installed.copies.list(&permit, &PageRequest { size: 10, after: None }).await.unwrap().items
}

async fn accept(installed: &Installed, acceptance: Acceptance) -> Result<(Utility, Version)> {
    let permit = installed.by::<actions::AcceptProposal>(BEA, copy_name()).await?;
    installed.copies.accept(&permit, acceptance).await
}

fn as_seen(proposal: &Proposal) -> Acceptance {
    let call = Call { etag: proposal.etag.clone(), ..Call::default() };
    Acceptance { source_version: proposal.source_version, call, ..Acceptance::default() }
}

async fn dismiss(installed: &Installed, version: u32) -> Result<(Utility, Version)> {
    let permit = installed.by::<actions::DismissProposal>(BEA, copy_name()).await?;
    installed.copies.dismiss(&permit, version, Call::default()).await
}

fn text(version: &Version) -> &str {
    version.code.text()
}

#[tokio::test]
async fn a_copy_is_the_callers_own_knows_its_source_and_decides_about_secrets_anew() {
    let installed = shared().await;
    let asked = || Call { request: Some(sample::request("/zona.Test/Copy", "copy", 1)), ..Call::default() };
    let (made, version) = copy(&installed, BEA, CopyDraft { call: asked(), ..as_copy() }).await.unwrap();
    assert_eq!((&made.name, &made.owner, made.metadata.show_secrets), (&copy_name(), &principal(BEA), false));
    assert_eq!((made.metadata.display_name.as_str(), text(&version).as_bytes()), ("Some", code("one two three four five").as_slice()));
    let from = made.lineage.clone().expect("a copy has a lineage");
    assert_eq!((from.source, from.version, from.by), (source(), 1, principal(BEA)));
    assert_eq!(copy(&installed, BEA, CopyDraft { call: asked(), ..as_copy() }).await.unwrap().0, made);
    assert_eq!(reason(copy(&installed, BEA, as_copy()).await), "ALREADY_EXISTS");
}

#[tokio::test]
async fn what_is_not_shared_is_deleted_or_of_a_closed_tenant_is_not_copied() {
    let installed = shared().await;
    let without = CopyDraft { call: Call { violations: vec![], ..Call::default() }, source: None, ..as_copy() };
    assert_eq!(reason(copy(&installed, BEA, without).await), "INVALID_FIELDS");
    let missing = CopyDraft { version: Some(7), ..as_copy() };
    assert_eq!(reason(copy(&installed, BEA, missing).await), "NOT_FOUND");
    installed.kept_tenants.turn("acme", TenantState::Suspended);
    assert_eq!(reason(copy(&installed, BEA, as_copy()).await), "PERMISSION_DENIED");
    assert_eq!(reason(copy(&installed, crate::installation::ROOT, as_copy()).await), "TENANT_SUSPENDED");
    installed.kept_tenants.turn("acme", TenantState::Active);
    take_back(&installed).await;
    assert_eq!(reason(copy(&installed, BEA, as_copy()).await), "PERMISSION_DENIED");
}

#[tokio::test]
async fn an_older_version_is_copied_and_what_has_become_of_it_is_proposed_at_once() {
    let installed = shared().await;
    change(&installed, CLEO, source(), with_code("one two three four FIVE")).await;
    let (_, version) = copy(&installed, BEA, CopyDraft { version: Some(1), ..as_copy() }).await.unwrap();
    assert_eq!(text(&version).as_bytes(), code("one two three four five"));
    let found = proposals(&installed).await;
    let versions: Vec<_> = found.iter().map(|proposal| (proposal.base_version, proposal.source_version)).collect();
    assert_eq!(versions, [(1, 2)]);
}

#[tokio::test]
async fn what_both_sides_have_changed_apart_is_merged_and_nothing_is_overwritten_unseen() {
    let installed = shared().await;
    copy(&installed, BEA, as_copy()).await.unwrap();
    assert_eq!(reason(proposed(&installed).await), "NO_PROPOSAL");
    change(&installed, CLEO, source(), with_code("ONE two three four five")).await;
    change(&installed, BEA, copy_name(), with_code("one two three four FIVE")).await;
    let comparison = proposed(&installed).await.unwrap();
    assert!(comparison.source_diff.contains("+    # ONE") && comparison.local_diff.contains("+    # FIVE"), "{comparison:?}");
    assert_eq!(comparison.changed_fields, ["code"]);
    let blind = Acceptance { call: Call::default(), ..as_seen(&comparison.proposal) };
    assert_eq!(violations(accept(&installed, blind).await), [("etag".to_owned(), "MISSING")]);
    let older = Acceptance { source_version: 1, ..as_seen(&comparison.proposal) };
    assert_eq!(reason(accept(&installed, older).await), "ETAG_MISMATCH");
    let (merged, version) = accept(&installed, as_seen(&comparison.proposal)).await.unwrap();
    assert_eq!(text(&version).as_bytes(), code("ONE two three four FIVE"));
    assert_eq!(merged.lineage.map(|lineage| lineage.version), Some(2));
    assert_eq!(reason(proposed(&installed).await), "NO_PROPOSAL");
}

#[tokio::test]
async fn conflicts_are_refused_with_what_they_are_about_and_settled_by_who_accepts() {
    let installed = shared().await;
    copy(&installed, BEA, as_copy()).await.unwrap();
    let memory = |bytes| Patch { limits: LimitsPatch { memory: Some(bytes), ..LimitsPatch::default() }, ..Patch::default() };
    change(&installed, CLEO, source(), Patch { limits: memory(64 << 20).limits, ..with_code("uno two three four five") }).await;
    change(&installed, BEA, copy_name(), Patch { limits: memory(96 << 20).limits, ..with_code("eins two three four five") }).await;
    let comparison = proposed(&installed).await.unwrap();
    assert_eq!(comparison.conflicting, [Part::Limits]);
    assert_eq!(comparison.merge.as_ref().map(|merge| merge.conflicts.len()), Some(1));
    assert_eq!(reason(accept(&installed, as_seen(&comparison.proposal)).await), "MERGE_CONFLICT");
    let settled = Acceptance {
        code: Some(code("un two three four five")),
        keep: vec![Part::Limits],
        message: "Settled by hand".to_owned(),
        ..as_seen(&comparison.proposal)
    };
    let (merged, version) = accept(&installed, settled).await.unwrap();
    assert_eq!((version.message.as_str(), merged.definition.limits.memory), ("Settled by hand", 96 << 20));
    assert_eq!(text(&version).as_bytes(), code("un two three four five"));
}

#[tokio::test]
async fn a_proposal_that_was_dismissed_comes_back_with_the_next_version_of_the_source() {
    let installed = shared().await;
    copy(&installed, BEA, as_copy()).await.unwrap();
    change(&installed, CLEO, source(), with_code("two")).await;
    assert_eq!(reason(dismiss(&installed, 7).await), "ETAG_MISMATCH");
    let (left, _) = dismiss(&installed, 2).await.unwrap();
    assert_eq!(left.lineage.map(|lineage| lineage.dismissed), Some(2));
    dismiss(&installed, 2).await.unwrap();
    assert!(proposals(&installed).await.is_empty());
    assert!(proposed(&installed).await.unwrap().proposal.dismissed, "whoever asks for it by name still sees it");
    change(&installed, CLEO, source(), with_code("three")).await;
    assert_eq!(proposals(&installed).await.len(), 1);
}

#[tokio::test]
async fn nothing_is_proposed_of_a_source_that_is_out_of_reach() {
    let installed = shared().await;
    copy(&installed, BEA, as_copy()).await.unwrap();
    change(&installed, CLEO, source(), with_code("two")).await;
    assert_eq!(proposals(&installed).await.len(), 1);
    installed.kept_tenants.turn("acme", TenantState::Suspended);
    assert!(proposals(&installed).await.is_empty());
    installed.kept_tenants.turn("acme", TenantState::Active);
    take_back(&installed).await;
    assert!(proposals(&installed).await.is_empty());
    assert_eq!(reason(proposed(&installed).await), "NO_PROPOSAL");
    let foreign = installed.by::<actions::GetProposal>(UMA, copy_name()).await;
    assert_eq!(reason(foreign.map(drop)), "PERMISSION_DENIED");
}
