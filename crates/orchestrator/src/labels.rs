//! What a container says about itself: names and labels, written when it is created and read when somebody looks. They are all that a
//! manager knows of the past.

use std::collections::HashMap;
use std::time::Duration;

use domain::time::Timestamp;
use process::revision::{Revision, digest};
use process::service::{Group, Health, Probe};
use serde_json::{Value, json};

/// The installation that a container belongs to.
pub const SCOPE: &str = "zona.ps.scope";
/// The service that a container belongs to.
pub const SERVICE: &str = "zona.ps.service";
/// Under which acquisition of the lease a container was created: it never falls, so an engine's own events show who acted when.
pub const EPOCH: &str = "zona.ps.epoch";
const GROUP: &str = "zona.ps.group";
const DEPENDS_ON: &str = "zona.ps.depends-on";
const REVISION: &str = "zona.ps.revision";
const SLOT: &str = "zona.ps.slot";
const RESTARTS: &str = "zona.ps.restarts";
const NETWORKS: &str = "zona.ps.networks";
const SERVES: &str = "zona.ps.serves";
const WHEN_WELL: &str = "when-well";
const AT_ONCE: &str = "at-once";
const HEALTH: &str = "zona.ps.health";
/// Labels of ours begin so; those of services that do are left out.
pub const RESERVED: &str = "zona.";

/// Digits of a revision's hash in a name. Names need only differ between revisions of one service that are there together.
const NAME_DIGITS: usize = 10;

/// What a container is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The service.
    pub service: String,
    /// Its group when it was created.
    pub group: Group,
    /// What it depended on.
    pub depends_on: Vec<String>,
    /// What runs in it.
    pub revision: Revision,
    /// Its number among those of its service and revision.
    pub slot: u32,
    /// When those that it takes the place of were started again, the latest last.
    pub restarts: Vec<Timestamp>,
    /// How it is seen to be well.
    pub health: Option<Health>,
    /// The engine's names of its networks, sorted; at least one.
    pub networks: Vec<String>,
    /// Whether calls reach it as soon as it is well, and not before.
    pub is_gated: bool,
}

// === impl Identity ===

impl Identity {
    /// The name of the container. It follows from what it is, so that no two managers create it twice.
    pub fn name(&self, scope: &str) -> String {
        let hash = digest(self.revision.to_string().as_bytes());
        format!("zona-{scope}.{}.{}.{}", self.service, &hash[..NAME_DIGITS], self.slot)
    }

    /// The labels of the container.
    pub fn labels(&self, scope: &str) -> HashMap<String, String> {
        let restarts: Vec<String> = self.restarts.iter().map(|time| time.as_millis().to_string()).collect();
        let mut labels = HashMap::from(
            [
                (SCOPE, scope.to_owned()),
                (SERVICE, self.service.clone()),
                (GROUP, self.group.as_str().to_owned()),
                (DEPENDS_ON, self.depends_on.join(",")),
                (REVISION, self.revision.to_string()),
                (SLOT, self.slot.to_string()),
                (RESTARTS, restarts.join(",")),
                (NETWORKS, self.networks.join(",")),
                (SERVES, if self.is_gated { WHEN_WELL } else { AT_ONCE }.to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        labels.extend(self.health.as_ref().map(|health| (HEALTH.to_owned(), write_health(health).to_string())));
        labels
    }

    /// What labels say. None where they are not ours, or somebody has made them up.
    pub fn read(labels: &HashMap<String, String>) -> Option<Self> {
        let list = |name: &str| labels.get(name).into_iter().flat_map(|list| list.split(',')).filter(|word| !word.is_empty());
        Some(Identity {
            service: labels.get(SERVICE)?.clone(),
            group: Group::parse(labels.get(GROUP)?)?,
            depends_on: list(DEPENDS_ON).map(str::to_owned).collect(),
            revision: labels.get(REVISION)?.parse().ok()?,
            slot: labels.get(SLOT)?.parse().ok()?,
            restarts: list(RESTARTS).map(|time| time.parse().map(Timestamp::from_millis)).collect::<Result<_, _>>().ok()?,
            health: match labels.get(HEALTH) {
                Some(text) => Some(read_health(&serde_json::from_str(text).ok()?)?),
                None => None,
            },
            networks: list(NETWORKS).map(str::to_owned).collect(),
            is_gated: labels.get(SERVES).is_some_and(|word| word == WHEN_WELL),
        })
    }
}

fn write_health(health: &Health) -> Value {
    let probe = match &health.probe {
        Probe::Http { port, path } => json!({"http": {"port": port, "path": path}}),
        Probe::Tcp { port } => json!({"tcp": port}),
        Probe::Grpc { port, service } => json!({"grpc": {"port": port, "service": service}}),
        Probe::Command(words) => json!({"command": words}),
        Probe::Image => json!({"image": true}),
    };
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    json!({
        "probe": probe,
        "interval": millis(health.interval),
        "timeout": millis(health.timeout),
        "retries": health.retries,
        "start_period": millis(health.start_period),
    })
}

fn read_health(value: &Value) -> Option<Health> {
    let time = |name: &str| value.get(name)?.as_u64().map(Duration::from_millis);
    Some(Health {
        probe: read_probe(value.get("probe")?)?,
        interval: time("interval")?,
        timeout: time("timeout")?,
        retries: u32::try_from(value.get("retries")?.as_u64()?).ok()?,
        start_period: time("start_period")?,
    })
}

fn read_probe(value: &Value) -> Option<Probe> {
    let (kind, what) = value.as_object()?.iter().next()?;
    let port = |what: &Value| u16::try_from(what.as_u64()?).ok();
    let text = |name: &str| what.get(name)?.as_str().map(str::to_owned);
    Some(match kind.as_str() {
        "http" => Probe::Http { port: port(what.get("port")?)?, path: text("path")? },
        "tcp" => Probe::Tcp { port: port(what)? },
        "grpc" => Probe::Grpc { port: port(what.get("port")?)?, service: text("service")? },
        "command" => Probe::Command(what.as_array()?.iter().map(|word| word.as_str().map(str::to_owned)).collect::<Option<_>>()?),
        "image" => Probe::Image,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(probe: Probe) -> Identity {
        let health = Health {
            probe,
            interval: Duration::from_secs(5),
            timeout: Duration::from_millis(1_500),
            retries: 3,
            start_period: Duration::ZERO,
        };
        Identity {
            service: "web".to_owned(),
            group: Group::App,
            depends_on: vec!["api".to_owned(), "db".to_owned()],
            revision: "image=0123456789abcdef,command=fedcba9876543210".parse().unwrap(),
            slot: 2,
            restarts: vec![Timestamp::from_millis(5), Timestamp::from_millis(70_000)],
            health: Some(health),
            networks: vec!["zona-main".to_owned(), "zona-main.inner".to_owned()],
            is_gated: true,
        }
    }

    #[test]
    fn what_a_container_is_can_be_read_from_its_labels() {
        let words = vec!["/probe".to_owned(), "a \"b\", c".to_owned()];
        let http = Probe::Http { port: 8080, path: "/healthz?deep=1".to_owned() };
        let grpc = Probe::Grpc { port: 50_051, service: "zona.Api".to_owned() };
        for probe in [http, Probe::Tcp { port: 5432 }, grpc, Probe::Command(words), Probe::Image] {
            let identity = identity(probe);
            assert_eq!(Identity::read(&identity.labels("main")), Some(identity));
        }
        let bare = Identity { health: None, restarts: Vec::new(), depends_on: Vec::new(), is_gated: false, ..identity(Probe::Image) };
        assert_eq!(Identity::read(&bare.labels("main")), Some(bare));
    }

    #[test]
    fn labels_that_nobody_of_us_wrote_are_no_identity() {
        let labels = identity(Probe::Image).labels("main");
        for (name, value) in [(GROUP, "MAIN"), (REVISION, "latest"), (SLOT, "-1"), (RESTARTS, "yesterday"), (HEALTH, "{}")] {
            let made_up = labels.iter().map(|(name, value)| (name.clone(), value.clone())).chain([(name.to_owned(), value.to_owned())]);
            assert_eq!(Identity::read(&made_up.collect()), None, "{name}");
        }
        assert_eq!(Identity::read(&HashMap::new()), None);
    }

    #[test]
    fn names_differ_by_service_revision_and_slot_only() {
        let one = identity(Probe::Image);
        let name = one.name("main");
        assert_eq!(Identity { restarts: Vec::new(), health: None, ..one.clone() }.name("main"), name);
        let others = [
            Identity { service: "api".to_owned(), ..one.clone() },
            Identity { slot: 3, ..one.clone() },
            Identity { revision: "image=0123456789abcdee".parse().unwrap(), ..one.clone() },
        ];
        others.iter().for_each(|other| assert_ne!(other.name("main"), name));
    }
}
