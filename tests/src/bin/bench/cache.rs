//! GetUtility answered from memory, from Redis and from the store, beside a bare tonic server that sends the same message, slice by slice.

use e2e::server::Backend;
use prost::Message as _;
use test_support::RedisServer;

use crate::context::Context;
use crate::get_utility::Measured;
use crate::promises;
use crate::report::{Report, Table};
use crate::samples::median;
use crate::server::{Echo, Zona};

const PART: &str = "cache";
/// The size of an ordinary utility.
const CODE: &str = include_str!("../../../../examples/extract_iocs.py");

/// Measures GetUtility at each level.
///
/// # Errors
/// When a server does not start or a call fails.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let redis = tokio::task::spawn_blocking(RedisServer::start).await?;
    let shared = |max_bytes: u64| format!("[cache]\nredis = \"{}\"\nmax_bytes = {max_bytes}\n", redis.url());
    let levels = [
        ("from memory, alone", String::new()),
        ("from memory, shared", shared(64 << 20)),
        ("from Redis", shared(0)),
        ("from the store", "[cache]\nmax_bytes = 0\n".to_owned()),
    ];
    let (mut servers, mut subjects, mut message) = (Vec::new(), Vec::new(), Vec::new());
    for (index, (name, toml)) in levels.into_iter().enumerate() {
        let server = Zona::configured(context.scratch.join(format!("data-{index}")), Backend::Namespace, toml).await?;
        let utility = server.client().create("bench-cache", CODE, Vec::new()).await?;
        message = server.client().get(&utility).await?.encode_to_vec();
        subjects.push(Measured::new(name, server.client(), server.pid(), &utility));
        servers.push((server, utility));
    }
    let echo = Echo::start(&message).await?;
    subjects.push(Measured::new("bare tonic echo", echo.client(), echo.pid(), &servers[0].1));

    let mut shares = vec![Vec::new(); servers.len()];
    for _ in 0..context.effort.slices * 2 {
        let mut rates = Vec::new();
        for subject in &mut subjects {
            rates.push(subject.slice(context).await?);
        }
        let echoed = rates.pop().unwrap_or_default();
        for (shares, rate) in shares.iter_mut().zip(rates) {
            shares.push(rate / echoed * 100.0);
        }
    }
    drop(echo);

    let title = format!("GetUtility at each level, {} bytes", message.len());
    let mut table =
        Table::new(PART, title, &["answered", "per second", "p50 ms", "p95 ms", "p99 ms", "one by one p50 ms", "server CPU µs each"]);
    for subject in &subjects {
        subject.row(&mut table);
    }
    report.judge(&promises::GET_FIRST_SHARE, median(&shares[1]));
    report.judge(&promises::GET_SECOND_SHARE, median(&shares[2]));
    table.note("Shares are medians over slices, each against its neighbor. Client, servers and Redis share the processors.");
    report.add(table);
    drop(subjects);
    for (server, _) in servers {
        server.stop().await?;
    }
    Ok(())
}
