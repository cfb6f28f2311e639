//! Random calls of every method that names a tenant, with names, ids and page tokens of one's own, of others and of nobody: whatever is
//! answered, nothing of another tenant is in it.

use std::collections::BTreeSet;
use std::time::Duration;

use api_proto::zona::execution::v1 as executions;
use api_proto::zona::identity::v1 as identity;
use api_proto::zona::utility::v1 as utilities;
use domain::identity::Role;
use prost::Message as _;
use prost_reflect::{DynamicMessage, MethodDescriptor, Value};
use tokio::time::timeout;
use tonic::Code;

use crate::generic::{methods_about_tenants, named_request, path, send};
use crate::harness::{Harness, Options};
use crate::identity::PASSWORD;
use crate::roles::{Person, RoleAuthenticator};

const OURS: Person = Person::new("admin-a", Role::Admin);
const THEIRS: Person = Person { tenant: "acme", ..Person::new("admin-b", Role::Admin) };
/// Stands in everything that is theirs, and nowhere else.
const MARK: &str = "quuxbury";
/// In the tenant that each of them is of there are two; the last one is nowhere.
const IDS: [&str; 4] = ["both", "ours", "theirs", "absent"];
const ABSENT_EXECUTION: &str = "00000000-0000-7000-8000-00000000ffff";
const CALLS: usize = 1_500;
/// How long the first message of an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(200);

/// The same numbers in every run; source: Marsaglia, xorshift RNGs, 2003.
struct Dice(u64);

impl Dice {
    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        &from[usize::try_from(self.0 % from.len() as u64).unwrap()]
    }
}

/// What there is of each tenant.
struct World {
    server: Harness,
    executions: Vec<String>,
    page_tokens: Vec<String>,
}

impl World {
    async fn new() -> Self {
        let server = Harness::with(Options { authenticator: Some(RoleAuthenticator::of([OURS, THEIRS])), ..Options::default() }).await;
        let mut world = World { server, executions: vec![ABSENT_EXECUTION.to_owned()], page_tokens: vec![String::new()] };
        world.fill(OURS, "ours", "").await;
        world.fill(THEIRS, "theirs", MARK).await;
        world
    }

    async fn fill(&mut self, person: Person, own: &str, mark: &str) {
        let parent = format!("tenants/{}", person.tenant);
        for id in ["both", own] {
            let code = format!("def main():\n    #: return \"{mark}\"\n");
            let utility = Some(utilities::Utility { code, description: mark.to_owned(), ..Default::default() });
            let (parent, utility_id) = (parent.clone(), id.to_owned());
            let create = utilities::CreateUtilityRequest { parent: parent.clone(), utility_id, utility, ..Default::default() };
            let name = self.server.utilities.clone().create_utility(person.asks(create)).await.unwrap().into_inner().name;
            let start = executions::StartExecutionRequest { name, ..Default::default() };
            let started = self.server.executions.clone().start_execution(person.asks(start)).await.unwrap().into_inner();
            self.executions.push(started.name.rsplit('/').next().unwrap().to_owned());
            let user = Some(identity::User { display_name: mark.to_owned(), password: PASSWORD.to_owned(), ..Default::default() });
            let create = identity::CreateUserRequest { parent, user_id: id.to_owned(), user, ..Default::default() };
            self.server.identity.clone().create_user(person.asks(create)).await.unwrap();
        }
        let list = utilities::ListUtilitiesRequest { parent, page_size: 1, ..Default::default() };
        let page = self.server.utilities.clone().list_utilities(person.asks(list)).await.unwrap().into_inner();
        self.page_tokens.push(page.next_page_token);
    }

    fn request(&self, method: &MethodDescriptor, tenant: &str, dice: &mut Dice) -> DynamicMessage {
        let mut request = named_request(method, tenant);
        let (id, execution): (&&str, &String) = (dice.pick(&IDS), dice.pick(&self.executions));
        rename(&mut request, id, execution);
        if method.input().get_field_by_name("page_token").is_some() {
            request.set_field_by_name("page_token", Value::String(dice.pick(&self.page_tokens).clone()));
            request.set_field_by_name("page_size", Value::I32(*dice.pick(&[0, 1, 2])));
        }
        request
    }
}

/// Puts other ids into the names of a request.
fn rename(message: &mut DynamicMessage, id: &str, execution: &str) {
    let fields: Vec<_> = message.fields().map(|(field, value)| (field, value.clone())).collect();
    for (field, value) in fields {
        let renamed = match value {
            Value::String(text) if text.starts_with("tenants/") => {
                let text = text.replace("/utilities/some", &format!("/utilities/{id}")).replace("/users/some", &format!("/users/{id}"));
                match text.split_once("/executions/") {
                    Some((before, _)) => Value::String(format!("{before}/executions/{execution}")),
                    None => Value::String(text),
                }
            }
            Value::Message(mut inner) => {
                rename(&mut inner, id, execution);
                Value::Message(inner)
            }
            other => other,
        };
        message.set_field(&field, renamed);
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn nothing_of_another_tenant_is_ever_answered_whatever_is_asked_for() {
    let (world, mut dice) = (World::new().await, Dice(0x5eed_0fa1));
    let methods = methods_about_tenants();
    let mut answered = BTreeSet::new();
    for _ in 0..CALLS {
        let (method, tenant) = (dice.pick(&methods), *dice.pick(&["demo", "demo", "acme", "absent"]));
        let request = world.request(method, tenant, &mut dice);
        let body = request.encode_to_vec().into();
        let what = format!("{} {request:?}", path(method));
        // What follows a log has nothing to say for a while.
        let Ok(answer) = timeout(PATIENCE, send(&world.server.channel, &path(method), OURS.asks(body))).await else { continue };
        match answer {
            Ok(body) => {
                let body = body.unwrap_or_default();
                // The log of whoever was refused says about what.
                let names_theirs = method.parent_service().name() != "AuditService" && holds(&body, "tenants/acme");
                assert!(tenant == "demo" && !holds(&body, MARK) && !names_theirs, "{what}");
                answered.insert(path(method));
            }
            Err(status) if tenant == "demo" => {
                let said = [status.message().as_bytes(), status.details()].concat();
                assert!(!holds(&said, MARK) && !holds(&said, "tenants/acme"), "{what}: {status:?}");
            }
            Err(status) => assert_eq!(status.code(), Code::PermissionDenied, "{what}"),
        }
    }
    assert!(answered.len() >= 20, "{answered:?}");
    // What is theirs is all there: it was not answered because it was not there.
    let list = utilities::ListUtilitiesRequest { parent: "tenants/acme".to_owned(), ..Default::default() };
    let theirs = world.server.utilities.clone().list_utilities(THEIRS.asks(list)).await.unwrap().into_inner();
    assert_eq!(theirs.utilities.iter().filter(|utility| utility.description == MARK).count(), 2);
}
