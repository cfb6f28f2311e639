//! What a service waits for before its first step.

use domain::process::Failure;
use process::observed::State;
use process::plan::Wait;
use process::service::Condition;
use tokio::time::Instant;

use super::act::Act;
use super::applier::{Halt, POLL, find};
use super::news::News;
use crate::sight::Sight;

/// How far another service is.
enum Standing {
    Met,
    NotYet(String),
    /// It will not come to it by itself.
    Never(String),
}

// === impl Act ===

impl Act<'_> {
    /// Waits until all other services are as far as they must be.
    pub(super) async fn wait(&self) -> Result<(), Halt> {
        let until = Instant::now() + self.applier.patience.dependency;
        let mut told = String::new();
        while let Some(what) = self.unmet().await? {
            self.check()?;
            if what != told {
                self.applier.ear.hear(News::Waits { service: self.action.service.clone(), what: what.clone() });
                told.clone_from(&what);
            }
            if Instant::now() >= until {
                let limit = process::quantity::duration_text(self.applier.patience.dependency);
                return Err(self.gave_up(format!("waited {limit} for {what}")));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// What is waited for now, if anything.
    async fn unmet(&self) -> Result<Option<String>, Halt> {
        if self.action.waits_for.is_empty() {
            return Ok(None);
        }
        let sight = self.applier.look().await?;
        for wait in &self.action.waits_for {
            match self.standing(wait, &sight) {
                Standing::Met => {}
                Standing::NotYet(what) => return Ok(Some(what)),
                Standing::Never(what) => return Err(self.gave_up(what)),
            }
        }
        Ok(None)
    }

    fn standing(&self, wait: &Wait, sight: &Sight) -> Standing {
        let name = &wait.service;
        let revisions = process::revision::revisions(self.manifest);
        let (Some(revision), Some(service)) = (revisions.get(name.as_str()), find(self.manifest, name)) else {
            return Standing::Never(format!("`{name}` is not in the manifest"));
        };
        let count = |state: State| sight.of(name).filter(|seen| seen.state == Some(state)).count();
        let current = |state: State| sight.current(name, revision).filter(|seen| seen.state == Some(state)).count();
        match wait.condition {
            Condition::Started if sight.of(name).any(|seen| seen.state != Some(State::Failed)) => Standing::Met,
            Condition::Started => Standing::NotYet(format!("`{name}` to start")),
            Condition::Healthy if sight.of(name).filter(|seen| seen.is_available()).count() >= needed(service) => Standing::Met,
            Condition::Healthy if count(State::Unhealthy) > 0 => {
                Standing::NotYet(format!("`{name}` to be healthy ({})", detail(sight, name)))
            }
            Condition::Healthy => Standing::NotYet(format!("`{name}` to be healthy")),
            Condition::Completed if current(State::Completed) > 0 => Standing::Met,
            Condition::Completed if current(State::Failed) > 0 => {
                Standing::Never(format!("`{name}` has not completed: {}", detail(sight, name)))
            }
            Condition::Completed => Standing::NotYet(format!("`{name}` to complete")),
        }
    }

    fn gave_up(&self, message: String) -> Halt {
        Halt::Failed(Failure { service: self.action.service.clone(), step: "wait".to_owned(), message, ..Failure::default() })
    }
}

/// Replicas that must be well before others start: as many as must be at any time, and one at least.
fn needed(service: &process::service::Service) -> usize {
    service.update.min_available.clamp(1, service.replicas.max(1)) as usize
}

fn detail(sight: &Sight, service: &str) -> String {
    sight.of(service).find(|seen| !seen.detail.is_empty()).map(|seen| seen.detail.clone()).unwrap_or_default()
}
