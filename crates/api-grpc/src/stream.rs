//! Streams of events: what a watch yields, as it goes over the wire. The domain decides what is sent and when it ends; beside that, a
//! stream ends when what its caller was let in by is revoked.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use api_proto::zona::execution::v1 as pb;
use domain::Error;
use domain::execution::{StopOnDrop, Watch};
use domain::name::ExecutionName;
use domain::time::Clock;
use futures_util::future::{Either, select};
use futures_util::{Stream, StreamExt as _, stream};
use tonic::Status;

use crate::call::Call;
use crate::convert::event;
use crate::perform::Standing;

/// How often it is asked whether the caller may go on: what is revoked acts within this time.
const CHECK_EVERY: Duration = Duration::from_millis(500);

/// Events, to the end.
pub(crate) type Events = Pin<Box<dyn Stream<Item = Result<pb::ExecutionEvent, Status>> + Send>>;

/// Where events come from.
pub(crate) struct Source {
    /// The execution that they are of.
    pub(crate) name: ExecutionName,
    /// The events.
    pub(crate) watch: Watch,
    /// Goes when the stream does, however it ends.
    pub(crate) guard: Option<StopOnDrop>,
}

/// The events of `source`, for as long as the caller may have them.
pub(crate) fn events(call: Call, clock: Arc<dyn Clock>, source: Source, standing: Standing) -> Events {
    let Source { name, watch, guard } = source;
    let (refusing, time) = (call.clone(), Arc::clone(&clock));
    let events = watch.map(move |item| {
        // Moved in whole, or the closure would leave it behind.
        let _held = &guard;
        match item {
            Ok(watched) => Ok(event::to_wire(&name, watched, time.now())),
            Err(error) => Err(refusing.refuse(&error)),
        }
    });
    if !standing.is_revocable() {
        return Box::pin(events);
    }
    let (events, revoked) = (Box::pin(events), Box::pin(revoked(clock, standing)));
    Box::pin(stream::unfold(Some((events, revoked, call)), |state| async {
        let (mut events, mut revoked, call) = state?;
        // Asked first: events that never stop must not keep it from being heard.
        match select(&mut revoked, events.next()).await {
            Either::Left((error, _)) => Some((Err(call.refuse(&error)), None)),
            Either::Right((Some(item), _)) => Some((item, Some((events, revoked, call)))),
            Either::Right((None, _)) => None,
        }
    }))
}

/// Returns why the caller may no longer go on, once that is so.
async fn revoked(clock: Arc<dyn Clock>, standing: Standing) -> Error {
    loop {
        clock.sleep(CHECK_EVERY).await;
        if let Err(error) = standing.check().await {
            return error;
        }
    }
}
