//! A bound on how long something is waited for.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

use crate::error::{Error, Result};

/// What the work answers, if it does so in time. What it has sent by then may still be done.
pub(crate) async fn within<T>(limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(limit, work).await.unwrap_or(Err(Error::Deadline(limit)))
}
