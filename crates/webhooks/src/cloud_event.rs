//! An event as it is sent: a CloudEvent (1.0) in its JSON form.

use std::collections::BTreeMap;

use domain::event::{Detail, Event};
use serde::Serialize;

#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: &'a str,
    source: String,
    r#type: &'static str,
    subject: &'a str,
    time: String,
    sequence: String,
    datacontenttype: &'static str,
    data: BTreeMap<&'a str, Value<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Text(&'a str),
    Number(u64),
}

/// The text that is sent.
pub(crate) fn text(event: &Event) -> String {
    let millis = i64::try_from(event.time.as_millis()).unwrap_or(i64::MAX);
    let cloud_event = CloudEvent {
        specversion: "1.0",
        id: &event.id,
        source: event.source(),
        r#type: event.kind.as_str(),
        subject: &event.subject,
        time: jiff::Timestamp::from_millisecond(millis).map(|time| time.to_string()).unwrap_or_default(),
        sequence: format!("{:020}", event.sequence),
        datacontenttype: "application/json",
        data: event.details.iter().map(|(name, detail)| (name.as_str(), value(detail))).collect(),
    };
    serde_json::to_string(&cloud_event).expect("texts and numbers have a JSON form")
}

fn value(detail: &Detail) -> Value<'_> {
    match detail {
        Detail::Text(text) => Value::Text(text),
        Detail::Number(number) => Value::Number(*number),
    }
}
