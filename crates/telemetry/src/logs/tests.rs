//! How log lines look, and what is kept out of them.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

use super::*;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Captured;

    fn make_writer(&'a self) -> Captured {
        self.clone()
    }
}

fn lines_of(filter: &str, work: impl FnOnce()) -> Vec<Value> {
    let captured = Captured::default();
    let layer = tracing_subscriber::fmt::layer().with_writer(captured.clone()).fmt_fields(JsonFields::new()).event_format(JsonLine);
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(parse_filter(filter).unwrap()));
    tracing::subscriber::with_default(subscriber, work);
    let text = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_line_carries_the_request_and_trace_of_the_spans_around_it() {
    let lines = lines_of("info", || {
        let _request = tracing::info_span!("request", request_id = "r-1", trace_id = "abc", attempt = 1).entered();
        let _inner = tracing::info_span!("commit", attempt = 2).entered();
        tracing::info!(bytes = 12, name = %"x\"y", "stored");
    });
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(line["message"], "stored");
    assert_eq!(line["level"], "INFO");
    assert_eq!((&line["request_id"], &line["trace_id"]), (&"r-1".into(), &"abc".into()));
    assert_eq!((&line["attempt"], &line["bytes"], &line["name"]), (&2.into(), &12.into(), &"x\"y".into()));
    assert_eq!(line["spans"], serde_json::json!(["request", "commit"]));
    assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
}

#[test]
fn a_field_cannot_pass_for_the_lines_own() {
    let lines = lines_of("info", || tracing::warn!(level = "fine", time = "never", "odd"));
    assert_eq!(lines[0]["level"], "WARN");
    assert_eq!(lines[0]["field_level"], "fine");
    assert_eq!(lines[0]["field_time"], "never");
}

#[test]
fn an_error_is_logged_with_its_causes() {
    let error = Error::Filter { filter: "x=y".to_owned(), source: "x=y".parse::<Directive>().unwrap_err() };
    let lines = lines_of("info", || tracing::error!(error = &error as &dyn std::error::Error, "no start"));
    let text = lines[0]["error"].as_str().unwrap();
    let (own, cause) = text.split_once("debug`: ").unwrap();
    assert!(own.starts_with("`x=y` is not a log filter"), "{text}");
    assert_eq!(cause.matches("expected one of").count(), 1, "{text}");
}

#[test]
fn a_silent_collector_is_not_logged() {
    let lines = lines_of("trace", || {
        tracing::error!(target: "opentelemetry_sdk", "BatchSpanProcessor.ExportError");
        tracing::error!(target: "opentelemetry-otlp", "export failed");
        tracing::error!(target: "zona", "ours");
    });
    assert_eq!(lines.iter().map(|line| line["message"].as_str().unwrap()).collect::<Vec<_>>(), ["ours"]);
}

#[test]
fn a_filter_that_cannot_be_read_says_how_to_write_one() {
    check_filter("info,sandbox=debug").unwrap();
    let error = check_filter("sandbox=loud").unwrap_err();
    assert_eq!(error.to_string(), "`sandbox=loud` is not a log filter; use a level such as `info`, or `info,sandbox=debug`");
}
