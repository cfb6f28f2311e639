//! `zona doctor`: what works on this host, by trying it, and what to change where something does not.

use clap::Args;
use cli::document::Document;
use cli::output::table;
use cli::{Exit, Result};
use sandbox::{Diagnosis, TierReport};
use server::sandboxes;

use self::verdict::{check, sign};
use super::Backend;
use crate::context::Context;

mod attack;
mod verdict;

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 tier T1 works on the configured backend, 6 it does not.\n\
                        With --attack: 0 every probe was stopped, 1 at least one got through or could not be judged, 6 none could run.")]
pub struct Doctor {
    /// Attack the sandbox: run the battery of escape probes in each tier, and check the container's specification
    #[arg(long)]
    attack: bool,
    /// Attack this backend only [default: each that works here]
    #[arg(long, value_enum, requires = "attack")]
    backend: Option<Backend>,
    /// Attack this tier only [default: each]
    #[arg(long, value_enum, requires = "attack")]
    tier: Option<attack::Tier>,
}

impl Doctor {
    pub async fn run(&self, context: &Context) -> Result {
        if self.attack {
            return attack::run(context, self.backend.map(Backend::kind), self.tier).await;
        }
        let base = sandboxes::for_tool(&context.config, &context.surroundings);
        let namespace = context.config.sandbox.namespace(&context.surroundings);
        let mut diagnosis = sandbox::diagnose(&base, &namespace, &context.config.sandbox.docker()).await;
        diagnosis.checks.extend(server::redis::diagnose(&context.config).await.map_err(crate::refusal::not_started)?);
        let backend = context.config.sandbox.backend.as_str();
        let works =
            diagnosis.tiers.iter().find(|tier| tier.backend == backend && tier.tier == "T1").is_some_and(|tier| tier.outcome.is_ok());
        context.output.one(|| document(&diagnosis, backend, works), || human(&diagnosis, backend, works))?;
        Ok(if works { Exit::Ok } else { Exit::Unavailable })
    }
}

fn document(diagnosis: &Diagnosis, backend: &str, works: bool) -> Document {
    Document::object([
        ("works", Document::Bool(works)),
        ("backend", Document::from(backend)),
        ("checks", Document::List(diagnosis.checks.iter().map(check).collect())),
        ("tiers", Document::List(diagnosis.tiers.iter().map(tier).collect())),
    ])
}

fn tier(report: &TierReport) -> Document {
    let mut document = Document::object([
        ("backend", Document::from(report.backend)),
        ("tier", Document::from(report.tier)),
        ("runtime", Document::from(report.runtime.clone())),
        ("works", Document::Bool(report.outcome.is_ok())),
    ]);
    match &report.outcome {
        Ok(works) => {
            document.push("first_ms", Document::Float((works.first.as_secs_f64() * 1e4).round() / 10.0));
            document.push("attestation", super::sandbox::attestation(&works.attestation));
        }
        Err(problem) => document.push("problem", Document::from(problem.clone())),
    }
    document
}

fn human(diagnosis: &Diagnosis, backend: &str, works: bool) -> String {
    let mut text = table(
        &["", "CHECK", "FOUND"],
        diagnosis.checks.iter().map(|check| vec![sign(check.verdict), check.name.to_owned(), check.detail.clone()]),
    );
    for check in diagnosis.checks.iter().filter(|check| !check.advice.is_empty()) {
        text.push_str(&format!("\n{}: {}\n", check.name, check.advice));
    }
    text.push('\n');
    text.push_str(&table(&["BACKEND", "TIER", "RUNTIME", "WORKS", ""], diagnosis.tiers.iter().map(tier_row)));
    text.push_str(&match works {
        true => format!("\ntier T1 works on the configured backend, {backend}\n"),
        false => format!("\ntier T1 does not work on the configured backend, {backend}: executions would be refused\n"),
    });
    text
}

fn tier_row(report: &TierReport) -> Vec<String> {
    let (works, detail) = match &report.outcome {
        Ok(works) => (
            "yes",
            format!("first run {:.0} ms, limits by {}", works.first.as_secs_f64() * 1e3, works.attestation.resource_control.as_str()),
        ),
        Err(problem) => ("no", problem.clone()),
    };
    vec![report.backend.to_owned(), report.tier.to_owned(), report.runtime.clone(), works.to_owned(), detail]
}
