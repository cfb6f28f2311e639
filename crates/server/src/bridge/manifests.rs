//! The domain's port of manifests on the crate `process`: read on a thread of its own, because a manifest may be large. Files beside a
//! manifest cannot be read here, so that configs stand in it, and secrets are the engine's.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::process::{
    Declared, DeclaredIntegration, DeclaredLease, DeclaredParameter, DeclaredPort, DeclaredService, Desired, Group, IntegrationOverride,
    IntegrationsWanted, Manifests, Notation, Override, PortHolder,
};
use domain::violation::Violations;
use domain::{Error, Result};
use process::manifest::{Asked, AskedIntegration, Content, File, Manifest, Resolved, Source, Wanted};
use process::parameter::Explained;
use process::port::Holder;
use process::problem::Problems;
use process::service::{Protocol, Service};

/// Reads manifests.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ProcessManifests;

#[async_trait]
impl Manifests for ProcessManifests {
    async fn read(&self, desired: &Desired) -> Result<Declared> {
        let desired = desired.clone();
        let read = tokio::task::spawn_blocking(move || declared(&desired)).await;
        read.map_err(|panic| Error::internal("reading a manifest", panic))?
    }
}

fn declared(desired: &Desired) -> Result<Declared> {
    let notation = match desired.notation {
        Notation::Yaml => process::manifest::Notation::Yaml,
        Notation::Json => process::manifest::Notation::Json,
    };
    let file = File::read(&desired.manifest, notation).map_err(|problems| refused("manifest", &problems))?;
    let environment = desired.environment.as_deref();
    if let Some(name) = environment.filter(|name| !file.environments().contains(name)) {
        let known = file.environments().join(", ");
        let description = format!("the manifest has no environment `{name}`; it has {}", if known.is_empty() { "none" } else { &known });
        return Err(Error::invalid("environment", "UNKNOWN_VALUE", description));
    }
    let integrated = file.wanted(&wanted(desired)).map_err(|problems| refused("overrides", &problems))?;
    no_files(&integrated.manifest)?;
    // What integrations run as stands behind the file's own services.
    let own = file.manifest().services.len();
    let mut services: Vec<DeclaredService> = integrated.manifest.services.iter().take(own).map(service).collect();
    services.sort_by(|a, b| (a.group, &a.name).cmp(&(b.group, &b.name)));
    let integrations = integrated.integrations.iter().map(integration).collect();
    let holder = |holder: &Holder| PortHolder { integration_id: holder.integration_id, port: holder.port.clone() };
    let leases = integrated.leases.iter().map(|(held_by, port)| (holder(held_by), *port)).collect();
    let leased = IntegrationsWanted { overrides: desired.integrations.overrides.clone(), leases };
    Ok(Declared { name: integrated.manifest.name, services, integrations, leased })
}

fn wanted(desired: &Desired) -> Wanted {
    let asked = |over: &Override| Asked { enabled: over.enabled, replicas: over.replicas, restarts: over.restarts };
    let integration = |over: &IntegrationOverride| AskedIntegration { enabled: over.enabled, parameters: over.parameters.clone() };
    let holder = |holder: &PortHolder| Holder { integration_id: holder.integration_id, port: holder.port.clone() };
    Wanted {
        environment: desired.environment.clone(),
        services: desired.overrides.iter().map(|(name, over)| (name.clone(), asked(over))).collect(),
        integrations: desired.integrations.overrides.iter().map(|(id, over)| (*id, integration(over))).collect(),
        leases: desired.integrations.leases.iter().map(|(held_by, port)| (holder(held_by), *port)).collect(),
    }
}

/// Everything that is wrong, each at its path; the rule stands with its words, as callers know it from `zona ps validate`.
fn refused(field: &str, problems: &Problems) -> Error {
    let mut violations = Violations::default();
    for problem in problems.list() {
        let path = if problem.path.is_empty() { field.to_owned() } else { format!("{field}.{}", problem.path) };
        let place = problem.place.map(|place| format!(" (line {}, column {})", place.line, place.column)).unwrap_or_default();
        violations.push(path, "MANIFEST_RULE", format!("{} [{}]{place}", problem.message, problem.rule));
    }
    if problems.left_out() > 0 {
        violations.push(field, "MANIFEST_RULE", format!("and {} more", problems.left_out()));
    }
    Error::Invalid(violations.into_inner())
}

/// That nothing is read from files beside the manifest.
fn no_files(manifest: &Manifest) -> Result<()> {
    let mut violations = Violations::default();
    let mut look = |kind: &str, contents: &BTreeMap<String, Content>, instead: &str| {
        for (name, content) in contents {
            if let Source::File(path) = &content.source {
                let text = format!("`{path}` lies beside the manifest, where a server does not see it; {instead}");
                violations.push(format!("manifest.{kind}.{name}.file"), "MANIFEST_RULE", text);
            }
        }
    };
    look("configs", &manifest.configs, "say its content, as `zona ps apply` does");
    look("secrets", &manifest.secrets, "say `external: true`, and give it to the engine");
    violations.unless_any(())
}

fn service(service: &Service) -> DeclaredService {
    let context = &service.context;
    let port = |port: &process::service::Port| DeclaredPort {
        target: port.target,
        published: port.published,
        is_udp: port.protocol == Protocol::Udp,
    };
    DeclaredService {
        name: service.name.clone(),
        group: match service.group {
            process::service::Group::System => Group::System,
            process::service::Group::Core => Group::Core,
            process::service::Group::Batch => Group::Batch,
            process::service::Group::App => Group::App,
        },
        enabled: service.enabled,
        replicas: service.replicas,
        image: context.image.clone(),
        command: context.command.clone(),
        environment: context.environment.keys().cloned().collect(),
        networks: context.networks.clone(),
        ports: service.ports.iter().map(port).collect(),
        depends_on: service.depends_on.iter().map(|other| other.service.clone()).collect(),
    }
}

fn integration(resolved: &Resolved) -> DeclaredIntegration {
    let one = &resolved.integration;
    let parameter = |(name, explained): (&String, &Explained)| DeclaredParameter {
        name: name.clone(),
        value: explained.value.clone(),
        origin: explained.origin.as_str(),
        hidden: explained.hidden.iter().map(|(origin, value)| (origin.as_str(), value.clone())).collect(),
    };
    let lease = |(name, port): (&String, &u16)| DeclaredLease {
        name: name.clone(),
        range: one.ports.get(name).cloned().unwrap_or_default(),
        port: *port,
    };
    DeclaredIntegration {
        integration_id: one.integration_id,
        title: one.title.clone(),
        action: one.action.clone(),
        service_name: one.service_name.clone(),
        execution_dir: one.execution_dir.clone(),
        executable: one.executable.clone(),
        enabled: one.enabled,
        tenant_code: one.tenant_code.clone(),
        runs_as: resolved.runs_as.clone(),
        databases: one.databases.clone(),
        blocked_by: resolved.blocked_by().map(|database| database.name.clone()),
        parameters: resolved.parameters.iter().map(parameter).collect(),
        ports: resolved.ports.iter().map(lease).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = "\
name: shop
services:
  - {name: web, group: APP, context: {image: 'web:1', environment: {TOKEN: x}}, replicas: 2, depends_on: [{service: db}]}
  - {name: db, context: {image: 'db:1'}, ports: [{target: 5432, published: 5432}, {target: 53, protocol: udp}]}
environments: {production: {services: {web: {replicas: 4}}}}
";

    fn desired(manifest: &str) -> Desired {
        Desired { revision: 1, manifest: manifest.into(), notation: Notation::of(manifest), ..Desired::default() }
    }

    fn violations(desired: &Desired) -> Vec<(String, String)> {
        let Err(Error::Invalid(violations)) = declared(desired) else { panic!("it is not refused") };
        violations.into_iter().map(|violation| (violation.field, violation.description)).collect()
    }

    #[tokio::test]
    async fn a_manifest_is_read_in_its_environment_with_what_was_asked_for_since() {
        let web = async |environment: Option<&str>, over: Override| {
            let overrides = BTreeMap::from([("web".to_owned(), over)]);
            let desired = Desired { environment: environment.map(str::to_owned), overrides, ..desired(SHOP) };
            let read = ProcessManifests.read(&desired).await.unwrap();
            let names: Vec<_> = read.services.iter().map(|service| service.name.as_str()).collect();
            assert_eq!((read.name.as_str(), names.as_slice()), ("shop", &["db", "web"][..]), "by group and name");
            read.services[1].clone()
        };
        assert_eq!(web(None, Override::default()).await.replicas, 2);
        assert_eq!(web(Some("production"), Override::default()).await.replicas, 4);
        let asked = Override { enabled: Some(false), replicas: Some(1), restarts: 1 };
        let found = web(Some("production"), asked).await;
        assert_eq!(
            (found.enabled, found.replicas, found.environment, found.depends_on),
            (false, 1, vec!["TOKEN".to_owned()], vec!["db".to_owned()])
        );
    }

    #[tokio::test]
    async fn integrations_are_read_with_what_they_are_started_with_and_are_no_services() {
        let text = format!(
            "{SHOP}integrations: [{{integration_id: 7, title: Mail, serviceName: web, executable: /m, tenantcode: acme, parameters: {{HOST: a}}, ports: {{http: r}}}}]\n\
             port_ranges: {{r: {{first: 2000, last: 2001}}}}\n"
        );
        let asked = IntegrationOverride { enabled: Some(false), parameters: BTreeMap::from([("HOST".to_owned(), "b".to_owned())]) };
        let integrations = IntegrationsWanted { overrides: BTreeMap::from([(7, asked)]), ..IntegrationsWanted::default() };
        let read = ProcessManifests.read(&Desired { integrations: integrations.clone(), ..desired(&text) }).await.unwrap();
        assert_eq!(read.services.iter().map(|service| service.name.as_str()).collect::<Vec<_>>(), ["db", "web"]);
        let one = &read.integrations[0];
        assert_eq!((one.runs_as.as_str(), one.enabled, one.tenant_code.as_str()), ("integration-7", false, "acme"));
        assert_eq!((one.parameters[0].value.as_str(), one.parameters[0].origin), ("b", "override"));
        assert_eq!(one.parameters[0].hidden, [("integration", "a".to_owned())]);
        assert_eq!((one.ports[0].range.as_str(), one.ports[0].port), ("r", 2000));
        assert_eq!(read.leased.overrides, integrations.overrides);
        assert_eq!(read.leased.leases.values().copied().collect::<Vec<_>>(), [2000]);
    }

    #[test]
    fn everything_that_is_wrong_is_a_violation_with_its_path_its_rule_and_its_place() {
        let wrong = "name: shop\nservices:\n  - {name: web, replicas: many}\n  - {name: web, context: {image: 'web:1'}}\n";
        let found = violations(&desired(wrong));
        assert!(found.iter().any(|(field, text)| field == "manifest.services[0].context" && text.contains("[missing]")), "{found:?}");
        assert!(found.iter().any(|(field, text)| field.contains("services[1]") && text.contains("line 4")), "{found:?}");
        let elsewhere = Desired { environment: Some("test".to_owned()), ..desired(SHOP) };
        assert_eq!(violations(&elsewhere)[0].0, "environment");
    }

    #[test]
    fn nothing_is_read_from_beside_a_manifest_that_somebody_has_sent() {
        let beside = format!("{SHOP}configs: {{settings: {{file: settings.toml}}}}\nsecrets: {{key: {{file: key}}}}\n");
        let found = violations(&desired(&beside));
        let fields: Vec<_> = found.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["manifest.configs.settings.file", "manifest.secrets.key.file"]);
    }
}
