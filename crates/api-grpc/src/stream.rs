//! Streams. The domain decides what is sent and when it ends; beside that, each ends when what its caller was let in by is revoked, and
//! when the caller may no longer do what it does.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
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
use crate::compression::Reply;
use crate::convert::event;
use crate::perform::Standing;

/// How often it is asked whether the caller may go on: what is revoked acts within this time.
const CHECK_EVERY: Duration = Duration::from_millis(500);

/// Messages, to the end.
pub(crate) struct Messages<T>(Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>);
/// Events, to the end.
pub(crate) type Events = Messages<pb::ExecutionEvent>;

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
    let refusing = call.clone();
    let events = watch.map(move |item| {
        // Moved in whole, or the closure would leave it behind.
        let _held = &guard;
        match item {
            Ok(watched) => Ok(event::to_wire(&name, watched, clock.now())),
            Err(error) => Err(refusing.refuse(&error)),
        }
    });
    while_standing(call, standing, events)
}

/// `messages`, for as long as the caller may have them. Every answer that is a stream goes through here.
pub(crate) fn while_standing<T: Send + 'static>(
    call: Call,
    standing: Standing,
    messages: impl Stream<Item = Result<T, Status>> + Send + 'static,
) -> Messages<T> {
    if !standing.is_revocable() {
        return Messages(Box::pin(messages));
    }
    let (messages, revoked) = (Box::pin(messages), Box::pin(revoked(standing)));
    Messages(Box::pin(stream::unfold(Some((messages, revoked, call)), |state| async {
        let (mut messages, mut revoked, call) = state?;
        // Asked first: messages that never stop must not keep it from being heard.
        match select(&mut revoked, messages.next()).await {
            Either::Left((error, _)) => Some((Err(call.refuse(&error)), None)),
            Either::Right((Some(message), _)) => Some((message, Some((messages, revoked, call)))),
            Either::Right((None, _)) => None,
        }
    })))
}

// === impl Messages ===

impl<T> Reply for Messages<T> {
    fn length(&self) -> Option<usize> {
        None
    }
}

impl<T> Stream for Messages<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

/// Returns why the caller may no longer go on, once that is so.
async fn revoked(standing: Standing) -> Error {
    loop {
        standing.clock().sleep(CHECK_EVERY).await;
        if let Err(error) = standing.check().await {
            return error;
        }
    }
}
