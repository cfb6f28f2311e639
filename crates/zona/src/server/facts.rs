//! What this server process knows of itself, behind the domain's port.

use domain::server::{Battery, Facts, ProbeFailure, ServerFacts, TierFacts};
use domain::time::Timestamp;
use domain::utility::Isolation;
use sandbox::{Outcome, ProbeResult, Report, Sandboxes};

/// The facts about this process.
pub(super) struct ProcessFacts {
    pub(super) instance: String,
    pub(super) started: Timestamp,
    pub(super) backend: &'static str,
    pub(super) sandboxes: Sandboxes,
}

impl ServerFacts for ProcessFacts {
    fn facts(&self) -> Facts {
        let reports = self.sandboxes.battery_reports();
        let tier = |tier| TierFacts {
            tier,
            accepted: self.sandboxes.accepts(tier).is_ok(),
            battery: reports.iter().find(|report| report.isolation == tier).map(|report| battery(report)),
        };
        Facts {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instance: self.instance.clone(),
            started: self.started,
            backend: self.backend.to_owned(),
            tiers: [Isolation::TenantWarm, Isolation::SingleUse, Isolation::OneShot].map(tier).to_vec(),
        }
    }
}

fn battery(report: &Report) -> Battery {
    Battery {
        version: report.version.clone(),
        time: report.at,
        probes: u32::try_from(report.probes.len()).unwrap_or(u32::MAX),
        failures: report.probes.iter().filter_map(failure).collect(),
    }
}

fn failure(probe: &ProbeResult) -> Option<ProbeFailure> {
    let detail = match probe.outcome {
        Outcome::Stopped | Outcome::Open => return None,
        Outcome::Reached => probe.detail.clone(),
        Outcome::Error => format!("could not be judged: {}", probe.detail),
    };
    Some(ProbeFailure { probe: probe.name.to_owned(), defence: probe.defence.as_str().to_owned(), detail, hint: probe.hint().to_owned() })
}
