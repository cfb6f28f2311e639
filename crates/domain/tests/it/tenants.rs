//! Tenants: made, settled, stopped and resumed by super administrators; read and partly settled by their own administrators.

use domain::Result;
use domain::access::Installation;
use domain::identity::Secret;
use domain::name::RuntimeId;
use domain::page::PageRequest;
use domain::request::RequestKey;
use domain::revision::Etag;
use domain::tenant::{Listed, SettingsPatch, ShareOffers, Tenant, TenantDraft, TenantPatch, TenantQuery, TenantState, actions};
use test_support::sample;

use crate::installation::{ADA, BEA, Installed, ROOT, UMA, principal, reason, tenant, violations};

fn request(id: &str) -> Option<RequestKey> {
    Some(RequestKey { caller: principal(ROOT), ..sample::request("/zona.Test/Any", id, 1) })
}

fn named(name: &str) -> TenantPatch {
    TenantPatch { display_name: Some(name.to_owned()), ..TenantPatch::default() }
}

fn settled(settings: SettingsPatch) -> TenantPatch {
    TenantPatch { settings, ..TenantPatch::default() }
}

async fn create(installed: &Installed, who: &str, code: &str, patch: TenantPatch) -> Result<Tenant> {
    let permit = installed.by::<actions::CreateTenant>(who, Installation).await?;
    installed.tenants.create(&permit, TenantDraft { code: Some(sample::tenant(code)), patch }).await
}

async fn update(installed: &Installed, who: &str, code: &str, patch: TenantPatch) -> Result<Tenant> {
    let permit = installed.by::<actions::UpdateTenant>(who, tenant(code)).await?;
    installed.tenants.update(&permit, patch).await
}

async fn get(installed: &Installed, who: &str, code: &str) -> Result<Tenant> {
    let permit = installed.by::<actions::GetTenant>(who, tenant(code)).await?;
    installed.tenants.get(&permit).await
}

async fn suspend(installed: &Installed, code: &str, asked: TenantPatch) -> Result<Tenant> {
    let permit = installed.by::<actions::SuspendTenant>(ROOT, tenant(code)).await?;
    installed.tenants.suspend(&permit, asked).await
}

async fn resume(installed: &Installed, code: &str, asked: TenantPatch) -> Result<Tenant> {
    let permit = installed.by::<actions::ResumeTenant>(ROOT, tenant(code)).await?;
    installed.tenants.resume(&permit, asked).await
}

async fn delete(installed: &Installed, code: &str, asked: TenantPatch) -> Result<Tenant> {
    let permit = installed.by::<actions::DeleteTenant>(ROOT, tenant(code)).await?;
    installed.tenants.delete(&permit, asked).await
}

async fn codes(installed: &Installed, show_deleted: bool) -> Vec<String> {
    let permit = installed.by::<actions::ListTenants>(ROOT, Installation).await.unwrap();
    let page = PageRequest { size: 10, after: None };
    let found = installed.tenants.list(&permit, TenantQuery { show_deleted }, &page).await.unwrap();
    found.items.iter().map(|listed| listed.code().to_string()).collect()
}

#[tokio::test]
async fn a_tenant_is_made_by_super_administrators_with_the_next_number_and_its_code_for_a_name() {
    let installed = Installed::new().await;
    assert_eq!(reason(create(&installed, ADA, "gamma", TenantPatch::default()).await), "PERMISSION_DENIED");
    let made = create(&installed, ROOT, "gamma", named("")).await.unwrap();
    assert_eq!((made.display_name.as_str(), made.state), ("gamma", TenantState::Active));
    let next = create(&installed, ROOT, "delta", named("Delta & Sons")).await.unwrap();
    assert_eq!((next.number.as_i32(), next.display_name.as_str()), (made.number.as_i32() + 1, "Delta & Sons"));
    assert_eq!(reason(create(&installed, ROOT, "gamma", TenantPatch::default()).await), "ALREADY_EXISTS");
    assert_eq!(codes(&installed, false).await, ["acme", "beta", "delta", "gamma", "system"]);
}

#[tokio::test]
async fn a_request_that_comes_twice_makes_one_tenant() {
    let installed = Installed::new().await;
    let asked = || TenantPatch { request: request("make"), ..TenantPatch::default() };
    let first = create(&installed, ROOT, "gamma", asked()).await.unwrap();
    assert_eq!(create(&installed, ROOT, "gamma", asked()).await.unwrap(), first);
    let suspended = suspend(&installed, "gamma", TenantPatch { request: request("stop"), ..TenantPatch::default() }).await.unwrap();
    resume(&installed, "gamma", TenantPatch::default()).await.unwrap();
    let again = suspend(&installed, "gamma", TenantPatch { request: request("stop"), ..TenantPatch::default() }).await.unwrap();
    assert_eq!(again, suspended, "the answer of then; the tenant goes on");
    assert_eq!(get(&installed, ROOT, "gamma").await.unwrap().state, TenantState::Active);
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_tenant_is_told_at_once() {
    let installed = Installed::new().await;
    let long = "x".repeat(2_000);
    let patch = TenantPatch {
        display_name: Some(" ".to_owned()),
        db_host: Some(long.clone()),
        db_username: Some("a\nb".to_owned()),
        db_password: Some(Secret::new(long.repeat(3))),
        settings: SettingsPatch {
            time_zone: Some("Mars/Olympus".to_owned()),
            terms_version: Some(long),
            execution_days: Some(-1),
            audit_days: Some(29),
            max_utilities: Some(-1),
            max_output_bytes: Some(-1),
            max_running: Some(-1),
            runtimes: Some((0..33).map(|number| RuntimeId::new(format!("r{number}"))).collect()),
            ..SettingsPatch::default()
        },
        ..TenantPatch::default()
    };
    let fields: Vec<String> = violations(update(&installed, ROOT, "acme", patch).await).into_iter().map(|(field, _)| field).collect();
    let expected = [
        "tenant.db_password",
        "tenant.name",
        "tenant.db_host",
        "tenant.db_username",
        "tenant.settings.time_zone",
        "tenant.settings.consent.terms_version",
        "tenant.settings.execution_days",
        "tenant.settings.audit_days",
        "tenant.settings.max_utilities",
        "tenant.settings.max_output_bytes",
        "tenant.settings.max_running",
        "tenant.settings.runtimes",
    ];
    assert_eq!(fields, expected);
    assert_eq!(violations(create(&installed, ROOT, "system", TenantPatch::default()).await), [("tenant_id".to_owned(), "RESERVED")]);
}

#[tokio::test]
async fn administrators_settle_what_is_no_limit_of_their_own_tenant_and_nothing_else() {
    let installed = Installed::new().await;
    let own = SettingsPatch {
        locale: Some("de-DE".to_owned()),
        share_offers: Some(ShareOffers::Refused),
        terms_version: Some("2026-01".to_owned()),
        execution_days: Some(30),
        output_days: Some(7),
        deleted_utility_days: Some(90),
        ..SettingsPatch::default()
    };
    let updated = update(&installed, ADA, "acme", settled(own.clone())).await.unwrap();
    let keep = updated.settings.keep;
    let days = [keep.executions, keep.output, keep.deleted_utilities].map(|days| days.map_or(0, std::num::NonZeroU32::get));
    assert_eq!((updated.settings.locale.as_str(), days), ("de-DE", [30, 7, 90]));
    let said = updated.settings.consent.said.clone();
    assert_eq!(said, Some((principal(ADA), installed.now())), "who agreed is kept");
    installed.clock.advance(std::time::Duration::from_secs(1));
    let same = update(&installed, ROOT, "acme", settled(own)).await.unwrap();
    assert_eq!(same.settings.consent.said, said, "who says the same again has said nothing");
    for ruled in [
        SettingsPatch { legal_hold: Some(true), ..SettingsPatch::default() },
        SettingsPatch { audit_days: Some(365), ..SettingsPatch::default() },
        SettingsPatch { max_utilities: Some(5), ..SettingsPatch::default() },
        SettingsPatch { runtimes: Some(vec![RuntimeId::new("data")]), ..SettingsPatch::default() },
    ] {
        assert_eq!(reason(update(&installed, ADA, "acme", settled(ruled.clone())).await), "PERMISSION_DENIED", "{ruled:?}");
        update(&installed, ROOT, "acme", settled(ruled)).await.unwrap();
    }
    assert_eq!(reason(update(&installed, BEA, "acme", named("Mine")).await), "PERMISSION_DENIED");
    assert_eq!(reason(update(&installed, UMA, "acme", named("Mine")).await), "PERMISSION_DENIED");
}

#[tokio::test]
async fn an_empty_setting_is_the_default_again_and_zero_is_no_bound() {
    let installed = Installed::new().await;
    let some = SettingsPatch { locale: Some("de".to_owned()), execution_days: Some(5), max_running: Some(2), ..SettingsPatch::default() };
    update(&installed, ROOT, "acme", settled(some)).await.unwrap();
    let none = SettingsPatch {
        time_zone: Some(String::new()),
        locale: Some(String::new()),
        execution_days: Some(0),
        max_running: Some(0),
        ..SettingsPatch::default()
    };
    let settings = update(&installed, ROOT, "acme", settled(none)).await.unwrap().settings;
    assert_eq!((settings.time_zone.as_str(), settings.locale.as_str()), ("UTC", "en"));
    assert_eq!((settings.keep.executions, settings.quota.running), (None, None));
}

#[tokio::test]
async fn how_its_database_is_reached_is_kept_and_the_password_is_written_and_taken_away() {
    let installed = Installed::new().await;
    let patch = TenantPatch {
        db_host: Some("db.example".to_owned()),
        db_username: Some("acme".to_owned()),
        db_name: Some("main".to_owned()),
        db_password: Some(Secret::new("of the database")),
        ..TenantPatch::default()
    };
    let updated = update(&installed, ADA, "acme", patch).await.unwrap();
    assert!(updated.database.is_named());
    assert_eq!((updated.database.username.as_str(), updated.database.name.as_str()), ("acme", "main"));
    assert_eq!(installed.kept_tenants.db_password("acme").as_deref(), Some("of the database"));
    update(&installed, ADA, "acme", TenantPatch { db_password: Some(Secret::new("")), ..TenantPatch::default() }).await.unwrap();
    assert_eq!(installed.kept_tenants.db_password("acme"), None);
}

#[tokio::test]
async fn who_saw_an_older_tenant_changes_nothing() {
    let installed = Installed::new().await;
    let seen = get(&installed, ADA, "acme").await.unwrap().etag();
    update(&installed, ADA, "acme", TenantPatch { etag: seen.clone(), ..named("Acme") }).await.unwrap();
    let stale = |etag: &Etag| TenantPatch { etag: etag.clone(), ..named("Other") };
    assert_eq!(reason(update(&installed, ADA, "acme", stale(&seen)).await), "ETAG_MISMATCH");
    assert_eq!(reason(suspend(&installed, "acme", stale(&seen)).await), "ETAG_MISMATCH");
    assert_eq!(get(&installed, ADA, "acme").await.unwrap().display_name, "Acme");
}

#[tokio::test]
async fn a_suspended_tenant_and_a_deleted_one_are_closed_to_their_own_and_come_back_whole() {
    let installed = Installed::new().await;
    for (closes, reason_told) in [(TenantState::Suspended, "TENANT_SUSPENDED"), (TenantState::Deleted, "TENANT_DELETED")] {
        let closed = match closes {
            TenantState::Deleted => delete(&installed, "acme", TenantPatch::default()).await.unwrap(),
            _ => suspend(&installed, "acme", TenantPatch::default()).await.unwrap(),
        };
        assert_eq!((closed.state, closed.closed), (closes, Some(installed.now())));
        assert_eq!(reason(get(&installed, ADA, "acme").await), reason_told);
        assert_eq!(get(&installed, ROOT, "acme").await.unwrap().state, closes);
        let again = suspend(&installed, "acme", TenantPatch::default()).await.unwrap();
        assert_eq!(again.state, closes, "whatever is closed stays as it is");
        let resumed = resume(&installed, "acme", TenantPatch::default()).await.unwrap();
        assert_eq!((resumed.state, resumed.closed), (TenantState::Active, None));
        get(&installed, ADA, "acme").await.unwrap();
    }
}

#[tokio::test]
async fn a_deleted_tenant_is_listed_on_demand_and_not_resumed_once_its_data_goes() {
    let installed = Installed::new().await;
    delete(&installed, "beta", TenantPatch::default()).await.unwrap();
    assert_eq!(codes(&installed, false).await, ["acme", "system"]);
    assert_eq!(codes(&installed, true).await, ["acme", "beta", "system"]);
    assert_eq!(reason(create(&installed, ROOT, "beta", TenantPatch::default()).await), "ALREADY_EXISTS");
    let kept = get(&installed, ROOT, "beta").await.unwrap();
    assert!(!kept.is_to_be_purged(installed.now()));
    installed.clock.advance(domain::tenant::PURGED_AFTER);
    assert!(kept.is_to_be_purged(installed.now()));
    let begun = kept.begin_purge(installed.now()).expect("it had not begun");
    assert_eq!(begun.begin_purge(installed.now()), None);
    let change = domain::tenant::TenantChange { expected: kept.revision, tenant: begun, db_password: None, shreds: false, request: None };
    domain::tenant::TenantRepository::commit(installed.kept_tenants.as_ref(), &sample::scope("beta"), change).await.unwrap();
    assert_eq!(reason(resume(&installed, "beta", TenantPatch::default()).await), "TENANT_PURGED");
}

async fn shred(installed: &Installed, who: &str, code: &str, asked: TenantPatch) -> Result<Tenant> {
    let permit = installed.by::<actions::ShredTenant>(who, tenant(code)).await?;
    installed.tenants.shred(&permit, asked).await
}

#[tokio::test]
async fn keys_of_a_deleted_tenant_are_destroyed_once_nothing_holds_it_and_it_is_not_resumed() {
    let installed = Installed::new().await;
    let plainly = TenantPatch::default;
    assert_eq!(reason(shred(&installed, ADA, "acme", plainly()).await), "PERMISSION_DENIED");
    assert_eq!(reason(shred(&installed, ROOT, "beta", plainly()).await), "TENANT_NOT_DELETED");
    suspend(&installed, "beta", plainly()).await.unwrap();
    assert_eq!(reason(shred(&installed, ROOT, "beta", plainly()).await), "TENANT_NOT_DELETED");
    let deleted = delete(&installed, "beta", plainly()).await.unwrap();
    let stale = TenantPatch { etag: domain::revision::Etag::new("\"t1\""), ..plainly() };
    assert_eq!(reason(shred(&installed, ROOT, "beta", stale).await), "ETAG_MISMATCH");
    assert!(!installed.kept_tenants.is_shredded("beta") && !deleted.is_to_be_purged(installed.now()));
    let shredded = shred(&installed, ROOT, "beta", plainly()).await.unwrap();
    assert!(installed.kept_tenants.is_shredded("beta"));
    assert!(shredded.is_to_be_purged(installed.now()), "what is left goes at once");
    assert_eq!(reason(resume(&installed, "beta", plainly()).await), "TENANT_PURGED");
    let again = shred(&installed, ROOT, "beta", plainly()).await.unwrap();
    assert_eq!((again.state, again.purged), (shredded.state, shredded.purged));
}

#[tokio::test]
async fn keys_of_a_tenant_on_legal_hold_stay() {
    let installed = Installed::new().await;
    let held = TenantPatch { settings: SettingsPatch { legal_hold: Some(true), ..SettingsPatch::default() }, ..TenantPatch::default() };
    update(&installed, ROOT, "beta", held).await.unwrap();
    delete(&installed, "beta", TenantPatch::default()).await.unwrap();
    assert_eq!(reason(shred(&installed, ROOT, "beta", TenantPatch::default()).await), "LEGAL_HOLD");
    assert!(!installed.kept_tenants.is_shredded("beta"));
}

#[tokio::test]
async fn nobody_closes_the_tenant_that_they_are_of() {
    let installed = Installed::new().await;
    assert_eq!(reason(suspend(&installed, "system", TenantPatch::default()).await), "OWN_TENANT");
    assert_eq!(reason(delete(&installed, "system", TenantPatch::default()).await), "OWN_TENANT");
    assert_eq!(reason(suspend(&installed, "nowhere", TenantPatch::default()).await), "NOT_FOUND");
}

#[tokio::test]
async fn a_tenant_that_cannot_be_read_hides_no_other_in_the_list() {
    let installed = Installed::new().await;
    installed.kept_tenants.spoil("beta");
    let permit = installed.by::<actions::ListTenants>(ROOT, Installation).await.unwrap();
    let found = installed.tenants.list(&permit, TenantQuery::default(), &PageRequest { size: 10, after: None }).await.unwrap();
    let unreadable: Vec<String> =
        found.items.iter().filter_map(|one| if let Listed::Unreadable(one) = one { Some(one.name().to_string()) } else { None }).collect();
    assert_eq!((found.items.len(), unreadable), (3, vec!["tenants/beta".to_owned()]));
}
