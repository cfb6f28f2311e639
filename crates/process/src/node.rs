//! Documents as trees: what YAML and JSON have in common.

mod json;
mod limits;
mod tree;
mod yaml;

pub use self::json::read_json;
pub use self::limits::{MAX_BYTES, MAX_DEPTH, MAX_NODES};
pub use self::tree::{Member, Node, Value};
pub use self::yaml::read_yaml;

#[cfg(test)]
mod tests;
