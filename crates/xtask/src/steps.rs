//! The checks, in the order in which they fail cheapest, each with what it needs and how long it takes.

use std::{
    fmt,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::bail;
use clap::ValueEnum;

use crate::{
    console, contract, fuzz,
    process::{cargo as cargo_command, run},
    second_model,
    setup::{self, Need, Provided, Tool},
    suite::{self, Effort, Shown},
    tidy,
    timed::{Timed, slowest},
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
    /// The console that is committed is the one that its sources make, and its own tests.
    Console,
    /// The rules of access agree with a second statement of them.
    SecondModel,
    /// A short run of each fuzz target.
    Fuzz,
}

/// How long a check fuzzes each target, in seconds: long enough to replay the corpus and to find what a change broke plainly.
pub const FUZZ_SECONDS: u64 = 20;
const FUZZ: Duration = Duration::from_secs(FUZZ_SECONDS);
/// How long a long run fuzzes each target.
const LONG_FUZZ: Duration = Duration::from_secs(300);
/// How many of the parts that took longest are named at the end.
const SLOWEST: usize = 10;
/// What fuzzing needs beside a nightly compiler.
pub const FUZZ_NEEDS: &[Need] = &[Need::Packages, Need::Tool(Tool::CargoFuzz)];

impl Step {
    const ALL: [Step; 11] = [
        Step::Fmt,
        Step::Tidy,
        Step::Examples,
        Step::BufLint,
        Step::BufBreaking,
        Step::Clippy,
        Step::Deny,
        Step::Test,
        Step::Console,
        Step::SecondModel,
        Step::Fuzz,
    ];

    fn needs(self) -> &'static [Need] {
        match self {
            Step::Fmt | Step::Tidy | Step::Clippy | Step::SecondModel => &[],
            Step::Examples | Step::Console => &[Need::Packages],
            Step::BufLint | Step::BufBreaking => &[Need::Tool(Tool::Buf)],
            Step::Deny => &[Need::Tool(Tool::CargoDeny)],
            Step::Test => &Need::ALL,
            Step::Fuzz => FUZZ_NEEDS,
        }
    }

    /// Runs it, and adds to `shown` the parts of it that took time, and the tests that failed.
    fn run(self, workspace: &Workspace, provided: &Provided, effort: Effort, shown: &mut Shown) -> anyhow::Result<()> {
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
            Step::Test => suite::run_tests(workspace, &provided.path, effort, shown),
            Step::Console => console::check(workspace),
            Step::SecondModel => second_model::compare(workspace, prepare(cargo_command())),
            Step::Fuzz => fuzz::run_targets(workspace, &provided.path, effort.length.choose(FUZZ, LONG_FUZZ)),
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
pub fn test(workspace: &Workspace, only: &[Step], effort: Effort) -> anyhow::Result<()> {
    let steps: Vec<Step> = Step::ALL.into_iter().filter(|step| only.is_empty() || only.contains(step)).collect();
    let started = Instant::now();
    let mut summary = Summary { started, rows: Vec::new(), shown: Shown::default() };
    heading("setup");
    let provided = provide(workspace, &steps, &mut summary.shown.parts)?;
    summary.rows.push(Row { name: "setup".to_owned(), took: started.elapsed(), passed: true });
    for step in steps {
        heading(&step.to_string());
        let begun = Instant::now();
        let outcome = step.run(workspace, &provided, effort, &mut summary.shown);
        if let Err(error) = &outcome {
            println!("{step}: {error:#}");
        }
        summary.rows.push(Row { name: step.to_string(), took: begun.elapsed(), passed: outcome.is_ok() });
        println!("{}", summary.rows[summary.rows.len() - 1]);
    }
    provided.stop()?;
    heading("summary");
    println!("{summary}");
    summary.verdict()
}

/// Provides what the steps need. What the tests are compiled of is compiled meanwhile: downloads and images leave the processors
/// idle, and cargo guards what both write to.
fn provide(workspace: &Workspace, steps: &[Step], parts: &mut Vec<Timed>) -> anyhow::Result<Provided> {
    let needs: Vec<Need> = steps.iter().flat_map(|step| step.needs()).copied().collect();
    // A linker comes with the packages, so those are first.
    let first: Vec<Need> = needs.iter().filter(|need| **need == Need::Packages).copied().collect();
    setup::provide(workspace, &first, parts)?;
    let ahead = steps.contains(&Step::Test).then(|| suite::compile_ahead(workspace)).transpose()?;
    let provided = setup::provide(workspace, &needs, parts)?;
    if let Some(ahead) = ahead {
        parts.push(ahead.finish()?);
    }
    Ok(provided)
}

/// What the end of a run says.
struct Summary {
    started: Instant,
    rows: Vec<Row>,
    shown: Shown,
}

struct Row {
    name: String,
    took: Duration,
    passed: bool,
}

// === impl Summary ===

impl Summary {
    fn verdict(&self) -> anyhow::Result<()> {
        let failed: Vec<&str> = self.rows.iter().filter(|row| !row.passed).map(|row| row.name.as_str()).collect();
        if !failed.is_empty() {
            bail!("failed: {}", failed.join(", "));
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            writeln!(f, "{row}")?;
        }
        write!(f, "{:<21} {:>7.1} s", "total", self.started.elapsed().as_secs_f64())?;
        let longest = slowest(&self.shown.parts, SLOWEST);
        if !longest.is_empty() {
            write!(f, "\n\nslowest parts")?;
        }
        longest.iter().try_for_each(|part| write!(f, "\n{part}"))?;
        // Last, because the end of a log is what is kept of it.
        if !self.shown.failed.is_empty() {
            write!(f, "\n\nfailed tests")?;
        }
        self.shown.failed.iter().try_for_each(|test| write!(f, "\n{test}"))?;
        // Their names once more, which one look at the end then finds.
        self.shown.failed.iter().try_for_each(|test| write!(f, "\nFAILED {}", test.title()))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.passed { "ok" } else { "FAILED" };
        write!(f, "{:<14} {verdict:<6} {:>7.1} s", self.name, self.took.as_secs_f64())
    }
}

fn heading(name: &str) {
    println!("\n=== {name}");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_run_names_what_failed_and_what_took_longest() {
        let row = |name: &str, passed| Row { name: name.to_owned(), took: Duration::from_secs(1), passed };
        let parts = vec![Timed::new("test domain", Duration::from_secs(3)), Timed::new("setup buf", Duration::from_secs(9))];
        let summary = Summary {
            started: Instant::now(),
            rows: vec![row("fmt", true), row("test", false)],
            shown: Shown { parts, failed: Vec::new() },
        };
        let shown = summary.to_string();
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[0].starts_with("fmt            ok") && lines[1].starts_with("test           FAILED"), "{shown}");
        assert!(lines[5].contains("9.0 s  setup buf") && lines[6].contains("3.0 s  test domain"), "{shown}");
        assert_eq!(summary.verdict().expect_err("a step failed").to_string(), "failed: test");
    }
}
