//! Whether the time of a refusal tells that something exists: somebody without a right asks for utilities that are there, are not, were
//! deleted and are another tenant's, in turns.

use std::time::Instant;

use super::signed_in;
use crate::context::Context;
use crate::part::Part;
use crate::peers::CODE;
use crate::report::{Report, Table};
use crate::rpc::TENANT;
use crate::samples::{Samples, median};
use crate::server::Zona;

/// A tenant that there is not, with a name as long.
const ELSEWHERE: &str = "tenants/none";
/// Refusals of each kind in a slice.
const REFUSALS: usize = 200;

pub(super) async fn run(server: &Zona, context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let loopback = signed_in::connect(server, 1).await?;
    let eve = signed_in::user(&loopback, "eve").await?;
    let token = signed_in::sign_in(&loopback, &eve).await?;
    let client = server.client().showing(&token)?;
    let missing = format!("{TENANT}/utilities/audit-absent");
    let there = server.client().create("audit-denied", CODE, Vec::new()).await?;
    let deleted = server.client().create("audit-former", CODE, Vec::new()).await?;
    server.client().delete(&deleted).await?;
    // Other tenants' are denied by their names alone, whether there are any.
    let foreign = missing.replace(TENANT, ELSEWHERE);
    // Of the same length, as names are part of what is sent.
    anyhow::ensure!([&there, &deleted, &foreign].iter().all(|name| name.len() == missing.len()), "the names differ in length");

    let subjects = [("missing", missing), ("there", there), ("deleted", deleted), ("another tenant's", foreign)];
    let mut subjects = subjects.map(|(what, name)| (what, name, Samples::default()));
    let mut ratios: [Vec<f64>; 4] = Default::default();
    for _ in 0..context.effort.slices * 2 {
        let mut slices: [Samples; 4] = Default::default();
        for round in 0..REFUSALS {
            // Each begins as often as any other: what a call finds depends on the call before it.
            for turn in 0..subjects.len() {
                let which = (round + turn) % subjects.len();
                let name = &subjects[which].1;
                let begun = Instant::now();
                let answer = client.get(name).await;
                slices[which].push(begun.elapsed());
                anyhow::ensure!(answer.is_err(), "{name} is shown");
            }
        }
        let missing = slices[0].millis(0.5);
        for (((_, _, samples), ratios), slice) in subjects.iter_mut().zip(&mut ratios).zip(&slices) {
            ratios.push(slice.millis(0.5) / missing);
            samples.extend(slice);
        }
    }
    let mut table = Table::new(
        Part::Refusals.name(),
        "Refused GetUtility, one call after the other",
        &["the utility is", "p50 ms", "p95 ms", "p99 ms", "calls", "beside missing"],
    );
    for ((what, _, samples), ratios) in subjects.iter().zip(&ratios) {
        let times = [0.5, 0.95, 0.99].map(|share| samples.millis(share).into());
        table.row([(*what).into()].into_iter().chain(times).chain([samples.len().into(), median(ratios).into()]));
    }
    table.note("Beside missing: median over slices of the ratios of their medians, call by call in turns.");
    report.add(table);
    Ok(())
}
