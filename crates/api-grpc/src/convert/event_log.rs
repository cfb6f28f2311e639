//! What happened in a tenant, as it is answered.

use api_proto::zona::event::v1 as pb;
use domain::event::{Detail, Details, Event, Heard};
use serde_json::{Map, Value};

use crate::convert::{size, time};

/// A part of a subscription.
pub(crate) fn heard_to_wire(heard: Heard) -> pb::SubscribeEventsResponse {
    use pb::subscribe_events_response::Part;
    let part = match heard {
        Heard::Event(event) => Part::Event(event_to_wire(*event)),
        Heard::Reached(sequence) => Part::ReachedSequence(size(sequence)),
    };
    pb::SubscribeEventsResponse { part: Some(part) }
}

/// An event.
pub(crate) fn event_to_wire(event: Event) -> pb::Event {
    pb::Event {
        sequence: size(event.sequence),
        source: event.source(),
        id: event.id,
        r#type: event.kind.as_str().to_owned(),
        subject: event.subject,
        time: Some(time::timestamp(event.time)),
        data_json: data(event.details).to_string(),
    }
}

fn data(details: Details) -> Value {
    let value = |detail| match detail {
        Detail::Text(text) => Value::from(text),
        Detail::Number(number) => Value::from(number),
    };
    Value::Object(details.into_iter().map(|(name, detail)| (name, value(detail))).collect::<Map<_, _>>())
}
