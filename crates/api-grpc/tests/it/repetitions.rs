//! Every method with a `request_id`, found in the contract: what is sent twice gets the first answer and changes nothing, whatever
//! happened in between, and although the same asked anew would be refused or would do harm.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use api_proto::zona::access::v1 as access;
use api_proto::zona::execution::v1 as executions;
use api_proto::zona::utility::v1 as pb;
use async_trait::async_trait;
use domain::access::{Access, ActionSpec, Caller, Grant, GrantRepository as _, Grantee, LocalRules, Reach, Rules, Target};
use domain::name::UtilityName;
use domain::request::Committed;
use domain::time::Timestamp;
use domain::{Result, admission};
use prost::Message as _;
use prost::bytes::Bytes;
use prost_reflect::{DynamicMessage, MethodDescriptor, Value};
use prost_types::FieldMask;
use test_support::{TODO_RULE, sample};
use tonic::{Code, Status};

use crate::generic::{call, methods, path};
use crate::harness::{Harness, Options, TENANT, reason, utility_name};

const FIRST: &str = "0192e5a4-7f2b-7c64-9d1e-3a5b8c7d9e0f";
const ANOTHER: &str = "0192e5a4-7f2b-7c64-9d1e-3a5b8c7d9e10";
const CREATORS: &str = "tenants/demo/roles/creator";
/// What another tenant has offered.
const OFFERED: &str = "tenants/acme/utilities/theirs";
const USERS: &str = "tenants/demo/roles/user";
/// A policy may refuse it.
const SCRIPT: &str = "def main():\n    # TODO\n    #: return 1\n";
/// It wants what no earlier request gives.
const CHANGED: &str = "def main(required):\n    # TODO\n    #: return 2\n";

/// What happens between a request and its repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    Nothing,
    /// Somebody gives it another name, other code and with that another schema.
    Changed,
    /// Somebody deletes it, or undeletes it where it is deleted.
    Turned,
    /// The tenant's policy refuses the code.
    Forbidden,
    /// The runtime is another, whose compiler does not answer.
    Replaced,
    /// No more executions are admitted.
    Busy,
}

const SINCE: [Since; 6] = [Since::Nothing, Since::Changed, Since::Turned, Since::Forbidden, Since::Replaced, Since::Busy];

impl Since {
    /// Who waits for a compilation waits for its turn, on a clock that stands still here.
    fn may_happen_to(self, method: &str) -> bool {
        let launches = ["ExecuteUtility", "StartExecution"].contains(&method);
        launches || self != Since::Busy
    }
}

/// Requests of a method, each named, about the utility `some` as it is.
fn requests(method: &str, some: &pb::Utility) -> Vec<(&'static str, Vec<u8>)> {
    let (name, request_id) = (utility_name("some"), FIRST.to_owned());
    let update = |display_name: &str, etag: &str| {
        let utility =
            pb::Utility { name: name.clone(), display_name: display_name.to_owned(), etag: etag.to_owned(), ..Default::default() };
        let update_mask = Some(FieldMask { paths: vec!["display_name".to_owned()] });
        pb::UpdateUtilityRequest { utility: Some(utility), update_mask, request_id: FIRST.to_owned(), ..Default::default() }
    };
    let restore = |number: i32, etag: &str| pb::RestoreUtilityVersionRequest {
        name: format!("{name}/versions/{number}"),
        etag: etag.to_owned(),
        request_id: FIRST.to_owned(),
        ..Default::default()
    };
    match method {
        "CreateUtility" => {
            let utility = pb::Utility { code: SCRIPT.to_owned(), ..Default::default() };
            let (parent, utility_id) = (TENANT.to_owned(), "some".to_owned());
            let create = pb::CreateUtilityRequest { parent, utility_id, utility: Some(utility), request_id, ..Default::default() };
            vec![("a creation", create.encode_to_vec())]
        }
        "UpdateUtility" => vec![
            ("a change", update("One", "").encode_to_vec()),
            ("a change of this revision", update("One", &some.etag).encode_to_vec()),
            ("a change that changes nothing", update(&some.display_name, "").encode_to_vec()),
        ],
        "DeleteUtility" => vec![("a deletion", pb::DeleteUtilityRequest { name, request_id, ..Default::default() }.encode_to_vec())],
        "UndeleteUtility" => vec![("an undeletion", pb::UndeleteUtilityRequest { name, request_id, ..Default::default() }.encode_to_vec())],
        "RestoreUtilityVersion" => vec![
            ("an old version", restore(1, "").encode_to_vec()),
            ("an old version, of this revision", restore(1, &some.etag).encode_to_vec()),
            ("the present version, which changes nothing", restore(some.latest_version, "").encode_to_vec()),
        ],
        "CopyUtility" => {
            let (parent, utility_id, source) = (TENANT.to_owned(), "copied".to_owned(), name);
            let copy = pb::CopyUtilityRequest { parent, utility_id, source, request_id, ..Default::default() };
            vec![("a copy", copy.encode_to_vec())]
        }
        "AcceptProposal" => {
            let (source_version, etag) = (2, some.etag.clone());
            let accept = pb::AcceptProposalRequest { name, source_version, etag, request_id, ..Default::default() };
            vec![("what is taken over", accept.encode_to_vec())]
        }
        "DismissProposal" => {
            let (source_version, etag) = (2, some.etag.clone());
            vec![("what is left", pb::DismissProposalRequest { name, source_version, etag, request_id }.encode_to_vec())]
        }
        "GrantAccess" => {
            let (grantee, access) = (CREATORS.to_owned(), access::Access::Read.into());
            vec![("a grant", access::GrantAccessRequest { name, grantee, access, request_id, ..Default::default() }.encode_to_vec())]
        }
        "RevokeAccess" => {
            vec![("a revocation", access::RevokeAccessRequest { name, grantee: USERS.to_owned(), request_id }.encode_to_vec())]
        }
        "OfferShare" => {
            let (tenant, access) = ("tenants/acme".to_owned(), access::Access::Read.into());
            vec![("an offer", access::OfferShareRequest { name, tenant, access, request_id, ..Default::default() }.encode_to_vec())]
        }
        "RevokeShare" => {
            let tenant = "tenants/acme".to_owned();
            vec![("what is taken back from another tenant", access::RevokeShareRequest { name, tenant, request_id }.encode_to_vec())]
        }
        "AcceptShare" => {
            let (parent, utility) = (TENANT.to_owned(), OFFERED.to_owned());
            vec![("an acceptance", access::AcceptShareRequest { parent, utility, request_id }.encode_to_vec())]
        }
        "DeclineShare" => {
            let (parent, utility) = (TENANT.to_owned(), OFFERED.to_owned());
            vec![("a refusal", access::DeclineShareRequest { parent, utility, request_id }.encode_to_vec())]
        }
        "ExecuteUtility" => vec![("a run", executions::ExecuteUtilityRequest { name, request_id, ..Default::default() }.encode_to_vec())],
        "StartExecution" => vec![("a start", executions::StartExecutionRequest { name, request_id, ..Default::default() }.encode_to_vec())],
        other => panic!("{other} takes a request_id: say here how it is asked for"),
    }
}

/// Methods that take a `request_id`.
fn remembering() -> Vec<MethodDescriptor> {
    let found: Vec<_> = methods()
        .into_iter()
        // Those of identity are held by a test of their own, which also looks for secrets, as those of schedules, secrets and webhooks are; those of tenants by one
        // whose caller is known, those of batches by another, and those of keys and of the platform, which are of no tenant, by others.
        .filter(|method| {
            let elsewhere = [
                "BatchService",
                "IdentityService",
                "ProcessService",
                "ScheduleService",
                "SecretService",
                "ServerService",
                "TenantService",
                "WebhookService",
            ];
            !elsewhere.contains(&method.parent_service().name())
        })
        .filter(|method| method.input().get_field_by_name("request_id").is_some())
        .collect();
    assert!(found.len() >= 7, "{found:?}");
    found
}

/// A server on which the method has something to do.
async fn prepared(method: &str, options: Options) -> Harness {
    let few = admission::Config {
        max_running: 2,
        max_running_per_tenant: 2,
        max_queued: 1,
        max_queued_per_tenant: 1,
        ..admission::Config::default()
    };
    let server = Harness::with(Options { admission: few, ..options }).await;
    server.create("waits", "def main():\n    #: wait\n").await;
    if method.ends_with("Proposal") {
        copied(&server).await;
    } else if method != "CreateUtility" {
        server.create("some", SCRIPT).await;
        update(&server, &["code"], pb::Utility { code: SCRIPT.replace('1', "3"), ..Default::default() }).await;
    }
    if method == "RevokeAccess" {
        let (name, grantee, access) = (utility_name("some"), USERS.to_owned(), access::Access::Execute.into());
        let request = access::GrantAccessRequest { name, grantee, access, ..Default::default() };
        server.access.clone().grant_access(request).await.unwrap();
    }
    if method == "RevokeShare" {
        let (name, tenant, access) = (utility_name("some"), "tenants/acme".to_owned(), access::Access::Read.into());
        let request = access::OfferShareRequest { name, tenant, access, ..Default::default() };
        server.access.clone().offer_share(request).await.unwrap();
    }
    if ["AcceptShare", "DeclineShare"].contains(&method) {
        let offer = Grant { utility: UtilityName::parse("name", OFFERED).unwrap(), ..sample::offer("any", Access::Read) };
        let offer = Grant { grantee: Grantee::Tenant(sample::tenant("demo")), expires: None, ..offer };
        let put = server.known.store.grants().put(&sample::scope("acme"), &offer, Timestamp::default(), None).await.unwrap();
        assert_eq!(put, Committed::Stored);
    }
    if method == "UndeleteUtility" {
        turn(&server).await;
    }
    server
}

/// Makes `some` a copy whose source has changed since.
async fn copied(server: &Harness) {
    server.create("origin", SCRIPT).await;
    let (parent, utility_id, source) = (TENANT.to_owned(), "some".to_owned(), utility_name("origin"));
    let copy = pb::CopyUtilityRequest { parent, utility_id, source, ..Default::default() };
    server.copies.clone().copy_utility(copy).await.unwrap();
    let utility = pb::Utility { name: utility_name("origin"), code: SCRIPT.replace('1', "3"), ..Default::default() };
    let update_mask = Some(FieldMask { paths: vec!["code".to_owned()] });
    let request = pb::UpdateUtilityRequest { utility: Some(utility), update_mask, ..Default::default() };
    server.utilities.clone().update_utility(request).await.unwrap();
}

async fn some(server: &Harness) -> pb::Utility {
    let request = pb::GetUtilityRequest { name: utility_name("some") };
    server.utilities.clone().get_utility(request).await.map(tonic::Response::into_inner).unwrap_or_default()
}

async fn update(server: &Harness, paths: &[&str], utility: pb::Utility) {
    let utility = pb::Utility { name: utility_name("some"), ..utility };
    let update_mask = Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
    let request = pb::UpdateUtilityRequest { utility: Some(utility), update_mask, ..Default::default() };
    server.utilities.clone().update_utility(request).await.unwrap();
}

/// Deletes it, or takes that back.
async fn turn(server: &Harness) {
    let (mut client, name) = (server.utilities.clone(), utility_name("some"));
    match some(server).await.state() {
        pb::UtilityState::Deleted => {
            client.undelete_utility(pb::UndeleteUtilityRequest { name, ..Default::default() }).await.unwrap();
        }
        _ => {
            client.delete_utility(pb::DeleteUtilityRequest { name, ..Default::default() }).await.unwrap();
        }
    }
}

async fn happens(server: &Harness, since: Since) {
    match since {
        Since::Nothing => {}
        Since::Changed => {
            let was_deleted = some(server).await.state() == pb::UtilityState::Deleted;
            if was_deleted {
                turn(server).await;
            }
            let others = pb::Utility { display_name: "Another".to_owned(), code: CHANGED.to_owned(), ..Default::default() };
            update(server, &["display_name", "code"], others).await;
            if was_deleted {
                turn(server).await;
            }
        }
        Since::Turned => turn(server).await,
        Since::Forbidden => {
            let name = format!("{TENANT}/codePolicy");
            let policy = pb::CodePolicy { name, denied_rules: vec![TODO_RULE.to_owned()], ..Default::default() };
            let update_mask = Some(FieldMask { paths: vec!["denied_rules".to_owned()] });
            let request = pb::UpdateCodePolicyRequest { policy: Some(policy), update_mask };
            server.policies.clone().update_code_policy(request).await.unwrap();
        }
        Since::Replaced => {
            server.compiler.replace_runtime("sha256:another");
            server.compiler.set_down(true);
        }
        Since::Busy => {
            let start = || executions::StartExecutionRequest { name: utility_name("waits"), ..Default::default() };
            while server.executions.clone().start_execution(start()).await.is_ok() {}
        }
    }
}

/// Everything that a request could have changed: utilities whole with their grants, what is shared, and how many executions there are.
async fn world(server: &Harness) -> (Vec<pb::Utility>, Vec<access::Grant>, usize) {
    let filter = Some(pb::UtilityFilter { show_deleted: true, ..Default::default() });
    let request = pb::ListUtilitiesRequest { parent: TENANT.to_owned(), filter, ..Default::default() };
    let listed = server.utilities.clone().list_utilities(request).await.unwrap().into_inner().utilities;
    let (mut utilities, mut grants) = (Vec::new(), Vec::new());
    for utility in listed {
        let request = access::ListGrantsRequest { parent: utility.name.clone(), ..Default::default() };
        grants.extend(server.access.clone().list_grants(request).await.unwrap().into_inner().grants);
        let request = pb::GetUtilityRequest { name: utility.name };
        utilities.push(server.utilities.clone().get_utility(request).await.unwrap().into_inner());
    }
    let request = access::ListSharesRequest { parent: TENANT.to_owned(), side: access::ShareSide::Received.into(), ..Default::default() };
    grants.extend(server.access.clone().list_shares(request).await.unwrap().into_inner().shares);
    let request = executions::ListExecutionsRequest { parent: TENANT.to_owned(), page_size: 100, ..Default::default() };
    let executions = server.executions.clone().list_executions(request).await.unwrap().into_inner().executions;
    (utilities, grants, executions.len())
}

/// The request with another text in a field.
fn with(method: &MethodDescriptor, body: &[u8], field: &str, text: &str) -> Vec<u8> {
    let mut message = DynamicMessage::decode(method.input(), body).unwrap();
    message.set_field_by_name(field, Value::String(text.to_owned()));
    message.encode_to_vec()
}

async fn ask(server: &Harness, method: &MethodDescriptor, body: &[u8]) -> Result<Bytes, Status> {
    call(&server.channel, &path(method), body.to_vec()).await.map(Option::unwrap_or_default)
}

/// What a repetition must repeat: of an execution, which goes on meanwhile, that it is the same one; of a utility everything but what
/// is known of its runtime by now.
fn essence(method: &MethodDescriptor, answer: Bytes) -> Bytes {
    match method.output().name() {
        "Execution" => executions::Execution::decode(answer).unwrap().name.into(),
        "Utility" => pb::Utility { vulnerable_imports: None, ..pb::Utility::decode(answer).unwrap() }.encode_to_vec().into(),
        _ => answer,
    }
}

#[tokio::test]
async fn what_is_sent_twice_gets_the_first_answer_and_changes_nothing_whatever_happened_in_between() {
    for method in remembering() {
        let count = requests(method.name(), &pb::Utility::default()).len();
        for index in 0..count {
            let mut had_effect = Vec::new();
            for since in SINCE.into_iter().filter(|since| since.may_happen_to(method.name())) {
                let server = prepared(method.name(), Options::default()).await;
                let (label, request) = requests(method.name(), &some(&server).await).swap_remove(index);
                let what = format!("{}, {label}, since then {since:?}", method.name());
                let first = ask(&server, &method, &request).await.unwrap_or_else(|refused| panic!("{what}: {refused:?}"));
                happens(&server, since).await;
                let before = world(&server).await;
                let again = ask(&server, &method, &request).await.unwrap_or_else(|refused| panic!("{what}: {refused:?}"));
                assert_eq!(essence(&method, again), essence(&method, first), "{what}");
                assert_eq!(world(&server).await, before, "{what}");
                // The same under another id shows what would have become of it, judged anew.
                let anew = ask(&server, &method, &with(&method, &request, "request_id", ANOTHER)).await;
                if anew.is_err() || world(&server).await != before {
                    had_effect.push(since);
                }
            }
            assert!(had_effect.iter().any(|since| *since != Since::Nothing), "{} {index}: {had_effect:?}", method.name());
        }
    }
}

#[tokio::test]
async fn the_same_id_with_another_body_is_refused_whatever_happened_in_between() {
    for method in remembering() {
        for since in [Since::Nothing, Since::Turned, Since::Forbidden] {
            let server = prepared(method.name(), Options::default()).await;
            let (_, request) = requests(method.name(), &some(&server).await).swap_remove(0);
            ask(&server, &method, &request).await.unwrap();
            happens(&server, since).await;
            let before = world(&server).await;
            let fields = ["message", "etag", "params_json", "reason", "grantee", "tenant", "utility", "source"];
            let field = fields.into_iter().find(|field| method.input().get_field_by_name(field).is_some()).unwrap();
            let refused = ask(&server, &method, &with(&method, &request, field, "{ }")).await.unwrap_err();
            let what = format!("{} {since:?}", method.name());
            assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "REQUEST_ID_REUSED".to_owned()), "{what}");
            assert_eq!(world(&server).await, before, "{what}");
        }
    }
}

/// Everything, until it is taken back.
struct Revocable {
    rules: LocalRules,
    revoked: AtomicBool,
}

#[async_trait]
impl Rules for Revocable {
    async fn decide(&self, caller: &Caller, action: ActionSpec, target: Target<'_>) -> Result<Option<Reach>> {
        if self.revoked.load(Ordering::SeqCst) { Ok(None) } else { self.rules.decide(caller, action, target).await }
    }
}

#[tokio::test]
async fn whoever_has_lost_the_permission_is_refused_also_what_was_answered_before() {
    for method in remembering() {
        let rules = Arc::new(Revocable { rules: LocalRules::new(sample::tenant("demo")), revoked: AtomicBool::new(false) });
        let server = prepared(method.name(), Options { rules: Some(rules.clone()), ..Options::default() }).await;
        let (label, request) = requests(method.name(), &some(&server).await).swap_remove(0);
        ask(&server, &method, &request).await.unwrap();
        rules.revoked.store(true, Ordering::SeqCst);
        assert_eq!(ask(&server, &method, &request).await.unwrap_err().code(), Code::PermissionDenied, "{label}");
    }
}
