//! Reads stdout and stderr with bounded memory: at most one chunk at a time, only when somebody asks, and not in crumbs. Secrets are
//! masked before anything is counted.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::time::Duration;

use domain::sandbox::{MAX_CHUNK, Progress, Stream};
use rustix::buffer::spare_capacity;
use tokio::net::unix::pipe::Receiver;
use tokio::time::{Instant, sleep_until};

use super::mask::{Mask, StreamMask};

/// A read below this size is a crumb: the next one waits a little, so that many small prints become few events.
const CRUMB: usize = 4 * 1024;
/// How long the read after a crumb waits, at first and at most. The first bytes after a silence never wait.
const FIRST_HOLD: Duration = Duration::from_millis(1);
const LONGEST_HOLD: Duration = Duration::from_millis(8);
/// A silence: longer than any hold.
const SILENCE: Duration = Duration::from_millis(20);
/// How long the beginning of a secret waits for its rest while nothing else comes. Together with the domain's delay of storing output it
/// stays below what a killed server may lose.
const MASK_HOLD: Duration = Duration::from_millis(40);
/// What a pipe holds, at most; growing it is blocked inside.
const PIPE_CAPACITY: usize = 64 * 1024;

/// Both output pipes of a child.
#[derive(Debug)]
pub(super) struct Output {
    stdout: Pipe,
    stderr: Pipe,
    scratch: Vec<u8>,
    masked: Vec<u8>,
    budget: Budget,
}

#[derive(Debug)]
struct Pipe {
    stream: Stream,
    pipe: Option<Receiver>,
    pace: Pace,
    mask: Option<StreamMask>,
    /// When what the mask holds is to go.
    hold_until: Option<Instant>,
}

/// How much is kept.
#[derive(Debug)]
struct Budget {
    limit: u64,
    dropped: u64,
    stdout: Tally,
    stderr: Tally,
}

/// Bytes of one stream.
#[derive(Debug, Default)]
struct Tally {
    seen: u64,
    kept: u64,
}

/// When the next read may be.
#[derive(Debug, Default)]
struct Pace {
    last_read: Option<Instant>,
    hold: Duration,
}

// === impl Output ===

impl Output {
    pub(super) fn new(stdout: Receiver, stderr: Receiver, limit: u64, mask: &Mask) -> Self {
        let pipe = |stream, pipe| Pipe { stream, pipe: Some(pipe), pace: Pace::default(), mask: mask.stream(), hold_until: None };
        Output {
            stdout: pipe(Stream::Stdout, stdout),
            stderr: pipe(Stream::Stderr, stderr),
            scratch: Vec::new(),
            masked: Vec::new(),
            budget: Budget::new(limit),
        }
    }

    /// Whether more may come.
    pub(super) fn is_open(&self) -> bool {
        self.stdout.pipe.is_some() || self.stderr.pipe.is_some()
    }

    /// Whether more was printed than is kept.
    pub(super) fn is_over(&self) -> bool {
        self.budget.dropped > 0
    }

    /// Bytes that were kept of stdout and of stderr.
    pub(super) fn kept(&self) -> (u64, u64) {
        (self.budget.stdout.kept, self.budget.stderr.kept)
    }

    pub(super) fn dropped(&self) -> u64 {
        self.budget.dropped
    }

    /// Waits for output and reads one piece; nothing comes of it when it closed, or was dropped, or waits for its rest. Cancel-safe.
    pub(super) async fn next(&mut self, into: &mut VecDeque<Progress>) {
        let due = [&self.stdout, &self.stderr].into_iter().filter_map(|source| source.hold_until).min();
        let source = tokio::select! {
            () = self.stdout.ready(), if self.stdout.pipe.is_some() => &mut self.stdout,
            () = self.stderr.ready(), if self.stderr.pipe.is_some() => &mut self.stderr,
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                if self.stdout.hold_until == due { &mut self.stdout } else { &mut self.stderr }
            }
            else => return,
        };
        let Some(pipe) = &source.pipe else { return };
        let read = match pipe.try_read_buf(empty(&mut self.scratch)) {
            Err(error) if is_empty(&error) && source.is_due() => {
                // Straight from the kernel: the runtime may not have noticed yet that there is something to read.
                rustix::io::read(pipe, spare_capacity(&mut self.scratch)).map_err(io::Error::from)
            }
            read => read,
        };
        let bytes = match read {
            Ok(count) if count > 0 => {
                source.pace.note(Instant::now(), count);
                source.mask(&self.scratch, &mut self.masked)
            }
            Err(error) if is_empty(&error) && source.is_due() => source.pause(&mut self.masked),
            Err(error) if is_empty(&error) => return,
            Ok(_) | Err(_) => source.close(&mut self.masked),
        };
        self.budget.keep(source.stream, bytes, into);
    }

    /// Reads what is in the pipes now, at most what they can hold.
    pub(super) fn drain(&mut self, into: &mut VecDeque<Progress>) {
        for source in [&mut self.stdout, &mut self.stderr] {
            let mut total = 0;
            while total < PIPE_CAPACITY {
                let Some(pipe) = &source.pipe else { break };
                // As above.
                match rustix::io::read(pipe, spare_capacity(empty(&mut self.scratch))) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => {
                        total += count;
                        let bytes = source.mask(&self.scratch, &mut self.masked);
                        self.budget.keep(source.stream, bytes, into);
                    }
                }
            }
            let bytes = source.close(&mut self.masked);
            self.budget.keep(source.stream, bytes, into);
        }
    }
}

fn is_empty(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// The buffer with room for one chunk, which nobody writes before the kernel does.
fn empty(scratch: &mut Vec<u8>) -> &mut Vec<u8> {
    scratch.clear();
    scratch.reserve(MAX_CHUNK);
    scratch
}

// === impl Pipe ===

impl Pipe {
    async fn ready(&self) {
        if let Some(until) = self.pace.hold_until() {
            sleep_until(until).await;
        }
        if let Some(pipe) = &self.pipe {
            // An error is found again, and handled, by the read.
            let _readable = pipe.readable().await;
        }
    }

    /// Whether what the mask holds is to go.
    fn is_due(&self) -> bool {
        self.hold_until.is_some_and(|until| until <= Instant::now())
    }

    /// What of the bytes is certain, without secrets.
    fn mask<'a>(&mut self, bytes: &'a [u8], masked: &'a mut Vec<u8>) -> &'a [u8] {
        let Some(mask) = &mut self.mask else { return bytes };
        masked.clear();
        mask.push(bytes, masked);
        let since_now = self.hold_until.is_none() || mask.holds() <= bytes.len();
        self.hold_until = match mask.is_holding() {
            true if since_now => Some(Instant::now() + MASK_HOLD),
            true => self.hold_until,
            false => None,
        };
        masked
    }

    /// What waited long enough.
    fn pause<'a>(&mut self, masked: &'a mut Vec<u8>) -> &'a [u8] {
        masked.clear();
        self.hold_until = None;
        if let Some(mask) = &mut self.mask {
            mask.pause(masked);
        }
        masked
    }

    /// Ends the stream; what is left of it.
    fn close<'a>(&mut self, masked: &'a mut Vec<u8>) -> &'a [u8] {
        masked.clear();
        (self.pipe, self.hold_until) = (None, None);
        if let Some(mut mask) = self.mask.take() {
            mask.finish(masked);
        }
        masked
    }
}

// === impl Budget ===

impl Budget {
    fn new(limit: u64) -> Self {
        Budget { limit, dropped: 0, stdout: Tally::default(), stderr: Tally::default() }
    }

    /// Keeps what fits, in pieces of at most one chunk: a mask may have held more.
    fn keep(&mut self, stream: Stream, bytes: &[u8], into: &mut VecDeque<Progress>) {
        into.extend(bytes.chunks(MAX_CHUNK).filter_map(|piece| self.account(stream, piece)));
    }

    /// Keeps what fits, and of text no part of a character.
    fn account(&mut self, stream: Stream, bytes: &[u8]) -> Option<Progress> {
        let room = usize::try_from(self.limit - self.stdout.kept - self.stderr.kept).unwrap_or(usize::MAX);
        let fits = if self.dropped == 0 { whole_characters(bytes, room) } else { 0 };
        let tally = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let offset = tally.seen;
        let (kept, dropped) = bytes.split_at(fits);
        tally.seen += bytes.len() as u64;
        tally.kept += kept.len() as u64;
        self.dropped += dropped.len() as u64;
        (!kept.is_empty()).then(|| Progress::Output { stream, offset, data: kept.to_vec() })
    }
}

/// How many bytes fit without a character that its rest has no room for. Bytes that are no UTF-8 are kept as they are.
fn whole_characters(bytes: &[u8], room: usize) -> usize {
    let fits = room.min(bytes.len());
    let Some(start) = bytes[..fits].iter().rposition(|byte| byte & 0b1100_0000 != 0b1000_0000) else { return fits };
    let length = match bytes[start] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    // The rest of the last character may come with the next read: there must be room for it, too.
    if start + length > room { start } else { fits }
}

// === impl Pace ===

impl Pace {
    fn note(&mut self, now: Instant, count: usize) {
        let silent = self.last_read.is_none_or(|last| now - last >= SILENCE);
        self.hold = match (count < CRUMB, silent) {
            (false, _) => Duration::ZERO,
            (true, true) => FIRST_HOLD,
            (true, false) => (self.hold * 2).clamp(FIRST_HOLD, LONGEST_HOLD),
        };
        self.last_read = Some(now);
    }

    fn hold_until(&self) -> Option<Instant> {
        self.last_read.filter(|_| !self.hold.is_zero()).map(|last| last + self.hold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(progress: Option<Progress>) -> Option<(Stream, u64, Vec<u8>)> {
        progress.map(|progress| match progress {
            Progress::Output { stream, offset, data } => (stream, offset, data),
            other => panic!("not output: {other:?}"),
        })
    }

    #[test]
    fn the_limit_counts_both_streams_and_offsets_count_dropped_bytes() {
        let mut budget = Budget::new(5);
        assert_eq!(piece(budget.account(Stream::Stdout, b"abc")), Some((Stream::Stdout, 0, b"abc".to_vec())));
        assert_eq!(piece(budget.account(Stream::Stderr, b"def")), Some((Stream::Stderr, 0, b"de".to_vec())));
        assert_eq!(piece(budget.account(Stream::Stdout, b"gh")), None);
        assert_eq!((budget.stdout.kept, budget.stderr.kept, budget.dropped), (3, 2, 3));
        assert_eq!((budget.stdout.seen, budget.stderr.seen), (5, 3));
    }

    #[test]
    fn a_cut_falls_between_characters() {
        for (text, room, kept) in [("xжж", 3, 3), ("xжж", 4, 3), ("€", 2, 0), ("a😀", 4, 1), ("a😀", 5, 5), ("é", 9, 2)] {
            let mut budget = Budget::new(room);
            let data = piece(budget.account(Stream::Stdout, text.as_bytes())).map_or(Vec::new(), |(_, _, data)| data);
            assert_eq!(data, text.as_bytes()[..kept], "{text:?} in {room}");
            assert_eq!(budget.dropped as usize, text.len() - kept, "{text:?} in {room}");
            assert_eq!(piece(budget.account(Stream::Stdout, b"\xb6more")).is_some(), budget.dropped == 0 && room > 5, "{text:?} in {room}");
        }
    }

    #[test]
    fn a_character_that_arrives_in_two_reads_is_kept_whole_or_not_at_all() {
        for (room, kept) in [(3, &b"a"[..]), (4, &b"a"[..]), (5, "a😀".as_bytes())] {
            let mut budget = Budget::new(room);
            let mut data = Vec::new();
            for part in ["a😀".as_bytes()[..3].to_vec(), "a😀".as_bytes()[3..].to_vec()] {
                data.extend(piece(budget.account(Stream::Stdout, &part)).map_or(Vec::new(), |(_, _, data)| data));
            }
            assert_eq!(data, kept, "in {room}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_cut_at_the_limit() {
        let mut budget = Budget::new(3);
        assert_eq!(piece(budget.account(Stream::Stdout, b"\xff\x80\x80\x80")), Some((Stream::Stdout, 0, b"\xff\x80\x80".to_vec())));
    }

    #[test]
    fn the_first_crumb_is_not_held_back_and_a_stream_of_crumbs_is_read_ever_less_often() {
        let mut pace = Pace::default();
        let start = Instant::now();
        assert_eq!(pace.hold_until(), None);
        pace.note(start, 10);
        assert_eq!(pace.hold_until(), Some(start + FIRST_HOLD));
        for _ in 0..10 {
            pace.note(start + FIRST_HOLD, 10);
        }
        assert_eq!(pace.hold, LONGEST_HOLD);
        pace.note(start + FIRST_HOLD, CRUMB);
        assert_eq!(pace.hold_until(), None, "a large read means that more is waiting");
        pace.note(start + SILENCE * 3, 10);
        assert_eq!(pace.hold, FIRST_HOLD);
    }
}
