//! Where things are: the workspace root, its build output, and the cache that outlives both.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use cargo_metadata::{Metadata, MetadataCommand};

/// The workspace this binary was started in.
pub struct Workspace {
    /// Directory of the root manifest.
    pub root: PathBuf,
    /// Tools, packages, the daemon's data and logs. Versions are part of the names, so runs and checkouts share it.
    pub cache: PathBuf,
}

impl Workspace {
    /// Starts from the manifest directory that cargo passes to what it runs.
    pub fn find() -> anyhow::Result<Self> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest.ancestors().nth(2).context("the task runner lies two levels below the workspace root")?.to_path_buf();
        Ok(Self { root, cache: cache_directory()? })
    }

    /// A path inside the workspace.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }

    /// Packages of the workspace with their declared dependencies.
    pub fn metadata(&self) -> anyhow::Result<Metadata> {
        MetadataCommand::new()
            .manifest_path(self.path("Cargo.toml"))
            .no_deps()
            .exec()
            .context("failed to read the workspace through cargo metadata")
    }

    /// Where cargo puts what it builds.
    pub fn target_directory(&self) -> anyhow::Result<PathBuf> {
        Ok(self.metadata()?.target_directory.into_std_path_buf())
    }
}

fn cache_directory() -> anyhow::Result<PathBuf> {
    if let Some(directory) = env::var_os("XTASK_CACHE_DIR") {
        return Ok(PathBuf::from(directory));
    }
    if let Some(directory) = env::var_os("XDG_CACHE_HOME") {
        return Ok(PathBuf::from(directory).join("zona"));
    }
    let home = env::home_dir().context("no home directory: set XTASK_CACHE_DIR")?;
    Ok(home.join(".cache/zona"))
}
