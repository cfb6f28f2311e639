//! `zona ps logs NAME...`: what services have put out, merged in the order of time.

use std::time::Duration;

use api_proto::zona::process::v1 as pb;
use clap::Args;

use crate::command::execution::moment;
use crate::context::Context;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::interrupt::until_interrupted;
use crate::output::Format;
use crate::pending::Pending;

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Args)]
pub struct Logs {
    /// The services
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// Go on with what is put out from now on, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Only lines that are not older, such as 5m
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    since: Option<Duration>,
    /// Only the last so many lines of each replica
    #[arg(long, value_name = "LINES", value_parser = clap::value_parser!(i32).range(1..))]
    tail: Option<i32>,
    /// Show when each line was put out
    #[arg(long)]
    timestamps: bool,
}

impl Logs {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        match self.follow {
            true => Box::pin(until_interrupted(self.perform(context))),
            false => Box::pin(self.perform(context)),
        }
    }

    async fn perform(&self, context: &Context) -> Result {
        let request = pb::ReadLogsRequest {
            service_names: self.names.clone(),
            follow: self.follow,
            since: self.since.map(since).transpose()?,
            tail: self.tail.unwrap_or_default(),
        };
        let mut lines = context.connect().await?.processes().read_logs(request).await?.into_inner();
        while let Some(line) = lines.message().await? {
            match context.output.format {
                Format::Table => context.output.lines(&self.words(&line))?,
                Format::Json | Format::Yaml | Format::JsonLines => context.output.line(&document(&line))?,
            }
        }
        Ok(Exit::Ok)
    }

    fn words(&self, line: &pb::ReadLogsResponse) -> String {
        let time = if self.timestamps { format!("{} ", moment(line.time.as_ref())) } else { String::new() };
        let cut = if line.truncated { " ..." } else { "" };
        format!("{time}{} | {}{cut}\n", line.replica, line.text)
    }
}

fn since(time: Duration) -> Result<prost_types::Duration> {
    prost_types::Duration::try_from(time).map_err(|error| Failure::usage(format!("--since: {error}")))
}
