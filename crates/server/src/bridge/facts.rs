//! What this server process knows of itself, behind the domain's port.

use std::sync::Arc;

use domain::sandbox::Isolation;
use domain::server::{Battery, Facts, ProbeFailure, ServerFacts, TierFacts};
use domain::time::Timestamp;
use sandbox::{Outcome, ProbeResult, Report, Sandboxes};

/// The facts about this process.
pub(crate) struct ProcessFacts {
    pub(crate) instance: String,
    pub(crate) started: Timestamp,
    pub(crate) backend: &'static str,
    pub(crate) sandboxes: Sandboxes,
}

impl ServerFacts for ProcessFacts {
    fn facts(&self) -> Facts {
        let reports = self.sandboxes.battery_reports();
        let tier = |tier| TierFacts {
            tier,
            accepted: self.sandboxes.accepts(tier).is_ok(),
            battery: battery(reports.iter().filter(|report| report.isolation == tier)),
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

/// One tier's reports, that of the default runtime first where there is one, with the failures of all.
fn battery<'a>(reports: impl Iterator<Item = &'a Arc<Report>> + Clone) -> Option<Battery> {
    let first = reports.clone().next()?;
    Some(Battery {
        version: first.version.clone(),
        time: first.at,
        probes: u32::try_from(first.probes.len()).unwrap_or(u32::MAX),
        failures: reports.flat_map(|report| report.probes.iter().filter_map(|probe| failure(&report.runtime, probe))).collect(),
    })
}

fn failure(runtime: &str, probe: &ProbeResult) -> Option<ProbeFailure> {
    let detail = match probe.outcome {
        Outcome::Stopped | Outcome::Open => return None,
        Outcome::Reached => format!("on the runtime `{runtime}`: {}", probe.detail),
        Outcome::Error => format!("could not be judged on the runtime `{runtime}`: {}", probe.detail),
    };
    Some(ProbeFailure { probe: probe.name.to_owned(), defence: probe.defence.as_str().to_owned(), detail, hint: probe.hint().to_owned() })
}
