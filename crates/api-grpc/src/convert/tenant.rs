//! Tenants, and the requests about them. The password of a database leaves a request here, before anything of it is kept.

use std::mem::take;
use std::num::NonZeroU32;

use api_proto::zona::tenant::v1 as pb;
use domain::Result;
use domain::identity::Secret;
use domain::name::{PrincipalName, RuntimeId, TenantId};
use domain::revision::Etag;
use domain::tenant::{Listed, Settings, SettingsPatch, ShareOffers, Tenant, TenantConsent, TenantDraft, TenantPatch};
use icu_locale_core::Locale;

use crate::convert::mask::Mask;
use crate::convert::{Violations, count, request_key, size, time};

/// Longest tag of a locale in bytes.
const MAX_LOCALE: usize = 100;
/// Fields of a tenant that an update may name, beside `*`.
const FIELDS: [&str; 18] = [
    "display_name",
    "db_host",
    "db_username",
    "db_password",
    "db_name",
    "settings.time_zone",
    "settings.locale",
    "settings.consent.share_offers",
    "settings.consent.terms_version",
    "settings.execution_days",
    "settings.output_days",
    "settings.deleted_utility_days",
    "settings.audit_days",
    "settings.legal_hold",
    "settings.max_utilities",
    "settings.max_output_bytes",
    "settings.max_running",
    "settings.runtimes",
];

/// Reads CreateTenant.
pub(crate) fn read_create(mut body: pb::CreateTenantRequest, caller: &PrincipalName) -> Result<TenantDraft> {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    // What is remembered of a request must not be a hash that a password could be guessed by.
    let password = body.tenant.as_mut().map(|tenant| take(&mut tenant.db_password)).unwrap_or_default();
    let request = request_key::read("CreateTenant", caller, &id, &body, &mut violations);
    let code = violations.take(TenantId::parse("tenant_id", &body.tenant_id))?;
    let tenant = body.tenant.unwrap_or_default();
    let settings = tenant.settings.map(|settings| created_settings(settings, &mut violations)).unwrap_or_default();
    let patch = TenantPatch {
        display_name: Some(tenant.display_name),
        db_host: Some(tenant.db_host),
        db_username: Some(tenant.db_username),
        db_name: Some(tenant.db_name),
        db_password: Some(password).filter(|password| !password.is_empty()).map(Secret::new),
        settings,
        etag: Etag::default(),
        request,
        violations: violations.into_inner(),
    };
    Ok(TenantDraft { code, patch })
}

/// Reads UpdateTenant.
pub(crate) fn read_update(mut body: pb::UpdateTenantRequest, caller: &PrincipalName) -> TenantPatch {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    let password = body.tenant.as_mut().map(|tenant| take(&mut tenant.db_password)).unwrap_or_default();
    let request = request_key::read("UpdateTenant", caller, &id, &body, &mut violations);
    let tenant = body.tenant.unwrap_or_default();
    let settings = tenant.settings.unwrap_or_default();
    let consent = settings.consent.unwrap_or_default();
    let set = [
        !tenant.display_name.is_empty(),
        !tenant.db_host.is_empty(),
        !tenant.db_username.is_empty(),
        !password.is_empty(),
        !tenant.db_name.is_empty(),
        !settings.time_zone.is_empty(),
        !settings.locale.is_empty(),
        consent.share_offers != 0,
        !consent.terms_version.is_empty(),
        settings.execution_days != 0,
        settings.output_days != 0,
        settings.deleted_utility_days != 0,
        settings.audit_days != 0,
        settings.legal_hold,
        settings.max_utilities != 0,
        settings.max_output_bytes != 0,
        settings.max_running != 0,
        !settings.runtimes.is_empty(),
    ];
    let mask = Mask::read_fields(body.update_mask, &FIELDS, set, &mut violations);
    // Nobody agrees to anything by leaving it out, as somebody does who replaces all with `*` and knows nothing of it.
    let consents = |field, is_set| mask.names_itself(field) || (mask.names(field) && is_set);
    let offers = consents("settings.consent.share_offers", consent.share_offers != 0);
    let offers = offers.then(|| share_offers(consent.share_offers, &mut violations)).flatten();
    let terms = consents("settings.consent.terms_version", !consent.terms_version.is_empty());
    let locale = mask.names("settings.locale").then(|| locale(&settings.locale, &mut violations)).flatten();
    TenantPatch {
        display_name: mask.names("display_name").then_some(tenant.display_name),
        db_host: mask.names("db_host").then_some(tenant.db_host),
        db_username: mask.names("db_username").then_some(tenant.db_username),
        db_name: mask.names("db_name").then_some(tenant.db_name),
        // `*` without a password leaves it as it is: there is none to read back.
        db_password: (mask.names_itself("db_password") || (mask.names("db_password") && !password.is_empty()))
            .then(|| Secret::new(password)),
        settings: SettingsPatch {
            time_zone: mask.names("settings.time_zone").then_some(settings.time_zone),
            locale,
            share_offers: offers,
            terms_version: terms.then_some(consent.terms_version),
            execution_days: mask.names("settings.execution_days").then_some(settings.execution_days),
            output_days: mask.names("settings.output_days").then_some(settings.output_days),
            deleted_utility_days: mask.names("settings.deleted_utility_days").then_some(settings.deleted_utility_days),
            audit_days: mask.names("settings.audit_days").then_some(settings.audit_days),
            legal_hold: mask.names("settings.legal_hold").then_some(settings.legal_hold),
            max_utilities: mask.names("settings.max_utilities").then_some(settings.max_utilities),
            max_output_bytes: mask.names("settings.max_output_bytes").then_some(settings.max_output_bytes),
            max_running: mask.names("settings.max_running").then_some(settings.max_running),
            runtimes: mask.names("settings.runtimes").then(|| runtimes(settings.runtimes)),
        },
        etag: Etag::new(tenant.etag),
        request,
        violations: violations.into_inner(),
    }
}

/// Reads what a request about a tenant's state says beside its name: `body` is the request without its id.
pub(crate) fn read_asked(method: &'static str, caller: &PrincipalName, id: &str, body: &impl prost::Message, etag: &str) -> TenantPatch {
    let mut violations = Violations::default();
    let request = request_key::read(method, caller, id, body, &mut violations);
    TenantPatch { etag: Etag::new(etag), request, violations: violations.into_inner(), ..TenantPatch::default() }
}

/// A tenant.
pub(crate) fn to_wire(tenant: &Tenant) -> pb::Tenant {
    let database = &tenant.database;
    pb::Tenant {
        resource_name: tenant.name().to_string(),
        id: tenant.number.as_i32(),
        display_name: tenant.display_name.clone(),
        tenantcode: tenant.code.to_string(),
        status: tenant.state.as_str().to_owned(),
        db_host: database.host.clone(),
        db_username: database.username.clone(),
        db_password: String::new(),
        db_name: database.name.clone(),
        connection_status: if database.is_named() { "unchecked" } else { "none" }.to_owned(),
        create_time: Some(time::timestamp(tenant.created)),
        update_time: Some(time::timestamp(tenant.updated)),
        close_time: tenant.closed.map(time::timestamp),
        etag: tenant.etag().as_str().to_owned(),
        settings: Some(settings_to_wire(&tenant.settings)),
        problem: pb::TenantProblem::Unspecified.into(),
    }
}

/// A tenant of a list.
pub(crate) fn listed_to_wire(listed: &Listed) -> pb::Tenant {
    match listed {
        Listed::Whole(tenant) => to_wire(tenant),
        Listed::Unreadable(unreadable) => pb::Tenant {
            resource_name: unreadable.name().to_string(),
            id: unreadable.number.as_i32(),
            tenantcode: unreadable.code.to_string(),
            status: unreadable.state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
            problem: pb::TenantProblem::Unreadable.into(),
            ..Default::default()
        },
    }
}

/// The settings of a new tenant.
fn created_settings(settings: pb::TenantSettings, violations: &mut Violations) -> SettingsPatch {
    let consent = settings.consent.unwrap_or_default();
    SettingsPatch {
        time_zone: Some(settings.time_zone),
        locale: locale(&settings.locale, violations),
        share_offers: share_offers(consent.share_offers, violations),
        terms_version: Some(consent.terms_version),
        execution_days: Some(settings.execution_days),
        output_days: Some(settings.output_days),
        deleted_utility_days: Some(settings.deleted_utility_days),
        audit_days: Some(settings.audit_days),
        legal_hold: Some(settings.legal_hold),
        max_utilities: Some(settings.max_utilities),
        max_output_bytes: Some(settings.max_output_bytes),
        max_running: Some(settings.max_running),
        runtimes: Some(runtimes(settings.runtimes)),
    }
}

/// The tag in canonical form; `None` where it is none, which is among the violations.
fn locale(tag: &str, violations: &mut Violations) -> Option<String> {
    if tag.is_empty() {
        return Some(String::new());
    }
    let read = Locale::try_from_str(tag).ok().filter(|_| tag.len() <= MAX_LOCALE);
    if read.is_none() {
        let text = format!("must be a BCP 47 tag of at most {MAX_LOCALE} bytes, e.g. `de-CH`");
        violations.push("tenant.settings.locale", "MALFORMED", text);
    }
    read.map(|locale| locale.to_string())
}

fn share_offers(value: i32, violations: &mut Violations) -> Option<ShareOffers> {
    match pb::ShareOffers::try_from(value) {
        Ok(pb::ShareOffers::Unspecified | pb::ShareOffers::Taken) => Some(ShareOffers::Taken),
        Ok(pb::ShareOffers::Refused) => Some(ShareOffers::Refused),
        Err(_unknown) => {
            violations.push("tenant.settings.consent.share_offers", "UNKNOWN_VALUE", "is no value of ShareOffers");
            None
        }
    }
}

fn consent_to_wire(consent: &TenantConsent) -> pb::TenantConsent {
    let offers = match consent.offers {
        ShareOffers::Taken => pb::ShareOffers::Taken,
        ShareOffers::Refused => pb::ShareOffers::Refused,
    };
    pb::TenantConsent {
        share_offers: offers.into(),
        terms_version: consent.terms_version.clone(),
        consenter: consent.said.as_ref().map(|(by, _)| by.to_string()).unwrap_or_default(),
        consent_time: consent.said.as_ref().map(|(_, at)| time::timestamp(*at)),
    }
}

fn runtimes(names: Vec<String>) -> Vec<RuntimeId> {
    names.into_iter().map(RuntimeId::new).collect()
}

fn settings_to_wire(settings: &Settings) -> pb::TenantSettings {
    let number = |number: Option<NonZeroU32>| number.map_or(0, |number| count(number.get()));
    pb::TenantSettings {
        time_zone: settings.time_zone.clone(),
        locale: settings.locale.clone(),
        consent: Some(consent_to_wire(&settings.consent)),
        execution_days: number(settings.keep.executions),
        output_days: number(settings.keep.output),
        deleted_utility_days: number(settings.keep.deleted_utilities),
        audit_days: number(settings.keep.audit),
        legal_hold: settings.legal_hold,
        max_utilities: number(settings.quota.utilities),
        max_output_bytes: settings.quota.output_bytes.map_or(0, |most| size(most.get())),
        max_running: number(settings.quota.running),
        runtimes: settings.runtimes.iter().map(|name| name.to_string()).collect(),
    }
}
