//! Reads the frames of a result pipe: bounded, and checked before they are believed.
//!
//! It deliberately allocates for bytes that arrived, never for a length that was claimed, and holds one frame at a time: what the values
//! of a call may add up to is the use case's.

use std::io::{self, ErrorKind};

use domain::json::{JsonText, Unportable, check_portable};
use domain::sandbox::Reason;
use sandbox_protocol::frame::{Failure, HEADER, Kind};
use serde::de::IgnoredAny;
use tokio::net::unix::pipe::Receiver;

use super::belief::Belief;

/// JSON around a failure's texts, which are bounded separately; non-ASCII text may be escaped to six times its size.
const MAX_FAILURE: usize = 256 * 1024;
/// How much is read at once.
const READ: usize = 16 * 1024;

/// What a program must answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// One result.
    Result,
    /// So many values, then an empty success.
    Values(usize),
}

/// A checked frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// The next value, as JSON text, or why it failed.
    Value(Result<JsonText, Failure>),
    /// The result, as JSON text, or why there is none.
    Last(Result<JsonText, Failure>),
}

/// What cannot be believed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("it wrote more than one result may hold, past the check of its runtime")]
    TooLarge,
    #[error("it wrote something that is not a result where its result was expected")]
    NotAFrame,
    #[error("it wrote a result that is not JSON, past the check of its runtime")]
    NotJson,
    #[error("it wrote another number of values than it was given")]
    WrongCount,
}

/// The reader of one result pipe.
#[derive(Debug)]
pub(super) struct Results {
    pipe: Option<Receiver>,
    parser: Parser,
}

/// Cuts bytes into frames.
#[derive(Debug)]
struct Parser {
    buffer: Vec<u8>,
    /// Bytes at the start of `buffer` that are consumed.
    consumed: usize,
    expected: Expected,
    seen: usize,
    largest: u64,
    belief: Belief,
}

// === impl Results ===

impl Results {
    pub(super) fn new(pipe: Receiver, expected: Expected, largest: u64, belief: Belief) -> Self {
        Results { pipe: Some(pipe), parser: Parser::new(expected, largest, belief) }
    }

    /// Whether more may come.
    pub(super) fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// Reads no more.
    pub(super) fn close(&mut self) {
        self.pipe = None;
    }

    /// Whether nothing was read behind the frames.
    pub(super) fn is_spent(&self) -> bool {
        self.parser.consumed == self.parser.buffer.len()
    }

    /// The next frame; `None` once the pipe is closed. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Option<Frame>, Malformed> {
        loop {
            if let Some(frame) = self.parser.next()? {
                return Ok(Some(frame));
            }
            let Some(pipe) = &self.pipe else { return Ok(None) };
            self.parser.make_room();
            let read = match pipe.readable().await {
                Ok(()) => pipe.try_read_buf(&mut self.parser.buffer),
                Err(error) => Err(error),
            };
            self.note(read);
        }
    }

    /// The next frame that is already in the pipe.
    pub(super) fn next_now(&mut self) -> Result<Option<Frame>, Malformed> {
        loop {
            if let Some(frame) = self.parser.next()? {
                return Ok(Some(frame));
            }
            let Some(pipe) = &self.pipe else { return Ok(None) };
            self.parser.make_room();
            // Straight from the kernel: the runtime may not have noticed yet that there is something to read.
            let read = rustix::io::read(pipe, rustix::buffer::spare_capacity(&mut self.parser.buffer)).map_err(io::Error::from);
            if matches!(&read, Err(error) if error.kind() == ErrorKind::WouldBlock) {
                return Ok(None);
            }
            self.note(read);
        }
    }

    fn note(&mut self, read: io::Result<usize>) {
        match read {
            Ok(count) if count > 0 => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Ok(_) | Err(_) => self.pipe = None,
        }
    }
}

// === impl Parser ===

impl Parser {
    fn new(expected: Expected, largest: u64, belief: Belief) -> Self {
        Parser { buffer: Vec::new(), consumed: 0, expected, seen: 0, largest, belief }
    }

    fn make_room(&mut self) {
        self.buffer.drain(..self.consumed);
        self.consumed = 0;
        self.buffer.reserve(READ);
    }

    /// The next complete frame in the buffer.
    fn next(&mut self) -> Result<Option<Frame>, Malformed> {
        let rest = &self.buffer[self.consumed..];
        let Some((header, payload)) = rest.split_first_chunk::<HEADER>() else { return Ok(None) };
        let (kind, length) = self.belief.header(*header).ok_or(Malformed::NotAFrame)?;
        self.check(kind, length)?;
        let Some(payload) = payload.get(..length) else { return Ok(None) };
        let frame = match kind {
            Kind::Value => Frame::Value(json(payload)?),
            Kind::ValueFailure => Frame::Value(Err(failure(payload)?)),
            Kind::Success => Frame::Last(json(payload)?),
            Kind::Failure => Frame::Last(Err(failure(payload)?)),
        };
        self.consumed += HEADER + length;
        self.seen += usize::from(matches!(frame, Frame::Value(_)));
        Ok(Some(frame))
    }

    /// Whether a frame of this kind and length may come now.
    fn check(&self, kind: Kind, length: usize) -> Result<(), Malformed> {
        let fits = match kind {
            Kind::Value | Kind::Success => length as u64 <= self.largest,
            Kind::ValueFailure | Kind::Failure => length <= MAX_FAILURE,
        };
        if !fits && !self.belief.is_blind() {
            return Err(Malformed::TooLarge);
        }
        let in_order = match (kind, self.expected) {
            (Kind::Value | Kind::ValueFailure, Expected::Values(count)) => self.seen < count,
            (Kind::Value | Kind::ValueFailure, Expected::Result) => false,
            (Kind::Success, Expected::Values(count)) => self.seen == count,
            (Kind::Success, Expected::Result) | (Kind::Failure, _) => true,
        };
        if in_order { Ok(()) } else { Err(Malformed::WrongCount) }
    }
}

/// A result's text, or the failure of one that not every client can read: only an honest program has one by accident, so its other values
/// count.
fn json(payload: &[u8]) -> Result<Result<JsonText, Failure>, Malformed> {
    let text = std::str::from_utf8(payload).map_err(|_| Malformed::NotJson)?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|_| Malformed::NotJson)?;
    Ok(check_portable(text).map(|()| JsonText::read(text)).map_err(|unportable| not_for_all(&unportable)))
}

fn not_for_all(unportable: &Unportable) -> Failure {
    let instead = match unportable {
        Unportable::TooDeep => "return a flatter one",
        Unportable::LoneSurrogate(_) => {
            "join or replace such halves, e.g. text.encode(\"utf-16\", \"surrogatepass\").decode(\"utf-16\", \"replace\")"
        }
        Unportable::OutOfRange(_) | Unportable::TooManyDigits(_) => "return it as a text",
    };
    Failure {
        reason: Reason::ResultNotSerializable.as_str().to_owned(),
        message: format!("the result {unportable}; {instead}"),
        ..Failure::default()
    }
}

fn failure(payload: &[u8]) -> Result<Failure, Malformed> {
    serde_json::from_slice(payload).map_err(|_| Malformed::NotJson)
}

#[cfg(test)]
mod tests {
    use domain::json::MAX_DEPTH;
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: Kind, payload: &str) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
        [&[kind.byte()], length.as_slice(), payload.as_bytes()].concat()
    }

    fn parse(expected: Expected, bytes: &[u8]) -> Result<Vec<Frame>, Malformed> {
        let mut parser = Parser::new(expected, 100, Belief::Checked);
        parser.buffer.extend_from_slice(bytes);
        let mut frames = Vec::new();
        while let Some(frame) = parser.next()? {
            frames.push(frame);
        }
        Ok(frames)
    }

    fn check(expected: Expected, bytes: &[u8], malformed: Malformed) {
        assert_eq!(parse(expected, bytes), Err(malformed), "{:?}", String::from_utf8_lossy(bytes));
    }

    #[test]
    fn a_result_is_one_well_formed_frame_and_numbers_keep_their_digits() {
        let big = "9007199254740993";
        assert_eq!(parse(Expected::Result, &frame(Kind::Success, big)), Ok(vec![Frame::Last(Ok(JsonText::read(big)))]));
    }

    #[test]
    fn values_come_in_order_and_in_the_number_asked_for() {
        let two = [frame(Kind::Value, "1"), frame(Kind::Value, "2")].concat();
        let all = [two.clone(), frame(Kind::Success, "null")].concat();
        assert_eq!(parse(Expected::Values(2), &all).unwrap().len(), 3);
        check(Expected::Values(1), &all, Malformed::WrongCount);
        check(Expected::Values(3), &all, Malformed::WrongCount);
        check(Expected::Result, &two, Malformed::WrongCount);
    }

    #[test]
    fn what_is_forged_is_not_believed() {
        check(Expected::Result, b"hello world", Malformed::NotAFrame);
        check(Expected::Result, &frame(Kind::Success, "not json"), Malformed::NotJson);
        check(Expected::Result, &frame(Kind::Success, "1 2"), Malformed::NotJson);
        check(Expected::Result, &frame(Kind::Failure, "{}"), Malformed::NotJson);
        check(Expected::Result, &[b'R', 2, 0, 0, 0, 0xff, 0xfe], Malformed::NotJson);
    }

    #[test]
    fn a_claimed_length_is_refused_before_its_bytes_arrive() {
        check(Expected::Result, &[b'R', 0xff, 0xff, 0xff, 0xff], Malformed::TooLarge);
        check(Expected::Result, &[b'E', 0xff, 0xff, 0xff, 0xff], Malformed::TooLarge);
        check(Expected::Result, &frame(Kind::Success, &format!("\"{}\"", "x".repeat(100))), Malformed::TooLarge);
    }

    #[test]
    fn results_that_not_every_client_reads_fail_one_by_one_and_say_what_to_do() {
        let unreadable = [r#""\ud83d""#, "1e400", &"9".repeat(5_000)];
        let frames: Vec<u8> = unreadable.iter().flat_map(|value| frame(Kind::Value, value)).collect();
        let all = [frames, frame(Kind::Value, "4"), frame(Kind::Success, "null")].concat();
        let mut parser = Parser::new(Expected::Values(4), 1 << 20, Belief::Checked);
        parser.buffer = all;
        let frames: Vec<_> = std::iter::from_fn(|| parser.next().unwrap()).collect();
        assert_eq!(frames.len(), 5);
        for (given, advice) in frames.iter().zip(["surrogatepass", "as a text", "as a text"]) {
            let Frame::Value(Err(failure)) = given else { panic!("{given:?}") };
            assert_eq!(failure.reason, "RESULT_NOT_SERIALIZABLE");
            assert!(failure.message.contains(advice), "{}", failure.message);
        }
        assert_eq!(frames[3], Frame::Value(Ok(JsonText::read("4"))));
    }

    #[test]
    fn results_are_read_one_by_one_however_much_they_add_up_to() {
        let large = format!("\"{}\"", "x".repeat(1 << 20));
        let mut parser = Parser::new(Expected::Values(40), 2 << 20, Belief::Checked);
        for _ in 0..40 {
            parser.make_room();
            parser.buffer.extend(frame(Kind::Value, &large));
            assert_eq!(parser.next(), Ok(Some(Frame::Value(Ok(JsonText::read(large.clone()))))));
        }
    }

    fn nested(depth: usize) -> String {
        format!("{}{}", "[{\"a]\\\"[\":".repeat(depth / 2), "0") + &"}]".repeat(depth / 2)
    }

    fn first(payload: &str) -> Result<Option<Frame>, Malformed> {
        let mut parser = Parser::new(Expected::Result, 1 << 20, Belief::Checked);
        parser.buffer = frame(Kind::Success, payload);
        parser.next()
    }

    #[test]
    fn a_result_nests_as_deep_as_parameters_may_and_no_deeper() {
        let deepest = nested(MAX_DEPTH);
        assert_eq!(first(&deepest), Ok(Some(Frame::Last(Ok(JsonText::read(deepest.clone()))))));
        assert!(serde_json::from_str::<serde_json::Value>(&nested(MAX_DEPTH - 2)).is_ok(), "others can read it by recursion");
        assert_eq!(first(&format!("[{deepest}]")), Ok(Some(Frame::Last(Err(not_for_all(&Unportable::TooDeep))))));
        let far = 400_000;
        assert_eq!(first(&("[".repeat(far) + &"]".repeat(far))), Ok(Some(Frame::Last(Err(not_for_all(&Unportable::TooDeep))))));
        assert_eq!(first(&"[".repeat(far)), Err(Malformed::NotJson));
    }

    #[test]
    fn one_value_that_nests_too_deep_costs_no_other() {
        let deep = "[".repeat(MAX_DEPTH + 1) + &"]".repeat(MAX_DEPTH + 1);
        let all = [frame(Kind::Value, &deep), frame(Kind::Value, "2"), frame(Kind::Success, "null")].concat();
        let mut parser = Parser::new(Expected::Values(2), 1 << 20, Belief::Checked);
        parser.buffer = all;
        let frames: Vec<_> = std::iter::from_fn(|| parser.next().unwrap()).collect();
        let expected = [
            Frame::Value(Err(not_for_all(&Unportable::TooDeep))),
            Frame::Value(Ok(JsonText::read("2"))),
            Frame::Last(Ok(JsonText::read("null"))),
        ];
        assert_eq!(frames, expected);
    }

    #[test]
    fn brackets_in_strings_and_side_by_side_are_no_depth() {
        let flat = format!("[{}\"{}\"]", "[],".repeat(1000), "[".repeat(1000));
        assert_eq!(first(&flat), Ok(Some(Frame::Last(Ok(JsonText::read(flat.clone()))))));
    }

    proptest! {
        /// However the bytes are cut, the same frames come out; whatever the bytes, nothing panics.
        #[test]
        fn cuts_do_not_matter(values in prop::collection::vec("[a-z]{0,20}", 2..20), cut in 1usize..50, noise: Vec<u8>) {
            let mut bytes: Vec<u8> = values.iter().flat_map(|value| frame(Kind::Value, &format!("\"{value}\""))).collect();
            bytes.extend(frame(Kind::Success, "null"));
            let mut parser = Parser::new(Expected::Values(values.len()), 100, Belief::Checked);
            let mut frames = Vec::new();
            for piece in bytes.chunks(cut) {
                parser.make_room();
                parser.buffer.extend_from_slice(piece);
                while let Some(frame) = parser.next().unwrap() {
                    frames.push(frame);
                }
            }
            prop_assert_eq!(frames.len(), values.len() + 1);
            let _whatever = parse(Expected::Result, &noise);
        }
    }
}
