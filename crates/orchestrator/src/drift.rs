//! What somebody has changed by hand: replicas that were taken away, or limits and networks of those that run.

use process::quantity::size_text;
use process::revision::Revision;
use process::service::{Resources, Service};

use crate::engine::Phase;
use crate::sight::{Seen, Sight};

/// What differs of a service, as a fragment of a sentence. Replicas that have ended are there: what becomes of them is the restart policy's.
pub fn drift(service: &Service, revision: &Revision, sight: &Sight) -> Option<String> {
    let current: Vec<&Seen> = sight.current(&service.name, revision).collect();
    let wanted = service.wanted() as usize;
    let mut found = Vec::new();
    if current.len() < wanted {
        found.push(format!("{} of {wanted} replicas have gone", wanted - current.len()));
    }
    let is_silent =
        |seen: &&&Seen| matches!(seen.instance.phase, Phase::Running(_)) && !seen.instance.serving && !seen.instance.identity.is_gated;
    let silent = current.iter().filter(is_silent).count();
    if silent > 0 && current.iter().all(|seen| seen.instance.identity.networks.iter().all(|name| is_in(seen, name))) {
        found.push(format!("calls do not reach {silent} of {wanted} replicas"));
    }
    found.extend(current.iter().filter(|seen| seen.instance.is_running()).filter_map(|seen| changed(service, seen)));
    found.dedup();
    (!found.is_empty()).then(|| found.join("; "))
}

/// What was changed of a replica that runs.
pub fn changed(service: &Service, seen: &Seen) -> Option<String> {
    let (wanted, found) = (service.context.resources, seen.instance.changeable.resources);
    let mut changes = Vec::new();
    if found.memory != wanted.memory {
        changes.push(format!("its memory is {} in place of {}", memory(found), memory(wanted)));
    }
    if found.milli_processors != wanted.milli_processors {
        changes.push(format!("its processors are {} in place of {}", processors(found), processors(wanted)));
    }
    let left: Vec<&str> = seen.instance.identity.networks.iter().filter(|name| !is_in(seen, name)).map(String::as_str).collect();
    if !left.is_empty() {
        changes.push(format!("it is not in {}", left.join(", ")));
    }
    (!changes.is_empty()).then(|| changes.join(", "))
}

fn is_in(seen: &Seen, network: &str) -> bool {
    seen.instance.changeable.networks.iter().any(|name| name == network)
}

fn memory(resources: Resources) -> String {
    resources.memory.map_or_else(|| "unlimited".to_owned(), size_text)
}

fn processors(resources: Resources) -> String {
    resources.milli_processors.map_or_else(|| "unlimited".to_owned(), |thousandths| format!("{}", f64::from(thousandths) / 1_000.0))
}
