//! Who may do what, and to what: actions, their targets, permits, and the one place that decides.
//!
//! Every use case takes a [`Permit`] of its action, and of nothing beside it learns what it is about: forgetting the check, or
//! acting on another thing than was permitted, does not compile. What a store finds is sealed ([`Found`]) until a permit opens
//! it. Which actions there are, each area declares for itself.

mod action;
mod caller;
mod found;
mod permit;
mod policy;
mod rules;
mod scope;
mod target;

pub use action::{Action, ActionSpec, Operation};
pub use caller::{Authenticator, Caller, Credential, CredentialKind, LoopbackAuthenticator, Origin, Presented};
pub use found::{Found, Part, Resource};
pub use permit::Permit;
pub use policy::AccessPolicy;
pub use rules::{LocalRules, Reach, Rules};
pub use scope::TenantScope;
pub use target::{Installation, OfTenant, Target, Targeted};

pub(crate) use action::actions;
