//! `zona storage status|migrate|shard|roles`: the database that servers share, looked after without a server.

use clap::Subcommand;
use cli::document::Document;
use cli::output::{fields, note, table};
use cli::{Exit, Result};
use server::storage::{Operator, Status, operator};

use crate::context::Context;
use crate::refusal::not_started;

#[derive(Debug, Subcommand)]
pub enum Storage {
    /// Show the schema of the database, how many steps lead to the newest one, and about how much is in it
    Status,
    /// Bring the database to the newest schema, as a server does that starts
    Migrate,
    /// Print the commands that spread the database over shards by tenant
    Shard {
        /// Send them, behind the newest schema; the address must be that of a `mongos`
        #[arg(long)]
        apply: bool,
    },
    /// Print the commands that make the roles of a server and of whoever migrates, with nothing more than each needs
    Roles {
        /// Send them, or bring roles that are there up to date, as a user who may do that; no role is given to anybody
        #[arg(long)]
        apply: bool,
    },
}

impl Storage {
    pub async fn run(&self, context: &Context) -> Result {
        let operator = operator(&context.config).await.map_err(not_started)?;
        let done = match self {
            Storage::Status => status(context, &operator).await,
            Storage::Migrate => migrate(context, &operator).await,
            Storage::Shard { apply } => shard(context, &operator, *apply).await,
            Storage::Roles { apply } => roles(context, &operator, *apply).await,
        };
        operator.close().await;
        done
    }
}

async fn status(context: &Context, operator: &Operator) -> Result {
    let status = operator.status().await.map_err(|error| not_started(error.into()))?;
    context.output.one(|| document(&status), || human(&status))?;
    Ok(Exit::Ok)
}

async fn migrate(context: &Context, operator: &Operator) -> Result {
    operator.migrate().await.map_err(|error| not_started(error.into()))?;
    status(context, operator).await
}

async fn shard(context: &Context, operator: &Operator, apply: bool) -> Result {
    if apply {
        operator.shard().await.map_err(|error| not_started(error.into()))?;
        note("the database has taken these commands");
    }
    let shown = |command: &String| format!("db.adminCommand({command})\n");
    commands(context, apply, &operator.shard_commands(), shown)
}

async fn roles(context: &Context, operator: &Operator, apply: bool) -> Result {
    if apply {
        operator.make_roles().await.map_err(|error| not_started(error.into()))?;
        note("the database has these roles");
    }
    let shown = |command: &String| format!("db.runCommand({command})\n");
    commands(context, apply, &operator.role_commands(), shown)
}

/// Commands of the database, and whether it has taken them.
fn commands(context: &Context, applied: bool, commands: &[String], shown: impl Fn(&String) -> String) -> Result {
    // The order of the fields of a key matters, so that a command is one text.
    let all = Document::List(commands.iter().map(|command| Document::from(command.as_str())).collect());
    let told = || Document::object([("applied", Document::Bool(applied)), ("commands", all)]);
    context.output.one(told, || commands.iter().map(shown).collect())?;
    Ok(Exit::Ok)
}

fn document(status: &Status) -> Document {
    let counted = |collection: &server::storage::Counted| {
        Document::object([("name", Document::from(collection.name)), ("documents", Document::from(collection.documents))])
    };
    Document::object([
        ("store", Document::from("mongodb")),
        ("database", Document::from(status.database.as_str())),
        ("schema", Document::from(u64::from(status.schema))),
        ("newest", Document::from(u64::from(status.newest))),
        ("pending", Document::from(u64::from(status.pending()))),
        ("migrating", Document::Bool(status.migrating)),
        ("collections", Document::List(status.collections.iter().map(counted).collect())),
    ])
}

fn human(status: &Status) -> String {
    let schema = match (status.schema, status.pending()) {
        (0, _) => "none yet".to_owned(),
        (schema, _) if schema > status.newest => format!("{schema}, of a newer program than this one, which knows {}", status.newest),
        (schema, 0) => format!("{schema}, the newest"),
        (schema, pending) => format!("{schema} of {}; left to migrate: {pending}", status.newest),
    };
    let facts = fields(&[
        ("database", status.database.clone()),
        ("schema", schema),
        ("migrating", if status.migrating { "a server does that now".to_owned() } else { String::new() }),
    ]);
    let rows = status.collections.iter().map(|collection| vec![collection.name.to_owned(), collection.documents.to_string()]);
    format!("{facts}\n{}", table(&["COLLECTION", "DOCUMENTS"], rows))
}
