//! From a command line to a command: reads the configuration, starts a runtime where one is needed, and hands over.

use clap::CommandFactory as _;
use cli::contexts::Store;
use cli::output::{note, write_out};
use cli::{Exit, Failure, Result, Setup};
use settings::{Loaded, Problems, Surroundings};

use crate::command_line::{Cli, Command};
use crate::config;
use crate::context::Context;

/// Runs the command of a command line.
///
/// # Errors
/// What the person should read.
pub fn run(cli: Cli, surroundings: &Surroundings) -> Result {
    if let Some(Command::Completions(completions)) = &cli.command {
        return completions.run(Cli::command());
    }
    let (mut flags, mut defaults) = (cli.global.flags(), Vec::new());
    match &cli.command {
        Some(Command::Dev(dev)) => {
            flags.extend(dev.flags());
            defaults.extend(dev.defaults());
        }
        Some(Command::Server(server)) => {
            flags.extend(server.flags());
            defaults.extend(server.defaults());
        }
        Some(Command::Demo(demo)) => flags.extend(demo.flags()),
        Some(Command::Sandbox(sandbox)) => flags.extend(sandbox.flags()),
        _ => {}
    }
    let mut loaded = config::load(cli.global.config.as_deref(), defaults, flags, surroundings).map_err(refuse)?;
    if cli.global.print_config || !cli.command.as_ref().is_some_and(Command::serves) {
        loaded.warnings.drain(..).for_each(|warning| note(&format!("warning: {warning}")));
    }
    if cli.global.print_config {
        write_out(&loaded.print())?;
        return Ok(Exit::Ok);
    }
    let Some(command) = cli.command else {
        return Err(Failure::usage("no command was given").hint("`zona --help` lists them"));
    };
    dispatch(command, context(loaded, surroundings))
}

fn context(loaded: Loaded<config::Config>, surroundings: &Surroundings) -> Context {
    let gateway_is_set = loaded.is_set("gateway.listen");
    let (config, warnings) = (loaded.config, loaded.warnings);
    let client = Setup { settings: config.client, store: Store::of(surroundings) };
    Context { config: config.server, output: client.output(), client, gateway_is_set, warnings, surroundings: surroundings.clone() }
}

fn dispatch(command: Command, context: Context) -> Result {
    match command {
        Command::Check(check) => return check.run(&context),
        Command::Context(named) => return named.run(&context.client),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Unavailable, format!("cannot start threads: {error}")))?;
    let result = runtime.block_on(async {
        match command {
            Command::Dev(dev) => dev.run(context).await,
            Command::Demo(demo) => demo.run(context).await,
            Command::Doctor(doctor) => doctor.run(&context).await,
            Command::Ps(ps) => ps.run(&context).await,
            Command::Utility(utility) => utility.run(&context.client.context()?).await,
            Command::Run(run) => run.run(&context.client.context()?).await,
            Command::Transform(transform) => transform.run(&context.client.context()?).await,
            Command::Execution(execution) => execution.run(&context.client.context()?).await,
            Command::Batch(batch) => batch.run(&context.client.context()?).await,
            Command::Bench(bench) => bench.run(&context.client.context()?).await,
            Command::Operation(operation) => operation.run(&context.client.context()?).await,
            Command::Policy(policy) => policy.run(&context.client.context()?).await,
            Command::Runtime(runtime) => runtime.run(&context.client.context()?).await,
            Command::Login(login) => login.run(&context.client).await,
            Command::Logout => cli::command::logout(&context.client).await,
            Command::Whoami => cli::command::whoami(&context.client.context()?).await,
            Command::Token => cli::command::token(&context.client.context()?).await,
            Command::Context(named) => named.run(&context.client),
            Command::Access(access) => access.run(&context.client.context()?).await,
            Command::Audit(audit) => audit.run(&context).await,
            Command::Webhook(webhook) => webhook.run(&context.client.context()?).await,
            Command::Schedule(schedule) => schedule.run(&context.client.context()?).await,
            Command::Secret(secret) => secret.run(&context.client.context()?).await,
            Command::Event(event) => event.run(&context.client.context()?).await,
            Command::Tenant(tenant) => tenant.run(&context.client.context()?).await,
            Command::User(user) => user.run(&context.client.context()?).await,
            Command::ServiceAccount(account) => account.run(&context.client.context()?).await,
            Command::ApiKey(key) => key.run(&context.client.context()?).await,
            Command::Session(session) => session.run(&context.client.context()?).await,
            Command::Keys(keys) => keys.run(&context.client.context()?).await,
            Command::Server(server) => server.run(context).await,
            Command::Storage(storage) => storage.run(&context).await,
            Command::Sandbox(sandbox) => sandbox.run(&context).await,
            Command::Check(check) => check.run(&context),
            Command::Completions(completions) => completions.run(Cli::command()),
        }
    });
    // What still blocks a thread, e.g. a read of standard input, must not keep the process.
    runtime.shutdown_background();
    result
}

fn refuse(problems: Problems) -> Failure {
    let count = problems.0.len();
    let sum = if count == 1 { "1 problem".to_owned() } else { format!("{count} problems") };
    Failure::usage(format!("the configuration has {sum}")).violations(problems.0)
}
