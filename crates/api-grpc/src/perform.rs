//! The one way in which a call is answered: authenticate, split, name, authorize, work, answer, and record each of it. A service
//! says only what its methods differ in: where the name stands, which action is asked for, and what is done once it is permitted.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use domain::access::{AccessPolicy, Action, Authenticator, Permit, Presented, Targeted as _};
use domain::audit::{Auditor, Circumstances, Outcome};
use domain::{Error, Result};
use tonic::metadata::MetadataMap;
use tonic::transport::server::TcpConnectInfo;
use tonic::{Extensions, Request, Response, Status};

use crate::audited::Audited;
use crate::call::Call;
use crate::settle::Settling;

/// Where what a caller shows stands in the metadata.
const AUTHORIZATION: &str = "authorization";
/// Where a caller may say what a call is for.
const PURPOSE: &str = "zona-purpose";

/// Answers calls. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Performer {
    authenticator: Arc<dyn Authenticator>,
    policy: AccessPolicy,
    settling: Settling,
    auditor: Auditor,
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
    pub(crate) fn new(authenticator: Arc<dyn Authenticator>, policy: AccessPolicy, settling: Settling, auditor: Auditor) -> Self {
        Performer { authenticator, policy, settling, auditor }
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
        let around = circumstances(&call, &metadata, &extensions);
        let answered = match self.permit::<A>(presented(&metadata, &extensions), name(&body), &around).await {
            Ok(permit) => {
                let target = permit.target().target();
                let tenant = target.tenant().cloned();
                let entry = self.auditor.entry(permit.caller(), A::SPEC, target, &around);
                let audited = Audited::new(self.auditor.clone(), entry, A::SPEC, permit.changes());
                let work = work(Permitted { permit, body, call: call.clone() });
                audited.work(&call, &self.settling, tenant.as_ref(), work).await
            }
            Err(error) => Err(error),
        };
        answered.map(Response::new).map_err(|error: Error| call.refuse(&error))
    }

    /// Who calls may do this to that, or why not, which is recorded.
    async fn permit<A: Action>(&self, presented: Presented<'_>, target: Result<A::Target>, around: &Circumstances) -> Result<Permit<A>> {
        let auditor = &self.auditor;
        let caller = self.authenticator.authenticate(presented).await.inspect_err(|error| {
            if matches!(error, Error::Unauthenticated) {
                auditor.denied(auditor.refused_entry(None, A::SPEC, None, around), A::SPEC, error.reason());
            }
        })?;
        let target = target.inspect_err(|_malformed| {
            auditor.count(auditor.refused_entry(Some(&caller), A::SPEC, None, around), A::SPEC, Outcome::Failed);
        })?;
        self.policy.require::<A>(&caller, target).await.inspect_err(|error| {
            if let Error::Denied { resource, .. } = error {
                auditor.denied(auditor.refused_entry(Some(&caller), A::SPEC, Some(resource), around), A::SPEC, error.reason());
            }
        })
    }
}

fn circumstances(call: &Call, metadata: &MetadataMap, extensions: &Extensions) -> Circumstances {
    Circumstances {
        method: call.method.path.clone(),
        request_id: call.request_id.0.to_string(),
        trace_id: call.trace_id.to_string(),
        purpose: metadata.get(PURPOSE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned(),
        address: peer(extensions),
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
