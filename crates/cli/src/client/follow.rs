//! Following an execution to its end over a stream that may break: it is resumed after the last event that arrived.

use std::time::Duration;

use api_proto::zona::execution::v1 as pb;
use pb::execution_event::Event;
use tonic::{Code, Streaming};

use super::{Client, soon};
use crate::exit::Exit;
use crate::failure::{Failure, Result};

/// How often a broken stream is resumed in a row, with growing pauses: about six seconds in all.
const MAX_RESUMES: u32 = 5;

/// The events of one execution, each once, in order.
pub struct Follow {
    client: Client,
    stream: Streaming<pb::ExecutionEvent>,
    name: String,
    seen: i64,
    resumes: u32,
}

impl Follow {
    /// Follows a stream; `name` may be empty when the first event will tell.
    pub fn new(client: Client, stream: Streaming<pb::ExecutionEvent>, name: String, seen: i64) -> Self {
        Follow { client, stream, name, seen, resumes: 0 }
    }

    /// Full name of the execution, once known.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks the execution to stop.
    ///
    /// # Errors
    /// What the server refused.
    pub async fn cancel(&self) -> Result<()> {
        let request = pb::CancelExecutionRequest { name: self.name.clone() };
        self.client.executions().cancel_execution(soon(request)).await?;
        Ok(())
    }

    /// The next event; `None` after the last.
    ///
    /// # Errors
    /// What the server refused, or a connection that cannot be resumed.
    pub async fn next(&mut self) -> Result<Option<pb::ExecutionEvent>> {
        loop {
            match self.stream.message().await {
                Ok(Some(event)) => {
                    self.resumes = 0;
                    self.seen = self.seen.max(event.sequence);
                    if let Some(Event::Queued(queued)) = &event.event {
                        self.name.clone_from(&queued.execution);
                    }
                    return Ok(Some(event));
                }
                Ok(None) => return Ok(None),
                Err(status) if self.can_resume(status.code()) => self.resume(status).await?,
                Err(status) => return Err(status.into()),
            }
        }
    }

    fn can_resume(&self, code: Code) -> bool {
        let broken = matches!(code, Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled);
        broken && !self.name.is_empty() && self.resumes < MAX_RESUMES
    }

    async fn resume(&mut self, broken: tonic::Status) -> Result<()> {
        let mut last = broken;
        while self.resumes < MAX_RESUMES {
            tokio::time::sleep(Duration::from_millis(200 << self.resumes)).await;
            self.resumes += 1;
            let request = pb::WatchExecutionRequest { name: self.name.clone(), after_sequence: self.seen };
            match self.client.executions().watch_execution(request).await {
                Ok(response) => {
                    self.stream = response.into_inner();
                    return Ok(());
                }
                Err(status) if status.code() == Code::Unavailable => last = status,
                Err(status) => return Err(status.into()),
            }
        }
        let name = &self.name;
        Err(Failure::new(Exit::Unavailable, format!("the connection broke while {name} was running: {}", last.message())).hint(format!(
            "follow it with `zona execution watch {} --after {}`",
            super::names::id(name),
            self.seen
        )))
    }
}
