//! All Rust tests of the workspace: compiles them, runs them, and times each test binary. What they check is theirs.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File},
    io::{BufRead as _, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use cargo_metadata::Message;

use crate::{
    busy::Busy,
    process::{cargo, run},
    timed::Timed,
    workspace::Workspace,
};

mod failures;

pub use failures::FailedTest;
use failures::Failures;

/// Tells tests to repeat what they repeat in large numbers; `test_support::repeat` reads it.
const LONG: &str = "ZONA_TEST_LONG";

/// The integration tests of a package that run a second time, on processes of the other kind.
struct Again {
    /// The directory of the package.
    package: &'static str,
    /// What asks for the other kind.
    variable: &'static str,
    /// Which of them run.
    filter: &'static [&'static str],
    /// What this is in the report.
    label: &'static str,
}

/// Tests of the sandbox on processes that are put back and run one program after the other, but for those that are about such processes anyway and
/// those that stop the daemon; and a few stories of servers each of whose processes runs one program.
const AGAIN: [Again; 3] = [
    Again {
        package: "crates/sandbox-agent",
        variable: "ZONA_TEST_RESTORE",
        filter: &["--skip", "differential::", "--skip", "remains::", "--skip", "rounds::"],
        label: "restored",
    },
    Again {
        package: "crates/sandbox",
        variable: "ZONA_TEST_RESTORE",
        filter: &["--skip", "faults::daemon::", "--skip", "restored::"],
        label: "restored",
    },
    Again {
        package: "tests",
        variable: "ZONA_TEST_FRESH",
        filter: &["cancelled_by_shutdown::", "docker::", "killed::", "slow_reader::"],
        label: "fresh",
    },
];

/// How much time the tests may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// What every change waits for.
    Short,
    /// Large counts of kills, restarts and random seeds.
    Long,
}

/// What a run of the tests is put through.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// How much time they may take.
    pub length: Length,
    /// Whether every processor is kept busy beside them.
    pub busy: bool,
}

// === impl Length ===

impl Length {
    /// Long or not.
    pub fn of(long: bool) -> Self {
        if long { Length::Long } else { Length::Short }
    }

    /// One of two values.
    pub fn choose<T>(self, short: T, long: T) -> T {
        match self {
            Length::Short => short,
            Length::Long => long,
        }
    }
}

/// What a run has shown so far.
#[derive(Debug, Default)]
pub struct Shown {
    /// How long its parts took, in the order in which they ran.
    pub parts: Vec<Timed>,
    /// The tests that failed.
    pub failed: Vec<FailedTest>,
}

/// Compiles and runs every test, and adds to `shown` how long the compilation and each binary took, and which tests failed.
///
/// # Errors
/// When something does not compile, or a test fails; every binary runs in any case.
pub fn run_tests(workspace: &Workspace, path: &OsStr, effort: Effort, shown: &mut Shown) -> anyhow::Result<()> {
    let prepare = || {
        let mut command = cargo();
        command.current_dir(&workspace.root).env("PATH", path);
        command
    };
    let begun = Instant::now();
    // The stories run the real binary, which is no dependency of theirs that cargo would build.
    run(prepare().args(["build", "--locked", "--workspace", "--bins"]))?;
    let packages = compile(prepare())?;
    shown.parts.push(Timed::new("test: compilation", begun.elapsed()));
    let mut tests = prepare();
    tests.args(["test", "--locked", "--workspace", "--no-fail-fast"]);
    tests.env("E2E_BINARY", workspace.target_directory()?.join("debug/zona"));
    if effort.length == Length::Long {
        tests.env(LONG, "1");
    }
    let _busy = effort.busy.then(Busy::start).transpose()?;
    println!("$ cargo test --locked --workspace --no-fail-fast");
    let forked = run_timed(tests, &packages, String::new(), shown).context("cargo test");
    let again: Vec<_> = AGAIN.iter().map(|again| run_again(workspace, path, &packages, again, shown)).collect();
    again.into_iter().fold(forked, Result::and)
}

/// Runs the binary of a package's tests once more, which cargo would compile anew for one package alone.
fn run_again(
    workspace: &Workspace,
    path: &OsStr,
    packages: &BTreeMap<String, String>,
    again: &Again,
    shown: &mut Shown,
) -> anyhow::Result<()> {
    let Again { package, variable, filter, label } = again;
    let directory = workspace.path(package);
    let name = format!("{}, it", directory.file_name().unwrap_or_default().display());
    let file = packages.iter().find_map(|(file, of)| (*of == name).then_some(file)).with_context(|| format!("no tests of {name}"))?;
    let target = workspace.target_directory()?;
    let mut tests = Command::new(target.join("debug/deps").join(file));
    tests.current_dir(&directory).env("PATH", path).env("CARGO_MANIFEST_DIR", &directory).env("E2E_BINARY", target.join("debug/zona"));
    tests.env(variable, "1").args(*filter);
    println!("$ {variable}=1 cargo test --test it -- {}    # {package}", filter.join(" "));
    run_timed(tests, packages, format!("{name}, {label}"), shown).with_context(|| format!("{variable}=1, {name}"))
}

/// Compiles the test binaries; answers the package of each by the name of its file.
fn compile(mut command: Command) -> anyhow::Result<BTreeMap<String, String>> {
    command.args(["test", "--locked", "--workspace", "--no-run", "--message-format", "json-render-diagnostics"]);
    println!("$ cargo test --locked --workspace --no-run");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("failed to start cargo")?;
    let stdout = child.stdout.take().context("standard output is piped")?;
    let packages = packages(BufReader::new(stdout))?;
    let status = child.wait()?;
    if !status.success() {
        bail!("the tests do not compile: {status}");
    }
    Ok(packages)
}

fn packages(messages: impl std::io::BufRead) -> anyhow::Result<BTreeMap<String, String>> {
    let mut packages = BTreeMap::new();
    for message in Message::parse_stream(messages) {
        if let Message::CompilerArtifact(artifact) = message?
            && let Some(file) = artifact.executable.as_ref().and_then(|executable| executable.file_name())
        {
            let manifest = &artifact.manifest_path;
            let package = manifest.parent().and_then(|directory| directory.file_name()).unwrap_or("?");
            packages.insert(file.to_owned(), format!("{package}, {}", artifact.target.name));
        }
    }
    Ok(packages)
}

/// Runs the tests, shows what they print, times each binary, and keeps what the failed ones said. Those of a binary that cargo does not
/// name are of `running`.
fn run_timed(mut command: Command, packages: &BTreeMap<String, String>, running: String, shown: &mut Shown) -> anyhow::Result<()> {
    // One pipe for both, since cargo names a binary on standard error, and the binary its time on standard output.
    let (reader, writer) = std::io::pipe()?;
    let mut child = command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).spawn().context("failed to start")?;
    // The command holds the other ends of the pipe, which would never end.
    drop(command);
    read(reader, packages, running, shown, |line| println!("{line}"))?;
    let status = child.wait()?;
    if !status.success() {
        bail!("{status}");
    }
    Ok(())
}

/// What each binary took and which tests failed, from the lines of a run.
fn read(
    from: impl Read,
    packages: &BTreeMap<String, String>,
    mut running: String,
    shown: &mut Shown,
    mut show: impl FnMut(&str),
) -> anyhow::Result<()> {
    let mut failures = Failures::default();
    for line in BufReader::new(from).split(b'\n') {
        // A test may print anything.
        let line = String::from_utf8_lossy(&line?).into_owned();
        show(&line);
        failures.read(&running, &line);
        if let Some(name) = binary(&line) {
            running = packages.get(name).cloned().unwrap_or_else(|| name.to_owned());
        } else if let Some(took) = seconds(&line) {
            shown.parts.push(Timed::new(format!("test {running}"), took));
        }
    }
    shown.failed.extend(failures.into_tests());
    Ok(())
}

/// `     Running unittests src/main.rs (target/debug/deps/xtask-43f9db54e6cb7488)` and `   Doc-tests domain`.
fn binary(line: &str) -> Option<&str> {
    let line = line.trim_start();
    if let Some(package) = line.strip_prefix("Doc-tests ") {
        return Some(package);
    }
    let file = line.strip_prefix("Running ")?.strip_suffix(')')?.rsplit_once('(')?.1;
    Some(file.rsplit_once('/').map_or(file, |(_, name)| name))
}

/// `test result: ok. 57 passed; ...; finished in 4.45s`.
fn seconds(line: &str) -> Option<Duration> {
    let text = line.strip_prefix("test result: ")?.rsplit_once("finished in ")?.1.strip_suffix('s')?;
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

/// A compilation that goes on beside the set-up. Dropped, it is ended: then the set-up failed, and nothing needs it.
pub struct Ahead {
    child: Child,
    log: PathBuf,
    begun: Instant,
}

/// Starts to compile what the tests will run. What it prints goes to a log, since the set-up prints meanwhile.
///
/// # Errors
/// When cargo cannot start, or the log not be written.
pub fn compile_ahead(workspace: &Workspace) -> anyhow::Result<Ahead> {
    let log = workspace.cache.join("log/compile.log");
    fs::create_dir_all(workspace.cache.join("log"))?;
    let out = File::create(&log).with_context(|| format!("failed to create {}", log.display()))?;
    let mut command = cargo();
    command.current_dir(&workspace.root).args(["test", "--locked", "--workspace", "--no-run"]);
    let child = command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).spawn().context("failed to start cargo")?;
    println!("setup: compiling meanwhile, log in {}", log.display());
    Ok(Ahead { child, log, begun: Instant::now() })
}

// === impl Ahead ===

impl Ahead {
    /// Waits for its end. What does not compile fails the steps that need it, which show why.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn finish(mut self) -> anyhow::Result<Timed> {
        let status = self.child.wait()?;
        let took = self.begun.elapsed();
        println!("setup: compiled meanwhile, {:.1} s, {status}, log in {}", took.as_secs_f64(), self.log.display());
        Ok(Timed::new("compilation beside the set-up", took))
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None))
            && let Err(error) = self.child.kill().and_then(|()| self.child.wait())
        {
            eprintln!("failed to end the compilation: {error}");
        }
    }
}

#[cfg(test)]
mod tests;
