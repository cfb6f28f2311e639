//! Integrations and databases of tenants: numbers and names are unique, what is named exists and is the same tenant's, and the ports that
//! integrations need are there.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::manifest::content::Manifest;
use crate::manifest::rules::view::{Step, View};
use crate::port::{Holder, Leases, lease};

pub(super) fn check(manifest: &Manifest, view: &mut View<'_>) {
    let databases = |at: usize, field| vec![Step::Name("databases"), Step::Item(at), Step::Name(field)];
    let integrations = |at: usize, field| vec![Step::Name("integrations"), Step::Item(at), Step::Name(field)];
    view.unique(
        &manifest.databases,
        |database| Some(database.id).filter(|id| *id > 0),
        |at| databases(at, "id"),
        "database-twice",
        |database, other| format!("`{}` has the number {} already", other.name, database.id),
    );
    let named = |database: &crate::integration::TenantDatabase| {
        Some((database.tenant_code.clone(), database.name.clone())).filter(|(_, name)| !name.is_empty())
    };
    view.unique(
        &manifest.databases,
        named,
        |at| databases(at, "name"),
        "database-twice",
        |database, _| format!("tenant `{}` has another database `{}`", database.tenant_code, database.name),
    );
    let number = |integration: &crate::integration::Integration| Some(integration.integration_id).filter(|id| *id > 0);
    view.unique(
        &manifest.integrations,
        number,
        |at| integrations(at, "integration_id"),
        "integration-twice",
        |integration, other| format!("`{}` has the number {} already", other.title, integration.integration_id),
    );
    for (at, database) in manifest.databases.iter().enumerate() {
        if let Some(secret) = database.password_secret.as_ref().filter(|secret| !manifest.secrets.contains_key(*secret)) {
            view.add(
                &databases(at, "db_password_secret"),
                "missing-secret",
                format!("`{secret}` is not among the secrets of the manifest"),
            );
        }
    }
    references(manifest, view);
    ports(manifest, view);
}

fn references(manifest: &Manifest, view: &mut View<'_>) {
    let services: HashSet<&str> = manifest.services.iter().map(|service| service.name.as_str()).collect();
    let databases: HashSet<(&str, &str)> =
        manifest.databases.iter().map(|database| (database.tenant_code.as_str(), database.name.as_str())).collect();
    for (at, integration) in manifest.integrations.iter().enumerate() {
        let path = |field| [Step::Name("integrations"), Step::Item(at), Step::Name(field)];
        if !integration.service_name.is_empty() && !services.contains(integration.service_name.as_str()) {
            view.add(&path("serviceName"), "unknown-service", format!("there is no service `{}`", integration.service_name));
        }
        for (item, name) in integration.databases.iter().enumerate() {
            if !databases.contains(&(integration.tenant_code.as_str(), name.as_str())) {
                let message = format!("tenant `{}` has no database `{name}`", integration.tenant_code);
                view.add(&[path("databases").as_slice(), &[Step::Item(item)]].concat(), "unknown-database", message);
            }
        }
        for (name, range) in integration.ports.iter().filter(|(_, range)| !manifest.port_ranges.contains_key(*range)) {
            let message = format!("`{range}` is not among the port ranges of the manifest");
            view.add(&[path("ports").as_slice(), &[Step::Name(name)]].concat(), "unknown-range", message);
        }
    }
}

/// Whether every port can be leased, starting from none.
fn ports(manifest: &Manifest, view: &mut View<'_>) {
    let holder = |integration_id, port: &String| Holder { integration_id, port: port.clone() };
    let wanted: BTreeMap<Holder, String> = manifest
        .integrations
        .iter()
        .flat_map(|integration| integration.ports.iter().map(|(port, range)| (holder(integration.integration_id, port), range.clone())))
        .filter(|(_, range)| manifest.port_ranges.contains_key(range))
        .collect();
    let published: BTreeSet<u16> =
        manifest.services.iter().flat_map(|service| service.ports.iter().filter_map(|port| port.published)).collect();
    let refused = lease(&manifest.port_ranges, &wanted, &Leases::new(), &published).err().unwrap_or_default();
    for none_left in refused {
        let Holder { integration_id, port } = none_left.holder;
        let at = manifest.integrations.iter().position(|integration| integration.integration_id == integration_id).unwrap_or_default();
        let path = [Step::Name("integrations"), Step::Item(at), Step::Name("ports"), Step::Name(&port)];
        view.add(&path, "no-port-left", format!("no port is left in the range `{}`", none_left.range));
    }
}
