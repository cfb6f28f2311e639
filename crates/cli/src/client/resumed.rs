//! Streams without an end that may break: they are begun again where they broke, as long as they come any further.

use std::time::Duration;

use tonic::{Code, Status};

/// How often a broken stream is resumed in a row, with growing pauses: about six seconds in all.
const MAX_RESUMES: u32 = 5;

/// What tells a server that is away for a moment from one that cannot go on: whether streams come any further.
#[derive(Debug, Default)]
pub struct Resumed {
    /// Streams that were begun again, since one has come further than where it began.
    resumes: u32,
    /// Whether this stream has said where it begins.
    begun: bool,
}

impl Resumed {
    /// A stream has said something; `reached` where that is how far it has come. What it says first is where it begins, however often it
    /// is begun; what follows, a heartbeat too, it can say only where it lives.
    pub fn hear(&mut self, reached: bool) {
        let begins = reached && !self.begun;
        self.begun = true;
        if !begins {
            self.resumes = 0;
        }
    }

    /// How long to wait before the stream is begun again; `None` where it has come no further for too often.
    pub fn resume(&mut self) -> Option<Duration> {
        let pause = Duration::from_millis(200 << self.resumes.min(MAX_RESUMES));
        self.begun = false;
        self.resumes += 1;
        (self.resumes <= MAX_RESUMES).then_some(pause)
    }
}

/// Whether a stream that ended so may be begun again: it broke, or it has reached the longest time that one may take. What the server
/// itself cannot do, of which it says more than a code, would fail again.
pub fn may_go_on(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded => true,
        Code::Unknown | Code::Internal => status.details().is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_breaks_where_it_begins_is_given_up_and_one_that_came_further_is_not() {
        let mut resumed = Resumed::default();
        let mut resumes = 0;
        resumed.hear(true);
        while resumed.resume().is_some() {
            resumes += 1;
            assert!(resumes < 100, "it goes on for good");
            resumed.hear(true);
        }
        assert_eq!(resumes, MAX_RESUMES);
        for reached in [false, true] {
            let mut resumed = Resumed::default();
            for _ in 0..100 {
                resumed.hear(true);
                resumed.hear(reached);
                assert_eq!(resumed.resume(), Some(Duration::from_millis(200)));
            }
        }
    }

    #[test]
    fn what_the_server_itself_cannot_do_is_not_asked_for_again() {
        use tonic_types::{ErrorDetails, StatusExt as _};
        let own = Status::with_error_details(Code::Internal, "an internal error", ErrorDetails::with_request_info("1", ""));
        assert!(!may_go_on(&own));
        assert!(may_go_on(&Status::internal("h2 protocol error")));
        assert!(!may_go_on(&Status::unauthenticated("revoked")) && may_go_on(&Status::deadline_exceeded("an hour")));
    }
}
