//! Probes that only the outside can judge: what one execution finds of another, where executions run, how much arrives.

use std::time::Instant;

use domain::sandbox::{Isolation, Limits, Progress};

use super::catalog::{self, Probe, Scene};
use super::report::{Outcome, ProbeResult, result};
use super::runner::{Runner, Whose};

/// Executions that look for what an earlier one left: more than a sandbox keeps children ready, so that old ones look and new ones.
const LOOKS: usize = 6;

impl Runner<'_> {
    /// Judges a probe by what the outside sees.
    pub(super) async fn watch(&self, probe: &Probe, scene: Scene, began: Instant) -> Result<ProbeResult, String> {
        match scene {
            Scene::Leftovers => self.leftovers(probe, began).await,
            Scene::Neighbor => self.neighbor(probe, began).await,
            Scene::Tenants => self.places(probe, [Whose::First, Whose::Second], began).await,
            Scene::Twice => self.places(probe, [Whose::First, Whose::First], began).await,
            Scene::Output => self.output(probe, began).await,
        }
    }

    async fn leftovers(&self, probe: &Probe, began: Instant) -> Result<ProbeResult, String> {
        if self.lenient {
            return self.read_by(probe, &["leave", probe.name], began).await;
        }
        self.execute(probe.group, &["leave"], catalog::LIMITS).await?.outcome.map_err(|failure| failure.message)?;
        // Where each execution has a sandbox of its own, one look is as good as many.
        let looks = if self.isolation == Isolation::TenantWarm { LOOKS } else { 1 };
        let mut last = None;
        for _ in 0..looks {
            let found = self.look(probe, began).await?;
            if found.outcome != Outcome::Stopped {
                return Ok(found);
            }
            last = Some(found);
        }
        last.ok_or_else(|| "nobody looked".to_owned())
    }

    async fn neighbor(&self, probe: &Probe, began: Instant) -> Result<ProbeResult, String> {
        let mut neighbor = self.start(Whose::First, self.isolation, probe.group, &["hold"], catalog::LIMITS).await?;
        match neighbor.next().await {
            Some(Progress::Output { .. }) => {}
            other => return Err(format!("the neighbor does not run: {other:?}")),
        }
        self.look(probe, began).await
    }

    async fn look(&self, probe: &Probe, began: Instant) -> Result<ProbeResult, String> {
        self.read_by(probe, &[probe.name], began).await
    }

    /// What a probe says at the end of one execution, which runs others before it.
    async fn read_by(&self, probe: &Probe, names: &[&str], began: Instant) -> Result<ProbeResult, String> {
        let looked = self.execute(probe.group, names, catalog::LIMITS).await?;
        let text = looked.outcome.map_err(|failure| failure.message)?;
        self.said(probe, &text, began).ok_or_else(|| "it does not say what it found".to_owned())
    }

    /// Two executions must not run in one sandbox.
    async fn places(&self, probe: &Probe, whose: [Whose; 2], began: Instant) -> Result<ProbeResult, String> {
        let [first, second] = whose;
        let place = async |whose| {
            let ended = self.execute_for(whose, self.isolation, probe.group, &["leave"], catalog::LIMITS).await?;
            ended.outcome.map(|_| ended.sandbox).map_err(|failure| failure.message)
        };
        let (first, second): (String, String) = (place(first).await?, place(second).await?);
        Ok(match first == second {
            true => result(probe, Outcome::Reached, format!("both ran in sandbox {first}"), began),
            false => result(probe, Outcome::Stopped, format!("sandboxes {first} and {second}"), began),
        })
    }

    async fn output(&self, probe: &Probe, began: Instant) -> Result<ProbeResult, String> {
        let output = if self.lenient { catalog::LIMITS.output } else { catalog::SMALL_OUTPUT };
        let ended = self.execute(probe.group, &[probe.name], Limits { output, ..catalog::LIMITS }).await?;
        let detail = format!("{} of {} bytes arrived", ended.printed, catalog::FLOOD);
        let outcome = if ended.printed > catalog::SMALL_OUTPUT { Outcome::Reached } else { Outcome::Stopped };
        // Nothing arriving at all would prove nothing.
        if ended.printed == 0 { Err(detail) } else { Ok(result(probe, outcome, detail, began)) }
    }
}
