//! A connection whose peer may send frames that carry no work, in proportion to what it is sent and asks for, and no flood of them.
//!
//! Window updates, pings, settings, priorities, resets and empty data cost the server a processor while they come, and hyper takes
//! them without bound. Who reads a large answer sends many window updates, and earns them by the bytes that it was
//! sent. It deliberately judges nothing but lengths and kinds: what a frame says is hyper's.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of the connection preface, before the first frame (RFC 9113, 3.4).
const PREFACE: usize = 24;
/// Bytes of a frame's header (RFC 9113, 4.1).
const HEADER: usize = 9;
/// What a frame without work costs. The smallest event of a stream takes about 40 bytes, for which some clients send two window
/// updates: one for the stream and one for the connection.
const COST: u64 = 16;
/// The answer to a ping is 17 bytes, and that to settings 9, which must not pay for the next one.
const PING_ANSWER: u64 = 17;
const SETTINGS_ANSWER: u64 = 9;
/// What the headers of a call earn: its cancellation, and the window updates that belong to it.
const CALL: u64 = 32 * COST;
/// What a connection has at its beginning, and again after a second of silence: a thousand frames. Whoever is closed and connects again
/// has it again, so it must cost little more than the connection itself.
const START: u64 = 1_000 * COST;
/// What each second earns without any work, up to [`START`]: a thousand frames, a thousandth of a flood.
const SECOND: u64 = 1_000 * COST;
/// The most that can be saved up: window updates may come long after the bytes that they are for.
const MOST: u64 = 64 * 1024 * 1024;

/// The connection, counted.
pub(super) struct IdleFrames<C> {
    connection: C,
    frames: Frames,
    balance: Balance,
}

impl<C> IdleFrames<C> {
    /// A new connection.
    pub(super) fn new(connection: C) -> Self {
        IdleFrames { connection, frames: Frames::default(), balance: Balance { left: START, refilled: Instant::now() } }
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for IdleFrames<C> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.connection).poll_read(context, buffer))?;
        let this = &mut *self;
        this.balance.refill(Instant::now());
        let mut enough = true;
        this.frames.read(&buffer.filled()[before..], |kind, length| enough &= this.balance.settle(kind, length));
        if enough {
            return Poll::Ready(Ok(()));
        }
        buffer.set_filled(before);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the peer sends too many frames that carry no work")))
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for IdleFrames<C> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = std::task::ready!(Pin::new(&mut self.connection).poll_write(context, bytes))?;
        self.balance.earn(written as u64);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = std::task::ready!(Pin::new(&mut self.connection).poll_write_vectored(context, parts))?;
        self.balance.earn(written as u64);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(context)
    }
}

/// Finds the frames' headers in the bytes of a connection.
#[derive(Debug, Default)]
struct Frames {
    /// Bytes of the preface that have come.
    preface: usize,
    header: [u8; HEADER],
    /// Bytes of the header that have come.
    begun: usize,
    /// Bytes of the present frame that are to come.
    left: usize,
}

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It begins a call, or goes on with its headers.
    Headers,
    Data,
    Ping,
    Settings,
    /// Anything else: window updates, priorities, resets, and what nobody knows.
    Other,
}

/// What a peer may still send without work, in bytes that it was sent.
#[derive(Debug)]
struct Balance {
    left: u64,
    refilled: Instant,
}

// === impl Frames ===

impl Frames {
    /// Tells of each frame that begins in these bytes, and how long it says that it is.
    fn read(&mut self, mut bytes: &[u8], mut tell: impl FnMut(Kind, usize)) {
        let preface = (PREFACE - self.preface).min(bytes.len());
        self.preface += preface;
        bytes = &bytes[preface..];
        while !bytes.is_empty() {
            let skipped = self.left.min(bytes.len());
            self.left -= skipped;
            bytes = &bytes[skipped..];
            let taken = (HEADER - self.begun).min(bytes.len());
            self.header[self.begun..self.begun + taken].copy_from_slice(&bytes[..taken]);
            self.begun += taken;
            bytes = &bytes[taken..];
            if self.begun == HEADER {
                let [a, b, c, kind, ..] = self.header;
                self.left = u32::from_be_bytes([0, a, b, c]) as usize;
                self.begun = 0;
                tell(Kind::of(kind), self.left);
            }
        }
    }
}

// === impl Kind ===

impl Kind {
    /// RFC 9113, 6.
    fn of(byte: u8) -> Self {
        match byte {
            0x0 => Kind::Data,
            0x1 | 0x9 => Kind::Headers,
            0x4 => Kind::Settings,
            0x6 => Kind::Ping,
            _ => Kind::Other,
        }
    }
}

// === impl Balance ===

impl Balance {
    fn refill(&mut self, now: Instant) {
        let millis = u64::try_from(now.saturating_duration_since(self.refilled).as_millis()).unwrap_or(u64::MAX);
        let earned = millis.saturating_mul(SECOND / 1_000);
        if earned > 0 {
            // What is left of a millisecond counts the next time: bytes that come more often would earn nothing.
            self.refilled += Duration::from_millis(millis);
            // What was saved up by work stays.
            self.left = self.left.max(self.left.saturating_add(earned).min(START));
        }
    }

    fn earn(&mut self, bytes: u64) {
        self.left = self.left.saturating_add(bytes).min(MOST);
    }

    /// Takes what a frame costs, or adds what it earns; says whether there was enough.
    fn settle(&mut self, kind: Kind, length: usize) -> bool {
        let cost = match kind {
            Kind::Headers => {
                self.earn(CALL);
                return true;
            }
            Kind::Data if length > 0 => return true,
            Kind::Ping => COST + PING_ANSWER,
            Kind::Settings => COST + SETTINGS_ANSWER,
            Kind::Data | Kind::Other => COST,
        };
        let left = self.left.checked_sub(cost);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        let mut bytes = vec![length[1], length[2], length[3], kind, 0, 0, 0, 0, 1];
        bytes.resize(HEADER + payload, 0x6);
        bytes
    }

    #[test]
    fn frames_are_found_however_their_bytes_arrive() {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        let sent = [(0x4, 0), (0x1, 30), (0x0, 70_000), (0x8, 4), (0x6, 8), (0x77, 3)];
        sent.iter().for_each(|(kind, payload)| bytes.extend(frame(*kind, *payload)));
        let expected: Vec<_> = sent.iter().map(|(kind, payload)| (Kind::of(*kind), *payload)).collect();
        for piece in [1, 2, 7, 9, 4_096, bytes.len()] {
            let (mut frames, mut found) = (Frames::default(), Vec::new());
            bytes.chunks(piece).for_each(|part| frames.read(part, |kind, length| found.push((kind, length))));
            assert_eq!(found, expected, "in pieces of {piece}");
        }
    }

    fn balance() -> Balance {
        Balance { left: START, refilled: Instant::now() }
    }

    /// How many of such frames are taken, of a million, where the server answers each with so many bytes.
    fn taken(kind: Kind, answer: u64) -> usize {
        let mut balance = balance();
        let mut taken = 0;
        while taken < 1_000_000 && balance.settle(kind, 0) {
            balance.earn(answer);
            taken += 1;
        }
        taken
    }

    #[test]
    fn a_flood_is_ended_whatever_it_consists_of_and_pays_nothing_by_its_answers() {
        for (kind, answer) in [(Kind::Other, 0), (Kind::Data, 0), (Kind::Ping, PING_ANSWER), (Kind::Settings, SETTINGS_ANSWER)] {
            assert!(taken(kind, answer) <= 1_000, "{kind:?}");
        }
    }

    #[test]
    fn who_is_sent_much_may_send_two_window_updates_for_the_smallest_of_events() {
        let mut balance = balance();
        for _ in 0..1_000_000 {
            balance.earn(40);
            assert!(balance.settle(Kind::Other, 4) && balance.settle(Kind::Other, 4));
        }
    }

    #[test]
    fn time_earns_the_same_however_often_bytes_come() {
        let mut balance = balance();
        let start = balance.refilled;
        while balance.settle(Kind::Other, 0) {}
        for step in 1..=100 {
            balance.refill(start + step * Duration::from_micros(1_900));
        }
        assert_eq!(balance.left, 190 * (SECOND / 1_000));
    }

    #[test]
    fn silence_earns_the_start_again_and_nothing_beyond() {
        let mut balance = balance();
        while balance.settle(Kind::Other, 0) {}
        balance.refill(balance.refilled + Duration::from_millis(500));
        assert_eq!(balance.left, SECOND / 2);
        balance.refill(balance.refilled + Duration::from_secs(3_600));
        assert_eq!(balance.left, START);
        balance.earn(MOST);
        balance.refill(balance.refilled + Duration::from_secs(3_600));
        assert_eq!(balance.left, MOST);
    }
}
