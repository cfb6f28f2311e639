//! Coverage of lines by the tests of each crate, and by those of all together, with cargo-tarpaulin's own engine (ptrace), which needs no
//! other build of the standard library. It takes long, and what it measures is no reason to refuse a change, so it is run by hand.

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
const CRATES: [&str; 24] = [
    "api-grpc",
    "api-proto",
    "audit",
    "auth",
    "blobs",
    "cache",
    "cli",
    "domain",
    "file-trust",
    "gateway",
    "keys",
    "process",
    "python-check",
    "resilience",
    "sandbox-protocol",
    "server",
    "settings",
    "storage-documents",
    "storage-embedded",
    "storage-rules",
    "telemetry",
    "test-support",
    "tls",
    "webhooks",
];
/// What a test may take under the tracer, in seconds.
const TEST_TIMEOUT: &str = "1800";

/// Lines of the sources of all crates, by file and number, and whether any test reached them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Reached(BTreeMap<(PathBuf, u64), bool>);

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
    traces: Vec<Trace>,
}

#[derive(Debug, Deserialize)]
struct Trace {
    line: u64,
    stats: Stats,
}

/// How often a line was reached; with the engine in use there is no other kind.
#[derive(Debug, Deserialize)]
enum Stats {
    Line(u64),
}

/// Runs the tests of these crates, of all of [`CRATES`] where none is named, and prints what part of each one's lines its own tests reach,
/// and in the end what all of these tests together do: of what is called over the wire, many tests stand above it.
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
    let crates = || CRATES.iter().filter(|name| named.is_empty() || named.iter().any(|wanted| wanted == *name));
    let (mut own, mut all) = (BTreeMap::new(), Reached::default());
    for name in crates() {
        // One at a time: what holds a crate by itself is told apart from what holds it from above.
        run(cargo_tarpaulin(workspace, &tarpaulin, &output).args(["--packages", name]))?;
        let report = fs::read(output.join("tarpaulin-report.json")).context("tarpaulin has written no report")?;
        let report = serde_json::from_slice(&report).context("what tarpaulin has written is not its report")?;
        let reached = Reached::by(&report);
        let lines = reached.by_crate().remove(*name).with_context(|| format!("nothing of {name} was measured"))?;
        println!("{name}: {:.1} % of {} lines", lines.percent(), lines.coverable);
        own.insert(*name, lines);
        all.add(reached);
    }
    println!("\n| crate | lines | reached by its own tests | by all of these |\n|---|---|---|---|");
    let all = all.by_crate();
    for name in crates() {
        let (own, all) = (own.get(name).copied().unwrap_or_default(), all.get(*name).copied().unwrap_or_default());
        println!("| {name} | {} | {:.1} % | {:.1} % |", all.coverable, own.percent(), all.percent());
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

fn crate_of(path: &Path) -> Option<String> {
    let parts: Vec<&str> =
        path.components().filter_map(|part| if let Component::Normal(part) = part { part.to_str() } else { None }).collect();
    let at = parts.windows(3).rposition(|window| window[0] == "crates" && window[2] == "src")?;
    Some(parts[at + 1].to_owned())
}

// === impl Reached ===

impl Reached {
    /// What the tests of one run have reached.
    fn by(report: &Report) -> Self {
        let mut reached = Reached::default();
        for file in &report.files {
            let path: PathBuf = file.path.iter().collect();
            if crate_of(&path).is_none() {
                continue;
            }
            for Trace { line, stats: Stats::Line(times) } in &file.traces {
                *reached.0.entry((path.clone(), *line)).or_default() |= *times > 0;
            }
        }
        reached
    }

    /// Adds what another run has reached.
    fn add(&mut self, other: Self) {
        for (line, reached) in other.0 {
            *self.0.entry(line).or_default() |= reached;
        }
    }

    /// The lines of each crate: those of `crates/NAME/src`.
    fn by_crate(&self) -> BTreeMap<String, Lines> {
        let mut crates: BTreeMap<String, Lines> = BTreeMap::new();
        for ((path, _line), reached) in &self.0 {
            let Some(name) = crate_of(path) else { continue };
            let lines = crates.entry(name).or_default();
            lines.coverable += 1;
            lines.covered += u64::from(*reached);
        }
        crates
    }
}

// === impl Lines ===

impl Lines {
    fn percent(self) -> f64 {
        if self.coverable == 0 { 100.0 } else { self.covered as f64 * 100.0 / self.coverable as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(files: &[(&str, &[(u64, u64)])]) -> Report {
        let files = files.iter().map(|(path, lines)| {
            let traces = lines.iter().map(|(line, times)| Trace { line: *line, stats: Stats::Line(*times) });
            File { path: path.split('/').map(str::to_owned).collect(), traces: traces.collect() }
        });
        Report { files: files.collect() }
    }

    fn lines(covered: u64, coverable: u64) -> Lines {
        Lines { covered, coverable }
    }

    #[test]
    fn a_report_is_read_as_tarpaulin_writes_it() {
        let written = r#"{"files": [{"path": ["/", "w", "crates", "auth", "src", "lib.rs"], "content": "", "covered": 1, "coverable": 2,
            "traces": [{"line": 3, "address": [7], "length": 1, "stats": {"Line": 4}}, {"line": 5, "address": [], "length": 0, "stats": {"Line": 0}}]}],
            "coverage": 50.0, "covered": 1, "coverable": 2}"#;
        assert_eq!(Reached::by(&serde_json::from_str(written).unwrap()).by_crate(), [("auth".to_owned(), lines(1, 2))].into());
    }

    #[test]
    fn lines_count_for_the_crate_whose_source_they_are() {
        let reached = Reached::by(&report(&[
            ("home/me/crates/zona/crates/auth/src/lib.rs", &[(1, 1), (2, 0)]),
            ("home/me/crates/zona/crates/auth/src/tokens/claims.rs", &[(1, 5)]),
            ("home/me/crates/zona/crates/auth/tests/it/main.rs", &[(1, 1)]),
            ("home/me/crates/zona/crates/domain/src/src/odd.rs", &[(1, 0), (9, 0)]),
            ("home/me/.cargo/registry/src/other/src/lib.rs", &[(1, 1)]),
        ]));
        let expected = [("auth", lines(2, 3)), ("domain", lines(0, 2))];
        assert_eq!(reached.by_crate(), expected.map(|(name, lines)| (name.to_owned(), lines)).into());
        assert_eq!((lines(4, 5).percent(), Lines::default().percent()), (80.0, 100.0));
    }

    #[test]
    fn a_line_that_any_run_reaches_is_reached() {
        let file = "w/crates/domain/src/lib.rs";
        let mut all = Reached::by(&report(&[(file, &[(1, 0), (2, 3)])]));
        all.add(Reached::by(&report(&[(file, &[(1, 7), (2, 0), (3, 0)])])));
        assert_eq!(all.by_crate(), [("domain".to_owned(), lines(2, 3))].into());
    }
}
