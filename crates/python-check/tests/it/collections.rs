//! Two collections of small programs: ways out of a utility that people have used or could use, and utilities as people write
//! them. Each program stands under a `### ` line; an attack's line names the families of which one must be found.

use std::path::Path;

use domain::code::Severity;

use crate::report;

/// Title and code of each program of a collection.
pub fn programs(name: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    let parts = text.split("\n### ").skip(1).map(|part| part.split_once('\n').unwrap());
    parts.map(|(title, code)| (title.to_owned(), format!("{}\n", code.trim_end()))).collect()
}

#[test]
fn every_way_out_is_refused_for_its_reason() {
    let attacks = programs("attacks.txt");
    assert!(attacks.len() > 600);
    let mut missed = Vec::new();
    for (title, code) in attacks {
        let (_, families) = title.rsplit_once(" -> ").unwrap();
        let report = report(&code);
        let found = report.findings.iter().filter(|finding| finding.severity == Severity::Error);
        if !found.clone().any(|finding| families.split(' ').any(|family| family == finding.family.as_str())) {
            missed.push(format!("{title}: {:?}", found.map(|finding| finding.rule).collect::<Vec<_>>()));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn ordinary_utilities_pass_without_a_word() {
    let ordinary = programs("ordinary.txt");
    assert!(ordinary.len() > 80);
    let alarms: Vec<String> = ordinary
        .iter()
        .filter_map(|(title, code)| {
            let findings = report(code).findings;
            (!findings.is_empty()).then(|| format!("{title}: {findings:#?}"))
        })
        .collect();
    assert!(alarms.is_empty(), "{}", alarms.join("\n"));
}
