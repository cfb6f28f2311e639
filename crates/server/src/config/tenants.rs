//! `[tenants.CODE]`: what single tenants may take of the server, instead of the limits that hold for each.
//!
//! Whether there is such a tenant is deliberately not looked at: it may come later.

use std::collections::HashMap;
use std::num::NonZeroU32;

use domain::admission::{MAX_WEIGHT, Share};
use domain::name::TenantId;
use figment::Figment;

use super::first_violation;
use super::reader::Reader;

/// Keys of each tenant's table.
pub const TENANT_KEYS: [&str; 3] = ["weight", "max_running", "max_queued"];
/// The section.
pub(super) const SECTION: &str = "tenants";

/// Codes of the configured tenants.
pub(super) fn names(figment: &Figment) -> Vec<String> {
    let section = figment.find_value(SECTION).ok().and_then(|value| value.into_dict());
    section.map(|tables| tables.into_keys().collect()).unwrap_or_default()
}

/// The key of a tenant.
pub(super) fn key(tenant: &str, leaf: &str) -> String {
    format!("{SECTION}.{tenant}.{leaf}")
}

/// Whether a key may stand in a tenant's table.
pub(super) fn is_key(key: &str) -> bool {
    let below = key.strip_prefix(SECTION).and_then(|rest| rest.strip_prefix('.'));
    below.and_then(|below| below.rsplit_once('.')).is_some_and(|(_, leaf)| TENANT_KEYS.contains(&leaf))
}

/// Reads every tenant's share; what a table leaves out is as for everybody.
pub(super) fn read(
    reader: &mut Reader<'_>,
    max_running: Option<NonZeroU32>,
    max_queued: Option<NonZeroU32>,
) -> Option<HashMap<TenantId, Share>> {
    let usual = Share { weight: 1, max_running: max_running.map_or(1, NonZeroU32::get), max_queued: max_queued.map_or(1, NonZeroU32::get) };
    let shares: Vec<_> = names(reader.figment()).into_iter().map(|name| read_one(reader, &name, usual)).collect();
    shares.into_iter().collect()
}

fn read_one(reader: &mut Reader<'_>, name: &str, usual: Share) -> Option<(TenantId, Share)> {
    let tenant = match TenantId::parse("tenant", name) {
        Ok(tenant) => Some(tenant),
        Err(error) => {
            reader.refuse(&format!("{SECTION}.{name}"), first_violation(&error));
            None
        }
    };
    let mut count = |leaf, most, otherwise| match reader.has(&key(name, leaf)) {
        true => reader.number(&key(name, leaf), 1, most).and_then(|count| u32::try_from(count).ok()),
        false => Some(otherwise),
    };
    let weight = count("weight", u64::from(MAX_WEIGHT), usual.weight);
    let max_running = count("max_running", super::MAX_COUNT, usual.max_running);
    let max_queued = count("max_queued", super::MAX_COUNT, usual.max_queued);
    Some((tenant?, Share { weight: weight?, max_running: max_running?, max_queued: max_queued? }))
}
