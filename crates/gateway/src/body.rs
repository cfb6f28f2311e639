//! Bodies that are there as a whole, and the media type of most of them.

use bytes::Bytes;
use http_body_util::Full;
use tonic::body::Body;

/// The media type of everything that is no stream.
pub(crate) const JSON: &str = "application/json";

/// A body that is there as a whole.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Body::new(Full::new(bytes.into()))
}
