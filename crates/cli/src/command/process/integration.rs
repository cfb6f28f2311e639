//! `zona ps integration ...`: what runs for a tenant, and why it is started with what it is.

use std::collections::BTreeMap;

use api_proto::zona::process::v1 as pb;
use clap::{Args, Subcommand};

use crate::client::paging::every;
use crate::client::repeated::RequestId;
use crate::client::{PAGE, names, soon};
use crate::context::Context;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::Result;
use crate::pending::Pending;

const HEADINGS: &[&str] = &["ID", "TITLE", "STATUS", "SERVICE", "ACTION", "DETAIL"];

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Subcommand)]
pub enum Integration {
    /// List the integrations of the tenant
    List,
    /// Start an integration, also where the manifest disables it
    Start(Start),
    /// Stop an integration
    Stop(Stop),
    /// Show where the parameters and ports of an integration come from
    Explain(Number),
}

#[derive(Debug, Args)]
pub struct Number {
    /// Its number
    #[arg(value_name = "ID", value_parser = clap::value_parser!(i32).range(1..))]
    id: i32,
}

#[derive(Debug, Args)]
pub struct Start {
    #[command(flatten)]
    number: Number,
    /// Parameter that is stronger than all others; may be repeated
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Args)]
pub struct Stop {
    #[command(flatten)]
    number: Number,
    #[command(flatten)]
    request: RequestId,
}

impl Integration {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(self.perform(context))
    }

    async fn perform(&self, context: &Context) -> Result {
        let (client, parent) = (context.connect().await?, names::parent(&context.tenant));
        match self {
            Integration::List => {
                let found = every(|page_token| async {
                    let request = pb::ListIntegrationsRequest { parent: parent.clone(), page_size: PAGE as i32, page_token };
                    let page = client.processes().list_integrations(soon(request)).await?.into_inner();
                    Ok((page.integrations, page.next_page_token))
                })
                .await?;
                context.output.list(&found, document, HEADINGS, row)?;
            }
            Integration::Start(Start { number, parameters, request }) => {
                let parameters: BTreeMap<String, String> = parameters.iter().cloned().collect();
                let integration_id = number.id;
                let asked = |request_id| pb::StartIntegrationRequest { parent, integration_id, parameters, request_id };
                let started = request.once(asked, async |asked| client.processes().start_integration(asked).await).await?;
                context.output.one(|| document(&started), || line(&started))?;
            }
            Integration::Stop(Stop { number, request }) => {
                let integration_id = number.id;
                let asked = |request_id| pb::StopIntegrationRequest { parent, integration_id, request_id };
                let stopped = request.once(asked, async |asked| client.processes().stop_integration(asked).await).await?;
                context.output.one(|| document(&stopped), || line(&stopped))?;
            }
            Integration::Explain(Number { id }) => {
                let request = pb::ExplainIntegrationRequest { parent, integration_id: *id };
                let explained = client.processes().explain_integration(soon(request)).await?.into_inner();
                context.output.one(|| document(&explained), || words(&explained))?;
            }
        }
        Ok(Exit::Ok)
    }
}

fn parameter(text: &str) -> std::result::Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| "must be NAME=VALUE".to_owned())
}

fn row(one: &pb::Integration) -> Vec<String> {
    let texts = [&one.title, &one.status, &one.service_name, &one.action, &one.detail];
    std::iter::once(one.integration_id.to_string()).chain(texts.into_iter().cloned()).collect()
}

fn line(one: &pb::Integration) -> String {
    format!("integration {} is {}\n", one.integration_id, one.status)
}

fn words(explained: &pb::IntegrationExplanation) -> String {
    let mut text = explained.integration.as_ref().map(line).unwrap_or_default();
    for parameter in &explained.parameters {
        text.push_str(&format!("  {} = {} ({})\n", parameter.name, parameter.value, parameter.origin));
        for hidden in &parameter.hidden {
            text.push_str(&format!("      hides {} ({})\n", hidden.value, hidden.origin));
        }
    }
    for port in &explained.ports {
        text.push_str(&format!("  port {} = {} (leased from {})\n", port.name, port.port, port.range));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_says_where_each_value_comes_from_and_what_it_hides() {
        let hidden = vec![pb::HiddenValue { origin: "service".to_owned(), value: "1".to_owned() }];
        let parameter = pb::ExplainedParameter {
            name: "RETRIES".to_owned(),
            value: "5".to_owned(),
            origin: "tenant".to_owned(),
            hidden,
            conflicts: true,
        };
        let explained = pb::IntegrationExplanation {
            integration: Some(pb::Integration { integration_id: 7, status: "running".to_owned(), ..Default::default() }),
            parameters: vec![parameter],
            ports: vec![pb::LeasedPort { name: "http".to_owned(), range: "web".to_owned(), port: 2001 }],
        };
        let expected = "integration 7 is running\n  RETRIES = 5 (tenant)\n      hides 1 (service)\n  port http = 2001 (leased from web)\n";
        assert_eq!(words(&explained), expected);
    }
}
