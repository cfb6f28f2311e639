//! `zona.event.v1.EventService`: following what happens. Nothing is decided here.

use api_proto::zona::event::v1 as pb;
use domain::event::{EventLog, EventSelection, actions};
use futures_util::StreamExt as _;
use tonic::{Request, Response, Status};

use crate::convert::{Violations, WireViolations as _, event_log, utility};
use crate::handler::Handler;
use crate::perform::Permitted;
use crate::stream::{Messages, while_standing};

/// Handles the methods of EventService.
pub(crate) type EventHandler = Handler<EventLog>;

#[tonic::async_trait]
impl pb::event_service_server::EventService for EventHandler {
    type SubscribeEventsStream = Messages<pb::SubscribeEventsResponse>;

    async fn subscribe_events(
        &self,
        request: Request<pb::SubscribeEventsRequest>,
    ) -> Result<Response<Self::SubscribeEventsStream>, Status> {
        let name = |body: &pb::SubscribeEventsRequest| utility::parent(&body.parent);
        self.perform(request, name, |log, permitted: Permitted<actions::SubscribeEvents, _>| async move {
            let Permitted { permit, body, call, standing } = permitted;
            let mut violations = Violations::default();
            let selection = EventSelection::read("types", body.types, &mut violations);
            let after = body.after_sequence.map(|after| violations.sequence("after_sequence", after));
            let (selection, after) = violations.unless_any((selection, after))?;
            let subscription = log.subscribe(permit, selection, after).await?;
            let refusing = call.clone();
            let parts = subscription.map(move |part| part.map(event_log::heard_to_wire).map_err(|error| refusing.refuse(&error)));
            Ok(while_standing(call, standing, parts))
        })
        .await
    }
}
