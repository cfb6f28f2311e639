//! Scripts and steps that several stories share.

use std::time::Duration;

use api_proto::zona::{execution::v1::ExecutionEvent, utility::v1::Limits};
use e2e::rpc::{Client, Printed, next};

/// Prints a numbered line each `pause` seconds, `lines` times.
pub const TICKER: &str = r#"import time


def main(lines: int, pause: float = 0.0) -> int:
    for number in range(lines):
        print(f"line {number}")
        time.sleep(pause)
    return lines
"#;

/// Upper case, for the fast path.
pub const SHOUT: &str = "def transform(value: str, mark: str = \"!\") -> str:\n    return value.upper() + mark\n";

/// Limits that a run of a few minutes stays within.
pub fn patient() -> Limits {
    let minutes = Some(prost_duration(Duration::from_secs(240)));
    Limits { timeout: minutes, cpu_time: minutes, ..Limits::default() }
}

/// A duration as the contract carries it.
pub fn prost_duration(duration: Duration) -> prost_types::Duration {
    duration.try_into().expect("a short duration fits")
}

/// Starts the ticker for minutes, and waits until it has printed this many lines. Answers its name and the events so far.
pub async fn ticking(client: &mut Client, id: &str, lines: usize) -> (String, Vec<ExecutionEvent>) {
    let name = client.start(id, r#"{"lines": 1200, "pause": 0.1}"#).await;
    let mut stream = client.watch(&name, 0).await;
    let mut events = Vec::new();
    while Printed::of(&events).text().lines().count() < lines {
        let event = next(&mut stream, events.len() as i64).await;
        events.push(event.expect("the ticker runs for minutes"));
    }
    (name, events)
}

/// Checks that these are the first lines of the ticker, the last one possibly cut off.
#[track_caller]
pub fn assert_ticked(text: &str) {
    let expected: String = (0..text.lines().count()).map(|number| format!("line {number}\n")).collect();
    assert!(expected.starts_with(text) && !text.is_empty(), "not what the ticker prints: {text:?}");
}
