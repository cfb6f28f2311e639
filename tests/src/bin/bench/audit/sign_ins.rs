//! Transform alone and beside a hundred sign-ins at once: what passwords cost is bounded.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::future::try_join_all;
use tonic::transport::Channel;

use super::signed_in;
use crate::context::Context;
use crate::load::{self, Slice};
use crate::part::Part;
use crate::peers::CODE;
use crate::promises;
use crate::report::{Report, Table};
use crate::samples::median;
use crate::server::Zona;
use crate::transform;

/// Sign-ins at once: as many users, each as often, from as many addresses. Attempts that have not ended count as failed ones, of which
/// a user has five and an address twenty without a wait.
const USERS: usize = 25;
const EACH: usize = 4;
const ADDRESSES: u8 = 10;
/// The first address that sign-ins come from.
const FIRST: u8 = 11;
/// Transforms a second.
const RATE: f64 = 50.0;

pub(super) async fn run(server: &Zona, context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let channel = signed_in::connect(server, 1).await?;
    let mut users = Vec::new();
    for number in 0..USERS {
        users.push(signed_in::user(&channel, &format!("user-{number}")).await?);
    }
    let mut channels = Vec::new();
    for number in 0..ADDRESSES {
        channels.push(signed_in::connect(server, FIRST + number).await?);
    }
    let name = server.client().create("audit-beside", CODE, Vec::new()).await?;
    let subject = transform::subject(server.client(), &name, 1);
    load::sequential(&subject, 20).await?;
    let (mut alone, mut beside, mut growth, mut took) = (Slice::default(), Slice::default(), Vec::new(), Vec::new());
    for round in 0..context.effort.slices {
        let seed = u64::from(round) + 1;
        let quiet = load::open_loop(&subject, RATE, context.effort.slice, seed).await?;
        let again = sign_in_again(&channels, &users, context.effort.slice);
        let (loud, times) = tokio::try_join!(load::open_loop(&subject, RATE, context.effort.slice, seed), again)?;
        anyhow::ensure!(quiet.failed + loud.failed == 0, "a Transform failed: {:?}", quiet.failure.or(loud.failure));
        growth.push((loud.latencies.millis(0.95) / quiet.latencies.millis(0.95) - 1.0) * 100.0);
        took.extend(times);
        alone.absorb(quiet);
        beside.absorb(loud);
    }
    let title = format!("Transform at {RATE}/s, alone and beside {} sign-ins at once, again and again", USERS * EACH);
    let mut table = Table::new(Part::Audit.name(), title, &["Transform", "p50 ms", "p95 ms", "p99 ms", "calls"]);
    for (what, slice) in [("alone", &alone), ("beside the sign-ins", &beside)] {
        let times = [0.5, 0.95, 0.99].map(|share| slice.latencies.millis(share).into());
        table.row([what.into()].into_iter().chain(times).chain([slice.latencies.len().into()]));
    }
    report.judge(&promises::SIGN_IN_GROWTH, median(&growth));
    table.note(format!("A hundred sign-ins took {:.1} s (median). Growth: median over slices, each against its neighbor.", median(&took)));
    report.add(table);
    Ok(())
}

/// A hundred at once, again as soon as all have ended; answers the seconds that each time took.
async fn sign_in_again(channels: &[Channel], users: &[String], time: Duration) -> anyhow::Result<Vec<f64>> {
    let (begun, mut took) = (Instant::now(), Vec::new());
    while begun.elapsed() < time {
        let round = Instant::now();
        let all = (0..USERS * EACH).map(|number| signed_in::sign_in(&channels[number % channels.len()], &users[number % users.len()]));
        try_join_all(all).await.context("a sign-in was refused")?;
        took.push(round.elapsed().as_secs_f64());
    }
    Ok(took)
}
