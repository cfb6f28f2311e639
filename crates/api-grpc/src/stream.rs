//! Streams of events: what a watch yields, as it goes over the wire. The domain decides what is sent and when it ends.

use std::pin::Pin;
use std::sync::Arc;

use api_proto::zona::execution::v1 as pb;
use domain::execution::{StopOnDrop, Watch};
use domain::name::ExecutionName;
use domain::time::Clock;
use futures_util::{Stream, StreamExt as _};
use tonic::Status;

use crate::call::Call;
use crate::convert::event;

/// Events, to the end.
pub(crate) type Events = Pin<Box<dyn Stream<Item = Result<pb::ExecutionEvent, Status>> + Send>>;

/// The events of `name`. What is held by `guard` goes when the stream does, however it ends.
pub(crate) fn events(call: Call, clock: Arc<dyn Clock>, name: ExecutionName, watch: Watch, guard: Option<StopOnDrop>) -> Events {
    Box::pin(watch.map(move |item| {
        // Moved in whole, or the closure would leave it behind.
        let _held = &guard;
        match item {
            Ok(watched) => Ok(event::to_wire(&name, watched, clock.now())),
            Err(error) => Err(call.refuse(&error)),
        }
    }))
}
