//! `zona ps`: how services are, once or again whenever something happens.

use api_proto::zona::process::v1 as pb;
use clap::Args;

use crate::client::{Client, soon};
use crate::context::Context;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::Result;
use crate::interrupt::until_interrupted;
use crate::output::Format;
use crate::pending::Pending;

const HEADINGS: &[&str] = &["NAME", "GROUP", "STATE", "REPLICAS", "RESTARTS", "IMAGE", "DETAIL"];
/// Empties a terminal, and goes to its first line.
const CLEAR: &str = "\x1b[2J\x1b[H";

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Args)]
pub struct Status {
    /// Show it again whenever something happens, until Ctrl-C
    #[arg(long)]
    watch: bool,
}

impl Status {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        match self.watch {
            true => Box::pin(until_interrupted(watch(context))),
            false => Box::pin(async move {
                let client = context.connect().await?;
                show(context, &client).await?;
                Ok(Exit::Ok)
            }),
        }
    }
}

async fn watch(context: &Context) -> Result {
    let client = context.connect().await?;
    let request = pb::WatchStatusRequest { after_sequence: None };
    let mut stream = client.processes().watch_status(request).await?.into_inner();
    while let Some(told) = stream.message().await? {
        if matches!(told.what, Some(pb::watch_status_response::What::Heartbeat(_))) {
            continue;
        }
        if context.output.is_terminal() && context.output.format == Format::Table {
            context.output.text(CLEAR)?;
        }
        show(context, &client).await?;
    }
    Ok(Exit::Ok)
}

async fn show(context: &Context, client: &Client) -> Result<()> {
    let services = client.processes().get_status(soon(pb::GetStatusRequest {})).await?.into_inner().services;
    Ok(context.output.list(&services, document, HEADINGS, row)?)
}

fn row(service: &pb::Service) -> Vec<String> {
    let image = match service.images.is_empty() {
        true => service.context.as_ref().map(|context| context.image.clone()).unwrap_or_default(),
        false => service.images.join(" "),
    };
    let detail = [service.detail.as_str(), service.drift.as_str()];
    let detail: Vec<&str> = detail.into_iter().filter(|text| !text.is_empty()).collect();
    vec![
        service.name.clone(),
        word(service.group().as_str_name()),
        word(service.state().as_str_name()).to_lowercase(),
        format!("{}/{}", service.available_replicas, service.replicas),
        service.restarts.to_string(),
        image,
        detail.join("; "),
    ]
}

/// The value of an enum without the prefix of that.
fn word(name: &str) -> String {
    name.rsplit('_').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_what_is_well_of_what_is_wanted_and_why_something_is_not() {
        let service = pb::Service {
            name: "web".to_owned(),
            group: pb::ServiceGroup::App.into(),
            state: pb::ServiceState::Degraded.into(),
            replicas: 3,
            available_replicas: 1,
            restarts: 2,
            images: vec!["web:1".to_owned(), "web:2".to_owned()],
            detail: "2 replicas are not well".to_owned(),
            ..pb::Service::default()
        };
        assert_eq!(row(&service), ["web", "APP", "degraded", "1/3", "2", "web:1 web:2", "2 replicas are not well"]);
        assert_eq!(row(&pb::Service::default())[2], "unspecified");
    }
}
