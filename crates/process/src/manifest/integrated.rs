//! Integrations as services: each that has a program runs as a service of its own, with the surroundings of the service that it names, its
//! parameters and ports in its environment, and its databases beside them.

use std::collections::{BTreeMap, BTreeSet};

use crate::integration::{Integration, TenantDatabase};
use crate::manifest::asked::Asked;
use crate::manifest::content::Manifest;
use crate::manifest::file::File;
use crate::parameter::{Explained, Origin, explain};
use crate::port::{Holder, Leases, lease};
use crate::problem::Problems;
use crate::service::{Attached, Order, Port, Protocol, Service, Update};

/// What is wanted of a file: an environment, and what was asked for since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The environment; none for what is outside of all.
    pub environment: Option<String>,
    /// What was asked of services, by name.
    pub services: BTreeMap<String, Asked>,
    /// What was asked of integrations, by number.
    pub integrations: BTreeMap<i32, AskedIntegration>,
    /// The ports that integrations have.
    pub leases: Leases,
}

/// What was asked of one integration; nothing leaves what the manifest says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedIntegration {
    /// Whether it shall run.
    pub enabled: Option<bool>,
    /// Parameters that are stronger than all others.
    pub parameters: BTreeMap<String, String>,
}

/// A manifest with the services that its integrations are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Integrated {
    /// The manifest, with these services at its end.
    pub manifest: Manifest,
    /// Its integrations, by number.
    pub integrations: Vec<Resolved>,
    /// The ports that they have.
    pub leases: Leases,
}

/// An integration, with everything that it is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The integration; enabled where it is so, and asked otherwise.
    pub integration: Integration,
    /// The service that it runs as.
    pub runs_as: String,
    /// Its parameters, and why they are what they are.
    pub parameters: BTreeMap<String, Explained>,
    /// Its ports, by name.
    pub ports: BTreeMap<String, u16>,
    /// Its databases.
    pub databases: Vec<TenantDatabase>,
}

/// The name of the service that an integration with a program runs as.
pub fn service_of(integration_id: i32) -> String {
    format!("integration-{integration_id}")
}

// === impl File ===

impl File {
    /// What is wanted, with integrations as services.
    ///
    /// # Errors
    /// There is no such environment, service or integration, or what was asked for breaks a rule.
    pub fn wanted(&self, wanted: &Wanted) -> Result<Integrated, Problems> {
        let mut manifest = self.asked(wanted.environment.as_deref(), &wanted.services)?;
        let mut problems = Problems::default();
        for id in wanted.integrations.keys() {
            if manifest.integrations.iter().all(|integration| integration.integration_id != *id) {
                problems.add(format!("integrations.{id}"), None, "unknown-integration", format!("there is no integration {id}"));
            }
        }
        let leases = leased(&manifest, &wanted.leases, &mut problems);
        let mut integrations: Vec<Resolved> =
            manifest.integrations.iter().map(|integration| resolved(integration, &manifest, wanted, &leases)).collect();
        integrations.sort_by_key(|resolved| resolved.integration.integration_id);
        for resolved in &integrations {
            let Some(service) = manifest.services.iter().find(|service| service.name == resolved.integration.service_name) else {
                continue;
            };
            if resolved.runs_as == service.name {
                continue;
            }
            if manifest.services.iter().any(|service| service.name == resolved.runs_as) {
                let message = format!("a service has the name that integration {} runs as", resolved.integration.integration_id);
                problems.add(format!("services.{}", resolved.runs_as), None, "name-twice", message);
                continue;
            }
            let service = resolved.as_service(service);
            manifest.services.push(service);
        }
        if problems.is_empty() { Ok(Integrated { manifest, integrations, leases }) } else { Err(problems.sorted()) }
    }
}

/// Ports for all integrations; whoever has one keeps it.
fn leased(manifest: &Manifest, before: &Leases, problems: &mut Problems) -> Leases {
    let ports = |integration: &Integration| {
        let id = integration.integration_id;
        integration.ports.clone().into_iter().map(move |(port, range)| (Holder { integration_id: id, port }, range))
    };
    let wanted: BTreeMap<Holder, String> = manifest.integrations.iter().flat_map(ports).collect();
    let published: BTreeSet<u16> =
        manifest.services.iter().flat_map(|service| service.ports.iter().filter_map(|port| port.published)).collect();
    lease(&manifest.port_ranges, &wanted, before, &published).unwrap_or_else(|refused| {
        for none_left in refused {
            let path = format!("integrations.{}.ports.{}", none_left.holder.integration_id, none_left.holder.port);
            problems.add(path, None, "no-port-left", format!("no port is left in the range `{}`", none_left.range));
        }
        Leases::new()
    })
}

fn resolved(integration: &Integration, manifest: &Manifest, wanted: &Wanted, leases: &Leases) -> Resolved {
    let (none, asked) = (BTreeMap::new(), wanted.integrations.get(&integration.integration_id));
    let service = manifest.services.iter().find(|service| service.name == integration.service_name);
    let parameters = explain(&[
        (Origin::Service, service.map_or(&none, |service| &service.parameters)),
        (Origin::Integration, &integration.parameters),
        (Origin::Tenant, manifest.tenants.get(&integration.tenant_code).unwrap_or(&none)),
        (Origin::Environment, &manifest.parameters),
        (Origin::Override, asked.map_or(&none, |asked| &asked.parameters)),
    ]);
    let held = leases.iter().filter(|(holder, _)| holder.integration_id == integration.integration_id);
    let is_its_own =
        |database: &&TenantDatabase| database.tenant_code == integration.tenant_code && integration.databases.contains(&database.name);
    let enabled = asked.and_then(|asked| asked.enabled).unwrap_or(integration.enabled);
    Resolved {
        runs_as: match integration.executable.is_empty() {
            true => integration.service_name.clone(),
            false => service_of(integration.integration_id),
        },
        integration: Integration { enabled, ..integration.clone() },
        parameters,
        ports: held.map(|(holder, port)| (holder.port.clone(), *port)).collect(),
        databases: manifest.databases.iter().filter(is_its_own).cloned().collect(),
    }
}

// === impl Resolved ===

impl Resolved {
    /// A database that is not used at present, and so keeps it from running.
    pub fn blocked_by(&self) -> Option<&TenantDatabase> {
        self.databases.iter().find(|database| !database.enabled)
    }

    /// The service that it runs as, in the surroundings of another.
    fn as_service(&self, surroundings: &Service) -> Service {
        let integration = &self.integration;
        let mut context = surroundings.context.clone();
        (context.entrypoint, context.command) = (vec![integration.executable.clone()], Vec::new());
        context.working_dir = Some(integration.execution_dir.clone()).filter(|directory| !directory.is_empty());
        context.environment.extend(self.parameters.iter().map(|(name, explained)| (name.clone(), explained.value.clone())));
        context.environment.extend(self.ports.iter().map(|(name, port)| (format!("PORT_{}", variable(name)), port.to_string())));
        for database in &self.databases {
            let of = |what: &str| format!("DATABASE_{}_{what}", variable(&database.name));
            context.environment.insert(of("HOST"), database.host.clone());
            context.environment.insert(of("NAME"), database.database.clone());
            context.environment.extend(database.username.iter().map(|user| (of("USERNAME"), user.clone())));
            let Some(secret) = &database.password_secret else { continue };
            let target = format!("/run/secrets/{secret}");
            context.environment.insert(of("PASSWORD_FILE"), target.clone());
            if context.secrets.iter().all(|attached| attached.target != target) {
                context.secrets.push(Attached { source: secret.clone(), target });
            }
        }
        let port = |port: &u16| Port { target: *port, published: Some(*port), protocol: Protocol::Tcp };
        Service {
            name: self.runs_as.clone(),
            enabled: integration.enabled && surroundings.enabled && self.blocked_by().is_none(),
            context,
            ports: self.ports.values().map(port).collect(),
            replicas: 1,
            health: None,
            update: Update { order: Order::StopFirst, ..Update::default() },
            scaling: None,
            labels: BTreeMap::from([("tenantcode".to_owned(), integration.tenant_code.clone())]),
            ..surroundings.clone()
        }
    }
}

/// The part of a variable's name that a name is.
fn variable(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::file::Notation;

    const SHOP: &str = "\
name: shop
services:
  - name: mail
    context: {image: 'mail:1', environment: {LANG: C}}
    ports: [{target: 25, published: 1025}]
    parameters: {HOST: mail.example, RETRIES: 3}
databases:
  - {id: 1, name: main, tenantcode: acme, db_host: 'mongo:27017', db_name: acme, db_username: u, db_password_secret: acme-db}
secrets: {acme-db: {external: true}}
port_ranges: {web: {first: 2000, last: 2002}}
tenants: {acme: {parameters: {RETRIES: 5}}}
integrations:
  - {integration_id: 7, title: Mail, serviceName: mail, executable: /bin/mail, executionDir: /srv, tenantcode: acme, databases: [main], parameters: {HOST: own}, ports: {http: web}}
  - {integration_id: 3, title: Post, serviceName: mail, tenantcode: beta, status: disabled}
";

    fn integrated(text: &str, wanted: &Wanted) -> Result<Integrated, Problems> {
        File::read(text, Notation::Yaml).unwrap().wanted(wanted)
    }

    #[test]
    fn an_integration_with_a_program_runs_in_the_surroundings_of_its_service() {
        let all = integrated(SHOP, &Wanted::default()).unwrap();
        let names: Vec<_> = all.manifest.services.iter().map(|service| service.name.as_str()).collect();
        assert_eq!(names, ["mail", "integration-7"], "what has no program is run by its service");
        let service = &all.manifest.services[1];
        assert!(service.enabled && service.context.image == "mail:1");
        assert_eq!(
            (service.context.entrypoint.as_slice(), service.context.working_dir.as_deref()),
            (&["/bin/mail".to_owned()][..], Some("/srv"))
        );
        let variable = |name: &str| service.context.environment.get(name).map(String::as_str);
        assert_eq!((variable("LANG"), variable("HOST"), variable("RETRIES")), (Some("C"), Some("own"), Some("5")));
        assert_eq!((variable("PORT_HTTP"), service.ports[0].published), (Some("2000"), Some(2000)));
        assert_eq!(variable("DATABASE_MAIN_HOST"), Some("mongo:27017"));
        assert_eq!(variable("DATABASE_MAIN_PASSWORD_FILE"), Some("/run/secrets/acme-db"));
        assert_eq!(service.context.secrets, [Attached { source: "acme-db".to_owned(), target: "/run/secrets/acme-db".to_owned() }]);
        assert_eq!(all.integrations.iter().map(|one| one.integration.integration_id).collect::<Vec<_>>(), [3, 7]);
        assert_eq!(all.integrations[1].parameters["RETRIES"].origin, Origin::Tenant);
    }

    #[test]
    fn what_is_asked_of_an_integration_is_stronger_than_everything_and_its_port_stays_its_own() {
        let asked = |enabled| AskedIntegration { enabled, parameters: BTreeMap::from([("HOST".to_owned(), "asked".to_owned())]) };
        let holder = Holder { integration_id: 7, port: "http".to_owned() };
        let wanted = Wanted {
            integrations: BTreeMap::from([(7, asked(Some(false)))]),
            leases: Leases::from([(holder.clone(), 2002)]),
            ..Wanted::default()
        };
        let all = integrated(SHOP, &wanted).unwrap();
        let service = &all.manifest.services[1];
        assert_eq!((service.enabled, service.context.environment["HOST"].as_str()), (false, "asked"));
        assert_eq!(all.leases, wanted.leases);
        let unknown = Wanted { integrations: BTreeMap::from([(9, asked(None))]), ..Wanted::default() };
        assert_eq!(integrated(SHOP, &unknown).unwrap_err().list()[0].rule, "unknown-integration");
    }

    #[test]
    fn a_database_that_is_not_used_keeps_its_integrations_from_running() {
        let all = integrated(&SHOP.replace("tenantcode: acme, db_host", "tenantcode: acme, status: disabled, db_host"), &Wanted::default());
        let all = all.unwrap();
        assert!(!all.manifest.services[1].enabled);
        assert_eq!(all.integrations[1].blocked_by().map(|database| database.name.as_str()), Some("main"));
    }
}
