//! The facts about a server, as they are answered.

use api_proto::zona::server::v1 as pb;
use domain::admission::Load;
use domain::server::{Facts, ProbeFailure, TierFacts};

use crate::convert::{count, time};

/// The facts and the load.
pub(crate) fn to_wire((facts, load): (Facts, Load)) -> pb::ServerInfo {
    pb::ServerInfo {
        version: facts.version,
        instance: facts.instance,
        start_time: Some(time::timestamp(facts.started)),
        backend: facts.backend,
        tiers: facts.tiers.into_iter().map(tier).collect(),
        running_executions: count(load.running),
        queued_executions: count(load.queued),
    }
}

fn tier(facts: TierFacts) -> pb::TierReport {
    let (tier, accepted) = (facts.tier.tier().to_owned(), facts.accepted);
    match facts.battery {
        None => pb::TierReport { tier, accepted, ..Default::default() },
        Some(battery) => pb::TierReport {
            tier,
            accepted,
            battery_version: battery.version,
            battery_time: Some(time::timestamp(battery.time)),
            probes: count(battery.probes),
            failures: battery.failures.into_iter().map(failure).collect(),
        },
    }
}

fn failure(failure: ProbeFailure) -> pb::ProbeFailure {
    pb::ProbeFailure { probe: failure.probe, defence: failure.defence, detail: failure.detail, hint: failure.hint }
}
