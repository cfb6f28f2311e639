//! `zona run NAME`: executes a utility and streams what it prints.

use std::time::Duration;

use api_proto::zona::execution::v1 as pb;
use clap::Args;

use super::parameters::ParameterArgs;
use super::streamed::{OnInterrupt, show};
use crate::client::follow::Follow;
use crate::client::names;
use crate::client::repeated::RequestId;
use crate::context::Context;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::pending::Pending;

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Args)]
#[command(
    after_help = "What the code prints goes to the same streams here, then its result as JSON to standard output. With -o json or yaml,\n\
                        one document at the end holds everything; with -o jsonl, each event is one line as it comes."
)]
pub struct Run {
    /// Utility: an id of the tenant, or a full name
    name: String,
    #[command(flatten)]
    parameters: ParameterArgs,
    /// Version to run [default: the current one]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(1..))]
    version: Option<i32>,
    /// A shorter time limit than the utility's own, e.g. 10s
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// Start it and print its name; it runs on without this command
    #[arg(long)]
    detach: bool,
    /// With --detach: run it once more if the server that runs it is lost; its code may then have run twice
    #[arg(long, requires = "detach")]
    retry_if_lost: bool,
    #[command(flatten)]
    request: RequestId,
}

impl Run {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(self.perform(context))
    }

    async fn perform(&self, context: &Context) -> Result {
        let name = names::utility(&context.tenant, &self.name)?.to_string();
        let params_json = self.parameters.json(false)?;
        let secret_parameters = self.parameters.secrets(&context.tenant)?;
        let timeout = self.timeout.map(proto_duration).transpose()?;
        let client = context.connect().await?;
        let version = self.version.unwrap_or_default();
        if self.detach {
            let request = |request_id| pb::StartExecutionRequest {
                name,
                version,
                params_json,
                secret_parameters,
                request_id,
                timeout,
                retry_if_lost: self.retry_if_lost,
                ..Default::default()
            };
            let execution = self.request.once(request, async |request| client.executions().start_execution(request).await).await?;
            context.output.one(|| document(&execution), || format!("{}\n", execution.name))?;
            return Ok(Exit::Ok);
        }
        let request_id = self.request.of_a_stream();
        let request =
            pb::ExecuteUtilityRequest { name, version, params_json, secret_parameters, request_id, timeout, ..Default::default() };
        let stream = client.executions().execute_utility(request).await?.into_inner();
        show(context, &mut Follow::new(client, stream, String::new(), 0), OnInterrupt::Cancel).await
    }
}

/// A duration as the contract has it.
pub fn proto_duration(duration: Duration) -> Result<prost_types::Duration> {
    duration.try_into().map_err(|_| Failure::usage("a duration is too long"))
}
