//! One action of a plan: what it waits for, then its steps. Between two steps it lets go where it is asked to.

use process::manifest::Manifest;
use process::plan::{Action, Kind};
use process::revision::Revision;
use process::service::Service;
use tokio_util::sync::CancellationToken;

use super::applier::{Applier, Halt, find};
use super::news::{Doing, News};

/// An action while it is done.
pub(super) struct Act<'a> {
    pub(super) applier: &'a Applier,
    pub(super) manifest: &'a Manifest,
    pub(super) action: &'a Action,
    pub(super) let_go: CancellationToken,
    /// New replicas that have failed so far.
    pub(super) failures: u32,
}

// === impl Act ===

impl<'a> Act<'a> {
    pub(super) fn new(applier: &'a Applier, manifest: &'a Manifest, action: &'a Action, let_go: CancellationToken) -> Self {
        Act { applier, manifest, action, let_go, failures: 0 }
    }

    pub(super) async fn run(mut self) -> Result<(), Halt> {
        self.wait().await?;
        for step in &self.action.steps {
            self.check()?;
            self.tell(step.to_string());
            self.step(step).await.map_err(|halt| self.named(halt, &step.to_string()))?;
        }
        self.applier.ear.hear(News::Done { service: self.action.service.clone() });
        Ok(())
    }

    /// The service in the manifest; none where it is only taken away.
    pub(super) fn service(&self) -> Option<&'a Service> {
        find(self.manifest, &self.action.service)
    }

    /// The revision that is wanted.
    pub(super) fn revision(&self) -> Revision {
        let wanted = || process::revision::revisions(self.manifest).get(self.action.service.as_str()).cloned();
        self.action.revision.clone().or_else(wanted).unwrap_or_default()
    }

    /// Whether to go on.
    pub(super) fn check(&self) -> Result<(), Halt> {
        if self.let_go.is_cancelled() { Err(Halt::LetGo) } else { Ok(()) }
    }

    /// Says where a failure happened, unless it says so itself.
    fn named(&self, halt: Halt, step: &str) -> Halt {
        match halt {
            Halt::Failed(mut failure) => {
                if failure.service.is_empty() {
                    failure.service.clone_from(&self.action.service);
                }
                if failure.step.is_empty() {
                    step.clone_into(&mut failure.step);
                }
                Halt::Failed(failure)
            }
            other => other,
        }
    }

    fn tell(&self, step: String) {
        let doing = match self.action.kind {
            Kind::Create => Doing::Starting,
            Kind::Replace | Kind::Repair | Kind::Scale => Doing::Updating,
            Kind::Stop | Kind::Remove => Doing::Stopping,
        };
        self.applier.ear.hear(News::Step { service: self.action.service.clone(), step, doing });
    }
}
