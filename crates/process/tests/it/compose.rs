//! Imports of Compose files beside compose-go, the reader inside docker compose: what is taken over is what Compose reads.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use process::compose::import;
use process::manifest::{File, Manifest, Notation};
use process::node::{Node, Value as NodeValue};
use process::service::{Condition, Health, Probe, Service, Storage};
use serde_json::{Value, json};

/// Cases: the texts of the files of each. All of them are read by both, and mean the same to both.
fn cases() -> Vec<Vec<String>> {
    let one = |fields: &str| vec![format!("services:\n  web:\n    image: web:1\n{}", indented(fields))];
    let mut cases: Vec<Vec<String>> = [
        "command: run --now 'a b' \"c d\" e\\ f",
        "command: a && b",
        "command: a; b",
        "command: a | b > c",
        "command: [run, '--x=$TAG', $$HOME]",
        "command: 'x \"$TAG\"'\nentrypoint: sh -c",
        "entrypoint: ['/bin/x', y]",
        "environment: {A: 1, B: two, C: 'yes', D: \"${TAG}\", E: '${EMPTY:-empty}', F: '014', G: true}",
        "environment: [A=1, B=two=2, C=, 'D=a b', A=3]",
        "environment: {A: '${NONE-x}', B: '${EMPTY-x}', C: '${TAG:+y}', D: '${EMPTY:+y}', E: '${EMPTY+y}', F: '${NONE:-${TAG:-z}}', G: '$$$TAG', H: '$ x$', I: 'a$1', J: '${TAG:-{x}}', K: '${NONE:-{x}}', L: '${TAG:-a}b}'}",
        "labels: [a=1, b.c=two]",
        "labels: {a: '1', $TAG: x}",
        "user: '1000:1000'",
        "stop_grace_period: 1m30s",
        "stop_grace_period: 1.5s",
        "stop_grace_period: 1d2h",
        "ports: ['80', '8000:81', '9000-9001:90-91/udp', '127.0.0.1:9100:9100', '[::1]:9200:9200/tcp']",
        "ports: [{target: 80, published: '8080'}, {target: 81, published: 8081, protocol: udp, mode: host}, {target: 82}]",
        "ports: [8083:83, '9300-9302:93-95']",
        "mem_limit: 512m\nmem_reservation: 64kb\ncpus: 0.5",
        "mem_limit: 1.5gb",
        "mem_limit: '1073741824'",
        "mem_limit: 100kib",
        "mem_limit: 2GiB\ncpus: '1.25'",
        "deploy: {replicas: 3, resources: {limits: {cpus: '0.25', memory: 100M}, reservations: {memory: 50M}}}",
        "scale: 2",
        "deploy: {replicas: $TAG}",
        "healthcheck: {test: [CMD, curl, -f, localhost], interval: 1m30s, timeout: 10s, retries: 5, start_period: 40s}",
        "healthcheck: {test: curl -f localhost || exit 1}",
        "healthcheck: {test: [CMD-SHELL, 'a b']}",
        "healthcheck: {test: [NONE]}",
        "healthcheck: {disable: true}",
        "volumes: ['/a:/x', '/b:/y', '/c:/x:ro']",
        "volumes: ['/a:/b', '/a:/c:ro', {type: tmpfs, target: /t}, {type: bind, source: /x, target: /y, read_only: true}]",
    ]
    .into_iter()
    .map(one)
    .collect();
    let merged: [&[&str]; 8] = [
        &[
            "services: {db: {image: 'db:1'}, job: {image: 'job:1'}, web: {image: 'web:1', depends_on: [db]}}",
            "services: {web: {depends_on: {job: {condition: service_completed_successfully}, db: {condition: service_started, restart: true}}}}",
        ],
        &[
            "services: {db: {image: 'db:1', healthcheck: {test: [CMD, ok], interval: 30s, timeout: 30s, retries: 3}}, web: {image: 'web:1', depends_on: {db: {condition: service_healthy}}}}",
        ],
        &[
            "services: {web: {image: 'web:1', command: [a, b], environment: {A: '1', B: '2'}, ports: ['80:80'], labels: {x: y}}}",
            "services: {web: {image: 'web:2', command: [c], environment: [B=3, C=4], ports: ['81:81', '80:80'], labels: [x=z, v=w]}}",
        ],
        &[
            "services: {web: {image: 'web:1', command: [a], entrypoint: [e], environment: {A: '1', B: '2'}, ports: ['80:80'], labels: {x: y}}}",
            "services: {web: {command: !reset null, environment: !override {C: '3'}, ports: !override ['90:90'], labels: {x: !reset null}}}",
        ],
        &[
            "services: {web: {image: 'web:1', volumes: ['/a:/x', '/b:/y'], healthcheck: {test: [CMD, a], retries: 3, interval: 30s, timeout: 30s}}}",
            "services: {web: {volumes: ['/c:/x:ro', '/d:/z'], healthcheck: {test: [CMD, b, c]}}}",
        ],
        &[
            "x-env: &env {A: '1', B: '2'}\nservices: {web: {image: 'web:1', environment: {<<: *env, B: '3'}}, two: {image: 'two:1', environment: *env}}",
        ],
        &[
            "services: {web: {image: 'web:1', networks: [front, back]}, db: {image: 'db:1', networks: {back: {}}}}\nnetworks: {front: {}, back: {}}",
        ],
        &[
            "services: {web: {image: 'web:1', volumes: ['data:/data', {type: volume, source: data, target: /more, read_only: true}]}}\nvolumes: {data: {}}",
            "services: {web: {scale: 4}}",
        ],
    ];
    cases.extend(merged.iter().map(|files| files.iter().map(|file| (*file).to_owned()).collect()));
    cases
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

/// compose-go as a program, built once.
fn program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compose-go");
        // Where Go is installed by hand it is on nobody's path.
        let path = format!("{}:/usr/local/go/bin", std::env::var("PATH").unwrap_or_default());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compose-go/build.sh");
        let build = Command::new(script).arg(&program).env("PATH", path).output().unwrap();
        assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
        program
    })
}

/// What compose-go makes of cases.
fn compose_go(cases: &[Vec<String>]) -> Vec<Value> {
    let mut child = Command::new(program()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(json!(cases).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What we make of a case: the manifest, which must be right but for rules that Compose does not have.
fn ours(files: &[String]) -> Result<Manifest, String> {
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let values: BTreeMap<String, String> = [("TAG", "7"), ("EMPTY", "")].map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let imported = import(&files, &values).map_err(|(_, problems)| format!("{:?}", problems.list()))?;
    let text = json_of(&imported.manifest).to_string();
    let file = File::read(&text, Notation::Json).map_err(|problems| format!("{:?} in {text}", problems.list()))?;
    Ok(file.manifest())
}

fn json_of(node: &Node) -> Value {
    match &node.value {
        NodeValue::Null => Value::Null,
        NodeValue::Bool(value) => (*value).into(),
        NodeValue::Number(number) => serde_json::from_str(number).unwrap(),
        NodeValue::Text(text) => text.as_str().into(),
        NodeValue::List(items) => items.iter().map(json_of).collect(),
        NodeValue::Map(members) => Value::Object(members.iter().map(|member| (member.name.clone(), json_of(&member.node))).collect()),
    }
}

/// A service as the Go program prints it. Where a Compose file says nothing, the defaults of ours are left out.
fn shown(service: &Service) -> Value {
    let context = &service.context;
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap();
    let texts = |texts: &[String]| if texts.is_empty() { Value::Null } else { json!(texts) };
    let ports: Vec<Value> = service
        .ports
        .iter()
        .map(|port| json!({"target": port.target, "published": port.published.unwrap_or(0), "protocol": port.protocol.as_str()}))
        .collect();
    let mounts: Vec<Value> = context
        .mounts
        .iter()
        .map(|mount| {
            let (kind, source) = match &mount.source {
                Storage::Volume(name) => ("volume", name.as_str()),
                Storage::Host(path) => ("bind", path.as_str()),
                Storage::Memory => ("tmpfs", ""),
            };
            json!({"type": kind, "source": source, "target": mount.target, "read_only": mount.read_only})
        })
        .collect();
    let condition = |condition: Condition| match condition {
        Condition::Started => "service_started",
        Condition::Healthy => "service_healthy",
        Condition::Completed => "service_completed_successfully",
    };
    let needs: BTreeMap<&str, String> = service
        .depends_on
        .iter()
        .map(|other| (other.service.as_str(), format!("{} {}", condition(other.condition), other.restart)))
        .collect();
    let mut networks = context.networks.clone();
    networks.sort();
    json!({
        "image": context.image, "entrypoint": texts(&context.entrypoint), "command": texts(&context.command), "environment": context.environment,
        "labels": if service.labels.is_empty() { Value::Null } else { json!(service.labels) },
        "user": context.user.clone().unwrap_or_default(), "grace": nanos(context.stop_grace), "ports": list(ports), "mounts": list(mounts),
        "networks": texts(&networks), "depends_on": needs, "health": service.health.as_ref().map_or(Value::Null, health),
        "memory": context.resources.memory.unwrap_or(0), "reserved": context.resources.memory_reserved.unwrap_or(0),
        "milli": context.resources.milli_processors.unwrap_or(0), "replicas": service.replicas,
    })
}

fn list(items: Vec<Value>) -> Value {
    if items.is_empty() { Value::Null } else { Value::Array(items) }
}

fn health(health: &Health) -> Value {
    let Probe::Command(words) = &health.probe else { return Value::Null };
    let test = match words.as_slice() {
        [shell, option, line] if shell == "/bin/sh" && option == "-c" => json!(["CMD-SHELL", line]),
        words => [vec!["CMD".to_owned()], words.to_vec()].concat().into(),
    };
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap();
    json!({
        "test": test, "interval": nanos(health.interval), "timeout": nanos(health.timeout), "start_period": nanos(health.start_period),
        "retries": health.retries,
    })
}

/// Puts the defaults in place that a Compose file leaves to Docker, and that an import writes out.
fn with_defaults(mut theirs: Value) -> Value {
    if theirs["grace"] == 0 {
        theirs["grace"] = 10_000_000_000_u64.into();
    }
    if let Some(health) = theirs["health"].as_object_mut() {
        for (name, default) in [("interval", 30_000_000_000_u64), ("timeout", 30_000_000_000), ("start_period", 0), ("retries", 3)] {
            health.entry(name).or_insert(default.into());
        }
    }
    for empty in ["labels", "entrypoint", "command"] {
        if theirs[empty].as_array().is_some_and(Vec::is_empty) || theirs[empty].as_object().is_some_and(serde_json::Map::is_empty) {
            theirs[empty] = Value::Null;
        }
    }
    theirs
}

#[test]
fn what_is_taken_over_is_what_compose_reads() {
    let cases = cases();
    let mut differences = Vec::new();
    for (files, theirs) in cases.iter().zip(compose_go(&cases)) {
        assert!(theirs["error"].is_null(), "{files:?}: {theirs}");
        let ours = match ours(files) {
            Ok(manifest) => manifest,
            Err(error) => {
                differences.push(format!("{files:?}: {error}"));
                continue;
            }
        };
        for service in &ours.services {
            let (ours, theirs) = (shown(service), with_defaults(theirs["services"][&service.name].clone()));
            for (field, value) in ours.as_object().unwrap() {
                if theirs[field] != *value {
                    differences.push(format!("{files:?}\n  {field}: {value}, and Compose says {}", theirs[field]));
                }
            }
        }
        assert_eq!(ours.services.len(), theirs["services"].as_object().unwrap().len(), "{files:?}");
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn what_compose_refuses_is_refused_or_named() {
    let cases: Vec<Vec<String>> = [
        "image: '${NONE:?must be set}'",
        "image: '${TAG'",
        "image: '${TAG!x}'",
        "image: '${}'",
        "image: a:1\n    ports: ['x:80']",
        "image: a:1\n    ports: ['80-81:1-3']",
        "image: a:1\n    stop_grace_period: 90",
        "image: a:1\n    mem_limit: much",
        "image: a:1\n    healthcheck: {test: [WHAT, x]}",
        "image: a:1\n    image: b:1",
        "image: a:1\n    depends_on: [nobody]",
        "image: a:1\n    networks: [nowhere]",
        "image: a:1\n    volumes: ['nothing:/x']",
    ]
    .map(|fields| vec![format!("services:\n  web:\n    {fields}\n")])
    .to_vec();
    for (files, theirs) in cases.iter().zip(compose_go(&cases)) {
        assert!(theirs["error"].is_string(), "{files:?}: {theirs}");
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let named = match import(&files, &BTreeMap::from([("TAG".to_owned(), "7".to_owned())])) {
            Err(_) => true,
            Ok(imported) => {
                let refused = File::read(&json_of(&imported.manifest).to_string(), Notation::Json).is_err();
                refused || imported.notes.iter().any(|note| note.path.starts_with("services.web.") && !note.message.is_empty())
            }
        };
        assert!(named, "{files:?}");
    }
}
