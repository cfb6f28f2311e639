//! What a runtime says of itself: the manifest that its build writes, and the interface of its modules. They lie in its directory
//! of packages or stand on its image as labels.
//!
//! It deliberately does not know what an interface means: whoever checks code does, and lends its parser.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use super::Package;
use crate::config::InterfaceCheck;
use crate::failure::{RUNTIME_UNUSABLE, StartFailure};

/// Files beside the packages, and the labels with the same content.
pub(crate) const MANIFEST_FILE: &str = "zona-runtime.json";
pub(crate) const INTERFACE_FILE: &str = "zona-runtime.api";
pub(crate) const MANIFEST_LABEL: &str = "zona.runtime";
pub(crate) const INTERFACE_LABEL: &str = "zona.interface";
/// Longest of either; an interface of the whole standard library has 32 KiB.
const MAX_BYTES: u64 = 1024 * 1024;

/// How a runtime was built.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// The name that it was built under. A configuration may call it otherwise.
    #[serde(rename = "name")]
    pub(crate) _name: String,
    /// Its version.
    pub(crate) version: String,
    /// `major.minor` of the Python that its packages are for.
    pub(crate) python: String,
    /// Digest of the lock file.
    pub(crate) lock: String,
    /// Modules that its utilities usually import.
    #[serde(default)]
    pub(crate) preload: Vec<String>,
    /// What was installed.
    pub(crate) packages: Vec<Package>,
}

/// A manifest and an interface as they were found, whether or not they are any good.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The manifest's text.
    pub(crate) manifest: Option<String>,
    /// The interface's text.
    pub(crate) interface: Option<String>,
}

/// Where they were found, and how they are made anew.
pub(crate) struct Origin<'a> {
    /// E.g. `image zona/runtime-security:1`.
    pub(crate) place: &'a str,
    /// The command that builds it.
    pub(crate) remedy: &'a str,
}

// === impl Found ===

impl Found {
    /// Those of a directory of packages.
    pub(crate) fn below(directory: &Path) -> Result<Self, String> {
        Ok(Found { manifest: read(&directory.join(MANIFEST_FILE))?, interface: read(&directory.join(INTERFACE_FILE))? })
    }

    /// The manifest, if there is one, and it fits the interpreter.
    pub(crate) fn manifest(&self, origin: &Origin<'_>, python_version: &str) -> Result<Option<Manifest>, StartFailure> {
        let Some(text) = &self.manifest else { return Ok(None) };
        let manifest: Manifest =
            serde_json::from_str(text).map_err(|error| origin.refuse(&format!("its manifest cannot be read ({error})")))?;
        let fits = python_version.strip_prefix(&manifest.python).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if fits {
            return Ok(Some(manifest));
        }
        Err(origin.refuse(&format!("it was built for Python {}, and the interpreter is {python_version}", manifest.python)))
    }

    /// The interface, if there is one, and it is well-formed.
    pub(crate) fn interface(
        self,
        origin: &Origin<'_>,
        python_version: &str,
        check: InterfaceCheck,
    ) -> Result<Option<Arc<str>>, StartFailure> {
        let Some(text) = self.interface else { return Ok(None) };
        check(&text, python_version).map_err(|error| origin.refuse(&format!("its interface is malformed: {error}")))?;
        Ok(Some(text.into()))
    }
}

// === impl Manifest ===

impl Manifest {
    /// The installed packages with the hashes that they were installed by.
    ///
    /// # Errors
    /// When what is installed is not what was built.
    pub(crate) fn confirm(&self, origin: &Origin<'_>, mut installed: Vec<Package>) -> Result<Vec<Package>, StartFailure> {
        for package in &self.packages {
            let known = installed.iter_mut().find(|other| normalized(&other.name) == normalized(&package.name));
            match known {
                Some(other) if other.version == package.version => other.hashes.clone_from(&package.hashes),
                Some(other) => {
                    let text = format!("{} {} was built, and {} is installed", package.name, package.version, other.version);
                    return Err(origin.refuse(&text));
                }
                None => return Err(origin.refuse(&format!("{} {} was built, and is not installed", package.name, package.version))),
            }
        }
        if let Some(stranger) = installed.iter().find(|package| package.hashes.is_empty()) {
            return Err(origin.refuse(&format!("{} {} is installed, and not in its manifest", stranger.name, stranger.version)));
        }
        Ok(installed)
    }
}

// === impl Origin ===

impl Origin<'_> {
    fn refuse(&self, what: &str) -> StartFailure {
        StartFailure::Refused {
            reason: RUNTIME_UNUSABLE,
            message: format!("the runtime in {} cannot be used: {what}; build it anew with `{}`", self.place, self.remedy),
        }
    }
}

/// Names of distributions are equal whatever their case and separators.
fn normalized(name: &str) -> String {
    name.to_lowercase().replace(['_', '.'], "-")
}

fn read(path: &Path) -> Result<Option<String>, String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(named(&error)),
        Ok(metadata) if metadata.len() > MAX_BYTES => Err(named(&format!("more than {MAX_BYTES} bytes"))),
        Ok(_) => fs::read_to_string(path).map(Some).map_err(|error| named(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: Origin<'_> = Origin { place: "/opt/security", remedy: "cargo xtask runtime security" };

    fn manifest(python: &str) -> String {
        format!(
            r#"{{"name": "security", "version": "1.0.0", "python": "{python}", "lock": "sha256:l", "preload": ["yaml"],
                "packages": [{{"name": "PyYAML", "version": "6.0.2", "modules": ["yaml"], "hashes": ["sha256:y"]}}]}}"#
        )
    }

    fn package(name: &str, version: &str) -> Package {
        Package { name: name.to_owned(), version: version.to_owned(), modules: Vec::new(), hashes: Vec::new() }
    }

    fn refused<T: std::fmt::Debug>(found: Result<T, StartFailure>, words: &str) {
        match found {
            Err(StartFailure::Refused { reason: RUNTIME_UNUSABLE, message }) => {
                assert!(message.contains(words) && message.contains("/opt/security") && message.contains("cargo xtask"), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_manifest_is_read_whole_or_refused() {
        let found = |text: &str| Found { manifest: Some(text.to_owned()), interface: None };
        let read = found(&manifest("3.11")).manifest(&ORIGIN, "3.11.2").unwrap().unwrap();
        assert_eq!((read.version.as_str(), read.preload.as_slice(), read.packages.len()), ("1.0.0", ["yaml".to_owned()].as_slice(), 1));
        assert_eq!(Found::default().manifest(&ORIGIN, "3.11.2"), Ok(None));
        refused(found("{}").manifest(&ORIGIN, "3.11.2"), "cannot be read");
        refused(found(&manifest("3.11").replace("lock", "key")).manifest(&ORIGIN, "3.11.2"), "cannot be read");
        refused(found(&manifest("3.1")).manifest(&ORIGIN, "3.11.2"), "built for Python 3.1");
    }

    #[test]
    fn a_malformed_interface_is_refused_with_the_way_out() {
        let check: InterfaceCheck = |text, version| if text == "good" { Ok(()) } else { Err(format!("line 1 on {version}")) };
        let found = |text: &str| Found { manifest: None, interface: Some(text.to_owned()) };
        assert_eq!(found("good").interface(&ORIGIN, "3.11.2", check), Ok(Some("good".into())));
        refused(found("bad").interface(&ORIGIN, "3.11.2", check), "its interface is malformed: line 1 on 3.11.2");
    }

    #[test]
    fn what_is_installed_must_be_what_was_built() {
        let manifest = Found { manifest: Some(manifest("3.11")), interface: None }.manifest(&ORIGIN, "3.11.2").unwrap().unwrap();
        let confirmed = manifest.confirm(&ORIGIN, vec![package("pyyaml", "6.0.2")]).unwrap();
        assert_eq!(confirmed[0].hashes, ["sha256:y"]);
        refused(manifest.confirm(&ORIGIN, vec![]), "is not installed");
        refused(manifest.confirm(&ORIGIN, vec![package("PyYAML", "6.0.1")]), "6.0.1 is installed");
        refused(manifest.confirm(&ORIGIN, vec![package("PyYAML", "6.0.2"), package("evil", "1")]), "evil 1 is installed");
    }

    #[test]
    fn both_files_lie_beside_the_packages() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Found::below(directory.path()), Ok(Found::default()));
        fs::write(directory.path().join(MANIFEST_FILE), "{}").unwrap();
        fs::write(directory.path().join(INTERFACE_FILE), "python 3.11").unwrap();
        let found = Found::below(directory.path()).unwrap();
        assert_eq!((found.manifest.as_deref(), found.interface.as_deref()), (Some("{}"), Some("python 3.11")));
    }
}
