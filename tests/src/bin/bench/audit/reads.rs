//! GetUtility and Transform of somebody who is signed in and was granted the utility, beside the same calls over the loopback interface,
//! which show nothing, and GetUtility beside a bare echo of the same message. All of the server's own calls are recorded.

use prost::Message as _;

use super::signed_in;
use crate::context::Context;
use crate::get_utility::Measured;
use crate::load;
use crate::part::Part;
use crate::peers::CODE;
use crate::report::{Report, Table};
use crate::samples::{Samples, median};
use crate::server::{Echo, Zona};
use crate::transform;

/// The size of an ordinary utility.
const SOURCE: &str = include_str!("../../../../../examples/extract_iocs.py");
/// Of one slice of Transform, what is called one by one.
const TRANSFORMS: usize = 100;

pub(super) async fn run(server: &Zona, context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let loopback = signed_in::connect(server, 1).await?;
    let ann = signed_in::user(&loopback, "ann").await?;
    let (get, transform) = (
        server.client().create("audit-get", SOURCE, Vec::new()).await?,
        server.client().create("audit-transform", CODE, Vec::new()).await?,
    );
    for utility in [&get, &transform] {
        signed_in::share(&loopback, utility, &ann).await?;
    }
    let token = signed_in::sign_in(&loopback, &ann).await?;
    gets(server, &get, &token, context, report).await?;
    transforms(server, &transform, &token, context, report).await
}

async fn gets(server: &Zona, name: &str, token: &str, context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let message = server.client().get(name).await?.encode_to_vec();
    let echo = Echo::start(&message).await?;
    let mut subjects = [
        Measured::new("signed in, granted", server.client().showing(token)?, server.pid(), name),
        Measured::new("over the loopback interface", server.client(), server.pid(), name),
        Measured::new("bare tonic echo", echo.client(), echo.pid(), name),
    ];
    let (mut of_loopback, mut of_echo) = (Vec::new(), Vec::new());
    for _ in 0..context.effort.slices * 2 {
        let mut rates = Vec::new();
        for subject in &mut subjects {
            rates.push(subject.slice(context).await?);
        }
        of_loopback.push(rates[0] / rates[1] * 100.0);
        of_echo.push(rates[0] / rates[2] * 100.0);
    }
    let title = format!("GetUtility, {} bytes, recorded and durable before the answer", message.len());
    let mut table = Table::new(
        Part::Audit.name(),
        title,
        &["caller", "per second", "p50 ms", "p95 ms", "p99 ms", "one by one p50 ms", "server CPU µs each"],
    );
    for subject in &subjects {
        subject.row(&mut table);
    }
    let (of_loopback, of_echo) = (median(&of_loopback), median(&of_echo));
    table.note(format!("Signed in: {of_loopback:.0} % of the throughput over the loopback interface, {of_echo:.0} % of the bare echo's."));
    table
        .note("Medians over slices, each against its neighbors. What the promise is about, a build without records, `--against` measures.");
    report.add(table);
    Ok(())
}

async fn transforms(server: &Zona, name: &str, token: &str, context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let callers = [("signed in, granted", server.client().showing(token)?), ("over the loopback interface", server.client())];
    let mut measured = callers.map(|(caller, client)| (caller, transform::subject(client, name, 1), Samples::default()));
    for (_, subject, _) in &measured {
        load::sequential(subject, 20).await?;
    }
    for _ in 0..context.effort.slices * 2 {
        for (_, subject, samples) in &mut measured {
            samples.extend(&load::sequential(subject, TRANSFORMS.min(context.effort.rounds)).await?);
        }
    }
    let mut table = Table::new(
        Part::Audit.name(),
        "Transform, one value, one call after the other",
        &["caller", "p50 ms", "p95 ms", "p99 ms", "calls"],
    );
    for (caller, _, samples) in &measured {
        let times = [0.5, 0.95, 0.99].map(|share| samples.millis(share).into());
        table.row([(*caller).into()].into_iter().chain(times).chain([samples.len().into()]));
    }
    table.note("The intent is stored in the commit that stores the execution.");
    report.add(table);
    Ok(())
}
