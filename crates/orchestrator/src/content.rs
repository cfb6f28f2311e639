//! What configs and secrets hold: from the manifest itself, or from a directory with one file for each that is external. Values of secrets
//! are read when a container is created and kept nowhere.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use process::manifest::{Content, Manifest, Source};
use process::service::Attached;

use crate::engine::File;

/// The most that an external config or secret holds: what Docker Swarm takes of a secret.
const MAX_CONTENT: u64 = 500 * 1024;

/// Where external configs and secrets are.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    directory: Option<PathBuf>,
}

/// Why a config or secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No directory of external ones is configured.
    #[error("`{0}` is external, and no directory of such files is configured; set `engine.secrets`")]
    NoDirectory(String),
    /// It is a file beside a manifest that came without it.
    #[error("`{0}` is in a file beside the manifest; write what it holds into the manifest")]
    Beside(String),
    /// The manifest does not know it.
    #[error("the manifest has no `{0}`")]
    Unknown(String),
    /// Others could have written it.
    #[error("failed to trust the file of `{name}`")]
    Untrusted {
        /// Its name.
        name: String,
        /// Why.
        source: file_trust::Error,
    },
    /// It cannot be read.
    #[error("failed to read the file of `{name}`")]
    Unreadable {
        /// Its name.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is too large.
    #[error("`{0}` holds more than {MAX_CONTENT} bytes")]
    TooLarge(String),
}

// === impl Contents ===

impl Contents {
    /// External ones are files of this directory, by their names.
    pub fn new(directory: Option<PathBuf>) -> Self {
        Contents { directory }
    }

    /// The files that a service finds: its configs, then its secrets.
    ///
    /// # Errors
    /// What cannot be had.
    pub fn files(&self, manifest: &Manifest, configs: &[Attached], secrets: &[Attached]) -> Result<Vec<File>, Error> {
        let of = |attached: &Attached, known: Option<&Content>| {
            let content = known.ok_or_else(|| Error::Unknown(attached.source.clone()))?;
            Ok(File { target: attached.target.clone(), content: self.content(&attached.source, content)? })
        };
        let configs = configs.iter().map(|attached| of(attached, manifest.configs.get(&attached.source)));
        configs.chain(secrets.iter().map(|attached| of(attached, manifest.secrets.get(&attached.source)))).collect()
    }

    fn content(&self, name: &str, content: &Content) -> Result<Vec<u8>, Error> {
        match &content.source {
            Source::Inline(text) => Ok(text.clone().into_bytes()),
            Source::File(_) => Err(Error::Beside(name.to_owned())),
            Source::External => read(name, self.directory.as_deref().ok_or_else(|| Error::NoDirectory(name.to_owned()))?),
        }
    }
}

/// Names of manifests are words of letters, digits and hyphens, so that none leads out of the directory.
fn read(name: &str, directory: &Path) -> Result<Vec<u8>, Error> {
    let path = file_trust::trusted(&directory.join(name)).map_err(|source| Error::Untrusted { name: name.to_owned(), source })?;
    let unreadable = |source| Error::Unreadable { name: name.to_owned(), source };
    let mut content = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_CONTENT + 1).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() as u64 > MAX_CONTENT {
        return Err(Error::TooLarge(name.to_owned()));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn manifest(name: &str, source: Source) -> Manifest {
        let mut manifest = Manifest::default();
        manifest.secrets.insert(name.to_owned(), Content { source, digest: None, version: None });
        manifest
    }

    fn secret(contents: &Contents, source: Source) -> Result<Vec<File>, Error> {
        let attached = Attached { source: "password".to_owned(), target: "/run/password".to_owned() };
        contents.files(&manifest("password", source), &[], &[attached])
    }

    #[test]
    fn an_external_secret_is_the_file_of_its_name() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("password"), "hunter2\n").unwrap();
        let contents = Contents::new(Some(directory.path().to_owned()));
        let files = secret(&contents, Source::External).unwrap();
        assert_eq!(files, [File { target: "/run/password".to_owned(), content: b"hunter2\n".to_vec() }]);
        assert!(!format!("{files:?}").contains("hunter2"), "a secret shows nowhere");
    }

    #[test]
    fn a_secret_that_others_can_write_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        std::fs::write(&path, "x").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        let contents = Contents::new(Some(directory.path().to_owned()));
        assert!(matches!(secret(&contents, Source::External), Err(Error::Untrusted { .. })));
    }

    #[test]
    fn what_cannot_be_had_is_said_by_its_reason() {
        let none = Contents::default();
        assert!(matches!(secret(&none, Source::External), Err(Error::NoDirectory(name)) if name == "password"));
        assert!(matches!(secret(&none, Source::File("x".to_owned())), Err(Error::Beside(_))));
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("password"), vec![0; 500 * 1024 + 1]).unwrap();
        let contents = Contents::new(Some(directory.path().to_owned()));
        assert!(matches!(secret(&contents, Source::External), Err(Error::TooLarge(_))));
    }
}
