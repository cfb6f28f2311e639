//! Finds the host's Python and what a sandbox root must hold for it.
//!
//! It runs the interpreter once, isolated, on a script of ours; it deliberately never guesses directories.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use sandbox_protocol::PROBE;
use sandbox_protocol::control::Layout;
use tokio::process::Command;

use super::manifest::{Found, Origin};
use super::witness::Witness;
use super::{RuntimeFacts, digest, packages, parse_layout};
use crate::config::{InterfaceCheck, Namespace};
use crate::failure::{RUNTIME_UNUSABLE, StartFailure, chain};

/// The distribution's interpreter: a `python3` found first on a search path is often a shim into a private home directory.
const DISTRIBUTION_PYTHON: &str = "/usr/bin/python3";
/// Importing every extension module from a cold disk takes seconds.
const PROBE_DEADLINE: Duration = Duration::from_secs(30);
const VERSION_SCRIPT: &str = "import platform; print(platform.python_version())";

/// A runtime, and the files that it was identified by.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) facts: Arc<RuntimeFacts>,
    pub(crate) witness: Witness,
}

/// Finds the runtime that a configuration names, or the first that serves.
pub(crate) async fn find(settings: &Namespace, others_must_read: bool, check: InterfaceCheck) -> Result<Located, StartFailure> {
    let mut reasons = Vec::new();
    for candidate in candidates(settings) {
        match describe(&candidate, settings, others_must_read).await {
            Ok(found) => {
                let witness = found.witness.clone();
                let facts = Arc::new(identify(found, check)?);
                tracing::info!(python = %facts.layout.python, version = facts.python_version, "found the Python runtime");
                return Ok(Located { facts, witness });
            }
            Err(reason) => reasons.push(format!("{}: {reason}", candidate.display())),
        }
    }
    let tried = if reasons.is_empty() { "none was found".to_owned() } else { reasons.join("; ") };
    Err(StartFailure::Refused {
        reason: RUNTIME_UNUSABLE,
        message: format!("no usable Python 3.9 or newer ({tried}); install python3 or name an interpreter in the configuration"),
    })
}

fn candidates(settings: &Namespace) -> Vec<PathBuf> {
    if let Some(python) = &settings.python {
        return vec![python.clone()];
    }
    let on_path = settings.search_path.iter().map(|directory| directory.join("python3"));
    let mut found: Vec<PathBuf> = Vec::new();
    for candidate in std::iter::once(PathBuf::from(DISTRIBUTION_PYTHON)).chain(on_path) {
        if candidate.is_file() && !found.contains(&candidate) {
            found.push(candidate);
        }
    }
    found
}

/// A runtime, and what its packages' directories say of it.
struct Described {
    facts: RuntimeFacts,
    directory: String,
    found: Found,
    witness: Witness,
}

/// Takes over what a runtime's build has written down, if it is true.
fn identify(described: Described, check: InterfaceCheck) -> Result<RuntimeFacts, StartFailure> {
    let Described { mut facts, directory, found, witness: _ } = described;
    let origin = Origin { place: &directory, remedy: "cargo xtask runtime NAME" };
    if let Some(manifest) = found.manifest(&origin, &facts.python_version)? {
        facts.packages = manifest.confirm(&origin, facts.packages)?;
        facts.version = manifest.version;
        facts.lock = manifest.lock;
        facts.preload = manifest.preload;
    }
    facts.interface = found.interface(&origin, &facts.python_version, check)?;
    Ok(facts)
}

async fn describe(python: &Path, settings: &Namespace, others_must_read: bool) -> Result<Described, String> {
    // Before it is run: the probe runs outside of any sandbox, as the server's own user.
    for path in std::iter::once(python).chain(settings.packages.iter().map(PathBuf::as_path)) {
        file_trust::trusted(path).map_err(|error| chain(&error))?;
    }
    let packages: Vec<_> = settings.packages.iter().map(|path| path.as_os_str()).collect();
    let json = run(python, PROBE, &packages).await?;
    let layout = parse_layout(json.trim(), "the probe's answer").map_err(|failure| failure.to_string())?;
    // Before anything is read: what is replaced meanwhile shows.
    let witness = Witness::of(&layout);
    let real = PathBuf::from(&layout.python);
    let python_version = run(&real, VERSION_SCRIPT, &[]).await?.trim().to_owned();
    for path in &layout.read_only {
        file_trust::trusted(Path::new(path)).map_err(|error| chain(&error))?;
    }
    if others_must_read {
        check_readable(&layout)?;
    }
    let interpreter = tokio::fs::read(&real).await.map_err(|error| error.to_string())?;
    let packages = packages::below(&layout.packages);
    let listing: String = packages.iter().map(|package| format!("{} {}\n", package.name, package.version)).collect();
    let (directory, found) = built(&layout.packages)?;
    let texts = [&found.manifest, &found.interface].into_iter().flatten().map(String::as_bytes);
    let parts: Vec<&[u8]> = [interpreter.as_slice(), json.trim().as_bytes(), listing.as_bytes()].into_iter().chain(texts).collect();
    let digest = digest(&parts);
    let (version, lock) = (String::new(), String::new());
    let facts = RuntimeFacts { layout, python_version, digest, packages, version, lock, preload: Vec::new(), interface: None };
    Ok(Described { facts, directory, found, witness })
}

/// The first directory of packages that a build has written, and what it wrote.
fn built(directories: &[String]) -> Result<(String, Found), String> {
    for directory in directories {
        let found = Found::below(Path::new(directory))?;
        if found != Found::default() {
            return Ok((directory.clone(), found));
        }
    }
    Ok((String::new(), Found::default()))
}

async fn run(python: &Path, script: &str, arguments: &[&std::ffi::OsStr]) -> Result<String, String> {
    let mut command = Command::new(python);
    command.args(["-I", "-S", "-B", "-c", script]).args(arguments).env_clear().env("LANG", "C.UTF-8");
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PROBE_DEADLINE, command.output()).await;
    let output = output.map_err(|_elapsed| format!("no answer within {PROBE_DEADLINE:?}"))?.map_err(|error| error.to_string())?;
    if output.status.success() {
        return String::from_utf8(output.stdout).map_err(|error| error.to_string());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(words.lines().last().unwrap_or("it failed without a word").chars().take(300).collect())
}

/// A sandbox runs as another user: everything it needs must be readable, and every directory on the way searchable, by all.
fn check_readable(layout: &Layout) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for path in layout.read_only.iter().map(Path::new) {
        for ancestor in path.ancestors().skip(1) {
            if seen.insert(ancestor.to_owned()) {
                require(ancestor, 0o001, "searched")?;
            }
        }
        let metadata = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
        require(path, if metadata.is_dir() { 0o005 } else { 0o004 }, "read")?;
    }
    Ok(())
}

fn require(path: &Path, bits: u32, verb: &str) -> Result<(), String> {
    let metadata = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    if metadata.permissions().mode() & bits == bits {
        return Ok(());
    }
    Err(format!(
        "{} cannot be {verb} by the user that a sandbox runs as (mode {:o}, owner {})",
        path.display(),
        metadata.mode() & 0o7777,
        metadata.uid()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_host_has_a_runtime_and_its_digest_is_stable() {
        let first = find(&Namespace::default(), true, |_, _| Ok(())).await.unwrap();
        assert!(Path::new(&first.facts.layout.python).is_file());
        assert!(first.facts.python_version.starts_with("3."));
        assert_eq!(find(&Namespace::default(), true, |_, _| Ok(())).await.unwrap(), first);
    }

    #[tokio::test]
    async fn an_interpreter_that_is_none_is_named_with_the_reason() {
        let settings = Namespace { python: Some("/bin/true".into()), ..Namespace::default() };
        let Err(StartFailure::Refused { reason, message }) = find(&settings, true, |_, _| Ok(())).await else {
            panic!("accepted /bin/true")
        };
        assert_eq!(reason, RUNTIME_UNUSABLE);
        assert!(message.contains("/bin/true"), "{message}");
    }

    #[tokio::test]
    async fn an_interpreter_that_somebody_else_could_exchange_is_not_even_asked() {
        let directory = tempfile::tempdir().unwrap();
        let (python, asked) = (directory.path().join("python3"), directory.path().join("asked"));
        fs::write(&python, format!("#!/bin/sh\ntouch {}\n", asked.display())).unwrap();
        fs::set_permissions(&python, fs::Permissions::from_mode(0o757)).unwrap();
        let settings = Namespace { python: Some(python.clone()), ..Namespace::default() };
        let Err(StartFailure::Refused { message, .. }) = find(&settings, true, |_, _| Ok(())).await else { panic!("accepted") };
        assert!(message.contains("others can write it (mode 0757)") && !asked.exists(), "{message}");
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(find(&settings, true, |_, _| Ok(())).await.is_err());
        assert!(asked.exists(), "the one difference is who can write it");
    }

    #[test]
    fn a_runtime_in_a_private_directory_is_refused_with_the_path() {
        let private = tempfile::tempdir().unwrap();
        fs::set_permissions(private.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let file = private.path().join("python3");
        fs::write(&file, "").unwrap();
        let layout = Layout {
            python: file.display().to_string(),
            read_only: vec![file.display().to_string()],
            links: Vec::new(),
            packages: Vec::new(),
        };
        let reason = check_readable(&layout).unwrap_err();
        assert!(reason.starts_with(&private.path().display().to_string()), "{reason}");
    }
}
