//! Runs probes in one tier: in T1 each in an execution of its own; in T2 and T3, where an execution costs a sandbox, those of a
//! group together that do not end their process.

use std::time::{Duration, Instant};

use domain::json::JsonText;
use domain::name::{RuntimeId, TenantId};
use domain::sandbox::{Entry, Error, Failure, Isolation, Job, Limits, Progress, Purpose, Reason, Run, Secrets};

use sandbox_protocol::call_policy::KEPT_REQUEST;

use super::catalog::{self, Probe, Way};
use super::defence::ProbeGroup;
use super::guest::{self, Word};
use super::observer::Observer;
use super::report::{Outcome, ProbeResult, result};
use crate::run::LENIENT;
use crate::service::Sandboxes;

/// How often a probe is tried again that could not be judged.
const RETRIES: usize = 2;

/// Longer than any probe's own limits, so that a hang is an error and not the end of the battery.
const PATIENCE: Duration = Duration::from_secs(60);
const MEBIBYTE: u64 = 1 << 20;

/// Runs probes in one tier, on one runtime.
pub(crate) struct Runner<'a> {
    pub(super) sandboxes: &'a Sandboxes,
    pub(super) isolation: Isolation,
    /// Whether probes run in processes that are forked for each; else, where there are any, in those that are put back.
    pub(super) fresh: bool,
    runtime: &'a str,
    observer: Option<Observer>,
    /// Leaves out what the server itself does against probes: limits stay wide, tenants are one, every sandbox is shared, a
    /// process serves what should be two executions, and frames are believed. Only tests do so, to see that the probes notice.
    pub(super) lenient: bool,
}

/// How one execution went.
pub(super) struct Ended {
    pub(super) outcome: Result<JsonText, Failure>,
    /// Bytes that were printed and arrived.
    pub(super) printed: u64,
    /// Where it ran.
    pub(super) sandbox: String,
}

/// Whose a program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    First,
    Second,
    /// Of nobody whose programs are to be stopped: see [`Runner::lenient`].
    Lenient,
}

// === impl Runner ===

impl<'a> Runner<'a> {
    pub(crate) fn new(sandboxes: &'a Sandboxes, runtime: &'a str, isolation: Isolation) -> Self {
        let observer = sandboxes
            .directory()
            .and_then(Observer::open)
            .inspect_err(|error| tracing::warn!(%error, "no listener observes the network probes"))
            .ok();
        Runner { sandboxes, isolation, fresh: true, runtime, observer, lenient: false }
    }

    /// Whether a program runs in the tier at all.
    pub(super) async fn check(&self) -> Result<(), Error> {
        let job = self.job("def main():\n    return True", "{}".to_owned(), catalog::LIMITS, Whose::First, self.isolation);
        drop(self.sandboxes.start_probe(job).await?);
        Ok(())
    }

    /// Gives back the sandboxes that were bound to the battery's tenants.
    pub(super) fn leave(&self) {
        for whose in [Whose::First, Whose::Second] {
            self.sandboxes.release(&tenant(whose));
        }
    }

    /// Runs probes; one that cannot be judged is tried again, by itself.
    pub(crate) async fn run(&self, probes: Vec<&'static Probe>) -> Vec<ProbeResult> {
        let mut results: Vec<(&Probe, Option<ProbeResult>)> = probes.into_iter().map(|probe| (probe, None)).collect();
        if self.isolation != Isolation::TenantWarm {
            self.run_together(&mut results).await;
        }
        let mut found = Vec::new();
        for (probe, result) in results {
            found.push(match result {
                Some(result) if result.outcome != Outcome::Error => result,
                _ => self.run_alone(probe).await,
            });
        }
        found
    }

    async fn run_together(&self, results: &mut [(&'static Probe, Option<ProbeResult>)]) {
        let mut groups: Vec<ProbeGroup> = results.iter().map(|(probe, _)| probe.group).collect();
        groups.dedup();
        for group in groups {
            let began = Instant::now();
            let asking = |probe: &Probe| probe.group == group && matches!(probe.way, Way::Asks);
            let names: Vec<&str> = results.iter().filter(|(probe, _)| asking(probe)).map(|(probe, _)| probe.name).collect();
            let Ok(Ended { outcome: Ok(text), .. }) = self.execute(group, &names, catalog::LIMITS).await else { continue };
            let words = guest::words(&text).unwrap_or_default();
            for (probe, result) in results.iter_mut().filter(|(probe, _)| asking(probe)) {
                *result = words.iter().find(|word| word.name == probe.name).map(|word| self.judged(probe, word, began));
                if let Some(result) = result {
                    result.took /= names.len() as u32;
                }
            }
        }
    }

    async fn run_alone(&self, probe: &Probe) -> ProbeResult {
        let mut found = self.once(probe).await;
        for _ in 0..RETRIES {
            if found.outcome != Outcome::Error {
                break;
            }
            tracing::debug!(probe = probe.name, detail = found.detail, "trying a probe again");
            found = self.once(probe).await;
        }
        found
    }

    async fn once(&self, probe: &Probe) -> ProbeResult {
        let began = Instant::now();
        let judged = match probe.way {
            Way::Asks => self.ask(probe, began).await,
            Way::Ends { .. } => self.end(probe, began).await,
            Way::Watches(scene) => self.watch(probe, scene, began).await,
        };
        judged.unwrap_or_else(|why| result(probe, Outcome::Error, why, began))
    }

    async fn ask(&self, probe: &Probe, began: Instant) -> Result<ProbeResult, String> {
        let ended = self.execute(probe.group, &[probe.name], catalog::LIMITS).await?;
        let text = ended.outcome.map_err(|failure| describe(&failure))?;
        self.said(probe, &text, began).ok_or_else(|| format!("an answer that no probe gives: {}", start_of(&text)))
    }

    async fn end(&self, probe: &Probe, began: Instant) -> Result<ProbeResult, String> {
        let Way::Ends { limits: change, reasons, signals, believed } = probe.way else {
            return Err("it is not judged by its end".to_owned());
        };
        let mut limits = catalog::LIMITS;
        if !self.lenient {
            (change.0)(&mut limits);
        }
        let failure = match self.execute(probe.group, &[probe.name], limits).await?.outcome {
            Ok(text) => {
                let reached = || result(probe, Outcome::Reached, format!("it succeeded: {}", start_of(&text)), began);
                return Ok(self.said(probe, &text, began).unwrap_or_else(reached));
            }
            Err(failure) => failure,
        };
        let by_signal = || failure.signal.as_deref().is_some_and(|signal| signals.contains(&signal));
        if believed.is_some_and(|(reason, words)| failure.reason == reason && failure.message.contains(words)) {
            return Ok(result(probe, Outcome::Reached, describe(&failure), began));
        }
        let expected = reasons.contains(&failure.reason) && (failure.reason != Reason::Signal || by_signal());
        if expected { Ok(result(probe, Outcome::Stopped, describe(&failure), began)) } else { Err(describe(&failure)) }
    }

    /// What a probe says, checked against what the outside heard. `None` when it says nothing.
    pub(super) fn said(&self, probe: &Probe, text: &str, began: Instant) -> Option<ProbeResult> {
        let words = guest::words(text)?;
        words.iter().find(|word| word.name == probe.name).map(|word| self.judged(probe, word, began))
    }

    fn judged(&self, probe: &Probe, word: &Word, began: Instant) -> ProbeResult {
        if self.observer.as_ref().is_some_and(|observer| observer.heard(probe.name)) {
            return result(probe, Outcome::Reached, "a listener on the host heard it", began);
        }
        result(probe, word.outcome, word.detail.clone(), began)
    }

    /// Runs probes of a group, by name, in one execution.
    pub(super) async fn execute(&self, group: ProbeGroup, names: &[&str], limits: Limits) -> Result<Ended, String> {
        self.execute_for(Whose::First, self.isolation, group, names, limits).await
    }

    /// The same, for a tenant and in a tier.
    pub(super) async fn execute_for(
        &self,
        whose: Whose,
        isolation: Isolation,
        group: ProbeGroup,
        names: &[&str],
        limits: Limits,
    ) -> Result<Ended, String> {
        let run = self.start(whose, isolation, group, names, limits).await?;
        tokio::time::timeout(PATIENCE, collect(run)).await.map_err(|_elapsed| format!("no end within {PATIENCE:?}"))?
    }

    /// Starts probes of a group.
    pub(super) async fn start(
        &self,
        whose: Whose,
        isolation: Isolation,
        group: ProbeGroup,
        names: &[&str],
        limits: Limits,
    ) -> Result<Box<dyn Run>, String> {
        let job = self.job(&guest::program(group), self.settings(names), limits, whose, isolation);
        let started = tokio::time::timeout(PATIENCE, self.sandboxes.start_probe(job)).await;
        started.map_err(|_elapsed| format!("no sandbox within {PATIENCE:?}"))?.map_err(|error| crate::failure::chain(&error))
    }

    fn settings(&self, names: &[&str]) -> String {
        let mut settings = serde_json::json!({
            "names": names,
            "tcp": 9, "udp": 9, "abstract": "zona-probe", "datagrams": "/tmp/zona-probe",
            "processes": self.sandboxes.processes(),
            "memory": catalog::LIMITS.memory,
            "tmpfs": catalog::LIMITS.tmpfs,
            "inodes": catalog::LIMITS.tmpfs / 4096,
            "open_files": catalog::LIMITS.open_files,
            "forged": catalog::FORGED_RESULT,
            "nested": if self.lenient { catalog::SHALLOW } else { catalog::FORGED_DEPTH },
            "printed": catalog::FLOOD,
            "kept": if self.fresh { None } else { Some(KEPT_REQUEST) },
        });
        let observed = self.observer.as_ref().and_then(|observer| observer.settings().ok());
        if let (Some(settings), Some(serde_json::Value::Object(observed))) = (settings.as_object_mut(), observed) {
            settings.extend(observed);
        }
        settings.to_string()
    }

    fn job(&self, code: &str, params_json: String, limits: Limits, whose: Whose, isolation: Isolation) -> Job {
        Job {
            tenant: tenant(if self.lenient { Whose::Lenient } else { whose }),
            purpose: Purpose::Trial,
            isolation: if self.lenient { Isolation::TenantWarm } else { isolation },
            runtime: RuntimeId::new(self.runtime),
            code: code.into(),
            entry: Entry::Script,
            params_json: JsonText::read(params_json),
            secrets: Secrets::default(),
            limits: Limits { tmpfs: limits.tmpfs.max(MEBIBYTE), ..limits },
            fresh: self.fresh,
        }
    }
}

/// Tenants that no customer can have: their names are reserved.
fn tenant(whose: Whose) -> TenantId {
    let name = match whose {
        Whose::First => "zona-probe-a",
        Whose::Second => "zona-probe-b",
        Whose::Lenient => LENIENT,
    };
    TenantId::parse("tenant", name).expect("a test reads it")
}

async fn collect(mut run: Box<dyn Run>) -> Result<Ended, String> {
    let sandbox = run.attestation().sandbox.clone();
    let (mut outcome, mut printed) = (None, 0);
    while let Some(progress) = run.next().await {
        match progress {
            Progress::Output { data, .. } => printed += data.len() as u64,
            Progress::Outcome(found) => outcome = Some(found),
            Progress::Value(_) | Progress::Exited(_) => {}
        }
    }
    Ok(Ended { outcome: outcome.ok_or("it ended without an outcome")?, printed, sandbox })
}

fn describe(failure: &Failure) -> String {
    let signal = failure.signal.as_deref().map(|signal| format!(" {signal}")).unwrap_or_default();
    format!("{}{signal}: {}", failure.reason.as_str(), failure.message)
}

fn start_of(text: &str) -> String {
    text.chars().take(60).collect()
}
