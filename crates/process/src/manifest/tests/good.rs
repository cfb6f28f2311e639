//! What right manifests mean, the examples of the documents and the published schema.

use std::time::Duration;

use super::*;
use crate::service::{Condition, Group, Order, Probe, Storage, Strategy};

#[test]
fn what_is_left_out_has_its_default() {
    let manifest = manifest(BASE);
    let web = &manifest.services[1];
    assert_eq!((web.group, web.replicas, web.enabled), (Group::Core, 2, true));
    assert_eq!((web.depends_on[0].condition, web.depends_on[0].restart), (Condition::Healthy, false));
    assert_eq!(
        (web.update.strategy, web.update.order, web.update.parallelism, web.update.min_available),
        (Strategy::Rolling, Order::StartFirst, 1, 2)
    );
    assert_eq!(web.context.stop_grace, Duration::from_secs(10));
    let db = &manifest.services[0];
    assert_eq!(db.context.mounts[0].source, Storage::Volume("data".to_owned()));
    assert_eq!(db.health.as_ref().map(|health| &health.probe), Some(&Probe::Tcp { port: 5432 }));
}

#[test]
fn where_a_port_of_the_host_is_held_the_old_replica_stops_first() {
    let manifest = manifest("name: a\nservices:\n  - {name: web, context: {image: 'web:1'}, ports: [{target: 80, published: 80}]}\n");
    assert_eq!((manifest.services[0].update.order, manifest.services[0].update.min_available), (Order::StopFirst, 0));
}

#[test]
fn where_storage_is_written_the_old_replica_stops_first_unless_the_manifest_says_otherwise() {
    let order = |mount: &str, update: &str| {
        let service = format!("{{name: db, context: {{image: 'db:1', mounts: [{mount}]}}, update: {update}}}");
        let update = manifest(&format!("name: a\nservices: [{service}]\nvolumes: {{data: {{}}}}\n")).services[0].update;
        (update.order, update.min_available)
    };
    let volume = "{kind: volume, source: data, target: /data}";
    assert_eq!(order(volume, "{}"), (Order::StopFirst, 0));
    assert_eq!(order("{kind: host, source: /data, target: /data}", "{}"), (Order::StopFirst, 0));
    assert_eq!(order(volume, "{order: start-first}"), (Order::StartFirst, 1));
    assert_eq!(order("{kind: volume, source: data, target: /data, read_only: true}", "{}"), (Order::StartFirst, 1));
    assert_eq!(order("{kind: memory, target: /data}", "{}"), (Order::StartFirst, 1));
}

#[test]
fn numbers_in_an_environment_keep_their_digits() {
    let manifest =
        manifest("name: a\nservices:\n  - {name: web, context: {image: 'web:1', environment: {V: 1.10, D: 014, T: true, E: ''}}}\n");
    let values: Vec<_> = manifest.services[0].context.environment.values().map(String::as_str).collect();
    assert_eq!(values, ["014", "", "true", "1.10"]);
}

#[test]
fn what_a_file_repeats_stands_in_fields_of_its_own() {
    let text = "x-web: &web {image: 'web:1'}\nname: a\nservices:\n  - {name: one, context: *web}\n  - {name: two, context: {<<: *web, user: app}}\n";
    let manifest = manifest(text);
    assert_eq!(manifest.services[1].context.image, "web:1");
    assert_eq!(manifest.services[1].context.user.as_deref(), Some("app"));
}

#[test]
fn integrations_have_the_names_that_other_systems_know() {
    let text = format!(
        "{BASE}
secrets: {{pw: {{external: true}}}}
databases: [{{id: 7, name: main, tenantcode: acme, db_host: 'db:5432', db_name: shop, db_username: u, db_password_secret: pw}}]
port_ranges: {{jobs: {{first: 20000, last: 20010}}}}
integrations:
  - integration_id: 12
    title: Import
    action: import
    serviceName: web
    executionDir: /work
    executable: run
    status: disabled
    tenantcode: acme
    databases: [main]
    parameters: {{RETRIES: 3}}
    ports: {{http: jobs}}
"
    );
    let manifest = manifest(&text);
    let integration = &manifest.integrations[0];
    assert_eq!((integration.integration_id, integration.service_name.as_str(), integration.enabled), (12, "web", false));
    assert_eq!((integration.execution_dir.as_str(), integration.parameters["RETRIES"].as_str()), ("/work", "3"));
    assert_eq!(manifest.databases[0].password_secret.as_deref(), Some("pw"));
}

#[test]
fn json_reads_as_yaml_does() {
    let json = r#"{"name": "a", "services": [{"name": "web", "context": {"image": "web:1", "resources": {"processors": 0.5}}}]}"#;
    let file = File::read(json, Notation::Json).unwrap();
    assert_eq!(file.manifest(), manifest("name: a\nservices: [{name: web, context: {image: 'web:1', resources: {processors: 0.5}}}]\n"));
}

#[test]
fn the_manifest_of_the_documents_is_right() {
    let document = include_str!("../../../../../docs/process-manager.md");
    let examples: Vec<&str> = document.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!examples.is_empty());
    for example in examples {
        manifest(example);
    }
}

#[test]
fn the_published_schema_is_current() {
    let published = include_str!("../../../../../docs/manifest.schema.json");
    let current = serde_json::to_string_pretty(&manifest_schema()).unwrap();
    assert_eq!(published.trim_end(), current, "write it with `zona ps schema > docs/manifest.schema.json`");
}
