//! Packages of a runtime, and what is known against them.

use std::collections::BTreeSet;

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Name of the distribution.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Top-level modules it brings.
    pub modules: Vec<String>,
    /// Hashes of the files that it was installed from, e.g. `sha256:...`; empty where they are not known.
    pub hashes: Vec<String>,
    /// Known vulnerabilities of this version, from the advisories that the operator supplied.
    pub advisories: Vec<Advisory>,
}

/// An imported module that packages with known vulnerabilities bring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VulnerableImport {
    /// The top-level module.
    pub module: String,
    /// Ids of the advisories, ascending.
    pub advisories: Vec<String>,
}

/// A known vulnerability of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advisory {
    /// Its id, e.g. `GHSA-...` or `CVE-...`.
    pub id: String,
    /// One line.
    pub summary: String,
}

impl Package {
    /// Its modules, where something is known against it.
    pub fn vulnerable_modules(&self) -> &[String] {
        if self.advisories.is_empty() { &[] } else { &self.modules }
    }
}

impl VulnerableImport {
    /// Those of `imports`, in their order, that one of `packages` brings with a known vulnerability.
    pub fn among(imports: &[String], packages: &[Package]) -> Vec<Self> {
        imports.iter().filter_map(|module| VulnerableImport::of(module, packages)).collect()
    }

    fn of(module: &String, packages: &[Package]) -> Option<Self> {
        let bringing = packages.iter().filter(|package| package.vulnerable_modules().contains(module));
        let ids: BTreeSet<&String> = bringing.flat_map(|package| &package.advisories).map(|advisory| &advisory.id).collect();
        (!ids.is_empty()).then(|| VulnerableImport { module: module.clone(), advisories: ids.into_iter().cloned().collect() })
    }
}
