//! `zona audit watch`: records of the audit log as they are added, until Ctrl-C. A connection that breaks is resumed where it broke.

use std::time::Duration;

use api_proto::zona::audit::v1 as pb;
use clap::Args;
use pb::watch_audit_records_response::Part;
use tonic::{Code, Status, Streaming};

use super::record::{Filter, row};
use crate::client::{Client, names};
use crate::context::Context;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::interrupt::until_interrupted;
use crate::output::{Format, write_out};
use crate::pending::Pending;
use crate::terminal;

/// How often a broken stream is resumed in a row, with growing pauses: about six seconds in all.
const MAX_RESUMES: u32 = 5;

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Args)]
pub struct AuditWatch {
    #[command(flatten)]
    filter: Filter,
    /// First record that is looked at, by its sequence number; 0 is all [default: what is recorded from now on]
    #[arg(long, value_name = "SEQUENCE", value_parser = clap::value_parser!(i64).range(0..))]
    from: Option<i64>,
}

impl AuditWatch {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(until_interrupted(self.perform(context)))
    }

    async fn perform(&self, context: &Context) -> Result {
        let client = context.connect().await?;
        let (parent, filter) = (names::parent(&context.tenant), Some(self.filter.proto(None)));
        let request = pb::WatchAuditRecordsRequest { parent, filter, from_sequence: self.from };
        let stream = client.audit().watch_audit_records(request.clone()).await?.into_inner();
        let mut watch = Watch { client, stream, request, heard: Heard::default() };
        loop {
            let record = watch.next().await?;
            match context.output.format {
                Format::Table => write_out(&format!("{}\n", terminal::line(&row(&record).join("   "))))?,
                Format::Json | Format::Yaml | Format::JsonLines => context.output.line(&document(&record))?,
            }
        }
    }
}

struct Watch {
    client: Client,
    stream: Streaming<pb::WatchAuditRecordsResponse>,
    /// What goes on where the stream was cut off.
    request: pb::WatchAuditRecordsRequest,
    heard: Heard,
}

/// What tells a server that is away for a moment from one that cannot go on: whether streams come any further.
#[derive(Debug, Default)]
struct Heard {
    /// Streams that were begun again, since one has come further than where it began.
    resumes: u32,
    /// Whether this stream has said where it begins.
    begun: bool,
}

impl Watch {
    /// The next record.
    async fn next(&mut self) -> Result<pb::AuditRecord> {
        loop {
            match self.stream.message().await {
                Ok(Some(message)) => {
                    self.heard.hear(message.part.as_ref());
                    match message.part {
                        Some(Part::Record(record)) => {
                            self.request.from_sequence = Some(record.sequence + 1);
                            return Ok(record);
                        }
                        Some(Part::ReachedSequence(sequence)) => self.request.from_sequence = Some(sequence),
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
        while let Some(pause) = self.heard.resume() {
            tokio::time::sleep(pause).await;
            match self.client.audit().watch_audit_records(self.request.clone()).await {
                Ok(response) => {
                    self.stream = response.into_inner();
                    return Ok(());
                }
                Err(status) if status.code() == Code::Unavailable => last = status,
                Err(status) => return Err(status.into()),
            }
        }
        let failure = Failure::new(Exit::Unavailable, format!("the connection broke: {}", last.message()));
        Err(match self.request.from_sequence {
            Some(from) => failure.hint(format!("go on with `zona audit watch --from {from}`")),
            None => failure,
        })
    }
}

impl Heard {
    /// A stream has said this. What it says first is where it begins, however often it is begun; what follows, a heartbeat too, it can
    /// say only where it lives.
    fn hear(&mut self, part: Option<&Part>) {
        let begins = matches!(part, Some(Part::ReachedSequence(_))) && !self.begun;
        self.begun = true;
        if !begins {
            self.resumes = 0;
        }
    }

    /// How long to wait before the stream is begun again; `None` where it has come no further for too often.
    fn resume(&mut self) -> Option<Duration> {
        let pause = Duration::from_millis(200 << self.resumes.min(MAX_RESUMES));
        self.begun = false;
        self.resumes += 1;
        (self.resumes <= MAX_RESUMES).then_some(pause)
    }
}

/// Whether a stream that ended so may be begun again: it broke, or it has reached the longest time that one may take. What the server
/// itself cannot do, of which it says more than a code, would fail again.
fn may_go_on(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded => true,
        Code::Unknown | Code::Internal => status.details().is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(heard: &mut Heard, parts: &[Part]) {
        parts.iter().for_each(|part| heard.hear(Some(part)));
    }

    #[test]
    fn a_stream_that_breaks_where_it_begins_is_given_up_and_one_that_came_further_is_not() {
        let mut heard = Heard::default();
        let mut resumes = 0;
        told(&mut heard, &[Part::ReachedSequence(7)]);
        while heard.resume().is_some() {
            resumes += 1;
            assert!(resumes < 100, "it goes on for good");
            told(&mut heard, &[Part::ReachedSequence(7)]);
        }
        assert_eq!(resumes, MAX_RESUMES);
        for further in [Part::Record(pb::AuditRecord::default()), Part::ReachedSequence(7)] {
            let mut heard = Heard::default();
            for _ in 0..100 {
                told(&mut heard, &[Part::ReachedSequence(7), further.clone()]);
                assert_eq!(heard.resume(), Some(Duration::from_millis(200)));
            }
        }
    }

    #[test]
    fn what_the_server_itself_cannot_do_is_not_asked_for_again() {
        use tonic_types::{ErrorDetails, StatusExt as _};
        let own = Status::with_error_details(Code::Internal, "an internal error", ErrorDetails::with_request_info("1", ""));
        assert!(!may_go_on(&own));
        assert!(may_go_on(&Status::internal("h2 protocol error")));
        assert!(!may_go_on(&Status::unauthenticated("revoked")) && may_go_on(&Status::deadline_exceeded("an hour")));
    }
}
