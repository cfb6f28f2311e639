//! The container of a sandbox, as the daemon is told: everything off that is not needed.
//!
//! It deliberately holds no choice of the operator but image, AppArmor profile and limits. Every setting is missed by a rule of
//! `diagnose::container`, or says in the test there why it need not be.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigCgroupnsModeEnum, HostConfigLogConfig, Mount, MountBindOptions,
    MountBindOptionsPropagationEnum, MountType,
};
use sandbox_protocol::call_policy::{OUTER, OUTER_FOLLOWING, docker_profile_json};
use sandbox_protocol::{STREAM_NAMES, STREAMS_DIRECTORY};

use crate::backend::Order;
use crate::backend::cgroup::SHARES;
use crate::config::{ContainerRuntime, Docker};

/// Names the installation that a container belongs to.
pub(crate) const INSTALLATION_LABEL: &str = "zona.installation";
/// Names the server process that a container belongs to.
pub(crate) const INSTANCE_LABEL: &str = "zona.instance";
/// Says what a container is for.
pub(crate) const ROLE_LABEL: &str = "zona.role";

const AGENT: &str = "/zona-agent";
const SOCKET_DIRECTORY: &str = "/run/zona";
/// What gVisor's kernel and the process that opens its files need beside the program.
const GVISOR_MEMORY: u64 = 64 << 20;
/// Their threads: the program has none of its own. Too few, and the kernel ends with its program.
const GVISOR_PROCESSES: u64 = 256;
/// When the host runs out of memory, sandboxes go before the server.
const OOM_SCORE: i64 = 500;

/// The body of the create call.
pub(crate) fn container(order: &Order, image: &str, settings: &Docker, installation: &str, instance: &str) -> ContainerCreateBody {
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let labels = [label(INSTALLATION_LABEL, installation), label(INSTANCE_LABEL, instance), label(ROLE_LABEL, "sandbox")];
    ContainerCreateBody {
        image: Some(image.to_owned()),
        user: Some(format!("{0}:{0}", order.uid)),
        entrypoint: Some([AGENT, mode(settings.runtime), "--socket", "/run/zona/s"].map(str::to_owned).to_vec()),
        cmd: Some(Vec::new()),
        working_dir: Some("/".to_owned()),
        hostname: Some("zona".to_owned()),
        // Halves the time of a start, and the container has an empty network namespace of its own all the same.
        network_disabled: Some(true),
        attach_stdin: Some(false),
        attach_stdout: Some(false),
        attach_stderr: Some(false),
        open_stdin: Some(false),
        tty: Some(false),
        labels: Some(HashMap::from(labels)),
        host_config: Some(host(order, settings)),
        ..ContainerCreateBody::default()
    }
}

/// How the agent is told where it is.
const fn mode(runtime: ContainerRuntime) -> &'static str {
    match runtime {
        ContainerRuntime::Default => "docker",
        ContainerRuntime::Runsc => "gvisor",
    }
}

fn host(order: &Order, settings: &Docker) -> HostConfig {
    let (more_memory, more_processes) = match settings.runtime {
        ContainerRuntime::Default => (0, 0),
        ContainerRuntime::Runsc => (GVISOR_MEMORY, GVISOR_PROCESSES),
    };
    let memory = i64::try_from(order.envelope.memory + more_memory).unwrap_or(i64::MAX);
    let processes = i64::try_from(order.envelope.processes + more_processes).unwrap_or(i64::MAX);
    HostConfig {
        network_mode: Some("none".to_owned()),
        ipc_mode: Some("none".to_owned()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        privileged: Some(false),
        cap_drop: Some(vec!["ALL".to_owned()]),
        runtime: settings.runtime.name().map(str::to_owned),
        security_opt: Some(security_options(order, settings.apparmor.as_deref())),
        readonly_rootfs: Some(true),
        mounts: Some(mounts(order, settings.runtime)),
        tmpfs: (settings.runtime == ContainerRuntime::Runsc).then(|| gvisor_tmpfs(order)),
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        memory: Some(memory),
        // Equal to the memory limit: no swap.
        memory_swap: Some(memory),
        pids_limit: Some(processes),
        cpu_shares: Some(SHARES.into()),
        oom_score_adj: Some(OOM_SCORE),
        auto_remove: Some(true),
        init: Some(false),
        ..HostConfig::default()
    }
}

fn security_options(order: &Order, apparmor: Option<&str>) -> Vec<String> {
    let calls = if order.restore { &OUTER_FOLLOWING } else { &OUTER };
    let always = ["no-new-privileges:true".to_owned(), format!("seccomp={}", docker_profile_json(calls))];
    always.into_iter().chain(apparmor.map(|profile| format!("apparmor={profile}"))).collect()
}

fn mounts(order: &Order, runtime: ContainerRuntime) -> Vec<Mount> {
    let mut mounts =
        vec![read_only(&order.directory.to_string_lossy(), SOCKET_DIRECTORY), read_only(&order.agent.to_string_lossy(), AGENT)];
    if runtime == ContainerRuntime::Runsc {
        mounts.extend(STREAM_NAMES.map(|name| {
            let pipe = read_only(&order.directory.join(name).to_string_lossy(), &format!("{STREAMS_DIRECTORY}/{name}"));
            // To write to a pipe, gVisor wants a mount that can be written to. Of a pipe, nothing else can be changed.
            Mount { read_only: Some(false), ..pipe }
        }));
    }
    mounts
}

/// The program's own `/tmp`, and what hides the rest of the container from it: the agent needs no more than it has opened.
fn gvisor_tmpfs(order: &Order) -> HashMap<String, String> {
    let hidden = |path: &str| (path.to_owned(), "ro,noexec,nosuid,nodev,size=4k,mode=0700".to_owned());
    let own = ("/tmp".to_owned(), format!("rw,noexec,nosuid,nodev,size={},mode=1777", order.tmpfs));
    HashMap::from([own, hidden("/etc"), hidden("/sys"), hidden("/dev/shm")])
}

fn read_only(source: &str, target: &str) -> Mount {
    Mount {
        typ: Some(MountType::BIND),
        source: Some(source.to_owned()),
        target: Some(target.to_owned()),
        read_only: Some(true),
        bind_options: Some(MountBindOptions {
            propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
            ..MountBindOptions::default()
        }),
        ..Mount::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::Envelope;

    fn order() -> Order {
        Order {
            name: "zona-a1-7".to_owned(),
            agent: "/var/lib/zona/agent".into(),
            directory: "/run/zona-main/a1/00ff".into(),
            uid: 200_007,
            envelope: Envelope { memory: 1 << 30, processes: 40 },
            tmpfs: 1 << 20,
            restore: false,
        }
    }

    #[test]
    fn a_container_whose_children_are_put_back_differs_in_the_calls_that_its_agent_may_make() {
        let host = |order: &Order| container(order, "x", &Docker::default(), "main", "a1").host_config.unwrap();
        let (with, without) = (host(&Order { restore: true, ..order() }), host(&order()));
        let (options, usual) = (with.security_opt.clone().unwrap(), without.security_opt.clone().unwrap());
        assert_eq!(options, ["no-new-privileges:true".to_owned(), format!("seccomp={}", docker_profile_json(&OUTER_FOLLOWING))]);
        assert_ne!(options, usual);
        assert_eq!(HostConfig { security_opt: Some(usual), ..with }, without);
    }

    #[test]
    fn a_configured_apparmor_profile_is_asked_for_beside_the_others() {
        let options = |profile: Option<&str>| {
            let settings = Docker { apparmor: profile.map(str::to_owned), ..Docker::default() };
            container(&order(), "sha256:feed", &settings, "main", "a1").host_config.unwrap().security_opt.unwrap()
        };
        let (without, with) = (options(None), options(Some("zona-sandbox")));
        assert_eq!(with[..without.len()], without);
        assert_eq!(with[without.len()..], ["apparmor=zona-sandbox"]);
    }

    #[test]
    fn gvisors_container_differs_in_the_childs_pipes_and_a_tmp_of_its_own() {
        let settings = Docker { runtime: ContainerRuntime::Runsc, ..Docker::default() };
        let (with, without) =
            (container(&order(), "x", &settings, "main", "a1"), container(&order(), "x", &Docker::default(), "main", "a1"));
        assert_eq!(with.entrypoint.unwrap()[1], "gvisor");
        let (with, without) = (with.host_config.unwrap(), without.host_config.unwrap());
        assert_eq!((with.runtime.as_deref(), &without.runtime), (Some("runsc"), &None));
        let (mounts, usual) = (with.mounts.clone().unwrap(), without.mounts.clone().unwrap());
        assert_eq!(mounts[..usual.len()], usual);
        let pipes = &mounts[usual.len()..];
        assert_eq!(pipes.len(), STREAM_NAMES.len());
        assert!(pipes.iter().all(|pipe| pipe.target.as_ref().unwrap().starts_with("/run/zona-streams/")), "{pipes:?}");
        assert!(with.tmpfs.as_ref().unwrap()["/tmp"].contains("size=1048576"), "{:?}", with.tmpfs);
        assert!(with.memory > without.memory && with.pids_limit > without.pids_limit);
        let same = HostConfig {
            runtime: None,
            mounts: without.mounts.clone(),
            tmpfs: None,
            memory: without.memory,
            memory_swap: without.memory_swap,
            pids_limit: without.pids_limit,
            ..with
        };
        assert_eq!(same, without);
    }

    #[test]
    fn the_container_is_hardened_as_reviewed() {
        let mut body = container(&order(), "sha256:feed", &Docker::default(), "main", "a1");
        let host = body.host_config.as_mut().unwrap();
        let options = host.security_opt.as_mut().unwrap();
        let profile = options.iter_mut().find(|option| option.starts_with("seccomp=")).unwrap();
        assert_eq!(profile.strip_prefix("seccomp="), Some(docker_profile_json(&OUTER).as_str()), "the profile is passed inline, whole");
        *profile = "seccomp=<profile>".to_owned();
        let mut labels: Vec<_> = body.labels.take().unwrap().into_iter().collect();
        labels.sort();
        insta::assert_json_snapshot!((body, labels));
    }
}
