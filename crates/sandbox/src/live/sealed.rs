//! Whether a child that has arrived is sealed as it must be.

use domain::sandbox::BackendKind;
use sandbox_protocol::control::Seal;

use super::anomaly::Anomaly;

/// Namespaces that every child has of its own.
pub(super) const NAMESPACES: [&str; 6] = ["user", "pid", "mnt", "net", "ipc", "uts"];
/// The kernel's number for a seccomp filter.
const SECCOMP_FILTER: u32 = 2;

/// Refuses a child that lacks any layer: better no execution than an open one. Landlock or gVisor take the place of namespaces only
/// where they were chosen.
pub(super) fn check_seal(seal: &Seal, backend: BackendKind) -> Result<(), Anomaly> {
    let unsealed = |what: String| Err(Anomaly::Unsealed(what));
    if backend == BackendKind::Landlock && seal.landlock == 0 {
        return unsealed("no Landlock rules hold it".to_owned());
    }
    if ![BackendKind::Landlock, BackendKind::DockerRunsc].contains(&backend)
        && let Some(missing) = NAMESPACES.iter().find(|&&name| !seal.namespaces.iter().any(|own| own == name))
    {
        return unsealed(format!("it shares the agent's {missing} namespace"));
    }
    if seal.seccomp != SECCOMP_FILTER {
        return unsealed(format!("seccomp mode {}", seal.seccomp));
    }
    if !seal.no_new_privileges {
        return unsealed("it may gain privileges".to_owned());
    }
    if seal.capabilities != 0 {
        return unsealed(format!("capabilities {:#x}", seal.capabilities));
    }
    if seal.uid == 0 {
        return unsealed("it is root outside".to_owned());
    }
    Ok(())
}
