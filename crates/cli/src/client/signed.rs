//! A connection that says with each call who calls.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use tonic::codegen::{BoxFuture, Service};
use tonic::transport::Channel;

use crate::credential::Credential;
use crate::secret::Secret;

/// A channel whose calls carry what proves who calls. Cheap to clone.
#[derive(Clone)]
pub struct Signed {
    channel: Channel,
    credential: Arc<Credential>,
}

impl Signed {
    /// Calls over `channel` carry `credential`.
    pub fn new(channel: Channel, credential: Credential) -> Self {
        Signed { channel, credential: Arc::new(credential) }
    }
}

impl Service<Request<Body>> for Signed {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<Self::Response, Status>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<std::result::Result<(), Status>> {
        self.channel.poll_ready(cx).map_err(|error| Status::from_error(error.into()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // The channel that is ready makes the call.
        let next = self.channel.clone();
        let mut channel = mem::replace(&mut self.channel, next);
        let credential = Arc::clone(&self.credential);
        Box::pin(async move {
            if let Credential::Key(secret) = credential.as_ref() {
                request.headers_mut().insert(AUTHORIZATION, header(secret)?);
            }
            channel.call(request).await.map_err(|error| Status::from_error(error.into()))
        })
    }
}

/// As it stands in the metadata; nothing prints it.
fn header(secret: &Secret) -> Result<HeaderValue, Status> {
    let value = HeaderValue::try_from(format!("Bearer {}", secret.expose()));
    let mut value = value.map_err(|_| Status::unauthenticated("what proves who calls has characters that no key has"))?;
    value.set_sensitive(true);
    Ok(value)
}
