//! The daemon's log of a container, as lines with times. It comes in pieces that end anywhere, and in lines of any length.

use bollard::container::LogOutput;
use bollard::errors::Error as DockerError;
use futures_util::{Stream, StreamExt as _, stream};

use crate::docker::client;
use crate::engine::{Error, Line};

/// Bytes of a line that are kept: the daemon itself cuts at this length, and a program that writes no end of line must not fill memory.
const MAX_LINE: usize = 16 * 1024;
/// Digits and signs of a time in front of a line.
const MAX_TIME: usize = 64;

/// What is read so far of the line of one of the two outputs.
#[derive(Default)]
struct Open {
    bytes: Vec<u8>,
    truncated: bool,
}

/// Lines of the pieces of a log. Pieces of standard output and error are told apart by the daemon.
pub(super) fn lines(
    pieces: impl Stream<Item = Result<LogOutput, DockerError>> + Send + 'static,
) -> impl Stream<Item = Result<Line, Error>> + Send {
    let mut open = [Open::default(), Open::default()];
    pieces.flat_map(move |piece| {
        let lines = match piece {
            Ok(piece) => {
                let is_error = matches!(piece, LogOutput::StdErr { .. });
                open[usize::from(is_error)].take(&piece.into_bytes(), is_error).into_iter().map(Ok).collect()
            }
            Err(error) => vec![Err(client::failed("read a log", &error).into())],
        };
        stream::iter(lines)
    })
}

// === impl Open ===

impl Open {
    /// Adds bytes, and answers the lines that have ended with them.
    fn take(&mut self, bytes: &[u8], is_error: bool) -> Vec<Line> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ended) = piece.strip_suffix(b"\n").map_or((piece, false), |text| (text, true));
            let room = (MAX_LINE + MAX_TIME).saturating_sub(self.bytes.len());
            self.truncated |= text.len() > room;
            self.bytes.extend_from_slice(&text[..text.len().min(room)]);
            if ended {
                lines.extend(std::mem::take(self).line(is_error));
            }
        }
        lines
    }

    fn line(self, is_error: bool) -> Option<Line> {
        let text = String::from_utf8_lossy(&self.bytes);
        let text = text.strip_suffix('\r').unwrap_or(&text);
        let (time, text) = text.split_once(' ').unwrap_or((text, ""));
        let time: jiff::Timestamp = time.parse().ok()?;
        let end = text.floor_char_boundary(MAX_LINE);
        let truncated = self.truncated || end < text.len();
        Some(Line { nanos: time.as_nanosecond(), is_error, text: text[..end].to_owned(), truncated })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(pieces: &[(bool, &str)], expected: &[(bool, &str, bool)]) {
        let pieces: Vec<_> = pieces
            .iter()
            .map(|(is_error, text)| {
                let message = text.to_string().into();
                Ok(if *is_error { LogOutput::StdErr { message } } else { LogOutput::StdOut { message } })
            })
            .collect();
        let lines: Vec<Line> = lines(stream::iter(pieces)).map(|line| line.unwrap()).collect().await;
        let seen: Vec<_> = lines.iter().map(|line| (line.is_error, line.text.as_str(), line.truncated)).collect();
        assert_eq!(seen, expected);
    }

    #[tokio::test]
    async fn pieces_that_end_anywhere_become_lines_of_their_output() {
        let pieces = [
            (false, "2026-01-01T00:00:00.1Z one\n2026-01-01T00:00:01Z tw"),
            (true, "2026-01-01T00:00:02Z bad\r\n"),
            (false, "o and a half\n2026-01-01T00:00:03Z \n2026-01-01T00:00:04Z unfinished"),
        ];
        check(&pieces, &[(false, "one", false), (true, "bad", false), (false, "two and a half", false), (false, "", false)]).await;
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_cut_and_says_so() {
        let long = format!("2026-01-01T00:00:00Z {}\n2026-01-01T00:00:01Z next\n", "é".repeat(20_000));
        let cut = "é".repeat(MAX_LINE / 2);
        check(&[(false, &long)], &[(false, &cut, true), (false, "next", false)]).await;
    }
}
