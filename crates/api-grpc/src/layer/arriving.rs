//! The body of a request on its way in: it must be there in time, and until it is, what has come of it counts against the budget of
//! its connection and of the server. Only its peer decides when the rest comes. A request of one message is there when the body has
//! ended: its message is held until then, whole or not. One of many messages is dealt with message by message.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::{Frame, SizeHint};
use prost::bytes::Bytes;
use tokio::time::{Instant, Sleep};
use tonic::Status;
use tonic::body::Body;

use crate::budget::Share;
use crate::method::Input;
use crate::status;

/// Bytes before each message: a flag, and its length in four bytes.
const PREFIX: usize = 5;

/// A body that is arriving.
pub(crate) struct Arriving {
    inner: Body,
    place: Place,
    input: Input,
    /// What is paid for what is waited for; nobody pays where no connection of ours brings it.
    share: Option<Share>,
    patience: Duration,
    /// Since when something is waited for: from the start of the call, and further messages of many from their first byte.
    since: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
}

/// Where in its messages a body is.
#[derive(Debug, Default)]
struct Place {
    prefix: [u8; PREFIX],
    /// Bytes of the prefix that are there.
    known: usize,
    /// Bytes of the message that are missing.
    missing: usize,
}

impl Arriving {
    /// A body that must end within `patience`; of many messages, each must be complete within it.
    pub(crate) fn new(inner: Body, input: Input, share: Option<Share>, patience: Duration) -> Self {
        Arriving { inner, place: Place::default(), input, share, patience, since: Some(Instant::now()), alarm: None }
    }

    fn take(&mut self, data: &[u8]) -> Result<(), Status> {
        let complete = match self.input {
            Input::One | Input::Many => self.place.advance(data),
            Input::Bytes => http_body::Body::is_end_stream(&self.inner),
        };
        if complete {
            if self.input == Input::Many {
                self.rest();
            }
            // The frame that completes a message is free: small requests are answered however much others hold.
            return Ok(());
        }
        self.since.get_or_insert_with(Instant::now);
        let paid = self.share.as_mut().is_none_or(|share| share.grow(data.len()));
        if paid { Ok(()) } else { Err(status::too_many_unfinished()) }
    }

    /// Nothing is waited for.
    fn rest(&mut self) {
        (self.since, self.alarm) = (None, None);
        if let Some(share) = &mut self.share {
            share.give_back();
        }
    }

    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let Some(since) = self.since else { return false };
        let until = since + self.patience;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        alarm.as_mut().poll(context).is_ready()
    }
}

impl Place {
    /// Moves on by `data`; says whether all messages that have begun are complete.
    fn advance(&mut self, mut data: &[u8]) -> bool {
        while !data.is_empty() {
            if self.missing > 0 {
                let here = self.missing.min(data.len());
                self.missing -= here;
                data = &data[here..];
                continue;
            }
            let here = (PREFIX - self.known).min(data.len());
            self.prefix[self.known..self.known + here].copy_from_slice(&data[..here]);
            self.known += here;
            data = &data[here..];
            if self.known == PREFIX {
                let [_, length @ ..] = self.prefix;
                self.missing = u32::from_be_bytes(length) as usize;
                self.known = 0;
            }
        }
        self.missing == 0 && self.known == 0
    }
}

impl http_body::Body for Arriving {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        match Pin::new(&mut this.inner).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let taken = frame.data_ref().map_or(Ok(()), |data| this.take(data));
                Poll::Ready(Some(taken.map(|()| frame)))
            }
            Poll::Ready(ended) => {
                this.rest();
                Poll::Ready(ended)
            }
            Poll::Pending if this.is_late(context) => Poll::Ready(Some(Err(status::deadline_exceeded(this.patience)))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each chunk whether no message is under way behind it.
    fn check(chunks: &[&[u8]], expected: &[bool]) {
        let mut place = Place::default();
        let rests: Vec<bool> = chunks.iter().map(|chunk| place.advance(chunk)).collect();
        assert_eq!(rests, expected, "{chunks:?}");
    }

    #[test]
    fn a_message_is_complete_when_as_much_has_come_as_its_prefix_says() {
        check(&[b"\0\0\0\0\x02ab"], &[true]);
        check(&[b"\0\0\0\0\0"], &[true]);
        check(&[b"\0\0", b"\0\0\x02", b"a", b"b"], &[false, false, false, true]);
        check(&[b"\0\0\0\0\x01a\0\0\0\0\x01b"], &[true]);
        check(&[b"\0\0\0\0\x01a\0", b"\0\0\0\x01b"], &[false, true]);
    }
}
