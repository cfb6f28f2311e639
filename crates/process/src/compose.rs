//! Compose files as manifests: what is understood is taken over as Compose itself reads it, and everything else is named with the reason.
//! Files that a Compose file names (`env_file`, `extends`, `include`, builds) are not opened.

mod import;
mod interpolate;
mod merge;
mod note;
mod part;
mod service;
mod short;
mod words;

pub use self::import::{Import, import};
pub use self::note::{Note, What};

#[cfg(test)]
mod tests;
