//! A runtime: the named set of interpreter and packages that utilities are checked against and executed on.

use std::collections::BTreeSet;

/// One runtime, as it is installed on this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// Its name, e.g. `python`.
    pub name: String,
    /// Version of the set, from its lock file; empty where it was not built from one.
    pub version: String,
    /// Digest of that lock file; empty without one.
    pub lock: String,
    /// Version of the interpreter, e.g. `3.11.2`.
    pub python_version: String,
    /// Identity of its content: the image's digest, or a hash over interpreter and layout.
    pub digest: String,
    /// Packages beside the standard library.
    pub packages: Vec<Package>,
    /// Modules that utilities may import by default, sorted.
    pub allowed_modules: Vec<String>,
    /// Which backends offer it: `docker`, `namespace`.
    pub backend: String,
    /// Why nothing can run on it now, with what to do; then only name and backend are known.
    pub problem: Option<String>,
}

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

// === impl Package ===

impl Package {
    /// Its modules, where something is known against it.
    pub fn vulnerable_modules(&self) -> &[String] {
        if self.advisories.is_empty() { &[] } else { &self.modules }
    }
}

// === impl VulnerableImport ===

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
