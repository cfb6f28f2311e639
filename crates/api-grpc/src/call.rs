//! What a handler knows of a call beside its body: who asks, and under which request id. The layer has put both into the
//! request; a request that came past the layer is a stranger's.

use std::future::Future;
use std::sync::Arc;

use domain::Error;
use domain::Result;
use domain::access::{Action, Caller, Permit, Policy};
use domain::name::TenantId;
use tonic::{Request, Response, Status};

use crate::layer::RequestId;
use crate::status;

/// One call.
#[derive(Clone)]
pub(crate) struct Call {
    caller: Option<Caller>,
    request_id: Arc<str>,
}

/// Takes a request apart.
pub(crate) fn split<T>(request: Request<T>) -> (Call, T) {
    let (_, mut extensions, body) = request.into_parts();
    let request_id = extensions.remove::<RequestId>().map_or_else(|| "".into(), |id| id.0);
    (Call { caller: extensions.remove::<Caller>(), request_id }, body)
}

impl Call {
    /// Demands a permit; `resource` is what a refusal names.
    pub(crate) async fn require<A: Action>(
        &self,
        policy: &Policy,
        tenant: &TenantId,
        resource: &(dyn std::fmt::Display + Sync),
    ) -> Result<Permit<A>> {
        let caller = self.caller.as_ref().ok_or(Error::Unauthenticated)?;
        policy.require(caller, tenant, resource).await
    }

    /// Demands a permit for what belongs to no tenant.
    pub(crate) async fn require_of_installation<A: Action>(&self, policy: &Policy) -> Result<Permit<A>> {
        let caller = self.caller.as_ref().ok_or(Error::Unauthenticated)?;
        policy.require_of_installation(caller).await
    }

    /// The answer that comes of `work`.
    pub(crate) async fn answer<T>(&self, work: impl Future<Output = Result<T>>) -> std::result::Result<Response<T>, Status> {
        match work.await {
            Ok(answer) => Ok(Response::new(answer)),
            Err(error) => Err(self.refuse(&error)),
        }
    }

    /// The status of an error, which is logged here and nowhere else.
    pub(crate) fn refuse(&self, error: &Error) -> Status {
        status::log(error, &self.request_id);
        status::from_error(error, &self.request_id)
    }
}
