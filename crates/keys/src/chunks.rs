//! What is too large to be sealed as one text: chunks of a stream, each sealed for its place in it.
//!
//! Form, version 1: a byte 1, the id of the key in 10 bytes, then chunks. All but the last have 64 KiB; each is encrypted by AES-256-GCM, with
//! its tag behind it. Nonce: the number of the chunk, from 0, in 8 bytes big-endian, a byte 1 for the last one and 0 for others, and three
//! zeros. Associated data: the place, then the version, the id of the key, the number and the byte for the last. A key seals one stream
//! only, so no nonce is used twice; a chunk that was moved, left out or added, a stream that was cut or goes on, and one for another place do not
//! open.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::key::{KEY_BYTES, Key, fill};
use crate::place::Place;

/// Bytes of a chunk before it is sealed; the last one may have fewer.
pub const CHUNK: usize = 64 * 1024;
/// Bytes that sealing adds to a chunk.
pub const TAG: usize = 16;
/// The version of the form.
const VERSION: u8 = 1;
/// Bytes of a key's id.
const ID: usize = 10;
/// Bytes before the first chunk.
const HEADER: usize = 1 + ID;

/// Seals one stream.
pub struct Sealing {
    stream: Stream,
    /// What fills no chunk yet.
    rest: Zeroizing<Vec<u8>>,
}

/// Opens one stream, as its bytes come.
pub struct Opening {
    key: Zeroizing<[u8; KEY_BYTES]>,
    place: Vec<u8>,
    /// The stream, once its beginning has come.
    stream: Option<Stream>,
    rest: Vec<u8>,
}

struct Stream {
    key: LessSafeKey,
    /// The place, version and id.
    context: Vec<u8>,
    number: u64,
}

// === impl Sealing ===

impl Sealing {
    /// Begins a stream for a place under a new key, which opens it and is told to nobody else; writes its beginning to `sealed`.
    pub fn begin(place: Place<'_>, sealed: &mut Vec<u8>) -> (Self, Zeroizing<[u8; KEY_BYTES]>) {
        let (key, mut header) = (Key::random(), [VERSION; HEADER]);
        fill(&mut header[1..]);
        sealed.extend_from_slice(&header);
        let stream = Stream::new(&key, place.to_bytes(), &header);
        (Sealing { stream, rest: Zeroizing::new(Vec::with_capacity(CHUNK)) }, key)
    }

    /// Takes some of the text, and writes what is sealed of it.
    pub fn add(&mut self, mut text: &[u8], sealed: &mut Vec<u8>) {
        while !text.is_empty() {
            // Only what is followed by something is not the last.
            if self.rest.len() == CHUNK {
                self.stream.seal(&self.rest, false, sealed);
                self.rest.clear();
            }
            let (now, later) = text.split_at(text.len().min(CHUNK - self.rest.len()));
            self.rest.extend_from_slice(now);
            text = later;
        }
    }

    /// Writes the last chunk.
    pub fn end(mut self, sealed: &mut Vec<u8>) {
        self.stream.seal(&self.rest, true, sealed);
    }
}

// === impl Opening ===

impl Opening {
    /// Opens what the key has sealed for a place.
    pub fn new(key: &[u8; KEY_BYTES], place: Place<'_>) -> Self {
        Opening { key: Zeroizing::new(*key), place: place.to_bytes(), stream: None, rest: Vec::new() }
    }

    /// Takes some of what is sealed, and writes the text of it. What was written is of the stream, and the stream is whole once
    /// [`Opening::end`] says so.
    ///
    /// # Errors
    /// [`Error::Form`]; [`Error::Damaged`].
    pub fn add(&mut self, sealed: &[u8], text: &mut Vec<u8>) -> Result<(), Error> {
        self.rest.extend_from_slice(sealed);
        let Some(mut stream) = self.begun()? else { return Ok(()) };
        let mut at = 0;
        // Only what is followed by something is not the last.
        while self.rest.len() - at > CHUNK + TAG {
            stream.open(&self.rest[at..at + CHUNK + TAG], false, text)?;
            at += CHUNK + TAG;
        }
        self.rest.drain(..at);
        self.stream = Some(stream);
        Ok(())
    }

    /// Writes the text of the last chunk.
    ///
    /// # Errors
    /// [`Error::Form`]; [`Error::Damaged`], also where some of it is missing.
    pub fn end(mut self, text: &mut Vec<u8>) -> Result<(), Error> {
        let mut stream = self.begun()?.ok_or(Error::Form)?;
        stream.open(&self.rest, true, text)
    }

    /// The stream, if enough of it has come.
    fn begun(&mut self) -> Result<Option<Stream>, Error> {
        if let Some(stream) = self.stream.take() {
            return Ok(Some(stream));
        }
        if self.rest.first().is_some_and(|version| *version != VERSION) {
            return Err(Error::Form);
        }
        let Some((header, _)) = self.rest.split_first_chunk::<HEADER>() else { return Ok(None) };
        let stream = Stream::new(&self.key, std::mem::take(&mut self.place), header);
        self.rest.drain(..HEADER);
        Ok(Some(stream))
    }
}

// === impl Stream ===

impl Stream {
    fn new(key: &[u8; KEY_BYTES], mut context: Vec<u8>, header: &[u8; HEADER]) -> Self {
        context.extend_from_slice(header);
        let key = UnboundKey::new(&AES_256_GCM, key).expect("it has as many bytes as a key");
        Stream { key: LessSafeKey::new(key), context, number: 0 }
    }

    fn seal(&mut self, chunk: &[u8], is_last: bool, sealed: &mut Vec<u8>) {
        let (nonce, context) = self.next(is_last);
        let begin = sealed.len();
        sealed.extend_from_slice(chunk);
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(context), &mut sealed[begin..]);
        sealed.extend_from_slice(tag.expect("a chunk can be sealed").as_ref());
    }

    fn open(&mut self, sealed: &[u8], is_last: bool, text: &mut Vec<u8>) -> Result<(), Error> {
        let (nonce, context) = self.next(is_last);
        let begin = text.len();
        text.extend_from_slice(sealed);
        // The library says no more than that, so that nobody learns what was nearly right.
        let opened = self.key.open_in_place(nonce, Aad::from(context), &mut text[begin..]).map(|opened| opened.len());
        text.truncate(begin + opened.as_ref().map_or(0, |length| *length));
        opened.map(drop).map_err(|_unspecified| Error::Damaged)
    }

    /// Nonce and associated data of the next chunk.
    fn next(&mut self, is_last: bool) -> (Nonce, Vec<u8>) {
        let (number, last) = (self.number.to_be_bytes(), u8::from(is_last));
        self.number += 1;
        let mut nonce = [0; NONCE_LEN];
        nonce[..number.len()].copy_from_slice(&number);
        nonce[number.len()] = last;
        (Nonce::assume_unique_for_key(nonce), [self.context.as_slice(), &number, &[last]].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = Place { tenant: "acme", collection: "output_archive", id: "1", field: "events" };

    fn sealed(text: &[u8], step: usize) -> (Vec<u8>, Zeroizing<[u8; KEY_BYTES]>) {
        let mut sealed = Vec::new();
        let (mut sealing, key) = Sealing::begin(PLACE, &mut sealed);
        for some in text.chunks(step.max(1)) {
            sealing.add(some, &mut sealed);
        }
        sealing.end(&mut sealed);
        (sealed, key)
    }

    fn opened(sealed: &[u8], key: &[u8; KEY_BYTES], place: Place<'_>, step: usize) -> Result<Vec<u8>, Error> {
        let (mut opening, mut text) = (Opening::new(key, place), Vec::new());
        for some in sealed.chunks(step) {
            opening.add(some, &mut text)?;
        }
        opening.end(&mut text).map(|()| text)
    }

    fn text(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at % 251) as u8).collect()
    }

    #[test]
    fn a_stream_of_any_length_is_opened_as_it_was_however_it_is_cut() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7] {
            for step in [1_000, CHUNK, CHUNK + TAG, 10 * CHUNK] {
                let (sealed, key) = sealed(&text(length), step);
                assert_eq!(sealed.len(), HEADER + length + TAG * length.div_ceil(CHUNK).max(1), "{length}");
                assert_eq!(opened(&sealed, &key, PLACE, step).unwrap(), text(length), "{length} {step}");
            }
        }
    }

    #[test]
    fn a_stream_that_was_changed_anywhere_does_not_open() {
        let (whole, key) = sealed(&text(2 * CHUNK + 100), CHUNK);
        let is_refused = |stream: &[u8]| opened(stream, &key, PLACE, CHUNK).is_err();
        assert!(!is_refused(&whole));
        for at in (0..whole.len()).step_by(977).chain([1, 5, HEADER, HEADER + CHUNK, whole.len() - 1]) {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert!(is_refused(&damaged), "at {at}");
        }
        let (first, second) = (HEADER + CHUNK + TAG, HEADER + 2 * (CHUNK + TAG));
        for cut in [0, 1, HEADER, HEADER + 5, first, second, whole.len() - 1] {
            assert!(is_refused(&whole[..cut]), "cut to {cut}");
        }
        let moved = [&whole[..HEADER], &whole[first..second], &whole[HEADER..first], &whole[second..]].concat();
        let left_out = [&whole[..first], &whole[second..]].concat();
        let repeated = [&whole[..first], &whole[HEADER..first], &whole[first..]].concat();
        let goes_on = [whole.as_slice(), &whole[second..]].concat();
        assert!([moved, left_out, repeated, goes_on].iter().all(|stream| is_refused(stream)));
    }

    #[test]
    fn a_stream_opens_in_its_own_place_and_by_its_own_key_only() {
        let (whole, key) = sealed(b"text", 4);
        let (_, other) = sealed(b"text", 4);
        assert!(opened(&whole, &other, PLACE, 100).is_err());
        for place in [Place { tenant: "beta", ..PLACE }, Place { id: "2", ..PLACE }, Place { collection: "output", ..PLACE }] {
            assert!(opened(&whole, &key, place, 100).is_err(), "{place:?}");
        }
    }

    #[test]
    fn equal_texts_are_sealed_differently() {
        assert_ne!(sealed(b"text", 4).0, sealed(b"text", 4).0);
    }
}
