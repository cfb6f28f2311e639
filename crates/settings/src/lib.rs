//! Settings that are declared once: name, type, default, meaning and validation stand together in [`section!`], and everything else
//! comes from there: reading, the answer to an unknown key, the printed configuration, and the table in docs/operations.md.
//!
//! Which settings there are, and what they mean, is the business of the crates that declare sections.

mod declaration;
mod environment;
mod layers;
mod print;
mod reader;
mod section;
mod surroundings;
mod table;
pub mod value;

pub use declaration::{Key, Place, Schema, Section};
use figment::Figment;
pub use layers::{Flag, Problems, Sources};
pub use reader::Reader;
pub use surroundings::Surroundings;

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

/// Reads the configuration: flags > environment > TOML file > defaults. `read` takes every key before it gives up.
///
/// # Errors
/// Every problem at once. A key that nobody declared is one, in a file and in a variable that is spelled like a key of a table
/// (`ZONA_STORE__READER`); any other variable that nobody declared is a warning.
pub fn load<T>(
    schema: Schema,
    sources: Sources<'_>,
    surroundings: &Surroundings,
    read: impl FnOnce(&mut Reader<'_>) -> Option<T>,
) -> Result<Loaded<T>, Problems> {
    let environment::Sorted { keys, problems: unknown, warnings } = environment::sort(&schema, &surroundings.variables);
    let figment = layers::stack(&schema, sources, keys, surroundings)?;
    let mut reader = Reader::new(&schema, &figment);
    let config = read(&mut reader);
    reader.refuse_unknown();
    let mut problems = reader.into_problems();
    problems.extend(unknown);
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

    /// Whether somebody has set the value of a key, and be it to what it would be anyway.
    pub fn is_set(&self, key: &str) -> bool {
        self.figment.find_metadata(key).is_some_and(|origin| origin.name != layers::DEFAULT)
    }
}

#[cfg(test)]
mod tests;
