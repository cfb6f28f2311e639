//! Manifests in the notation of tests: a service a line, such as `web CORE 2 web:1 after db`, or an integration, such as
//! `integration 7 acme web HOST=a`, which has one parameter and runs as a service of its own.

use async_trait::async_trait;
use domain::process::{
    Declared, DeclaredIntegration, DeclaredLease, DeclaredParameter, DeclaredService, Desired, Group, IntegrationsWanted, Manifests,
    PortHolder,
};
use domain::violation::Violations;
use domain::{Result, Violation};

/// The one environment that such manifests have; there, every service runs once more.
const ENVIRONMENT: &str = "production";

/// Reads manifests in the notation of tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct FakeManifests;

#[async_trait]
impl Manifests for FakeManifests {
    async fn read(&self, desired: &Desired) -> Result<Declared> {
        let mut violations = Violations::default();
        if let Some(name) = desired.environment.as_deref().filter(|name| *name != ENVIRONMENT) {
            violations.push("environment", "UNKNOWN_VALUE", format!("there is no environment {name}"));
        }
        let lines = desired.manifest.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let (mut services, mut integrations) = (Vec::<DeclaredService>::new(), Vec::new());
        for (index, line) in lines {
            match (service(line), integration(line, desired)) {
                (Some(service), _) => services.push(service),
                (None, Some(integration)) => integrations.push(integration),
                (None, None) => violations.push(format!("manifest.line[{}]", index + 1), "MALFORMED", "is no service"),
            }
        }
        for service in &mut services {
            service.replicas += u32::from(desired.environment.is_some());
            let over = desired.overrides.get(&service.name).cloned().unwrap_or_default();
            service.enabled = over.enabled.unwrap_or(service.enabled);
            service.replicas = over.replicas.unwrap_or(service.replicas);
        }
        for violation in unmet(&services) {
            violations.push(violation.field, violation.reason, violation.description);
        }
        integrations.sort_by_key(|one| one.integration_id);
        services.sort_by(|a, b| (a.group, &a.name).cmp(&(b.group, &b.name)));
        let holder = |one: &DeclaredIntegration| PortHolder { integration_id: one.integration_id, port: "http".to_owned() };
        let leases = integrations.iter().map(|one| (holder(one), one.ports[0].port)).collect();
        let leased = IntegrationsWanted { overrides: desired.integrations.overrides.clone(), leases };
        violations.unless_any(Declared { name: "fake".to_owned(), services, integrations, leased })
    }
}

fn service(line: &str) -> Option<DeclaredService> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let ([name, group, replicas, image], rest) = words.split_first_chunk::<4>()?;
    let depends_on = match rest {
        [] => Vec::new(),
        ["after", others] => others.split(',').map(str::to_owned).collect(),
        _ => return None,
    };
    let group = match *group {
        "SYSTEM" => Group::System,
        "CORE" => Group::Core,
        "BATCH" => Group::Batch,
        "APP" => Group::App,
        _ => return None,
    };
    Some(DeclaredService {
        name: (*name).to_owned(),
        group,
        enabled: true,
        replicas: replicas.parse().ok()?,
        image: (*image).to_owned(),
        command: Vec::new(),
        environment: vec!["LANG".to_owned()],
        networks: Vec::new(),
        ports: Vec::new(),
        depends_on,
    })
}

fn integration(line: &str, desired: &Desired) -> Option<DeclaredIntegration> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["integration", number, tenant, service, parameter] = words.as_slice() else { return None };
    let integration_id: i32 = number.parse().ok()?;
    let (name, set) = parameter.split_once('=')?;
    let asked = desired.integrations.overrides.get(&integration_id).cloned().unwrap_or_default();
    let hidden = vec![("integration", set.to_owned())];
    let parameter = match asked.parameters.get(name) {
        Some(value) => DeclaredParameter { name: name.to_owned(), value: value.clone(), origin: "override", hidden },
        None => DeclaredParameter { name: name.to_owned(), value: set.to_owned(), origin: "integration", hidden: Vec::new() },
    };
    let holder = PortHolder { integration_id, port: "http".to_owned() };
    let port = desired.integrations.leases.get(&holder).copied().unwrap_or(u16::try_from(integration_id).ok()? + 2_000);
    Some(DeclaredIntegration {
        integration_id,
        title: format!("Integration {number}"),
        action: "enrich".to_owned(),
        service_name: (*service).to_owned(),
        execution_dir: "/srv".to_owned(),
        executable: "/bin/run".to_owned(),
        enabled: asked.enabled.unwrap_or(true),
        tenant_code: (*tenant).to_owned(),
        runs_as: format!("integration-{number}"),
        databases: Vec::new(),
        blocked_by: None,
        parameters: vec![parameter],
        ports: vec![DeclaredLease { name: "http".to_owned(), range: "web".to_owned(), port }],
    })
}

/// What waits for a service that does not run.
fn unmet(services: &[DeclaredService]) -> Vec<Violation> {
    let runs = |name: &str| services.iter().any(|service| service.name == name && service.enabled);
    let enabled = services.iter().filter(|service| service.enabled);
    let waits = enabled.flat_map(|service| service.depends_on.iter().map(move |other| (service, other)));
    let unmet = waits.filter(|(_, other)| !runs(other));
    unmet.map(|(service, other)| Violation::new("manifest", "UNMET", format!("`{}` waits for `{other}`", service.name))).collect()
}
