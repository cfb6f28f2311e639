//! `zona sandbox exec FILE`: runs a file straight in the sandbox of this host, without server and without validation. For
//! operators who test a host.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use cli::command::ParameterArgs;
use cli::document::Document;
use cli::failure::chain;
use cli::input::{is_stdin, read};
use cli::interrupt::interrupts_of_this_process;
use cli::output::{Format, note, write_out};
use cli::terminal::{self, Passage};
use cli::{Exit, Failure, Result};
use domain::code::{Code, ParameterBinder as _, Schema};
use domain::execution::{State, arguments};
use domain::json::JsonText;
use domain::name::{RuntimeId, TenantId};
use domain::sandbox::{
    Attestation, Entry, Failure as Cause, Isolation, Job, Limits, Progress, Purpose, Run, Sandbox as _, Secrets, Stream, Usage,
};
use python_check::{CheckPolicy, Checker, JsonBinder, PARAMETERS_FIELD};
use sandbox::Sandboxes;
use server::sandboxes;
use settings::Flag;
use tokio::signal::unix::Signal;

use super::Backend;
use crate::context::Context;
use crate::refusal::refused;

#[derive(Debug, Subcommand)]
pub enum Sandbox {
    /// Run a Python file in a sandbox, without validation
    Exec(Exec),
}

#[derive(Debug, Args)]
#[command(after_help = "A transformer's value is the parameter `value`.")]
pub struct Exec {
    /// Python file; `-` is standard input
    file: PathBuf,
    /// What contains it [default: as configured]
    #[arg(long, value_enum)]
    backend: Option<Backend>,
    /// How it is isolated
    #[arg(long, value_enum, ignore_case = true, default_value = "T1")]
    tier: Tier,
    /// Wall-clock limit, e.g. 10s
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// Shows secret values in what the code prints, returns and raises, instead of masking them
    #[arg(long)]
    show_secrets: bool,
    #[command(flatten)]
    parameters: ParameterArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Tier {
    #[value(name = "T1")]
    TenantWarm,
    #[value(name = "T2")]
    SingleUse,
    #[value(name = "T3")]
    OneShot,
}

/// What came of it.
struct Outcome {
    result: std::result::Result<JsonText, Cause>,
    attestation: Option<Attestation>,
    usage: Option<Usage>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Sandbox {
    pub fn flags(&self) -> Vec<Flag> {
        let Sandbox::Exec(exec) = self;
        exec.backend.iter().map(|backend| backend.flag()).collect()
    }

    pub async fn run(&self, context: &Context) -> Result {
        let Sandbox::Exec(exec) = self;
        exec.run(context).await
    }
}

impl Exec {
    async fn run(&self, context: &Context) -> Result {
        let job = self.job()?;
        let settings = sandboxes::for_tool(&context.config, &context.surroundings);
        let opened = Sandboxes::open(settings).await;
        let sandboxes = opened.map_err(|error| Failure::new(Exit::Unavailable, format!("cannot prepare a sandbox: {}", chain(&error))))?;
        let outcome = execute(&sandboxes, job).await;
        sandboxes.shutdown().await;
        let outcome = outcome?;
        match context.output.format {
            Format::Table => outcome.tell()?,
            _ => context.output.one(|| outcome.document(), String::new)?,
        }
        Ok(outcome.exit())
    }

    fn job(&self) -> Result<Job> {
        let params = self.parameters.json(is_stdin(&self.file))?;
        let code = Code::parse("FILE", read(&self.file)?).map_err(|violation| refused(domain::Error::Invalid(vec![violation])))?;
        let (entry, params_json, secrets) = self.call(&code, &params).map_err(|violations| refused(of_params(violations)))?;
        let limits = Limits { wall: self.timeout, cpu: self.timeout.clamp(Limits::MIN.cpu, Limits::MAX.cpu), ..Limits::DEFAULT };
        let mut violations = Vec::new();
        limits.check("limits", &mut violations);
        if !violations.is_empty() {
            return Err(refused(domain::Error::Invalid(violations)));
        }
        Ok(Job {
            tenant: TenantId::parse("tenant", "local").map_err(refused)?,
            purpose: Purpose::Trial,
            isolation: self.tier.isolation(),
            runtime: RuntimeId::default(),
            code: Arc::clone(code.text()),
            entry,
            params_json,
            secrets,
            limits,
            fresh: false,
        })
    }

    /// What is called, and with what: as a server that had stored the code would. Code that does not parse is for the interpreter
    /// to refuse.
    fn call(&self, code: &Code, params: &str) -> std::result::Result<(Entry, JsonText, Secrets), Vec<domain::Violation>> {
        let report = Checker::new(CheckPolicy::default()).check(code.text().as_bytes());
        let schema = Schema::inferred(&report.parameters);
        let Some(kind) = report.kind else {
            return JsonBinder.take(params, "").map(|(_, params)| (Entry::Script, params, Secrets::default()));
        };
        let (entry, bound) = arguments(&JsonBinder, kind, schema, code, params)?;
        let secrets = if self.show_secrets { Secrets::default() } else { bound.secrets };
        secrets.check(PARAMETERS_FIELD).map_err(|violation| vec![violation])?;
        Ok((entry, bound.json, secrets))
    }
}

/// What the binder says of a request's field is said of the flag.
fn of_params(mut violations: Vec<domain::Violation>) -> domain::Error {
    for violation in &mut violations {
        violation.field = violation.field.replacen(PARAMETERS_FIELD, "--params", 1);
    }
    domain::Error::Invalid(violations)
}

impl Tier {
    fn isolation(self) -> Isolation {
        match self {
            Tier::TenantWarm => Isolation::TenantWarm,
            Tier::SingleUse => Isolation::SingleUse,
            Tier::OneShot => Isolation::OneShot,
        }
    }
}

/// Runs to the end; Ctrl-C stops the program, not the command.
async fn execute(sandboxes: &Sandboxes, job: Job) -> Result<Outcome> {
    let mut run = sandboxes.start(job).await.map_err(|error| refused(error.into()))?;
    let mut interrupt = interrupts_of_this_process()?;
    let missing = Cause::new(domain::sandbox::Reason::NodeLost, "the sandbox ended unexpectedly");
    let attestation = Some(run.attestation().clone());
    let mut outcome = Outcome { result: Err(missing), attestation, usage: None, stdout: Vec::new(), stderr: Vec::new() };
    while let Some(progress) = next(run.as_mut(), &mut interrupt).await {
        match progress {
            Progress::Output { stream: Stream::Stdout, data, .. } => outcome.stdout.extend(data),
            Progress::Output { stream: Stream::Stderr, data, .. } => outcome.stderr.extend(data),
            Progress::Value(_) => {}
            Progress::Outcome(result) => outcome.result = result,
            Progress::Exited(usage) => outcome.usage = Some(usage),
        }
    }
    Ok(outcome)
}

async fn next(run: &mut dyn Run, interrupt: &mut Signal) -> Option<Progress> {
    loop {
        tokio::select! {
            progress = run.next() => return progress,
            _ = interrupt.recv() => run.stop(),
        }
    }
}

impl Outcome {
    fn state(&self) -> State {
        self.result.as_ref().map_or_else(|cause| State::of(cause.reason), |_| State::Succeeded)
    }

    fn reason(&self) -> &'static str {
        self.result.as_ref().map_or_else(|cause| cause.reason.as_str(), |_| "")
    }

    fn exit(&self) -> Exit {
        match self.state() {
            State::Succeeded => Exit::Ok,
            State::Cancelled => Exit::Interrupted,
            State::Lost => Exit::Unavailable,
            _ => Exit::UserCode,
        }
    }

    fn document(&self) -> Document {
        let cause = self.result.as_ref().err();
        let mut members = vec![
            ("status".to_owned(), Document::from(self.state().as_str())),
            ("reason".to_owned(), Document::from(self.reason())),
            ("exit_code".to_owned(), optional(cause.and_then(|cause| cause.exit_code).map(|code| Document::Integer(code.into())))),
            Document::bytes("stdout", &self.stdout),
            Document::bytes("stderr", &self.stderr),
            ("result".to_owned(), optional(self.result.as_ref().ok().map(|json| Document::json(&**json)))),
            ("usage".to_owned(), optional(self.usage.as_ref().map(usage))),
            ("attestation".to_owned(), optional(self.attestation.as_ref().map(attestation))),
        ];
        if let Some(cause) = cause {
            let text = |text: &Option<String>| optional(text.clone().map(Document::Text));
            members.extend([
                ("message".to_owned(), Document::from(cause.message.clone())),
                ("exception".to_owned(), text(&cause.exception)),
                ("traceback".to_owned(), text(&cause.traceback)),
                ("line".to_owned(), optional(cause.line.map(|line| Document::Integer(line.into())))),
                ("signal".to_owned(), text(&cause.signal)),
            ]);
        }
        Document::Object(members)
    }

    fn tell(&self) -> Result<()> {
        print(io::stdout().lock(), &self.stdout)?;
        print(io::stderr().lock(), &self.stderr)?;
        match &self.result {
            Ok(result) => write_out(&format!("{}\n", terminal::json(result)))?,
            Err(cause) => {
                let traceback = cause.traceback.as_deref().unwrap_or_default();
                let printed = String::from_utf8_lossy(&self.stderr).contains(traceback.trim_end());
                let traceback = if printed { "" } else { traceback };
                note(&format!("{traceback}{}: {}: {}", self.state().as_str().to_lowercase(), cause.reason.as_str(), cause.message));
            }
        }
        Ok(())
    }
}

/// Writes what the program printed.
fn print(mut stream: impl Write + IsTerminal, bytes: &[u8]) -> io::Result<()> {
    let mut passage = Passage::new(stream.is_terminal());
    passage.write(&mut stream, bytes)?;
    passage.end(&mut stream)
}

/// How a program was isolated.
pub fn attestation(attestation: &Attestation) -> Document {
    Document::object([
        ("tier", Document::from(attestation.tier.tier().to_owned())),
        ("backend", Document::from(attestation.backend.as_str().to_owned())),
        ("runtime", Document::from(attestation.runtime.to_string())),
        ("runtime_digest", Document::from(attestation.runtime_digest.clone())),
        ("python_version", Document::from(attestation.python_version.clone())),
        ("sandbox", Document::from(attestation.sandbox.clone())),
        ("namespaces", Document::List(attestation.namespaces.iter().cloned().map(Document::Text).collect())),
        ("seccomp", Document::from(attestation.seccomp.as_str().to_owned())),
        ("no_new_privileges", Document::Bool(attestation.no_new_privileges)),
        ("capabilities", Document::from(attestation.capabilities)),
        ("uid", Document::from(u64::from(attestation.uid))),
        ("network", Document::from(attestation.network.as_str().to_owned())),
        ("resource_control", Document::from(attestation.resource_control.as_str().to_owned())),
        ("restored", Document::from(u64::from(attestation.restored))),
        ("battery_version", attestation.battery.as_ref().map_or(Document::Null, |battery| Document::from(battery.version.clone()))),
    ])
}

fn usage(usage: &Usage) -> Document {
    let ms = |micros: u64| Document::Float(micros as f64 / 1e3);
    Document::object([
        ("wall_ms", ms(usage.wall_micros)),
        ("cpu_user_ms", ms(usage.user_micros)),
        ("cpu_system_ms", ms(usage.system_micros)),
        ("peak_memory_bytes", Document::from(usage.peak_memory_bytes)),
        ("stdout_bytes", Document::from(usage.stdout_bytes)),
        ("stderr_bytes", Document::from(usage.stderr_bytes)),
        ("dropped_output_bytes", Document::from(usage.dropped_bytes)),
    ])
}

fn optional(document: Option<Document>) -> Document {
    document.unwrap_or(Document::Null)
}
