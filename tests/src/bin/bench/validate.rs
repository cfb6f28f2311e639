//! The whole code check, stage by stage, beside what only parses: rustpython-parser, and CPython's own `compile`. On real
//! modules, in time and instructions; on an example utility; and on hostile inputs of the largest allowed size.

mod hostile;
mod instructions;

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use python_check::{CheckPolicy, Checker, Stage};
use rustpython_parser::{Mode, parse};

use crate::context::Context;
use crate::promises;
use crate::report::{Cell, Report, Table};
use crate::samples::{Samples, median};

const PART: &str = "validate";
/// Ordinary modules of the standard library: prose, tables, classes, long functions.
const MODULES: [&str; 8] = ["argparse", "csv", "datetime", "ipaddress", "json/decoder", "statistics", "textwrap", "urllib/parse"];
const EXAMPLE: &str = include_str!("../../../../examples/extract_iocs.py");
/// Each round times every peer once.
const ROUNDS: usize = 15;
/// The subjects of this process, and CPython.
const PEERS: usize = Subject::ALL.len() + 1;

/// Compiles the files given as arguments and prints the nanoseconds of each round.
const COMPILE: &str = "
import sys, time
sources = [open(path, encoding='utf-8').read() for path in sys.argv[2:]]
for _ in range(int(sys.argv[1])):
    begin = time.perf_counter_ns()
    for source in sources:
        compile(source, '<bench>', 'exec', dont_inherit=True)
    print(time.perf_counter_ns() - begin)
";

/// Measures the code check.
///
/// # Errors
/// When the modules cannot be read, or a parser refuses one.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let arguments = (context.arguments.python.clone(), context.effort.rounds * 2);
    let measured = tokio::task::spawn_blocking(move || measure(&arguments.0, arguments.1)).await??;
    for table in measured.tables {
        report.add(table);
    }
    report.judge(&promises::VALIDATE, measured.per_thousand);
    report.judge(&promises::VALIDATE_WORST, measured.worst);
    Ok(())
}

struct Measured {
    tables: Vec<Table>,
    per_thousand: f64,
    worst: f64,
}

fn measure(python: &Path, rounds: usize) -> anyhow::Result<Measured> {
    let checker = Checker::new(CheckPolicy::default());
    let (modules, per_thousand) = modules(&checker, python)?;
    let (hostile, worst) = hostile_inputs(&checker);
    Ok(Measured { tables: vec![modules, example(&checker, rounds), hostile], per_thousand, worst })
}

fn modules(checker: &Checker, python: &Path) -> anyhow::Result<(Table, f64)> {
    let paths = module_paths(python)?;
    let sources = read(&paths)?;
    let lines: usize = sources.iter().map(|source| source.lines().count()).sum();
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); PEERS];
    for _ in 0..ROUNDS {
        for (subject, times) in Subject::ALL.iter().zip(&mut times) {
            let mut outcome = Ok(());
            let taken = time(|| outcome = subject.run(checker, &sources));
            outcome?;
            times.push(taken.as_secs_f64());
        }
        // Its first round fills caches that ours has warm.
        let compiled = compile(python, &paths, 2)?.last().copied().context("no round")?;
        times[Subject::ALL.len()].push(compiled.as_secs_f64());
    }
    let mut instructions: Vec<Option<f64>> = Vec::new();
    for subject in Subject::ALL {
        instructions.push(instructions::per_round(|rounds| subject.alone(rounds, &paths))?);
    }
    instructions.push(instructions::per_round(|rounds| Ok(compile_command(python, &paths, rounds)))?);
    let thousands = lines as f64 / 1e3;
    let each: [Cost; PEERS] = std::array::from_fn(|peer| Cost {
        millis: median(&times[peer]) * 1e3 / thousands,
        millions: instructions[peer].map(|count| count / 1e6 / thousands),
    });
    let [_, _, whole, ..] = each;
    Ok((costs(&format!("The code check on {} modules, {lines} lines", sources.len()), each), whole.millis))
}

/// What 1,000 lines cost.
#[derive(Clone, Copy)]
struct Cost {
    millis: f64,
    millions: Option<f64>,
}

impl Cost {
    fn less(self, other: Cost) -> Cost {
        let millions = self.millions.zip(other.millions).map(|(one, other)| one - other);
        Cost { millis: self.millis - other.millis, millions }
    }
}

/// The stages of the check are measured up to their end: each costs what it adds.
fn costs(title: &str, [parse, semantics, whole, rustpython, cpython]: [Cost; PEERS]) -> Table {
    let mut table = Table::new(PART, title, &["what", "ms per 1,000 lines", "million instructions"]);
    let rows = [
        ("parse (limits, tokens, tree)", parse),
        ("semantics (names, errors, schema)", semantics.less(parse)),
        ("scan", whole.less(semantics)),
        ("whole check", whole),
        ("rustpython-parser, parse only", rustpython),
        ("CPython compile()", cpython),
    ];
    for (what, cost) in rows {
        table.row([what.into(), cost.millis.into(), cost.millions.map_or(Cell::from("not counted"), Cell::from)]);
    }
    table.note(instructions::how());
    table
}

/// What is measured in this process, and alone in one of its own where instructions are counted.
#[derive(Clone, Copy)]
enum Subject {
    Ours(Stage),
    RustPython,
}

impl Subject {
    const ALL: [Subject; 4] =
        [Subject::Ours(Stage::Parse), Subject::Ours(Stage::Semantics), Subject::Ours(Stage::Scan), Subject::RustPython];

    fn name(self) -> &'static str {
        match self {
            Subject::Ours(Stage::Parse) => "parse",
            Subject::Ours(Stage::Semantics) => "semantics",
            Subject::Ours(Stage::Scan) => "check",
            Subject::RustPython => "rustpython",
        }
    }

    fn run(self, checker: &Checker, sources: &[String]) -> anyhow::Result<()> {
        for source in sources {
            match self {
                Subject::Ours(stage) => drop(black_box(checker.check_until(black_box(source.as_bytes()), stage))),
                Subject::RustPython => drop(black_box(parse(black_box(source), Mode::Module, "<bench>")?)),
            }
        }
        Ok(())
    }

    /// This program, doing nothing else.
    fn alone(self, rounds: usize, paths: &[PathBuf]) -> anyhow::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--parse").args([self.name(), &rounds.to_string()]).args(paths);
        Ok(command)
    }
}

/// Runs a subject in this process: `SUBJECT ROUNDS FILE...`.
///
/// # Errors
/// When the job cannot be understood, a file cannot be read, or a parser refuses one.
pub fn work(job: &[String]) -> anyhow::Result<()> {
    let [subject, rounds, files @ ..] = job else { anyhow::bail!("a job is SUBJECT ROUNDS FILE...") };
    let subject = Subject::ALL.into_iter().find(|known| known.name() == subject).context("no such subject")?;
    let sources = read(files)?;
    let checker = Checker::new(CheckPolicy::default());
    for _ in 0..rounds.parse()? {
        subject.run(&checker, &sources)?;
    }
    Ok(())
}

fn read(paths: &[impl AsRef<Path>]) -> anyhow::Result<Vec<String>> {
    Ok(paths.iter().map(fs::read_to_string).collect::<Result<_, _>>()?)
}

fn module_paths(python: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let output = Command::new(python).args(["-I", "-S", "-c", "import json; print(json.__path__[0])"]).output()?;
    let json = String::from_utf8(output.stdout)?;
    let library = Path::new(json.trim()).parent().context("the interpreter has no library")?;
    Ok(MODULES.iter().map(|module| library.join(format!("{module}.py"))).collect())
}

fn compile_command(python: &Path, paths: &[PathBuf], rounds: usize) -> Command {
    let mut command = Command::new(python);
    command.args(["-I", "-S", "-c", COMPILE, &rounds.to_string()]).args(paths);
    command
}

fn compile(python: &Path, paths: &[PathBuf], rounds: usize) -> anyhow::Result<Vec<Duration>> {
    let output = compile_command(python, paths, rounds).output()?;
    anyhow::ensure!(output.status.success(), "compile: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)?.lines().map(|line| Ok(Duration::from_nanos(line.parse()?))).collect()
}

fn example(checker: &Checker, rounds: usize) -> Table {
    let samples: Samples = (0..rounds).map(|_| time(|| drop(black_box(checker.check(EXAMPLE.as_bytes()))))).collect();
    let title = format!("The code check on one utility of {} lines", EXAMPLE.lines().count());
    let mut table = Table::new(PART, title, &["p50 ms", "p95 ms", "p99 ms"]);
    table.row([0.5, 0.95, 0.99].map(|share| samples.millis(share).into()));
    table
}

fn hostile_inputs(checker: &Checker) -> (Table, f64) {
    let mut table = Table::new(PART, "The code check on hostile inputs of the largest size", &["input", "p50 ms"]);
    let mut worst = 0.0_f64;
    for (name, source) in hostile::sources() {
        let millis = (0..5).map(|_| time(|| drop(black_box(checker.check(source.as_bytes()))))).collect::<Samples>().median();
        worst = worst.max(millis);
        table.row([name.into(), millis.into()]);
    }
    (table, worst)
}

fn time(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}
