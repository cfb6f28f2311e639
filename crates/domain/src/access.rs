//! Who may do what, and to what: actions, their targets, permits, and the one place that decides.
//!
//! Every use case takes a [`Permit`] of its action, and of nothing beside it learns what it is about: forgetting the check, or
//! acting on another thing than was permitted, does not compile. What a store finds is sealed ([`Found`]) until a permit opens
//! it. Which actions there are, each area declares for itself.

mod action;
pub mod actions;
mod caller;
mod explain;
mod found;
mod grant;
mod grant_repository;
mod matrix;
mod matrix_rules;
mod opened;
mod permit;
mod policy;
mod resource_name;
mod rules;
mod scope;
mod shares;
mod sharing;
mod target;

pub use action::{Action, ActionSpec, Operation, Who};
pub use caller::{Authenticator, Caller, ClientCertificate, Credential, CredentialKind, LoopbackAuthenticator, Origin, Presented};
pub use explain::{Explanation, ExplanationPorts, Explanations};
pub use found::{Found, Part, Resource};
pub use grant::{Access, Consent, Grant, GrantDraft, Granted, Grantee, HeldGrants, MAX_GIVEN, MAX_GRANTS};
pub use grant_repository::{GrantRepository, Side};
pub use matrix::{Because, Cell, Column, cell};
pub use matrix_rules::{Decision, MatrixRules};
pub use opened::Opened;
pub use permit::Permit;
pub use policy::AccessPolicy;
pub use rules::{LocalRules, Reach, Rules};
pub use scope::TenantScope;
pub use shares::{ShareDraft, Shares};
pub use sharing::Sharing;
pub use target::{Installation, OfTenant, Target, TargetKind, Targeted};

pub(crate) use action::actions;
