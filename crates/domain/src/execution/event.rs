//! What a watcher of an execution sees, numbered from 1 without gaps.

use crate::execution::Execution;
use crate::sandbox::{Attestation, Stream};
use crate::time::Timestamp;

/// One numbered event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// From 1, without gaps.
    pub sequence: u64,
    /// When it happened.
    pub time: Timestamp,
    /// What happened.
    pub body: Body,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// It waits; 0 means that it starts at once.
    Queued {
        /// How many executions are ahead.
        position: u32,
    },
    /// User code was handed over.
    Started(Box<Attestation>),
    /// It printed.
    Output(Output),
    /// It ended: always the last event.
    Finished(Box<Execution>),
}

/// A piece of output, as raw bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Which stream.
    pub stream: Stream,
    /// Bytes of this stream before this piece, dropped ones included.
    pub offset: u64,
    /// At most [`MAX_CHUNK`](crate::sandbox::MAX_CHUNK) bytes; not necessarily UTF-8.
    pub data: Vec<u8>,
}

impl Event {
    /// Bytes that it holds in memory, roughly; what buffers are bounded by.
    pub fn weight(&self) -> usize {
        const FIXED: usize = 96;
        match &self.body {
            Body::Output(output) => FIXED + output.data.len(),
            Body::Queued { .. } | Body::Started(_) => FIXED,
            Body::Finished(execution) => FIXED + execution.result_json.as_ref().map_or(0, |json| json.len()),
        }
    }
}

/// What a watcher receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// A numbered event.
    Event(Event),
    /// Nothing happened for a while; the execution is alive. Not numbered.
    Heartbeat {
        /// The store refuses what happened last: it is kept in memory and offered again, and would be lost with the server.
        store_failing: bool,
    },
}
