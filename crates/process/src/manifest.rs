//! Manifests: what a platform shall be, read from a file. Everything that is wrong is said at once: first what the file may hold at all
//! (`fields`), then the rules about several values (`rules`). Nothing is opened here: digests of files are the caller's to fill in.

use crate::node::{Node, Value, read_json, read_yaml};
use crate::problem::Problems;
use crate::shape::{Kind, check};

mod asked;
mod build;
mod content;
mod fields;
mod integrated;
mod overlay;
mod rules;

pub use self::asked::Asked;
pub use self::content::{Content, Manifest, Network, Source, Volume};
pub use self::integrated::{AskedIntegration, Integrated, Resolved, Wanted, service_of};
pub use self::overlay::Difference;

/// Where the schema is published.
const SCHEMA_ID: &str = "https://github.com/zona-platform/zona/blob/main/docs/manifest.schema.json";

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
    root: Node,
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

/// The JSON Schema of manifests.
pub fn manifest_schema() -> serde_json::Value {
    crate::shape::schema(&fields::MANIFEST, SCHEMA_ID)
}

/// Fields `x-...` at the root hold what the rest of a file repeats by aliases.
fn without_extensions(mut root: Node) -> Node {
    if let Value::Map(members) = &mut root.value {
        members.retain(|member| !member.name.starts_with("x-"));
    }
    root
}

#[cfg(test)]
mod tests;
