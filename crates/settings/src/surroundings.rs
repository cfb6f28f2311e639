//! What a process finds around itself. Read once, in `main`, so that everything else can be tried with other surroundings.

use std::path::PathBuf;

/// What the process finds around itself.
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
    /// Every other variable that begins with `ZONA_`, in order of their names.
    pub variables: Vec<(String, String)>,
}

impl Surroundings {
    /// Reads the environment.
    pub fn read() -> Self {
        let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let all = std::env::vars_os().map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()));
        let mut variables: Vec<_> = all.filter(|(name, _)| crate::environment::is_ours(name)).collect();
        variables.sort();
        Surroundings {
            home: path("HOME"),
            data_home: path("XDG_DATA_HOME"),
            config_home: path("XDG_CONFIG_HOME"),
            runtime_dir: path("XDG_RUNTIME_DIR"),
            search_path: std::env::var_os("PATH").map(|list| std::env::split_paths(&list).collect()).unwrap_or_default(),
            config_file: path("ZONA_CONFIG"),
            variables,
        }
    }

    /// Where data lies unless somebody says otherwise.
    pub fn data(&self) -> PathBuf {
        let share = self.data_home.clone().or_else(|| self.home.as_ref().map(|home| home.join(".local/share")));
        share.map_or_else(|| PathBuf::from(".zona"), |share| share.join("zona"))
    }

    pub(crate) fn configured_file(&self) -> Option<PathBuf> {
        let local = PathBuf::from("zona.toml");
        let config = self.config_home.clone().or_else(|| self.home.as_ref().map(|home| home.join(".config")));
        let candidates = [Some(local), config.map(|config| config.join("zona/zona.toml"))];
        candidates.into_iter().flatten().find(|path| path.is_file())
    }
}
