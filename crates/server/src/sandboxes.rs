//! From our configuration to the sandbox's: for a server, and for tools that need a sandbox but no server.

use std::os::unix::fs::MetadataExt as _;

use python_check::RuntimeInterface;
use sandbox::{Backend, Config as SandboxesConfig, Docker, Namespace, Proof, Runtime, UidRange, runtime_directory};

use crate::agent::AGENT;
use crate::bridge::checker::python_version;
use crate::config::{BackendKind, Config, RuntimeConfig, Surroundings};
use crate::identity;

/// The sandboxes of a server.
pub(crate) fn for_server(
    config: &Config,
    surroundings: &Surroundings,
    installation: &str,
    instance: &str,
    proves_itself_first: bool,
) -> SandboxesConfig {
    let mut settings = base(config, surroundings, installation, instance);
    // `/run` is often mounted noexec, and the data directory is ours alone.
    settings.agent_directory = Some(config.data.clone());
    settings.proof = if proves_itself_first { Proof::Required } else { Proof::Background };
    settings
}

/// Sandboxes for one command. Nothing is kept warm.
pub fn for_tool(config: &Config, surroundings: &Surroundings) -> SandboxesConfig {
    let mut settings = base(config, surroundings, &shared_installation("tools"), &identity::instance());
    settings.agent_directory = Some(std::env::temp_dir());
    settings.pool.unassigned = 0;
    settings.pool.single_use = 0;
    settings
}

/// An installation without a data directory: one for each purpose and user.
pub fn shared_installation(purpose: &str) -> String {
    let uid = std::fs::metadata("/proc/self").map_or(0, |metadata| metadata.uid());
    format!("{purpose}-{uid}")
}

/// Settings of the namespace backend.
pub fn namespace(config: &Config, surroundings: &Surroundings) -> Namespace {
    let ours = &config.sandbox;
    Namespace {
        python: ours.python.clone(),
        search_path: surroundings.search_path.clone(),
        packages: ours.packages.iter().cloned().collect(),
    }
}

/// Settings of the docker backend.
pub fn docker(config: &Config) -> Docker {
    Docker {
        socket: config.sandbox.docker_socket.clone(),
        image: config.sandbox.image.clone(),
        apparmor: config.sandbox.apparmor.clone(),
        runtime: config.sandbox.container_runtime,
        ..Docker::default()
    }
}

fn base(config: &Config, surroundings: &Surroundings, installation: &str, instance: &str) -> SandboxesConfig {
    let ours = &config.sandbox;
    let backend = match ours.backend {
        BackendKind::Namespace => Backend::Namespace(namespace(config, surroundings)),
        BackendKind::Docker => Backend::Docker(docker(config)),
        BackendKind::Landlock => Backend::Landlock(namespace(config, surroundings)),
    };
    let mut settings = SandboxesConfig::new(installation, instance, AGENT, backend);
    let default_directory = || runtime_directory(installation, surroundings.runtime_dir.as_deref());
    settings.runtime_directory = ours.runtime_directory.clone().unwrap_or_else(default_directory);
    settings.uids = UidRange::new(ours.uids.0, ours.uids.1).unwrap_or_default();
    settings.runtimes = ours.runtimes.iter().map(runtime).collect();
    settings.interface_check = check_interface;
    settings.pool.unassigned = ours.warm;
    settings.pool.max_unassigned = ours.max_warm;
    settings.pool.memory_reserve = ours.memory_reserve;
    settings.pool.children = ours.ready_children;
    settings.pool.max_sandboxes = ours.max_sandboxes;
    settings.pool.idle = ours.idle;
    settings.pool.max_age = ours.max_age;
    settings.pool.max_executions = ours.max_executions;
    settings
}

fn runtime(ours: &RuntimeConfig) -> Runtime {
    Runtime {
        name: ours.name.clone(),
        python: ours.python.clone(),
        packages: ours.packages.iter().cloned().collect(),
        image: ours.image.clone(),
    }
}

/// What is wrong with the interface that a runtime carries, for an interpreter of this version.
fn check_interface(text: &str, version: &str) -> Result<(), String> {
    let interface = RuntimeInterface::parse(text).map_err(|error| error.to_string())?;
    let (major, minor) = interface.python();
    if python_version(version) == Some((major, minor)) {
        return Ok(());
    }
    Err(format!("it is that of Python {major}.{minor}, and the interpreter is {version}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_must_be_well_formed_and_of_the_interpreters_version() {
        let text = "python 3.11\nstdlib json\nbuiltins len\njson + dumps\n";
        assert_eq!(check_interface(text, "3.11.2"), Ok(()));
        assert!(check_interface(text, "3.12.1").unwrap_err().contains("3.11"));
        assert!(check_interface("python 3.11\n", "3.11.2").unwrap_err().contains("stdlib"));
    }
}
