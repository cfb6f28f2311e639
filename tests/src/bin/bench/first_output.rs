//! How long a byte takes from the program's `print` to the client. The program prints the moment at which it prints; both
//! sides read the same clock of the same machine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;

use crate::context::Context;
use crate::promises;
use crate::report::{Report, Table};
use crate::samples::Samples;
use crate::server::Zona;

const PART: &str = "output";
/// Pauses keep the lines apart, as in a program that works between them.
const CODE: &str = "import time\n\ndef main():\n    for _ in range(5):\n        print(time.time_ns())\n        time.sleep(0.02)\n";

/// Measures output latency.
///
/// # Errors
/// When the server does not start or an execution fails.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let server = Zona::start(context).await?;
    let client = server.client();
    let name = client.create("bench-output", CODE, Vec::new()).await?;
    let (mut first, mut later) = (Samples::default(), Samples::default());
    for _ in 0..context.effort.rounds {
        let mut pieces: Vec<(Vec<u8>, SystemTime)> = Vec::new();
        client.execute(&name, |data, moment| pieces.push((data.to_vec(), moment))).await?;
        let (head, tail) = pieces.split_first().context("nothing was printed")?;
        first.push(age(head)?.context("the first piece of output is empty")?);
        for piece in tail {
            if let Some(age) = age(piece)? {
                later.push(age);
            }
        }
    }
    let mut table = Table::new(PART, "Printed -> client has it", &["line", "p50 ms", "p95 ms", "p99 ms", "max ms", "lines"]);
    for (line, samples) in [("first", &first), ("later", &later)] {
        let figures = [0.5, 0.95, 0.99, 1.0].map(|share| samples.millis(share).into());
        table.row([line.into()].into_iter().chain(figures).chain([samples.len().into()]));
    }
    report.judge(&promises::FIRST_OUTPUT, first.millis(0.95));
    report.add(table);
    drop(client);
    server.stop().await
}

/// How old the oldest line of a piece was; `None` for a piece that holds no text.
fn age((data, seen): &(Vec<u8>, SystemTime)) -> anyhow::Result<Option<Duration>> {
    let Some(line) = std::str::from_utf8(data)?.lines().find(|line| !line.is_empty()) else { return Ok(None) };
    let printed = UNIX_EPOCH + Duration::from_nanos(line.parse().with_context(|| format!("{line:?} is not a moment"))?);
    Ok(Some(seen.duration_since(printed).unwrap_or_default()))
}
