//! The body of a request until it is there as a whole.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tonic::body::Body;

use crate::refusal::{MAX_BODY, Refusal};

/// The whole body. Whoever brings it bounds how long it may take.
pub(crate) async fn gathered(mut body: Body) -> Result<Bytes, Refusal> {
    // One piece of memory: each frame that is kept keeps what it was read into, however small it is.
    let mut gathered = BytesMut::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => {
                let Ok(data) = frame.into_data() else { continue };
                if data.len() > MAX_BODY - gathered.len() {
                    return Err(Refusal::too_large());
                }
                gathered.extend_from_slice(&data);
            }
            // The bounds around this say with details what they refuse; everything else is the connection's.
            Err(refused) if !refused.details().is_empty() => return Err(refused.into()),
            Err(broken) => return Err(Refusal::incomplete(broken.message())),
        }
    }
    Ok(gathered.freeze())
}
