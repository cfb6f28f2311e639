//! Facts of the Docker daemon and the runtimes' images.

use super::Check;
use super::container::has_apparmor;
use crate::backend::docker::Client;
use crate::config::{Config, Docker};
use crate::failure::StartFailure;

const RUNTIME: &str = "runtime, docker";
const DAEMON: &str = "docker daemon";

pub(super) async fn checks(config: &Config, settings: &Docker) -> Vec<Check> {
    let client = Client::new(settings);
    let (version, info) = (
        client.call("ask for the version", async |docker| docker.version().await).await,
        client.call("ask for its facts", async |docker| docker.info().await).await,
    );
    let (version, info) = match (version, info) {
        (Ok(version), Ok(info)) => (version, info),
        (Err(error), _) | (_, Err(error)) => {
            return vec![Check::limited(
                DAEMON,
                error.to_string(),
                "start it and let this user open its socket, or use the namespace backend",
            )];
        }
    };
    let on_host = has_apparmor(&info);
    let mut runtimes: Vec<_> = info.runtimes.unwrap_or_default().into_keys().collect();
    runtimes.sort();
    let text = |value: Option<String>| value.unwrap_or_else(|| "unknown".to_owned());
    let detail = format!(
        "{} (API {}), storage {}, cgroup version {}, runtimes {}, security {}",
        text(version.version),
        text(version.api_version),
        text(info.driver),
        text(info.cgroup_version.map(|version| version.to_string())),
        runtimes.join(" "),
        info.security_options.unwrap_or_default().join(" "),
    );
    let mut checks = vec![Check::good(DAEMON, detail), apparmor(on_host, settings.apparmor.as_deref())];
    checks.extend(settings.runtime.name().map(|name| container_runtime(name, &runtimes)));
    for (name, image) in config.runtime_names().zip(config.images(settings)) {
        if let Some(image) = image {
            checks.push(runtime(&client, name, &image, config).await);
        }
    }
    checks
}

/// The daemon's own default profile denies mounts, and with them T1; newer hosts strip user namespaces of their rights as well.
fn apparmor(on_host: bool, profile: Option<&str>) -> Check {
    const NAME: &str = "apparmor profile";
    match (on_host, profile) {
        (false, None) => Check::good(NAME, "not needed: the daemon's host has no AppArmor"),
        (true, Some(profile)) => Check::good(NAME, profile),
        (false, Some(profile)) => Check::limited(
            NAME,
            format!("{profile} has no effect: the daemon's host has no AppArmor"),
            "take sandbox.apparmor out of the configuration",
        ),
        (true, None) => Check::limited(
            NAME,
            "the daemon's default, which denies the mounts that a sandbox is built with",
            "apparmor_parser -r deploy/sandbox/apparmor.profile, and set sandbox.apparmor = \"zona-sandbox\"",
        ),
    }
}

/// The daemon must know it, and with what: doctor's trial of T2 shows whether the arguments are right.
fn container_runtime(name: &str, registered: &[String]) -> Check {
    const NAME: &str = "container runtime";
    if registered.iter().any(|runtime| runtime == name) {
        return Check::good(NAME, format!("{name} is registered"));
    }
    let register = r#"install it (Debian: apt-get install runsc), put "runtimes": {"runsc": {"path": "/usr/bin/runsc", "runtimeArgs": ["--platform=ptrace", "--network=none", "--host-uds=open", "--host-fifo=open"]}} into the daemon's /etc/docker/daemon.json, and reload the daemon"#;
    Check::bad(NAME, format!("the daemon knows no {name}, only {}", registered.join(" ")), register)
}

async fn runtime(client: &Client, name: &str, image: &str, config: &Config) -> Check {
    match client.runtime_in(image, config.interface_check).await {
        Ok(facts) => Check::good(RUNTIME, format!("{name}: {image}, {}", facts.summary())),
        Err(StartFailure::Refused { message, .. }) => Check::limited(RUNTIME, format!("{name}: {message}"), "cargo xtask image"),
        Err(failure) => Check::limited(RUNTIME, format!("{name}: {failure}"), "see the docker daemon"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Verdict;

    #[test]
    fn a_daemon_without_the_container_runtime_is_told_how_to_register_it() {
        let known = ["runc".to_owned(), "runsc".to_owned()];
        assert_eq!(container_runtime("runsc", &known).verdict, Verdict::Good);
        let missing = container_runtime("runsc", &known[..1]);
        assert_eq!(missing.verdict, Verdict::Bad);
        assert!(missing.advice.contains("--host-fifo=open") && missing.detail.contains("only runc"), "{missing:?}");
    }

    #[test]
    fn a_host_with_apparmor_needs_our_profile_and_one_without_does_not() {
        assert_eq!(apparmor(false, None).verdict, Verdict::Good);
        assert_eq!(apparmor(true, Some("zona-sandbox")).verdict, Verdict::Good);
        assert_eq!(apparmor(false, Some("zona-sandbox")).verdict, Verdict::Limited);
        let missing = apparmor(true, None);
        assert_eq!(missing.verdict, Verdict::Limited);
        assert!(missing.advice.contains("apparmor_parser -r") && missing.advice.contains("sandbox.apparmor"), "{}", missing.advice);
    }
}
