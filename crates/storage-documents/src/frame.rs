//! The framing of stored events. A batch is one byte of version, then frames; all numbers are little-endian:
//!
//! `tag: u8, sequence: u64, milliseconds: u64`, then by tag: 1 Queued `position: u32`; 2 Started `length: u32`, attestation
//! document as JSON; 3 stdout and 4 stderr `offset: u64, length: u32`, raw bytes; 5 Finished, nothing: the execution's row has it.

use domain::execution::{Body, Event, Output};
use domain::sandbox::Stream;
use domain::time::Timestamp;

use crate::execution::AttestationDocument;
use crate::form::{decode, encode};

/// Most bytes of one row, as far as single events fit.
const MAX_BATCH: usize = 256 * 1024;
/// What a batch begins with.
pub const VERSION: u8 = 1;

const QUEUED: u8 = 1;
const STARTED: u8 = 2;
const STDOUT: u8 = 3;
const STDERR: u8 = 4;
const FINISHED: u8 = 5;

/// One event, encoded.
pub struct Frame {
    /// Its number.
    pub sequence: u64,
    output_bytes: u64,
    bytes: Vec<u8>,
}

/// Events of one row.
pub struct Batch {
    /// Number of the first of them.
    pub first: u64,
    /// Number of the last of them.
    pub last: u64,
    /// Bytes of output in them.
    pub output_bytes: u64,
    /// The events, framed.
    pub events: Vec<u8>,
}

/// One event as read back: [`Stored::Finished`] waits for its execution.
pub enum Stored {
    /// It as a whole.
    Event(Event),
    /// That it has ended; the execution says how.
    Finished {
        /// The event's number.
        sequence: u64,
        /// When.
        time: Timestamp,
    },
}

/// A batch is cut off or holds an unknown tag.
#[derive(Debug, thiserror::Error)]
#[error("the events break their framing at byte {0}")]
pub struct Broken(usize);

/// Events come in another order than they happened.
#[derive(Debug, thiserror::Error)]
#[error("the numbers of events do not ascend from 1")]
pub struct NotAscending;

// === writing ===

/// Encodes events.
///
/// # Errors
/// Their numbers do not ascend from 1.
pub fn frames(events: &[Event]) -> Result<Vec<Frame>, NotAscending> {
    if events.first().is_some_and(|first| first.sequence == 0) || !events.is_sorted_by(|a, b| a.sequence < b.sequence) {
        return Err(NotAscending);
    }
    Ok(events.iter().map(frame).collect())
}

/// Packs frames into rows.
pub fn batches(frames: &[Frame]) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for frame in frames {
        match batches.last_mut() {
            Some(batch) if batch.events.len() + frame.bytes.len() <= MAX_BATCH => batch.push(frame),
            Some(_) | None => {
                let mut batch = Batch { first: frame.sequence, last: frame.sequence, output_bytes: 0, events: vec![VERSION] };
                batch.push(frame);
                batches.push(batch);
            }
        }
    }
    batches
}

impl Batch {
    fn push(&mut self, frame: &Frame) {
        self.last = frame.sequence;
        self.output_bytes += frame.output_bytes;
        self.events.extend_from_slice(&frame.bytes);
    }
}

fn frame(event: &Event) -> Frame {
    let mut bytes = vec![tag(&event.body)];
    bytes.extend(event.sequence.to_le_bytes());
    bytes.extend(event.time.as_millis().to_le_bytes());
    let mut output_bytes = 0;
    match &event.body {
        Body::Queued { position } => bytes.extend(position.to_le_bytes()),
        Body::Started(attestation) => block(&mut bytes, encode(&AttestationDocument::from(&**attestation)).as_bytes()),
        Body::Output(output) => {
            output_bytes = output.data.len() as u64;
            bytes.extend(output.offset.to_le_bytes());
            block(&mut bytes, &output.data);
        }
        Body::Finished(_) => {}
    }
    Frame { sequence: event.sequence, output_bytes, bytes }
}

fn tag(body: &Body) -> u8 {
    match body {
        Body::Queued { .. } => QUEUED,
        Body::Started(_) => STARTED,
        Body::Output(Output { stream: Stream::Stdout, .. }) => STDOUT,
        Body::Output(Output { stream: Stream::Stderr, .. }) => STDERR,
        Body::Finished(_) => FINISHED,
    }
}

fn block(bytes: &mut Vec<u8>, data: &[u8]) {
    let length = u32::try_from(data.len()).expect("an event is far smaller than 4 GiB");
    bytes.extend(length.to_le_bytes());
    bytes.extend_from_slice(data);
}

// === reading ===

/// The events of a batch, in order.
///
/// # Errors
/// Says where the bytes are no batch, and quotes nothing of it.
pub fn read(events: &[u8]) -> Result<Vec<Stored>, domain::error::Source> {
    let mut reader = Reader { events, at: 0 };
    if reader.array()? != [VERSION] {
        return Err(Broken(0).into());
    }
    let mut found = Vec::new();
    while reader.at < events.len() {
        found.push(reader.event()?);
    }
    Ok(found)
}

struct Reader<'a> {
    events: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn event(&mut self) -> Result<Stored, domain::error::Source> {
        let start = self.at;
        let [tag] = self.array()?;
        let (sequence, time) = (self.number()?, Timestamp::from_millis(self.number()?));
        let body = match tag {
            QUEUED => Body::Queued { position: u32::from_le_bytes(self.array()?) },
            STARTED => {
                let text = std::str::from_utf8(self.block()?)?;
                Body::Started(Box::new(decode::<AttestationDocument>(text)?.try_into()?))
            }
            STDOUT => Body::Output(self.output(Stream::Stdout)?),
            STDERR => Body::Output(self.output(Stream::Stderr)?),
            FINISHED => return Ok(Stored::Finished { sequence, time }),
            _ => return Err(Broken(start).into()),
        };
        Ok(Stored::Event(Event { sequence, time, body }))
    }

    fn output(&mut self, stream: Stream) -> Result<Output, Broken> {
        Ok(Output { stream, offset: self.number()?, data: self.block()?.to_vec() })
    }

    fn number(&mut self) -> Result<u64, Broken> {
        self.array().map(u64::from_le_bytes)
    }

    fn block(&mut self) -> Result<&'a [u8], Broken> {
        let length = u32::from_le_bytes(self.array()?);
        self.take(length as usize)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        let at = self.at;
        self.take(N)?.try_into().map_err(|_length| Broken(at))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Broken> {
        let rest = self.events.get(self.at..).unwrap_or_default();
        let (taken, _) = rest.split_at_checked(length).ok_or(Broken(self.at))?;
        self.at += length;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests;
