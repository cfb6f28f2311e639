//! What a check is done against: the runtime's facts, and the tenant's policy. It decides nothing by itself.

use std::sync::Arc;

use domain::code_policy::Preset;
use ruff_python_ast::PythonVersion;

use crate::catalog::RuntimeInterface;

/// Largest code in bytes.
pub const MAX_CODE_BYTES: usize = 256 * 1024;

/// A tenant's policy. The default allows the reviewed modules of the standard library and the packages of the runtime, save
/// those that are known to use the network, start processes, run native code or build objects from data.
#[derive(Debug, Clone)]
pub struct CheckPolicy {
    /// What the code will run on.
    pub runtime: CheckedRuntime,
    /// Which members of refused modules are open.
    pub preset: Preset,
    /// Largest code in bytes.
    pub max_code_bytes: usize,
    /// When given, only these of the reviewed modules are allowed (top-level or dotted names).
    pub only_modules: Option<Vec<String>>,
    /// Modules allowed beside the reviewed ones. Their interface is not reviewed; modules inside them stay refused.
    pub extra_modules: Vec<String>,
    /// Rules whose warnings are errors for this tenant.
    pub denied_rules: Vec<String>,
    /// Rules whose findings are left out, e.g. for one utility, with reason and expiry kept elsewhere. Rules that cannot be excepted
    /// ([`domain::code_policy::is_exceptable`]) are not.
    pub allowed_rules: Vec<String>,
}

impl Default for CheckPolicy {
    fn default() -> Self {
        CheckPolicy {
            runtime: CheckedRuntime::default(),
            preset: Preset::Strict,
            max_code_bytes: MAX_CODE_BYTES,
            only_modules: None,
            extra_modules: Vec::new(),
            denied_rules: Vec::new(),
            allowed_rules: Vec::new(),
        }
    }
}

/// What the code will run on.
#[derive(Debug, Clone)]
pub struct CheckedRuntime {
    /// Version of Python: major and minor.
    pub python: (u8, u8),
    /// Packages beside the standard library.
    pub packages: Vec<Package>,
    /// Its modules and their names, as generated inside it. `None` takes the committed interface of the version, without packages.
    pub interface: Option<Arc<RuntimeInterface>>,
}

impl Default for CheckedRuntime {
    /// The newest Python that is known, without packages.
    fn default() -> Self {
        let PythonVersion { major, minor } = PythonVersion::PY314;
        CheckedRuntime { python: (major, minor), packages: Vec::new(), interface: None }
    }
}

impl CheckedRuntime {
    /// The version as the parser knows it.
    pub(crate) fn version(&self) -> PythonVersion {
        PythonVersion { major: self.python.0, minor: self.python.1 }
    }
}

/// A package of a runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Name of the distribution, e.g. `PyYAML`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Top-level modules that it brings, e.g. `yaml`.
    pub modules: Vec<String>,
}
