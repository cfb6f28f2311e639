//! What runs at the moment, as an engine sees it by its labels.

use std::collections::HashSet;

use crate::node::{Node, Value};
use crate::problem::Problems;
use crate::revision::Revision;
use crate::service::{Group, Protocol};
use crate::shape::Kind::{Choice, Flag, List, Name, Object, Text, Whole};
use crate::shape::{Shape, check, optional, required};

/// All services that belong to a platform, wanted or not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// The services.
    pub services: Vec<ObservedService>,
}

/// A service that has replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedService {
    /// Its name.
    pub name: String,
    /// Its group, as it was when it started.
    pub group: Group,
    /// What it depended on when it started.
    pub depends_on: Vec<String>,
    /// Its replicas.
    pub replicas: Vec<Replica>,
}

/// One replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// What the engine calls it.
    pub id: String,
    /// What runs in it.
    pub revision: Revision,
    /// How it is.
    pub state: State,
    /// Whether calls reach it.
    pub serving: bool,
    /// Ports of the host that it holds.
    pub published: Vec<(u16, Protocol)>,
}

/// How a replica is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It runs, and is not seen to be well yet.
    Starting,
    /// It is well.
    Healthy,
    /// It runs, and is not well.
    Unhealthy,
    /// It has ended without a failure.
    Completed,
    /// It has ended with a failure.
    Failed,
}

// === impl State ===

impl State {
    /// The names of all states.
    pub const WORDS: [&'static str; 5] = ["starting", "healthy", "unhealthy", "completed", "failed"];

    /// The state of a name.
    pub fn parse(word: &str) -> Option<Self> {
        let states = [State::Starting, State::Healthy, State::Unhealthy, State::Completed, State::Failed];
        Self::WORDS.iter().position(|known| *known == word).map(|index| states[index])
    }
}

// === impl Replica ===

impl Replica {
    /// Whether it is well and calls reach it.
    pub fn is_available(&self) -> bool {
        self.state == State::Healthy && self.serving
    }
}

// === impl Observed ===

const OBSERVED: Shape = Shape {
    name: "Observed",
    about: "What runs at the moment.",
    fields: &[required("services", List(&Object(&SERVICE), 10_000), "services that have replicas")],
};

const SERVICE: Shape = Shape {
    name: "ObservedService",
    about: "A service that has replicas.",
    fields: &[
        required("name", Name, "its name"),
        optional("group", Choice(&Group::WORDS), "its group; CORE by default"),
        optional("depends_on", List(&Name, 256), "what it depended on when it started"),
        required("replicas", List(&Object(&REPLICA), 10_000), "its replicas"),
    ],
};

const REPLICA: Shape = Shape {
    name: "ObservedReplica",
    about: "One replica.",
    fields: &[
        required("id", Text(256), "what the engine calls it"),
        required("revision", Text(1_024), "what runs in it, as a plan prints it"),
        required("state", Choice(&State::WORDS), "how it is"),
        optional("serving", Flag, "whether calls reach it; true by default"),
        optional("published", List(&Object(&PUBLISHED), 256), "ports of the host that it holds"),
    ],
};

const PUBLISHED: Shape = Shape {
    name: "ObservedPort",
    about: "A port of the host.",
    fields: &[required("port", Whole(1, 65_535), "the port"), optional("protocol", Choice(&Protocol::WORDS), "tcp by default")],
};

impl Observed {
    /// What a document says that runs.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(root: &Node) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        check(root, &Object(&OBSERVED), "", &mut problems);
        let services = root.get("services").map(Node::items).unwrap_or_default();
        let mut names = HashSet::new();
        let services = services.iter().enumerate().map(|(index, node)| service(node, index, &mut names, &mut problems)).collect();
        if problems.is_empty() { Ok(Observed { services }) } else { Err(problems.sorted()) }
    }
}

fn service<'n>(node: &'n Node, index: usize, names: &mut HashSet<&'n str>, problems: &mut Problems) -> ObservedService {
    let name = node.get("name").and_then(Node::scalar).unwrap_or_default();
    if !name.is_empty() && !names.insert(name) {
        let place = node.get("name").and_then(|name| name.place);
        problems.add(format!("services[{index}].name"), place, "service-twice", format!("`{name}` stands here a second time"));
    }
    let depends_on = node.get("depends_on").map(Node::items).unwrap_or_default();
    let replicas = node.get("replicas").map(Node::items).unwrap_or_default();
    ObservedService {
        name: name.to_owned(),
        group: Group::parse(word(node, "group")).unwrap_or_default(),
        depends_on: depends_on.iter().filter_map(Node::scalar).map(str::to_owned).collect(),
        replicas: replicas
            .iter()
            .enumerate()
            .map(|(at, node)| replica(node, &format!("services[{index}].replicas[{at}]"), problems))
            .collect(),
    }
}

fn replica(node: &Node, path: &str, problems: &mut Problems) -> Replica {
    let revision: Result<Revision, _> = word(node, "revision").parse();
    if let (Err(error), Some(given)) = (&revision, node.get("revision")) {
        problems.add(format!("{path}.revision"), given.place, "revision", error.to_string());
    }
    let published = node.get("published").map(Node::items).unwrap_or_default();
    let port = |node: &Node| Some((word(node, "port").parse().ok()?, Protocol::parse(word(node, "protocol")).unwrap_or_default()));
    Replica {
        id: word(node, "id").to_owned(),
        revision: revision.unwrap_or_default(),
        state: State::parse(word(node, "state")).unwrap_or(State::Starting),
        serving: node.get("serving").is_none_or(|serving| serving.value != Value::Bool(false)),
        published: published.iter().filter_map(port).collect(),
    }
}

fn word<'a>(node: &'a Node, name: &str) -> &'a str {
    node.get(name).and_then(Node::scalar).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_stands_there_twice_is_refused() {
        let text = "services: [{name: web, replicas: []}, {name: db, replicas: []}, {name: web, replicas: []}]";
        let problems = Observed::read(&crate::node::read_yaml(text).unwrap()).expect_err("one of both would be overlooked");
        assert_eq!(
            problems.list().iter().map(|problem| (problem.rule, problem.path.as_str())).collect::<Vec<_>>(),
            [("service-twice", "services[2].name")]
        );
    }
}
