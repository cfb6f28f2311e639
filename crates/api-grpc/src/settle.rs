//! Bringing changes to their end. Work that changes something runs as a task of its own, for which the call only waits: when the
//! caller goes away, or the deadline passes, what happened is still seen through and told.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;

use domain::name::TenantId;
use domain::work::Spawner;
use domain::{Error, Result};
use futures_util::FutureExt as _;
use tokio::sync::oneshot;
use tonic::Code;

use crate::call::Call;
use crate::layer::{CallMetrics, panic_text};
use crate::status;

mod places;

pub(crate) use places::Places;

/// Name of the tasks.
const TASK: &str = "change";

/// Sees changes through. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Settling {
    spawner: Arc<dyn Spawner>,
    metrics: Arc<dyn CallMetrics>,
    places: Places,
}

impl Settling {
    /// Runs work on `spawner`, which waits for it at the stop for a bounded time; at once, as much as there are `places` for.
    pub(crate) fn new(spawner: Arc<dyn Spawner>, metrics: Arc<dyn CallMetrics>, places: Places) -> Self {
        Settling { spawner, metrics, places }
    }

    /// Does `work`, which changes something of `tenant` (or of the installation), to its end; dropping the call only stops the
    /// waiting for it.
    pub(crate) async fn settle<T: Send + 'static>(
        &self,
        call: &Call,
        tenant: Option<&TenantId>,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let place = self.places.take(tenant).await?;
        let (reply, answer) = oneshot::channel();
        let (call, metrics) = (call.clone(), Arc::clone(&self.metrics));
        let task = async move {
            let outcome = AssertUnwindSafe(work).catch_unwind().await;
            drop(place);
            if let Err(unheard) = reply.send(outcome) {
                tell(&call, metrics.as_ref(), unheard.map(|worked| worked.map(drop)));
            }
        };
        self.spawner.spawn(TASK, Box::pin(task));
        match answer.await {
            Ok(Ok(worked)) => worked,
            // The layer turns it into an answer, as it does for work of every other kind.
            Ok(Err(panic)) => resume_unwind(panic),
            Err(dropped) => Err(Error::internal("a change ended without an outcome", dropped)),
        }
    }
}

/// Says what became of work whose caller had gone.
fn tell(call: &Call, metrics: &dyn CallMetrics, outcome: std::thread::Result<Result<()>>) {
    let (request_id, method) = (&*call.request_id.0, call.method.path.as_str());
    let code = match outcome {
        Ok(Ok(())) => Code::Ok,
        Ok(Err(error)) => call.refuse(&error).code(),
        Err(panic) => panicked(&*panic, request_id),
    };
    metrics.settled(method, code);
    tracing::info!(request_id, method, code = ?code, "a change has ended after its caller had gone");
}

fn panicked(panic: &(dyn Any + Send), request_id: &str) -> Code {
    tracing::error!(request_id, panic = panic_text(panic), "a handler panicked");
    status::panicked(request_id).code()
}

#[cfg(test)]
mod tests;
