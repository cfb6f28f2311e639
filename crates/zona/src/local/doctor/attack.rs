//! `zona doctor --attack`: the battery of escape probes on each backend and tier, and the container's specification.

use clap::ValueEnum;
use cli::document::Document;
use cli::output::table;
use cli::{Exit, Result};
use domain::sandbox::Isolation;
use sandbox::{Backend, Check, Conclusion, Outcome, ProbeResult, Report, Trial, complies};
use server::config::BackendKind;
use server::sandboxes;

use super::verdict::{check, sign};
use crate::context::Context;

/// A tier, as a flag names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tier {
    /// A sealed process in a sandbox of the tenant
    #[value(name = "T1", alias = "t1")]
    TenantWarm,
    /// A started sandbox for one execution
    #[value(name = "T2", alias = "t2")]
    SingleUse,
    /// A sandbox made for one execution
    #[value(name = "T3", alias = "t3")]
    OneShot,
}

/// What the attack found.
struct Found {
    trials: Vec<Trial>,
    /// Rules about the container, or why there is none to judge; `None` when the docker backend was left out.
    container: Option<std::result::Result<Vec<Check>, String>>,
}

pub async fn run(context: &Context, backend: Option<BackendKind>, tier: Option<Tier>) -> Result {
    let base = sandboxes::for_tool(&context.config, &context.surroundings);
    let docker = context.config.sandbox.docker();
    let tiers = tier.map_or(vec![Isolation::TenantWarm, Isolation::SingleUse, Isolation::OneShot], |tier| vec![tier.isolation()]);
    let asked = |kind: BackendKind| backend.is_none_or(|backend| backend == kind);
    let mut found = Found { trials: Vec::new(), container: None };
    if asked(BackendKind::Namespace) {
        let settings = context.config.sandbox.namespace(&context.surroundings);
        found.trials.extend(sandbox::attack(&base, Backend::Namespace(settings), &tiers).await);
    }
    // Weaker by choice, so it is attacked only where it was chosen.
    if backend.unwrap_or(context.config.sandbox.backend) == BackendKind::Landlock {
        let settings = context.config.sandbox.namespace(&context.surroundings);
        found.trials.extend(sandbox::attack(&base, Backend::Landlock(settings), &tiers).await);
    }
    if asked(BackendKind::Docker) {
        found.trials.extend(sandbox::attack(&base, Backend::Docker(docker.clone()), &tiers).await);
        found.container = Some(sandbox::inspect_container(&base, &docker).await);
    }
    context.output.one(|| found.document(), || found.human())?;
    Ok(found.exit())
}

// === impl Tier ===

impl Tier {
    fn isolation(self) -> Isolation {
        match self {
            Tier::TenantWarm => Isolation::TenantWarm,
            Tier::SingleUse => Isolation::SingleUse,
            Tier::OneShot => Isolation::OneShot,
        }
    }
}

// === impl Found ===

impl Found {
    /// A backend that is not there is no leak; one that leaks, or that could not be judged, is no success.
    fn exit(&self) -> Exit {
        let mut reports = self.reports().peekable();
        if reports.peek().is_none() {
            return Exit::Unavailable;
        }
        let holds = reports.all(|report| report.conclusion() == Conclusion::Holds);
        let container = !matches!(&self.container, Some(Ok(rules)) if !complies(rules));
        if holds && container { Exit::Ok } else { Exit::UserCode }
    }

    fn reports(&self) -> impl Iterator<Item = &Report> {
        self.trials.iter().filter_map(|trial| trial.outcome.as_ref().ok())
    }

    fn document(&self) -> Document {
        let mut document = Document::object([
            ("holds", Document::Bool(self.exit() == Exit::Ok)),
            ("tiers", Document::List(self.trials.iter().map(trial).collect())),
        ]);
        match &self.container {
            Some(Ok(rules)) => document.push("container", Document::List(rules.iter().map(check).collect())),
            Some(Err(problem)) => document.push("container_problem", Document::from(problem.clone())),
            None => {}
        }
        document
    }

    fn human(&self) -> String {
        let mut text = String::new();
        for trial in &self.trials {
            let title = format!("{} {}", trial.backend, trial.isolation.tier());
            match &trial.outcome {
                Err(problem) => text.push_str(&format!("{title}: not available: {problem}\n\n")),
                Ok(report) => {
                    let head = ["", "PROBE", "DEFENCE", "", "HINT"];
                    text.push_str(&format!("{title}, battery {}\n{}\n", report.version, table(&head, report.probes.iter().map(row))));
                }
            }
        }
        match &self.container {
            Some(Ok(rules)) => {
                let rows =
                    rules.iter().map(|rule| vec![sign(rule.verdict), rule.name.to_owned(), rule.detail.clone(), rule.advice.clone()]);
                text.push_str(&format!("container\n{}\n", table(&["", "RULE", "FOUND", ""], rows)));
            }
            Some(Err(problem)) => text.push_str(&format!("container: not available: {problem}\n\n")),
            None => {}
        }
        for report in self.reports() {
            let count = |outcome| report.probes.iter().filter(|probe| probe.outcome == outcome).count();
            let open = match count(Outcome::Open) {
                0 => String::new(),
                count => format!(", {count} open by nature of the backend"),
            };
            text.push_str(&format!(
                "{} {}: {} probes stopped, {} got through, {} could not be judged{open}\n",
                report.backend,
                report.isolation.tier(),
                count(Outcome::Stopped),
                count(Outcome::Reached),
                count(Outcome::Error)
            ));
        }
        text
    }
}

fn trial(trial: &Trial) -> Document {
    let mut document = Document::object([("backend", Document::from(trial.backend)), ("tier", Document::from(trial.isolation.tier()))]);
    match &trial.outcome {
        Ok(report) => {
            document.push("battery_version", Document::from(report.version.clone()));
            document.push("probes", Document::List(report.probes.iter().map(probe).collect()));
        }
        Err(problem) => document.push("problem", Document::from(problem.clone())),
    }
    document
}

fn probe(probe: &ProbeResult) -> Document {
    Document::object([
        ("name", Document::from(probe.name)),
        ("group", Document::from(probe.group.as_str())),
        ("defence", Document::from(probe.defence.as_str())),
        ("outcome", Document::from(probe.outcome.as_str())),
        ("detail", Document::from(probe.detail.clone())),
        ("hint", Document::from(probe.hint())),
        ("ms", Document::Float((probe.took.as_secs_f64() * 1e4).round() / 10.0)),
    ])
}

fn row(probe: &ProbeResult) -> Vec<String> {
    let mark = match probe.outcome {
        Outcome::Stopped => "ok",
        Outcome::Open => "--",
        Outcome::Reached => "XX",
        Outcome::Error => "??",
    };
    let cells = [mark, probe.name, probe.defence.as_str(), &probe.detail, probe.hint()];
    cells.map(str::to_owned).to_vec()
}
