//! What handles the methods of a service: its use cases, and the one way in which calls are answered.

use std::future::Future;

use domain::Result;
use domain::access::{Action, Permit};
use domain::name::{PrincipalName, TenantName};
use futures_util::future::BoxFuture;
use tonic::{Request, Response, Status};

use crate::compression::Reply;
use crate::perform::{Opened, Performer, Permitted};

/// Handles the methods of one service by the use cases `U`, which are cheap to clone.
pub(crate) struct Handler<U> {
    performer: Performer,
    use_cases: U,
}

impl<U: Clone + Send + Sync> Handler<U> {
    pub(crate) fn new(performer: Performer, use_cases: U) -> Self {
        Handler { performer, use_cases }
    }

    /// Answers a call: `name` reads what the request is about, and `work` does what is asked once that is permitted.
    pub(crate) async fn perform<A, B, T, F>(
        &self,
        request: Request<B>,
        name: impl FnOnce(&B) -> Result<A::Target> + Send,
        work: impl FnOnce(U, Permitted<A, B>) -> F + Send,
    ) -> Result<Response<T>, Status>
    where
        A: Action,
        B: Send,
        T: Reply + Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        self.performer.perform(request, name, |permitted| work(self.use_cases.clone(), permitted)).await
    }

    /// As [`Handler::perform`], where `also` says whether the caller may do whatever else it takes, before anything is recorded.
    pub(crate) async fn perform_where<A, B, T, F>(
        &self,
        request: Request<B>,
        name: impl FnOnce(&B) -> Result<A::Target> + Send,
        also: impl for<'a> FnOnce(U, &'a Permit<A>, &'a B) -> BoxFuture<'a, Result<()>> + Send,
        work: impl FnOnce(U, Permitted<A, B>) -> F + Send,
    ) -> Result<Response<T>, Status>
    where
        A: Action,
        B: Send + Sync,
        T: Reply + Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let cases = &self.use_cases;
        let work = |permitted| work(cases.clone(), permitted);
        self.performer.perform_where(request, name, |permit, body| also(cases.clone(), permit, body), work).await
    }

    /// Answers a call that is about its caller.
    pub(crate) async fn perform_as_caller<A, B, T, F>(
        &self,
        request: Request<B>,
        work: impl FnOnce(U, Permitted<A, B>) -> F + Send,
    ) -> Result<Response<T>, Status>
    where
        A: Action<Target = PrincipalName>,
        B: Send + Sync,
        T: Reply + Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        self.performer.perform_as_caller(request, |permitted| work(self.use_cases.clone(), permitted)).await
    }

    /// As [`Handler::perform`], of what is about a tenant, and about the caller's own where `name` reads none.
    pub(crate) async fn perform_at_home<A, B, T, F>(
        &self,
        request: Request<B>,
        name: impl FnOnce(&B) -> Result<Option<TenantName>> + Send,
        work: impl FnOnce(U, Permitted<A, B>) -> F + Send,
    ) -> Result<Response<T>, Status>
    where
        A: Action<Target = TenantName>,
        B: Send,
        T: Reply + Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        self.performer.perform_at_home(request, name, |permitted| work(self.use_cases.clone(), permitted)).await
    }

    /// Answers a call of anybody.
    pub(crate) async fn perform_open<A, B, T, F>(
        &self,
        request: Request<B>,
        work: impl FnOnce(U, Opened<B>) -> F + Send,
    ) -> Result<Response<T>, Status>
    where
        A: Action,
        B: Send,
        T: Reply + Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        self.performer.perform_open::<A, _, _, _>(request, |opened| work(self.use_cases.clone(), opened)).await
    }
}
