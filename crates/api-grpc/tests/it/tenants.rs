//! Tenants through a real client: made, read, changed, suspended, deleted, and by whom.

use api_proto::zona::identity::v1 as identity;
use api_proto::zona::tenant::v1 as pb;
use domain::identity::Role;
use domain::request::Committed;
use domain::tenant::{TenantChange, TenantRepository as _};
use prost::Message as _;
use prost::bytes::Bytes;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, Value};
use prost_types::FieldMask;
use tonic::{Code, Status};

use crate::generic::{methods, path, send};
use crate::harness::{Harness, Options, TENANTS, details, pairs, reason, violations};
use crate::identity::Installation;
use crate::roles::{Person, RoleAuthenticator};

pub const ROOT: Person = Person { tenant: "system", ..Person::new("root", Role::SuperAdmin) };
pub const ADMIN: Person = Person::new("admin-a", Role::Admin);
pub const USER: Person = Person::new("user-u", Role::User);

const FIRST: &str = "0192e5a4-7f2b-7c64-9d1e-3a5b8c7d9e0f";
const ANOTHER: &str = "0192e5a4-7f2b-7c64-9d1e-3a5b8c7d9e10";
const DB_PASSWORD: &str = "hunter2-of-the-database";

async fn server() -> Harness {
    Harness::with(Options { authenticator: Some(RoleAuthenticator::of([ROOT, ADMIN, USER])), ..Options::default() }).await
}

fn creation(code: &str, tenant: pb::Tenant) -> pb::CreateTenantRequest {
    pb::CreateTenantRequest { tenant_id: code.to_owned(), tenant: Some(tenant), request_id: String::new() }
}

async fn create(server: &Harness, code: &str, tenant: pb::Tenant) -> Result<pb::Tenant, Status> {
    Ok(server.tenants.clone().create_tenant(ROOT.asks(creation(code, tenant))).await?.into_inner())
}

pub async fn get(server: &Harness, person: Person, code: &str) -> Result<pb::Tenant, Status> {
    let request = pb::GetTenantRequest { name: format!("tenants/{code}") };
    Ok(server.tenants.clone().get_tenant(person.asks(request)).await?.into_inner())
}

async fn update(server: &Harness, person: Person, code: &str, tenant: pb::Tenant, paths: &[&str]) -> Result<pb::Tenant, Status> {
    let update_mask = Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
    let name = format!("tenants/{code}");
    let request = pb::UpdateTenantRequest { name, tenant: Some(tenant), update_mask, request_id: String::new() };
    Ok(server.tenants.clone().update_tenant(person.asks(request)).await?.into_inner())
}

fn settled(settings: pb::TenantSettings) -> pb::Tenant {
    pb::Tenant { settings: Some(settings), ..Default::default() }
}

pub async fn suspend(server: &Harness, code: &str) -> Result<pb::Tenant, Status> {
    let request = pb::SuspendTenantRequest { name: format!("tenants/{code}"), ..Default::default() };
    Ok(server.tenants.clone().suspend_tenant(ROOT.asks(request)).await?.into_inner())
}

pub async fn resume(server: &Harness, code: &str) -> Result<pb::Tenant, Status> {
    let request = pb::ResumeTenantRequest { name: format!("tenants/{code}"), ..Default::default() };
    Ok(server.tenants.clone().resume_tenant(ROOT.asks(request)).await?.into_inner())
}

pub async fn delete(server: &Harness, code: &str) -> Result<pb::Tenant, Status> {
    let request = pb::DeleteTenantRequest { name: format!("tenants/{code}"), ..Default::default() };
    Ok(server.tenants.clone().delete_tenant(ROOT.asks(request)).await?.into_inner())
}

#[tokio::test]
async fn a_tenant_lives_from_its_creation_to_its_deletion_and_is_taken_back() {
    let server = server().await;
    let wanted = pb::Tenant { display_name: "New Inc.".to_owned(), db_host: "db:5432".to_owned(), ..Default::default() };
    let made = create(&server, "new", wanted).await.unwrap();
    assert_eq!((made.resource_name.as_str(), made.tenantcode.as_str(), made.display_name.as_str()), ("tenants/new", "new", "New Inc."));
    assert_eq!((made.id, made.status.as_str(), made.connection_status.as_str()), (TENANTS.len() as i32 + 1, "active", "unchecked"));
    assert_eq!(get(&server, ROOT, "new").await.unwrap(), made);

    let named = pb::Tenant { display_name: "Newer".to_owned(), db_name: "n".to_owned(), db_username: "u".to_owned(), ..Default::default() };
    let changed = update(&server, ROOT, "new", named, &["display_name", "db_name", "db_username"]).await.unwrap();
    assert_eq!((changed.id, changed.display_name.as_str(), changed.db_host.as_str()), (made.id, "Newer", "db:5432"));
    assert_eq!((changed.db_name.as_str(), changed.db_username.as_str()), ("n", "u"));
    assert_ne!(changed.etag, made.etag);
    let stale = update(&server, ROOT, "new", pb::Tenant { etag: made.etag, ..Default::default() }, &["db_host"]).await.unwrap_err();
    assert_eq!((stale.code(), reason(&stale)), (Code::Aborted, "ETAG_MISMATCH".to_owned()));

    let suspended = suspend(&server, "new").await.unwrap();
    assert!(suspended.status == "suspended" && suspended.close_time.is_some());
    assert_eq!(suspend(&server, "new").await.unwrap(), suspended, "it stays as it is");
    let resumed = resume(&server, "new").await.unwrap();
    assert_eq!((resumed.status.as_str(), resumed.close_time), ("active", None));
    let deleted = delete(&server, "new").await.unwrap();
    assert_eq!(deleted.status, "deleted");
    assert_eq!(suspend(&server, "new").await.unwrap().status, "deleted", "it is not only suspended then");
    let taken = create(&server, "new", pb::Tenant::default()).await.unwrap_err();
    assert_eq!((taken.code(), reason(&taken)), (Code::AlreadyExists, "ALREADY_EXISTS".to_owned()));
    assert_eq!(details(&taken).resource_info().unwrap().resource_type, "zona.dev/Tenant");
    assert_eq!(resume(&server, "new").await.unwrap().status, "active");
    let absent = get(&server, ROOT, "absent").await.unwrap_err();
    assert_eq!((absent.code(), details(&absent).resource_info().unwrap().resource_type.as_str()), (Code::NotFound, "zona.dev/Tenant"));
}

async fn shred(server: &Harness, code: &str, etag: &str) -> Result<pb::Tenant, Status> {
    let request = pb::ShredTenantRequest { name: format!("tenants/{code}"), etag: etag.to_owned() };
    Ok(server.tenants.clone().shred_tenant(ROOT.asks(request)).await?.into_inner())
}

#[tokio::test]
async fn the_keys_of_a_tenant_are_destroyed_only_once_it_is_deleted_and_only_as_it_was_seen() {
    let server = server().await;
    let refused = shred(&server, "beta", "").await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "TENANT_NOT_DELETED".to_owned()));
    let deleted = delete(&server, "beta").await.unwrap();
    assert_eq!(reason(&shred(&server, "beta", "\"t1\"").await.unwrap_err()), "ETAG_MISMATCH");
    let shredded = shred(&server, "beta", &deleted.etag).await.unwrap();
    assert!(shredded.status == "deleted" && shredded.etag != deleted.etag, "{shredded:?}");
    assert_eq!(shred(&server, "beta", "").await.unwrap().status, "deleted", "again");
    assert_eq!(reason(&resume(&server, "beta").await.unwrap_err()), "TENANT_PURGED");
}

#[tokio::test]
async fn a_deleted_tenant_is_resumed_until_its_data_goes() {
    let server = server().await;
    delete(&server, "beta").await.unwrap();
    resume(&server, "beta").await.unwrap();
    delete(&server, "beta").await.unwrap();
    let scope = test_support::sample::scope("beta");
    let deleted = server.known_tenants.find(&scope).await.unwrap().open_for_system().unwrap();
    let tenant = deleted.begin_purge(test_support::sample::at(9)).expect("it has not begun");
    let change = TenantChange { expected: deleted.revision, tenant, db_password: None, shreds: false, request: None };
    assert_eq!(server.known_tenants.commit(&scope, change).await.unwrap(), Committed::Stored);
    let refused = resume(&server, "beta").await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "TENANT_PURGED".to_owned()));
    assert_eq!(get(&server, ROOT, "beta").await.unwrap().status, "deleted");
}

#[tokio::test]
async fn a_tenant_that_is_told_nothing_is_called_by_its_code() {
    let server = server().await;
    let made = create(&server, "new", pb::Tenant::default()).await.unwrap();
    assert_eq!((made.display_name.as_str(), made.connection_status.as_str()), ("new", "none"));
}

#[tokio::test]
async fn every_violation_of_a_tenant_is_told_at_once() {
    let server = server().await;
    let long = "x".repeat(254);
    let tenant = pb::Tenant {
        display_name: long.clone(),
        db_host: "a\nb".to_owned(),
        db_username: long.clone(),
        db_password: "x".repeat(1_025),
        db_name: long,
        settings: Some(pb::TenantSettings {
            time_zone: "Mars/Olympus".to_owned(),
            execution_days: -1,
            output_days: 36_500,
            deleted_utility_days: 36_501,
            audit_days: 29,
            max_utilities: -1,
            max_output_bytes: -1,
            max_running: -1,
            runtimes: vec![String::new()],
            ..Default::default()
        }),
        ..Default::default()
    };
    let mut request = creation("Not A Code", tenant.clone());
    request.request_id = "no uuid".to_owned();
    let refused = server.tenants.clone().create_tenant(ROOT.asks(request)).await.unwrap_err();
    let of_tenant = [
        ("tenant.db_password", "TOO_LONG"),
        ("tenant.name", "TOO_LONG"),
        ("tenant.db_host", "MALFORMED"),
        ("tenant.db_username", "TOO_LONG"),
        ("tenant.db_name", "TOO_LONG"),
        ("tenant.settings.time_zone", "UNKNOWN_ZONE"),
        ("tenant.settings.execution_days", "OUT_OF_RANGE"),
        ("tenant.settings.deleted_utility_days", "OUT_OF_RANGE"),
        ("tenant.settings.audit_days", "OUT_OF_RANGE"),
        ("tenant.settings.max_utilities", "OUT_OF_RANGE"),
        ("tenant.settings.max_output_bytes", "OUT_OF_RANGE"),
        ("tenant.settings.max_running", "OUT_OF_RANGE"),
        ("tenant.settings.runtimes", "OUT_OF_RANGE"),
    ];
    let head = [("request_id", "MALFORMED"), ("tenant_id", "MALFORMED")];
    assert_eq!(violations(&refused), pairs(&[&head[..], &of_tenant].concat()));
    let refused = update(&server, ROOT, "acme", tenant, &["*", "id"]).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[&[("update_mask.paths[1]", "UNKNOWN_PATH")][..], &of_tenant].concat()));
    let refused = create(&server, "system", pb::Tenant::default()).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("tenant_id", "RESERVED")]));
    let refused = update(&server, ROOT, "acme", pb::Tenant::default(), &["display_name"]).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("tenant.name", "MISSING")]));
}

#[tokio::test]
async fn the_password_of_a_database_is_written_and_never_read() {
    let server = server().await;
    let tenant = pb::Tenant { db_password: DB_PASSWORD.to_owned(), ..Default::default() };
    assert!(!format!("{tenant:?} {:?}", creation("new", tenant.clone())).contains(DB_PASSWORD));
    let kept = |code: &str| server.known_tenants.db_password(code);
    let answers = [
        create(&server, "new", tenant.clone()).await.unwrap(),
        update(&server, ROOT, "acme", tenant.clone(), &[]).await.unwrap(),
        update(&server, ADMIN, "demo", tenant.clone(), &["db_password"]).await.unwrap(),
        get(&server, ROOT, "acme").await.unwrap(),
    ];
    assert!(answers.iter().all(|answer| answer.db_password.is_empty()));
    assert!(["new", "acme", "demo"].iter().all(|code| kept(code).as_deref() == Some(DB_PASSWORD)));
    let named = pb::Tenant { display_name: "Acme".to_owned(), ..Default::default() };
    update(&server, ROOT, "acme", named, &["*"]).await.unwrap();
    assert_eq!(kept("acme").as_deref(), Some(DB_PASSWORD), "who names no password leaves it as it is");
    update(&server, ROOT, "acme", pb::Tenant::default(), &["db_password"]).await.unwrap();
    assert_eq!(kept("acme"), None, "who names an empty one takes it away");
}

#[tokio::test]
async fn fields_have_the_json_names_that_other_systems_know() {
    let pool = DescriptorPool::decode(api_proto::DESCRIPTOR_SET).unwrap();
    let fields: Vec<String> = pool
        .get_message_by_name("zona.tenant.v1.Tenant")
        .unwrap()
        .fields()
        .filter(|field| (2..=10).contains(&field.number()))
        .map(|field| format!("{} {:?}", field.json_name(), field.kind()))
        .collect();
    let texts = ["name", "tenantcode", "status", "db_host", "db_username", "db_password", "db_name", "connection_status"];
    let expected: Vec<String> = ["id int32".to_owned()].into_iter().chain(texts.map(|name| format!("{name} string"))).collect();
    assert_eq!(fields, expected);
}

#[tokio::test]
async fn administrators_read_and_change_their_own_tenant_and_nobody_else_does() {
    let server = server().await;
    assert_eq!(get(&server, ADMIN, "demo").await.unwrap().tenantcode, "demo");
    let named = || pb::Tenant { display_name: "Ours".to_owned(), ..Default::default() };
    assert_eq!(update(&server, ADMIN, "demo", named(), &["display_name"]).await.unwrap().display_name, "Ours");
    for (person, code) in [(ADMIN, "acme"), (USER, "demo"), (USER, "acme"), (ADMIN, "absent")] {
        let refused =
            [get(&server, person, code).await.unwrap_err(), update(&server, person, code, named(), &["display_name"]).await.unwrap_err()];
        assert!(refused.iter().all(|status| status.code() == Code::PermissionDenied), "{person:?} {code}: {refused:?}");
    }
    for person in [ADMIN, USER] {
        let list = server.tenants.clone().list_tenants(person.asks(pb::ListTenantsRequest::default())).await.unwrap_err();
        let make = server.tenants.clone().create_tenant(person.asks(creation("new", pb::Tenant::default()))).await.unwrap_err();
        assert_eq!([list.code(), make.code()], [Code::PermissionDenied; 2]);
    }
    for refused in [suspend(&server, "system").await.unwrap_err(), delete(&server, "system").await.unwrap_err()] {
        assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "OWN_TENANT".to_owned()));
    }
}

#[tokio::test]
async fn administrators_settle_how_long_things_are_kept_and_only_super_administrators_hold_them() {
    let server = server().await;
    let settings = |settings| pb::Tenant { settings: Some(settings), ..Default::default() };
    let first = get(&server, ADMIN, "demo").await.unwrap().settings.unwrap();
    let consent = Some(pb::TenantConsent { share_offers: pb::ShareOffers::Taken.into(), ..Default::default() });
    let (time_zone, locale) = ("UTC".to_owned(), "en".to_owned());
    assert_eq!(first, pb::TenantSettings { time_zone, locale, consent, ..Default::default() });
    let wanted = pb::TenantSettings { execution_days: 30, output_days: 2, deleted_utility_days: 90, ..Default::default() };
    let settled = update(&server, ADMIN, "demo", settings(wanted), &[]).await.unwrap().settings.unwrap();
    assert_eq!((settled.execution_days, settled.output_days, settled.deleted_utility_days), (30, 2, 90));
    let hold = || settings(pb::TenantSettings { legal_hold: true, ..Default::default() });
    let refused = update(&server, ADMIN, "demo", hold(), &["settings.legal_hold"]).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::PermissionDenied, "PERMISSION_DENIED".to_owned()));
    let held = update(&server, ROOT, "demo", hold(), &["settings.legal_hold"]).await.unwrap().settings.unwrap();
    assert_eq!(held, pb::TenantSettings { legal_hold: true, ..settled });
    let freed = update(&server, ADMIN, "demo", settings(pb::TenantSettings::default()), &["settings.legal_hold"]).await.unwrap_err();
    assert_eq!(freed.code(), Code::PermissionDenied);
    let ruled = ["settings.max_utilities", "settings.max_output_bytes", "settings.max_running", "settings.runtimes", "settings.audit_days"];
    for path in ruled {
        let bounds = || {
            settings(pb::TenantSettings {
                max_utilities: 3,
                max_output_bytes: 4,
                max_running: 5,
                runtimes: vec!["python".to_owned()],
                audit_days: 365,
                ..Default::default()
            })
        };
        let refused = update(&server, ADMIN, "demo", bounds(), &[path]).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{path}");
        update(&server, ROOT, "demo", bounds(), &[path]).await.unwrap();
    }
    let bounded = get(&server, ADMIN, "demo").await.unwrap().settings.unwrap();
    assert_eq!((bounded.max_utilities, bounded.max_output_bytes, bounded.max_running), (3, 4, 5));
    assert_eq!((bounded.runtimes, bounded.audit_days), (vec!["python".to_owned()], 365));
    let negative = settings(pb::TenantSettings { max_utilities: -1, max_output_bytes: -1, ..Default::default() });
    let paths = ["settings.max_utilities", "settings.max_output_bytes"];
    let refused = update(&server, ROOT, "demo", negative, &paths).await.unwrap_err();
    assert_eq!(
        violations(&refused),
        pairs(&[("tenant.settings.max_utilities", "OUT_OF_RANGE"), ("tenant.settings.max_output_bytes", "OUT_OF_RANGE")])
    );
    let shorter = settings(pb::TenantSettings::default());
    let changed = update(&server, ADMIN, "demo", shorter, &["settings.output_days"]).await.unwrap().settings.unwrap();
    assert_eq!((changed.output_days, changed.execution_days, changed.legal_hold), (0, 30, true));
}

#[tokio::test]
async fn what_a_tenant_agrees_to_is_kept_with_who_said_so_and_when() {
    let server = server().await;
    let agrees = |offers: pb::ShareOffers, terms: &str| {
        let consent = pb::TenantConsent { share_offers: offers.into(), terms_version: terms.to_owned(), ..Default::default() };
        settled(pb::TenantSettings { consent: Some(consent), ..Default::default() })
    };
    let of = |tenant: pb::Tenant| tenant.settings.unwrap().consent.unwrap();
    let untold = of(get(&server, ADMIN, "demo").await.unwrap());
    assert_eq!((untold.share_offers(), untold.consenter.as_str()), (pb::ShareOffers::Taken, ""));
    let both = ["settings.consent.share_offers", "settings.consent.terms_version"];
    let said = of(update(&server, ADMIN, "demo", agrees(pb::ShareOffers::Refused, "dpa-2026-11"), &both).await.unwrap());
    assert_eq!((said.share_offers(), said.terms_version.as_str()), (pb::ShareOffers::Refused, "dpa-2026-11"));
    assert_eq!(said.consenter, ADMIN.name());
    assert!(said.consent_time.is_some());
    server.clock.advance(std::time::Duration::from_secs(9));
    // Who says the same, or something else, has agreed to nothing new.
    let same = of(update(&server, ROOT, "demo", agrees(pb::ShareOffers::Refused, "dpa-2026-11"), &both).await.unwrap());
    let named = pb::Tenant { display_name: "Ours".to_owned(), ..Default::default() };
    let other = of(update(&server, ROOT, "demo", named, &["display_name"]).await.unwrap());
    assert_eq!([&same, &other], [&said; 2]);
    let taken = of(update(&server, ROOT, "demo", agrees(pb::ShareOffers::Taken, ""), &both[..1]).await.unwrap());
    assert_eq!((taken.share_offers(), taken.terms_version.as_str()), (pb::ShareOffers::Taken, "dpa-2026-11"));
    assert!(taken.consenter == ROOT.name() && taken.consent_time != said.consent_time, "{taken:?}");
    // Whoever replaces all and knows nothing of consent has agreed to nothing.
    let all = pb::Tenant { display_name: "Ours again".to_owned(), ..Default::default() };
    assert_eq!(of(update(&server, ADMIN, "demo", all, &["*"]).await.unwrap()), taken);
    let long = agrees(pb::ShareOffers::Taken, &"x".repeat(101));
    let refused = update(&server, ADMIN, "demo", long, &both).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("tenant.settings.consent.terms_version", "TOO_LONG")]));
    let consent = pb::TenantConsent { share_offers: 7, ..Default::default() };
    let unknown = settled(pb::TenantSettings { consent: Some(consent), ..Default::default() });
    let refused = update(&server, ADMIN, "demo", unknown, &both).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("tenant.settings.consent.share_offers", "UNKNOWN_VALUE")]));
}

#[tokio::test]
async fn a_locale_is_a_tag_that_is_kept_in_canonical_form() {
    let server = server().await;
    let set = async |tag: &str| {
        let tenant = settled(pb::TenantSettings { locale: tag.to_owned(), ..Default::default() });
        Ok(update(&server, ADMIN, "demo", tenant, &["settings.locale"]).await?.settings.unwrap().locale)
    };
    for (tag, kept) in [("DE-ch", "de-CH"), ("zh-hans-cn", "zh-Hans-CN"), ("th-u-nu-thai", "th-u-nu-thai"), ("", "en")] {
        assert_eq!(set(tag).await.map_err(|status: Status| status.code()), Ok(kept.to_owned()), "{tag}");
    }
    for tag in ["d", "de_CH.UTF-8", "english!", "de-CH-", &format!("de-u-{}", "abc-".repeat(40))] {
        let refused: Status = set(tag).await.unwrap_err();
        assert_eq!(violations(&refused), pairs(&[("tenant.settings.locale", "MALFORMED")]), "{tag}");
    }
}

#[tokio::test]
async fn tenants_page_by_code_without_gaps_and_without_the_deleted() {
    let server = server().await;
    delete(&server, "beta").await.unwrap();
    let list = async |show_deleted: bool| {
        let (mut found, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = pb::ListTenantsRequest { page_size: 2, page_token, show_deleted };
            let page = server.tenants.clone().list_tenants(ROOT.asks(request)).await.unwrap().into_inner();
            assert!(page.tenants.len() <= 2);
            found.extend(page.tenants.into_iter().map(|tenant| tenant.tenantcode));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return found.join(" ");
            }
        }
    };
    assert_eq!(list(false).await, "acme demo other system");
    assert_eq!(list(true).await, "acme beta demo other system");
    let request = pb::ListTenantsRequest { page_size: 2, ..Default::default() };
    let page_token = server.tenants.clone().list_tenants(ROOT.asks(request)).await.unwrap().into_inner().next_page_token;
    let other = pb::ListTenantsRequest { page_size: -1, page_token, show_deleted: true };
    let refused = server.tenants.clone().list_tenants(ROOT.asks(other)).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("page_size", "OUT_OF_RANGE"), ("page_token", "MALFORMED")]));
}

#[tokio::test]
async fn a_tenant_that_cannot_be_read_is_marked_in_a_list_and_hides_no_other() {
    let server = server().await;
    server.known_tenants.spoil("beta");
    let request = ROOT.asks(pb::ListTenantsRequest::default());
    let listed = server.tenants.clone().list_tenants(request).await.unwrap().into_inner().tenants;
    let marked = |tenant: &pb::Tenant| (tenant.tenantcode.clone(), tenant.problem());
    let [none, unreadable] = [pb::TenantProblem::Unspecified, pb::TenantProblem::Unreadable];
    let expected = [("acme", none), ("beta", unreadable), ("demo", none), ("other", none), ("system", none)];
    assert_eq!(listed.iter().map(marked).collect::<Vec<_>>(), expected.map(|(code, problem)| (code.to_owned(), problem)));
    let found = &listed[1];
    let known = pb::Tenant {
        resource_name: "tenants/beta".to_owned(),
        id: found.id,
        tenantcode: "beta".to_owned(),
        status: "active".to_owned(),
        problem: unreadable.into(),
        ..Default::default()
    };
    assert!(*found == known && found.id > 0, "{found:?}");
    assert_eq!(get(&server, ROOT, "beta").await.unwrap_err().code(), Code::Internal);
}

#[tokio::test]
async fn nobody_is_made_in_a_tenant_that_there_is_not() {
    let all = Installation::new().await;
    let refused = all.create_user(&all.root, "absent", "ann", identity::Role::User).await.unwrap_err();
    let info = details(&refused).resource_info().unwrap().clone();
    assert_eq!((refused.code(), info.resource_name.as_str()), (Code::NotFound, "tenants/absent"));
    all.user("demo", "boss", identity::Role::Admin).await;
}

/// A request of each method that is remembered, about the tenant `acme`, or a new one.
fn request(method: &str) -> Vec<u8> {
    let (name, request_id) = ("tenants/acme".to_owned(), FIRST.to_owned());
    let tenant = Some(pb::Tenant { display_name: "One".to_owned(), ..Default::default() });
    match method {
        "CreateTenant" => pb::CreateTenantRequest { tenant_id: "new".to_owned(), tenant, request_id }.encode_to_vec(),
        "UpdateTenant" => pb::UpdateTenantRequest { name, tenant, request_id, ..Default::default() }.encode_to_vec(),
        "SuspendTenant" => pb::SuspendTenantRequest { name, request_id, ..Default::default() }.encode_to_vec(),
        "ResumeTenant" => pb::ResumeTenantRequest { name, request_id, ..Default::default() }.encode_to_vec(),
        "DeleteTenant" => pb::DeleteTenantRequest { name, request_id, ..Default::default() }.encode_to_vec(),
        other => panic!("{other} takes a request_id: say here how it is asked for"),
    }
}

async fn ask(server: &Harness, method: &MethodDescriptor, body: Vec<u8>) -> Result<Bytes, Status> {
    send(&server.channel, &path(method), ROOT.asks(body.into())).await.map(Option::unwrap_or_default)
}

fn with(method: &MethodDescriptor, body: &[u8], field: &str, text: &str) -> Vec<u8> {
    let mut message = DynamicMessage::decode(method.input(), body).unwrap();
    message.set_field_by_name(field, Value::String(text.to_owned()));
    message.encode_to_vec()
}

#[tokio::test]
async fn what_is_sent_twice_about_a_tenant_gets_the_first_answer_and_changes_nothing() {
    let of_tenants = methods().into_iter().filter(|method| method.parent_service().name() == "TenantService");
    let remembering: Vec<_> = of_tenants.filter(|method| method.input().get_field_by_name("request_id").is_some()).collect();
    assert_eq!(remembering.len(), 5, "{remembering:?}");
    for method in remembering {
        let (server, body) = (server().await, request(method.name()));
        let code = if method.name() == "CreateTenant" { "new" } else { "acme" };
        if method.name() == "ResumeTenant" {
            suspend(&server, code).await.unwrap();
        }
        let first = ask(&server, &method, body.clone()).await.unwrap();
        // Whatever happens in between.
        let others = pb::Tenant { display_name: "Another".to_owned(), ..Default::default() };
        update(&server, ROOT, code, others, &["display_name"]).await.unwrap();
        match method.name() {
            "ResumeTenant" => suspend(&server, code).await.unwrap(),
            _ => resume(&server, code).await.unwrap(),
        };
        let before = get(&server, ROOT, code).await.unwrap();
        assert_eq!(ask(&server, &method, body.clone()).await.unwrap(), first, "{}", method.name());
        assert_eq!(get(&server, ROOT, code).await.unwrap(), before, "{}", method.name());
        let field = if method.name() == "CreateTenant" { "tenant_id" } else { "etag" };
        if method.input().get_field_by_name(field).is_some() {
            let refused = ask(&server, &method, with(&method, &body, field, "other")).await.unwrap_err();
            assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "REQUEST_ID_REUSED".to_owned()), "{}", method.name());
        }
        let anew = ask(&server, &method, with(&method, &body, "request_id", ANOTHER)).await;
        assert!(anew.is_err() || get(&server, ROOT, code).await.unwrap() != before, "{}: asked anew it has an effect", method.name());
    }
}
