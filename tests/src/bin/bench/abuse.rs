//! Peers that do half of what a call needs, or send what carries no work: what the server holds and spends meanwhile, when it has it
//! back, and what an ordinary client feels beside them.

mod floods;
mod halves;

use std::future::Future;
use std::time::Duration;

use e2e::host;

use crate::context::Context;
use crate::cpu::{Meter, Scope};
use crate::get_utility;
use crate::load::{self, Slice, Subject};
use crate::report::{Cell, Report, Table};
use crate::server::Zona;

const PART: &str = "abuse";
const MB: f64 = 1e6;
/// Calls a second of the ordinary client.
const RATE: f64 = 50.0;
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Time for what was held to be given back.
const SETTLE: Duration = Duration::from_secs(3);
/// How long requests that do not end are waited for: longer than they are given.
const HALVES: Duration = Duration::from_secs(35);
/// The same of answers that are not read, whose calls have two seconds.
const UNREAD: Duration = Duration::from_secs(6);
/// Whether what an allocator keeps adds up shows only when the same is done again.
const TIMES: usize = 3;
/// The ordinary client's utility, and the one whose answers are large.
const SMALL_CODE: &str = "def main():\n    return 1\n";
const LARGE: usize = 244_000;

/// What was seen of the server while something was done to it.
struct Seen {
    before: u64,
    peak: u64,
    after: u64,
    /// Of one processor.
    share: f64,
    others: Slice,
    /// What the peers say of their calls or connections.
    said: String,
}

/// Measures what peers can make a server hold and spend.
///
/// # Errors
/// When the server does not start, or an ordinary call fails.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let server = Zona::start(context).await?;
    let small = server.client().create("bench-small", SMALL_CODE, Vec::new()).await?;
    let large = server.client().create("bench-large", &large_code(), Vec::new()).await?;
    let ordinary = get_utility::subject(server.client(), &small);
    load::sequential(&ordinary, 100).await?;
    let scene = Scene { server: &server, ordinary: &ordinary };

    let columns = [
        "what others do",
        "before MB",
        "peak MB",
        "after MB",
        "server CPU %",
        "ordinary p50 ms",
        "p99 ms",
        "calls",
        "their calls, connections",
    ];
    let mut table = Table::new(PART, "A server beside peers that do half, or nothing, of what they could", &columns);
    let quiet = context.effort.slice * 2;
    table.row(scene.watch(quiet, async { Ok(String::new()) }).await?.row("nothing"));
    let address = server.address();
    table.row(scene.watch(HALVES, halves::requests(&address)).await?.row("64 requests of 8 MB that do not end"));
    for time in 1..=TIMES {
        let seen = scene.watch(UNREAD, halves::answers(&address, &large)).await?;
        table.row(seen.row(&format!("250 calls of 2 s whose answers are not read, time {time}")));
    }
    for (name, frame) in floods::kinds() {
        for (how, again) in [("one connection", false), ("ever new ones", true)] {
            let seen = scene.watch(quiet, floods::flood(&address, &frame, quiet, again)).await?;
            table.row(seen.row(&format!("{name} frames, {how}")));
        }
    }
    table.note("Memory is the server process's resident set; its processor time includes the ordinary client's calls (GetUtility, 50/s).");
    table.note("Peers, client and server share the processors.");
    report.add(table);
    drop(ordinary);
    server.stop().await
}

fn large_code() -> String {
    let line = format!("#{}\n", "x".repeat(60));
    format!("{}{SMALL_CODE}", line.repeat(LARGE / line.len()))
}

/// A server and the client that is to notice nothing.
struct Scene<'a> {
    server: &'a Zona,
    ordinary: &'a Subject,
}

// === impl Scene ===

impl Scene<'_> {
    /// Looks at the server for a time in which something is done to it.
    async fn watch(&self, time: Duration, abuse: impl Future<Output = anyhow::Result<String>>) -> anyhow::Result<Seen> {
        let pid = self.server.pid();
        let before = host::memory(pid);
        let meter = Meter::start(Scope::Tree(pid))?;
        let mut peak = before;
        let looking = async {
            loop {
                peak = peak.max(host::memory(pid));
                tokio::time::sleep(LOOK).await;
            }
        };
        let work = async {
            let (others, said) = tokio::join!(load::open_loop(self.ordinary, RATE, time, 1), abuse);
            anyhow::Ok((others?, said?))
        };
        let (others, said) = tokio::select! { done = work => done?, () = looking => anyhow::bail!("it looks for ever") };
        let share = meter.millis()? / (others.elapsed.as_secs_f64() * 10.0);
        anyhow::ensure!(others.failed == 0, "an ordinary call failed: {:?}", others.failure);
        tokio::time::sleep(SETTLE).await;
        Ok(Seen { before, peak, after: host::memory(pid), share, others, said })
    }
}

// === impl Seen ===

impl Seen {
    fn row(&self, what: &str) -> Vec<Cell> {
        let memory = [self.before, self.peak, self.after].map(|bytes| Cell::from(bytes as f64 / MB));
        let latencies = &self.others.latencies;
        let felt = [latencies.median().into(), latencies.millis(0.99).into(), latencies.len().into()];
        let said = if self.said.is_empty() { Cell::Absent } else { self.said.as_str().into() };
        let first = [Cell::from(what)].into_iter().chain(memory).chain([self.share.into()]);
        first.chain(felt).chain([said]).collect()
    }
}
