//! What decides whether a replica must be replaced: a hash of each part of what runs. Two revisions are equal where all parts are, and
//! where they differ, the parts say what has changed. It is carried by labels of the engine.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::graph::Graph;
use crate::manifest::{Content, Manifest, Source};
use crate::service::{Attached, Probe, Service, Storage};

/// Digits of a part's hash. 64 bits: revisions are compared with those of the same service only.
const DIGITS: usize = 16;

/// A part of what runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The image.
    Image,
    /// Program and arguments: entrypoint and command.
    Command,
    /// The environment.
    Environment,
    /// Configs and what they hold.
    Configs,
    /// Secrets and their versions; nothing here comes of their values.
    Secrets,
    /// Storage.
    Mounts,
    /// Networks.
    Networks,
    /// Limits.
    Resources,
    /// Ports.
    Ports,
    /// How health is seen.
    Health,
    /// User, directory, time to stop, and how often it was restarted.
    Process,
    /// Revisions of the services with which it is replaced.
    Dependencies,
}

/// The revision of a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision {
    parts: BTreeMap<Part, String>,
}

/// The text is no revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRevision;

/// SHA-256 in hex, as manifests name what a file holds.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The revision of each service of a manifest, by name.
pub fn revisions(manifest: &Manifest) -> HashMap<&str, Revision> {
    let ranks = Graph::new(&manifest.services).ranks();
    let mut order: Vec<usize> = (0..manifest.services.len()).collect();
    order.sort_by_key(|index| ranks[*index]);
    let mut revisions: HashMap<&str, Revision> = HashMap::with_capacity(order.len());
    for index in order {
        let service = &manifest.services[index];
        let revision = revision(service, manifest, &revisions);
        revisions.insert(&service.name, revision);
    }
    revisions
}

fn revision(service: &Service, manifest: &Manifest, before: &HashMap<&str, Revision>) -> Revision {
    let context = &service.context;
    let mut parts = BTreeMap::new();
    let mut put = |part, hash: Hash| parts.insert(part, hash.finish());
    put(Part::Image, Hash::default().text(&context.image));
    let words = context.entrypoint.iter().fold(Hash::default().number(Some(context.entrypoint.len() as u64)), |hash, word| hash.text(word));
    put(Part::Command, context.command.iter().fold(words, |hash, word| hash.text(word)));
    put(Part::Environment, context.environment.iter().fold(Hash::default(), |hash, (name, value)| hash.text(name).text(value)));
    put(Part::Configs, attached(&context.configs, &manifest.configs));
    put(Part::Secrets, attached(&context.secrets, &manifest.secrets));
    put(Part::Mounts, mounts(service));
    let mut networks: Vec<&String> = context.networks.iter().collect();
    networks.sort();
    put(Part::Networks, networks.into_iter().fold(Hash::default(), |hash, name| hash.text(name)));
    let resources = context.resources;
    put(
        Part::Resources,
        Hash::default().number(resources.memory).number(resources.memory_reserved).number(resources.milli_processors.map(u64::from)),
    );
    let mut ports: Vec<_> = service.ports.iter().map(|port| (port.target, port.published, port.protocol)).collect();
    ports.sort_unstable();
    put(
        Part::Ports,
        ports.into_iter().fold(Hash::default(), |hash, (target, published, protocol)| {
            hash.number(Some(target.into())).number(published.map(u64::from)).text(protocol.as_str())
        }),
    );
    put(Part::Health, health(service));
    let process = Hash::default().text(context.user.as_deref().unwrap_or_default()).text(&context.stop_grace.as_micros().to_string());
    let process = context.working_dir.iter().fold(process, |hash, directory| hash.text("working_dir").text(directory));
    // What was never restarted has the revision that it had before there were restarts.
    put(Part::Process, if service.restarts > 0 { process.number(Some(service.restarts.into())) } else { process });
    let mut followed: Vec<&str> = service.depends_on.iter().filter(|other| other.restart).map(|other| other.service.as_str()).collect();
    followed.sort_unstable();
    put(
        Part::Dependencies,
        followed
            .into_iter()
            .fold(Hash::default(), |hash, name| hash.text(name).text(&before.get(name).map(ToString::to_string).unwrap_or_default())),
    );
    Revision { parts }
}

fn attached(used: &[Attached], known: &BTreeMap<String, Content>) -> Hash {
    let mut used: Vec<&Attached> = used.iter().collect();
    used.sort_by(|a, b| a.target.cmp(&b.target));
    used.into_iter().fold(Hash::default(), |hash, attached| {
        let hash = hash.text(&attached.source).text(&attached.target);
        match known.get(&attached.source) {
            Some(Content { source: Source::Inline(content), .. }) => hash.text(content),
            Some(Content { digest, version, .. }) => {
                hash.text(digest.as_deref().unwrap_or_default()).text(version.as_deref().unwrap_or_default())
            }
            None => hash,
        }
    })
}

fn mounts(service: &Service) -> Hash {
    let mut mounts: Vec<_> = service.context.mounts.iter().collect();
    mounts.sort_by(|a, b| a.target.cmp(&b.target));
    mounts.into_iter().fold(Hash::default(), |hash, mount| {
        let hash = match &mount.source {
            Storage::Volume(name) => hash.text("volume").text(name),
            Storage::Host(path) => hash.text("host").text(path),
            Storage::Memory => hash.text("memory"),
        };
        hash.text(&mount.target).number(Some(mount.read_only.into()))
    })
}

fn health(service: &Service) -> Hash {
    let Some(health) = &service.health else { return Hash::default() };
    let probe = match &health.probe {
        Probe::Http { port, path } => Hash::default().text("http").number(Some((*port).into())).text(path),
        Probe::Tcp { port } => Hash::default().text("tcp").number(Some((*port).into())),
        Probe::Grpc { port, service } => Hash::default().text("grpc").number(Some((*port).into())).text(service),
        Probe::Command(words) => words.iter().fold(Hash::default().text("command"), |hash, word| hash.text(word)),
        Probe::Image => Hash::default().text("image"),
    };
    let times = [health.interval, health.timeout, health.start_period];
    times.into_iter().fold(probe, |hash, time| hash.text(&time.as_micros().to_string())).number(Some(health.retries.into()))
}

/// A hash over values, each with its length in front, so that no two lists of values give one text.
#[derive(Default)]
struct Hash(Sha256);

impl Hash {
    fn text(mut self, text: &str) -> Self {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
        self
    }

    fn number(self, number: Option<u64>) -> Self {
        self.text(&number.map(|number| number.to_string()).unwrap_or_default())
    }

    fn finish(self) -> String {
        let digest = self.0.finalize();
        digest.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
    }
}

// === impl Part ===

impl Part {
    /// All parts.
    pub const ALL: [Part; 12] = [
        Part::Image,
        Part::Command,
        Part::Environment,
        Part::Configs,
        Part::Secrets,
        Part::Mounts,
        Part::Networks,
        Part::Resources,
        Part::Ports,
        Part::Health,
        Part::Process,
        Part::Dependencies,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Part::Image => "image",
            Part::Command => "command",
            Part::Environment => "environment",
            Part::Configs => "configs",
            Part::Secrets => "secrets",
            Part::Mounts => "mounts",
            Part::Networks => "networks",
            Part::Resources => "resources",
            Part::Ports => "ports",
            Part::Health => "health",
            Part::Process => "process",
            Part::Dependencies => "dependencies",
        }
    }
}

// === impl Revision ===

impl Revision {
    /// The parts in which another revision differs.
    pub fn changed(&self, other: &Revision) -> Vec<Part> {
        Part::ALL.into_iter().filter(|part| self.parts.get(part) != other.parts.get(part)).collect()
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (part, hash)) in self.parts.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{}={hash}", part.as_str())?;
        }
        Ok(())
    }
}

impl FromStr for Revision {
    type Err = NoRevision;

    fn from_str(text: &str) -> Result<Self, NoRevision> {
        let part = |pair: &str| {
            let (name, hash) = pair.split_once('=').ok_or(NoRevision)?;
            let part = Part::ALL.into_iter().find(|part| part.as_str() == name).ok_or(NoRevision)?;
            let is_hash = hash.len() == DIGITS && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_hash { Ok((part, hash.to_owned())) } else { Err(NoRevision) }
        };
        Ok(Revision { parts: text.split(',').map(part).collect::<Result<_, _>>()? })
    }
}

impl fmt::Display for NoRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no revision: part=hash, with commas between")
    }
}

impl std::error::Error for NoRevision {}
