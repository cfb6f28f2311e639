//! What is known of modules: the runtime's reviewed interface, the modules that are refused and why, and
//! well-known packages. Facts only; the scan decides what to do with them.

mod allowed;
mod compatible;
mod forbidden;
mod interface;
mod packages;

use std::sync::Arc;

use domain::code::{Family, Standing};
use domain::code_policy::Preset;

use crate::map::{Map, Set};
use crate::policy::{CheckPolicy, CheckedRuntime};

/// What may happen to a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Allowed, with a reviewed interface.
    Reviewed,
    /// Allowed by the policy, or as a package of a runtime that says nothing of its interface.
    Open,
    /// Refused as dangerous.
    Forbidden(Family),
    /// Exists in the standard library, but the policy does not allow it.
    NotAllowed,
    /// A well-known package that the runtime does not have.
    NotInstalled,
    /// Not among the reviewed modules of its package.
    Unlisted,
    /// Nothing of this name is known.
    Unknown,
}

/// What may happen to a name of a reviewed module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    /// Free to use.
    Allowed,
    /// Only to be called, with checked arguments.
    CallOnly,
    /// A reviewed module inside a module.
    Module,
    /// Refused, for this reason.
    Refused(Family),
    /// Not part of the reviewed interface.
    Unknown,
}

/// Facts for one policy.
#[derive(Debug)]
pub(crate) struct Catalog {
    interface: Arc<RuntimeInterface>,
    compatible: bool,
    former: Set<&'static str>,
    forbidden: Map<&'static str, Family>,
    packages: Map<&'static str, Option<Family>>,
    only: Option<Set<String>>,
    extra: Set<String>,
    /// Names that are only to be called, whatever module they are of.
    call_only: Set<String>,
    installed: Map<String, (String, String)>,
}

impl Catalog {
    /// The facts that hold under `policy`.
    pub fn new(policy: &CheckPolicy) -> Self {
        let runtime = &policy.runtime;
        let compatible = policy.preset == Preset::Compatible;
        let interface = runtime.interface.clone().unwrap_or_else(|| RuntimeInterface::committed(runtime.python));
        let interface = if compatible { Arc::new(compatible::widened(&interface)) } else { interface };
        Catalog {
            call_only: interface.modules.values().flat_map(|module| module.call.iter().cloned()).collect(),
            interface,
            compatible,
            former: forbidden::former().collect(),
            forbidden: forbidden::modules().collect(),
            packages: packages::modules().collect(),
            only: policy.only_modules.as_ref().map(|names| names.iter().cloned().collect()),
            extra: policy.extra_modules.iter().cloned().collect(),
            installed: installed(runtime),
        }
    }

    /// Whether the preset `compatible` holds.
    pub fn is_compatible(&self) -> bool {
        self.compatible
    }

    /// For which family the names of a reviewed module that are not reviewed are refused: the module is open by the preset only.
    pub fn opened(&self, path: &str) -> Option<Family> {
        self.forbidden.get(path).copied().filter(|_| self.compatible)
    }

    /// Whether `name` is a builtin of the runtime.
    pub fn is_builtin(&self, name: &str) -> bool {
        self.interface.builtins.contains(name)
    }

    /// Whether a top-level module of the standard library has this name.
    pub fn is_stdlib(&self, name: &str) -> bool {
        self.interface.stdlib.contains(name)
    }

    /// What may happen to the module `path`.
    pub fn module(&self, path: &str) -> Verdict {
        if prefixes(path).any(|prefix| self.extra.contains(prefix)) {
            return Verdict::Open;
        }
        let root = path.split('.').next().unwrap_or(path);
        let own = self.is_stdlib(root);
        if let Some(Some(family)) = self.packages.get(root).filter(|_| !own) {
            return Verdict::Forbidden(*family);
        }
        match self.interface.modules.get(path) {
            // A package without an interface of its own is judged by name: `urllib` is refused, `urllib.parse` is not.
            Some(interface) if !(interface.allowed.is_empty() && self.forbidden.contains_key(path)) => {
                return if self.permits(path) { Verdict::Reviewed } else { Verdict::NotAllowed };
            }
            _ => {}
        }
        if let Some(family) = prefixes(path).find_map(|prefix| self.forbidden.get(prefix).copied()) {
            return Verdict::Forbidden(family);
        }
        if own || self.former.contains(root) {
            return if root.starts_with('_') { Verdict::Forbidden(Family::ForbiddenImport) } else { Verdict::NotAllowed };
        }
        match self.installed.get(root) {
            Some(_) if self.is_reviewed(root) => unlisted(path),
            Some(_) if self.permits(path) => Verdict::Open,
            Some(_) => Verdict::NotAllowed,
            None if self.packages.contains_key(root) => Verdict::NotInstalled,
            None if root.starts_with('_') => Verdict::Forbidden(Family::ForbiddenImport),
            None => Verdict::Unknown,
        }
    }

    fn permits(&self, path: &str) -> bool {
        self.only.as_ref().is_none_or(|only| prefixes(path).any(|prefix| only.contains(prefix)))
    }

    /// What may happen to `name` of the reviewed module `path`.
    pub fn name(&self, path: &str, name: &str) -> Name {
        let Some(interface) = self.interface.modules.get(path) else { return Name::Unknown };
        if let Some(family) = unsafe_name(path, name) {
            return Name::Refused(family);
        }
        if let Some(family) = interface.refused.get(name) {
            return Name::Refused(*family);
        }
        if interface.allowed.contains(name) {
            return Name::Allowed;
        }
        if interface.call.contains(name) {
            return Name::CallOnly;
        }
        if self.is_reviewed(&format!("{path}.{name}")) { Name::Module } else { Name::Unknown }
    }

    /// Whether `name` is only to be called in some module: of most names this tells that they are not, whatever they belong to.
    pub fn may_be_call_only(&self, name: &str) -> bool {
        self.call_only.contains(name)
    }

    /// Whether `path` is a reviewed module or a package around one.
    pub fn is_reviewed(&self, path: &str) -> bool {
        self.interface.modules.contains_key(path)
    }

    /// Whether `path` is a module that is refused under exactly this name.
    pub fn is_refused_module(&self, path: &str) -> bool {
        self.forbidden.contains_key(path)
    }

    /// Whether a star import of `path` binds nothing that is refused.
    pub fn star_is_safe(&self, path: &str) -> bool {
        // What a package binds by a star is its own affair.
        let own = self.is_stdlib(path.split('.').next().unwrap_or(path));
        own && self.opened(path).is_none()
            && self.interface.modules.get(path).is_some_and(|interface| {
                interface.call.is_empty()
                    && !interface.allowed.is_empty()
                    && interface.refused.values().all(|family| *family == Family::ModulePivot)
            })
    }

    /// Where the module `path` comes from.
    pub fn standing(&self, path: &str) -> Standing {
        let root = path.split('.').next().unwrap_or(path);
        if self.is_stdlib(root) {
            return Standing::StandardLibrary;
        }
        match self.installed.get(root) {
            Some((name, version)) => Standing::Package { name: name.clone(), version: version.clone() },
            None if self.packages.contains_key(root) => Standing::NotInstalled,
            None => Standing::Unknown,
        }
    }
}

pub(crate) use compatible::is_private_path;
pub use compatible::page as compatible_page;
pub(crate) use forbidden::{use_of, why};
pub use interface::{MAX_INTERFACE_BYTES, MalformedInterface, RuntimeInterface};
pub(crate) use packages::unsafe_name;

fn installed(runtime: &CheckedRuntime) -> Map<String, (String, String)> {
    let pairs = runtime.packages.iter().flat_map(|package| package.modules.iter().map(move |module| (module, package)));
    pairs.map(|(module, package)| (module.clone(), (package.name.clone(), package.version.clone()))).collect()
}

/// `a.b.c`, `a.b`, `a`.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |rest| rest.rfind('.').map(|at| &rest[..at]))
}

/// A module of a package with a reviewed interface that is not in it.
fn unlisted(path: &str) -> Verdict {
    let private = path.split('.').any(|part| part.starts_with('_'));
    if private { Verdict::Forbidden(Family::ForbiddenImport) } else { Verdict::Unlisted }
}
