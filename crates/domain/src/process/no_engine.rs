//! What stands in the place of an engine where none is configured: it says what to set.

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::process::{Desired, Feed, LogLine, LogQuery, Outcome, Plan, Platform, ServiceStatus, Told};

/// No engine: every method is refused.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEngine;

fn not_configured<T>() -> Result<T> {
    Err(Error::Precondition {
        reason: "ENGINE_NOT_CONFIGURED",
        subject: "engine.kind".to_owned(),
        description: "no engine is configured that could run services; set engine.kind to docker, and engine.socket to its socket"
            .to_owned(),
    })
}

#[async_trait]
impl Platform for NoEngine {
    fn check(&self) -> Result<()> {
        not_configured()
    }

    async fn status(&self, _desired: Option<&Desired>) -> Result<Vec<ServiceStatus>> {
        not_configured()
    }

    async fn plan(&self, _desired: &Desired) -> Result<Plan> {
        not_configured()
    }

    async fn apply(&self, _desired: Arc<Desired>, _last_good: Option<Arc<Desired>>) -> Result<Outcome> {
        not_configured()
    }

    async fn watch(&self, _after: Option<u64>) -> Result<Feed<Told>> {
        not_configured()
    }

    async fn logs(&self, _query: LogQuery) -> Result<Feed<Result<LogLine>>> {
        not_configured()
    }
}
