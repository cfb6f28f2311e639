//! `zona ps start|stop|restart|scale`: what is asked of single services.

use api_proto::zona::process::v1 as pb;
use clap::Args;

use super::apply::{Waiting, outcome};
use crate::client::repeated::RequestId;
use crate::client::{Client, soon};
use crate::context::Context;
use crate::failure::Result;
use crate::pending::Pending;

/// What is asked of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// That it runs.
    Start,
    /// That it does not.
    Stop,
    /// That its replicas are replaced.
    Restart,
}

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Args)]
pub struct Named {
    /// The service
    name: String,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    request: RequestId,
}

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Args)]
pub struct Scale {
    /// The service, and how many replicas it shall have
    #[arg(value_name = "NAME=N", value_parser = replicas)]
    wanted: (String, i32),
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    request: RequestId,
}

impl Change {
    /// Does what was asked of a service.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(self, named: &'a Named, context: &'a Context) -> Pending<'a> {
        Box::pin(self.perform(named, context))
    }

    async fn perform(self, Named { name, waiting, request }: &Named, context: &Context) -> Result {
        let client = context.connect().await?;
        let service_name = name.clone();
        let mut processes = client.processes();
        let revision = match self {
            Change::Start => {
                let asked = |request_id| pb::StartServiceRequest { service_name, request_id };
                let answer = request.once(asked, async |asked| client.processes().start_service(asked).await).await?;
                revision_of(answer.details)
            }
            Change::Stop => {
                let asked = |request_id| pb::StopServiceRequest { service_name, request_id };
                request.once(asked, async |asked| client.processes().stop_service(asked).await).await?;
                // Its answer is what others know from before, and names no revision.
                processes.get_platform(soon(pb::GetPlatformRequest {})).await?.into_inner().revision
            }
            Change::Restart => {
                let asked = |request_id| pb::RestartServiceRequest { service_name, request_id };
                let answer = request.once(asked, async |asked| client.processes().restart_service(asked).await).await?;
                revision_of(answer.details)
            }
        };
        outcome(context, &client, revision, waiting).await
    }
}

impl Scale {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(async move {
            let client: Client = context.connect().await?;
            let (service_name, replicas) = self.wanted.clone();
            let asked = |request_id| pb::ScaleServiceRequest { service_name, replicas, request_id };
            let answer = self.request.once(asked, async |asked| client.processes().scale_service(asked).await).await?;
            outcome(context, &client, revision_of(answer.details), &self.waiting).await
        })
    }
}

fn revision_of(details: Option<pb::ServiceChange>) -> i64 {
    details.map_or(0, |change| change.revision)
}

fn replicas(text: &str) -> std::result::Result<(String, i32), String> {
    let wanted = text.split_once('=').and_then(|(name, count)| Some((name.to_owned(), count.parse::<u16>().ok()?.into())));
    wanted.filter(|(name, _)| !name.is_empty()).ok_or_else(|| "must be NAME=N, such as web=3".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_many_replicas_are_wanted_is_said_with_the_name() {
        assert_eq!(replicas("web=3"), Ok(("web".to_owned(), 3)));
        for wrong in ["web", "=3", "web=", "web=-1", "web=many", "web=70000"] {
            assert!(replicas(wrong).is_err(), "{wrong}");
        }
    }
}
