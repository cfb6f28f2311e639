//! `zona ps`: what it says of manifests without an engine.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Source, run};

const GOOD: &str = "
name: shop
services:
  - {name: db, group: SYSTEM, context: {image: 'db:1'}, health: {tcp: 5432}}
  - name: web
    group: CORE
    context: {image: 'web:1', configs: [{source: settings, target: /settings}]}
    depends_on: [{service: db, condition: healthy}]
    replicas: 2
configs: {settings: {file: settings.toml}}
environments: {production: {services: {web: {replicas: 4}}}}
";

/// A manifest beside the file that it names.
fn shop(directory: &Path, settings: &str) -> String {
    fs::write(directory.join("settings.toml"), settings).unwrap();
    let file = directory.join("shop.yaml");
    fs::write(&file, GOOD).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_wrong_manifest_is_answered_with_every_problem_and_its_place() {
    let text = "name: Shop\nservices:\n  - {name: a, context: {image: 'a:1'}, depends_on: [{service: b}], replica: 1}\n  - {name: b, context: {image: b}, depends_on: [{service: a}]}\n";
    let file = Source::new("bad.yaml", text);
    let path = file.path.to_str().unwrap();
    let answer = run(&["ps", "validate", path, "-o", "json"]).expect(2).json();
    assert_eq!(answer["valid"], false);
    let rules: Vec<&str> = answer["problems"].as_array().unwrap().iter().map(|problem| problem["rule"].as_str().unwrap()).collect();
    assert_eq!(rules, ["name", "circle", "unknown-field", "image"]);
    let image = &answer["problems"][3];
    assert_eq!((&image["path"], &image["line"], &image["column"]), (&"services[1].context.image".into(), &4.into(), &32.into()));
    assert!(!image["message"].as_str().unwrap().is_empty());
    let lines = run(&["ps", "validate", path]).expect(2).stdout;
    assert_eq!(lines.lines().count(), 4);
    assert!(lines.lines().all(|line| line.starts_with(&format!("{path}:"))), "{lines}");
    for command in [&["ps", "plan", path][..], &["ps", "graph", path], &["ps", "difference", path, "x"]] {
        let done = run(command).expect(2);
        assert!(done.stdout.is_empty() && done.stderr.contains("4 problems"), "{done:?}");
    }
}

#[test]
fn a_right_manifest_is_valid_and_its_services_have_an_order() {
    let directory = tempfile::tempdir().unwrap();
    let path = shop(directory.path(), "a = 1\n");
    assert_eq!(run(&["ps", "validate", &path, "-o", "json"]).expect(0).json()["valid"], true);
    let graph = run(&["ps", "graph", &path, "-o", "json"]).expect(0).json();
    let waves: Vec<_> = graph.as_array().unwrap().iter().map(|service| (service["wave"].as_u64(), service["service"].as_str())).collect();
    assert_eq!(waves, [(Some(1), Some("db")), (Some(2), Some("web"))]);
    assert!(run(&["ps", "graph", &path, "--mermaid"]).expect(0).stdout.contains("db -->|healthy| web"));
    let difference = run(&["ps", "difference", &path, "production", "-o", "json"]).expect(0).json();
    assert_eq!(difference, serde_json::json!([{"path": "services.web.replicas", "before": 2, "after": 4}]));
    run(&["ps", "difference", &path, "nowhere"]).expect(2);
    run(&["ps", "plan", &path, "--environment", "nowhere"]).expect(2);
}

/// What runs once a plan was done, as `--observed` takes it.
fn done(plan: &Value) -> String {
    let actions = plan["waves"].as_array().unwrap().iter().flat_map(|wave| wave["actions"].as_array().unwrap());
    let services: Vec<Value> = actions
        .map(|action| {
            let count: usize = action["steps"][0].as_str().unwrap().strip_prefix("start ").unwrap().parse().unwrap();
            let replica = |number| serde_json::json!({"id": format!("r{number}"), "revision": action["revision"], "state": "healthy"});
            serde_json::json!({"name": action["service"], "replicas": (0..count).map(replica).collect::<Vec<_>>()})
        })
        .collect();
    serde_json::json!({ "services": services }).to_string()
}

#[test]
fn a_plan_says_what_is_to_do_and_nothing_once_it_is_done() {
    let directory = tempfile::tempdir().unwrap();
    let path = shop(directory.path(), "a = 1\n");
    let plan = |more: &[&str]| run(&[&["ps", "plan", path.as_str(), "-o", "json"], more].concat()).expect(0).json();
    let first = plan(&[]);
    assert_eq!(first["waves"].as_array().unwrap().len(), 2);
    let web = &first["waves"][1]["actions"][0];
    assert_eq!((&web["action"], &web["reasons"]), (&"create".into(), &serde_json::json!(["it does not run"])));
    assert_eq!(web["waits_for"], serde_json::json!([{"service": "db", "condition": "healthy"}]));

    let observed = Source::new("observed.json", &done(&first));
    let observed = ["--observed", observed.path.to_str().unwrap()];
    assert_eq!(plan(&observed)["waves"], serde_json::json!([]));
    assert_eq!(run(&[&["ps", "plan", path.as_str()], &observed[..]].concat()).expect(0).stdout, "nothing to do\n");

    shop(directory.path(), "a = 2\n");
    let changed = plan(&observed);
    let action = &changed["waves"][0]["actions"][0];
    assert_eq!(
        (&action["service"], &action["reasons"]),
        (&"web".into(), &serde_json::json!(["changed: configs"])),
        "a file that it reads has changed"
    );
    assert_eq!(changed["waves"].as_array().unwrap().len(), 1);

    let scaled = plan(&[&observed[..], &["--environment", "production"]].concat());
    assert_eq!(scaled["waves"][0]["actions"][0]["steps"][0], "start 1", "two of four are replaced and two are added");
}

#[test]
fn what_runs_is_checked_like_a_manifest() {
    let directory = tempfile::tempdir().unwrap();
    let path = shop(directory.path(), "");
    let observed = Source::new("observed.yaml", "services: [{name: web, replicas: [{id: a, revision: x, state: fine}]}]\n");
    let done = run(&["ps", "plan", &path, "--observed", observed.path.to_str().unwrap()]).expect(2);
    assert!(done.stderr.contains("2 problems") && done.stderr.contains("services[0].replicas[0].revision"), "{done:?}");
    fs::remove_file(directory.path().join("settings.toml")).unwrap();
    assert!(run(&["ps", "plan", &path]).expect(2).stderr.contains("settings.toml"));
}

#[test]
fn a_plan_reads_no_secret_and_waits_for_no_pipe() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("shop.yaml");
    let path = file.to_str().unwrap();
    let web = "name: shop\nservices: [{name: web, context: {image: 'web:1', secrets: [{source: pw, target: /pw}]}}]\n";
    fs::write(&file, format!("{web}secrets: {{pw: {{file: pw}}}}\n")).unwrap();
    let revision = || run(&["ps", "plan", path, "-o", "json"]).expect(0).json()["waves"][0]["actions"][0]["revision"].to_string();
    let before = revision();
    fs::write(directory.path().join("pw"), "hunter2").unwrap();
    assert_eq!(revision(), before, "nothing of its value is in the revision");
    fs::write(&file, format!("{web}secrets: {{pw: {{file: pw, version: '2'}}}}\n")).unwrap();
    assert_ne!(revision(), before);

    let pipe = directory.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::write(&file, "name: shop\nservices: []\nconfigs: {c: {file: pipe}}\n").unwrap();
    let refused = run(&["ps", "plan", path]).expect(2);
    assert!(refused.stderr.contains("no regular file"), "{refused:?}");
}

#[test]
fn a_compose_file_becomes_a_manifest_and_what_does_not_is_named() {
    let text = "services:\n  db: {image: 'db:1', restart: always, healthcheck: {test: [CMD, ok]}}\n  web:\n    image: 'web:${TAG}'\n    restart: always\n    privileged: true\n    depends_on: {db: {condition: service_healthy}}\n";
    let file = Source::new("compose.yaml", text);
    let out = file.path.with_file_name("shop.yaml");
    let (path, out) = (file.path.to_str().unwrap(), out.to_str().unwrap());
    let answer = run(&["ps", "import", path, "--variable", "TAG=7", "--out", out, "-o", "json"]).expect(0).json();
    assert_eq!(answer["problems"], serde_json::json!([]));
    assert_eq!(answer["notes"].as_array().unwrap().len(), 1);
    assert_eq!((&answer["notes"][0]["what"], &answer["notes"][0]["path"]), (&"left-out".into(), &"services.web.privileged".into()));
    let plan = run(&["ps", "plan", out, "-o", "json"]).expect(0).json();
    assert_eq!(plan["waves"][1]["actions"][0]["service"], "web");
    let printed = run(&["ps", "import", path, "--variable", "TAG=7"]).expect(0);
    assert_eq!(printed.stdout, fs::read_to_string(out).unwrap());
    assert!(printed.stderr.contains("services.web.privileged"), "{printed:?}");
    let wrong = Source::new("compose.yaml", "services: {web: {image: 'w:1', ports: ['80:80'], deploy: {replicas: 2}}}");
    assert!(run(&["ps", "import", wrong.path.to_str().unwrap()]).expect(2).stderr.contains("to put right: "));
    run(&["ps", "import", path, "--variable", "TAG"]).expect(2);
}

#[test]
fn the_schema_is_the_published_one() {
    let schema = run(&["ps", "schema"]).expect(0).stdout;
    assert_eq!(schema, include_str!("../../../../docs/manifest.schema.json"));
}
