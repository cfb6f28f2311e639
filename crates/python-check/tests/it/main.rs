//! Tests of the checker through its public interface: what a person writing a utility sees.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its own data should fail there")]

mod collections;
mod compatible;
mod compiler;
mod corpus;
mod honest;
mod limits;
mod policy;
mod prohibited;
mod properties;
mod replay;
mod rules;
mod schema;
mod syntax;
mod usage;

use domain::code::{CodeReport, Finding, Severity};
use python_check::{CheckPolicy, Checker};

/// Checks with the default policy.
pub fn report(code: &str) -> CodeReport {
    Checker::new(CheckPolicy::default()).check(code.as_bytes())
}

/// The blocking findings, with the default policy.
pub fn errors(code: &str) -> Vec<Finding> {
    report(code).findings.into_iter().filter(|finding| finding.severity == Severity::Error).collect()
}
