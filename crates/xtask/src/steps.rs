//! The checks, in the order in which they fail cheapest, each with what it needs and how long it takes.

use std::{
    fmt,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::bail;
use clap::ValueEnum;

use crate::{
    contract, fuzz,
    process::{cargo as cargo_command, run},
    setup::{self, Need, Provided, Tool},
    tidy,
    workspace::Workspace,
};

/// One check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Step {
    /// Formatting.
    Fmt,
    /// Fences that the compiler does not hold.
    Tidy,
    /// The example utilities do what their docstrings say.
    Examples,
    /// Style and comments of the protos.
    BufLint,
    /// The protos break no caller of the accepted contract.
    BufBreaking,
    /// Lints, for all targets, as errors.
    Clippy,
    /// Licenses, sources, and which crate may depend on what.
    Deny,
    /// All Rust tests: unit, contract, API, sandbox, end to end.
    Test,
    /// A short run of each fuzz target.
    Fuzz,
}

/// How long a check fuzzes each target: long enough to replay the corpus and to find what a change broke plainly.
pub const FUZZ_SECONDS: u64 = 20;
/// What fuzzing needs beside a nightly compiler.
pub const FUZZ_NEEDS: &[Need] = &[Need::Packages, Need::Tool(Tool::CargoFuzz)];

impl Step {
    const ALL: [Step; 9] =
        [Step::Fmt, Step::Tidy, Step::Examples, Step::BufLint, Step::BufBreaking, Step::Clippy, Step::Deny, Step::Test, Step::Fuzz];

    fn needs(self) -> &'static [Need] {
        match self {
            Step::Fmt | Step::Tidy | Step::Clippy => &[],
            Step::Examples => &[Need::Packages],
            Step::BufLint | Step::BufBreaking => &[Need::Tool(Tool::Buf)],
            Step::Deny => &[Need::Tool(Tool::CargoDeny)],
            Step::Test => &Need::ALL,
            Step::Fuzz => FUZZ_NEEDS,
        }
    }

    fn run(self, workspace: &Workspace, provided: &Provided) -> anyhow::Result<()> {
        let prepare = |mut command: Command| {
            command.current_dir(&workspace.root).env("PATH", &provided.path);
            command
        };
        let cargo = |arguments: &[&str]| {
            let mut command = prepare(cargo_command());
            command.args(arguments);
            run(&mut command)
        };
        match self {
            Step::Fmt => cargo(&["fmt", "--all", "--check"]),
            Step::Tidy => tidy::run(workspace),
            Step::Examples => run(&mut examples(workspace, prepare(Command::new("python3")))?),
            Step::BufLint => contract::lint(prepare(Command::new("buf"))),
            Step::BufBreaking => contract::breaking(prepare(Command::new("buf"))),
            Step::Clippy => cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]),
            Step::Deny => cargo(&["deny", "--locked", "check", "bans", "licenses", "sources"]),
            Step::Test => {
                // The stories run the real binary, which is no dependency of theirs that cargo would build.
                cargo(&["build", "--locked", "--workspace", "--bins"])?;
                let binary = workspace.target_directory()?.join("debug/zona");
                let mut tests = prepare(cargo_command());
                tests.args(["test", "--locked", "--workspace", "--no-fail-fast"]);
                run(tests.env("E2E_BINARY", binary))
            }
            Step::Fuzz => fuzz::run_targets(workspace, &provided.path, Duration::from_secs(FUZZ_SECONDS)),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no step is hidden");
        f.write_str(value.get_name())
    }
}

/// Provides what the chosen steps need and runs them all, so that one run shows everything that is wrong. No choice means
/// all.
///
/// # Errors
/// When something cannot be provided, or a step fails.
pub fn test(workspace: &Workspace, only: &[Step]) -> anyhow::Result<()> {
    let steps: Vec<Step> = Step::ALL.into_iter().filter(|step| only.is_empty() || only.contains(step)).collect();
    let started = Instant::now();
    let mut rows = Vec::new();
    let needs: Vec<Need> = steps.iter().flat_map(|step| step.needs()).copied().collect();
    heading("setup");
    let provided = setup::provide(workspace, &needs)?;
    rows.push(Row { name: "setup".to_owned(), seconds: started.elapsed().as_secs_f64(), passed: true });
    for step in steps {
        heading(&step.to_string());
        let begun = Instant::now();
        let outcome = step.run(workspace, &provided);
        if let Err(error) = &outcome {
            println!("{step}: {error:#}");
        }
        rows.push(Row { name: step.to_string(), seconds: begun.elapsed().as_secs_f64(), passed: outcome.is_ok() });
        println!("{}", rows[rows.len() - 1]);
    }
    provided.stop()?;
    summarize(&rows, started)
}

struct Row {
    name: String,
    seconds: f64,
    passed: bool,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.passed { "ok" } else { "FAILED" };
        write!(f, "{:<14} {verdict:<6} {:>7.1} s", self.name, self.seconds)
    }
}

fn heading(name: &str) {
    println!("\n=== {name}");
}

fn summarize(rows: &[Row], started: Instant) -> anyhow::Result<()> {
    heading("summary");
    rows.iter().for_each(|row| println!("{row}"));
    println!("{:<21} {:>7.1} s", "total", started.elapsed().as_secs_f64());
    let failed: Vec<&str> = rows.iter().filter(|row| !row.passed).map(|row| row.name.as_str()).collect();
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

/// Every file of `examples/` through Python's doctest, which fails on the first differing result.
fn examples(workspace: &Workspace, mut python: Command) -> anyhow::Result<Command> {
    let mut files: Vec<_> =
        std::fs::read_dir(workspace.path("examples"))?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "py"));
    files.sort();
    if files.is_empty() {
        bail!("examples/ holds no Python file");
    }
    // -B leaves no byte code beside the sources.
    python.args(["-I", "-B", "-m", "doctest"]).args(files);
    Ok(python)
}
