//! Masks a text that comes in pieces: what cannot be part of a secret any more is given out at once, the rest is held.
//!
//! Every byte of an occurrence is masked, also where occurrences overlap; bytes that touch become one mask. How the text was cut into
//! pieces changes nothing. Held is at most the beginning of one pattern.

use std::ops::Range;
use std::sync::Arc;

use domain::sandbox::{MASK, SHORTEST_SECRET};

use super::patterns::{Patterns, State};

/// The mask of one text.
#[derive(Debug)]
pub(in super::super) struct StreamMask {
    patterns: Arc<Patterns>,
    state: State,
    /// Bytes that are not given out yet.
    held: Vec<u8>,
    /// Which of them belong to secrets: ascending, apart from each other.
    secret: Vec<Range<usize>>,
    /// Whether the last thing that was given out is a mask, so that the rest of its secret needs none.
    masking: bool,
}

// === impl StreamMask ===

impl StreamMask {
    pub(super) fn new(patterns: Arc<Patterns>) -> Self {
        StreamMask { patterns, state: State::default(), held: Vec::new(), secret: Vec::new(), masking: false }
    }

    /// Whether something waits for what follows.
    pub(in super::super) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// How many bytes wait.
    pub(in super::super) fn holds(&self) -> usize {
        self.held.len()
    }

    /// Takes the next piece; what is certain goes to `out`.
    pub(in super::super) fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let before = self.held.len();
        self.held.extend_from_slice(piece);
        for (end, byte) in (before + 1..).zip(piece) {
            self.state = self.patterns.next(self.state, *byte);
            let found = self.patterns.found(self.state);
            if found > 0 {
                self.note(end.saturating_sub(found)..end);
            }
        }
        let open = self.held.len().saturating_sub(self.patterns.begun(self.state));
        // What is secret already stays so, whatever follows.
        let certain = self.secret.iter().find(|secret| secret.contains(&open)).map_or(open, |secret| secret.end);
        self.give(certain, out);
    }

    /// Nothing follows for a while: what is held goes out. A beginning that could stand in ordinary text by chance is shown, a longer one
    /// is masked; the rest of its secret is masked in any case. Bytes that are no whole character stay.
    pub(in super::super) fn pause(&mut self, out: &mut Vec<u8>) {
        let whole = self.whole_characters();
        self.suspect(whole);
        self.give(whole, out);
    }

    /// Nothing follows any more.
    pub(in super::super) fn finish(&mut self, out: &mut Vec<u8>) {
        self.suspect(self.held.len());
        self.show(out);
    }

    /// Nothing follows any more, and nothing was cut off.
    pub(super) fn show(&mut self, out: &mut Vec<u8>) {
        self.give(self.held.len(), out);
        self.state = State::default();
    }

    /// Takes what is held up to here for the beginning of a secret, if it is long enough.
    fn suspect(&mut self, upto: usize) {
        let begun = self.patterns.begun(self.state);
        if upto > 0 && begun >= SHORTEST_SECRET {
            self.note(self.held.len().saturating_sub(begun)..upto);
        }
    }

    /// Takes note of an occurrence. Occurrences come in the order of their ends.
    fn note(&mut self, mut range: Range<usize>) {
        while let Some(last) = self.secret.pop_if(|last| last.end >= range.start) {
            range = last.start.min(range.start)..last.end.max(range.end);
        }
        self.secret.push(range);
    }

    /// Gives out the first bytes of what is held.
    fn give(&mut self, upto: usize, out: &mut Vec<u8>) {
        let mut at = 0;
        for secret in self.secret.iter().take_while(|secret| secret.start < upto) {
            self.masking &= secret.start == at;
            out.extend_from_slice(&self.held[at..secret.start]);
            if !self.masking {
                out.extend_from_slice(MASK.as_bytes());
            }
            self.masking = true;
            at = secret.end.min(upto);
        }
        if at < upto {
            out.extend_from_slice(&self.held[at..upto]);
            self.masking = false;
        }
        self.held.drain(..upto);
        self.secret.retain_mut(|secret| {
            *secret = secret.start.saturating_sub(upto)..secret.end.saturating_sub(upto);
            secret.end > 0
        });
    }

    /// How many of the bytes that are held are whole characters, or none of UTF-8.
    fn whole_characters(&self) -> usize {
        match std::str::from_utf8(&self.held) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Ok(_) | Err(_) => self.held.len(),
        }
    }
}
