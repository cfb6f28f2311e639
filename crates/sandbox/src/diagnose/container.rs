//! Looks at a real sandbox's container through the daemon and compares it with two published lists, the restricted profile of
//! Kubernetes' Pod Security Standards and section 5 of the CIS Docker Benchmark (numbers of version 1.2.0), and with what we ask for
//! beyond both.
//!
//! It judges what the daemon says it made, not what it was asked for. Rules that no fact of a container decides (health checks,
//! exec sessions, SELinux, Windows) are left out.

use std::collections::HashMap;

use bollard::models::{ContainerInspectResponse, HostConfig, HostConfigCgroupnsModeEnum, SystemInfo};
use bollard::query_parameters::{InspectContainerOptions, ListContainersOptionsBuilder};
use domain::sandbox::Sandbox as _;
use futures_util::future::BoxFuture;
use sandbox_protocol::{STREAM_NAMES, STREAMS_DIRECTORY};

use super::{Check, Verdict, trial};
use crate::backend::docker::Client;
use crate::backend::docker::spec::INSTANCE_LABEL;
use crate::config::{Backend, Config, Docker, UidRange};
use crate::failure::chain;
use crate::service::Sandboxes;

/// What the configuration and the daemon's host let expect.
struct Expected {
    /// Users of sandboxes.
    uids: UidRange,
    /// Whether the host enforces AppArmor profiles.
    has_apparmor: bool,
    /// The configured AppArmor profile; `None` is the daemon's default.
    apparmor: Option<String>,
}

/// What a container may bind from the host, read-only: the agent and its socket's directory.
const OWN_MOUNTS: [&str; 2] = ["/run/zona", "/zona-agent"];

/// Starts a sandbox and judges its container by every rule.
///
/// # Errors
/// Why there is no container to look at, in one sentence.
pub fn inspect_container<'a>(base: &'a Config, settings: &'a Docker) -> BoxFuture<'a, Result<Vec<Check>, String>> {
    Box::pin(start_and_judge(base, settings))
}

async fn start_and_judge(base: &Config, settings: &Docker) -> Result<Vec<Check>, String> {
    let mut config = base.clone();
    config.backend = Backend::Docker(settings.clone());
    config.instance = format!("{}-di", base.instance);
    config.pool.unassigned = 0;
    let instance = config.instance.clone();
    let sandboxes = Sandboxes::open(config).await.map_err(|error| chain(&error))?;
    let inspected = match trial(sandboxes.first_tier(), &base.runtime) {
        Err(problem) => Err(problem),
        Ok(job) => match sandboxes.start(job).await {
            Err(error) => Err(error.cause()),
            // Held until it is inspected: the container lives as long.
            Ok(_run) => look(&Client::new(settings), settings, base.uids.clone(), &instance).await,
        },
    };
    sandboxes.shutdown().await;
    inspected
}

async fn look(client: &Client, settings: &Docker, uids: UidRange, instance: &str) -> Result<Vec<Check>, String> {
    let info = client.call("ask for its facts", async |docker| docker.info().await).await.map_err(|error| error.to_string())?;
    let expected = Expected { uids, has_apparmor: has_apparmor(&info), apparmor: settings.apparmor.clone() };
    let id = find(client, instance).await?;
    Ok(judge(&inspect(client, &id).await?, &expected))
}

async fn find(client: &Client, instance: &str) -> Result<String, String> {
    let filter = HashMap::from([("label".to_owned(), vec![format!("{INSTANCE_LABEL}={instance}")])]);
    let options = ListContainersOptionsBuilder::default().filters(&filter).build();
    let listed = client.call("list containers", async |docker| docker.list_containers(Some(options)).await).await;
    let found = listed.map_err(|error| error.to_string())?.into_iter().find_map(|container| container.id);
    found.ok_or_else(|| "the sandbox has no container".to_owned())
}

async fn inspect(client: &Client, id: &str) -> Result<ContainerInspectResponse, String> {
    let inspected = client.call("inspect container", async |docker| docker.inspect_container(id, None::<InspectContainerOptions>).await);
    inspected.await.map_err(|error| error.to_string())
}

/// Whether the daemon's host enforces AppArmor profiles.
pub(super) fn has_apparmor(info: &SystemInfo) -> bool {
    info.security_options.iter().flatten().any(|option| option == "name=apparmor")
}

/// Every rule, judged.
fn judge(container: &ContainerInspectResponse, expected: &Expected) -> Vec<Check> {
    let host = container.host_config.clone().unwrap_or_default();
    [kubernetes(container, &host, expected), cis(container, &host, expected), own(container, &host, expected)].concat()
}

fn kubernetes(container: &ContainerInspectResponse, host: &HostConfig, expected: &Expected) -> Vec<Check> {
    let options = security_options(host);
    vec![
        rule("k8s: no host namespaces", shares_nothing(host), namespaces(host)),
        rule("k8s: not privileged", host.privileged == Some(false), format!("privileged {:?}", host.privileged)),
        rule("k8s: capabilities dropped", drops_everything(host), format!("drop {:?}, add {:?}", host.cap_drop, host.cap_add)),
        host_paths(container),
        rule("k8s: no host ports", host.port_bindings.as_ref().is_none_or(HashMap::is_empty), "none published"),
        app_armor("k8s: AppArmor", container, &options, expected),
        rule("k8s: default proc mount", masks_proc(host), format!("{} masked paths", count(host.masked_paths.as_ref()))),
        rule("k8s: seccomp", confines(&options), "a profile of our own"),
        rule("k8s: no unsafe sysctls", host.sysctls.as_ref().is_none_or(HashMap::is_empty), "none set"),
        rule("k8s: no privilege escalation", forbids_privileges(&options), "no-new-privileges"),
        rule("k8s: runs as non-root", non_root(container), format!("user {}", user(container))),
    ]
}

fn cis(container: &ContainerInspectResponse, host: &HostConfig, expected: &Expected) -> Vec<Check> {
    let options = security_options(host);
    let no_ports = host.port_bindings.as_ref().is_none_or(HashMap::is_empty) && host.publish_all_ports != Some(true);
    vec![
        app_armor("cis 5.1: AppArmor profile", container, &options, expected),
        rule("cis 5.3: capabilities restricted", drops_everything(host), "all dropped"),
        rule("cis 5.4: not privileged", host.privileged == Some(false), format!("privileged {:?}", host.privileged)),
        rule("cis 5.5: no sensitive host directories", own_mounts_only(container), mounts(container)),
        rule("cis 5.6: no sshd", is_agent(container), "process 1 is the agent"),
        rule("cis 5.7: no privileged ports", no_ports, "none published"),
        rule("cis 5.8: needed ports only", no_ports, "none published"),
        rule("cis 5.9: no host network", host.network_mode.as_deref() == Some("none"), format!("network {:?}", host.network_mode)),
        rule("cis 5.10: memory limited", host.memory.is_some_and(|bytes| bytes > 0), format!("{} bytes", host.memory.unwrap_or(0))),
        rule("cis 5.11: CPU priority set", host.cpu_shares.is_some_and(|shares| shares > 0), format!("{:?} shares", host.cpu_shares)),
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

/// What neither list asks for.
fn own(container: &ContainerInspectResponse, host: &HostConfig, expected: &Expected) -> Vec<Check> {
    let own_cgroups = host.cgroupns_mode == Some(HostConfigCgroupnsModeEnum::PRIVATE);
    let oom_score = host.oom_score_adj.unwrap_or(0);
    vec![
        rule("zona: a user of its own", is_leased(container, expected), format!("user {}", user(container))),
        rule("zona: network left out", disables_network(container), "not even set up"),
        rule("zona: cgroup namespace", own_cgroups, format!("cgroup namespace {:?}", host.cgroupns_mode)),
        rule("zona: no swap", host.memory_swap == host.memory, format!("{:?} bytes of memory and swap", host.memory_swap)),
        rule("zona: killed before the server", oom_score > 0, format!("OOM score {oom_score}")),
        rule("zona: output is not logged", log_driver(host) == Some("none"), format!("log driver {:?}", log_driver(host))),
        rule("zona: no terminal, no input", is_closed(container), "none attached"),
        rule("zona: removed with its end", host.auto_remove == Some(true), format!("removed {:?}", host.auto_remove)),
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

/// One of the configured users, which no other sandbox has.
fn is_leased(container: &ContainerInspectResponse, expected: &Expected) -> bool {
    let user = user(container);
    user.split_once(':').is_some_and(|(uid, gid)| uid == gid && uid.parse().is_ok_and(|uid| expected.uids.contains(uid)))
}

fn disables_network(container: &ContainerInspectResponse) -> bool {
    container.config.as_ref().is_some_and(|config| config.network_disabled == Some(true))
}

fn log_driver(host: &HostConfig) -> Option<&str> {
    host.log_config.as_ref()?.typ.as_deref()
}

fn is_closed(container: &ContainerInspectResponse) -> bool {
    let config = container.config.clone().unwrap_or_default();
    [config.tty, config.open_stdin, config.attach_stdin, config.attach_stdout, config.attach_stderr]
        .into_iter()
        .all(|open| open != Some(true))
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
    container.mounts.iter().flatten().all(|mount| {
        mount.destination.as_deref().is_some_and(|place| mount.rw == Some(false) && OWN_MOUNTS.contains(&place) || is_stream(place))
    })
}

/// A pipe of the one child of gVisor's container, mounted by itself.
fn is_stream(place: &str) -> bool {
    let name = place.strip_prefix(STREAMS_DIRECTORY).and_then(|rest| rest.strip_prefix('/'));
    name.is_some_and(|name| STREAM_NAMES.contains(&name))
}

fn no_shared_mounts(container: &ContainerInspectResponse) -> bool {
    container.mounts.iter().flatten().all(|mount| !mount.propagation.as_deref().unwrap_or("").contains("shared"))
}

fn count(list: Option<&Vec<String>>) -> usize {
    list.map_or(0, Vec::len)
}

// === rules with an exception ===

/// The restricted profile knows no host path at all. Ours are two, read-only, and with gVisor four pipes, made by the server for this
/// container alone.
fn host_paths(container: &ContainerInspectResponse) -> Check {
    const NAME: &str = "k8s: no host paths";
    let binds = container.mounts.iter().flatten().filter(|mount| mount.typ.as_deref() == Some("bind")).count();
    match (binds, own_mounts_only(container)) {
        (0, _) => Check::good(NAME, "none"),
        (_, true) => Check::limited(NAME, mounts(container), "an exception: the agent and its socket, read-only, made for this container"),
        (_, false) => bad(NAME, mounts(container)),
    }
}

fn app_armor(name: &'static str, container: &ContainerInspectResponse, options: &[String], expected: &Expected) -> Check {
    let asked = options.iter().find_map(|option| option.strip_prefix("apparmor="));
    let given = container.app_armor_profile.as_deref().filter(|profile| !profile.is_empty());
    match (asked, given) {
        (Some("unconfined"), _) | (_, Some("unconfined")) => bad(name, "unconfined"),
        (asked, _) if asked != expected.apparmor.as_deref() => {
            bad(name, format!("asked for {asked:?}, configured {:?}", expected.apparmor))
        }
        (Some(asked), _) if !expected.has_apparmor => Check::limited(
            name,
            format!("{asked}, without effect: this host has no AppArmor"),
            "take sandbox.apparmor out of the configuration",
        ),
        (Some(asked), given) if given != Some(asked) => bad(name, format!("asked for {asked}, got {given:?}")),
        (None, _) if !expected.has_apparmor => {
            Check::limited(name, "this host has no AppArmor", "where it is there, containers get the daemon's default profile")
        }
        (_, given) => Check::good(name, given.unwrap_or("the daemon's default")),
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
mod tests;
