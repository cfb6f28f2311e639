//! Code policies of tenants: what their utilities may import, which rules are taken more seriously, and who was granted an exception.

pub mod actions;
mod checker;
mod entity;
mod repository;
mod use_cases;

pub use checker::CodeChecker;
pub use entity::{CodePolicy, MAX_EXCEPTIONS, MAX_MODULES, MAX_REASON, MAX_RULES, Preset, RuleException, is_exceptable, rule_violations};
pub use repository::CodePolicyRepository;
pub(crate) use repository::policy_in_force;
pub use use_cases::{CodePolicies, ExceptionDraft, PolicyPatch};
