//! A connection that holds its place among those that a server has at most, for as long as it is open. One that does not begin to
//! speak HTTP/2 in time fails and gives its place back; later silence is for the pings of HTTP/2.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::place::Place;

/// Bytes of the connection preface, with which a client begins (RFC 9113, 3.4).
const PREFACE: usize = 24;

/// The connection with its place.
pub(super) struct Counted<C> {
    connection: C,
    preface: Option<Preface>,
    _place: Place,
}

/// What of the preface is missing, and until when.
struct Preface {
    missing: usize,
    until: Pin<Box<Sleep>>,
}

impl<C> Counted<C> {
    /// A new connection, which must say its preface before `until`.
    pub(super) fn new(connection: C, place: Place, until: Instant) -> Self {
        let preface = Preface { missing: PREFACE, until: Box::pin(tokio::time::sleep_until(until)) };
        Counted { connection, preface: Some(preface), _place: place }
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Counted<C> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.connection).poll_read(context, buffer);
        let Some(preface) = &mut self.preface else { return read };
        if read.is_pending() {
            return preface.until.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()));
        }
        preface.missing = preface.missing.saturating_sub(buffer.filled().len() - before);
        if preface.missing == 0 {
            self.preface = None;
        }
        read
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Counted<C> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write(context, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write_vectored(context, parts)
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
