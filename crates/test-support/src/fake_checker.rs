//! A checker that reads just enough of Python for tests of everything around it: entry points with their parameters, `import os`
//! (refused), `import extra_tools` (refused except on the runtime `extra`), `TODO` (a warning), `DEEP` (too deep to be looked at further),
//! `PANIC` (a bug). It honors what a policy says of the two rules it has.

use async_trait::async_trait;
use domain::Result;
use domain::code::{CodeReport, Family, Finding, Import, Kind, Parameter, Severity, Span, Standing, ValueType};
use domain::code_policy::{CodeChecker, CodePolicy};
use domain::name::RuntimeId;

/// The rule that `import os` breaks.
pub const IMPORT_RULE: &str = "ZPY-IMPORT-001";
/// The rule that `import extra_tools` breaks where the runtime does not have it.
pub const MISSING_RULE: &str = "ZPY-DEPENDENCY-002";
/// The rule that warns of `TODO`.
pub const TODO_RULE: &str = "ZPY-QUALITY-001";
/// The rule that `DEEP` breaks: nothing else is found then.
pub const NESTING_RULE: &str = "ZPY-LIMITS-002";
const ENCODING_RULE: &str = "ZPY-ENCODING-001";

/// Reads just enough of Python.
#[derive(Debug, Default)]
pub struct FakeChecker;

#[async_trait]
impl CodeChecker for FakeChecker {
    async fn check(&self, policy: &CodePolicy, runtime: &RuntimeId, source: Vec<u8>) -> Result<CodeReport> {
        let Ok(text) = String::from_utf8(source) else {
            return Ok(only(finding(ENCODING_RULE, Severity::Error, 1, "not UTF-8")));
        };
        if text.contains("DEEP") {
            return Ok(only(finding(NESTING_RULE, Severity::Error, 1, "nested too deeply")));
        }
        assert!(!text.contains("PANIC"), "the checker has a bug");
        let allows_os = policy.extra_modules.iter().any(|module| module == "os");
        let todo = if policy.denied_rules.iter().any(|rule| rule == TODO_RULE) { Severity::Error } else { Severity::Warning };
        let findings = text.lines().zip(1..).filter_map(|(line, number)| match line {
            line if line.starts_with("import os") && !allows_os => Some(finding(IMPORT_RULE, Severity::Error, number, "`os` is refused")),
            "import extra_tools" if **runtime != *"extra" => {
                Some(finding(MISSING_RULE, Severity::Error, number, "`extra_tools` is missing"))
            }
            line if line.contains("TODO") => Some(finding(TODO_RULE, todo, number, "unfinished")),
            _ => None,
        });
        let imports = text.lines().zip(1..).filter_map(|(line, number)| import(line, number)).collect();
        let (kind, signature) = match (text.split_once("def transform("), text.split_once("def main(")) {
            (Some((_, rest)), _) => (Kind::Transformer, rest),
            (None, Some((_, rest))) => (Kind::Script, rest),
            (None, None) => (Kind::Script, ")"),
        };
        Ok(CodeReport { findings: findings.collect(), kind: Some(kind), parameters: parameters(signature), imports })
    }

    fn family(&self, rule: &str) -> Option<Family> {
        [IMPORT_RULE, MISSING_RULE, TODO_RULE, NESTING_RULE, ENCODING_RULE].contains(&rule).then(|| family(rule))
    }
}

fn family(rule: &str) -> Family {
    match rule {
        ENCODING_RULE => Family::Encoding,
        NESTING_RULE => Family::Limits,
        _ => Family::Quality,
    }
}

/// The report on code that is looked at no further.
fn only(finding: Finding) -> CodeReport {
    CodeReport { findings: vec![finding], kind: None, parameters: Vec::new(), imports: Vec::new() }
}

fn import(line: &str, number: u32) -> Option<Import> {
    let module = line.strip_prefix("import ")?.trim().to_owned();
    Some(Import { module, line: number, standing: Standing::Unknown })
}

fn parameters(signature: &str) -> Vec<Parameter> {
    let signature = signature.split(')').next().unwrap_or_default();
    let names = signature.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != "value");
    names.map(|name| parameter(name.trim_end_matches("=None"), !name.contains('='))).collect()
}

fn parameter(name: &str, required: bool) -> Parameter {
    Parameter {
        name: name.to_owned(),
        value_type: ValueType::Any,
        required,
        default_json: None,
        enum_json: Vec::new(),
        secret: false,
        description: String::new(),
    }
}

fn finding(rule: &'static str, severity: Severity, line: u32, message: &str) -> Finding {
    Finding {
        rule,
        family: family(rule),
        severity,
        span: Span { line, column: 1, end_line: line, end_column: 2 },
        message: message.to_owned(),
        suggestion: "write it otherwise".to_owned(),
    }
}
