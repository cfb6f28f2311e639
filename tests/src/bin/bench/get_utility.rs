//! GetUtility beside a bare tonic server that sends the same message to the same client, slice by slice.

use std::sync::Arc;
use std::time::Instant;

use prost::Message as _;

use crate::context::Context;
use crate::cpu::{Meter, Scope};
use crate::load::{self, Slice, Subject};
use crate::promises;
use crate::report::{Report, Table};
use crate::rpc::Client;
use crate::samples::{Samples, median};
use crate::server::{Echo, Zona};

const PART: &str = "get";
const CALLERS: usize = 16;
/// Of one slice, what is called one by one.
const SEQUENTIAL: usize = 300;
/// The size of an ordinary utility.
const CODE: &str = include_str!("../../../../examples/extract_iocs.py");

/// Measures GetUtility.
///
/// # Errors
/// When a server does not start or a call fails.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let server = Zona::start(context).await?;
    let name = server.client().create("bench-get", CODE, Vec::new()).await?;
    let message = server.client().get(&name).await?.encode_to_vec();
    let echo = Echo::start(&message).await?;

    let mut subjects = [
        Measured::new("GetUtility", server.client(), server.pid(), &name),
        Measured::new("bare tonic echo", echo.client(), echo.pid(), &name),
    ];
    let mut shares = Vec::new();
    for _ in 0..context.effort.slices * 2 {
        let mut rates = Vec::new();
        for subject in &mut subjects {
            rates.push(subject.slice(context).await?);
        }
        shares.push(rates[0] / rates[1] * 100.0);
    }
    drop(echo);

    let title = format!("GetUtility, {} bytes, {CALLERS} callers on one connection", message.len());
    let mut table =
        Table::new(PART, title, &["server", "per second", "p50 ms", "p95 ms", "p99 ms", "one by one p50 ms", "server CPU µs each"]);
    for subject in &subjects {
        subject.row(&mut table);
    }
    report.judge(&promises::GET_SHARE, median(&shares));
    table.note("The share is the median over slices, each against its neighbor. Client and server share the processors.");
    report.add(table);
    drop(subjects);
    server.stop().await
}

/// Somebody who calls GetUtility, and what was measured.
pub struct Measured {
    name: &'static str,
    subject: Subject,
    scope: Scope,
    total: Slice,
    sequential: Samples,
    cpu_millis: f64,
}

impl Measured {
    /// The caller of `client`; processor time is that of the process `pid`.
    pub fn new(name: &'static str, client: Client, pid: u32, utility: &str) -> Self {
        let (subject, scope) = (subject(client, utility), Scope::Tree(pid));
        Measured { name, subject, scope, total: Slice::default(), sequential: Samples::default(), cpu_millis: 0.0 }
    }

    /// One slice: one by one, then all callers at once; answers the calls a second of that.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn slice(&mut self, context: &Context<'_>) -> anyhow::Result<f64> {
        self.sequential.extend(&load::sequential(&self.subject, SEQUENTIAL).await?);
        let meter = Meter::start(self.scope.clone())?;
        let slice = load::closed_loop(&self.subject, CALLERS, context.effort.slice / 2).await?;
        self.cpu_millis += meter.millis()?;
        anyhow::ensure!(slice.failed == 0, "{}: {:?}", self.name, slice.failure);
        let rate = slice.rate();
        self.total.absorb(slice);
        Ok(rate)
    }

    /// Adds what was measured.
    pub fn row(&self, table: &mut Table) {
        let (latencies, calls) = (&self.total.latencies, self.total.latencies.len() as f64);
        table.row([
            self.name.into(),
            self.total.rate().into(),
            latencies.median().into(),
            latencies.millis(0.95).into(),
            latencies.millis(0.99).into(),
            self.sequential.median().into(),
            (self.cpu_millis * 1e3 / calls).into(),
        ]);
    }
}

/// Calls GetUtility.
pub fn subject(client: Client, name: &str) -> Subject {
    let name: Arc<str> = name.into();
    Arc::new(move || {
        let (client, name) = (client.clone(), Arc::clone(&name));
        Box::pin(async move {
            client.get(&name).await?;
            Ok(Instant::now())
        })
    })
}
