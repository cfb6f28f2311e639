//! The container of a sandbox, as the daemon is told: everything off that is not needed.
//!
//! It deliberately holds no choice of the operator but image, AppArmor profile and limits. Every setting is missed by a rule of
//! `diagnose::container`, or says in the test there why it need not be.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigCgroupnsModeEnum, HostConfigLogConfig, Mount, MountBindOptions,
    MountBindOptionsPropagationEnum, MountType,
};
use sandbox_protocol::policy::docker_profile_json;

use crate::backend::Order;

/// Names the installation that a container belongs to.
pub(crate) const INSTALLATION_LABEL: &str = "zona.installation";
/// Names the server process that a container belongs to.
pub(crate) const INSTANCE_LABEL: &str = "zona.instance";
/// Says what a container is for.
pub(crate) const ROLE_LABEL: &str = "zona.role";

const AGENT: &str = "/zona-agent";
const SOCKET_DIRECTORY: &str = "/run/zona";
/// When the host runs out of memory, sandboxes go before the server.
const OOM_SCORE: i64 = 500;

/// The body of the create call.
pub(crate) fn container(order: &Order, image: &str, apparmor: Option<&str>, installation: &str, instance: &str) -> ContainerCreateBody {
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let labels = [label(INSTALLATION_LABEL, installation), label(INSTANCE_LABEL, instance), label(ROLE_LABEL, "sandbox")];
    ContainerCreateBody {
        image: Some(image.to_owned()),
        user: Some(format!("{0}:{0}", order.uid)),
        entrypoint: Some([AGENT, "docker", "--socket", "/run/zona/s"].map(str::to_owned).to_vec()),
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
        host_config: Some(host(order, apparmor)),
        ..ContainerCreateBody::default()
    }
}

fn host(order: &Order, apparmor: Option<&str>) -> HostConfig {
    let memory = i64::try_from(order.envelope.memory).unwrap_or(i64::MAX);
    HostConfig {
        network_mode: Some("none".to_owned()),
        ipc_mode: Some("none".to_owned()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        privileged: Some(false),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(security_options(apparmor)),
        readonly_rootfs: Some(true),
        mounts: Some(vec![
            read_only(&order.directory.to_string_lossy(), SOCKET_DIRECTORY),
            read_only(&order.agent.to_string_lossy(), AGENT),
        ]),
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        memory: Some(memory),
        // Equal to the memory limit: no swap.
        memory_swap: Some(memory),
        pids_limit: Some(i64::try_from(order.envelope.processes).unwrap_or(i64::MAX)),
        oom_score_adj: Some(OOM_SCORE),
        auto_remove: Some(true),
        init: Some(false),
        ..HostConfig::default()
    }
}

fn security_options(apparmor: Option<&str>) -> Vec<String> {
    let always = ["no-new-privileges:true".to_owned(), format!("seccomp={}", docker_profile_json())];
    always.into_iter().chain(apparmor.map(|profile| format!("apparmor={profile}"))).collect()
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
        }
    }

    #[test]
    fn a_configured_apparmor_profile_is_asked_for_beside_the_others() {
        let options = |profile| container(&order(), "sha256:feed", profile, "main", "a1").host_config.unwrap().security_opt.unwrap();
        let (without, with) = (options(None), options(Some("zona-sandbox")));
        assert_eq!(with[..without.len()], without);
        assert_eq!(with[without.len()..], ["apparmor=zona-sandbox"]);
    }

    #[test]
    fn the_container_is_hardened_as_reviewed() {
        let mut body = container(&order(), "sha256:feed", None, "main", "a1");
        let host = body.host_config.as_mut().unwrap();
        let options = host.security_opt.as_mut().unwrap();
        let profile = options.iter_mut().find(|option| option.starts_with("seccomp=")).unwrap();
        assert_eq!(profile.strip_prefix("seccomp="), Some(docker_profile_json().as_str()), "the profile is passed inline, whole");
        *profile = "seccomp=<profile>".to_owned();
        let mut labels: Vec<_> = body.labels.take().unwrap().into_iter().collect();
        labels.sort();
        insta::assert_json_snapshot!((body, labels));
    }
}
