//! The domain's incidents in logs and metrics. Errors mean that a person must act; each is told with its causes and without what
//! tenants wrote.

use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::Arc;

use domain::Error;
use domain::incident::{Incident, Incidents};
use telemetry::Metrics;

/// Logs and counts.
pub(crate) struct LoggedIncidents {
    metrics: Arc<Metrics>,
}

impl LoggedIncidents {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        LoggedIncidents { metrics }
    }
}

impl Incidents for LoggedIncidents {
    fn report(&self, incident: &Incident<'_>) {
        let kind = incident.kind();
        self.metrics.incident(kind);
        match incident {
            Incident::NotStored { execution, error } => {
                let error = chain(error);
                tracing::error!(kind, %execution, error, "the store refuses what happened in an execution; it is kept and offered again");
            }
            Incident::StoredAgain { execution } => tracing::info!(kind, %execution, "what the store had refused is stored now"),
            Incident::Overtaken { execution } => {
                tracing::warn!(kind, %execution, "another server has taken an execution over; it is stopped here");
            }
            Incident::ImpossibleStep { execution, error } => {
                let error = chain(error);
                tracing::error!(kind, %execution, error, "an execution took a step that does not exist: please report this as a fault");
            }
            Incident::NotSettled { execution, error } => {
                let error = chain(error);
                tracing::warn!(kind, %execution, error, "what is left of an execution could not be settled; it is tried again");
            }
            Incident::SecretNotOpened { execution, error } => {
                let error = chain(error);
                tracing::error!(kind, %execution, error, "a secret could not be read; the execution that needs it does not run");
            }
            Incident::NotRemoved { tenant, error } => {
                let error = chain(error);
                tracing::warn!(kind, %tenant, error, "what a tenant has kept long enough could not be removed; it is tried again");
            }
            Incident::Panicked { task, said } => {
                tracing::error!(task, kind, panic = said, "a task panicked: please report this as a fault")
            }
            Incident::WorkResumed { work } => tracing::info!(kind, work, "work in the background succeeds again"),
            Incident::WorkFailed { work, error } => {
                let error = chain(error);
                tracing::warn!(kind, work, error, "work in the background failed; it is tried again");
            }
        }
    }
}

/// An error with its causes, as one line.
pub(crate) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, ": {error}").expect("a string takes all text");
        cause = error.source();
    }
    text
}
