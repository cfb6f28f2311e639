//! Tenants, and the requests about them. The password of a database leaves a request here: nothing is made of it but that there is one.

use std::mem::take;

use api_proto::zona::tenant::v1 as pb;
use domain::Result;
use domain::name::{PrincipalName, TenantId};
use domain::revision::Etag;
use domain::tenant::{Tenant, TenantDraft, TenantPatch};

use crate::convert::mask::Mask;
use crate::convert::{Violations, request_key, time};

/// Fields of a tenant that an update may name, beside `*`.
const FIELDS: [&str; 5] = ["display_name", "db_host", "db_username", "db_password", "db_name"];

/// Reads CreateTenant.
pub(crate) fn read_create(mut body: pb::CreateTenantRequest, caller: &PrincipalName) -> Result<TenantDraft> {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    // What is remembered of a request must not be a hash that a password could be guessed by.
    let password = body.tenant.as_mut().map(|tenant| take(&mut tenant.db_password)).unwrap_or_default();
    let request = request_key::read("CreateTenant", caller, &id, &body, &mut violations);
    let code = violations.take(TenantId::parse("tenant_id", &body.tenant_id))?;
    let tenant = body.tenant.unwrap_or_default();
    let patch = TenantPatch {
        display_name: Some(tenant.display_name),
        db_host: Some(tenant.db_host),
        db_username: Some(tenant.db_username),
        db_name: Some(tenant.db_name),
        has_db_password: !password.is_empty(),
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
    let set = [
        !tenant.display_name.is_empty(),
        !tenant.db_host.is_empty(),
        !tenant.db_username.is_empty(),
        !password.is_empty(),
        !tenant.db_name.is_empty(),
    ];
    let mask = Mask::read_fields(body.update_mask, &FIELDS, set, &mut violations);
    TenantPatch {
        display_name: mask.names("display_name").then_some(tenant.display_name),
        db_host: mask.names("db_host").then_some(tenant.db_host),
        db_username: mask.names("db_username").then_some(tenant.db_username),
        db_name: mask.names("db_name").then_some(tenant.db_name),
        has_db_password: mask.names("db_password") && !password.is_empty(),
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
    }
}
