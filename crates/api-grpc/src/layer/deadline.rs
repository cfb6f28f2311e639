//! How long a call may take: what the caller allows, but never longer than the server does. Streams, too: `grpc-timeout`
//! alone would bound only their headers. A caller who reads is told when it is over; one who does not is cut off soon after.

use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

use crate::method::Shape;

const HEADER: &str = "grpc-timeout";
/// Digits of a timeout, by the gRPC specification.
const MAX_DIGITS: usize = 8;
/// A client ends a call at its timeout by itself, without details; the server does so this much earlier.
const HEAD_START: Duration = Duration::from_millis(5);
/// How long after its deadline a call whose answer nobody reads is over for good: who reads gets the status in this time.
pub(crate) const UNREAD: Duration = Duration::from_secs(1);

/// The longest that calls may take, by their shape.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// Calls that read or write. Default 30 s.
    pub unary: Duration,
    /// Calls that answer when user code is done: its longest time limit and a wait in the queue. Default 6 min.
    pub run: Duration,
    /// Streams; who wants more resumes. Default 1 h.
    pub stream: Duration,
    /// From the start of a call, of whatever method, until its request has ended. Reflection takes many messages: there, from the
    /// first byte of each until it is complete, and of the first from the start. Default 30 s.
    pub request: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Deadlines {
            unary: Duration::from_secs(30),
            run: Duration::from_secs(360),
            stream: Duration::from_secs(3_600),
            request: Duration::from_secs(30),
        }
    }
}

impl Deadlines {
    pub(crate) fn of(&self, shape: Shape) -> Duration {
        match shape {
            Shape::Unary => self.unary,
            Shape::Run => self.run,
            Shape::Stream => self.stream,
        }
    }
}

/// When a call must be over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    pub(crate) allowed: Duration,
}

impl Deadline {
    /// Whether the call must be over by now.
    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.at
    }

    /// The deadline of a call that starts now.
    pub(crate) fn of(headers: &HeaderMap, longest: Duration) -> Self {
        match asked(headers).filter(|asked| *asked <= longest) {
            Some(allowed) => Deadline { at: Instant::now() + allowed - HEAD_START.min(allowed / 10), allowed },
            None => Deadline { at: Instant::now() + longest, allowed: longest },
        }
    }
}

/// Reads `grpc-timeout`; what is no timeout counts as none, as in tonic.
fn asked(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(HEADER)?.to_str().ok()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let digits = (1..=MAX_DIGITS).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| digits)?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3_600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<Duration>) {
        let headers = HeaderMap::from_iter([(HEADER.parse().unwrap(), text.parse().unwrap())]);
        assert_eq!(asked(&headers), expected, "{text:?}");
    }

    #[test]
    fn timeouts_are_read_as_the_specification_writes_them() {
        check("2H", Some(Duration::from_secs(7_200)));
        check("1M", Some(Duration::from_secs(60)));
        check("30S", Some(Duration::from_secs(30)));
        check("250m", Some(Duration::from_millis(250)));
        check("9u", Some(Duration::from_micros(9)));
        check("99999999n", Some(Duration::from_nanos(99_999_999)));
        for malformed in ["", "S", "5", "+5S", "-1S", "123456789S", "1s", "1 S"] {
            check(malformed, None);
        }
    }

    #[test]
    fn a_caller_shortens_a_deadline_and_never_extends_it() {
        let with = |text: &str| HeaderMap::from_iter([(HEADER.parse().unwrap(), text.parse().unwrap())]);
        let longest = Duration::from_secs(30);
        assert_eq!(Deadline::of(&with("2S"), longest).allowed, Duration::from_secs(2));
        assert_eq!(Deadline::of(&with("2H"), longest).allowed, longest);
        assert_eq!(Deadline::of(&HeaderMap::new(), longest).allowed, longest);
    }
}
