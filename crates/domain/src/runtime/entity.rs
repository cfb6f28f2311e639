//! One runtime as a server has it.

use crate::name::RuntimeId;
use crate::runtime::Package;

/// One runtime, as it is installed on this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// Its name, e.g. `python`.
    pub name: RuntimeId,
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

/// A top-level module of a runtime: another runtime may have another version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeModule {
    /// Name of the runtime.
    pub runtime: RuntimeId,
    /// Name of the module.
    pub module: String,
}
