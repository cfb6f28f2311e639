//! The process manager's pure half: what a platform of services shall be (manifests), and what must be done for it (plans). No file is
//! opened, no engine is asked and nothing is stored here.

pub mod compose;
pub mod graph;
pub mod integration;
pub mod manifest;
pub mod node;
pub mod observed;
pub mod parameter;
pub mod plan;
pub mod port;
pub mod problem;
pub mod quantity;
pub mod revision;
pub mod service;
pub mod shape;
