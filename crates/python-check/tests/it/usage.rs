//! Programs as people saved them, and what they are told. The files are theirs; the other tests name the kinds.

use domain::code::CodeReport;
use python_check::{CheckPolicy, CheckedRuntime, Checker, JsonBinder};

use crate::corpus::corpus;
use domain::code::ParameterBinder;

/// Checks a file for the Python of the runtime `python`.
fn report(name: &str) -> CodeReport {
    let source = std::fs::read(corpus().join("usage").join(name)).unwrap();
    let policy = CheckPolicy { runtime: CheckedRuntime { python: (3, 11), ..CheckedRuntime::default() }, ..CheckPolicy::default() };
    Checker::new(policy).check(&source)
}

fn check(name: &str, accepted: bool, expected: &[&str]) {
    let report = report(name);
    let rules: Vec<_> = report.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!((report.accepted(), rules.as_slice()), (accepted, expected), "{name}: {:#?}", report.findings);
}

#[test]
fn each_file_is_judged_as_its_author_would_expect() {
    check("o07_kwargs_main.py", true, &[]);
    check("o13_set_param.py", true, &["ZPY-QUALITY-009"]);
    check("o42_bom.py", true, &[]);
    check("p16_unannotated_default.py", true, &[]);
    check("p25_value_named_parameter.py", true, &[]);
    check("p26_nbsp.py", false, &["ZPY-SYNTAX-001"]);
    check("p28_mistyped_entry.py", true, &["ZPY-QUALITY-007"]);
    check("r02_enum_param.py", true, &["ZPY-QUALITY-009"]);
    check("r03_optional_nodefault.py", true, &[]);
    check("r04_datetime_param.py", true, &["ZPY-QUALITY-009"]);
    check("r20b_empty.py", true, &[]);
}

#[test]
fn a_missing_parameter_that_may_be_null_is_not_said_to_be_null() {
    let schema = report("r03_optional_nodefault.py").parameters;
    let violations = JsonBinder.bind(&schema, r#"{"host": "a"}"#).unwrap_err();
    assert_eq!(violations.len(), 1);
    assert!(violations[0].description.contains("is required: any JSON value"), "{violations:#?}");
    assert!(JsonBinder.bind(&schema, r#"{"host": "a", "port": null}"#).is_ok());
}
