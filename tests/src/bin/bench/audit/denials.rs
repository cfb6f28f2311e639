//! Whether the time of a refusal tells that something exists: somebody without a right asks for a utility that is there and for one that is
//! not, in turns.

use std::time::Instant;

use super::signed_in;
use crate::context::Context;
use crate::part::Part;
use crate::peers::CODE;
use crate::report::{Report, Table};
use crate::rpc::TENANT;
use crate::samples::{Samples, median};
use crate::server::Zona;

/// Refusals of each kind in a slice.
const REFUSALS: usize = 200;

pub(super) async fn run(server: &Zona, context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let loopback = signed_in::connect(server, 1).await?;
    let eve = signed_in::user(&loopback, "eve").await?;
    let token = signed_in::sign_in(&loopback, &eve).await?;
    let client = server.client().showing(&token)?;
    let there = server.client().create("audit-denied", CODE, Vec::new()).await?;
    // Of the same length, as names are part of what is sent.
    let missing = format!("{TENANT}/utilities/audit-absent");
    anyhow::ensure!(there.len() == missing.len(), "{there} and {missing} differ in length");

    let mut subjects = [("there", there, Samples::default()), ("missing", missing, Samples::default())];
    let mut ratios = Vec::new();
    for _ in 0..context.effort.slices * 2 {
        let mut slices = [Samples::default(), Samples::default()];
        for _ in 0..REFUSALS {
            for ((_, name, _), slice) in subjects.iter().zip(&mut slices) {
                let begun = Instant::now();
                let answer = client.get(name).await;
                slice.push(begun.elapsed());
                anyhow::ensure!(answer.is_err(), "{name} is shown");
            }
        }
        ratios.push(slices[0].millis(0.5) / slices[1].millis(0.5));
        for ((_, _, samples), slice) in subjects.iter_mut().zip(&slices) {
            samples.extend(slice);
        }
    }
    let mut table = Table::new(
        Part::Audit.name(),
        "Refused GetUtility, one call after the other",
        &["the utility is", "p50 ms", "p95 ms", "p99 ms", "calls"],
    );
    for (what, _, samples) in &subjects {
        let times = [0.5, 0.95, 0.99].map(|share| samples.millis(share).into());
        table.row([(*what).into()].into_iter().chain(times).chain([samples.len().into()]));
    }
    let ratio = median(&ratios);
    table.note(format!("There divided by missing: {ratio:.3} (median over slices of the medians, call by call in turns)."));
    report.add(table);
    Ok(())
}
