//! From an order to what the daemon is sent. Fields are set in a canonical order, so that equal orders are equal requests.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType, NetworkingConfig, PortBinding,
    RestartPolicy, RestartPolicyNameEnum,
};
use process::service::{Port, Storage};

use crate::engine::Order;

/// Logs of one container: three files of ten million bytes. Without a limit a chatty service fills the disk.
const LOG_SIZE: &str = "10m";
const LOG_FILES: &str = "3";
/// A thousandth of a processor, in the daemon's unit.
const NANO_PER_MILLI: i64 = 1_000_000;

/// The request that creates a container.
pub(super) fn container(order: &Order, scope: &str) -> ContainerCreateBody {
    let some = |words: &[String]| (!words.is_empty()).then(|| words.to_vec());
    let mut labels: HashMap<String, String> = order.labels.iter().cloned().collect();
    labels.extend(order.identity.labels(scope));
    let first = order.identity.networks.first().cloned().unwrap_or_default();
    ContainerCreateBody {
        image: Some(order.image.clone()),
        entrypoint: some(&order.entrypoint),
        cmd: some(&order.command),
        env: Some(order.environment.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        user: order.user.clone(),
        working_dir: order.working_dir.clone(),
        // Without these, bindings of the same ports are silently left out.
        exposed_ports: Some(order.ports.iter().map(port_name).collect()),
        labels: Some(labels),
        stop_timeout: i64::try_from(order.stop_grace.as_millis().div_ceil(1_000)).ok(),
        // Health is asked for from outside; an image's own check would run beside that for nothing.
        healthcheck: (!order.image_health).then(|| HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
        host_config: Some(host(order, &first)),
        networking_config: Some(NetworkingConfig { endpoints_config: Some(HashMap::from([(first, endpoint(order))])) }),
        ..ContainerCreateBody::default()
    }
}

/// How a container is in a network: others find it under the service's name, or not.
pub(super) fn endpoint(order: &Order) -> EndpointSettings {
    EndpointSettings { aliases: order.serving.then(|| vec![order.identity.service.clone()]), ..EndpointSettings::default() }
}

fn host(order: &Order, network: &str) -> HostConfig {
    let memory = order.resources.memory.and_then(|bytes| i64::try_from(bytes).ok());
    let published = order.ports.iter().filter_map(|port| {
        let binding = PortBinding { host_ip: None, host_port: Some(port.published?.to_string()) };
        Some((port_name(port), binding))
    });
    let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for (name, binding) in published {
        bindings.entry(name).or_default().get_or_insert_default().push(binding);
    }
    let log = HashMap::from([("max-size".to_owned(), LOG_SIZE.to_owned()), ("max-file".to_owned(), LOG_FILES.to_owned())]);
    HostConfig {
        network_mode: Some(network.to_owned()),
        mounts: Some(order.mounts.iter().map(mount).collect()),
        memory,
        // As much as memory: nothing is swapped. The daemon's default is twice the memory.
        memory_swap: memory,
        memory_reservation: order.resources.memory_reserved.and_then(|bytes| i64::try_from(bytes).ok()),
        nano_cpus: order.resources.milli_processors.map(|thousandths| i64::from(thousandths) * NANO_PER_MILLI),
        port_bindings: Some(bindings),
        // Starting again is the manager's: the daemon knows neither a window nor what has failed for good.
        restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None }),
        log_config: Some(HostConfigLogConfig { typ: Some("json-file".to_owned()), config: Some(log) }),
        // Passes signals on and takes in orphans for programs that do not expect to be the first process.
        init: Some(true),
        ..HostConfig::default()
    }
}

fn port_name(port: &Port) -> String {
    format!("{}/{}", port.target, port.protocol.as_str())
}

fn mount(mount: &crate::engine::Mount) -> Mount {
    let (typ, source) = match &mount.source {
        Storage::Volume(name) => (MountType::VOLUME, Some(name.clone())),
        Storage::Host(path) => (MountType::BIND, Some(path.clone())),
        Storage::Memory => (MountType::TMPFS, None),
    };
    Mount { typ: Some(typ), source, target: Some(mount.target.clone()), read_only: Some(mount.read_only), ..Mount::default() }
}
