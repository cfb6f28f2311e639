//! What is known of a runtime, whichever backend found it.

use std::sync::Arc;

use sandbox_protocol::control::Layout;
use serde::Deserialize;

use crate::failure::{RUNTIME_UNUSABLE, StartFailure};

/// A runtime that programs run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeFacts {
    /// What a sandbox root holds.
    pub layout: Layout,
    /// `major.minor.micro` of the interpreter.
    pub python_version: String,
    /// Digest: the image's, or over the interpreter and its layout.
    pub digest: String,
    /// What is installed beside the standard library, by name.
    pub packages: Vec<Package>,
    /// Its version; empty where it was not built from a lock file.
    pub version: String,
    /// Digest of the lock file that it was built from; empty without one.
    pub lock: String,
    /// Modules of its packages that are imported before a program arrives, beside the configured ones.
    pub preload: Vec<String>,
    /// Its modules and their names, as its build found them. `None` where nothing is known.
    pub interface: Option<Arc<str>>,
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Package {
    /// Name of the distribution.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Top-level Python modules that it brings; empty for a package of the image's system.
    #[serde(default)]
    pub modules: Vec<String>,
    /// Hashes of the files it was installed from, e.g. `sha256:...`; empty where that is not known.
    #[serde(default)]
    pub hashes: Vec<String>,
}

// === impl RuntimeFacts ===

impl RuntimeFacts {
    /// In one line, for people.
    pub(crate) fn summary(&self) -> String {
        let version = if self.version.is_empty() { String::new() } else { format!(" version {}", self.version) };
        format!("Python {}{version} ({})", self.python_version, self.digest)
    }
}

/// Reads a layout from JSON.
pub(crate) fn parse_layout(json: &str, origin: &str) -> Result<Layout, StartFailure> {
    serde_json::from_str(json).map_err(|error| StartFailure::Refused {
        reason: RUNTIME_UNUSABLE,
        message: format!("{origin} does not describe a runtime layout ({error}); rebuild it with `cargo xtask image`"),
    })
}
