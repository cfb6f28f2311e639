//! One log line as one JSON object: `time`, `level`, `target`, `message`, then the fields of the event and of the spans around
//! it, all at the top; an inner field hides an outer one of the same name.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Expects span fields as [`tracing_subscriber::fmt::format::JsonFields`] writes them.
pub(super) struct JsonLine;

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Map::new();
        let mut spans = Vec::new();
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            spans.push(span.name());
            if let Some(recorded) = span.extensions().get::<FormattedFields<N>>()
                && let Ok(Value::Object(recorded)) = serde_json::from_str(&recorded.fields)
            {
                fields.extend(recorded);
            }
        }
        event.record(&mut Fields(&mut fields));
        write_line(&mut writer, event, fields, &spans)
    }
}

fn write_line(writer: &mut Writer<'_>, event: &Event<'_>, mut fields: Map<String, Value>, spans: &[&str]) -> fmt::Result {
    let metadata = event.metadata();
    let message = fields.remove("message").unwrap_or_default();
    let time = jiff::Timestamp::now();
    write!(writer, r#"{{"time":"{time:.6}","level":"{}","target":{}"#, metadata.level(), Value::from(metadata.target()))?;
    write!(writer, r#","message":{message}"#)?;
    for (name, value) in fields {
        write!(writer, ",{}:{value}", Value::from(name))?;
    }
    if !spans.is_empty() {
        write!(writer, r#","spans":{}"#, Value::from(spans))?;
    }
    writeln!(writer, "}}")
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: Value) {
        let name = field.name();
        // A library's field must not pass for one of ours.
        let name = if matches!(name, "time" | "level" | "target" | "spans") { format!("field_{name}") } else { name.to_owned() };
        self.0.insert(name, value);
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            // Some libraries repeat their cause in their own words.
            if !text.ends_with(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            source = cause.source();
        }
        self.put(field, text.into());
    }
}
