//! The sandbox with a span for the hand-over and one for the run, so that the trace of an execution shows where its time went.

use std::sync::Arc;

use async_trait::async_trait;
use domain::name::RuntimeId;
use domain::sandbox::{Attestation, Error, Isolation, Job, Progress, Run, Sandbox};
use tracing::{Instrument as _, Span, field, info_span};

use super::timeline;

pub(crate) struct TracedSandbox {
    inner: Arc<dyn Sandbox>,
}

struct TracedRun {
    inner: Box<dyn Run>,
    /// Open until the run is dropped.
    span: Span,
}

impl TracedSandbox {
    pub(crate) fn new(inner: Arc<dyn Sandbox>) -> Self {
        TracedSandbox { inner }
    }
}

#[async_trait]
impl Sandbox for TracedSandbox {
    fn ready(&self, isolation: Isolation, runtime: &RuntimeId) -> Result<(), Error> {
        self.inner.ready(isolation, runtime)
    }

    async fn start(&self, job: Job) -> Result<Box<dyn Run>, Error> {
        timeline::mark("starting");
        let execution = format!("tenants/{}/{}", job.tenant, job.purpose);
        let start = info_span!("sandbox.start", execution, tier = job.isolation.tier());
        let inner = self.inner.start(job).instrument(start).await?;
        timeline::mark("handed over");
        let span = info_span!("sandbox.run", execution, sandbox = inner.attestation().sandbox, reason = field::Empty);
        Ok(Box::new(TracedRun { inner, span }))
    }
}

#[async_trait]
impl Run for TracedRun {
    fn attestation(&self) -> &Attestation {
        self.inner.attestation()
    }

    async fn next(&mut self) -> Option<Progress> {
        let progress = self.inner.next().instrument(self.span.clone()).await;
        match &progress {
            Some(Progress::Outcome(_)) => timeline::mark("result"),
            Some(Progress::Exited(_)) => timeline::mark("exited"),
            Some(Progress::Output { .. } | Progress::Value(_)) | None => {}
        }
        if let Some(Progress::Outcome(Err(failure))) = &progress {
            self.span.record("reason", failure.reason.as_str());
        }
        progress
    }

    fn stop(&self) {
        self.inner.stop();
    }
}
