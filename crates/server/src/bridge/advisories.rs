//! Known vulnerabilities of Python packages, from files that the operator supplies in the format of osv.dev: which versions
//! each affects, and which of them the packages of a runtime have. Nothing is ever fetched.
//!
//! Advisories inform and decide nothing, so what is wrong with one file never costs the others, nor the server its start: it is
//! named in the log, counted, and the rest is used.

mod affected;
mod faults;
mod feed;
mod files;
mod index;
mod osv;

pub use feed::Error;
pub(crate) use feed::{Feed, Standing};

#[cfg(test)]
mod tests;
