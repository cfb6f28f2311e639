//! The rules of access a second time: written in Cedar from the requirements, evaluated by its engine, and asked the same random
//! questions as ours. What an action is, who there is and what was granted is told to both; nothing else is shared.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::str::FromStr as _;
use std::sync::Arc;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request, RestrictedExpression,
};
use domain::access::{
    Access, AccessPolicy, Caller, Consent, Credential, CredentialKind, ExplanationPorts, Explanations, Grant, GrantRepository as _,
    Grantee, LocalRules, MatrixRules, Origin, TenantScope,
};
use domain::identity::{Principal, PrincipalChange, PrincipalRepository, PrincipalState, Role};
use domain::name::{PrincipalName, TenantId, UtilityName};
use domain::operation::OperationRepository;
use domain::request::{Committed, Expected};
use domain::schedule::ScheduleRepository;
use domain::tenant::TenantState;
use domain::time::{Clock as _, Timestamp};
use domain::utility::UtilityRepository as _;
use domain::{access, execution::ExecutionRepository};
use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use test_support::{
    FakeClock, InMemoryExecutionRepository, InMemoryIdentity, InMemoryTenants, InMemoryUtilityRepository, operation_repository, sample,
    schedule_repository,
};

const RULES: &str = include_str!("rules.cedar");
const TENANTS: [&str; 4] = ["acme", "beta", "closed", "system"];
/// Of [`TENANTS`], the one that is suspended.
const SUSPENDED: &str = "closed";
const ROUNDS: usize = 100;
const QUESTIONS: usize = 1_000;
const GRANTS: usize = 40;

/// What the actions of the contract are in the words of the requirements, and what they are about. One that is not named here fails the test.
const MEANINGS: [(&str, &[&str]); 9] = [
    ("create", &["utility.create", "utility.copy"]),
    (
        "read",
        &[
            "utility.get",
            "utility.list",
            "utility.validate",
            "utility.listProposals",
            "utility.getProposal",
            "version.list",
            "version.get",
            "version.diff",
            "execution.get",
            "execution.list",
            "execution.watch",
            "batch.listItems",
            "operation.get",
            "operation.list",
            "operation.watch",
            "caller.get",
            "user.get",
            "user.list",
            "access.explain",
            "schedule.get",
            "schedule.list",
        ],
    ),
    (
        "change",
        &["utility.update", "utility.acceptProposal", "utility.dismissProposal", "version.restore", "user.update", "credential.revoke"],
    ),
    (
        "execute",
        &[
            "utility.execute",
            "utility.transform",
            "utility.start",
            "execution.cancel",
            "batch.start",
            "operation.cancel",
            "utility.schedule",
            "schedule.update",
            "schedule.pause",
            "schedule.resume",
            "schedule.delete",
        ],
    ),
    ("delete", &["utility.delete", "utility.undelete"]),
    ("read what is shared", &["policy.get", "runtime.get", "runtime.list"]),
    (
        "administer a tenant",
        &[
            "grant.create",
            "grant.revoke",
            "grant.list",
            "share.offer",
            "share.accept",
            "share.decline",
            "share.revoke",
            "share.list",
            "policy.update",
            "user.create",
            "user.delete",
            "user.export",
            "user.erase",
            "service_account.create",
            "service_account.list",
            "service_account.delete",
            "api_key.create",
            "api_key.list",
            "api_key.revoke",
            "audit.list",
            "audit.getCheckpoint",
            "audit.getInclusionProof",
            "audit.getConsistencyProof",
            "audit.export",
            "audit.watch",
            "audit.report",
            "audit.cosign",
            "event.subscribe",
            "webhook.create",
            "webhook.list",
            "webhook.get",
            "webhook.update",
            "webhook.delete",
            "webhook.rotateSecret",
            "webhook.listDeadLetters",
            "webhook.replayDeadLetters",
            "secret.set",
            "secret.get",
            "secret.list",
            "secret.delete",
            "integration.list",
            "integration.get",
            "integration.explain",
            "integration.start",
            "integration.stop",
            "tenant.get",
            "tenant.update",
        ],
    ),
    (
        "administer the installation",
        &[
            "server.get",
            "key.get",
            "key.rotate",
            "tenant.create",
            "tenant.list",
            "tenant.suspend",
            "tenant.resume",
            "tenant.delete",
            "tenant.shred",
            "service.list",
            "service.get",
            "service.start",
            "service.stop",
            "service.restart",
            "service.scale",
            "service.status",
            "service.watch",
            "service.logs",
            "platform.get",
            "platform.plan",
            "platform.apply",
        ],
    ),
    ("ask as anyone", &["token.issue", "token.refresh", "installation.bootstrap", "key_set.get"]),
];

/// What there is in a tenant to ask about: forms of names, in which `*` stands for a principal's number or for one that is not there.
const FORMS: [&str; 15] = [
    "",
    "tenants/{tenant}",
    "tenants/{tenant}/codePolicy",
    "tenants/{tenant}/runtimes/python",
    "tenants/{tenant}/webhooks/hook",
    "tenants/{tenant}/secrets/token",
    "tenants/{tenant}/utilities/u-*",
    "tenants/{tenant}/utilities/u-*/versions/1",
    "tenants/{tenant}/executions/018f0000-0000-7000-8000-00000000000*",
    "tenants/{tenant}/operations/018f0000-0000-7000-8000-00000000000*",
    "tenants/{tenant}/schedules/s-*",
    "tenants/{tenant}/users/p-*",
    "tenants/{tenant}/serviceAccounts/p-*",
    "tenants/{tenant}/users/p-*/sessions/018f0000-0000-7000-8000-000000000001",
    "tenants/{tenant}/serviceAccounts/p-*/apiKeys/abcdefgh234567ab",
];

/// Who there is in each tenant, by number: role, whether a program, whether disabled. The numbers from here to 9 are not there.
const PEOPLE: [(Role, bool, bool); 8] = [
    (Role::User, false, false),
    (Role::Creator, false, false),
    (Role::Admin, false, false),
    (Role::SuperAdmin, false, false),
    (Role::User, true, false),
    (Role::Creator, true, false),
    (Role::Creator, false, true),
    (Role::Admin, false, true),
];

struct Chance(TestRng);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0.next_u32() as usize % end
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

fn tenant_id(tenant: &str) -> TenantId {
    sample::tenant(tenant)
}

fn person(tenant: &str, number: usize) -> PrincipalName {
    let collection = if PEOPLE[number].1 { "serviceAccounts" } else { "users" };
    PrincipalName::parse("name", &format!("tenants/{tenant}/{collection}/p-{number}")).unwrap()
}

// === ours ===

struct Ours {
    explanations: Explanations,
    policy: AccessPolicy,
    grants: Arc<test_support::InMemoryGrantRepository>,
    clock: Arc<FakeClock>,
    asker: Caller,
}

impl Ours {
    async fn new() -> Self {
        let clock = Arc::new(FakeClock::default());
        let principals = Arc::new(InMemoryIdentity::new(clock.clone()));
        let utilities = Arc::new(InMemoryUtilityRepository::new(clock.clone()));
        let executions = Arc::new(InMemoryExecutionRepository::new(clock.clone()));
        for tenant in TENANTS {
            let scope = TenantScope::for_system(tenant_id(tenant));
            for number in 0..PEOPLE.len() {
                let principal = principal(tenant, number);
                let mut utility = sample::utility(&scope, &format!("u-{number}"));
                utility.owner = principal.name.clone();
                assert_eq!(utilities.commit(&scope, sample::creation(utility)).await.unwrap(), Committed::Stored);
                let mut execution = sample::execution(&scope, number as u64);
                execution.caller = principal.name.clone();
                assert_eq!(
                    ExecutionRepository::insert(executions.as_ref(), &scope, &execution, None, &[], None).await.unwrap(),
                    Committed::Stored
                );
                let mut operation = operation_repository::operation(tenant, number as u64, &sample::fence("a", 1));
                operation.creator.principal = principal.name.clone();
                let operations: &dyn OperationRepository = executions.as_ref();
                assert_eq!(operations.insert(&scope, &operation, &[], None).await.unwrap(), Committed::Stored);
                let mut schedule = schedule_repository::schedule(tenant, &format!("s-{number}"));
                schedule.owner = principal.name.clone();
                let made = schedule_repository::creation(&schedule);
                assert_eq!(ScheduleRepository::commit(executions.as_ref(), &scope, made).await.unwrap(), Committed::Stored);
                let change = PrincipalChange { expected: Expected::Absent, principal, deletes: false, judged_at: None, request: None };
                assert_eq!(PrincipalRepository::commit(&*principals, &scope, change).await.unwrap(), Committed::Stored);
            }
        }
        let grants = principals.grants();
        let rules = MatrixRules::new(LocalRules::new(tenant_id("acme")), grants.clone(), clock.clone());
        let tenants = Arc::new(InMemoryTenants::of(clock.clone(), &TENANTS));
        tenants.turn(SUSPENDED, TenantState::Suspended);
        let (operations, schedules) = (executions.clone(), executions.clone());
        let ports =
            ExplanationPorts { principals, utilities, executions, operations, schedules, grants: grants.clone(), tenants: tenants.clone() };
        let policy = AccessPolicy::new(Arc::new(rules.clone()), tenants);
        Ours { explanations: Explanations::new(rules, ports), policy, grants, clock, asker: super_admin() }
    }

    /// Whether a call would be permitted, and by which rule.
    async fn decide(&self, who: &PrincipalName, action: &str, resource: &str) -> (bool, &'static str) {
        let permit = self.policy.require::<access::actions::ExplainAccess>(&self.asker, who.clone()).await.unwrap();
        let explained = self.explanations.explain(&permit, action, resource).await.unwrap();
        (explained.allowed, explained.rule)
    }
}

fn principal(tenant: &str, number: usize) -> Principal {
    let (role, _, disabled) = PEOPLE[number];
    let state = if disabled { PrincipalState::Disabled } else { PrincipalState::Active };
    Principal { name: person(tenant, number), role, state, password: None, ..sample::principal("tenants/acme/users/any") }
}

fn super_admin() -> Caller {
    let credential = Credential {
        kind: CredentialKind::AccessToken,
        session: None,
        key: None,
        issuer: None,
        issued: Timestamp::default(),
        expires: None,
    };
    Caller { principal: person("system", 3), origin: Origin::Credential(credential), role: Some(Role::SuperAdmin), address: None }
}

// === Cedar's ===

struct Theirs {
    /// What there is while nothing is shared.
    unshared: BTreeMap<String, Entity>,
    entities: Entities,
    rules: String,
    policies: PolicySet,
    authorizer: Authorizer,
}

fn uid(kind: &str, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(EntityTypeName::from_str(kind).unwrap(), EntityId::new(id))
}

fn entity(of: EntityUid, attributes: &[(&str, RestrictedExpression)], parents: &[EntityUid]) -> Entity {
    let attributes: HashMap<_, _> = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Entity::new(of, attributes, parents.iter().cloned().collect::<HashSet<_>>()).unwrap()
}

/// A resource by its name: its kind is seen from the form.
fn thing(name: &str) -> EntityUid {
    match name.split('/').collect::<Vec<_>>().as_slice() {
        [""] => uid("Installation", "one"),
        ["tenants", tenant] => uid("Tenant", tenant),
        ["tenants", _, _, _] if name.contains("/users/") || name.contains("/serviceAccounts/") => uid("Principal", name),
        _ => uid("Thing", name),
    }
}

fn role_in(tenant: &str, role: Role) -> EntityUid {
    uid("TenantRole", &format!("{tenant} {}", role.as_str()))
}

impl Theirs {
    fn new() -> Self {
        let mut entities: BTreeMap<String, Entity> = BTreeMap::new();
        let mut add = |made: Entity| {
            entities.insert(made.uid().to_string(), made);
        };
        add(entity(uid("Action", "work"), &[], &[]));
        for (meaning, actions) in MEANINGS {
            add(entity(uid("Action", meaning), &[], &[]));
            for action in actions {
                let mut meant = vec![uid("Action", meaning)];
                let works =
                    ["utility.", "version.", "execution.", "batch.", "operation.", "schedule."].iter().any(|kind| action.starts_with(kind));
                meant.extend((works && meaning != "read").then(|| uid("Action", "work")));
                add(entity(uid("Action", action), &[], &meant));
            }
        }
        for role in Role::ALL {
            add(entity(uid("Role", role.as_str()), &[], &[]));
        }
        for tenant in TENANTS {
            let own = RestrictedExpression::new_entity_uid(uid("Tenant", tenant));
            let suspended = RestrictedExpression::new_bool(tenant == SUSPENDED);
            add(entity(uid("Tenant", tenant), &[("of", own), ("suspended", suspended)], &[]));
            for form in &FORMS[2..] {
                for number in 0..10 {
                    add(Self::resource(tenant, form, number, &[]));
                }
            }
            for role in Role::ALL {
                add(entity(role_in(tenant, role), &[], &[uid("Role", role.as_str())]));
            }
            for (number, (role, _, disabled)) in PEOPLE.into_iter().enumerate() {
                let name = person(tenant, number).to_string();
                let own = RestrictedExpression::new_entity_uid(uid("Principal", &name));
                let of = RestrictedExpression::new_entity_uid(uid("Tenant", tenant));
                let disabled = RestrictedExpression::new_bool(disabled);
                let attributes = [("owner", own), ("tenant", of.clone()), ("of", of), ("disabled", disabled)];
                add(entity(uid("Principal", &name), &attributes, &[uid("Tenant", tenant), role_in(tenant, role)]));
            }
        }
        Theirs {
            unshared: entities,
            entities: Entities::empty(),
            rules: RULES.to_owned(),
            policies: PolicySet::new(),
            authorizer: Authorizer::new(),
        }
    }

    /// What is there under a name, and whose it is: principals are their own, and things the principal's of their number.
    fn resource(tenant: &str, form: &str, number: usize, shared_with: &[EntityUid]) -> Entity {
        let name = named(form, tenant, number);
        let mut parents = vec![uid("Tenant", tenant)];
        if let Some((utility, _)) = name.split_once("/versions/") {
            parents.push(thing(utility));
        }
        let owner = match form.split_once('*') {
            None => None,
            Some((before, _)) if before.ends_with("/p-") => {
                let (owner, _) = name.split_once("/sessions/").or(name.split_once("/apiKeys/")).unwrap_or((&name, ""));
                (number < PEOPLE.len() && person(tenant, number).to_string() == owner).then(|| owner.to_owned())
            }
            Some(_) => (number < PEOPLE.len()).then(|| person(tenant, number).to_string()),
        };
        let owner = owner.map(|owner| ("owner", RestrictedExpression::new_entity_uid(uid("Principal", &owner))));
        let of = ("of", RestrictedExpression::new_entity_uid(uid("Tenant", tenant)));
        let receivers = RestrictedExpression::new_set(shared_with.iter().cloned().map(RestrictedExpression::new_entity_uid));
        let shared = (!shared_with.is_empty()).then_some(("shared_with", receivers));
        entity(thing(&name), &owner.into_iter().chain([of]).chain(shared).collect::<Vec<_>>(), &parents)
    }

    /// Takes these grants for the only ones.
    fn grant(&mut self, grants: &[Grant]) {
        let mut text = self.rules.clone();
        for grant in grants {
            let grantee = match &grant.grantee {
                Grantee::Tenant(tenant) => uid("Tenant", tenant.as_str()),
                Grantee::Role(tenant, role) => role_in(tenant.as_str(), *role),
                Grantee::Principal(name) => uid("Principal", &name.to_string()),
            };
            let actions = match grant.access {
                Access::Read => "Action::\"read\"",
                Access::Execute => "Action::\"read\", Action::\"execute\"",
                Access::Manage => "Action::\"read\", Action::\"execute\", Action::\"change\", Action::\"delete\"",
            };
            // What was offered is no grant before it is accepted.
            if grant.consent == Consent::Awaited {
                continue;
            }
            let until = grant.expires.map_or_else(|| "true".to_owned(), |end| format!("context.now < {}", end.as_millis()));
            let utility = thing(&grant.utility.to_string());
            text += &format!("permit(principal in {grantee}, action in [{actions}], resource in {utility}) when {{ {until} }};\n");
        }
        self.policies = PolicySet::from_str(&text).unwrap();
        self.entities = Entities::from_entities(self.shared(grants).into_values(), None).unwrap();
    }

    /// What there is, with whom each utility and its version is shared.
    fn shared(&self, grants: &[Grant]) -> BTreeMap<String, Entity> {
        let accepted = grants.iter().filter(|grant| matches!(grant.consent, Consent::Given { .. }));
        let mut receivers: BTreeMap<&UtilityName, Vec<EntityUid>> = BTreeMap::new();
        for share in accepted {
            receivers.entry(&share.utility).or_default().push(uid("Tenant", share.grantee.tenant().as_str()));
        }
        let mut entities = self.unshared.clone();
        for (utility, receivers) in receivers {
            let number = utility.utility.as_str().trim_start_matches("u-").parse().unwrap();
            for form in ["tenants/{tenant}/utilities/u-*", "tenants/{tenant}/utilities/u-*/versions/1"] {
                let shared = Self::resource(utility.tenant.as_str(), form, number, &receivers);
                entities.insert(shared.uid().to_string(), shared);
            }
        }
        entities
    }

    fn allows(&self, who: &PrincipalName, action: &str, resource: &str, now: Timestamp) -> bool {
        let now = RestrictedExpression::new_long(i64::try_from(now.as_millis()).unwrap());
        let context = Context::from_pairs([("now".to_owned(), now)]).unwrap();
        let request = Request::new(uid("Principal", &who.to_string()), uid("Action", action), thing(resource), context, None).unwrap();
        let answer = self.authorizer.is_authorized(&request, &self.policies, &self.entities);
        // A rule that fails is skipped, and would permit or forbid nothing.
        assert_eq!(answer.diagnostics().errors().count(), 0, "{:?}", answer.diagnostics().errors().collect::<Vec<_>>());
        answer.decision() == Decision::Allow
    }
}

// === questions ===

fn named(form: &str, tenant: &str, number: usize) -> String {
    form.replace("{tenant}", tenant).replace('*', &number.to_string())
}

/// The forms of what an action can be about.
fn forms_of(action: &str) -> Vec<&'static str> {
    let (kind, verb) = action.split_once('.').unwrap();
    let starts = |start: &'static str| FORMS.into_iter().filter(move |form| form.starts_with(start)).collect::<Vec<_>>();
    let ends = |ends: &'static [&'static str]| FORMS.into_iter().filter(|form| ends.iter().any(|end| form.ends_with(end))).collect();
    match (kind, verb) {
        ("token" | "installation" | "key" | "key_set" | "server" | "service" | "platform", _) | ("tenant", "create" | "list") => vec![""],
        ("utility", "create" | "copy" | "list" | "listProposals" | "validate")
        | ("execution" | "operation" | "schedule" | "user" | "service_account" | "runtime", "list")
        | ("batch", "start") => vec![FORMS[1]],
        ("webhook", "create" | "list") => vec![FORMS[1]],
        ("webhook", _) => ends(&["/hook"]),
        ("secret", "list") => vec![FORMS[1]],
        ("secret", _) => ends(&["/token"]),
        ("audit" | "event" | "tenant" | "integration", _)
        | ("share", "accept" | "decline" | "list")
        | ("user" | "service_account", "create") => {
            vec![FORMS[1]]
        }
        ("version", "get" | "restore") => ends(&["/versions/1"]),
        ("utility" | "version" | "grant" | "share", _) => ends(&["/utilities/u-*"]),
        ("execution", _) => starts("tenants/{tenant}/executions/"),
        ("schedule", _) => starts("tenants/{tenant}/schedules/"),
        ("operation" | "batch", _) => starts("tenants/{tenant}/operations/"),
        ("policy", _) => ends(&["/codePolicy"]),
        ("runtime", _) => ends(&["/python"]),
        ("credential", _) => ends(&["/p-*", "/sessions/018f0000-0000-7000-8000-000000000001", "/apiKeys/abcdefgh234567ab"]),
        ("api_key", "revoke") => ends(&["/apiKeys/abcdefgh234567ab"]),
        _ => ends(&["/p-*"]),
    }
}

/// Grants of any kind, some of which have ended at `now`.
fn some_grants(chance: &mut Chance, now: Timestamp) -> Vec<Grant> {
    let mut grants = BTreeMap::new();
    for _ in 0..GRANTS {
        let tenant = chance.of(&TENANTS);
        let utility = UtilityName::parse("name", &named("tenants/{tenant}/utilities/u-*", tenant, chance.below(PEOPLE.len()))).unwrap();
        let other = chance.of(&TENANTS);
        let grantee = match chance.below(5) {
            4 if other != tenant => Grantee::Tenant(tenant_id(other)),
            0 => Grantee::Role(tenant_id(tenant), chance.of(&Role::ALL)),
            1 => Grantee::Tenant(tenant_id(tenant)),
            _ => Grantee::Principal(person(tenant, chance.below(PEOPLE.len()))),
        };
        let shared = *grantee.tenant() != tenant_id(tenant);
        let access = chance.of(if shared { &[Access::Read, Access::Execute] } else { &[Access::Read, Access::Execute, Access::Manage] });
        let consent = match (shared, chance.below(4)) {
            (false, _) => Consent::Unneeded,
            (true, 0) => Consent::Awaited,
            (true, _) => Consent::Given { by: person(grantee.tenant().as_str(), 2), time: now },
        };
        let expires = chance.of(&[None, Some(now.as_millis() - 1), Some(now.as_millis()), Some(now.as_millis() + 1)]);
        let expires = expires.map(Timestamp::from_millis);
        let grant = Grant { utility: utility.clone(), expires, consent, ..sample::grant("any", grantee.clone(), access) };
        grants.insert((utility, grantee), grant);
    }
    grants.into_values().collect()
}

#[tokio::test]
async fn a_second_model_of_the_rules_agrees_on_a_hundred_thousand_random_requests() {
    let (ours, mut theirs) = (Ours::new().await, Theirs::new());
    let mut chance = Chance(TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let actions: Vec<&str> = domain::actions().map(|action| action.name).collect();
    for action in &actions {
        assert!(MEANINGS.iter().any(|(_, named)| named.contains(action)), "{action}: say in MEANINGS what it is");
    }
    let mut asked: BTreeMap<(&str, bool), usize> = BTreeMap::new();
    for _ in 0..ROUNDS {
        ours.clock.advance(std::time::Duration::from_secs(1));
        let now = ours.clock.now();
        let grants = some_grants(&mut chance, now);
        for grant in &grants {
            // As of a time at which none has ended, so that the store keeps them all.
            let scope = TenantScope::for_system(grant.utility.tenant.clone());
            assert_eq!(ours.grants.put(&scope, grant, Timestamp::default(), None).await.unwrap(), Committed::Stored);
        }
        theirs.grant(&grants);
        for _ in 0..QUESTIONS {
            let who = person(chance.of(&TENANTS), chance.below(PEOPLE.len()));
            let action = chance.of(&actions);
            let tenant = if chance.below(4) == 0 { chance.of(&TENANTS) } else { who.tenant().as_str() };
            let resource = named(chance.of(&forms_of(action)), tenant, chance.below(10));
            let (allowed, rule) = ours.decide(&who, action, &resource).await;
            let said = theirs.allows(&who, action, &resource, now);
            assert_eq!(allowed, said, "{who} {action} {resource}: ours by {rule}; granted: {grants:#?}");
            *asked.entry((rule, allowed)).or_default() += 1;
        }
        for grant in &grants {
            let scope = TenantScope::for_system(grant.utility.tenant.clone());
            assert_eq!(ours.grants.remove(&scope, grant, None).await.unwrap(), Committed::Stored);
        }
    }
    println!("{asked:#?}");
    assert_eq!(asked.values().sum::<usize>(), ROUNDS * QUESTIONS);
    // Each rule has decided often enough to be compared.
    for decided in [
        ("MATRIX", true),
        ("MATRIX", false),
        ("GRANT", true),
        ("NEITHER_OWNED_NOR_GRANTED", false),
        ("SHARED_BY_THE_TENANT", true),
        ("OTHER_TENANT", false),
        ("SUPER_ADMINS_ONLY", false),
        ("DISABLED", false),
        ("TENANT_SUSPENDED", false),
        ("ANYONE", true),
    ] {
        assert!(asked.get(&decided).is_some_and(|times| *times >= 300), "{decided:?}: {asked:?}");
    }
}
