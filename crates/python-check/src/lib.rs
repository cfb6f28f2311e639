//! Validation of Python source: syntax, policy scan, imports, and the parameter schema of the entry point.
//!
//! Pure: no IO, no clock, nothing is ever imported or run. It is the first wall and never the boundary: the sandbox is. The
//! scan refuses what leads out of a utility, names the rule and says what to do instead; `docs/rules/` has a page for each.
//!
//! ```
//! use python_check::{Checker, CheckPolicy};
//!
//! let report = Checker::new(CheckPolicy::default()).check(b"def transform(value):\n    return value\n");
//! assert!(report.accepted());
//! ```

mod bind;
mod catalog;
mod character;
mod checker;
mod entry;
mod identifier;
mod location;
mod map;
mod numbers;
mod policy;
mod report;
pub mod rule;
mod scan;
mod scope;
mod semantic;
mod shape;
mod source;
mod syntax;
mod tokens;
mod walk;

pub use bind::{JsonBinder, PARAMETERS_FIELD};
pub use catalog::{MAX_INTERFACE_BYTES, MalformedInterface, RuntimeInterface, compatible_page};
pub use checker::{Checker, Stage};
pub use policy::{CheckPolicy, CheckedRuntime, MAX_CODE_BYTES, Package};
pub use report::MAX_FINDINGS;
