//! What contained an execution, as it is answered. A word that this version of the contract lacks is answered as unspecified.

use api_proto::zona::execution::v1 as pb;
use domain::sandbox::Attestation;

use super::time;

/// An attestation.
pub(crate) fn to_wire(attestation: &Attestation) -> pb::Attestation {
    pb::Attestation {
        tier: tier(&attestation.tier).into(),
        backend: backend(&attestation.backend).into(),
        sandbox: attestation.sandbox.clone(),
        runtime: attestation.runtime.clone(),
        runtime_digest: attestation.runtime_digest.clone(),
        python_version: attestation.python_version.clone(),
        namespaces: namespaces(&attestation.namespaces),
        seccomp_mode: seccomp_mode(&attestation.seccomp).into(),
        no_new_privileges: attestation.no_new_privileges,
        capabilities: attestation.capabilities,
        uid: attestation.uid.into(),
        network: network(&attestation.network).into(),
        resource_control: resource_control(&attestation.resource_control).into(),
        battery_version: attestation.battery.as_ref().map(|battery| battery.version.clone()).unwrap_or_default(),
        battery_time: attestation.battery.as_ref().map(|battery| time::timestamp(battery.at)),
    }
}

fn namespaces(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort();
    names
}

fn tier(word: &str) -> pb::Tier {
    match word {
        "T1" => pb::Tier::TenantWarm,
        "T2" => pb::Tier::SingleUse,
        "T3" => pb::Tier::OneShot,
        _ => pb::Tier::Unspecified,
    }
}

fn backend(word: &str) -> pb::Backend {
    match word {
        "docker" => pb::Backend::Docker,
        "docker-runsc" => pb::Backend::DockerRunsc,
        "namespace" => pb::Backend::Namespace,
        "landlock" => pb::Backend::Landlock,
        _ => pb::Backend::Unspecified,
    }
}

fn seccomp_mode(word: &str) -> pb::SeccompMode {
    match word {
        "filter" => pb::SeccompMode::Filter,
        "disabled" => pb::SeccompMode::Disabled,
        _ => pb::SeccompMode::Unspecified,
    }
}

fn network(word: &str) -> pb::NetworkAccess {
    match word {
        "none" => pb::NetworkAccess::None,
        _ => pb::NetworkAccess::Unspecified,
    }
}

fn resource_control(word: &str) -> pb::ResourceControl {
    match word {
        "cgroup-v1" => pb::ResourceControl::CgroupV1,
        "cgroup-v2" => pb::ResourceControl::CgroupV2,
        "process" => pb::ResourceControl::Process,
        _ => pb::ResourceControl::Unspecified,
    }
}
