//! Incidents that are remembered by kind.

use std::sync::{Mutex, PoisonError};

use domain::incident::{Incident, Incidents};

/// Remembers what was reported.
#[derive(Debug, Default)]
pub struct RecordedIncidents {
    kinds: Mutex<Vec<&'static str>>,
}

impl RecordedIncidents {
    /// The kinds of what was reported, in order.
    pub fn kinds(&self) -> Vec<&'static str> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Incidents for RecordedIncidents {
    fn report(&self, incident: &Incident<'_>) {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner).push(incident.kind());
    }
}
