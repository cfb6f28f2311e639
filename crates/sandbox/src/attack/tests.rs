//! The catalog and its programs agree, and what probes find is judged as it should be. That the probes notice anything at all is
//! shown in `mutations`.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use domain::sandbox::Isolation;
use domain::time::Timestamp;

use super::catalog::{PROBES, Probe, Way};
use super::report::result;
use super::runner::Runner;
use super::*;
use crate::service::Sandboxes;

mod confined;
mod mutations;

/// Names of the probes that a group's program defines.
fn defined(group: ProbeGroup) -> BTreeSet<String> {
    let lines: Vec<_> = guest::source(group).lines().collect();
    let named = lines.windows(2).filter(|pair| pair[0] == "@probe").filter_map(|pair| pair[1].strip_prefix("def ")?.split('(').next());
    named.map(|name| name.replace('_', "-")).collect()
}

const GROUPS: [ProbeGroup; 7] = [
    ProbeGroup::Files,
    ProbeGroup::Network,
    ProbeGroup::Processes,
    ProbeGroup::Kernel,
    ProbeGroup::Privileges,
    ProbeGroup::Neighbors,
    ProbeGroup::Exhaustion,
];

#[test]
fn every_probe_has_a_program_and_every_program_is_a_probe() {
    for group in GROUPS {
        let watched = |probe: &&Probe| matches!(probe.way, Way::Watches(catalog::Scene::Tenants | catalog::Scene::Twice));
        let listed: BTreeSet<String> =
            PROBES.iter().filter(|probe| probe.group == group && !watched(probe)).map(|probe| probe.name.to_owned()).collect();
        assert_eq!(defined(group), listed, "{}", group.as_str());
    }
}

#[test]
fn there_are_enough_probes_and_each_defence_has_one() {
    let names: BTreeSet<_> = PROBES.iter().map(|probe| probe.name).collect();
    assert_eq!(names.len(), PROBES.len(), "a name is used twice");
    assert!(names.len() >= 115, "{}", names.len());
    for defence in Defence::ALL {
        let tests = |probe: &Probe| [probe.defence, landlock::defence(probe.defence), gvisor::defence(probe.defence)].contains(defence);
        assert!(PROBES.iter().any(tests), "no probe tests {}", defence.as_str());
    }
}

#[test]
fn what_gvisor_leaves_open_are_probes() {
    let names: BTreeSet<_> = PROBES.iter().map(|probe| probe.name).collect();
    assert!(gvisor::open().all(|name| names.contains(name)));
}

fn report(outcomes: &[Outcome]) -> Report {
    let probe = |(index, outcome): (usize, &Outcome)| result(&PROBES[index], *outcome, "what it got", Instant::now());
    Report {
        version: "1".to_owned(),
        at: Timestamp::from_millis(1),
        backend: "namespace",
        isolation: Isolation::TenantWarm,
        runtime: "python".to_owned(),
        probes: outcomes.iter().enumerate().map(probe).collect(),
    }
}

#[test]
fn one_probe_that_gets_through_condemns_the_tier_whatever_the_others_say() {
    use Outcome::{Error, Reached, Stopped};
    assert_eq!(report(&[Stopped, Stopped]).conclusion(), Conclusion::Holds);
    assert_eq!(report(&[Stopped, Error]).conclusion(), Conclusion::Unclear);
    assert_eq!(report(&[Error, Reached, Stopped]).conclusion(), Conclusion::Leaks);
}

#[test]
fn a_refusal_names_probe_defence_and_remedy() {
    assert_eq!(report(&[Outcome::Stopped, Outcome::Error]).refusal(), None);
    let refusal = report(&[Outcome::Reached, Outcome::Reached]).refusal().unwrap();
    for part in ["T1", "`python`", "`host-files` and 1 more", "(root)", "what it got", Defence::Root.hint()] {
        assert!(refusal.contains(part), "{refusal}");
    }
}

#[test]
fn what_is_no_probes_answer_is_not_believed() {
    assert_eq!(guest::words("true"), None);
    assert_eq!(guest::words(r#"[["tcp", "fine", ""]]"#), None);
    let words = guest::words(r#"[["tcp", "stopped", "EPERM"]]"#).unwrap();
    assert_eq!((words[0].name.as_str(), words[0].outcome), ("tcp", Outcome::Stopped));
}

#[test]
fn the_version_is_short_and_stable() {
    assert_eq!(Battery::version().len(), 12);
    assert_eq!(Battery::version(), Battery::version());
}
