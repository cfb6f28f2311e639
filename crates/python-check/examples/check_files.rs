//! Checks files with the default policy and prints one JSON line each: how a front end calls the checker. A directory stands
//! for the Python files in it. It offers no policy options; the `zona` command line does.

use std::path::{Path, PathBuf};
use std::time::Instant;

use python_check::{CheckPolicy, Checker};
use serde_json::{Value, json};

fn main() -> std::io::Result<()> {
    let checker = Checker::new(CheckPolicy::default());
    for argument in std::env::args_os().skip(1) {
        for file in python_files(Path::new(&argument))? {
            println!("{}", line(&checker, &file, &std::fs::read(&file)?));
        }
    }
    Ok(())
}

fn python_files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?.path();
        if entry.is_dir() || entry.extension().is_some_and(|extension| extension == "py") {
            files.extend(python_files(&entry)?);
        }
    }
    files.sort();
    Ok(files)
}

fn line(checker: &Checker, file: &Path, source: &[u8]) -> Value {
    let started = Instant::now();
    let report = checker.check(source);
    let milliseconds = started.elapsed().as_secs_f64() * 1_000.0;
    let findings: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            json!({
                "rule": finding.rule, "family": finding.family.as_str(), "severity": finding.severity.as_str(),
                "line": finding.span.line, "column": finding.span.column, "message": finding.message, "suggestion": finding.suggestion,
            })
        })
        .collect();
    let imports: Vec<&str> = report.imports.iter().map(|import| import.module.as_str()).collect();
    json!({"file": file.to_string_lossy(), "accepted": report.accepted(), "findings": findings, "imports": imports, "ms": milliseconds})
}
