//! Documents that the gateway tells of itself: each is written and compressed once, however often it is asked for.

use std::convert::Infallible;
use std::sync::OnceLock;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, VARY};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::BodyExt as _;
use tonic::body::Body;
use tower::{ServiceBuilder, ServiceExt as _};
use tower_http::compression::CompressionLayer;

use crate::accept::Coding;
use crate::body::{full, told};

/// A document, once somebody has asked for it.
#[derive(Debug, Default)]
pub(crate) struct Document {
    plain: OnceLock<Bytes>,
    gzip: OnceLock<Bytes>,
    zstd: OnceLock<Bytes>,
}

// === impl Document ===

impl Document {
    /// The answer to a request with these headers; `write` makes the document where it is not there yet.
    pub(crate) async fn answer(&self, asked: &HeaderMap, kind: &'static str, write: impl FnOnce() -> Bytes) -> Response<Body> {
        let plain = self.plain.get_or_init(write);
        let mut response = match Coding::of(asked) {
            Some(coding) => {
                let mut response = told(self.compressed(plain, coding).await, kind);
                response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
                response
            }
            None => told(plain.clone(), kind),
        };
        response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
        response
    }

    async fn compressed(&self, plain: &Bytes, coding: Coding) -> Bytes {
        let kept = match coding {
            Coding::Gzip => &self.gzip,
            Coding::Zstd => &self.zstd,
        };
        if let Some(compressed) = kept.get() {
            return compressed.clone();
        }
        // Two that ask for it first at the same time both compress it.
        let compressed = compress(plain.clone(), coding).await;
        kept.get_or_init(|| compressed).clone()
    }
}

async fn compress(plain: Bytes, coding: Coding) -> Bytes {
    let tells = tower::service_fn(move |_asked: Request<()>| {
        let plain = plain.clone();
        async move { Ok::<_, Infallible>(Response::new(full(plain))) }
    });
    let asked = Request::builder().header(ACCEPT_ENCODING, coding.name()).body(()).expect("it is a request");
    let told = match ServiceBuilder::new().layer(CompressionLayer::new()).service(tells).oneshot(asked).await {
        Ok(told) => told,
        Err(never) => match never {},
    };
    told.into_body().collect().await.expect("what is there as a whole has no end before its own").to_bytes()
}
