//! The whole code check beside what only parses: rustpython-parser, and CPython's own `compile`. On real modules, on an
//! example utility, and on hostile inputs of the largest allowed size.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use python_check::{Checker, MAX_CODE_BYTES, Policy};
use rustpython_parser::{Mode, parse};

use crate::parts::Context;
use crate::promises;
use crate::report::{Report, Table};
use crate::samples::{Samples, median};

const PART: &str = "validate";
/// Ordinary modules of the standard library: prose, tables, classes, long functions.
const MODULES: [&str; 8] = ["argparse", "csv", "datetime", "ipaddress", "json/decoder", "statistics", "textwrap", "urllib/parse"];
const EXAMPLE: &str = include_str!("../../../../examples/extract_iocs.py");
/// Each round times every peer once.
const ROUNDS: usize = 15;

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
    let checker = Checker::new(Policy::default());
    let (modules, per_thousand) = modules(&checker, python)?;
    let (hostile, worst) = hostile(&checker);
    Ok(Measured { tables: vec![modules, example(&checker, rounds), hostile], per_thousand, worst })
}

fn modules(checker: &Checker, python: &Path) -> anyhow::Result<(Table, f64)> {
    let paths = module_paths(python)?;
    let sources = paths.iter().map(fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
    let lines: usize = sources.iter().map(|source| source.lines().count()).sum();
    let (mut ours, mut theirs, mut cpython) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(time(|| sources.iter().for_each(|source| drop(black_box(checker.check(source.as_bytes()))))));
        let mut refused = None;
        theirs.push(time(|| {
            for source in &sources {
                refused = parse(black_box(source), Mode::Module, "<bench>").err().or(refused.take());
            }
        }));
        anyhow::ensure!(refused.is_none(), "rustpython-parser refuses a module: {refused:?}");
        // Its first round fills caches that ours has warm.
        cpython.push(*compile(python, &paths, 2)?.last().context("no round")?);
    }
    let title = format!("The code check on {} modules, {lines} lines", sources.len());
    let mut table = Table::new(PART, title, &["what", "ms per 1,000 lines"]);
    let each = |times: &[Duration]| median(&times.iter().map(|time| time.as_secs_f64() * 1e6 / lines as f64).collect::<Vec<_>>());
    table.row(["whole check (parse, semantics, scan, schema)".into(), each(&ours).into()]);
    table.row(["rustpython-parser, parse only".into(), each(&theirs).into()]);
    table.row(["CPython compile()".into(), each(&cpython).into()]);
    Ok((table, each(&ours)))
}

fn module_paths(python: &Path) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let output = Command::new(python).args(["-I", "-S", "-c", "import json; print(json.__path__[0])"]).output()?;
    let json = String::from_utf8(output.stdout)?;
    let library = Path::new(json.trim()).parent().context("the interpreter has no library")?;
    Ok(MODULES.iter().map(|module| library.join(format!("{module}.py"))).collect())
}

fn compile(python: &Path, paths: &[std::path::PathBuf], rounds: usize) -> anyhow::Result<Vec<Duration>> {
    let output = Command::new(python).args(["-I", "-S", "-c", COMPILE, &rounds.to_string()]).args(paths).output()?;
    anyhow::ensure!(output.status.success(), "compile: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)?.lines().map(|line| Ok(Duration::from_nanos(line.parse()?))).collect()
}

fn example(checker: &Checker, rounds: usize) -> Table {
    let samples: Samples = (0..rounds).map(|_| time(|| drop(black_box(checker.check(EXAMPLE.as_bytes()))))).collect();
    let title = format!("The code check on one utility of {} lines", EXAMPLE.lines().count());
    let mut table = Table::new(PART, title, &["p50 ms", "p95 ms"]);
    table.row([samples.median().into(), samples.millis(0.95).into()]);
    table
}

fn hostile(checker: &Checker) -> (Table, f64) {
    let mut table = Table::new(PART, "The code check on hostile inputs of the largest size", &["input", "p50 ms"]);
    let mut worst = 0.0_f64;
    for (name, source) in hostile_sources() {
        let millis = (0..5).map(|_| time(|| drop(black_box(checker.check(source.as_bytes()))))).collect::<Samples>().median();
        worst = worst.max(millis);
        table.row([name.into(), millis.into()]);
    }
    (table, worst)
}

fn hostile_sources() -> Vec<(&'static str, String)> {
    let fill = |unit: &str| unit.repeat(MAX_CODE_BYTES / unit.len());
    let numbered = |line: &dyn Fn(usize) -> String| {
        let mut text = String::new();
        for number in 0.. {
            let next = line(number);
            if text.len() + next.len() > MAX_CODE_BYTES {
                break;
            }
            text.push_str(&next);
        }
        text
    };
    vec![
        ("open brackets", fill("[")),
        ("unary minus", fill("-")),
        ("attribute chain", fill("x.")),
        ("one integer", fill("9")),
        ("short statements", fill("a\n")),
        ("calls", fill("f(x)\n")),
        ("banned calls", fill("eval(x)\n")),
        ("unclosed strings", fill("'\n")),
        ("f-strings", fill("f'{a!r:>{b}}'\n")),
        ("distinct names", numbered(&|number| format!("n{number}=0\n"))),
        ("distinct functions", numbered(&|number| format!("def f{number}(a, b=1): return a\n"))),
        ("syntax errors", fill("def (\n")),
        ("imports", fill("import os\n")),
        ("NUL bytes", fill("\0")),
    ]
}

fn time(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}
