//! Where values come from, and in which order: defaults, a file, the environment, flags.

use std::path::Path;

use figment::providers::{Format as _, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider, util};

use crate::declaration::Schema;
use crate::surroundings::Surroundings;

/// Name of the layer of flags.
pub(crate) const FLAGS: &str = "command line";
/// Name of the layer of defaults.
pub(crate) const DEFAULT: &str = "default";
/// Name of the layer of the environment.
const ENVIRONMENT: &str = "environment";

/// A key that a command line, or a command by itself, sets.
#[derive(Debug, Clone)]
pub struct Flag {
    /// The key.
    pub key: &'static str,
    /// Its value, as typed.
    pub value: String,
}

/// Where values come from besides the environment.
#[derive(Debug, Default)]
pub struct Sources<'a> {
    /// The file that a flag names.
    pub file: Option<&'a Path>,
    /// Defaults of the command, or of this machine, in place of the declared ones.
    pub defaults: Vec<Flag>,
    /// Keys that the command line sets.
    pub flags: Vec<Flag>,
}

/// Everything that is wrong with the configuration: key and what is wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<(String, String)>);

pub(crate) fn stack(
    schema: &Schema,
    sources: Sources<'_>,
    variables: Vec<(String, String)>,
    surroundings: &Surroundings,
) -> Result<Figment, Problems> {
    let named = sources.file.map(Path::to_path_buf).or_else(|| surroundings.config_file.clone());
    if let Some(missing) = named.as_ref().filter(|path| !path.is_file()) {
        return Err(Problems(vec![(missing.display().to_string(), "is not a file".to_owned())]));
    }
    let mut figment = Figment::from(Layer { name: DEFAULT, inner: Toml::string(&schema.presets()) });
    for Flag { key, value } in sources.defaults {
        figment = figment.merge(Single { name: DEFAULT, key: key.to_owned(), value: value.into() });
    }
    if let Some(path) = named.or_else(|| surroundings.configured_file()) {
        // What is found where a command happens to be started could be anybody's, and says what is executed and whom to talk to.
        if let Err(error) = file_trust::trusted(&path) {
            return Err(Problems(vec![(path.display().to_string(), error.to_string())]));
        }
        figment = figment.merge(Toml::file_exact(path));
    }
    for (key, value) in variables {
        let value = value.parse::<Value>().unwrap_or_else(|never| match never {});
        figment = figment.merge(Single { name: ENVIRONMENT, key, value });
    }
    let flag = |figment: Figment, Flag { key, value }| figment.merge(Single { name: FLAGS, key: key.to_owned(), value: value.into() });
    Ok(sources.flags.into_iter().fold(figment, flag))
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
    key: String,
    value: Value,
}

impl Provider for Single {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let dict = util::nest(&self.key, self.value.clone()).into_dict().unwrap_or_default();
        Ok(Profile::Default.collect(dict))
    }
}
