//! Which answers are compressed: those of one message that are worth it, where the caller takes gzip. tonic compresses everything that a
//! caller takes, however small, and at once where it is written out; here is said what it leaves alone, and large answers are compressed
//! where nobody waits for it.
//!
//! Streams are told message by message as they come, and go out as they are. Requests are taken as they are, too: what one unpacks to would
//! have to be held before it is known who asks.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use http::{HeaderMap, Response};
use http_body::{Body as _, Frame, SizeHint};
use prost::Message;
use prost::bytes::Bytes;
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use tonic::{Status, codec::CompressionEncoding};

/// What is taken and used: every client has it. tonic's zstd would be a second one beside that of our objects.
pub(crate) const ENCODING: CompressionEncoding = CompressionEncoding::Gzip;

/// Where callers say what they take.
const ACCEPTED: &str = "grpc-accept-encoding";
/// The word for [`ENCODING`] there.
const GZIP: &str = "gzip";
/// Bytes of an answer up to which it goes as it is: compressed it would take as many packets.
const PLAIN_UP_TO: usize = 1024;
/// Bytes of an answer from which compressing it would hold up other calls: gzip takes some milliseconds for as much.
const HEAVY_FROM: usize = 128 * 1024;

/// What is answered.
pub(crate) trait Reply: Sized {
    /// Its bytes, where it is one message.
    fn length(&self) -> Option<usize>;
}

/// Stands with answers that are compressed aside.
#[derive(Debug, Clone, Copy)]
struct Heavy;

impl<M: Message> Reply for M {
    fn length(&self) -> Option<usize> {
        Some(self.encoded_len())
    }
}

/// The response of an answer to a call of this metadata.
pub(crate) fn response<T: Reply>(answer: T, asked: &MetadataMap) -> tonic::Response<T> {
    // Who takes nothing costs nothing: the length is not asked for.
    let length = accepts(asked).then(|| answer.length()).flatten();
    let mut response = tonic::Response::new(answer);
    match length {
        Some(length) if length >= HEAVY_FROM => drop(response.extensions_mut().insert(Heavy)),
        Some(length) if length > PLAIN_UP_TO => {}
        Some(_) => response.disable_compression(),
        None => {}
    }
    response
}

/// Has the stream of a call go out as it is: what its caller takes is not looked at.
pub(crate) fn leave_alone(request: &mut HeaderMap) {
    request.remove(ACCEPTED);
}

/// A response that is ready to go out: what is heavy of it is compressed by now, beside the threads that calls share.
pub(crate) async fn beside(response: Response<Body>) -> Response<Body> {
    if response.extensions().get::<Heavy>().is_none() {
        return response;
    }
    let (parts, mut body) = response.into_parts();
    let compress = move || {
        // One message is there at once, and its body waits for nothing.
        let first = match Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(first) => first,
            Poll::Pending => None,
        };
        Begun { first, rest: body }
    };
    match tokio::task::spawn_blocking(compress).await {
        Ok(begun) => Response::from_parts(parts, Body::new(begun)),
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_stopped) => Status::unavailable("the server is stopping").into_http(),
        },
    }
}

fn accepts(asked: &MetadataMap) -> bool {
    let stated = asked.get(ACCEPTED).and_then(|accepted| accepted.to_str().ok());
    stated.is_some_and(|accepted| accepted.split(',').any(|one| one.trim() == GZIP))
}

/// A body whose first frame is there.
struct Begun {
    first: Option<Result<Frame<Bytes>, Status>>,
    rest: Body,
}

impl http_body::Body for Begun {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => Pin::new(&mut self.rest).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // What is there already is not in the hint of the rest.
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accepted: &str, expected: bool) {
        let mut asked = MetadataMap::new();
        asked.insert(ACCEPTED, accepted.parse().unwrap());
        assert_eq!(accepts(&asked), expected, "{accepted:?}");
    }

    #[test]
    fn a_caller_takes_gzip_where_it_says_so_in_a_list_of_any_order() {
        check("gzip", true);
        check("identity, deflate, gzip", true);
        check("zstd,gzip,identity", true);
        check("identity,deflate", false);
        check("x-gzip", false);
        check("", false);
        assert!(!accepts(&MetadataMap::new()));
    }
}
