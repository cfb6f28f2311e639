//! The rules on made-up containers, and on real ones that lack one setting each.

use bollard::models::{ContainerConfig, ContainerCreateBody, HostConfigLogConfig, MountPoint};
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use serde_json::Value;

use super::*;
use crate::backend::Order;
use crate::backend::docker::spec;
use crate::instance::random;
use crate::pool::Envelope;

fn broken(name: &str, break_it: impl FnOnce(&mut ContainerInspectResponse)) {
    let mut container = sound();
    assert!(complies(&judge(&container, &expected())), "{:?}", judge(&container, &expected()));
    break_it(&mut container);
    let broken: Vec<_> = judge(&container, &expected()).into_iter().filter(|check| check.verdict == Verdict::Bad).collect();
    assert!(broken.iter().any(|check| check.name.contains(name)), "{name}: {broken:?}");
}

fn expected() -> Expected {
    Expected { uids: UidRange::default(), has_apparmor: false, apparmor: None }
}

fn host(change: impl FnOnce(&mut HostConfig)) -> impl FnOnce(&mut ContainerInspectResponse) {
    move |container| change(container.host_config.as_mut().expect("it has one"))
}

fn sound() -> ContainerInspectResponse {
    let mount = |destination: &str| MountPoint {
        typ: Some("bind".to_owned()),
        destination: Some(destination.to_owned()),
        rw: Some(false),
        propagation: Some("rprivate".to_owned()),
        ..MountPoint::default()
    };
    ContainerInspectResponse {
        path: Some("/zona-agent".to_owned()),
        image: Some("sha256:00".to_owned()),
        config: Some(ContainerConfig {
            user: Some("200001:200001".to_owned()),
            network_disabled: Some(true),
            ..ContainerConfig::default()
        }),
        mounts: Some(OWN_MOUNTS.map(mount).to_vec()),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            ipc_mode: Some("none".to_owned()),
            privileged: Some(false),
            cap_drop: Some(vec!["ALL".to_owned()]),
            security_opt: Some(vec!["no-new-privileges:true".to_owned(), "seccomp={SCMP_ACT_ERRNO}".to_owned()]),
            readonly_rootfs: Some(true),
            memory: Some(1),
            memory_swap: Some(1),
            cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
            oom_score_adj: Some(1),
            auto_remove: Some(true),
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            pids_limit: Some(1),
            cpu_shares: Some(1),
            masked_paths: Some(vec!["/proc/kcore".to_owned()]),
            readonly_paths: Some(vec!["/proc/sys".to_owned()]),
            ..HostConfig::default()
        }),
        ..ContainerInspectResponse::default()
    }
}

#[test]
fn each_rule_notices_what_it_is_about() {
    broken("k8s: not privileged", host(|host| host.privileged = Some(true)));
    broken("k8s: no host namespaces", host(|host| host.pid_mode = Some("host".to_owned())));
    broken("k8s: capabilities", host(|host| host.cap_add = Some(vec!["SYS_ADMIN".to_owned()])));
    broken("k8s: default proc", host(|host| host.masked_paths = Some(Vec::new())));
    broken("k8s: seccomp", host(|host| host.security_opt = Some(vec!["seccomp=unconfined".to_owned()])));
    broken("k8s: no privilege escalation", host(|host| host.security_opt = Some(Vec::new())));
    broken("k8s: runs as non-root", |container| container.config = None);
    broken("cis 5.1:", host(|host| host.security_opt = Some(vec!["apparmor=unconfined".to_owned()])));
    broken("cis 5.9:", host(|host| host.network_mode = Some("bridge".to_owned())));
    broken("cis 5.10:", host(|host| host.memory = Some(0)));
    broken("cis 5.11:", host(|host| host.cpu_shares = None));
    broken("cis 5.12:", host(|host| host.readonly_rootfs = Some(false)));
    broken("cis 5.16:", host(|host| host.ipc_mode = Some("shareable".to_owned())));
    broken("cis 5.28:", host(|host| host.pids_limit = None));
    broken("cis 5.30:", host(|host| host.userns_mode = Some("host".to_owned())));
    let socket = |container: &mut ContainerInspectResponse| {
        let mount = MountPoint { destination: Some("/var/run/docker.sock".to_owned()), rw: Some(true), ..MountPoint::default() };
        container.mounts.as_mut().expect("it has some").push(mount);
    };
    broken("cis 5.5:", socket);
    broken("cis 5.31:", socket);
}

#[test]
fn a_configured_profile_must_be_there_and_says_where_it_has_no_effect() {
    let verdict = |asked: Option<&str>, given: &str, has_apparmor| {
        let mut container = sound();
        container.app_armor_profile = Some(given.to_owned());
        let options = container.host_config.as_mut().unwrap().security_opt.as_mut().unwrap();
        options.extend(asked.map(|profile| format!("apparmor={profile}")));
        let expected = Expected { has_apparmor, apparmor: Some("zona-sandbox".to_owned()), ..expected() };
        judge(&container, &expected).into_iter().find(|check| check.name.starts_with("cis 5.1:")).unwrap().verdict
    };
    assert_eq!(verdict(Some("zona-sandbox"), "zona-sandbox", true), Verdict::Good);
    assert_eq!(verdict(Some("zona-sandbox"), "", false), Verdict::Limited);
    assert_eq!(verdict(Some("zona-sandbox"), "docker-default", true), Verdict::Bad);
    assert_eq!(verdict(None, "docker-default", true), Verdict::Bad);
    assert_eq!(verdict(Some("unconfined"), "unconfined", true), Verdict::Bad);
}

// --- every setting, left out ---

/// Settings whose absence no rule misses, and why none need to.
const NOT_MISSED: &[(&str, &str)] = &[
    ("/Cmd", "is empty"),
    ("/Entrypoint/1", "an argument: the agent does not start without it"),
    ("/Entrypoint/2", "as /Entrypoint/1"),
    ("/Entrypoint/3", "as /Entrypoint/1"),
    ("/Hostname", "a name; children have one of their own"),
    ("/Labels/zona.installation", "by it a sweep finds the container"),
    ("/Labels/zona.instance", "as /Labels/zona.installation"),
    ("/Labels/zona.role", "as /Labels/zona.installation"),
    ("/WorkingDir", "the agent leaves it"),
    ("/HostConfig/Init", "the agent collects the dead itself"),
];
/// Settings that are replaced: the daemon's default, which depends on its version, may be as good.
const REPLACED: &[(&str, &str)] = &[
    ("/HostConfig/CgroupnsMode", "host"),
    ("/HostConfig/Mounts/0/BindOptions/Propagation", "rshared"),
    ("/HostConfig/Mounts/1/BindOptions/Propagation", "rshared"),
];

/// Pointers to every value in a JSON document that holds no others.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().for_each(|(name, value)| leaves(value, &format!("{path}/{name}"), found))
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(index, value)| leaves(value, &format!("{path}/{index}"), found))
        }
        _ => found.push(path.to_owned()),
    }
}

/// The document with one value worse: the opposite of what is said, or nothing said.
fn without(body: &Value, leaf: &str) -> Value {
    let mut body = body.clone();
    let replaced = REPLACED.iter().find(|(path, _)| *path == leaf).map(|(_, worse)| Value::from(*worse));
    let value = body.pointer_mut(leaf).unwrap();
    match (replaced, value.as_bool()) {
        (Some(worse), _) => *value = worse,
        (None, Some(said)) => *value = Value::from(!said),
        (None, None) => {
            let (parent, last) = leaf.rsplit_once('/').unwrap();
            match body.pointer_mut(parent).unwrap() {
                Value::Object(fields) => drop(fields.remove(last)),
                Value::Array(items) => drop(items.remove(last.parse().unwrap())),
                other => panic!("{parent} is no parent: {other}"),
            }
        }
    }
    body
}

/// Rules that a container made so breaks; or the daemon's words, when it makes none.
async fn judged_by_the_daemon(client: &Client, body: &Value, expected: &Expected) -> Vec<String> {
    let name = format!("zona-spec-{:016x}", random().unwrap());
    let body: ContainerCreateBody = match serde_json::from_value(body.clone()) {
        Ok(body) => body,
        Err(error) => return vec![format!("no specification: {error}")],
    };
    let options = CreateContainerOptionsBuilder::default().name(&name).build();
    let created = client.call("create container", async |docker| docker.create_container(Some(options), body).await).await;
    if let Err(error) = created {
        assert!(matches!(error, crate::backend::docker::CallError::Answered { .. }), "{error}");
        return vec![error.to_string()];
    }
    let inspected = inspect(client, &name).await.unwrap();
    let options = RemoveContainerOptionsBuilder::default().force(true).build();
    client.call("remove container", async |docker| docker.remove_container(&name, Some(options)).await).await.unwrap();
    judge(&inspected, expected).into_iter().filter(|check| check.verdict == Verdict::Bad).map(|check| check.name.to_owned()).collect()
}

#[tokio::test]
async fn every_setting_of_the_container_is_missed_when_it_is_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let agent = directory.path().join("agent");
    std::fs::write(&agent, "").unwrap();
    let order = Order {
        name: "zona-spec".to_owned(),
        agent,
        directory: directory.path().to_owned(),
        uid: 200_001,
        envelope: Envelope { memory: 256 << 20, processes: 40 },
        tmpfs: 1 << 20,
        restore: false,
    };
    let settings = Docker::default();
    let client = Client::new(&settings);
    let body = spec::container(&order, &settings.image, &settings, "spec", "spec");
    let body = serde_json::to_value(body).unwrap();
    let info = client.call("ask for its facts", async |docker| docker.info().await).await.unwrap();
    let expected = Expected { has_apparmor: has_apparmor(&info), ..expected() };
    assert_eq!(judged_by_the_daemon(&client, &body, &expected).await, Vec::<String>::new(), "as it is, it breaks no rule");

    let mut settings = Vec::new();
    leaves(&body, "", &mut settings);
    assert!(settings.len() > 30, "{settings:?}");
    let mut wrong = Vec::new();
    for setting in &settings {
        let missed = !judged_by_the_daemon(&client, &without(&body, setting), &expected).await.is_empty();
        let excused = NOT_MISSED.iter().any(|(path, _)| path == setting);
        if missed == excused {
            wrong.push(format!("{setting}: missed {missed}, excused {excused}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (path, _) in NOT_MISSED.iter().chain(REPLACED) {
        assert!(settings.iter().any(|setting| setting == path), "{path} is no setting any more");
    }
}
