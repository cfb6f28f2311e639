//! The one way in which a call is answered: authenticate, split, name, authorize, work, answer, and record each of it. A service
//! says only what its methods differ in: where the name stands, which action is asked for, and what is done once it is permitted.
//! Methods that need no identity have a second way, which takes no others.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use domain::access::{AccessPolicy, Action, Authenticator, Caller, CredentialKind, Permit, Presented, Targeted as _};
use domain::audit::{Auditor, Circumstances, Notes, Outcome};
use domain::limit::{CallClass, CallLimits};
use domain::name::{PrincipalName, TenantName};
use domain::time::Clock;
use domain::{Error, Result};
use futures_util::future::BoxFuture;
use tonic::metadata::MetadataMap;
use tonic::transport::server::TcpConnectInfo;
use tonic::{Extensions, Request, Response, Status};

use crate::audited::Audited;
use crate::call::{Call, OfWeb};
use crate::certificate::Certificate;
use crate::compression::{self, Reply};
use crate::refusal::evenly;
use crate::settle::Settling;
use crate::timeline;

/// Where what a caller shows stands in the metadata.
const AUTHORIZATION: &str = "authorization";
/// Where a caller may say what a call is for.
const PURPOSE: &str = "zona-purpose";

/// Answers calls. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Performer {
    authenticator: Arc<dyn Authenticator>,
    policy: AccessPolicy,
    limits: Arc<dyn CallLimits>,
    settling: Settling,
    auditor: Auditor,
    clock: Arc<dyn Clock>,
}

/// A call that may go on.
pub(crate) struct Permitted<A: Action, B> {
    /// What was permitted.
    pub(crate) permit: Permit<A>,
    /// The request's message; of it, only the name was read.
    pub(crate) body: B,
    /// The call.
    pub(crate) call: Call,
    /// Whether the caller may still be what it was found to be.
    pub(crate) standing: Standing,
}

/// A call of anybody.
pub(crate) struct Opened<B> {
    /// The request's message.
    pub(crate) body: B,
    /// Where the call comes from; `None` where that is not known.
    pub(crate) address: Option<IpAddr>,
    /// Where it is noted whom the request has proven its caller to be.
    pub(crate) notes: Notes,
}

/// Asks the rules what else a call needs, which only its message names.
type Also<'f, A, B> = Box<dyn for<'a> FnOnce(&'a Permit<A>, &'a B) -> BoxFuture<'a, Result<()>> + Send + 'f>;

/// Asks the rules whether a caller may still do what it once had a permit for.
type Recheck = Box<dyn Fn(Caller) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// What a caller was let in by, for calls that last.
pub(crate) struct Standing {
    authenticator: Arc<dyn Authenticator>,
    clock: Arc<dyn Clock>,
    caller: Caller,
    recheck: Recheck,
    /// That of the connection.
    certificate: Option<Arc<Certificate>>,
}

impl Standing {
    /// Whether it rests on something that can be revoked.
    pub(crate) fn is_revocable(&self) -> bool {
        self.caller.credential().is_some()
    }

    /// The time by which it is asked again.
    pub(crate) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// That what the caller showed would still be accepted, and that it may still do what it does: its role may be another one by now,
    /// and a grant taken away or over.
    pub(crate) async fn check(&self) -> Result<()> {
        if !self.is_vouched_for() {
            return Err(Error::Unauthenticated);
        }
        let caller = self.authenticator.as_of_now(&self.caller).await?.ok_or(Error::Unauthenticated)?;
        (self.recheck)(caller).await
    }

    /// Whether the certificate of the connection is still believed, where that is what the caller is known by.
    fn is_vouched_for(&self) -> bool {
        let by_certificate = self.caller.credential().is_some_and(|shown| shown.kind == CredentialKind::Certificate);
        !by_certificate || self.certificate.as_ref().is_some_and(|certificate| certificate.is_believed())
    }
}

impl Performer {
    pub(crate) fn new(
        authenticator: Arc<dyn Authenticator>,
        policy: AccessPolicy,
        limits: Arc<dyn CallLimits>,
        settling: Settling,
        auditor: Auditor,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Performer { authenticator, policy, limits, settling, auditor, clock }
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
        T: Reply + Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        self.answer(request, |_caller, body| name(body), None, work).await
    }

    /// As [`Performer::perform`], where `also` says whether the caller may do whatever else it takes. A refusal of that is recorded as
    /// every other, bounded and without an intent; whatever else `also` finds wrong, the work finds, too.
    pub(crate) async fn perform_where<A, B, T, F>(
        &self,
        request: Request<B>,
        name: impl FnOnce(&B) -> Result<A::Target> + Send,
        also: impl for<'a> FnOnce(&'a Permit<A>, &'a B) -> BoxFuture<'a, Result<()>> + Send,
        work: impl FnOnce(Permitted<A, B>) -> F + Send,
    ) -> Result<Response<T>, Status>
    where
        A: Action,
        B: Send + Sync,
        T: Reply + Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        self.answer(request, |_caller, body| name(body), Some(Box::new(also)), work).await
    }

    /// Answers a call that is about whoever calls.
    pub(crate) async fn perform_as_caller<A, B, T, F>(
        &self,
        request: Request<B>,
        work: impl FnOnce(Permitted<A, B>) -> F + Send,
    ) -> Result<Response<T>, Status>
    where
        A: Action<Target = PrincipalName>,
        B: Send + Sync,
        T: Reply + Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        self.answer(request, |caller, _body| Ok(caller.principal.clone()), None, work).await
    }

    /// As [`Performer::perform`], of what is about a tenant, and about the caller's own where `name` reads none.
    pub(crate) async fn perform_at_home<A, B, T, F>(
        &self,
        request: Request<B>,
        name: impl FnOnce(&B) -> Result<Option<TenantName>> + Send,
        work: impl FnOnce(Permitted<A, B>) -> F + Send,
    ) -> Result<Response<T>, Status>
    where
        A: Action<Target = TenantName>,
        B: Send,
        T: Reply + Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let home = |caller: &Caller| TenantName { tenant: caller.principal.tenant().clone() };
        self.answer(request, |caller, body| Ok(name(body)?.unwrap_or_else(|| home(caller))), None, work).await
    }

    /// Answers a call whose request itself proves who asks, or that asks for what is public: nobody is authenticated, no permission is
    /// asked for, and a credential in the metadata says nothing. Who it was, the work notes.
    pub(crate) async fn perform_open<A, B, T, F>(
        &self,
        request: Request<B>,
        work: impl FnOnce(Opened<B>) -> F + Send,
    ) -> Result<Response<T>, Status>
    where
        A: Action,
        B: Send,
        T: Reply + Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let (metadata, extensions, body) = request.into_parts();
        let call = Call::of(&extensions).map_err(|error| Status::internal(error.to_string()))?;
        let around = circumstances(&call, &metadata, &extensions);
        let answered = match call.method.open {
            true => {
                let entry = self.auditor.refused_entry(None, A::SPEC, None, &around);
                let notes = Notes::default();
                let audited = Audited::new(self.auditor.clone(), entry, A::SPEC, notes.clone());
                // What is around it moves it about, and a future may be large.
                let work = Box::pin(work(Opened { body, address: peer(&extensions), notes }));
                audited.work(&call, &self.settling, None, work).await
            }
            false => Err(Error::Internal { context: "a method that demands a permission came the way of those that do not", source: None }),
        };
        answered.map(|answer| compression::response(answer, &metadata)).map_err(|error: Error| call.refuse(&error))
    }

    async fn answer<A, B, T, F>(
        &self,
        request: Request<B>,
        name: impl FnOnce(&Caller, &B) -> Result<A::Target> + Send,
        also: Option<Also<'_, A, B>>,
        work: impl FnOnce(Permitted<A, B>) -> F + Send,
    ) -> Result<Response<T>, Status>
    where
        A: Action,
        B: Send,
        T: Reply + Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let (metadata, extensions, body) = request.into_parts();
        let call = Call::of(&extensions).map_err(|error| Status::internal(error.to_string()))?;
        let around = circumstances(&call, &metadata, &extensions);
        let permit = async {
            let permit = self.permit::<A>(presented(&metadata, &extensions), |caller| name(caller, &body), &around).await?;
            if let Some(also) = also
                && let Err(error @ (Error::Denied { .. } | Error::Closed { .. })) = also(&permit, &body).await
            {
                self.record_refusal::<A>(permit.caller(), &error, &around);
                return Err(error);
            }
            Ok(permit)
        };
        let answered = match evenly(permit).await {
            Ok(permit) => {
                timeline::mark("permitted");
                let target = permit.target().target();
                let tenant = target.tenant().cloned();
                let mut entry = self.auditor.entry(permit.caller(), A::SPEC, target, &around);
                if permit.guest_of().is_some() {
                    // On the account of the tenant that uses it; the one that shares it is told, too.
                    entry.tenant = permit.principal().tenant().clone();
                }
                let audited = Audited::new(self.auditor.clone(), entry, A::SPEC, permit.notes());
                let (authenticator, clock) = (Arc::clone(&self.authenticator), Arc::clone(&self.clock));
                let certificate = extensions.get::<Arc<Certificate>>().cloned();
                let recheck = self.recheck::<A>(&permit);
                let standing = Standing { authenticator, clock, caller: permit.caller().clone(), recheck, certificate };
                let work = Box::pin(evenly(work(Permitted { permit, body, call: call.clone(), standing })));
                audited.work(&call, &self.settling, tenant.as_ref(), work).await
            }
            Err(error) => Err(error),
        };
        answered.map(|answer| compression::response(answer, &metadata)).map_err(|error: Error| call.refuse(&error))
    }

    fn recheck<A: Action>(&self, permit: &Permit<A>) -> Recheck {
        let (policy, target, opened) = (self.policy.clone(), Arc::new(permit.target().clone()), permit.opened());
        Box::new(move |caller| {
            let (policy, target, opened) = (policy.clone(), Arc::clone(&target), opened.clone());
            Box::pin(async move { policy.check(&caller, A::SPEC, target.target(), &opened).await })
        })
    }

    /// Who calls may do this to that, or why not, which is recorded.
    async fn permit<A: Action>(
        &self,
        presented: Presented<'_>,
        name: impl FnOnce(&Caller) -> Result<A::Target>,
        around: &Circumstances,
    ) -> Result<Permit<A>> {
        let auditor = &self.auditor;
        let caller = self.authenticator.authenticate(presented).await.inspect_err(|error| {
            if matches!(error, Error::Unauthenticated) {
                auditor.denied(auditor.refused_entry(None, A::SPEC, None, around), A::SPEC, error.reason());
            }
        })?;
        let count_failure = || auditor.count(auditor.refused_entry(Some(&caller), A::SPEC, None, around), A::SPEC, Outcome::Failed);
        // Before anything is looked at that costs more, and by the tenant of who calls: so nobody uses up the calls of another.
        let admitted = self.limits.admit(caller.principal.tenant(), CallClass::of(A::SPEC)).await;
        admitted.inspect_err(|_limited| count_failure())?;
        let target = name(&caller).inspect_err(|_malformed| count_failure())?;
        self.policy.require::<A>(&caller, target).await.inspect_err(|error| self.record_refusal::<A>(&caller, error, around))
    }

    /// Records that a caller may not do this to that.
    fn record_refusal<A: Action>(&self, caller: &Caller, error: &Error, around: &Circumstances) {
        if let Error::Denied { resource, .. } | Error::Closed { subject: resource, .. } = error {
            let entry = self.auditor.refused_entry(Some(caller), A::SPEC, Some(resource), around);
            self.auditor.denied(entry, A::SPEC, error.reason());
        }
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

fn presented<'a>(metadata: &'a MetadataMap, extensions: &'a Extensions) -> Presented<'a> {
    // What cannot be read was shown all the same, and is not right.
    let authorization = metadata.get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
    let certificate = extensions.get::<Arc<Certificate>>().map(|shown| shown.says());
    Presented { peer: peer(extensions), of_web: extensions.get::<OfWeb>().is_some(), authorization, certificate }
}

/// Where the connection comes from; one whose address is not known is a stranger's.
fn peer(extensions: &Extensions) -> Option<IpAddr> {
    Some(extensions.get::<TcpConnectInfo>()?.remote_addr()?.ip())
}
