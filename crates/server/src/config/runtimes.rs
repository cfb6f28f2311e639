//! `[runtimes.NAME]`: runtimes beside the default one, which `sandbox.image`, `sandbox.python` and `sandbox.packages` describe.
//!
//! Whether there is such an image or directory is deliberately not looked at: `zona doctor` and the server do.

use std::path::PathBuf;

use domain::runtime::DEFAULT_RUNTIME;
use figment::Figment;

use super::reader::Reader;
use super::{BackendKind, packages_directory};

/// Keys of each runtime's table.
pub const RUNTIME_KEYS: [&str; 3] = ["image", "python", "packages"];
/// The section.
const SECTION: &str = "runtimes";
/// Longest name; it stands in labels and resource names.
const MAX_NAME: usize = 32;

/// A runtime beside the default one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeConfig {
    /// Its name, as utilities name it.
    pub name: String,
    /// Image of the docker backend.
    pub image: Option<String>,
    /// Interpreter of the namespace backend; not set: the default runtime's.
    pub python: Option<PathBuf>,
    /// Directory of packages of the namespace backend.
    pub packages: Option<PathBuf>,
}

/// Names of the configured runtimes.
pub(super) fn names(figment: &Figment) -> Vec<String> {
    let section = figment.find_value(SECTION).ok().and_then(|value| value.into_dict());
    section.map(|tables| tables.into_keys().collect()).unwrap_or_default()
}

/// The key of a runtime.
pub(super) fn key(name: &str, leaf: &str) -> String {
    format!("{SECTION}.{name}.{leaf}")
}

/// Whether a key may stand in a runtime's table.
pub(super) fn is_key(key: &str) -> bool {
    let below = key.strip_prefix(SECTION).and_then(|rest| rest.strip_prefix('.'));
    below.and_then(|below| below.rsplit_once('.')).is_some_and(|(_, leaf)| RUNTIME_KEYS.contains(&leaf))
}

/// Reads every runtime; `backend` is the one in use, where that is known.
pub(super) fn read(reader: &mut Reader<'_>, backend: Option<BackendKind>) -> Option<Vec<RuntimeConfig>> {
    let names = names(reader.figment());
    let runtimes: Vec<_> = names.into_iter().map(|name| read_one(reader, name, backend)).collect();
    runtimes.into_iter().collect()
}

fn read_one(reader: &mut Reader<'_>, name: String, backend: Option<BackendKind>) -> Option<RuntimeConfig> {
    let table = format!("{SECTION}.{name}");
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(allowed) {
        reader.refuse(&table, format!("a runtime has a name of 1 to {MAX_NAME} lower-case letters, digits and hyphens"));
        return None;
    }
    if name == DEFAULT_RUNTIME {
        reader.refuse(&table, "is the default runtime: it is set by `sandbox.image`, `sandbox.python` and `sandbox.packages`");
        return None;
    }
    let image = reader.optional(&key(&name, "image"), |text| Ok(text.to_owned()));
    let python = reader.optional(&key(&name, "python"), |text| Ok(PathBuf::from(text)));
    let packages = reader.optional(&key(&name, "packages"), packages_directory);
    let runtime = RuntimeConfig { name, image: image?, python: python?, packages: packages? };
    match backend {
        Some(BackendKind::Docker) if runtime.image.is_none() => {
            reader.refuse(&key(&runtime.name, "image"), "is missing: the docker backend needs it");
            None
        }
        Some(kind) if kind != BackendKind::Docker && runtime.python.is_none() && runtime.packages.is_none() => {
            reader.refuse(&key(&runtime.name, "packages"), "is missing: without it this is the default runtime once more");
            None
        }
        _ => Some(runtime),
    }
}
