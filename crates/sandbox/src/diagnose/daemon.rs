//! Facts of the Docker daemon and the runtime image.

use super::Check;
use crate::backend::docker::Client;
use crate::config::Docker;
use crate::failure::StartFailure;

const IMAGE: &str = "docker image";
const DAEMON: &str = "docker daemon";

pub(super) async fn checks(settings: &Docker) -> Vec<Check> {
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
    vec![Check::good(DAEMON, detail), image(&client, settings).await]
}

async fn image(client: &Client, settings: &Docker) -> Check {
    match client.runtime_in(&settings.image).await {
        Ok(runtime) => Check::good(IMAGE, format!("{} with Python {} ({})", settings.image, runtime.python_version, runtime.digest)),
        Err(StartFailure::Refused { message, .. }) => Check::limited(IMAGE, message, "cargo xtask image"),
        Err(failure) => Check::limited(IMAGE, failure.to_string(), "see the docker daemon"),
    }
}
