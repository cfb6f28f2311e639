//! Where the time of a call goes, stage by stage, from the client's send to its receive. The server marks the stages in its log
//! (`docs/operations.md`, Logs), client and server read one clock, and the same calls without marks say what these cost.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use e2e::server::Backend;
use jiff::Timestamp;
use serde_json::Value;

use crate::context::Context;
use crate::load;
use crate::part::Part;
use crate::peers::CODE;
use crate::report::{Report, Table};
use crate::rpc::Client;
use crate::samples::Samples;
use crate::server::Zona;
use crate::{get_utility, transform};

/// What the server is to log.
const MARKS: &str = "[log]\nfilter = \"info,timeline=trace\"\n";
/// The size of an ordinary utility.
const SOURCE: &str = include_str!("../../../../examples/extract_iocs.py");
/// Calls for each round.
const CALLS_A_ROUND: usize = 5;
/// Between calls that are not to meet what the one before has left to do.
const PAUSE: Duration = Duration::from_millis(50);
/// How long the last marks may take to be read.
const PATIENCE: Duration = Duration::from_secs(5);

const SENT: &str = "sent";
const RECEIVED: &str = "received";
/// What comes last of an execution.
const END_STORED: &str = "end stored";

/// From which mark to which, and what happens in between.
type Stage = (&'static str, &'static str, &'static str);

const WHOLE: Stage = (SENT, RECEIVED, "the whole call");
const TRANSFORM: [Stage; 10] = [
    (SENT, "arrived", "the client encodes, HTTP/2, a task of the server begins"),
    ("arrived", "permitted", "the request is decoded; who calls, and may they"),
    ("permitted", "storing", "utility loaded, parameters bound, a place taken, a task begun"),
    ("storing", "stored", "the execution and its intent are stored durably"),
    ("stored", "starting", "its turn"),
    ("starting", "handed over", "the program is encoded, a child taken and written to"),
    ("handed over", "result", "the program runs"),
    ("result", "worked", "the verdicts reach the handler"),
    ("worked", "answered", "the answer is encoded"),
    ("answered", RECEIVED, "HTTP/2, the client decodes"),
];
const BEHIND: [Stage; 2] =
    [("result", "exited", "behind the answer: the child ends"), ("exited", END_STORED, "behind the answer: the end is stored durably")];
const GET: [Stage; 6] = [
    (SENT, "arrived", "the client encodes, HTTP/2, a task of the server begins"),
    ("arrived", "permitted", "the request is decoded; who calls, and may they"),
    ("permitted", "worked", "the utility is loaded and converted"),
    ("worked", "recorded", "the record is stored durably"),
    ("recorded", "answered", "the answer is encoded"),
    ("answered", RECEIVED, "HTTP/2, the client decodes"),
];

/// One call: when each stage was reached.
type Marks = BTreeMap<String, Timestamp>;

/// Measures the stages.
///
/// # Errors
/// When a server does not start, a call fails, or a mark is missing.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let plain = Zona::on(context.scratch.join("plain")).await?;
    let marking = Zona::configured(context.scratch.join("marking"), Backend::Namespace, MARKS.to_owned()).await?;
    let count = context.effort.rounds * CALLS_A_ROUND;
    for (title, pause) in [("one call after the other", None), ("50 ms between calls", Some(PAUSE))] {
        let without = unmarked(&plain, pause, count).await?;
        let marks = transforms(&marking, pause, count).await?;
        let stages: Vec<Stage> = [WHOLE].into_iter().chain(TRANSFORM).chain(BEHIND).collect();
        report.add(table(&format!("Transform, one value, {title}"), &stages, &marks, &without)?);
    }
    let (without, marks) = gets(&plain, &marking, count).await?;
    let stages: Vec<Stage> = [WHOLE].into_iter().chain(GET).collect();
    report.add(table("GetUtility, one call after the other", &stages, &marks, &without)?);
    plain.stop().await?;
    marking.stop().await
}

async fn unmarked(server: &Zona, pause: Option<Duration>, count: usize) -> anyhow::Result<Samples> {
    let name = utility(&server.client(), "plain", pause, CODE).await?;
    let subject = transform::subject(server.client(), &name, 1);
    load::sequential(&subject, 20).await?;
    let mut samples = Samples::default();
    for _ in 0..count {
        samples.extend(&load::sequential(&subject, 1).await?);
        rest(pause).await;
    }
    Ok(samples)
}

async fn transforms(server: &Zona, pause: Option<Duration>, count: usize) -> anyhow::Result<Vec<Marks>> {
    let name = utility(&server.client(), "marked", pause, CODE).await?;
    load::sequential(&transform::subject(server.client(), &name, 1), 20).await?;
    let (mut calls, kind) = (BTreeMap::new(), kind("transform", pause));
    for number in 0..count {
        let id = format!("{kind}-{number}");
        let client = server.client().under(&id)?;
        let sent = Timestamp::now();
        client.transform(&name, vec!["\"value\"".to_owned()]).await?;
        calls.insert(id, ends(sent));
        rest(pause).await;
    }
    marked(server, calls, END_STORED).await
}

async fn gets(plain: &Zona, marking: &Zona, count: usize) -> anyhow::Result<(Samples, Vec<Marks>)> {
    let name = utility(&plain.client(), "get", None, SOURCE).await?;
    let without = load::sequential(&get_utility::subject(plain.client(), &name), count).await?;
    let name = utility(&marking.client(), "get", None, SOURCE).await?;
    load::sequential(&get_utility::subject(marking.client(), &name), 20).await?;
    let mut calls = BTreeMap::new();
    for number in 0..count {
        let id = format!("get-{number}");
        let client = marking.client().under(&id)?;
        let sent = Timestamp::now();
        client.get(&name).await?;
        calls.insert(id, ends(sent));
    }
    Ok((without, marked(marking, calls, "answered").await?))
}

async fn utility(client: &Client, kind_of: &str, pause: Option<Duration>, code: &str) -> anyhow::Result<String> {
    client.create(&kind(&format!("bench-{kind_of}"), pause), code, Vec::new()).await
}

fn kind(name: &str, pause: Option<Duration>) -> String {
    format!("{name}-{}", pause.map_or("at-once", |_| "paused"))
}

async fn rest(pause: Option<Duration>) {
    if let Some(pause) = pause {
        tokio::time::sleep(pause).await;
    }
}

/// What the client knows of a call that was answered right now.
fn ends(sent: Timestamp) -> Marks {
    BTreeMap::from([(SENT.to_owned(), sent), (RECEIVED.to_owned(), Timestamp::now())])
}

/// The calls with the marks of the server, once each has its last.
async fn marked(server: &Zona, calls: BTreeMap<String, Marks>, last: &str) -> anyhow::Result<Vec<Marks>> {
    let patience = Instant::now() + PATIENCE;
    loop {
        let mut calls = calls.clone();
        for line in server.printed() {
            let Some((id, stage, at)) = mark(&line) else { continue };
            if let Some(marks) = calls.get_mut(&id) {
                marks.insert(stage, at);
            }
        }
        if calls.values().all(|marks| marks.contains_key(last)) {
            return Ok(calls.into_values().collect());
        }
        anyhow::ensure!(Instant::now() < patience, "a call was not marked `{last}`");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whose mark a line of the log is, which, and when.
fn mark(line: &str) -> Option<(String, String, Timestamp)> {
    let line: Value = serde_json::from_str(line).ok()?;
    let text = |name: &str| line.get(name).and_then(Value::as_str);
    (text("target")? == "timeline").then_some(())?;
    Some((text("request_id")?.to_owned(), text("stage")?.to_owned(), text("time")?.parse().ok()?))
}

fn table(title: &str, stages: &[Stage], calls: &[Marks], without: &Samples) -> anyhow::Result<Table> {
    let mut table = Table::new(Part::Timeline.name(), title, &["from", "to", "what happens", "p50 \u{b5}s", "p95 \u{b5}s", "p99 \u{b5}s"]);
    for (from, to, what) in stages {
        let times: Option<Samples> = calls.iter().map(|marks| between(marks, from, to)).collect();
        let times = times.with_context(|| format!("a call was not marked `{from}` or `{to}`"))?;
        let figures = [0.5, 0.95, 0.99].map(|share| (times.millis(share) * 1e3).into());
        table.row([(*from).into(), (*to).into(), (*what).into()].into_iter().chain(figures));
    }
    let (median, slow) = (without.median() * 1e3, without.millis(0.95) * 1e3);
    table.note(format!("{} calls. Without marks the whole call takes {median:.0} \u{b5}s (p95 {slow:.0}).", calls.len()));
    Ok(table)
}

/// Tasks of the server mark at the same time, so that one may seem to come before the other.
fn between(marks: &Marks, from: &str, to: &str) -> Option<Duration> {
    let span = marks.get(to)?.duration_since(*marks.get(from)?);
    Some(Duration::try_from(span).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_from_the_log_and_anything_else_is_not() {
        let line = r#"{"time":"2026-01-01T00:00:00.000250Z","level":"TRACE","target":"timeline","message":null,"stage":"arrived","request_id":"get-1"}"#;
        let (id, stage, at) = mark(line).unwrap();
        assert_eq!((id.as_str(), stage.as_str(), at.as_microsecond() % 1_000_000), ("get-1", "arrived", 250));
        assert!(mark(&line.replace("timeline", "server")).is_none() && mark("serving").is_none());
    }

    #[test]
    fn a_stage_is_the_time_between_its_marks() {
        let at = |micros| Timestamp::from_microsecond(micros).unwrap();
        let marks = BTreeMap::from([(SENT.to_owned(), at(100)), ("arrived".to_owned(), at(350)), (RECEIVED.to_owned(), at(340))]);
        assert_eq!(between(&marks, SENT, "arrived"), Some(Duration::from_micros(250)));
        assert_eq!(between(&marks, "arrived", RECEIVED), Some(Duration::ZERO), "they may come at the same time");
        assert_eq!(between(&marks, SENT, "absent"), None);
    }
}
