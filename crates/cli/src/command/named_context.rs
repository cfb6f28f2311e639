//! `zona context ...`: servers under names, and who is signed in there. Needs no server.

use clap::{Args, Subcommand};

use crate::choice::Setup;
use crate::contexts::{self, Entry, Kept};
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::note;

const HEADINGS: &[&str] = &["", "NAME", "SERVER", "PRINCIPAL", "CREDENTIAL"];

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Subcommand)]
#[command(after_help = "Contexts are made by `zona login`. They lie in $XDG_CONFIG_HOME/zona/contexts.toml, with mode 0600.")]
pub enum NamedContext {
    /// List the contexts; an asterisk marks the current one
    List,
    /// Make a context the current one
    Use(Name),
    /// Forget a context with its credentials; `zona logout` ends its session
    Remove(Name),
}

#[derive(Debug, Args)]
pub struct Name {
    /// Context
    #[arg(value_parser = contexts::name)]
    name: String,
}

/// A context as it is shown.
struct Shown<'a> {
    name: &'a str,
    entry: &'a Entry,
    current: bool,
}

impl NamedContext {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run(&self, setup: &Setup) -> Result {
        match self {
            NamedContext::List => list(setup),
            NamedContext::Use(Name { name }) => {
                setup.store.change(|contexts| {
                    contexts.get(name)?;
                    contexts.current = Some(name.clone());
                    Ok(())
                })?;
                note(&format!("{name} is the current context"));
                Ok(Exit::Ok)
            }
            NamedContext::Remove(Name { name }) => {
                let removed = setup.store.change(|contexts| {
                    let removed = contexts.get(name)?.clone();
                    contexts.contexts.remove(name);
                    contexts.current.take_if(|current| current == name);
                    Ok(removed)
                })?;
                note(&format!("context {name} is forgotten"));
                if matches!(removed.credential, Some(Kept::Session(_))) {
                    note("its session goes on at the server until it ends there; `zona session revoke` ends one at once");
                }
                Ok(Exit::Ok)
            }
        }
    }
}

fn list(setup: &Setup) -> Result {
    let contexts = setup.store.read()?;
    let current = |name: &String| contexts.current.as_ref() == Some(name);
    let shown = contexts.contexts.iter().map(|(name, entry)| Shown { name, entry, current: current(name) });
    setup.output().list(&shown.collect::<Vec<_>>(), document, HEADINGS, row)?;
    Ok(Exit::Ok)
}

fn document(shown: &Shown<'_>) -> Document {
    let credential = credential(shown.entry).map_or(Document::Null, |credential| credential.replace(' ', "_").into());
    Document::object([
        ("name", shown.name.into()),
        ("server", shown.entry.server.as_str().into()),
        ("principal", shown.entry.principal.as_str().into()),
        ("credential", credential),
        ("current", Document::Bool(shown.current)),
    ])
}

fn row(shown: &Shown<'_>) -> Vec<String> {
    let mark = if shown.current { "*" } else { "" };
    let credential = credential(shown.entry).unwrap_or("signed out");
    [mark, shown.name, &shown.entry.server, &shown.entry.principal, credential].map(str::to_owned).to_vec()
}

/// The kind of what it keeps, never the secret itself.
fn credential(entry: &Entry) -> Option<&'static str> {
    entry.credential.as_ref().map(|kept| match kept {
        Kept::ApiKey(_) => "api key",
        Kept::Session(_) => "session",
    })
}
