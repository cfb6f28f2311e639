//! A runtime: the named set of interpreter and packages that utilities are checked against and executed on.

/// One runtime, as it is installed on this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// Its name, e.g. `python`.
    pub name: String,
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
    /// Known vulnerabilities of this version, from the advisories that the operator supplied.
    pub advisories: Vec<Advisory>,
}

/// A known vulnerability of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advisory {
    /// Its id, e.g. `GHSA-...` or `CVE-...`.
    pub id: String,
    /// One line.
    pub summary: String,
}
