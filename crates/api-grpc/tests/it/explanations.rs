//! Explanations: the verdict is that of the call itself, with the rule or the grant that decides, and only for who may ask.

use std::time::Duration;

use api_proto::zona::access::v1 as pb;
use api_proto::zona::utility::v1 as utilities;
use domain::identity::{Principal, PrincipalState, Role};
use domain::tenant::TenantState;
use domain::time::Clock as _;
use tonic::{Code, Status};

use crate::harness::{Harness, TENANT, pairs, utility_name, violations};
use crate::roles::{Person, keep, server_of};

const ROOT: Person = Person::new("root", Role::Admin);
const ANN: Person = Person::new("ann", Role::Creator);
const BOB: Person = Person::new("bob", Role::User);
const RULER: Person = Person { tenant: "system", ..Person::new("root", Role::SuperAdmin) };
/// Kept as disabled.
const GONE: Person = Person::new("gone", Role::Admin);
const FOREIGN: Person = Person { tenant: "acme", ..Person::new("zed", Role::Admin) };
const PEOPLE: [Person; 5] = [ROOT, ANN, BOB, RULER, FOREIGN];

/// A server on which ann owns `some`, and bob may execute `shared`, which is hers, too.
async fn server() -> Harness {
    let server = server_of(&PEOPLE).await;
    keep(&server.known, Principal { state: PrincipalState::Disabled, ..GONE.principal() }).await;
    for id in ["some", "shared"] {
        let utility = Some(utilities::Utility { code: "def main():\n    #: return 1\n".to_owned(), ..Default::default() });
        let (parent, utility_id) = (TENANT.to_owned(), id.to_owned());
        let request = utilities::CreateUtilityRequest { parent, utility_id, utility, ..Default::default() };
        server.utilities.clone().create_utility(ANN.asks(request)).await.unwrap();
    }
    let (name, grantee, access) = (utility_name("shared"), BOB.name(), pb::Access::Execute.into());
    let request = pb::GrantAccessRequest { name, grantee, access, ..Default::default() };
    server.access.clone().grant_access(ROOT.asks(request)).await.unwrap();
    server
}

async fn ask(server: &Harness, who: Person, about: Person, action: &str, resource: &str) -> Result<pb::ExplainAccessResponse, Status> {
    let request = pb::ExplainAccessRequest { name: about.name(), action: action.to_owned(), resource: resource.to_owned() };
    Ok(server.access.clone().explain_access(who.asks(request)).await?.into_inner())
}

#[tokio::test]
async fn an_explanation_names_the_rule_that_decides() {
    let server = server().await;
    let (some, shared) = (&*utility_name("some"), &*utility_name("shared"));
    let version = format!("{shared}/versions/1");
    let cases = [
        (ANN, "utility.delete", some, true, "MATRIX"),
        (ROOT, "utility.delete", some, true, "MATRIX"),
        (RULER, "utility.delete", some, true, "MATRIX"),
        (BOB, "utility.create", TENANT, true, "MATRIX"),
        (BOB, "utility.get", some, false, "NEITHER_OWNED_NOR_GRANTED"),
        (BOB, "utility.get", "tenants/demo/utilities/missing", false, "NEITHER_OWNED_NOR_GRANTED"),
        (BOB, "utility.execute", shared, true, "GRANT"),
        (BOB, "version.get", version.as_str(), true, "GRANT"),
        (BOB, "utility.update", shared, false, "NEITHER_OWNED_NOR_GRANTED"),
        (BOB, "utility.delete", shared, false, "MATRIX"),
        (BOB, "policy.get", "tenants/demo/codePolicy", true, "SHARED_BY_THE_TENANT"),
        (ROOT, "policy.update", "tenants/demo/codePolicy", true, "MATRIX"),
        (ROOT, "policy.update", "tenants/acme/codePolicy", false, "OTHER_TENANT"),
        (ROOT, "server.get", "", false, "SUPER_ADMINS_ONLY"),
        (RULER, "server.get", "", true, "MATRIX"),
    ];
    for (about, action, resource, allowed, rule) in cases {
        let explained = ask(&server, RULER, about, action, resource).await.unwrap();
        assert_eq!((explained.allowed, explained.rule.as_str()), (allowed, rule), "{} {action} {resource}: {explained:?}", about.id);
        assert_eq!(explained.grant.is_some(), rule == "GRANT", "{explained:?}");
        assert!(!explained.explanation.is_empty());
    }
}

#[tokio::test]
async fn everybody_asks_about_themselves_and_administrators_about_their_tenant() {
    let server = server().await;
    let absent = Person::new("nobody", Role::User);
    for (who, about, expected) in [
        (BOB, BOB, None),
        (BOB, ANN, Some(Code::NotFound)),
        (BOB, absent, Some(Code::NotFound)),
        (BOB, FOREIGN, Some(Code::PermissionDenied)),
        (ROOT, BOB, None),
        (ROOT, absent, Some(Code::NotFound)),
        (ROOT, FOREIGN, Some(Code::PermissionDenied)),
        (ROOT, RULER, Some(Code::PermissionDenied)),
        (RULER, FOREIGN, None),
    ] {
        let outcome = ask(&server, who, about, "utility.list", TENANT).await.map(drop).map_err(|status| status.code());
        assert_eq!(outcome, expected.map_or(Ok(()), Err), "{} asks about {}", who.id, about.id);
    }
    // Whoever may not ask learns nothing of the question's form either.
    assert_eq!(ask(&server, BOB, ANN, "nonsense", "nonsense").await.unwrap_err().code(), Code::NotFound);
    let refused = ask(&server, BOB, BOB, "nonsense", "nonsense").await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("action", "UNKNOWN_ACTION"), ("resource", "MALFORMED")]));
    for (action, resource) in
        [("utility.get", TENANT), ("utility.get", ""), ("policy.get", "tenants/demo/users/bob"), ("server.get", TENANT)]
    {
        let refused = ask(&server, BOB, BOB, action, resource).await.unwrap_err();
        assert_eq!(violations(&refused), pairs(&[("resource", "MALFORMED")]), "{action} is not about {resource}");
    }
}

#[tokio::test]
async fn what_has_ended_opens_nothing_and_who_is_disabled_may_do_nothing() {
    let server = server().await;
    let shared = utility_name("shared");
    let end = server.clock.now().plus(Duration::from_secs(60)).as_millis();
    let expire_time = Some(prost_types::Timestamp { seconds: (end / 1_000) as i64, nanos: (end % 1_000 * 1_000_000) as i32 });
    let (name, grantee, access) = (shared.clone(), BOB.name(), pb::Access::Execute.into());
    let request = pb::GrantAccessRequest { name, grantee, access, expire_time, ..Default::default() };
    server.access.clone().grant_access(ROOT.asks(request)).await.unwrap();
    let explained = ask(&server, ROOT, BOB, "utility.execute", &shared).await.unwrap();
    assert_eq!(explained.grant.unwrap().expire_time, expire_time);
    server.clock.advance(Duration::from_secs(60));
    let ended = ask(&server, ROOT, BOB, "utility.execute", &shared).await.unwrap();
    assert_eq!((ended.allowed, ended.rule.as_str()), (false, "NEITHER_OWNED_NOR_GRANTED"));

    let gone = ask(&server, ROOT, GONE, "utility.create", TENANT).await.unwrap();
    assert_eq!((gone.allowed, gone.rule.as_str()), (false, "DISABLED"));
}

#[tokio::test]
async fn of_a_closed_tenant_it_says_so_to_whom_the_call_would_be_told() {
    let server = server().await;
    server.known.tenants.turn("demo", TenantState::Suspended);
    let cases = [
        (BOB, "utility.create", TENANT, false, "TENANT_SUSPENDED"),
        (RULER, "utility.get", &*utility_name("some"), true, "MATRIX"),
        (RULER, "utility.update", &*utility_name("some"), false, "TENANT_SUSPENDED"),
        (RULER, "utility.get", "tenants/absent/utilities/some", false, "NO_SUCH_TENANT"),
        (FOREIGN, "utility.get", &*utility_name("some"), false, "OTHER_TENANT"),
    ];
    for (about, action, resource, allowed, rule) in cases {
        let explained = ask(&server, RULER, about, action, resource).await.unwrap();
        assert_eq!((explained.allowed, explained.rule.as_str()), (allowed, rule), "{} {action} {resource}: {explained:?}", about.id);
    }
}
