//! The frames a child writes to its result pipe: one kind byte, a four-byte little-endian length, a payload.
//!
//! A frame only ever speaks about the child's own execution, so a forged one deceives nobody but its author. The reader
//! bounds every length before it allocates.

use serde::{Deserialize, Serialize};

/// Bytes before a payload.
pub const HEADER: usize = 5;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The next value's result, as JSON text.
    Value,
    /// The next value failed: a [`Failure`] as JSON. Later values still run.
    ValueFailure,
    /// The program succeeded; the payload is its result as JSON text. Last frame.
    Success,
    /// The program failed: a [`Failure`] as JSON. Last frame.
    Failure,
}

impl Kind {
    /// The byte on the wire.
    pub const fn byte(self) -> u8 {
        match self {
            Kind::Value => b'V',
            Kind::ValueFailure => b'X',
            Kind::Success => b'R',
            Kind::Failure => b'E',
        }
    }

    /// Reads the byte on the wire; `None` for any other byte.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'V' => Some(Kind::Value),
            b'X' => Some(Kind::ValueFailure),
            b'R' => Some(Kind::Success),
            b'E' => Some(Kind::Failure),
            _ => None,
        }
    }
}

/// Reads a header: the frame's kind and the payload's length in bytes. `None` when the kind is unknown.
pub fn parse_header(header: [u8; HEADER]) -> Option<(Kind, usize)> {
    let kind = Kind::from_byte(header[0])?;
    let length = u32::from_le_bytes([header[1], header[2], header[3], header[4]]);
    Some((kind, length as usize))
}

/// Why user code failed, in the child's own words (untrusted, bounded by the reader).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// One of `USER_ERROR`, `EXIT_CODE`, `NO_RESULT`, `RESULT_NOT_SERIALIZABLE`, `RESULT_TOO_LARGE`, `OUT_OF_MEMORY`,
    /// `DISK_LIMIT`, `PROCESS_LIMIT`, `DENIED_OPERATION`, `INTERRUPTED`.
    pub reason: String,
    /// One sentence: what happened and, for a denial, what to do instead.
    pub message: String,
    /// Name of the exception's class, when an exception ended the run.
    #[serde(default)]
    pub exception: Option<String>,
    /// Traceback with user frames only.
    #[serde(default)]
    pub traceback: Option<String>,
    /// Line in the user's code, from 1.
    #[serde(default)]
    pub line: Option<u32>,
    /// Exit status of `SystemExit`.
    #[serde(default)]
    pub exit_code: Option<i32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_the_wire() {
        for kind in [Kind::Value, Kind::ValueFailure, Kind::Success, Kind::Failure] {
            assert_eq!(Kind::from_byte(kind.byte()), Some(kind));
        }
    }

    #[test]
    fn a_header_says_kind_and_length_with_the_lowest_byte_first() {
        assert_eq!(parse_header([Kind::Success.byte(), 1, 2, 0, 0]), Some((Kind::Success, 513)));
    }

    #[test]
    fn an_unknown_kind_is_refused_whatever_its_length() {
        assert_eq!(parse_header([b'?', 0xff, 0xff, 0xff, 0xff]), None);
    }
}
