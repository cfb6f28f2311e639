//! Coverage of lines by the tests of each crate, with cargo-tarpaulin's own engine (ptrace), which needs no other build of the standard
//! library. It takes long, and what it measures is no reason to refuse a change, so it is run by hand.

use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::{
    process::{cargo, run},
    setup::tools::Tool,
    workspace::Workspace,
};

/// Crates whose own tests need neither a daemon nor privileges. The agent runs in processes of its own, where nobody can count lines,
/// and the binaries are run by stories.
const CRATES: [&str; 17] = [
    "api-grpc",
    "api-proto",
    "audit",
    "auth",
    "cache",
    "cli",
    "domain",
    "file-trust",
    "keys",
    "python-check",
    "sandbox-protocol",
    "settings",
    "storage-documents",
    "storage-embedded",
    "telemetry",
    "tls",
    "webhooks",
];
/// What a test may take under the tracer, in seconds.
const TEST_TIMEOUT: &str = "1800";

/// Lines of one crate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Lines {
    covered: u64,
    coverable: u64,
}

/// What tarpaulin writes.
#[derive(Debug, Deserialize)]
struct Report {
    files: Vec<File>,
}

#[derive(Debug, Deserialize)]
struct File {
    /// The parts of its path.
    path: Vec<String>,
    covered: u64,
    coverable: u64,
}

/// Runs the tests of these crates, of all of [`CRATES`] where none is named, and prints what part of each one's lines they reach.
///
/// # Errors
/// When tarpaulin cannot be built, a crate is not known, or a test fails.
pub fn measure(workspace: &Workspace, named: &[String]) -> anyhow::Result<()> {
    if let Some(unknown) = named.iter().find(|name| !CRATES.contains(&name.as_str())) {
        bail!("{unknown} is not measured; these are: {}", CRATES.join(", "));
    }
    let tarpaulin = Tool::CargoTarpaulin.install(workspace)?.join(Tool::CargoTarpaulin.name());
    let output = workspace.target_directory()?.join("coverage");
    fs::create_dir_all(&output)?;
    println!("| crate | lines | reached | |\n|---|---|---|---|");
    let crates = CRATES.iter().filter(|name| named.is_empty() || named.iter().any(|wanted| wanted == *name));
    for name in crates {
        // One at a time: a crate is to be held by its own tests, not by those of the ones above it.
        run(cargo_tarpaulin(workspace, &tarpaulin, &output).args(["--packages", name]))?;
        let report = fs::read(output.join("tarpaulin-report.json")).context("tarpaulin has written no report")?;
        let report = serde_json::from_slice(&report).context("what tarpaulin has written is not its report")?;
        let lines = by_crate(&report).remove(*name).with_context(|| format!("nothing of {name} was measured"))?;
        println!("| {name} | {} | {} | {:.1} % |", lines.coverable, lines.covered, lines.percent());
    }
    Ok(())
}

fn cargo_tarpaulin(workspace: &Workspace, program: &Path, output: &Path) -> std::process::Command {
    let mut command = std::process::Command::new(program);
    command.current_dir(&workspace.root).env("CARGO", cargo().get_program());
    command.args(["tarpaulin", "--engine", "ptrace", "--locked", "--skip-clean", "--exclude-files", "*/tests/*", "tests.rs"]);
    command.args(["--timeout", TEST_TIMEOUT, "--out", "Json", "--output-dir"]).arg(output);
    command.arg("--target-dir").arg(output.join("target"));
    command
}

/// The lines of each crate: those of `crates/NAME/src`.
fn by_crate(report: &Report) -> BTreeMap<String, Lines> {
    let mut crates: BTreeMap<String, Lines> = BTreeMap::new();
    for file in &report.files {
        let Some(name) = crate_of(&file.path.iter().collect::<PathBuf>()) else { continue };
        let lines = crates.entry(name).or_default();
        lines.covered += file.covered;
        lines.coverable += file.coverable;
    }
    crates
}

fn crate_of(path: &Path) -> Option<String> {
    let parts: Vec<&str> =
        path.components().filter_map(|part| if let Component::Normal(part) = part { part.to_str() } else { None }).collect();
    let at = parts.windows(3).rposition(|window| window[0] == "crates" && window[2] == "src")?;
    Some(parts[at + 1].to_owned())
}

impl Lines {
    fn percent(self) -> f64 {
        if self.coverable == 0 { 100.0 } else { self.covered as f64 * 100.0 / self.coverable as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_count_for_the_crate_whose_source_they_are() {
        let file = |path: &str, covered, coverable| {
            format!(
                r#"{{"path": ["/", "{}"], "content": "", "traces": [], "covered": {covered}, "coverable": {coverable}}}"#,
                path.replace('/', "\", \"")
            )
        };
        let files = [
            file("home/me/crates/zona/crates/auth/src/lib.rs", 3, 4),
            file("home/me/crates/zona/crates/auth/src/tokens/claims.rs", 5, 6),
            file("home/me/crates/zona/crates/auth/tests/it/main.rs", 9, 9),
            file("home/me/crates/zona/crates/domain/src/src/odd.rs", 0, 2),
            file("home/me/.cargo/registry/src/other/src/lib.rs", 1, 1),
        ];
        let report = serde_json::from_str(&format!(r#"{{"files": [{}]}}"#, files.join(","))).unwrap();
        let expected = [("auth", Lines { covered: 8, coverable: 10 }), ("domain", Lines { covered: 0, coverable: 2 })];
        assert_eq!(by_crate(&report), expected.map(|(name, lines)| (name.to_owned(), lines)).into());
        assert_eq!((expected[0].1.percent(), Lines::default().percent()), (80.0, 100.0));
    }
}
