//! Documents: the stored shape of the domain's entities, with conversions both ways. Every store keeps them in this one form,
//! and knows none of their fields; what it selects and orders by, it keeps beside them.
//!
//! Keys (tenant, id, number) and code live beside a document. Times are milliseconds, hashes hexadecimal text, JSON values JSON
//! text. Unknown fields are tolerated, so that a newer server's documents can be read; fields that later versions add must have
//! a default.

mod audit;
mod credential;
mod definition;
mod event;
mod execution;
mod form;
pub mod frame;
mod grant;
mod operation;
mod platform;
mod policy;
mod principal;
mod schedule;
mod secret;
mod tenant;
mod utility;
mod version;
mod webhook;

pub use audit::{AuditDocument, PersonalDocument};
pub use credential::{ApiKeyDocument, SessionDocument};
pub use event::EventDocument;
pub use execution::{AttestationDocument, ContentsDocument, ExecutionDocument};
pub use form::{InvalidField, decode, encode};
pub use grant::GrantDocument;
pub use operation::{EntriesDocument, OperationDocument, OutcomesDocument};
pub use platform::PlatformDocument;
pub use policy::PolicyDocument;
pub use principal::PrincipalDocument;
pub use schedule::ScheduleDocument;
pub use secret::SecretDocument;
pub use tenant::TenantDocument;
pub use utility::UtilityDocument;
pub use version::VersionDocument;
pub use webhook::WebhookDocument;

#[cfg(test)]
mod tests;
