//! `zona event watch`: what happens in a tenant, as it happens, until Ctrl-C. A connection that breaks is resumed where it broke.

use api_proto::zona::event::v1 as pb;
use clap::{Args, Subcommand};
use pb::subscribe_events_response::Part;
use tonic::{Code, Status, Streaming};

use super::execution::moment;
use crate::client::resumed::{Resumed, may_go_on};
use crate::client::{Client, names};
use crate::context::Context;
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::interrupt::until_interrupted;
use crate::output::Format;
use crate::pending::Pending;
use crate::terminal;

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Subcommand)]
pub enum Event {
    /// Print what happens in the tenant, as it happens, until Ctrl-C; with -o jsonl as CloudEvents
    Watch(Watch),
}

#[derive(Debug, Args)]
pub struct Watch {
    /// Only of this type, or of all that begin so, e.g. dev.zona.utility; may be repeated
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// What happened behind this event, by its sequence number; 0 is from the first on [default: what happens from now on]
    #[arg(long, value_name = "SEQUENCE", value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,
}

impl Event {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        match self {
            Event::Watch(watch) => Box::pin(until_interrupted(watch.perform(context))),
        }
    }
}

impl Watch {
    async fn perform(&self, context: &Context) -> Result {
        let client = context.connect().await?;
        let (parent, types) = (names::parent(&context.tenant), self.types.clone());
        let request = pb::SubscribeEventsRequest { parent, types, after_sequence: self.after };
        let stream = client.events().subscribe_events(request.clone()).await?.into_inner();
        let mut followed = Followed { client, stream, request, resumed: Resumed::default() };
        loop {
            let event = followed.next().await?;
            match context.output.format {
                Format::Table => context.output.text(&format!("{}\n", terminal::line(&row(&event).join("   "))))?,
                Format::Json | Format::Yaml | Format::JsonLines => context.output.line(&cloud_event(event))?,
            }
        }
    }
}

struct Followed {
    client: Client,
    stream: Streaming<pb::SubscribeEventsResponse>,
    /// What goes on where the stream was cut off.
    request: pb::SubscribeEventsRequest,
    resumed: Resumed,
}

impl Followed {
    /// The next event.
    async fn next(&mut self) -> Result<pb::Event> {
        loop {
            match self.stream.message().await {
                Ok(Some(message)) => {
                    self.resumed.hear(matches!(message.part, Some(Part::ReachedSequence(_))));
                    match message.part {
                        Some(Part::Event(event)) => {
                            self.request.after_sequence = Some(event.sequence);
                            return Ok(event);
                        }
                        Some(Part::ReachedSequence(sequence)) => self.request.after_sequence = Some(sequence),
                        None => {}
                    }
                }
                Ok(None) => self.resume(Status::unavailable("the stream ended")).await?,
                Err(status) if may_go_on(&status) => self.resume(status).await?,
                Err(status) => return Err(status.into()),
            }
        }
    }

    async fn resume(&mut self, broken: Status) -> Result<()> {
        let mut last = broken;
        while let Some(pause) = self.resumed.resume() {
            tokio::time::sleep(pause).await;
            match self.client.events().subscribe_events(self.request.clone()).await {
                Ok(response) => {
                    self.stream = response.into_inner();
                    return Ok(());
                }
                Err(status) if status.code() == Code::Unavailable => last = status,
                Err(status) => return Err(status.into()),
            }
        }
        let failure = Failure::new(Exit::Unavailable, format!("the connection broke: {}", last.message()));
        Err(match self.request.after_sequence {
            Some(after) => failure.hint(format!("go on with `zona event watch --after {after}`")),
            None => failure,
        })
    }
}

fn row(event: &pb::Event) -> [String; 5] {
    [event.sequence.to_string(), moment(event.time.as_ref()), event.r#type.clone(), event.subject.clone(), event.data_json.clone()]
}

/// An event as others' programs know it: a CloudEvent (1.0) in its JSON form. Its sequence has the form of the extension `sequence`, a
/// text whose order is that of the events.
fn cloud_event(event: pb::Event) -> Document {
    let time = moment(event.time.as_ref());
    Document::object([
        ("specversion", Document::Text("1.0".to_owned())),
        ("id", Document::Text(event.id)),
        ("source", Document::Text(event.source)),
        ("type", Document::Text(event.r#type)),
        ("subject", Document::Text(event.subject)),
        ("time", Document::Text(time)),
        ("sequence", Document::Text(format!("{:020}", event.sequence))),
        ("datacontenttype", Document::Text("application/json".to_owned())),
        ("data", Document::json(event.data_json)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::json_line;

    #[test]
    fn an_event_is_printed_as_a_cloud_event() {
        let event = pb::Event {
            sequence: 7,
            id: "abc".to_owned(),
            r#type: "dev.zona.utility.created".to_owned(),
            source: "//zona.dev/tenants/acme".to_owned(),
            subject: "tenants/acme/utilities/u".to_owned(),
            time: Some(prost_types::Timestamp { seconds: 1_790_000_000, nanos: 5_000_000 }),
            data_json: r#"{"version":1}"#.to_owned(),
        };
        let expected = r#"{"specversion":"1.0","id":"abc","source":"//zona.dev/tenants/acme","type":"dev.zona.utility.created","#
            .to_owned()
            + r#""subject":"tenants/acme/utilities/u","time":"2026-09-21T14:13:20.005Z","sequence":"00000000000000000007","#
            + r#""datacontenttype":"application/json","data":{"version":1}}"#;
        assert_eq!(json_line(&cloud_event(event)).trim_end(), expected);
    }
}
