//! From our configuration to the sandbox's: for a server, and for tools that need a sandbox but no server.

use std::os::unix::fs::MetadataExt as _;

use python_check::RuntimeInterface;
use sandbox::{Config as SandboxesConfig, Proof, UidRange, runtime_directory};
use settings::Surroundings;

use crate::agent::AGENT;
use crate::bridge::checker::python_version;
use crate::config::Config;
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
    settings.agent_directory = Some(config.listening.data.clone());
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

fn base(config: &Config, surroundings: &Surroundings, installation: &str, instance: &str) -> SandboxesConfig {
    let ours = &config.sandbox;
    let mut settings = SandboxesConfig::new(installation, instance, AGENT, ours.chosen(surroundings));
    let default_directory = || runtime_directory(installation, surroundings.runtime_dir.as_deref());
    settings.runtime_directory = ours.runtime_directory.clone().unwrap_or_else(default_directory);
    settings.uids = UidRange::new(ours.first_uid, ours.last_uid).expect("the configuration refuses an empty range and user 0");
    settings.runtimes = config.runtimes.iter().map(|(name, runtime)| runtime.config(name)).collect();
    settings.interface_check = check_interface;
    settings.pool = ours.pool(settings.pool);
    settings
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
