//! Secrets that are bound to parameters: who may have which, and what becomes of their values.

use std::collections::BTreeMap;

use domain::access::Reach;
use domain::admission;
use domain::audit::AuditRepository as _;
use domain::code::{Parameter, ValueType};
use domain::execution::{Execution, Launch, State, actions};
use domain::identity::Secret;
use domain::name::{SecretName, UtilityName};
use domain::request::Committed;
use domain::sandbox::{Limits, Reason};
use domain::secret::{NamedSecret, References, SecretBinding, SecretChange, SecretRepository as _};
use domain::time::Timestamp;
use domain::utility::{Call, Draft};
use domain::{Error, Result};
use futures_util::FutureExt as _;
use test_support::sample;
use test_support::secret_repository::{change, creation, id, secret};

use crate::world::{World, acme, eventually, launch, name};

const VALUE: &str = "correct horse battery staple";
const SCRIPT: &str = "#: print hello\n";

fn parameter(name: &str) -> Parameter {
    Parameter {
        name: name.to_owned(),
        value_type: ValueType::String,
        required: true,
        default_json: None,
        enum_json: Vec::new(),
        secret: true,
        description: String::new(),
    }
}

/// A utility of `user` with these parameters.
async fn create(world: &World, user: &str, id: &str, parameters: &[Parameter]) {
    let parameters = Some(parameters.to_vec());
    let draft = Draft { code: SCRIPT.as_bytes().to_vec(), limits: Limits::DEFAULT, parameters, ..Draft::default() };
    let permit = world.own(user, acme()).await;
    world.utilities.create(&permit, Some(sample::utility_id(id)), draft, Call::default()).await.unwrap();
}

fn released(utilities: &[UtilityName], since: u64) -> BTreeMap<UtilityName, Timestamp> {
    utilities.iter().map(|name| (name.clone(), sample::at(since))).collect()
}

/// A secret of `acme` that is released to `utilities` at a time after all tests have begun.
async fn put(world: &World, id: &str, utilities: &[UtilityName]) -> NamedSecret {
    let made = NamedSecret { utilities: released(utilities, 1_000_000), ..secret("acme", id) };
    assert_eq!(world.stores().secrets.commit(&sample::scope("acme"), creation(&made, VALUE)).await.unwrap(), Committed::Stored);
    made
}

fn references(parameter: &str, secret: &str) -> References {
    [(parameter.to_owned(), SecretName::parse("secret", secret).unwrap())].into()
}

/// Starts it as `user`, who reaches only what is their own, with `token` bound to a secret.
async fn start(world: &World, user: &str, utility: &str, secret: &str) -> Result<Execution> {
    let permit = world.own(user, name(utility)).await;
    world.executions.start(&permit, Launch { secrets: references("token", secret), ..launch(None) }).await
}

/// The same as whoever administers the tenant.
async fn start_as_admin(world: &World, utility: &str, secret: &str) -> Result<Execution> {
    let permit = world.permit(name(utility)).await;
    world.executions.start(&permit, Launch { secrets: references("token", secret), ..launch(None) }).await
}

async fn ended(world: &World, execution: &Execution) -> Execution {
    eventually(|| world.executions.load_now().running == 0).await;
    world.executions.get(&world.permit(execution.name.clone()).await).await.unwrap()
}

fn refusal(refused: &Error) -> String {
    let Error::Denied { action, resource } = refused else { panic!("{refused:?}") };
    let name = resource.rsplit('/').next().unwrap();
    format!("{action} {}", resource.replace(name, "NAME"))
}

#[tokio::test]
async fn administrators_have_any_secret_handed_over_and_others_those_that_are_released_to_what_they_run() {
    let world = World::new();
    create(&world, "bob", "bobs", &[parameter("token")]).await;
    create(&world, "bob", "other", &[parameter("token")]).await;
    put(&world, "released", &[name("bobs")]).await;
    put(&world, "closed", &[]).await;
    start(&world, "bob", "bobs", "tenants/acme/secrets/released").await.unwrap();
    for closed in ["tenants/acme/secrets/closed", "tenants/acme/secrets/absent"] {
        let refused = start(&world, "bob", "bobs", closed).await.unwrap_err();
        assert_eq!(refusal(&refused), "secret.use tenants/acme/secrets/NAME", "{closed}");
    }
    let elsewhere = start(&world, "bob", "other", "tenants/acme/secrets/released").await.unwrap_err();
    assert_eq!(refusal(&elsewhere), "secret.use tenants/acme/secrets/NAME", "it is released to another");
    for id in ["released", "closed"] {
        start_as_admin(&world, "bobs", &format!("tenants/acme/secrets/{id}")).await.unwrap();
    }
    assert!(matches!(start_as_admin(&world, "bobs", "tenants/acme/secrets/absent").await, Err(Error::Denied { .. })));
}

#[tokio::test]
async fn nobody_is_handed_a_secret_of_another_tenant_whatever_it_is_released_to() {
    let world = World::new();
    create(&world, "bob", "bobs", &[parameter("token")]).await;
    let foreign = NamedSecret { utilities: released(&[name("bobs")], 1_000_000), ..secret("beta", "s") };
    world.stores().secrets.commit(&sample::scope("beta"), creation(&foreign, VALUE)).await.unwrap();
    for absent in ["tenants/beta/secrets/s", "tenants/beta/secrets/absent", "tenants/nowhere/secrets/s"] {
        assert!(matches!(start(&world, "bob", "bobs", absent).await, Err(Error::Denied { .. })), "{absent}");
        assert!(matches!(start_as_admin(&world, "bobs", absent).await, Err(Error::Denied { .. })), "{absent}");
    }
}

#[tokio::test]
async fn a_utility_that_was_made_after_a_secret_was_released_to_its_name_is_not_handed_it() {
    let world = World::new();
    let made = put(&world, "s", &[name("bobs")]).await;
    let earlier = NamedSecret { utilities: released(&[name("bobs")], 0), ..made.clone() };
    world.stores().secrets.commit(&sample::scope("acme"), change(&made, &earlier)).await.unwrap();
    world.clock.advance(std::time::Duration::from_secs(1));
    create(&world, "bob", "bobs", &[parameter("token")]).await;
    assert!(matches!(start(&world, "bob", "bobs", "tenants/acme/secrets/s").await, Err(Error::Denied { .. })));
}

#[tokio::test]
async fn a_value_comes_in_when_its_code_is_handed_over_is_masked_and_stands_in_no_record() {
    let world = World::new();
    create(&world, "bob", "bobs", &[parameter("token")]).await;
    put(&world, "s", &[name("bobs")]).await;
    let started = start(&world, "bob", "bobs", "tenants/acme/secrets/s").await.unwrap();
    let execution = ended(&world, &started).await;
    let (params, masked) = world.sandbox.handed().pop().unwrap();
    assert_eq!(params, format!(r#"{{"token":"{VALUE}"}}"#));
    assert_eq!(masked.texts().collect::<Vec<_>>(), [VALUE]);
    let name = SecretName::parse("secret", "tenants/acme/secrets/s").unwrap();
    assert_eq!(execution.secrets, [SecretBinding { parameter: "token".to_owned(), secret: name, version: 7 }]);
    assert_eq!(execution.state, State::Succeeded);
    let records = world.stores().executions.since(&sample::scope("acme"), 0, usize::MAX).await.unwrap();
    assert!(!format!("{execution:?} {:?}", records.open_for_system()).contains(VALUE));
    eventually(|| used(&world).is_some()).await;
}

/// When it was used last.
fn used(world: &World) -> Option<Timestamp> {
    let found = world.stores().secrets.find(&sample::scope("acme"), &id("s")).now_or_never().unwrap().unwrap();
    found.open_for_system().unwrap().last_used
}

#[tokio::test]
async fn that_a_use_cannot_be_noted_keeps_no_code_from_running_and_is_counted() {
    let world = World::new();
    create(&world, "bob", "bobs", &[parameter("token")]).await;
    put(&world, "s", &[name("bobs")]).await;
    world.stores().secrets.faults().fail_always("note_uses");
    let started = start(&world, "bob", "bobs", "tenants/acme/secrets/s").await.unwrap();
    assert_eq!(ended(&world, &started).await.state, State::Succeeded);
    eventually(|| world.incidents.kinds() == ["use-not-noted"]).await;
    assert_eq!(used(&world), None);
}

#[tokio::test]
async fn an_execution_whose_secrets_are_waited_for_can_be_cancelled() {
    let world = World::new();
    create(&world, "bob", "bobs", &[parameter("token")]).await;
    put(&world, "s", &[name("bobs")]).await;
    world.stores().secrets.halt();
    let started = start(&world, "bob", "bobs", "tenants/acme/secrets/s").await.unwrap();
    world.executions.cancel(&world.permit(started.name.clone()).await).await.unwrap();
    assert_eq!(ended(&world, &started).await.state, State::Cancelled);
    assert!(world.sandbox.handed().is_empty() && used(&world).is_none());
}

#[tokio::test]
async fn parameters_are_read_once_however_many_secrets_are_bound_and_not_where_none_may_be() {
    let world = World::admitting(admission::Config { max_running: 1, max_running_per_tenant: 1, ..admission::Config::default() });
    let parameters: Vec<Parameter> = (0..9).map(|number| parameter(&format!("p{number}"))).collect();
    create(&world, "bob", "bobs", &parameters).await;
    world.create("waits", "#: wait\n").await.unwrap();
    put(&world, "s", &[name("bobs")]).await;
    world.executions.start(&world.permit::<actions::StartExecution>(name("waits")).await, launch(None)).await.unwrap();
    eventually(|| world.running() == 1).await;
    let bound = SecretName::parse("secret", "tenants/acme/secrets/s").unwrap();
    let named = |letter: &str| (0..9).map(|number| (format!("{letter}{number}"), bound.clone())).collect();
    let permit = world.own::<actions::StartExecution>("bob", name("bobs")).await;
    let before = world.binder.looked();
    let unknown = world.executions.start(&permit, Launch { secrets: named("q"), ..launch(None) }).await;
    assert!(matches!(unknown, Err(Error::Invalid(violations)) if violations.len() == 9));
    assert_eq!(world.binder.looked() - before, 0);
    world.executions.start(&permit, Launch { secrets: named("p"), ..launch(None) }).await.unwrap();
    assert_eq!(world.binder.looked() - before, 1);
}

/// What becomes of an execution that ann has asked for, who reached everything, once everybody reaches `now` while it waits.
async fn reaching(now: Option<Reach>, utilities: &[UtilityName]) -> (Execution, World) {
    let world = World::admitting(admission::Config { max_running: 1, max_running_per_tenant: 1, ..admission::Config::default() });
    create(&world, "ann", "anns", &[parameter("token")]).await;
    world.create("waits", "#: wait\n").await.unwrap();
    put(&world, "s", utilities).await;
    world.executions.start(&world.permit::<actions::StartExecution>(name("waits")).await, launch(None)).await.unwrap();
    eventually(|| world.running() == 1).await;
    let queued = start_as_admin(&world, "anns", "tenants/acme/secrets/s").await.unwrap();
    world.now.set(now);
    world.release();
    (ended(&world, &queued).await, world)
}

#[tokio::test]
async fn whoever_may_less_by_the_time_of_the_hand_over_is_handed_what_they_may_have_then() {
    let (execution, world) = reaching(Some(Reach::Own), &[]).await;
    check_not_run(&execution, &world);
    let (execution, world) = reaching(None, &[name("anns")]).await;
    check_not_run(&execution, &world);
    let (execution, _) = reaching(Some(Reach::Own), &[name("anns")]).await;
    assert_eq!(execution.state, State::Succeeded, "it is released to what is their own");
    let (execution, _) = reaching(Some(Reach::Tenant), &[]).await;
    assert_eq!(execution.state, State::Succeeded);
}

#[tokio::test]
async fn the_value_of_the_moment_at_which_code_is_handed_over_counts() {
    let world = World::admitting(admission::Config { max_running: 1, max_running_per_tenant: 1, ..admission::Config::default() });
    create(&world, "bob", "bobs", &[parameter("token")]).await;
    world.create("waits", "#: wait\n").await.unwrap();
    let made = put(&world, "s", &[name("bobs")]).await;
    let waits = world.executions.start(&world.permit::<actions::StartExecution>(name("waits")).await, launch(None)).await.unwrap();
    eventually(|| world.running() == 1).await;
    let queued = start(&world, "bob", "bobs", "tenants/acme/secrets/s").await.unwrap();
    let other = SecretChange { value: Some(Secret::new("another value")), ..change(&made, &NamedSecret { version: 8, ..made.clone() }) };
    world.stores().secrets.commit(&sample::scope("acme"), other).await.unwrap();
    world.release();
    ended(&world, &waits).await;
    let execution = ended(&world, &queued).await;
    assert_eq!(world.sandbox.handed().pop().unwrap().0, r#"{"token":"another value"}"#);
    assert_eq!(execution.secrets[0].version, 8);
}

/// What becomes of an execution whose secret changes while it waits.
async fn meanwhile(what: impl AsyncFn(&World, NamedSecret)) -> (Execution, World) {
    let world = World::admitting(admission::Config { max_running: 1, max_running_per_tenant: 1, ..admission::Config::default() });
    create(&world, "bob", "bobs", &[parameter("token")]).await;
    world.create("waits", "#: wait\n").await.unwrap();
    let made = put(&world, "s", &[name("bobs")]).await;
    world.executions.start(&world.permit::<actions::StartExecution>(name("waits")).await, launch(None)).await.unwrap();
    eventually(|| world.running() == 1).await;
    let queued = start(&world, "bob", "bobs", "tenants/acme/secrets/s").await.unwrap();
    what(&world, made).await;
    world.release();
    let execution = ended(&world, &queued).await;
    (execution, world)
}

fn check_not_run(execution: &Execution, world: &World) {
    let failure = execution.failure.as_ref().unwrap();
    assert_eq!((execution.state, failure.reason), (State::Denied, Reason::SecretUnavailable), "{failure:?}");
    assert_eq!(world.sandbox.handed().len(), 1, "only what it waited for has run");
}

#[tokio::test]
async fn what_is_deleted_or_taken_back_while_an_execution_waits_ends_it_before_its_code_runs() {
    let acme = sample::scope("acme");
    let (execution, world) = meanwhile(async |world, made| {
        let deletion = SecretChange { deletes: true, ..change(&made, &made) };
        world.stores().secrets.commit(&acme, deletion).await.unwrap();
    })
    .await;
    check_not_run(&execution, &world);
    let (execution, world) = meanwhile(async |world, made| {
        let closed = NamedSecret { utilities: BTreeMap::new(), ..made.clone() };
        world.stores().secrets.commit(&acme, change(&made, &closed)).await.unwrap();
    })
    .await;
    check_not_run(&execution, &world);
    assert!(execution.failure.unwrap().message.contains("tenants/acme/secrets/s"));
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_ends_the_execution_and_operators_hear_of_it() {
    let (execution, world) = meanwhile(async |world, _| world.stores().secrets.faults().fail_always("open")).await;
    check_not_run(&execution, &world);
    assert_eq!(world.incidents.kinds(), ["secret-not-opened"]);
}

#[tokio::test]
async fn only_secret_parameters_that_take_any_text_are_bound() {
    let world = World::new();
    let parameters = [
        Parameter { secret: false, ..parameter("plain") },
        Parameter { value_type: ValueType::Integer, ..parameter("number") },
        Parameter { enum_json: vec![domain::json::JsonText::read("\"a\"")], ..parameter("choice") },
        Parameter { value_type: ValueType::Any, ..parameter("any") },
        parameter("**rest"),
    ];
    let parameters = parameters.map(|parameter| Parameter { required: false, ..parameter });
    create(&world, "bob", "bobs", &parameters).await;
    put(&world, "s", &[name("bobs")]).await;
    let bound = SecretName::parse("secret", "tenants/acme/secrets/s").unwrap();
    let all = ["plain", "number", "choice", "any", "unknown"].map(|name| (name.to_owned(), bound.clone()));
    let permit = world.own::<actions::StartExecution>("bob", name("bobs")).await;
    let refused = world.executions.start(&permit, Launch { secrets: all.into(), ..launch(None) }).await.unwrap_err();
    let Error::Invalid(violations) = refused else { panic!("{refused:?}") };
    let found: Vec<_> = violations.iter().map(|violation| (violation.field.as_str(), violation.reason)).collect();
    let expected = [
        ("secret_parameters.choice", "NOT_ALLOWED"),
        ("secret_parameters.number", "WRONG_TYPE"),
        ("secret_parameters.plain", "NOT_SECRET"),
        ("secret_parameters.unknown", "UNKNOWN_PARAMETER"),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn secrets_that_are_too_long_together_to_be_masked_are_not_handed_over() {
    let world = World::new();
    create(&world, "bob", "bobs", &[parameter("one"), parameter("two")]).await;
    for (id, letter) in [("one", "x"), ("two", "y")] {
        let made = NamedSecret { utilities: released(&[name("bobs")], 1_000_000), ..secret("acme", id) };
        let creation = creation(&made, &letter.repeat(40 * 1024));
        world.stores().secrets.commit(&sample::scope("acme"), creation).await.unwrap();
    }
    let named = |id: &str| SecretName::parse("secret", &format!("tenants/acme/secrets/{id}")).unwrap();
    let secrets = ["one", "two"].map(|id| (id.to_owned(), named(id))).into();
    let permit = world.own::<actions::StartExecution>("bob", name("bobs")).await;
    let started = world.executions.start(&permit, Launch { secrets, ..launch(None) }).await.unwrap();
    let failure = ended(&world, &started).await.failure.unwrap();
    assert_eq!(failure.reason, Reason::SecretUnavailable);
    assert!(failure.message.contains("too long") && world.sandbox.handed().is_empty(), "{failure:?}");
}
