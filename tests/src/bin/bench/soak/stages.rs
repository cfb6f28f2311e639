//! The stages of a soak: how much is done, and what is held after each.

use super::census::{Census, Place};
use crate::arguments::Arguments;
use crate::peers::sandbox::Kind;
use crate::report::{Cell, Report, Table};

const PART: &str = "soak";
const EXECUTIONS: usize = 20_000;
const QUICK_EXECUTIONS: usize = 1_000;
/// Executions before anything is compared: caches, arenas and thread pools grow to their size.
const WARM_UP: usize = 1_000;
/// Executions at the same time.
pub(super) const IN_FLIGHT: usize = 8;
/// A sandbox is replaced after this many, so that hundreds come and go.
pub(super) const EXECUTIONS_OF_A_SANDBOX: u64 = 200;
/// Sandboxes that wait for a tenant: always as many, so that counts can be compared.
pub(super) const STOCK: usize = 1;
/// A tenant's sandbox goes this long after its last program, so that all are gone when things are counted.
pub(super) const IDLE: std::time::Duration = std::time::Duration::from_secs(2);

/// One subject's census at each stage of its soak.
pub(super) struct Stages {
    warm: Census,
    half: Census,
    all: Census,
    executions: usize,
    seconds: f64,
}

/// How many executions a run is worth.
pub(super) fn executions(arguments: &Arguments) -> usize {
    if arguments.quick { QUICK_EXECUTIONS } else { EXECUTIONS }
}

/// The backend's name.
pub(super) fn backend(kind: Kind) -> &'static str {
    match kind {
        Kind::Namespace => "namespace",
        Kind::Docker => "docker",
    }
}

// === impl Stages ===

impl Stages {
    /// Runs the work in its three stages, and counts after each once everything has settled.
    pub(super) async fn of<F>(place: &Place, executions: usize, work: impl Fn(std::ops::Range<usize>) -> F) -> anyhow::Result<Self>
    where
        F: Future<Output = anyhow::Result<()>>,
    {
        work(0..WARM_UP.min(executions)).await?;
        let warm = place.settled().await?;
        let begin = std::time::Instant::now();
        work(0..executions / 2).await?;
        let mut busy = begin.elapsed();
        let half = place.settled().await?;
        let begin = std::time::Instant::now();
        work(executions / 2..executions).await?;
        busy += begin.elapsed();
        let all = place.settled().await?;
        Ok(Stages { warm, half, all, executions, seconds: busy.as_secs_f64() })
    }

    /// Adds the table; answers what leaks.
    pub(super) fn report(&self, subject: &str, report: &mut Report) -> Vec<String> {
        let title = format!("Soak of {subject}: {} executions", self.executions);
        let mut table = Table::new(PART, title, &["held", "warmed up", "halfway", "at the end"]);
        let (warm, half, all) = (self.warm.figures(), self.half.figures(), self.all.figures());
        for (((name, warm), (_, half)), (_, all)) in warm.into_iter().zip(half).zip(all) {
            table.row([Cell::from(name), warm, half, all]);
        }
        table.note(format!("{:.0} executions a second, {IN_FLIGHT} in flight.", self.executions as f64 / self.seconds));
        let leaks = self.all.leaks_since(&self.warm, &self.half, self.executions / 2);
        table.note(if leaks.is_empty() { "Nothing leaks.".to_owned() } else { format!("LEAKS: {}.", leaks.join("; ")) });
        report.add(table);
        leaks.into_iter().map(|leak| format!("{subject}: {leak}")).collect()
    }
}
