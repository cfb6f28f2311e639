//! The yardstick: a bare interpreter, started for each call, with the same code and value and no isolation at all.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use cli::{Exit, Failure, Result};
use server::Running;
use server::config::BackendKind;
use tokio::process::Command;

use crate::context::Context;
use crate::refusal::refused;

/// Called after the code: reads the value, writes the result.
const RUNNER: &str = "\nimport json as _json, sys as _sys\n_sys.stdout.write(_json.dumps(transform(_json.loads(_sys.argv[1]))))\n";

/// A program and how to start it.
pub(super) struct BarePython {
    python: PathBuf,
    script: PathBuf,
    value: &'static str,
}

impl BarePython {
    /// Writes the program. With namespaces the interpreter is the sandbox's own.
    pub(super) async fn new(context: &Context, running: &Running, script: PathBuf, code: &str, value: &'static str) -> Result<Self> {
        let python = match context.config.sandbox.backend {
            BackendKind::Namespace | BackendKind::Landlock => {
                let runtime = running.sandboxes.runtime(running.sandboxes.default_runtime()).await;
                PathBuf::from(runtime.map_err(|error| refused(error.into()))?.layout.python.clone())
            }
            BackendKind::Docker => host_python(context),
        };
        std::fs::write(&script, format!("{code}{RUNNER}")).map_err(|error| Failure::file(&script, &error))?;
        Ok(BarePython { python, script, value })
    }

    /// The result of one call, and its milliseconds from the start of the process to its end.
    pub(super) async fn call(&self) -> Result<(String, f64)> {
        let begun = Instant::now();
        let mut command = Command::new(&self.python);
        command.args(["-I", "-S", "-E"]).arg(&self.script).arg(self.value).stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await;
        let elapsed = begun.elapsed().as_secs_f64() * 1e3;
        match output {
            Ok(output) if output.status.success() && !output.stdout.is_empty() => {
                Ok((String::from_utf8_lossy(&output.stdout).into_owned(), elapsed))
            }
            Ok(output) => Err(self.failure(&String::from_utf8_lossy(&output.stderr))),
            Err(error) => Err(self.failure(&error.to_string())),
        }
    }

    fn failure(&self, problem: &str) -> Failure {
        Failure::new(Exit::Unavailable, format!("the yardstick {} failed: {problem}", self.python.display()))
    }
}

fn host_python(context: &Context) -> PathBuf {
    let usual = Path::new("/usr/bin/python3");
    let configured = context.config.sandbox.python.clone();
    let on_path = || context.surroundings.search_path.iter().map(|directory| directory.join("python3")).find(|path| path.is_file());
    configured.or_else(|| usual.is_file().then(|| usual.to_path_buf())).or_else(on_path).unwrap_or_else(|| usual.to_path_buf())
}
