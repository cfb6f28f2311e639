//! The one way in which a call is answered: authenticate, split, name, authorize, work, answer. A service says only what its
//! methods differ in: where the name stands, which action is asked for, and what is done once it is permitted.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use domain::access::{AccessPolicy, Action, Authenticator, Permit, Presented, Targeted as _};
use domain::name::TenantId;
use domain::{Error, Result};
use tonic::metadata::MetadataMap;
use tonic::transport::server::TcpConnectInfo;
use tonic::{Extensions, Request, Response, Status};

use crate::call::Call;
use crate::method::Effect;
use crate::settle::Settling;

/// Where what a caller shows stands in the metadata.
const AUTHORIZATION: &str = "authorization";

/// Answers calls. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Performer {
    authenticator: Arc<dyn Authenticator>,
    policy: AccessPolicy,
    settling: Settling,
}

/// A call that may go on.
pub(crate) struct Permitted<A: Action, B> {
    /// What was permitted.
    pub(crate) permit: Permit<A>,
    /// The request's message; of it, only the name was read.
    pub(crate) body: B,
    /// The call.
    pub(crate) call: Call,
}

impl Performer {
    pub(crate) fn new(authenticator: Arc<dyn Authenticator>, policy: AccessPolicy, settling: Settling) -> Self {
        Performer { authenticator, policy, settling }
    }

    /// Answers a call: `name` reads what the request is about, and `work` does what is asked once that is permitted. Work that
    /// changes something goes on when the call is dropped; any other is dropped with it.
    pub(crate) async fn perform<A, B, T, F>(
        &self,
        request: Request<B>,
        name: impl FnOnce(&B) -> Result<A::Target> + Send,
        work: impl FnOnce(Permitted<A, B>) -> F + Send,
    ) -> Result<Response<T>, Status>
    where
        A: Action,
        B: Send,
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let (metadata, extensions, body) = request.into_parts();
        let call = Call::of(&extensions).map_err(|error| Status::internal(error.to_string()))?;
        let permitted = async {
            let caller = self.authenticator.authenticate(presented(&metadata, &extensions)).await?;
            let permit = self.policy.require::<A>(&caller, name(&body)?).await?;
            Ok(Permitted { permit, body, call: call.clone() })
        };
        let answered = match permitted.await {
            Ok(permitted) => {
                let tenant = permitted.permit.target().target().tenant().cloned();
                self.work(&call, tenant.as_ref(), work(permitted)).await
            }
            Err(error) => Err(error),
        };
        answered.map(Response::new).map_err(|error: Error| call.refuse(&error))
    }

    /// The place for the intent of what has an effect is before this, and for its outcome behind; the permit names the one in
    /// the other.
    async fn work<T: Send + 'static>(
        &self,
        call: &Call,
        tenant: Option<&TenantId>,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        match call.method.effect {
            Effect::Nothing | Effect::Execution => work.await,
            Effect::Change => self.settling.settle(call, tenant, work).await,
        }
    }
}

fn presented<'a>(metadata: &'a MetadataMap, extensions: &Extensions) -> Presented<'a> {
    let authorization = metadata.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    Presented { peer: peer(extensions), authorization }
}

/// Where the connection comes from; one whose address is not known is a stranger's.
fn peer(extensions: &Extensions) -> Option<IpAddr> {
    Some(extensions.get::<TcpConnectInfo>()?.remote_addr()?.ip())
}
