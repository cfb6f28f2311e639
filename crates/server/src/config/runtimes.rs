//! `[runtimes.NAME]`: runtimes beside the default one, which `sandbox.image`, `sandbox.python` and `sandbox.packages` describe.
//!
//! Whether there is such an image or directory is deliberately not looked at: `zona doctor` and the server do.

use std::path::PathBuf;

use domain::name::RuntimeId;
use settings::{Place, Reader, Section, section, value};

use super::sandbox::{BackendKind, packages_directory};

/// Longest name; it stands in labels and resource names.
const MAX_NAME: usize = 32;

section! {
    /// A runtime beside the default one.
    #[derive(PartialEq, Eq)]
    pub struct Runtime in Place::each("runtimes", "NAME", "a runtime");

    /// image of the runtime NAME; the docker backend needs it
    image: Option<String> => value::optional(value::any);
    /// its interpreter for the namespace backend; not set: the default runtime's
    python: Option<PathBuf> => value::optional(value::path);
    /// its directory of packages for the namespace backend; the same rules as for `sandbox.packages`
    packages: Option<PathBuf> => value::optional(packages_directory);
}

impl Runtime {
    /// What the sandbox calls it.
    pub(crate) fn config(&self, name: &str) -> sandbox::RuntimeConfig {
        sandbox::RuntimeConfig {
            name: name.to_owned(),
            python: self.python.clone(),
            packages: self.packages.iter().cloned().collect(),
            image: self.image.clone(),
        }
    }
}

/// Reads every runtime's table; whether it fits the backend is said where the backend is known.
pub(super) fn all(reader: &mut Reader<'_>) -> Option<Vec<(String, Runtime)>> {
    let backend = reader.known("sandbox.backend", BackendKind::of);
    let tables: Vec<_> = reader.entries(&Runtime::SECTION).into_iter().map(|name| one(reader, name, backend)).collect();
    tables.into_iter().collect()
}

fn one(reader: &mut Reader<'_>, name: String, backend: Option<BackendKind>) -> Option<(String, Runtime)> {
    let table = Runtime::SECTION.entry(&name);
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(allowed) {
        reader.refuse(&table, format!("a runtime has a name of 1 to {MAX_NAME} lower-case letters, digits and hyphens"));
        return None;
    }
    if name == *RuntimeId::default() {
        reader.refuse(&table, "is the default runtime: it is set by `sandbox.image`, `sandbox.python` and `sandbox.packages`");
        return None;
    }
    let runtime = Runtime::read(reader, &table)?;
    match backend {
        Some(BackendKind::Docker) if runtime.image.is_none() => {
            reader.refuse(&Section::key(&table, "image"), "is missing: the docker backend needs it");
            None
        }
        Some(kind) if kind != BackendKind::Docker && runtime.python.is_none() && runtime.packages.is_none() => {
            reader.refuse(&Section::key(&table, "packages"), "is missing: without it this is the default runtime once more");
            None
        }
        _ => Some((name, runtime)),
    }
}
