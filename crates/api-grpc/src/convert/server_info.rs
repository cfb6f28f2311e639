//! The facts about a server and its keys, as they are answered.

use api_proto::zona::server::v1 as pb;
use domain::Violation;
use domain::admission::Load;
use domain::name::PrincipalName;
use domain::request::RequestKey;
use domain::server::{Facts, ProbeFailure, TierFacts, WrappingKey};

use crate::convert::{Violations, count, request_key, size, time};

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

/// Reads RotateKeys: the request to remember, and what is wrong with it.
pub(crate) fn read_rotation(mut body: pb::RotateKeysRequest, caller: &PrincipalName) -> (Option<RequestKey>, Vec<Violation>) {
    let (id, mut violations) = (std::mem::take(&mut body.request_id), Violations::default());
    let request = request_key::read("RotateKeys", caller, &id, &body, &mut violations);
    (request, violations.into_inner())
}

/// Keys that wrap data keys.
pub(crate) fn keys_to_wire(keys: Vec<WrappingKey>) -> pb::KeyStatus {
    let key = |key: WrappingKey| pb::WrappingKey { id: key.id, create_time: Some(time::timestamp(key.created)), wraps: size(key.wraps) };
    pb::KeyStatus { keys: keys.into_iter().map(key).collect() }
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
