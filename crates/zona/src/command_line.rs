//! The command line: global flags and the tree of commands. What each command does is in `cli` or in `local/`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use cli::command::{
    Access, ApiKey, Batch, Bench, Event, Execution, Keys, Login, NamedContext, Operation, Policy, Run, Runtime, Schedule, Secret,
    ServiceAccount, Session, Tenant, Transform, User, Utility, Webhook,
};
use cli::output::Format;
use settings::Flag;

use crate::completions;
use crate::local::{audit, check, demo, dev, doctor, ps, sandbox, serve, storage};

/// Runs users' Python: isolated, streamed, in milliseconds.
#[derive(Debug, Parser)]
#[command(name = "zona", version, arg_required_else_help = true, max_term_width = 120)]
#[command(after_help = "Exit codes: 0 ok, 1 user code failed, 2 usage, 3 denied, 4 not found, 5 conflict or precondition,\n\
                        6 unavailable, 7 timeout, 130 interrupted")]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Flags of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// TOML file to read the configuration from [default: ./zona.toml, else $XDG_CONFIG_HOME/zona/zona.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print the effective configuration, with where each value comes from, and exit
    #[arg(long, global = true)]
    pub print_config: bool,
    /// Context whose server and credentials client commands use [default: the current one]
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,
    /// Server that client commands connect to [default: that of the context, else http://127.0.0.1:7070]
    #[arg(long, global = true, value_name = "URL")]
    server: Option<String>,
    /// Authority of the certificate of an https server, a PEM file [default: that of the context, else those that the system trusts]
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Tenant of bare names [default: that of the context, else demo]
    #[arg(long, global = true)]
    tenant: Option<String>,
    /// How answers are printed [default: table]
    #[arg(short, long, global = true, value_enum, hide_default_value = true)]
    output: Option<Format>,
    /// Log levels by target, e.g. info,sandbox=debug [default: info]
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a server on this machine with everything embedded, and example utilities
    Dev(dev::Dev),
    /// Start a server, run real utilities in it, show how fast that was, and stop
    Demo(demo::Demo),
    /// Say which sandbox backends and tiers work on this host, and what to change where one does not
    Doctor(doctor::Doctor),
    /// Keep utilities: create, read, change, delete, compare versions
    #[command(subcommand)]
    Utility(Utility),
    /// Run a utility and stream what it prints
    Run(Run),
    /// Send values through a transformer
    Transform(Transform),
    /// Look at executions, follow them, stop them
    #[command(subcommand)]
    Execution(Execution),
    /// Start many executions by one call, and see what became of each
    #[command(subcommand)]
    Batch(Batch),
    /// Make an installation as large as what is measured needs it to be
    #[command(subcommand)]
    Bench(Bench),
    /// Look at long work, follow it, stop it
    #[command(subcommand)]
    Operation(Operation),
    /// Show and change what the code of the tenant's utilities may use
    #[command(subcommand)]
    Policy(Policy),
    /// Show what utilities run on
    #[command(subcommand)]
    Runtime(Runtime),
    /// Sign in at a server, and keep that in a context
    Login(Login),
    /// End the session of a context, and forget its credentials
    Logout,
    /// Show who the server takes the caller for
    Whoami,
    /// Print a fresh access token, e.g. for curl and grpcurl
    Token,
    /// Choose among servers and who is signed in there
    #[command(subcommand)]
    Context(NamedContext),
    /// Share utilities with others
    #[command(subcommand)]
    Access(Access),
    /// Read the audit log, take it away, and verify it
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Follow what happens in a tenant
    #[command(subcommand)]
    Event(Event),
    /// Send what happens to addresses of others
    #[command(subcommand)]
    Webhook(Webhook),
    /// Have utilities started at the times of cron expressions
    #[command(subcommand)]
    Schedule(Schedule),
    /// Keep values that utilities are handed and nobody reads back
    #[command(subcommand)]
    Secret(Secret),
    /// Keep tenants: create, change, suspend, delete
    #[command(subcommand)]
    Tenant(Tenant),
    /// Keep the people of a tenant
    #[command(subcommand)]
    User(User),
    /// Keep the programs of a tenant
    #[command(subcommand)]
    ServiceAccount(ServiceAccount),
    /// Keep the keys by which service accounts prove themselves
    #[command(subcommand)]
    ApiKey(ApiKey),
    /// End sessions
    #[command(subcommand)]
    Session(Session),
    /// Keep the keys that wrap what seals personal data
    #[command(subcommand)]
    Keys(Keys),
    /// Start a server that is ready once its sandbox is proven; `info` asks one
    Server(serve::Server),
    /// Look after the database that servers share, without a server
    #[command(subcommand)]
    Storage(storage::Storage),
    /// Check Python files as the server would, without a server
    Check(check::Check),
    /// Try the sandbox of this host, without a server
    #[command(subcommand)]
    Sandbox(sandbox::Sandbox),
    /// Run a platform of services: show how it is, check, plan and apply its manifest
    Ps(ps::Ps),
    /// Print a completion script for a shell
    Completions(completions::Completions),
}

impl Command {
    /// Whether it starts a server, which has a log.
    pub fn serves(&self) -> bool {
        match self {
            Command::Dev(_) | Command::Demo(_) => true,
            Command::Server(server) => server.starts(),
            _ => false,
        }
    }
}

impl Global {
    /// The keys that were set by flags.
    pub fn flags(&self) -> Vec<Flag> {
        let texts = [("context", &self.context), ("server", &self.server), ("tenant", &self.tenant), ("log.filter", &self.log)];
        let mut flags: Vec<Flag> = texts.into_iter().filter_map(|(key, value)| Some(Flag { key, value: value.clone()? })).collect();
        flags.extend(self.ca.as_ref().map(|path| Flag { key: "ca", value: path.display().to_string() }));
        flags.extend(self.output.map(|format| Flag { key: "output", value: format.as_str().to_owned() }));
        flags
    }
}

#[cfg(test)]
mod tests;
