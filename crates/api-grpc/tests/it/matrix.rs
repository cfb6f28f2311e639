//! Every method of the contract, called by everybody, about everything: what comes of it is compared with the rule as it is written down
//! here by hand, which shares nothing with the code. A method that the table does not name fails the test.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use api_proto::zona::access::v1 as access;
use api_proto::zona::execution::v1 as executions;
use api_proto::zona::operation::v1 as operations;
use api_proto::zona::utility::v1 as utilities;
use domain::identity::Role;
use domain::time::{Clock as _, Timestamp};
use prost::Message as _;
use prost_reflect::{DynamicMessage, MethodDescriptor, Value};
use tonic::{Code, Request, Status};

use crate::generic::{methods, name_in, named_request, path, send};
use crate::harness::{Harness, details};
use crate::roles::{Person, server_of};

const CODE: &str = "def main():\n    #: return 1\n";
/// As long as those of what exists, so that answers can be compared byte by byte.
const MISSING: &str = "not-existed";
const MISSING_EXECUTION: &str = "00000000-0000-7000-8000-00000000ffff";
/// No refusal that hides whether something exists comes earlier.
const REFUSED_AFTER: Duration = Duration::from_millis(5);

/// What a method is about and what it takes, by the requirements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// A new resource of the tenant, or a list: whoever is of the tenant.
    Membership,
    /// To read or run one utility.
    Utility,
    /// To change one utility.
    Change,
    /// To delete one utility, or take that back.
    Deletion,
    /// To read or stop one execution, or one operation.
    Execution,
    /// To read what the tenant shares.
    Shared,
    /// To administer one utility's grants.
    Grants,
    /// To administer the tenant.
    Administration,
    /// To read the tenant's audit log, as who administers it; there may be no checkpoint yet.
    Log,
    /// To administer the installation.
    Installation,
    /// That it is about the caller.
    Caller,
    /// What a principal may do about itself, asked about one that does not exist; or about a schedule that does not.
    Nobody,
    /// Administration of the tenant, asked about a principal, a webhook or a secret that does not exist.
    AdministeredNobody,
}

const TAKES: [(&str, Takes); 113] = [
    ("utility.create", Takes::Membership),
    ("utility.list", Takes::Membership),
    ("utility.validate", Takes::Membership),
    ("execution.list", Takes::Membership),
    ("utility.copy", Takes::Membership),
    ("utility.listProposals", Takes::Membership),
    ("utility.getProposal", Takes::Utility),
    ("utility.acceptProposal", Takes::Change),
    ("utility.dismissProposal", Takes::Change),
    ("utility.get", Takes::Utility),
    ("utility.update", Takes::Change),
    ("utility.execute", Takes::Utility),
    ("utility.transform", Takes::Utility),
    ("utility.start", Takes::Utility),
    ("version.list", Takes::Utility),
    ("version.get", Takes::Utility),
    ("version.diff", Takes::Utility),
    ("version.restore", Takes::Change),
    ("utility.delete", Takes::Deletion),
    ("utility.undelete", Takes::Deletion),
    ("execution.get", Takes::Execution),
    ("execution.watch", Takes::Execution),
    ("execution.cancel", Takes::Execution),
    ("batch.start", Takes::Membership),
    ("batch.listItems", Takes::Execution),
    ("operation.list", Takes::Membership),
    ("operation.get", Takes::Execution),
    ("operation.watch", Takes::Execution),
    ("operation.cancel", Takes::Execution),
    ("runtime.list", Takes::Shared),
    ("runtime.get", Takes::Shared),
    ("policy.get", Takes::Shared),
    ("policy.update", Takes::Administration),
    ("grant.create", Takes::Grants),
    ("grant.revoke", Takes::Grants),
    ("grant.list", Takes::Grants),
    ("share.offer", Takes::Grants),
    ("share.revoke", Takes::Grants),
    ("share.accept", Takes::Administration),
    ("share.decline", Takes::Administration),
    ("share.list", Takes::Administration),
    ("server.get", Takes::Installation),
    ("key.get", Takes::Installation),
    ("key.rotate", Takes::Installation),
    ("caller.get", Takes::Caller),
    ("user.list", Takes::Membership),
    ("user.get", Takes::Nobody),
    ("access.explain", Takes::Nobody),
    ("user.update", Takes::Nobody),
    ("credential.revoke", Takes::Nobody),
    ("user.create", Takes::Administration),
    ("service_account.create", Takes::Administration),
    ("service_account.list", Takes::Administration),
    ("user.delete", Takes::AdministeredNobody),
    ("user.export", Takes::AdministeredNobody),
    ("user.erase", Takes::AdministeredNobody),
    ("service_account.delete", Takes::AdministeredNobody),
    ("api_key.create", Takes::AdministeredNobody),
    ("api_key.list", Takes::AdministeredNobody),
    ("api_key.revoke", Takes::AdministeredNobody),
    ("audit.list", Takes::Log),
    ("audit.getCheckpoint", Takes::Log),
    ("audit.getInclusionProof", Takes::Log),
    ("audit.getConsistencyProof", Takes::Log),
    ("audit.export", Takes::Log),
    ("audit.report", Takes::Log),
    ("audit.watch", Takes::Log),
    ("audit.cosign", Takes::Log),
    ("event.subscribe", Takes::Administration),
    ("webhook.create", Takes::Administration),
    ("webhook.list", Takes::Administration),
    ("webhook.get", Takes::AdministeredNobody),
    ("webhook.update", Takes::AdministeredNobody),
    ("webhook.delete", Takes::AdministeredNobody),
    ("webhook.rotateSecret", Takes::AdministeredNobody),
    ("webhook.listDeadLetters", Takes::AdministeredNobody),
    ("webhook.replayDeadLetters", Takes::AdministeredNobody),
    ("secret.list", Takes::Administration),
    ("secret.set", Takes::AdministeredNobody),
    ("secret.get", Takes::AdministeredNobody),
    ("secret.delete", Takes::AdministeredNobody),
    ("utility.schedule", Takes::Utility),
    ("schedule.list", Takes::Membership),
    ("schedule.get", Takes::Nobody),
    ("schedule.update", Takes::Nobody),
    ("schedule.pause", Takes::Nobody),
    ("schedule.resume", Takes::Nobody),
    ("schedule.delete", Takes::Nobody),
    ("service.list", Takes::Installation),
    ("service.get", Takes::Installation),
    ("service.start", Takes::Installation),
    ("service.stop", Takes::Installation),
    ("service.restart", Takes::Installation),
    ("service.scale", Takes::Installation),
    ("service.status", Takes::Installation),
    ("service.watch", Takes::Installation),
    ("service.logs", Takes::Installation),
    ("platform.get", Takes::Installation),
    ("platform.plan", Takes::Installation),
    ("platform.apply", Takes::Installation),
    ("integration.list", Takes::Administration),
    ("integration.get", Takes::Administration),
    ("integration.explain", Takes::Administration),
    ("integration.start", Takes::Administration),
    ("integration.stop", Takes::Administration),
    ("tenant.create", Takes::Installation),
    ("tenant.list", Takes::Installation),
    ("tenant.suspend", Takes::Installation),
    ("tenant.resume", Takes::Installation),
    ("tenant.delete", Takes::Installation),
    ("tenant.shred", Takes::Installation),
    ("tenant.get", Takes::Administration),
    ("tenant.update", Takes::Administration),
];

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Actor {
    Anonymous,
    /// Of somebody who is no longer let in.
    Unknown,
    Person(Person),
}

const USER: Person = Person::new("user-u", Role::User);
const CREATOR: Person = Person::new("creator-c", Role::Creator);
const ADMIN: Person = Person::new("admin-a", Role::Admin);
const SUPER_ADMIN: Person = Person { tenant: "system", ..Person::new("root", Role::SuperAdmin) };
/// A super admin that no rule makes.
const IMPOSTOR: Person = Person::new("impostor", Role::SuperAdmin);
const SERVICE: Person = Person { collection: "serviceAccounts", ..Person::new("nightly", Role::User) };
/// What they were granted has ended.
const LATE: Person = Person::new("late", Role::Creator);
/// Whose is what is not the callers'.
const OTHER: Person = Person::new("zed", Role::Creator);
const FOREIGN: Person = Person { tenant: "acme", ..Person::new("ann", Role::Admin) };

const MEMBERS: [Person; 5] = [USER, CREATOR, ADMIN, SERVICE, LATE];
const PEOPLE: [Person; 9] = [USER, CREATOR, ADMIN, SUPER_ADMIN, IMPOSTOR, SERVICE, LATE, OTHER, FOREIGN];

fn actors() -> Vec<Actor> {
    let callers = [USER, CREATOR, ADMIN, SUPER_ADMIN, IMPOSTOR, SERVICE, LATE];
    [Actor::Anonymous, Actor::Unknown].into_iter().chain(callers.map(Actor::Person)).collect()
}

/// Whose what is called about is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Own,
    Other,
    Granted,
    ForeignTenant,
    /// Another tenant's, which that shares to be run.
    Shared,
    /// Another tenant's, which that has shared until a time that is over.
    SharedBefore,
    /// Another tenant's, which that has offered and nobody has accepted.
    Offered,
    Missing,
}

const OF: [Of; 8] = [Of::Own, Of::Other, Of::Granted, Of::ForeignTenant, Of::Shared, Of::SharedBefore, Of::Offered, Of::Missing];

impl Of {
    /// The tenant whose it is.
    fn tenant(self) -> &'static str {
        match self {
            Of::Own | Of::Other | Of::Granted | Of::Missing => "demo",
            Of::ForeignTenant | Of::Shared | Of::SharedBefore | Of::Offered => "acme",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Unauthenticated,
    Denied,
    /// Like what does not exist.
    Hidden,
    Allowed,
}

/// The rule.
fn expected(actor: Actor, takes: Takes, of: Of) -> Verdict {
    let Actor::Person(person) = actor else { return Verdict::Unauthenticated };
    if takes == Takes::Caller {
        return if person == IMPOSTOR { Verdict::Denied } else { Verdict::Allowed };
    }
    let nobody = matches!(takes, Takes::Nobody | Takes::AdministeredNobody);
    let one = matches!(takes, Takes::Utility | Takes::Change | Takes::Deletion | Takes::Execution | Takes::Grants);
    let there = if nobody || (one && of == Of::Missing) { Verdict::Hidden } else { Verdict::Allowed };
    if person == SUPER_ADMIN {
        return there;
    }
    if of == Of::Shared && takes == Takes::Utility && person != IMPOSTOR {
        return there;
    }
    if person == IMPOSTOR || takes == Takes::Installation || of.tenant() != person.tenant {
        return Verdict::Denied;
    }
    let owns = of == Of::Own || (of == Of::Granted && person != LATE && takes != Takes::Execution);
    match (takes, person.role) {
        (Takes::Membership | Takes::Shared, _) => Verdict::Allowed,
        (_, Role::Admin) => there,
        (Takes::Grants | Takes::Administration | Takes::AdministeredNobody | Takes::Log | Takes::Installation, _)
        | (Takes::Deletion, Role::User) => Verdict::Denied,
        // Whose principal is not there, everybody may ask about like about their own.
        (Takes::Nobody | Takes::Caller, _) => there,
        (Takes::Utility | Takes::Change | Takes::Deletion | Takes::Execution, _) if owns => there,
        (Takes::Utility | Takes::Change | Takes::Deletion | Takes::Execution, _) => Verdict::Hidden,
    }
}

/// Names of what there is, for each caller.
struct World {
    server: Harness,
    /// An execution and an operation of each.
    runs: BTreeMap<(String, Of), (String, String)>,
}

impl World {
    async fn new() -> Self {
        let server = server_of(&PEOPLE).await;
        let mut world = World { server, runs: BTreeMap::new() };
        let others = world.make(OTHER, "demo", "not-granted").await;
        let granted = world.make(OTHER, "demo", "was-granted").await;
        let foreign = world.make(FOREIGN, "acme", "was-granted").await;
        world.share("are-sharing", None, true).await;
        world.share("were-shared", Some(60), true).await;
        world.share("are-offered", None, false).await;
        for person in [SUPER_ADMIN, IMPOSTOR].into_iter().chain(MEMBERS) {
            let own = match person {
                // Their own is of their own tenant, where calls of this test are not about.
                SUPER_ADMIN | IMPOSTOR => others.clone(),
                person => world.make(person, "demo", &own_id(person)).await,
            };
            let known = [(Of::Own, own), (Of::Other, others.clone()), (Of::Granted, granted.clone())];
            world.runs.extend(known.map(|(of, execution)| ((person.name(), of), execution)));
            let theirs = OF.into_iter().filter(|of| of.tenant() != "demo");
            world.runs.extend(theirs.map(|of| ((person.name(), of), foreign.clone())));
        }
        for person in MEMBERS {
            world.grant(person).await;
        }
        world.server.clock.advance(std::time::Duration::from_secs(60));
        world
    }

    /// Makes a utility and answers the ids of an execution of it, and of a batch.
    async fn make(&self, person: Person, tenant: &str, id: &str) -> (String, String) {
        let utility = Some(utilities::Utility { code: CODE.to_owned(), ..Default::default() });
        let (parent, utility_id) = (format!("tenants/{tenant}"), id.to_owned());
        let request = utilities::CreateUtilityRequest { parent, utility_id, utility, ..Default::default() };
        let made = self.server.utilities.clone().create_utility(person.asks(request)).await.unwrap().into_inner();
        let item = operations::BatchItem { utility: made.name.clone(), ..Default::default() };
        let request = operations::StartBatchRequest { parent: format!("tenants/{tenant}"), items: vec![item], ..Default::default() };
        let batch = self.server.batches.clone().start_batch(person.asks(request)).await.unwrap().into_inner();
        let request = executions::StartExecutionRequest { name: made.name, ..Default::default() };
        let started = self.server.executions.clone().start_execution(person.asks(request)).await.unwrap().into_inner();
        let [execution, operation] = [started.name, batch.name].map(|name| name.rsplit('/').next().unwrap().to_owned());
        (execution, operation)
    }

    /// Everything that can be granted; to the late one, for a time that is over when the test begins.
    async fn grant(&self, person: Person) {
        let end = self.server.clock.now().plus(std::time::Duration::from_secs(if person == LATE { 60 } else { 3_600 }));
        let request = access::GrantAccessRequest {
            name: "tenants/demo/utilities/was-granted".to_owned(),
            grantee: person.name(),
            access: access::Access::Manage.into(),
            expire_time: Some(wire(end)),
            ..Default::default()
        };
        self.server.access.clone().grant_access(ADMIN.asks(request)).await.unwrap();
    }

    /// Makes a utility of the other tenant and offers it to this one, until an end in so many seconds, and accepts it here.
    async fn share(&self, id: &str, seconds: Option<u64>, accepted: bool) {
        self.make(FOREIGN, "acme", id).await;
        let name = format!("tenants/acme/utilities/{id}");
        let end = seconds.map(|seconds| wire(self.server.clock.now().plus(std::time::Duration::from_secs(seconds))));
        let (tenant, access) = ("tenants/demo".to_owned(), access::Access::Execute.into());
        let offer = access::OfferShareRequest { name: name.clone(), tenant, access, expire_time: end, ..Default::default() };
        self.server.access.clone().offer_share(FOREIGN.asks(offer)).await.unwrap();
        if accepted {
            let answer = access::AcceptShareRequest { parent: "tenants/demo".to_owned(), utility: name, ..Default::default() };
            self.server.access.clone().accept_share(ADMIN.asks(answer)).await.unwrap();
        }
    }

    fn request(&self, method: &MethodDescriptor, actor: Actor, of: Of) -> DynamicMessage {
        let mut request = named_request(method, of.tenant());
        let person = if let Actor::Person(person) = actor { person } else { USER };
        let utility = match of {
            Of::Own => own_id(person),
            Of::Other => "not-granted".to_owned(),
            Of::Granted | Of::ForeignTenant => "was-granted".to_owned(),
            Of::Shared => "are-sharing".to_owned(),
            Of::SharedBefore => "were-shared".to_owned(),
            Of::Offered => "are-offered".to_owned(),
            Of::Missing => MISSING.to_owned(),
        };
        let missing = (MISSING_EXECUTION, MISSING_EXECUTION);
        let run = self.runs.get(&(person.name(), of)).map_or(missing, |(execution, operation)| (execution, operation));
        rename(&mut request, &utility, run);
        if method.parent_service().name() == "TenantService" && method.input().get_field_by_name("etag").is_some() {
            // Of a revision that there never was: whoever may suspend the tenant must not end this test.
            request.set_field_by_name("etag", Value::String("none".to_owned()));
        }
        if method.input().get_field_by_name("values_json").is_some() {
            request.set_field_by_name("values_json", Value::List(vec![Value::String("1".to_owned())]));
        }
        request
    }

    async fn call(&self, method: &MethodDescriptor, actor: Actor, message: &DynamicMessage) -> Result<(), Status> {
        let body = message.encode_to_vec().into();
        let request = match actor {
            Actor::Anonymous => Request::new(body),
            Actor::Unknown => Person::new("disabled", Role::Admin).asks(body),
            Actor::Person(person) => person.asks(body),
        };
        send(&self.server.channel, &path(method), request).await.map(drop)
    }
}

fn own_id(person: Person) -> String {
    format!("own-{}", &person.id[..4])
}

fn wire(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: (time.as_millis() / 1_000) as i64, nanos: (time.as_millis() % 1_000 * 1_000_000) as i32 }
}

/// Puts other ids into the names of a request.
fn rename(message: &mut DynamicMessage, utility: &str, (execution, operation): (&str, &str)) {
    let fields: Vec<_> = message.fields().map(|(field, value)| (field, value.clone())).collect();
    for (field, value) in fields {
        let renamed = match value {
            Value::String(text) if text.starts_with("tenants/") => {
                let text = text.replace("/utilities/some", &format!("/utilities/{utility}"));
                let text = match (text.split_once("/executions/"), text.split_once("/operations/")) {
                    (Some((before, _)), _) => format!("{before}/executions/{execution}"),
                    (None, Some((before, _))) => format!("{before}/operations/{operation}"),
                    (None, None) => text,
                };
                Value::String(text)
            }
            Value::Message(mut inner) => {
                rename(&mut inner, utility, (execution, operation));
                Value::Message(inner)
            }
            other => other,
        };
        message.set_field(&field, renamed);
    }
}

/// The same request with everything wrong that can be.
fn broken(method: &MethodDescriptor, request: &DynamicMessage) -> DynamicMessage {
    let mut broken = request.clone();
    for (name, value) in [
        ("request_id", Value::String("no uuid".to_owned())),
        ("page_size", Value::I32(-1)),
        ("page_token", Value::String("nonsense".to_owned())),
        ("version", Value::I32(-1)),
        ("after_sequence", Value::I64(-1)),
        ("after_revision", Value::I64(-1)),
        ("params_json", Value::String("{".to_owned())),
        ("utility_id", Value::String("Not An Id".to_owned())),
    ] {
        if method.input().get_field_by_name(name).is_some() {
            broken.set_field_by_name(name, value);
        }
    }
    broken
}

fn verdict(outcome: &Result<(), Status>) -> Verdict {
    match outcome.as_ref().err().map(Status::code) {
        Some(Code::Unauthenticated) => Verdict::Unauthenticated,
        Some(Code::PermissionDenied) => Verdict::Denied,
        Some(Code::NotFound) => Verdict::Hidden,
        Some(_) | None => Verdict::Allowed,
    }
}

fn takes(method: &MethodDescriptor) -> Option<Takes> {
    let permission = &api_proto::permissions()[&path(method)];
    if permission.who() == api_proto::zona::annotations::v1::Who::Anyone {
        return None;
    }
    let found = TAKES.iter().find(|(action, _)| *action == permission.action);
    Some(found.unwrap_or_else(|| panic!("{}: say in TAKES what it takes", permission.action)).1)
}

/// Everything that an answer says, with other ids for some. The entries of a map have no order on the wire.
fn said(status: &Status, ids: &[[&str; 2]]) -> (Code, String, usize, BTreeMap<String, String>, String) {
    let text = |text: &str| ids.iter().fold(text.to_owned(), |text, [from, to]| text.replace(from, to));
    let details = details(status);
    let info = details.error_info().expect("every status has one");
    let metadata = info.metadata.iter().map(|(key, value)| (key.clone(), text(value))).collect();
    let others = format!("{} {:?} {:?} {:?}", info.reason, details.resource_info(), details.bad_request(), details.precondition_failure());
    (status.code(), text(status.message()), status.details().len(), metadata, text(&others))
}

#[tokio::test]
async fn nobody_gets_more_or_less_than_the_rule_says_by_any_method() {
    let world = World::new().await;
    let (mut calls, mut wrong) = (0, Vec::new());
    for method in methods() {
        let Some(takes) = takes(&method) else { continue };
        for actor in actors() {
            for of in OF {
                if of == Of::Own && [Actor::Person(SUPER_ADMIN), Actor::Person(IMPOSTOR)].contains(&actor) {
                    continue;
                }
                let request = world.request(&method, actor, of);
                let outcome = world.call(&method, actor, &request).await;
                calls += 1;
                let mut expected = expected(actor, takes, of);
                // Whether the tenant has the thing that is asked for is another question.
                if takes == Takes::Shared && verdict(&outcome) == Verdict::Hidden {
                    expected = Verdict::Hidden;
                }
                if takes == Takes::Log && expected == Verdict::Allowed && verdict(&outcome) == Verdict::Hidden {
                    expected = Verdict::Hidden;
                }
                if verdict(&outcome) != expected {
                    wrong.push(format!("{} {actor:?} {of:?}: {expected:?} expected, {outcome:?}", path(&method)));
                }
            }
        }
    }
    println!("{calls} calls");
    assert!(wrong.is_empty(), "{} of {calls}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(calls >= 1_000, "{calls}");
}

/// Whether the server says that a call of this method would be permitted.
async fn explained(world: &World, method: &MethodDescriptor, person: Person, request: &DynamicMessage) -> bool {
    let resource = match path(method).as_str() {
        "/zona.identity.v1.IdentityService/WhoAmI" => person.name(),
        _ => name_in(request).unwrap_or_default(),
    };
    let action = api_proto::permissions()[&path(method)].action.clone();
    let question = access::ExplainAccessRequest { name: person.name(), action, resource };
    world.server.access.clone().explain_access(SUPER_ADMIN.asks(question)).await.unwrap().into_inner().allowed
}

#[tokio::test]
async fn an_explanation_says_of_every_method_what_becomes_of_its_call() {
    let world = World::new().await;
    let mut compared = 0;
    for method in methods() {
        let Some(takes) = takes(&method) else { continue };
        for person in [USER, CREATOR, ADMIN, SUPER_ADMIN, IMPOSTOR, SERVICE, LATE] {
            for of in OF.into_iter().filter(|of| *of != Of::Missing) {
                // What is not there, or not an administrator's to know, is another question than who may ask for it.
                let absent = matches!(takes, Takes::Nobody | Takes::AdministeredNobody | Takes::Log | Takes::Shared);
                if absent || (of == Of::Own && [SUPER_ADMIN, IMPOSTOR].contains(&person)) {
                    continue;
                }
                let request = world.request(&method, Actor::Person(person), of);
                let said = explained(&world, &method, person, &request).await;
                let done = verdict(&world.call(&method, Actor::Person(person), &request).await) == Verdict::Allowed;
                assert_eq!(said, done, "{} {person:?} {of:?}", path(&method));
                compared += 1;
            }
        }
    }
    assert!(compared >= 500, "{compared}");
}

#[tokio::test]
async fn a_refusal_is_the_same_and_takes_its_time_for_what_exists_and_what_does_not_and_comes_before_the_body_is_read() {
    let world = World::new().await;
    let mut compared = 0;
    for method in methods() {
        if takes(&method).is_none() {
            continue;
        }
        for actor in actors() {
            let existing = world.request(&method, actor, Of::Other);
            let begun = Instant::now();
            let Err(refused) = world.call(&method, actor, &existing).await else { continue };
            if verdict(&Err(refused.clone())) == Verdict::Allowed {
                continue;
            }
            let (there, begun) = (begun.elapsed(), Instant::now());
            let missing = world.call(&method, actor, &world.request(&method, actor, Of::Missing)).await.unwrap_err();
            if refused.code() != Code::Unauthenticated {
                // Both longer than any look at what there is takes here.
                let absent = begun.elapsed();
                assert!(there.min(absent) >= REFUSED_AFTER, "{} {actor:?}: {there:?}, {absent:?}", path(&method));
            }
            let (execution, operation) = world.runs.get(&(USER.name(), Of::Other)).unwrap();
            let names = [["not-granted", MISSING], [execution, MISSING_EXECUTION], [operation, MISSING_EXECUTION]];
            let as_missing = said(&refused, &names);
            assert_eq!(as_missing, said(&missing, &[]), "{} {actor:?}", path(&method));
            if refused.code() != Code::NotFound {
                let broken = world.call(&method, actor, &broken(&method, &existing)).await.unwrap_err();
                assert_eq!(said(&broken, &[]), said(&refused, &[]), "{} {actor:?}", path(&method));
            }
            compared += 1;
        }
    }
    assert!(compared >= 100, "{compared}");
}
