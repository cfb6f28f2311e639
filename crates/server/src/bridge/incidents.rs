//! The domain's incidents in logs and metrics. Errors mean that a person must act; each is told with its causes and without what
//! tenants wrote.

use std::collections::HashSet;
use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use domain::incident::{Incident, Incidents};
use domain::{Error, ErrorKind};
use telemetry::Metrics;

/// Damaged things that are logged.
const MAX_TOLD: usize = 1_000;

/// Logs and counts.
pub(crate) struct LoggedIncidents {
    metrics: Arc<Metrics>,
    /// What was logged of secrets that are damaged: once for each start, however many executions want one.
    told: Mutex<HashSet<String>>,
}

impl LoggedIncidents {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        LoggedIncidents { metrics, told: Mutex::default() }
    }

    /// Whether something damaged is to be logged: the first time only, and of so many things.
    fn is_news(&self, error: &str) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() < MAX_TOLD && told.insert(error.to_owned())
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
                let (kept, error) = (error.kind() == ErrorKind::Internal, chain(error));
                if !kept || self.is_news(&error) {
                    tracing::error!(kind, %execution, error, "a secret could not be read; the execution that needs it does not run");
                }
            }
            // Of many executions each could say so; the counter does.
            Incident::UseNotNoted { execution, error } => {
                let error = chain(error);
                tracing::debug!(kind, %execution, error, "that a secret was used could not be noted; the next use is");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_damaged_is_news_once_and_so_many_things_are() {
        let incidents = LoggedIncidents::new(Arc::new(Metrics::new()));
        assert!(incidents.is_news("acme/a") && !incidents.is_news("acme/a") && incidents.is_news("acme/b"));
        let news = (0..2 * MAX_TOLD).filter(|number| incidents.is_news(&number.to_string())).count();
        assert_eq!(news, MAX_TOLD - 2);
    }
}
