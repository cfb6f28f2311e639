//! Everything that can run the same small program: Zona's sandbox on both backends, and what people use instead.
//!
//! Every peer gets source text, value and parameters, and gives back JSON text; each call starts from nothing but what the
//! peer itself keeps warm.

pub mod daemon;
pub mod docker;
pub mod process;
pub mod python;
pub mod sandbox;

use crate::cpu;
use crate::load::Subject;

/// The program of every comparison.
pub const CODE: &str = "def transform(value, **params):\n    return value.upper()\n";
/// Its value as JSON text.
pub const VALUE: &str = "\"abc\"";
/// What it answers, as JSON text.
pub const ANSWER: &str = "\"ABC\"";

/// Runs a job that stands on standard input, or in the first argument where there is no input.
const RUNNER: &str = r#"import json, sys
job = json.loads(sys.argv[1]) if len(sys.argv) > 1 else json.load(sys.stdin)
scope = {"__name__": "__zona__"}
exec(compile(job["code"], "<utility>", "exec"), scope)
sys.stdout.write(json.dumps(scope["transform"](job["value"], **job["params"])))
"#;

/// Isolated mode, no site packages, no environment: the fastest ordinary start of an interpreter.
const PYTHON_FLAGS: [&str; 3] = ["-I", "-S", "-E"];

/// One way to run the program.
#[derive(Clone)]
pub struct Peer {
    /// Its name in tables.
    pub name: &'static str,
    /// Runs the program once.
    pub subject: Subject,
    /// Where its CPU time shows, if it does.
    pub scope: Option<cpu::Scope>,
}

fn job() -> String {
    format!(r#"{{"code": {}, "value": {VALUE}, "params": {{}}}}"#, serde_json::Value::from(CODE))
}

fn check(answer: &str) -> anyhow::Result<()> {
    anyhow::ensure!(answer.trim() == ANSWER, "the program answered {answer:?} instead of {ANSWER}");
    Ok(())
}
