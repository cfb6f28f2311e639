//! Looks at a real sandbox's container through the daemon and compares it with two published lists: the restricted profile of
//! Kubernetes' Pod Security Standards, and section 5 of the CIS Docker Benchmark (numbers of version 1.2.0).
//!
//! It judges what the daemon says it made, not what it was asked for. Rules that no fact of a container decides (health checks,
//! exec sessions, SELinux, Windows) are left out.

use std::collections::HashMap;

use bollard::models::{ContainerInspectResponse, HostConfig};
use bollard::query_parameters::{InspectContainerOptions, ListContainersOptionsBuilder};
use domain::sandbox::Sandbox as _;
use domain::utility::Isolation;

use super::{Check, Verdict, explain, trial};
use crate::backend::docker::Client;
use crate::backend::docker::spec::INSTANCE_LABEL;
use crate::config::{Backend, Config, Docker};
use crate::failure::chain;
use crate::service::Sandboxes;

/// What a container may bind from the host, read-only: the agent and its socket's directory.
const OWN_MOUNTS: [&str; 2] = ["/run/zona", "/zona-agent"];

/// Starts a sandbox and judges its container by every rule.
///
/// # Errors
/// Why there is no container to look at, in one sentence.
pub async fn inspect_container(base: &Config, settings: &Docker) -> Result<Vec<Check>, String> {
    let mut config = base.clone();
    config.backend = Backend::Docker(settings.clone());
    config.instance = format!("{}-di", base.instance);
    config.pool.unassigned = 0;
    let instance = config.instance.clone();
    let sandboxes = Sandboxes::open(config).await.map_err(|error| chain(&error))?;
    let inspected = match trial(Isolation::TenantWarm, &base.runtime) {
        Err(problem) => Err(problem),
        Ok(job) => match sandboxes.start(job).await {
            Err(error) => Err(explain(&error)),
            // Held until it is inspected: the container lives as long.
            Ok(_run) => inspect(&Client::new(settings), &instance).await,
        },
    };
    sandboxes.shutdown().await;
    inspected.map(|container| judge(&container))
}

async fn inspect(client: &Client, instance: &str) -> Result<ContainerInspectResponse, String> {
    let filter = HashMap::from([("label".to_owned(), vec![format!("{INSTANCE_LABEL}={instance}")])]);
    let options = ListContainersOptionsBuilder::default().filters(&filter).build();
    let listed = client.call("list containers", async |docker| docker.list_containers(Some(options)).await).await;
    let found = listed.map_err(|error| error.to_string())?.into_iter().find_map(|container| container.id);
    let id = found.ok_or("the sandbox has no container")?;
    let inspected = client.call("inspect container", async |docker| docker.inspect_container(&id, None::<InspectContainerOptions>).await);
    inspected.await.map_err(|error| error.to_string())
}

/// Every rule, judged.
fn judge(container: &ContainerInspectResponse) -> Vec<Check> {
    let host = container.host_config.clone().unwrap_or_default();
    [kubernetes(container, &host), cis(container, &host)].concat()
}

fn kubernetes(container: &ContainerInspectResponse, host: &HostConfig) -> Vec<Check> {
    let options = security_options(host);
    vec![
        rule("k8s: no host namespaces", shares_nothing(host), namespaces(host)),
        rule("k8s: not privileged", host.privileged == Some(false), format!("privileged {:?}", host.privileged)),
        rule("k8s: capabilities dropped", drops_everything(host), format!("drop {:?}, add {:?}", host.cap_drop, host.cap_add)),
        host_paths(container),
        rule("k8s: no host ports", host.port_bindings.as_ref().is_none_or(HashMap::is_empty), "none published"),
        app_armor("k8s: AppArmor", container, &options),
        rule("k8s: default proc mount", masks_proc(host), format!("{} masked paths", count(host.masked_paths.as_ref()))),
        rule("k8s: seccomp", confines(&options), "a profile of our own"),
        rule("k8s: no unsafe sysctls", host.sysctls.as_ref().is_none_or(HashMap::is_empty), "none set"),
        rule("k8s: no privilege escalation", forbids_privileges(&options), "no-new-privileges"),
        rule("k8s: runs as non-root", non_root(container), format!("user {}", user(container))),
    ]
}

fn cis(container: &ContainerInspectResponse, host: &HostConfig) -> Vec<Check> {
    let options = security_options(host);
    let no_ports = host.port_bindings.as_ref().is_none_or(HashMap::is_empty) && host.publish_all_ports != Some(true);
    vec![
        app_armor("cis 5.1: AppArmor profile", container, &options),
        rule("cis 5.3: capabilities restricted", drops_everything(host), "all dropped"),
        rule("cis 5.4: not privileged", host.privileged == Some(false), format!("privileged {:?}", host.privileged)),
        rule("cis 5.5: no sensitive host directories", own_mounts_only(container), mounts(container)),
        rule("cis 5.6: no sshd", is_agent(container), "process 1 is the agent"),
        rule("cis 5.7: no privileged ports", no_ports, "none published"),
        rule("cis 5.8: needed ports only", no_ports, "none published"),
        rule("cis 5.9: no host network", host.network_mode.as_deref() == Some("none"), format!("network {:?}", host.network_mode)),
        rule("cis 5.10: memory limited", host.memory.is_some_and(|bytes| bytes > 0), format!("{} bytes", host.memory.unwrap_or(0))),
        cpu(host),
        rule("cis 5.12: read-only root", host.readonly_rootfs == Some(true), format!("read-only {:?}", host.readonly_rootfs)),
        rule("cis 5.13: bound to one interface", no_ports, "none published"),
        rule("cis 5.14: no endless restarts", restarts_never(host), "no restart policy"),
        rule("cis 5.15: no host processes", !is_host(host.pid_mode.as_deref()), format!("pid {:?}", host.pid_mode)),
        rule("cis 5.16: no host IPC", host.ipc_mode.as_deref() == Some("none"), format!("ipc {:?}", host.ipc_mode)),
        rule("cis 5.17: no host devices", host.devices.as_ref().is_none_or(Vec::is_empty), "none"),
        rule("cis 5.19: mounts not shared", no_shared_mounts(container), mounts(container)),
        rule("cis 5.20: no host UTS", !is_host(host.uts_mode.as_deref()), format!("uts {:?}", host.uts_mode)),
        rule("cis 5.21: seccomp on", confines(&options), "a profile of our own"),
        rule("cis 5.24: cgroup confirmed", host.cgroup_parent.as_deref() != Some("/"), "the daemon's own parent"),
        rule("cis 5.25: no new privileges", forbids_privileges(&options), "no-new-privileges"),
        rule("cis 5.27: exact image", by_digest(container), format!("image {}", container.image.as_deref().unwrap_or("unknown"))),
        rule("cis 5.28: processes limited", host.pids_limit.is_some_and(|count| count > 0), format!("{:?} processes", host.pids_limit)),
        rule("cis 5.29: not on the default bridge", host.network_mode.as_deref() == Some("none"), "no network at all"),
        rule("cis 5.30: no host user namespace", !is_host(host.userns_mode.as_deref()), format!("userns {:?}", host.userns_mode)),
        rule("cis 5.31: no Docker socket", !mounts(container).contains("docker.sock"), mounts(container)),
    ]
}

// === facts ===

fn shares_nothing(host: &HostConfig) -> bool {
    [&host.network_mode, &host.pid_mode, &host.ipc_mode, &host.uts_mode].into_iter().all(|mode| !is_host(mode.as_deref()))
}

fn namespaces(host: &HostConfig) -> String {
    format!("network {:?}, pid {:?}, ipc {:?}, uts {:?}", host.network_mode, host.pid_mode, host.ipc_mode, host.uts_mode)
}

fn is_host(mode: Option<&str>) -> bool {
    mode == Some("host")
}

fn drops_everything(host: &HostConfig) -> bool {
    let drops = host.cap_drop.iter().flatten().any(|name| name == "ALL");
    drops && host.cap_add.as_ref().is_none_or(Vec::is_empty)
}

fn security_options(host: &HostConfig) -> Vec<String> {
    host.security_opt.clone().unwrap_or_default()
}

fn confines(options: &[String]) -> bool {
    let profile = options.iter().find_map(|option| option.strip_prefix("seccomp="));
    profile.is_some_and(|profile| profile != "unconfined" && profile.contains("SCMP_ACT_ERRNO"))
}

fn forbids_privileges(options: &[String]) -> bool {
    options.iter().any(|option| matches!(option.as_str(), "no-new-privileges" | "no-new-privileges:true" | "no-new-privileges=true"))
}

/// Whether the daemon hides what `/proc` should not show; `systempaths=unconfined` empties the list.
fn masks_proc(host: &HostConfig) -> bool {
    host.masked_paths.iter().flatten().any(|path| path == "/proc/kcore") && count(host.readonly_paths.as_ref()) > 0
}

fn user(container: &ContainerInspectResponse) -> String {
    container.config.as_ref().and_then(|config| config.user.clone()).unwrap_or_default()
}

fn non_root(container: &ContainerInspectResponse) -> bool {
    let user = user(container);
    let ids: Vec<Option<u32>> = user.split(':').map(|id| id.parse().ok()).collect();
    ids.len() == 2 && ids.iter().all(|id| id.is_some_and(|id| id > 0))
}

fn is_agent(container: &ContainerInspectResponse) -> bool {
    container.path.as_deref() == Some("/zona-agent")
}

fn by_digest(container: &ContainerInspectResponse) -> bool {
    container.image.as_deref().is_some_and(|image| image.starts_with("sha256:"))
}

fn restarts_never(host: &HostConfig) -> bool {
    let name = host.restart_policy.as_ref().and_then(|policy| policy.name);
    name.is_none_or(|name| matches!(name.to_string().as_str(), "" | "no"))
}

fn mounts(container: &ContainerInspectResponse) -> String {
    let mounts = container.mounts.iter().flatten();
    let text: Vec<_> = mounts
        .map(|mount| {
            let mode = if mount.rw == Some(false) { "read-only" } else { "writable" };
            format!("{} {mode} {}", mount.destination.as_deref().unwrap_or("?"), mount.propagation.as_deref().unwrap_or(""))
        })
        .collect();
    text.join(", ")
}

fn own_mounts_only(container: &ContainerInspectResponse) -> bool {
    container
        .mounts
        .iter()
        .flatten()
        .all(|mount| mount.rw == Some(false) && mount.destination.as_deref().is_some_and(|destination| OWN_MOUNTS.contains(&destination)))
}

fn no_shared_mounts(container: &ContainerInspectResponse) -> bool {
    container.mounts.iter().flatten().all(|mount| !mount.propagation.as_deref().unwrap_or("").contains("shared"))
}

fn count(list: Option<&Vec<String>>) -> usize {
    list.map_or(0, Vec::len)
}

// === rules with an exception ===

/// The restricted profile knows no host path at all. Ours are two, read-only, made by the server for this container alone.
fn host_paths(container: &ContainerInspectResponse) -> Check {
    const NAME: &str = "k8s: no host paths";
    let binds = container.mounts.iter().flatten().filter(|mount| mount.typ.as_deref() == Some("bind")).count();
    match (binds, own_mounts_only(container)) {
        (0, _) => Check::good(NAME, "none"),
        (_, true) => Check::limited(NAME, mounts(container), "an exception: the agent and its socket, read-only, made for this container"),
        (_, false) => bad(NAME, mounts(container)),
    }
}

fn app_armor(name: &'static str, container: &ContainerInspectResponse, options: &[String]) -> Check {
    if options.iter().any(|option| option == "apparmor=unconfined") {
        return bad(name, "unconfined");
    }
    match container.app_armor_profile.as_deref() {
        None | Some("") => {
            Check::limited(name, "this host has no AppArmor", "where it is there, containers get the daemon's default profile")
        }
        Some(profile) => Check::good(name, profile),
    }
}

/// What bounds CPU is the limit of each process; between containers the kernel shares equally.
fn cpu(host: &HostConfig) -> Check {
    const NAME: &str = "cis 5.11: CPU priority set";
    let weighted = host.cpu_shares.is_some_and(|shares| shares > 0) || host.nano_cpus.is_some_and(|cpus| cpus > 0);
    match weighted {
        true => Check::good(NAME, format!("shares {:?}, nanocpus {:?}", host.cpu_shares, host.nano_cpus)),
        false => Check::limited(NAME, "the default weight", "an exception: CPU time is limited per execution, by the kernel"),
    }
}

fn rule(name: &'static str, holds: bool, found: impl Into<String>) -> Check {
    if holds { Check::good(name, found) } else { bad(name, found) }
}

fn bad(name: &'static str, found: impl Into<String>) -> Check {
    Check::bad(name, found, "the daemon made another container than was asked for: check its configuration and plugins")
}

/// Whether no rule is broken; exceptions are not.
pub fn complies(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.verdict != Verdict::Bad)
}

#[cfg(test)]
mod tests {
    use bollard::models::{ContainerConfig, MountPoint};

    use super::*;

    fn broken(name: &str, break_it: impl FnOnce(&mut ContainerInspectResponse)) {
        let mut container = sound();
        assert!(complies(&judge(&container)), "{:?}", judge(&container));
        break_it(&mut container);
        let broken: Vec<_> = judge(&container).into_iter().filter(|check| check.verdict == Verdict::Bad).collect();
        assert!(broken.iter().any(|check| check.name.contains(name)), "{name}: {broken:?}");
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
            config: Some(ContainerConfig { user: Some("200001:200001".to_owned()), ..ContainerConfig::default() }),
            mounts: Some(OWN_MOUNTS.map(mount).to_vec()),
            host_config: Some(HostConfig {
                network_mode: Some("none".to_owned()),
                ipc_mode: Some("none".to_owned()),
                privileged: Some(false),
                cap_drop: Some(vec!["ALL".to_owned()]),
                security_opt: Some(vec!["no-new-privileges:true".to_owned(), "seccomp={SCMP_ACT_ERRNO}".to_owned()]),
                readonly_rootfs: Some(true),
                memory: Some(1),
                pids_limit: Some(1),
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
}
