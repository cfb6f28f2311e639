//! Settings that are declared once: name, type, default, meaning and validation stand together in [`section!`], and everything else
//! comes from there: reading, the answer to an unknown key, the printed configuration, and the table in docs/operations.md.
//!
//! Which settings there are, and what they mean, is the business of the crates that declare sections.

use std::path::Path;

mod declaration;
mod environment;
mod layers;
mod print;
mod reader;
mod surroundings;
mod table;
pub mod value;

pub use declaration::{Key, Place, Schema, Section};
use figment::Figment;
pub use layers::Flag;
pub use reader::Reader;
pub use surroundings::Surroundings;

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

/// A configuration with where each value came from.
#[derive(Debug)]
pub struct Loaded<T> {
    /// What holds.
    pub config: T,
    /// What somebody should know who starts the process: variables of the environment that set nothing.
    pub warnings: Vec<String>,
    schema: Schema,
    figment: Figment,
}

/// Everything that is wrong with the configuration: key and what is wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<(String, String)>);

/// Reads the configuration: flags > environment > TOML file > defaults. `read` takes every key before it gives up.
///
/// # Errors
/// Every problem at once. A key that nobody declared is one in a file; a variable that nobody declared is a warning.
pub fn load<T>(
    schema: Schema,
    sources: Sources<'_>,
    surroundings: &Surroundings,
    read: impl FnOnce(&mut Reader<'_>) -> Option<T>,
) -> Result<Loaded<T>, Problems> {
    let (variables, warnings) = environment::sort(&schema, &surroundings.variables);
    let figment = layers::stack(&schema, sources, variables, surroundings)?;
    let mut reader = Reader::new(&schema, &figment);
    let config = read(&mut reader);
    reader.refuse_unknown();
    let mut problems = reader.into_problems();
    match config {
        Some(config) if problems.is_empty() => Ok(Loaded { config, warnings, schema, figment }),
        _ => {
            problems.sort();
            Err(Problems(problems))
        }
    }
}

impl<T> Loaded<T> {
    /// The effective configuration as a TOML file that says where each value comes from.
    pub fn print(&self) -> String {
        print::print(&self.schema, &self.figment)
    }
}

#[cfg(test)]
mod tests;
