//! Runtimes: the named sets of interpreter and packages that code is checked against, compiled by, and executed on.

pub mod actions;
mod catalog;
mod compiler;
mod entity;
mod package;
mod use_cases;

pub use catalog::RuntimeCatalog;
pub use compiler::{Compiler, Verdict};
pub use entity::{Runtime, RuntimeModule};
pub use package::{Advisory, Package, VulnerableImport};
pub use use_cases::Runtimes;
