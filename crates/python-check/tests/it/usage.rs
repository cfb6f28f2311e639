//! Programs as people saved them, and what they are told. The files are theirs; the other tests name the kinds.

use domain::code::{Code, CodeReport, ParameterBinder as _, Schema};
use domain::execution::arguments;
use python_check::{CheckPolicy, CheckedRuntime, Checker, JsonBinder};

use crate::corpus::corpus;

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
    check("o13_set_param.py", true, &[]);
    check("o42_bom.py", true, &[]);
    check("p16_unannotated_default.py", true, &[]);
    check("p25_value_named_parameter.py", true, &[]);
    check("p26_nbsp.py", false, &["ZPY-SYNTAX-001"]);
    check("p28_mistyped_entry.py", true, &["ZPY-QUALITY-007"]);
    check("r02_enum_param.py", true, &[]);
    check("r03_optional_nodefault.py", true, &[]);
    check("r04_datetime_param.py", true, &[]);
    check("r20b_empty.py", false, &["ZPY-LIMITS-008"]);
}

#[test]
fn a_missing_parameter_that_may_be_null_is_not_said_to_be_null() {
    let schema = report("r03_optional_nodefault.py").parameters;
    let violations = JsonBinder.bind(Schema::inferred(&schema), r#"{"host": "a"}"#).unwrap_err();
    assert_eq!(violations.len(), 1);
    assert!(violations[0].description.contains("is required: any JSON value"), "{violations:#?}");
    assert!(JsonBinder.bind(Schema::inferred(&schema), r#"{"host": "a", "port": null}"#).is_ok());
}

#[test]
fn a_transformers_value_is_called_value_unless_a_parameter_is() {
    let called = |code: &str, params: &str| {
        let report = Checker::new(CheckPolicy::default()).check(code.as_bytes());
        let schema = Schema::inferred(&report.parameters);
        let called = arguments(&JsonBinder, report.kind.unwrap(), schema, &Code::from_text(code), params);
        called.map(|(entry, bound)| (format!("{entry:?}"), bound.json.to_string())).map_err(|violations| violations[0].to_string())
    };
    let with = |value: &str, params: &str| Ok((format!("Transform([JsonText({value:?})])"), params.to_owned()));
    let named = "def transform(text, *, value: int):\n    return [text, value]\n";
    assert_eq!(called(named, r#"{"text":"a","value":3}"#), with(r#""a""#, r#"{"value":3}"#));
    let missing = called(named, r#"{"value":3}"#).unwrap_err();
    assert!(missing.contains("the member `text`"), "{missing}");
    let plain = "def transform(text, *, n: int = 1):\n    return text * n\n";
    assert_eq!(called(plain, r#"{"value":"a"}"#), with(r#""a""#, "{}"));
    assert!(called(plain, r#"{"text":"a"}"#).unwrap_err().contains("the member `value`"));
}
