//! `zona ps plan FILE`: what must be done so that what runs becomes what a manifest says. What runs is read from a file, or is what a server
//! sees.

use std::path::PathBuf;

use clap::Args;
use cli::document::Document;
use cli::output::note;
use cli::{Exit, Result};
use process::observed::Observed;
use process::plan::{Action, Plan as Planned, plan};

use crate::context::Context;
use crate::local::ps::file::{Given, document, refused};

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 also when there is nothing to do, 2 a file is wrong.")]
pub struct Plan {
    #[command(flatten)]
    given: Given,
    /// What runs at the moment, YAML or (*.json) JSON [default: nothing]
    #[arg(long, value_name = "FILE")]
    observed: Option<PathBuf>,
    /// Ask the server what runs, and what it would do
    #[arg(long, conflicts_with = "observed")]
    live: bool,
}

impl Plan {
    pub async fn run(&self, context: &Context) -> Result {
        if self.live {
            let (manifest, environment) = self.given.sendable()?;
            return cli::command::process::plan(&context.client.context()?, manifest, environment).await;
        }
        let manifest = self.given.manifest_with_digests()?;
        let observed = match &self.observed {
            Some(path) => Observed::read(&document(path)?).map_err(|problems| refused(path, &problems))?,
            None => {
                note("neither --observed nor --live: this is the plan where nothing runs yet");
                Observed::default()
            }
        };
        let planned = plan(&manifest, &observed);
        context.output.one(|| whole(&planned), || human(&planned))?;
        Ok(Exit::Ok)
    }
}

fn whole(planned: &Planned) -> Document {
    let wave = |(number, wave): (usize, &process::plan::Wave)| {
        Document::object([
            ("wave", Document::Integer(number as i128 + 1)),
            ("actions", Document::List(wave.actions.iter().map(action).collect())),
        ])
    };
    Document::object([("waves", Document::List(planned.waves.iter().enumerate().map(wave).collect()))])
}

fn action(action: &Action) -> Document {
    let waits = action.waits_for.iter().map(|wait| {
        Document::object([("service", Document::from(wait.service.clone())), ("condition", Document::from(wait.condition.as_str()))])
    });
    Document::object([
        ("service", Document::from(action.service.clone())),
        ("action", Document::from(action.kind.as_str())),
        ("reasons", Document::List(action.reasons.iter().map(|reason| Document::from(reason.to_string())).collect())),
        ("waits_for", Document::List(waits.collect())),
        ("revision", action.revision.as_ref().map_or(Document::Null, |revision| Document::from(revision.to_string()))),
        ("steps", Document::List(action.steps.iter().map(|step| Document::from(step.to_string())).collect())),
    ])
}

fn human(planned: &Planned) -> String {
    if planned.is_empty() {
        return "nothing to do\n".to_owned();
    }
    let mut text = String::new();
    for (number, wave) in planned.waves.iter().enumerate() {
        text.push_str(&format!("wave {}\n", number + 1));
        for action in &wave.actions {
            let reasons: Vec<String> = action.reasons.iter().map(ToString::to_string).collect();
            text.push_str(&format!("  {} {}: {}\n", action.kind.as_str(), action.service, reasons.join("; ")));
            action.steps.iter().for_each(|step| text.push_str(&format!("    {step}\n")));
        }
    }
    text
}
