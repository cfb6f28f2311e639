//! `[tenants.CODE]`: what single tenants may take of the server, instead of the limits that hold for each.
//!
//! A tenant that is named here and that there is not, a start makes.

use domain::admission::MAX_WEIGHT;
use domain::name::TenantId;
use settings::{Place, Reader, section, value};

/// Most executions that any limit of admission names.
pub(super) const MAX_COUNT: u64 = 1 << 20;

section! {
    /// A tenant's own limits.
    pub(super) struct Tenant in Place::each("tenants", "CODE", "a tenant");

    /// share of the turns of tenant CODE while several tenants wait, 1 to 1000
    weight: Option<u32>, shown "`1`" => value::optional_number(1..=u64::from(MAX_WEIGHT));
    /// its own limit instead of `executions.max_running_per_tenant`
    max_running: Option<u32>, shown "as for every tenant" => value::optional_number(1..=MAX_COUNT);
    /// its own limit instead of `executions.max_queued_per_tenant`
    max_queued: Option<u32>, shown "as for every tenant" => value::optional_number(1..=MAX_COUNT);
}

/// Reads every tenant's table.
pub(super) fn all(reader: &mut Reader<'_>) -> Option<Vec<(TenantId, Tenant)>> {
    let tables: Vec<_> = reader.entries(&Tenant::SECTION).into_iter().map(|code| one(reader, &code)).collect();
    tables.into_iter().collect()
}

fn one(reader: &mut Reader<'_>, code: &str) -> Option<(TenantId, Tenant)> {
    let table = Tenant::SECTION.entry(code);
    let id = match TenantId::parse("tenant", code) {
        Ok(id) => Some(id),
        Err(error) => {
            reader.refuse(&table, first_violation(&error));
            None
        }
    };
    let tenant = Tenant::read(reader, &table);
    Some((id?, tenant?))
}

fn first_violation(error: &domain::Error) -> String {
    match error {
        domain::Error::Invalid(violations) => violations.first().map(|violation| violation.description.clone()).unwrap_or_default(),
        other => other.to_string(),
    }
}
