//! Facts of the Docker daemon and the runtimes' images.

use super::Check;
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
    let mut checks = vec![Check::good(DAEMON, detail)];
    for (name, image) in config.runtime_names().zip(config.images(settings)) {
        checks.push(runtime(&client, name, image, config).await);
    }
    checks
}

async fn runtime(client: &Client, name: &str, image: Option<String>, config: &Config) -> Check {
    let Some(image) = image else { return Check::limited(RUNTIME, format!("{name}: no image"), "name its image in the configuration") };
    match client.runtime_in(&image, config.interface_check).await {
        Ok(facts) => Check::good(RUNTIME, format!("{name}: {image}, {}", facts.summary())),
        Err(StartFailure::Refused { message, .. }) => Check::limited(RUNTIME, format!("{name}: {message}"), "cargo xtask image"),
        Err(failure) => Check::limited(RUNTIME, format!("{name}: {failure}"), "see the docker daemon"),
    }
}
