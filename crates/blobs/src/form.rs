//! The form of an object: batches of events as stores have them, each behind its length, compressed by zstd and sealed in chunks. Its
//! reference: a byte 1, then the key.

use std::io::{self, Read as _, Write};

use domain::archive::Reference;
use domain::execution::Event;
use domain::name::ExecutionName;
use keys::{KEY_BYTES, Opening, Place, Sealing};
use storage_documents::frame::{self, Stored};
use zeroize::Zeroizing;

use crate::error::Error;

/// Most bytes of an object: a piece of the archive with the largest of events, of which nothing could be compressed.
pub(crate) const MAX_OBJECT: usize = 4 * 1024 * 1024;
/// Most bytes of events in one, however well they were compressed.
const MAX_TEXT: u64 = 8 * 1024 * 1024;
/// How hard is tried to compress: most of what there is to gain for little time.
const LEVEL: i32 = 3;
/// What a reference begins with.
const VERSION: u8 = 1;

/// Seals events of an execution.
///
/// # Errors
/// [`Error::Misused`].
pub(crate) fn seal(execution: &ExecutionName, events: &[Event]) -> Result<(Vec<u8>, Reference), Error> {
    if events.is_empty() || events.iter().any(|event| matches!(event.body, domain::execution::Body::Finished(_))) {
        return Err(Error::Misused("no events, or the end of an execution"));
    }
    let frames = frame::frames(events).map_err(|_order| Error::Misused("events whose numbers do not ascend from 1"))?;
    let mut sealed = Vec::new();
    let (sealing, key) = Sealing::begin(place(execution), &mut sealed);
    let compress = || {
        let mut encoder = zstd::Encoder::new(Sealed { sealing, sealed }, LEVEL)?;
        for batch in frame::batches(&frames) {
            let length = u32::try_from(batch.events.len()).expect("a batch is far smaller than 4 GiB");
            encoder.write_all(&length.to_le_bytes())?;
            encoder.write_all(&batch.events)?;
        }
        encoder.finish()
    };
    let Sealed { sealing, mut sealed } = compress().expect("memory is written to, and the level is one");
    sealing.end(&mut sealed);
    if sealed.len() > MAX_OBJECT {
        return Err(Error::Misused("more events than an object holds"));
    }
    Ok((sealed, reference(&key)))
}

/// Opens an object as it comes.
pub(crate) struct Reading {
    opening: Opening,
    compressed: Vec<u8>,
    bytes: usize,
}

impl Reading {
    /// Begins the object of a reference.
    ///
    /// # Errors
    /// The reference is none.
    pub(crate) fn begin(execution: &ExecutionName, reference: &Reference) -> Result<Self, Error> {
        let key = reference.as_bytes().split_first().filter(|(version, _)| **version == VERSION);
        let key: Option<&[u8; KEY_BYTES]> = key.and_then(|(_, key)| key.try_into().ok());
        let key = key.ok_or(Error::Damaged { why: "its reference has another form", source: None })?;
        Ok(Reading { opening: Opening::new(key, place(execution)), compressed: Vec::new(), bytes: 0 })
    }

    /// Takes some of its bytes.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub(crate) fn add(&mut self, sealed: &[u8]) -> Result<(), Error> {
        self.bytes += sealed.len();
        if self.bytes > MAX_OBJECT {
            return Err(Error::Damaged { why: "it is longer than any object", source: None });
        }
        self.opening.add(sealed, &mut self.compressed).map_err(|error| Error::damaged("it is not what was sealed", error))
    }

    /// The events, once all of it has come.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub(crate) fn end(self) -> Result<Vec<Event>, Error> {
        let Reading { opening, mut compressed, .. } = self;
        opening.end(&mut compressed).map_err(|error| Error::damaged("it is not what was sealed", error))?;
        let (mut text, mut events) = (Vec::new(), Vec::new());
        let decoder = zstd::Decoder::new(compressed.as_slice()).map_err(|error| Error::damaged("it cannot be read", error))?;
        decoder.take(MAX_TEXT).read_to_end(&mut text).map_err(|error| Error::damaged("it cannot be read", error))?;
        let mut rest = text.as_slice();
        while !rest.is_empty() {
            let batch;
            (batch, rest) = cut(rest).ok_or(Error::Damaged { why: "a batch is cut off", source: None })?;
            for stored in frame::read(batch).map_err(|error| Error::damaged("a batch is none", error))? {
                let Stored::Event(event) = stored else {
                    return Err(Error::Damaged { why: "it tells the end of an execution", source: None });
                };
                events.push(event);
            }
        }
        Ok(events)
    }
}

fn cut(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = text.split_first_chunk()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

fn place(execution: &ExecutionName) -> Place<'_> {
    Place { tenant: execution.tenant.as_str(), collection: "output_archive", id: execution.execution.as_str(), field: "events" }
}

fn reference(key: &Zeroizing<[u8; KEY_BYTES]>) -> Reference {
    Reference::new([&[VERSION], key.as_slice()].concat())
}

/// Seals whatever is written to it.
struct Sealed {
    sealing: Sealing,
    sealed: Vec<u8>,
}

impl Write for Sealed {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.sealing.add(text, &mut self.sealed);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
