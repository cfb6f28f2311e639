//! Where configuration comes from, and in which order: defaults, a file, the environment, flags.

use std::path::{Path, PathBuf};

use figment::providers::{Env, Format as _, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider, util};

use super::Problems;

const DEFAULTS: &str = include_str!("defaults.toml");
const PREFIX: &str = "ZONA_";
/// Name of the layer of flags.
pub(super) const FLAGS: &str = "command line";
/// Name of the layer of defaults.
pub(super) const DEFAULT: &str = "default";

/// What the process finds around itself; read once, in `main`.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `XDG_DATA_HOME`.
    pub data_home: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`.
    pub config_home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// Directories of `PATH`.
    pub search_path: Vec<PathBuf>,
    /// `ZONA_CONFIG`.
    pub config_file: Option<PathBuf>,
}

/// A key that a command line, or a command by itself, sets.
#[derive(Debug, Clone)]
pub struct Flag {
    /// The key.
    pub key: &'static str,
    /// Its value, as typed.
    pub value: String,
}

impl Surroundings {
    /// Reads the environment.
    pub fn read() -> Self {
        let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Surroundings {
            home: path("HOME"),
            data_home: path("XDG_DATA_HOME"),
            config_home: path("XDG_CONFIG_HOME"),
            runtime_dir: path("XDG_RUNTIME_DIR"),
            search_path: std::env::var_os("PATH").map(|list| std::env::split_paths(&list).collect()).unwrap_or_default(),
            config_file: path("ZONA_CONFIG"),
        }
    }

    /// Where data lies unless somebody says otherwise.
    fn data(&self) -> PathBuf {
        let share = self.data_home.clone().or_else(|| self.home.as_ref().map(|home| home.join(".local/share")));
        share.map_or_else(|| PathBuf::from(".zona"), |share| share.join("zona"))
    }

    fn configured_file(&self) -> Option<PathBuf> {
        let local = PathBuf::from("zona.toml");
        let config = self.config_home.clone().or_else(|| self.home.as_ref().map(|home| home.join(".config")));
        let candidates = [Some(local), config.map(|config| config.join("zona/zona.toml"))];
        candidates.into_iter().flatten().find(|path| path.is_file())
    }
}

pub(super) fn stack(
    file: Option<&Path>,
    of_command: Vec<Flag>,
    flags: Vec<Flag>,
    surroundings: &Surroundings,
) -> Result<Figment, Problems> {
    let named = file.map(Path::to_path_buf).or_else(|| surroundings.config_file.clone());
    if let Some(missing) = named.as_ref().filter(|path| !path.is_file()) {
        return Err(Problems(vec![(missing.display().to_string(), "is not a file".to_owned())]));
    }
    let defaults = Layer { name: DEFAULT, inner: Toml::string(DEFAULTS) };
    let data = Single { name: DEFAULT, key: "data", value: surroundings.data().display().to_string() };
    let mut figment = Figment::from(defaults).merge(data);
    for Flag { key, value } in of_command {
        figment = figment.merge(Single { name: DEFAULT, key, value });
    }
    if let Some(path) = named.or_else(|| surroundings.configured_file()) {
        figment = figment.merge(Toml::file_exact(path));
    }
    figment = figment.merge(Env::prefixed(PREFIX).ignore(&["config"]).split("__"));
    Ok(flags.into_iter().fold(figment, |figment, flag| figment.merge(Single { name: FLAGS, key: flag.key, value: flag.value })))
}

/// A provider under a name of ours.
struct Layer<P> {
    name: &'static str,
    inner: P,
}

impl<P: Provider> Provider for Layer<P> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        self.inner.data()
    }
}

/// One key.
struct Single {
    name: &'static str,
    key: &'static str,
    value: String,
}

impl Provider for Single {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let dict = util::nest(self.key, Value::from(self.value.clone())).into_dict().unwrap_or_default();
        Ok(Profile::Default.collect(dict))
    }
}
