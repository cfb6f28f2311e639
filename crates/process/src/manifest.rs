//! Manifests: what a platform shall be, read from a file. Everything that is wrong is said at once: first what the file may hold at all
//! (`fields`), then the rules about several values (`rules`). Nothing is opened here: digests of files are the caller's to fill in.

mod asked;
mod build;
mod content;
mod fields;
mod file;
mod integrated;
mod overlay;
mod rules;

pub use self::asked::Asked;
pub use self::content::{Content, Manifest, Network, Source, Volume};
pub use self::file::{File, Notation};
pub use self::integrated::{AskedIntegration, Integrated, Resolved, Wanted, service_of};
pub use self::overlay::Difference;

/// Where the schema is published.
const SCHEMA_ID: &str = "https://github.com/zona-platform/zona/blob/main/docs/manifest.schema.json";

/// The JSON Schema of manifests.
pub fn manifest_schema() -> serde_json::Value {
    crate::shape::schema(&fields::MANIFEST, SCHEMA_ID)
}

#[cfg(test)]
mod tests;
