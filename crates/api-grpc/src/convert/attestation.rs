//! What contained an execution, as it is answered.

use api_proto::zona::execution::v1 as pb;
use domain::sandbox::{Attestation, BackendKind, Isolation, Network, ResourceControl, Seccomp};

use super::time;

/// An attestation.
pub(crate) fn to_wire(attestation: &Attestation) -> pb::Attestation {
    pb::Attestation {
        tier: tier(attestation.tier).into(),
        backend: backend(attestation.backend).into(),
        sandbox: attestation.sandbox.clone(),
        runtime: attestation.runtime.to_string(),
        runtime_digest: attestation.runtime_digest.clone(),
        python_version: attestation.python_version.clone(),
        namespaces: namespaces(&attestation.namespaces),
        seccomp_mode: seccomp_mode(attestation.seccomp).into(),
        no_new_privileges: attestation.no_new_privileges,
        capabilities: attestation.capabilities,
        uid: attestation.uid.into(),
        network: network(attestation.network).into(),
        resource_control: resource_control(attestation.resource_control).into(),
        battery_version: attestation.battery.as_ref().map(|battery| battery.version.clone()).unwrap_or_default(),
        battery_time: attestation.battery.as_ref().map(|battery| time::timestamp(battery.at)),
        restored: attestation.restored,
    }
}

fn namespaces(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort();
    names
}

fn tier(isolation: Isolation) -> pb::Tier {
    match isolation {
        Isolation::TenantWarm => pb::Tier::TenantWarm,
        Isolation::SingleUse => pb::Tier::SingleUse,
        Isolation::OneShot => pb::Tier::OneShot,
    }
}

fn backend(kind: BackendKind) -> pb::Backend {
    match kind {
        BackendKind::Docker => pb::Backend::Docker,
        BackendKind::DockerRunsc => pb::Backend::DockerRunsc,
        BackendKind::Namespace => pb::Backend::Namespace,
        BackendKind::Landlock => pb::Backend::Landlock,
    }
}

fn seccomp_mode(mode: Seccomp) -> pb::SeccompMode {
    match mode {
        Seccomp::Filter => pb::SeccompMode::Filter,
        Seccomp::Disabled => pb::SeccompMode::Disabled,
    }
}

fn network(network: Network) -> pb::NetworkAccess {
    match network {
        Network::None => pb::NetworkAccess::None,
    }
}

fn resource_control(control: ResourceControl) -> pb::ResourceControl {
    match control {
        ResourceControl::CgroupV1 => pb::ResourceControl::CgroupV1,
        ResourceControl::CgroupV2 => pb::ResourceControl::CgroupV2,
        ResourceControl::Process => pb::ResourceControl::Process,
    }
}
