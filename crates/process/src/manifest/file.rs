//! The file of a manifest: read, checked in every environment that it has, and looked at.

use crate::manifest::content::Manifest;
use crate::manifest::overlay::Difference;
use crate::manifest::{build, fields, overlay, rules};
use crate::node::{Node, Value, read_json, read_yaml};
use crate::problem::Problems;
use crate::shape::{Kind, check};

/// Environments of a file: each is a copy of the whole that is checked.
const MAX_ENVIRONMENTS: usize = 32;

/// The notation of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// YAML 1.2.
    Yaml,
    /// JSON.
    Json,
}

/// A file that holds a manifest: what is wanted everywhere, and what differs by environment.
#[derive(Debug, Clone)]
pub struct File {
    pub(super) root: Node,
}

// === impl File ===

impl File {
    /// Reads a file and checks it, in every environment that it has.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn read(text: &str, notation: Notation) -> Result<Self, Problems> {
        let root = match notation {
            Notation::Yaml => read_yaml(text)?,
            Notation::Json => read_json(text)?,
        };
        let file = File { root: without_extensions(root) };
        let mut problems = Problems::default();
        check(&file.root, &Kind::Object(&fields::MANIFEST), "", &mut problems);
        if file.environments().len() > MAX_ENVIRONMENTS {
            let message = format!("{} environments; at most {MAX_ENVIRONMENTS} are taken", file.environments().len());
            problems.add("environments", file.root.get("environments").and_then(|all| all.place), "too-many", message);
        }
        if problems.list().iter().any(|problem| problem.rule == "too-many") {
            // Rules compare each with each.
            return Err(problems.sorted());
        }
        rules::check(&build::manifest(&file.root), &file.root, &mut problems);
        overlay::check_names(&file.root, &mut problems);
        for environment in file.environments() {
            let merged = overlay::merged(&file.root, environment);
            let mut here = Problems::default();
            rules::check(&build::manifest(&merged), &merged, &mut here);
            problems.extend(here);
        }
        if problems.is_empty() { Ok(file) } else { Err(problems.sorted()) }
    }

    /// The names of its environments.
    pub fn environments(&self) -> Vec<&str> {
        let all = self.root.get("environments");
        all.map(|all| all.members().iter().map(|member| member.name.as_str()).collect()).unwrap_or_default()
    }

    /// What is wanted where no environment is named.
    pub fn manifest(&self) -> Manifest {
        build::manifest(&self.root)
    }

    /// What is wanted in an environment, and how that differs. None where the file has no such environment.
    pub fn environment(&self, name: &str) -> Option<(Manifest, Vec<Difference>)> {
        self.environments().contains(&name).then(|| {
            let merged = overlay::merged(&self.root, name);
            (build::manifest(&merged), overlay::differences(&self.root, &merged))
        })
    }
}

/// Fields `x-...` at the root hold what the rest of a file repeats by aliases.
fn without_extensions(mut root: Node) -> Node {
    if let Value::Map(members) = &mut root.value {
        members.retain(|member| !member.name.starts_with("x-"));
    }
    root
}
