//! What the daemon says of a container, as the port has it.

use bollard::models::{ContainerInspectResponse, ContainerState, ContainerStateStatusEnum, EndpointSettings, HealthStatusEnum, HostConfig};
use domain::time::Timestamp;
use process::service::{Protocol, Resources};
use std::collections::HashMap;
use std::time::Duration;

use crate::engine::{Changeable, Instance, Phase, Reported};
use crate::labels::Identity;

/// The daemon's own time to stop where a container has none.
const DEFAULT_GRACE: Duration = Duration::from_secs(10);
const NANO_PER_MILLI: i64 = 1_000_000;

/// A container of ours. None where it is somebody else's, or on its way out.
pub(super) fn instance(found: &ContainerInspectResponse) -> Option<Instance> {
    let config = found.config.as_ref()?;
    let identity = Identity::read(config.labels.as_ref()?)?;
    let phase = phase(found.state.as_ref()?)?;
    let none = HashMap::new();
    let networks = found.network_settings.as_ref().and_then(|settings| settings.networks.as_ref()).unwrap_or(&none);
    let serves = |network: &String| networks.get(network).is_some_and(|endpoint| has_alias(endpoint, &identity.service));
    let address = identity.networks.iter().filter_map(|network| networks.get(network)?.ip_address.as_ref()?.parse().ok()).next();
    let mut connected: Vec<String> = networks.keys().cloned().collect();
    connected.sort_unstable();
    let host = found.host_config.as_ref();
    let grace = config.stop_timeout.and_then(|seconds| u64::try_from(seconds).ok()).map_or(DEFAULT_GRACE, Duration::from_secs);
    Some(Instance {
        id: found.id.clone()?,
        name: found.name.as_ref()?.trim_start_matches('/').to_owned(),
        serving: !identity.networks.is_empty() && identity.networks.iter().all(serves),
        identity,
        phase,
        published: host.map(published).unwrap_or_default(),
        address,
        image: config.image.clone().unwrap_or_default(),
        started: found.state.as_ref()?.started_at.as_deref().and_then(time),
        stop_grace: grace,
        changeable: Changeable { resources: host.map(resources).unwrap_or_default(), networks: connected },
    })
}

/// Whether others find a container under a name.
pub(super) fn has_alias(endpoint: &EndpointSettings, name: &str) -> bool {
    endpoint.aliases.as_ref().is_some_and(|aliases| aliases.iter().any(|alias| alias == name))
}

/// The time of a text of the daemon. The year 1 means that there is none.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(time.as_millisecond()).ok().map(Timestamp::from_millis)
}

fn phase(state: &ContainerState) -> Option<Phase> {
    let code = state.exit_code.unwrap_or_default();
    let error = state.error.as_deref().unwrap_or_default();
    Some(match state.status? {
        // After a start that failed it is as it was before, but for these two.
        ContainerStateStatusEnum::CREATED if code != 0 || !error.is_empty() => Phase::Unstartable(error.to_owned()),
        ContainerStateStatusEnum::CREATED => Phase::Created,
        ContainerStateStatusEnum::RUNNING | ContainerStateStatusEnum::RESTARTING | ContainerStateStatusEnum::STOPPING => {
            // What is not running is `unhealthy` for the daemon, so only here its word counts.
            let health = state.health.as_ref().and_then(|health| health.status);
            Phase::Running(health.and_then(reported))
        }
        ContainerStateStatusEnum::PAUSED => Phase::Paused,
        ContainerStateStatusEnum::EXITED => Phase::Ended {
            code,
            at: state.finished_at.as_deref().and_then(time).unwrap_or_default(),
            // A child that was killed is no such mark; then the code is all there is.
            out_of_memory: state.oom_killed.unwrap_or_default(),
        },
        ContainerStateStatusEnum::REMOVING | ContainerStateStatusEnum::DEAD | ContainerStateStatusEnum::EMPTY => return None,
    })
}

fn reported(status: HealthStatusEnum) -> Option<Reported> {
    match status {
        HealthStatusEnum::STARTING => Some(Reported::Starting),
        HealthStatusEnum::HEALTHY => Some(Reported::Healthy),
        HealthStatusEnum::UNHEALTHY => Some(Reported::Unhealthy),
        HealthStatusEnum::NONE | HealthStatusEnum::EMPTY => None,
    }
}

fn published(host: &HostConfig) -> Vec<(u16, Protocol)> {
    let bindings = host.port_bindings.iter().flatten();
    let ports = bindings.flat_map(|(name, bindings)| {
        let protocol = name.split_once('/').and_then(|(_, protocol)| Protocol::parse(protocol)).unwrap_or_default();
        let ports = bindings.iter().flatten().filter_map(|binding| binding.host_port.as_ref()?.parse().ok());
        ports.map(move |port| (port, protocol))
    });
    let mut ports: Vec<(u16, Protocol)> = ports.collect();
    ports.sort_unstable();
    ports
}

/// Zero is no limit.
fn resources(host: &HostConfig) -> Resources {
    let limit = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok()).filter(|value| *value > 0);
    Resources {
        memory: limit(host.memory),
        memory_reserved: limit(host.memory_reservation),
        milli_processors: limit(host.nano_cpus.map(|nano| nano / NANO_PER_MILLI)).and_then(|value| u32::try_from(value).ok()),
    }
}
