//! Command lines as people type them, run against a [`Peer`]: what it was asked, what was printed, and how it ended.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use clap::{Parser, Subcommand};
use cli::command::{
    Access, ApiKey, AuditCosign, AuditExport, AuditList, AuditReport, AuditWatch, Batch, Bench, Event, Execution, Keys, Operation, Policy,
    Run, Runtime, Schedule, Secret, ServiceAccount, Session, Tenant, Transform, User, Utility, Webhook,
};
use cli::output::{Format, Output};
use cli::{Context, Credential, Exit, Failure};
use serde_json::Value;

use crate::peer::{Asked, Peer};

#[derive(Debug, Parser)]
struct Line {
    #[arg(short, long, global = true, value_enum, default_value = "table")]
    output: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(subcommand)]
    Utility(Utility),
    Run(Run),
    Transform(Transform),
    #[command(subcommand)]
    Execution(Execution),
    #[command(subcommand)]
    Batch(Batch),
    #[command(subcommand)]
    Bench(Bench),
    #[command(subcommand)]
    Operation(Operation),
    #[command(subcommand)]
    Policy(Policy),
    #[command(subcommand)]
    Runtime(Runtime),
    Whoami,
    Token,
    #[command(subcommand)]
    Access(Access),
    #[command(subcommand)]
    Audit(Audit),
    #[command(subcommand)]
    Event(Event),
    #[command(subcommand)]
    Webhook(Webhook),
    #[command(subcommand)]
    Schedule(Schedule),
    #[command(subcommand)]
    Secret(Secret),
    #[command(subcommand)]
    Tenant(Tenant),
    #[command(subcommand)]
    User(User),
    #[command(subcommand)]
    ServiceAccount(ServiceAccount),
    #[command(subcommand)]
    ApiKey(ApiKey),
    #[command(subcommand)]
    Session(Session),
    #[command(subcommand)]
    Keys(Keys),
    Info,
}

#[derive(Debug, Subcommand)]
enum Audit {
    List(AuditList),
    Watch(AuditWatch),
    Export(AuditExport),
    Report(AuditReport),
    Cosign(AuditCosign),
}

/// What became of a command line.
#[derive(Debug)]
pub struct Ran {
    pub ended: Result<Exit, Failure>,
    pub printed: String,
    pub asked: Vec<Asked>,
}

/// What was printed so far.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Ran {
    /// The exit code, as the process would have it.
    pub fn code(&self) -> u8 {
        match &self.ended {
            Ok(exit) => exit.code(),
            Err(failure) => failure.exit.code(),
        }
    }

    /// What a person reads where it has failed.
    pub fn failure(&self) -> String {
        self.ended.as_ref().expect_err("it has failed").to_string()
    }

    /// What was printed, as one JSON value.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.printed).unwrap_or_else(|error| panic!("{error} in {:?}", self.printed))
    }

    /// The one method that was asked for, and with what.
    pub fn only(&self) -> (&str, &Value) {
        let [asked] = self.asked.as_slice() else { panic!("{:?}", self.asked) };
        (&asked.method, &asked.request)
    }
}

/// Runs a line whose words have no blanks.
pub async fn run(peer: &Peer, line: &str) -> Ran {
    run_words(peer, &line.split(' ').collect::<Vec<_>>(), Credential::Absent).await
}

/// Runs words as they are, as whoever this proves.
pub async fn run_words(peer: &Peer, words: &[&str], credential: Credential) -> Ran {
    let line = Line::try_parse_from(["zona"].iter().chain(words)).unwrap_or_else(|error| panic!("{error}"));
    let printed = Printed::default();
    let context = Context::new(peer.url(), Output::to(line.output, printed.clone()), credential);
    let ended = perform(line.command, &context).await;
    let printed = String::from_utf8(printed.0.lock().unwrap().clone()).unwrap();
    Ran { ended, printed, asked: peer.asked() }
}

async fn perform(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Utility(command) => command.run(context).await,
        Command::Run(command) => command.run(context).await,
        Command::Transform(command) => command.run(context).await,
        Command::Execution(command) => command.run(context).await,
        Command::Batch(command) => command.run(context).await,
        Command::Bench(command) => command.run(context).await,
        Command::Operation(command) => command.run(context).await,
        Command::Policy(command) => command.run(context).await,
        Command::Runtime(command) => command.run(context).await,
        Command::Whoami => cli::command::whoami(context).await,
        Command::Token => cli::command::token(context).await,
        Command::Access(command) => command.run(context).await,
        Command::Audit(Audit::List(command)) => command.run(context).await,
        Command::Audit(Audit::Watch(command)) => command.run(context).await,
        Command::Audit(Audit::Export(command)) => command.run(context).await,
        Command::Audit(Audit::Report(command)) => command.run(context).await,
        Command::Audit(Audit::Cosign(command)) => command.run(context).await,
        Command::Event(command) => command.run(context).await,
        Command::Webhook(command) => command.run(context).await,
        Command::Schedule(command) => command.run(context).await,
        Command::Secret(command) => command.run(context).await,
        Command::Tenant(command) => command.run(context).await,
        Command::User(command) => command.run(context).await,
        Command::ServiceAccount(command) => command.run(context).await,
        Command::ApiKey(command) => command.run(context).await,
        Command::Session(command) => command.run(context).await,
        Command::Keys(command) => command.run(context).await,
        Command::Info => cli::command::info(context).await,
    }
}

/// That each line asks this method for this, and nothing else.
pub async fn each_asks(peer: &Peer, lines: &[(&str, &str, Value)]) {
    for (line, method, request) in lines {
        let ran = run(peer, line).await;
        assert_eq!(ran.only(), (*method, request), "{line}: {:?}", ran.ended);
    }
}
