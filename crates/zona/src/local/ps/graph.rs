//! `zona ps graph FILE`: the waves in which services start.

use clap::Args;
use cli::document::Document;
use cli::{Exit, Result};
use process::graph::Graph as Order;
use process::manifest::Manifest;
use process::service::Service;

use crate::context::Context;
use crate::local::ps::file::Given;

#[derive(Debug, Args)]
pub struct Graph {
    #[command(flatten)]
    given: Given,
    /// Print a Mermaid diagram
    #[arg(long)]
    mermaid: bool,
}

/// A service and its wave.
struct Placed<'a> {
    wave: usize,
    service: &'a Service,
}

impl Graph {
    pub fn run(&self, context: &Context) -> Result {
        let manifest = self.given.manifest()?;
        if self.mermaid {
            context.output.text(&mermaid(&manifest))?;
            return Ok(Exit::Ok);
        }
        let placed = placed(&manifest);
        context.output.list(&placed, document, &["WAVE", "GROUP", "SERVICE", "WAITS FOR"], |Placed { wave, service }| {
            let waits = service.depends_on.iter().map(|other| format!("{} ({})", other.service, other.condition.as_str()));
            vec![wave.to_string(), service.group.as_str().to_owned(), service.name.clone(), waits.collect::<Vec<_>>().join(", ")]
        })?;
        Ok(Exit::Ok)
    }
}

fn placed(manifest: &Manifest) -> Vec<Placed<'_>> {
    let order = Order::new(&manifest.services);
    let waves: Vec<Vec<&str>> = order.waves().into_values().collect();
    let wave_of = |service: &Service| waves.iter().position(|wave| wave.contains(&service.name.as_str())).map_or(0, |wave| wave + 1);
    let mut placed: Vec<Placed<'_>> = manifest.services.iter().map(|service| Placed { wave: wave_of(service), service }).collect();
    placed.sort_by(|a, b| (a.wave, &a.service.name).cmp(&(b.wave, &b.service.name)));
    placed
}

fn document(placed: &Placed<'_>) -> Document {
    let waits = placed.service.depends_on.iter().map(|other| {
        Document::object([("service", Document::from(other.service.clone())), ("condition", Document::from(other.condition.as_str()))])
    });
    Document::object([
        ("wave", Document::Integer(placed.wave as i128)),
        ("group", Document::from(placed.service.group.as_str())),
        ("service", Document::from(placed.service.name.clone())),
        ("waits_for", Document::List(waits.collect())),
    ])
}

fn mermaid(manifest: &Manifest) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for group in process::service::Group::WORDS {
        let services: Vec<&Service> = manifest.services.iter().filter(|service| service.group.as_str() == group).collect();
        if !services.is_empty() {
            text.push_str(&format!("  subgraph {group}\n"));
            services.iter().for_each(|service| text.push_str(&format!("    {0}[\"{0}\"]\n", service.name)));
            text.push_str("  end\n");
        }
    }
    for service in &manifest.services {
        for other in &service.depends_on {
            text.push_str(&format!("  {} -->|{}| {}\n", other.service, other.condition.as_str(), service.name));
        }
    }
    text
}
