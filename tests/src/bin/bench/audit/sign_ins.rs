//! Transform alone and beside a hundred sign-ins at once: what passwords cost is bounded.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::future::try_join_all;
use tonic::transport::Channel;

use super::signed_in;
use crate::context::Context;
use crate::load::{self, Slice};
use crate::neighbor::{Neighbor, Work};
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
/// Rounds for each slice of the effort: a p95 of one slice stands on seven calls.
const ROUNDS: u32 = 2;

/// What Transform runs beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    SignIns,
    /// The same hashes in a process of its own: what the sign-ins would cost if the server did nothing for them.
    Hashes,
    /// A process that gives way to everything: what a busy processor costs the other, whatever keeps it busy.
    Spinning,
}

/// Who signs in.
struct SigningIn {
    channels: Vec<Channel>,
    users: Vec<String>,
}

pub(super) async fn run(server: &Zona, context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let signing_in = SigningIn::on(server).await?;
    let name = server.client().create("audit-beside", CODE, Vec::new()).await?;
    let subject = transform::subject(server.client(), &name, 1);
    load::sequential(&subject, 20).await?;
    let (mut slices, mut growths): ([Slice; 4], [Vec<f64>; 4]) = Default::default();
    let mut took = Vec::new();
    for round in 0..context.effort.slices * ROUNDS {
        let seed = u64::from(round) + 1;
        let mut quiet = f64::NAN;
        for ((beside, all), growth) in Beside::ALL.into_iter().zip(&mut slices).zip(&mut growths) {
            let measured = load::open_loop(&subject, RATE, context.effort.slice, seed);
            let slice = match beside {
                Beside::Nothing => measured.await?,
                Beside::SignIns => {
                    let (slice, times) = tokio::try_join!(measured, signing_in.again(context.effort.slice))?;
                    took.extend(times);
                    slice
                }
                Beside::Hashes => with(Work::Hash, measured).await?,
                Beside::Spinning => with(Work::Spin, measured).await?,
            };
            anyhow::ensure!(slice.failed == 0, "a Transform failed: {:?}", slice.failure);
            let p95 = slice.latencies.millis(0.95);
            if beside == Beside::Nothing {
                quiet = p95;
            }
            growth.push((p95 / quiet - 1.0) * 100.0);
            all.absorb(slice);
        }
    }
    let title = format!("Transform at {RATE}/s, alone and beside {} sign-ins at once, again and again", USERS * EACH);
    let columns = ["Transform", "p50 ms", "p95 ms", "p99 ms", "calls", "p95 beside alone %"];
    let mut table = Table::new(Part::SignIns.name(), title, &columns);
    for ((beside, slice), growth) in Beside::ALL.into_iter().zip(&slices).zip(&growths) {
        let times = [0.5, 0.95, 0.99].map(|share| slice.latencies.millis(share).into());
        let growth = median(growth);
        table.row([beside.name().into()].into_iter().chain(times).chain([slice.latencies.len().into(), growth.into()]));
        if beside == Beside::SignIns {
            report.judge(&promises::SIGN_IN_GROWTH, growth);
        }
    }
    table.note(format!("A hundred sign-ins took {:.1} s (median). Growth: median over slices, each against its neighbor.", median(&took)));
    table.note("Hashes and spinning are of processes of their own: no work of the server's, and so nothing that it could do about them.");
    report.add(table);
    Ok(())
}

async fn with(work: Work, measured: impl Future<Output = anyhow::Result<Slice>>) -> anyhow::Result<Slice> {
    let neighbor = tokio::task::spawn_blocking(move || Neighbor::start(work)).await??;
    let slice = measured.await;
    drop(neighbor);
    slice
}

// === impl Beside ===

impl Beside {
    /// The quiet one comes first: the others of its round are compared with it.
    const ALL: [Beside; 4] = [Beside::Nothing, Beside::SignIns, Beside::Hashes, Beside::Spinning];

    fn name(self) -> &'static str {
        match self {
            Beside::Nothing => "alone",
            Beside::SignIns => "beside the sign-ins",
            Beside::Hashes => "beside such hashes of another process",
            Beside::Spinning => "beside a process that only spins, and gives way",
        }
    }
}

// === impl SigningIn ===

impl SigningIn {
    async fn on(server: &Zona) -> anyhow::Result<Self> {
        let channel = signed_in::connect(server, 1).await?;
        let (mut channels, mut users) = (Vec::new(), Vec::new());
        for number in 0..USERS {
            users.push(signed_in::user(&channel, &format!("user-{number}")).await?);
        }
        for number in 0..ADDRESSES {
            channels.push(signed_in::connect(server, FIRST + number).await?);
        }
        Ok(SigningIn { channels, users })
    }

    /// A hundred at once, again as soon as all have ended; answers the seconds that each time took.
    async fn again(&self, time: Duration) -> anyhow::Result<Vec<f64>> {
        let SigningIn { channels, users } = self;
        let (begun, mut took) = (Instant::now(), Vec::new());
        while begun.elapsed() < time {
            let round = Instant::now();
            let all = (0..USERS * EACH).map(|number| signed_in::sign_in(&channels[number % channels.len()], &users[number % users.len()]));
            try_join_all(all).await.context("a sign-in was refused")?;
            took.push(round.elapsed().as_secs_f64());
        }
        Ok(took)
    }
}
