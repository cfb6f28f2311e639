//! Secrets that are bound to parameters: who may have which, and what becomes of their values.

use domain::admission;
use domain::audit::AuditRepository as _;
use domain::code::{Parameter, ValueType};
use domain::execution::{Execution, Launch, State, actions};
use domain::identity::Secret;
use domain::name::{SecretName, UtilityName};
use domain::request::Committed;
use domain::sandbox::{Limits, Reason};
use domain::secret::{NamedSecret, References, SecretBinding, SecretChange, SecretRepository as _};
use domain::utility::{Call, Draft};
use domain::{Error, Result};
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

/// A secret of `acme` that is released to `utilities` at a time after all tests have begun.
async fn put(world: &World, id: &str, utilities: &[UtilityName]) -> NamedSecret {
    let made = NamedSecret { utilities: utilities.to_vec(), released: sample::at(1_000_000), ..secret("acme", id) };
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
    let foreign = NamedSecret { utilities: vec![name("bobs")], released: sample::at(1_000_000), ..secret("beta", "s") };
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
    let earlier = NamedSecret { released: sample::at(0), ..made.clone() };
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
    let used = world.stores().secrets.find(&sample::scope("acme"), &id("s")).await.unwrap().open_for_system().unwrap();
    assert!(used.last_used.is_some());
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
        let closed = NamedSecret { utilities: Vec::new(), ..made.clone() };
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
        let made = NamedSecret { utilities: vec![name("bobs")], released: sample::at(1_000_000), ..secret("acme", id) };
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
