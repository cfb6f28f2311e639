//! Records of an audit log on the command line: which ones are asked for, and how one looks.

use std::time::SystemTime;

use api_proto::zona::audit::v1 as pb;
use clap::{Args, ValueEnum};

use crate::command::execution::moment;

/// Which records.
#[derive(Debug, Args)]
pub(super) struct Filter {
    /// Only of this principal, a full name
    #[arg(long, value_name = "PRINCIPAL")]
    actor: Option<String>,
    /// Only this action, e.g. utility.update
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only about the resource of this full name
    #[arg(long, value_name = "NAME")]
    resource: Option<String>,
    /// Only with this outcome
    #[arg(long, value_enum, ignore_case = true)]
    outcome: Option<Outcome>,
}

/// Outcomes, as the contract names them.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
enum Outcome {
    Intent,
    Allowed,
    Denied,
    Failed,
    Cancelled,
    Unknown,
}

impl Filter {
    /// The same in the contract, from a time on.
    pub(super) fn proto(&self, from: Option<SystemTime>) -> pb::AuditFilter {
        let text = |given: &Option<String>| given.clone().unwrap_or_default();
        pb::AuditFilter {
            from: from.map(Into::into),
            before: None,
            actor: text(&self.actor),
            action: text(&self.action),
            resource: text(&self.resource),
            outcome: self.outcome.map_or(pb::AuditOutcome::Unspecified, Outcome::proto).into(),
        }
    }
}

impl Outcome {
    fn proto(self) -> pb::AuditOutcome {
        match self {
            Outcome::Intent => pb::AuditOutcome::Intent,
            Outcome::Allowed => pb::AuditOutcome::Allowed,
            Outcome::Denied => pb::AuditOutcome::Denied,
            Outcome::Failed => pb::AuditOutcome::Failed,
            Outcome::Cancelled => pb::AuditOutcome::Cancelled,
            Outcome::Unknown => pb::AuditOutcome::Unknown,
        }
    }
}

/// A record as a row.
pub(super) fn row(record: &pb::AuditRecord) -> Vec<String> {
    let outcome = record.outcome().as_str_name().trim_start_matches("AUDIT_OUTCOME_").to_owned();
    let actor = record.actor.as_ref().map(|actor| actor.principal.clone()).unwrap_or_default();
    vec![
        record.sequence.to_string(),
        moment(record.time.as_ref()),
        actor,
        record.action.clone(),
        record.resource.clone(),
        outcome,
        record.reason.clone(),
        record.count.to_string(),
    ]
}
