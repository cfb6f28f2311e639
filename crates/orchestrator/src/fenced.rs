//! An engine of which one server of an installation at a time changes anything. The engine knows no fences, so whether this server still has the
//! lease is looked at right before each call, and a call that has not ended when its time has come is given up.
//!
//! What was given up may be on its way in the engine. That is harmless: names follow from what containers are, so none is created twice; what was
//! created and not started is taken away by whoever comes next, and cannot be started any more; and only the last part of a lease's term, in
//! which nobody acts, lies between a call that is given up and the next holder's first look. A container that was told to stop may end later,
//! within its own grace; the next holder sees it end and starts another one.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::lease::{Acting, Tenure};

use crate::engine::{Change, Engine, Error, Feed, Instance, Line, LogAsk, NetworkOrder, Order, VolumeOrder};
use crate::labels::EPOCH;

/// An engine behind a lease.
pub struct FencedEngine {
    inner: Arc<dyn Engine>,
    tenure: Arc<Tenure>,
}

// === impl FencedEngine ===

impl FencedEngine {
    /// An engine that is changed as long as the lease is held.
    pub fn new(inner: Arc<dyn Engine>, tenure: Arc<Tenure>) -> Self {
        FencedEngine { inner, tenure }
    }

    fn begin(&self, what: &str) -> Result<Acting, Error> {
        self.tenure.act().ok_or_else(|| deposed(what))
    }

    async fn change<T>(&self, what: &str, call: impl Future<Output = Result<T, Error>> + Send) -> Result<T, Error> {
        within(&self.begin(what)?, what, call).await
    }
}

/// Waits for a call as long as the lease lasts, however often it is renewed meanwhile.
async fn within<T>(acting: &Acting, what: &str, call: impl Future<Output = Result<T, Error>> + Send) -> Result<T, Error> {
    let mut call = pin!(call);
    loop {
        let left = acting.left().ok_or_else(|| deposed(what))?;
        if let Ok(answer) = tokio::time::timeout(left, &mut call).await {
            return answer;
        }
    }
}

fn deposed(what: &str) -> Error {
    Error::Deposed(format!("failed to {what}: this server does not have the platform's lease, so another one acts"))
}

#[async_trait]
impl Engine for FencedEngine {
    async fn check(&self) -> Result<(), Error> {
        self.inner.check().await
    }

    async fn list(&self) -> Result<Vec<Instance>, Error> {
        self.inner.list().await
    }

    async fn fetch(&self, image: &str) -> Result<(), Error> {
        // It takes minutes, and an image that is there changes nothing that runs.
        self.inner.fetch(image).await
    }

    async fn network(&self, network: &NetworkOrder) -> Result<(), Error> {
        self.change("make a network", self.inner.network(network)).await
    }

    async fn volume(&self, volume: &VolumeOrder) -> Result<(), Error> {
        self.change("make a volume", self.inner.volume(volume)).await
    }

    async fn create(&self, order: &Order) -> Result<String, Error> {
        let what = "create a container";
        let acting = self.begin(what)?;
        let mut order = order.clone();
        order.labels.push((EPOCH.to_owned(), acting.token().to_string()));
        within(&acting, what, self.inner.create(&order)).await
    }

    async fn start(&self, id: &str) -> Result<(), Error> {
        self.change("start a container", self.inner.start(id)).await
    }

    async fn stop(&self, id: &str, grace: Duration) -> Result<(), Error> {
        self.change("stop a container", self.inner.stop(id, grace)).await
    }

    async fn remove(&self, id: &str) -> Result<(), Error> {
        self.change("remove a container", self.inner.remove(id)).await
    }

    async fn serve(&self, id: &str, serving: bool) -> Result<(), Error> {
        self.change("switch calls to a container", self.inner.serve(id, serving)).await
    }

    async fn run(&self, id: &str, command: &[String], limit: Duration) -> Result<i64, Error> {
        self.inner.run(id, command, limit).await
    }

    async fn logs(&self, id: &str, ask: LogAsk) -> Result<Feed<Result<Line, Error>>, Error> {
        self.inner.logs(id, ask).await
    }

    async fn changes(&self) -> Result<Feed<Result<Change, Error>>, Error> {
        self.inner.changes().await
    }
}
