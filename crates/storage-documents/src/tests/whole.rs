//! Every entity survives its document whole, and a document with a value that no entity can have is refused by the name of its field.

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU32, NonZeroU64};

use domain::access::{Access, Grantee};
use domain::code_policy::{CodePolicy, Preset, RuleException};
use domain::event::{Detail, Details};
use domain::identity::{ApiKey, Role, Session, SessionKind, Vouched};
use domain::name::{ApiKeyId, PrincipalName, RuntimeId, SecretName, SessionId, WebhookId, WebhookName};
use domain::revision::Revision;
use domain::sandbox::Isolation;
use domain::secret::NamedSecret;
use domain::tenant::{Database, Keep, Quota, Settings, ShareOffers, Tenant, TenantConsent, TenantNumber, TenantState};
use domain::utility::Utility;
use domain::webhook::{Webhook, WebhookState};
use serde::Serialize;
use serde::de::DeserializeOwned;
use test_support::audit_repository::entry;
use test_support::sample::{accepted, at, grant, lineage, offer, principal, tenant, user, utility_id};

use super::*;

/// The document as a store gives it back.
fn stored<D: Serialize + DeserializeOwned>(document: &D) -> D {
    decode(&encode(document)).unwrap()
}

/// The same with another value in one of its fields.
fn spoiled<D: Serialize + DeserializeOwned>(document: &D, field: &str, value: &str) -> D {
    let mut map = as_map(&encode(document));
    assert!(map.contains_key(field), "{field}");
    map[field] = value.into();
    decode(&serde_json::to_string(&map).unwrap()).unwrap()
}

fn session_id() -> SessionId {
    SessionId::parse("session", "018f0000-0000-7000-8000-000000000001").unwrap()
}

fn key_id() -> ApiKeyId {
    ApiKeyId::parse("key", "abcdefgh234567ab").unwrap()
}

fn hash(byte: u8) -> Hash {
    Hash::from_bytes([byte; 32])
}

fn full_tenant() -> Tenant {
    Tenant {
        number: TenantNumber::from_stored(7),
        display_name: "Acme".to_owned(),
        state: TenantState::Deleted,
        database: Database { host: "db".to_owned(), username: "acme".to_owned(), name: "main".to_owned() },
        settings: Settings {
            time_zone: "Europe/Berlin".to_owned(),
            locale: "de-DE".to_owned(),
            consent: TenantConsent { offers: ShareOffers::Refused, terms_version: "2026".to_owned(), said: Some((user("ann"), at(3))) },
            keep: Keep {
                executions: NonZeroU32::new(1),
                output: NonZeroU32::new(2),
                deleted_utilities: NonZeroU32::new(3),
                audit: NonZeroU32::new(40),
            },
            legal_hold: true,
            quota: Quota { utilities: NonZeroU32::new(5), output_bytes: NonZeroU64::new(6), running: NonZeroU32::new(7) },
            runtimes: vec![RuntimeId::new("data")],
        },
        updated: at(8),
        closed: Some(at(9)),
        purged: Some(at(10)),
        revision: Revision::from_stored(11),
        ..Tenant::new(tenant("acme"), at(1))
    }
}

#[test]
fn tenants_survive_with_everything_that_was_settled_and_with_nothing() {
    for before in [full_tenant(), Tenant::new(tenant("acme"), at(1))] {
        let after = stored(&TenantDocument::from(&before)).into_tenant(before.code.clone(), before.number.as_i32()).unwrap();
        assert_eq!(after, before);
    }
    let odd: TenantDocument = spoiled(&TenantDocument::from(&full_tenant()), "state", "asleep");
    assert_eq!(odd.into_tenant(tenant("acme"), 7).unwrap_err().to_string(), "field `state` holds no valid value");
    let odd: TenantDocument = spoiled(&TenantDocument::from(&full_tenant()), "consenter", "ann");
    assert!(odd.into_tenant(tenant("acme"), 7).is_err());
}

#[test]
fn grants_survive_within_a_tenant_and_across_tenants() {
    let role = Grantee::Role(tenant("acme"), Role::Creator);
    let offered = offer("shared", Access::Execute);
    for before in
        [grant("one", role, Access::Manage), grant("one", Grantee::Principal(user("ann")), Access::Read), accepted(&offered), offered]
    {
        assert_eq!(stored(&GrantDocument::from(&before)).into_grant(before.utility.clone()).unwrap(), before);
    }
    let before = grant("one", Grantee::Tenant(tenant("acme")), Access::Read);
    for (field, value) in [("grantee", "tenants/beta"), ("access", "own"), ("granted_by", "ann")] {
        let odd: GrantDocument = spoiled(&GrantDocument::from(&before), field, value);
        let error = odd.into_grant(before.utility.clone()).unwrap_err();
        assert_eq!(error.to_string(), format!("field `{field}` holds no valid value"));
    }
}

#[test]
fn principals_keys_and_sessions_survive_whole() {
    let before = principal("tenants/acme/users/ann");
    assert_eq!(stored(&PrincipalDocument::from(&before)).into_principal(before.name.clone()).unwrap(), before);
    let key = ApiKey {
        id: key_id(),
        account: before.name.clone(),
        hash: hash(1),
        description: "nightly".to_owned(),
        created: at(1),
        expires: Some(at(2)),
        last_used: Some(at(3)),
        revoked: Some(at(4)),
        issued_under: at(5),
        revision: Revision::from_stored(6),
    };
    let document = stored(&ApiKeyDocument::from(&key));
    assert_eq!(document.into_api_key(key.account.clone(), key.id.clone(), key.last_used).unwrap(), key);
    let session = Session {
        id: session_id(),
        principal: before.name.clone(),
        kind: SessionKind::Browser,
        key: Some(key_id()),
        created: at(1),
        expires: at(2),
        revoked: Some(at(3)),
        generation: 4,
        refresh: hash(5),
        family: hash(6),
        issued_under: at(7),
        vouched: Some(Vouched { issuer: "https://id.example".into(), role: Some(Role::Creator), issued: at(8) }),
    };
    let document = stored(&SessionDocument::from(&session));
    assert_eq!(document.into_session(session.principal.clone(), session.id.clone()).unwrap(), session);
    let vouched = session.vouched.clone().map(|vouched| Vouched { role: None, ..vouched });
    let of_a_known_one = Session { vouched, ..session.clone() };
    let document = stored(&SessionDocument::from(&of_a_known_one));
    assert_eq!(document.into_session(session.principal.clone(), session.id.clone()).unwrap(), of_a_known_one);
    let odd: SessionDocument = spoiled(&SessionDocument::from(&session), "key", "short");
    assert!(odd.into_session(session.principal, session.id).is_err());
}

#[test]
fn a_sealed_name_stands_in_no_plain_text_and_is_opened_again() {
    let before = principal("tenants/acme/users/ann");
    let mut document = PrincipalDocument::from(&before);
    document.seal_display_name("sealed".to_owned());
    let mut document = stored(&document);
    assert_eq!((document.display_name(), document.sealed_display_name()), ("", Some("sealed")));
    document.open_display_name(before.display_name.clone());
    assert_eq!(document.sealed_display_name(), None);
    assert_eq!(document.into_principal(before.name.clone()).unwrap(), before);
}

#[test]
fn policies_survive_with_their_exceptions() {
    let exception = RuleException {
        utility: utility_id("backup"),
        rule: "ZPY-IMPORT-001".to_owned(),
        reason: "reviewed".to_owned(),
        expires: at(9),
        granted_by: user("root"),
    };
    let before = CodePolicy {
        tenant: tenant("acme"),
        preset: Preset::Compatible,
        only_modules: Some(vec!["json".to_owned()]),
        extra_modules: vec!["yaml".to_owned()],
        denied_rules: vec!["ZPY-QUALITY-001".to_owned()],
        exceptions: vec![exception],
        minimum_isolation: Isolation::OneShot,
        fresh_processes: true,
        revision: Revision::from_stored(3),
        updated: at(4),
    };
    assert_eq!(stored(&PolicyDocument::from(&before)).into_policy(before.tenant.clone()).unwrap(), before);
}

#[test]
fn secrets_webhooks_and_what_events_say_survive_whole() {
    let name = SecretName::parse("name", "tenants/acme/secrets/github").unwrap();
    let copied = test_support::sample::utility(&scope("acme"), "one");
    let secret = NamedSecret {
        name: name.clone(),
        description: "Token".to_owned(),
        utilities: BTreeMap::from([(copied.name.clone(), at(5))]),
        version: 2,
        set_by: user("ann"),
        set: at(1),
        created: at(2),
        updated: at(3),
        last_used: Some(at(4)),
        revision: Revision::from_stored(6),
    };
    assert_eq!(stored(&SecretDocument::from(&secret)).into_secret(name).unwrap(), secret);
    let name = WebhookName { tenant: tenant("acme"), webhook: WebhookId::parse("id", "chat").unwrap() };
    for state in [WebhookState::Active, WebhookState::Disabled, WebhookState::Failed] {
        let webhook = Webhook {
            name: name.clone(),
            url: "https://chat.example".to_owned(),
            description: "Chat".to_owned(),
            types: vec!["dev.zona.utility".to_owned()],
            state,
            created: at(1),
            updated: at(2),
            revision: Revision::from_stored(3),
        };
        assert_eq!(stored(&WebhookDocument::from(&webhook)).into_webhook(name.clone()).unwrap(), webhook);
    }
    let details = Details::from([("role".to_owned(), Detail::from("user")), ("version".to_owned(), Detail::from(u64::MAX))]);
    assert_eq!(Details::from(stored(&EventDocument::from(&details))), details);
}

#[test]
fn a_copy_survives_with_where_it_comes_from() {
    let before = Utility { lineage: Some(lineage()), ..utility(&scope("acme"), "one") };
    let document = stored(&UtilityDocument::from(&before));
    assert_eq!(document.into_utility(before.name.tenant.clone(), before.name.utility.clone()).unwrap(), before);
}

#[test]
fn what_is_personal_of_a_record_is_taken_out_of_it_and_put_back() {
    let before = entry("acme", 1);
    let mut document = AuditDocument::new(&before, 1);
    assert_eq!((document.principal(), document.subject(), document.is_pseudonymous()), (Some("tenants/acme/users/ann"), None, false));
    let personal = document.take_personal("s1".to_owned());
    document.set_sealed("sealed".to_owned());
    let mut document = AuditDocument::from_bytes(&document.to_bytes()).unwrap();
    assert_eq!((document.principal(), document.subject()), (None, Some(("s1", Some("sealed")))));
    let text = String::from_utf8(document.to_bytes()).unwrap();
    assert!(document.is_pseudonymous() && !text.contains("ann") && !text.contains("127.0.0.1"), "{text}");
    document.restore_personal(personal);
    assert_eq!(document.into_record().unwrap().entry, before);
}

#[test]
fn of_who_was_erased_a_record_names_what_stands_for_them() {
    let mut document = AuditDocument::new(&entry("acme", 1), 1);
    drop(document.take_personal("s1".to_owned()));
    let erased = PrincipalName::erased(&tenant("acme"), "0123456789abcdef0123");
    document.set_erased(&erased);
    document.set_resource_of_subject("subjects/s2".to_owned());
    assert_eq!(document.resource_of_subject(), Some("subjects/s2"));
    document.restore_resource(erased.to_string());
    let record = document.into_record().unwrap();
    assert_eq!((record.entry.actor.principal, record.entry.resource), (Some(erased.clone()), erased.to_string()));
    assert_eq!(record.entry.actor.address, None, "nothing else is known of them");
    let names: BTreeSet<String> = record.entry.changes.into_iter().map(|change| change.field).collect();
    assert_eq!(names, BTreeSet::from(["code".to_owned()]));
}
