//! The committed corpus: attacks are refused for the right reason at the right line, ordinary code passes, syntax errors stand
//! where CPython puts them. Other cases of the same kinds exist; rules are written for the kind, never for a case.

use std::path::{Path, PathBuf};

use domain::code::{Finding, Severity};
use python_check::{CheckPolicy, Checker};
use serde_json::Value;

pub fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

#[test]
fn every_case_of_the_corpus_is_judged_rightly() {
    let manifest: Value = serde_json::from_slice(&std::fs::read(corpus().join("manifest.json")).unwrap()).unwrap();
    let checker = Checker::new(CheckPolicy::default());
    let cases = manifest["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 68);
    let wrong: Vec<String> = cases.iter().filter_map(|case| judge(&checker, case, &manifest["rule_equivalents"])).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with the verdict on one case.
fn judge(checker: &Checker, case: &Value, equivalents: &Value) -> Option<String> {
    let source = std::fs::read(corpus().join(case["file"].as_str().unwrap())).unwrap();
    let report = checker.check(&source);
    let errors: Vec<&Finding> = report.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    let shown = || format!("{} {}: {errors:#?}", case["id"], case["technique"]);
    if case["expected"] == "accept" {
        return (!report.findings.is_empty()).then(shown);
    }
    let families = strings(&equivalents[case["rule"].as_str().unwrap()]);
    let lines: Vec<u64> = case["lines"].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
    let family = errors.iter().any(|finding| families.iter().any(|family| family == finding.family.as_str()));
    let line = lines.is_empty() || errors.iter().any(|finding| lines.contains(&u64::from(finding.span.line)));
    (!family || !line).then(shown)
}
