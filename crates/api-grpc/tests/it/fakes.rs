//! Small honest stand-ins for the Python checker, the parameter binder, the rules and the metrics.

use std::sync::Mutex;
use std::time::Duration;

use api_grpc::CallMetrics;
use async_trait::async_trait;
use domain::access::{ActionSpec, Caller, Reach, Rules};
use domain::checker::CodeChecker;
use domain::finding::{CodeReport, Family, Finding, Severity, Span};
use domain::name::TenantId;
use domain::parameter::{Bound, Parameter, ParameterBinder, ValueType};
use domain::utility::Kind;
use domain::{Result, Violation};
use serde_json::{Map, Value};
use tokio::sync::watch;
use tonic::Code;

/// Reads just enough of Python: entry points with their parameters, `import os` (refused), `TODO` (a warning), `PANIC` (a bug).
pub struct FakeChecker;

#[async_trait]
impl CodeChecker for FakeChecker {
    async fn check(&self, _tenant: &TenantId, source: Vec<u8>) -> Result<CodeReport> {
        let Ok(text) = String::from_utf8(source) else {
            let finding = finding("ZPY-ENCODING-001", Severity::Error, 1, "not UTF-8");
            return Ok(CodeReport { findings: vec![finding], kind: None, parameters: Vec::new(), imports: Vec::new() });
        };
        assert!(!text.contains("PANIC"), "the checker has a bug");
        let lines = text.lines().zip(1..);
        let findings = lines.filter_map(|(line, number)| match line {
            line if line.starts_with("import os") => Some(finding("ZPY-IMPORT-001", Severity::Error, number, "`os` is refused")),
            line if line.contains("TODO") => Some(finding("ZPY-QUALITY-001", Severity::Warning, number, "unfinished")),
            _ => None,
        });
        let (kind, signature) = match (text.split_once("def transform("), text.split_once("def main(")) {
            (Some((_, rest)), _) => (Kind::Transformer, rest),
            (None, Some((_, rest))) => (Kind::Script, rest),
            (None, None) => (Kind::Script, ")"),
        };
        Ok(CodeReport { findings: findings.collect(), kind: Some(kind), parameters: parameters(signature), imports: Vec::new() })
    }
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
        family: Family::Quality,
        severity,
        span: Span { line, column: 1, end_line: line, end_column: 2 },
        message: message.to_owned(),
        suggestion: "write it otherwise".to_owned(),
    }
}

/// Knows names, not types.
pub struct FakeBinder;

impl ParameterBinder for FakeBinder {
    fn bind(&self, schema: &[Parameter], json: &str) -> Result<Bound, Vec<Violation>> {
        let given = object(json)?;
        let field = |name: &str| format!("params_json.{name}");
        let missing = schema.iter().filter(|parameter| parameter.required && !given.contains_key(&parameter.name));
        let missing = missing.map(|parameter| Violation::new(field(&parameter.name), "MISSING", "is required"));
        let unknown = given.keys().filter(|name| !schema.iter().any(|parameter| parameter.name == **name));
        let unknown = unknown.map(|name| Violation::new(field(name), "UNKNOWN_PARAMETER", "is no parameter"));
        let violations: Vec<_> = missing.chain(unknown).collect();
        let json = Value::Object(given).to_string();
        if violations.is_empty() { Ok(Bound { public_json: json.clone(), json }) } else { Err(violations) }
    }

    fn take(&self, json: &str, member: &str) -> Result<(Option<String>, String), Vec<Violation>> {
        let mut given = object(json)?;
        let taken = given.remove(member).map(|value| value.to_string());
        Ok((taken, Value::Object(given).to_string()))
    }

    fn check_value(&self, json: &str) -> Result<(), String> {
        serde_json::from_str::<Value>(json).map(drop).map_err(|error| error.to_string())
    }
}

fn object(json: &str) -> Result<Map<String, Value>, Vec<Violation>> {
    let text = if json.is_empty() { "{}" } else { json };
    serde_json::from_str(text).map_err(|error| vec![Violation::new("params_json", "NOT_AN_OBJECT", error.to_string())])
}

/// Refuses everybody, and remembers what was asked.
#[derive(Default)]
pub struct RecordingRules {
    asked: Mutex<Vec<ActionSpec>>,
}

impl RecordingRules {
    /// What was asked since the last time.
    pub fn take(&self) -> Vec<ActionSpec> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

#[async_trait]
impl Rules for RecordingRules {
    async fn decide(&self, _caller: &Caller, action: ActionSpec, _tenant: &TenantId) -> Result<Option<Reach>> {
        self.asked.lock().unwrap().push(action);
        Ok(None)
    }
}

/// Remembers calls.
#[derive(Default)]
pub struct RecordedCalls {
    ended: watch::Sender<Vec<(String, Code)>>,
    began: Mutex<usize>,
}

impl RecordedCalls {
    /// The code of the first call of `method` that ended, once one has.
    pub async fn ended(&self, method: &str) -> Code {
        let mut ended = self.ended.subscribe();
        let found = ended.wait_for(|calls| calls.iter().any(|(path, _)| path.ends_with(method))).await.unwrap();
        found.iter().find(|(path, _)| path.ends_with(method)).expect("just seen").1
    }

    /// Waits until every call that began has ended, and answers them.
    pub async fn all(&self) -> Vec<(String, Code)> {
        let mut ended = self.ended.subscribe();
        let all = ended.wait_for(|calls| calls.len() == *self.began.lock().unwrap()).await.unwrap();
        all.clone()
    }
}

impl CallMetrics for RecordedCalls {
    fn began(&self, _method: &str) {
        *self.began.lock().unwrap() += 1;
    }

    fn ended(&self, method: &str, code: Code, _elapsed: Duration) {
        self.ended.send_modify(|calls| calls.push((method.to_owned(), code)));
    }
}
