//! What a transaction changes, noted while it is done and told once it is committed: to the listener that keeps copies, to those who
//! follow a log, and to whoever judges by the epoch of a tenant.

use std::sync::Arc;

use domain::audit::Entry;
use domain::change::{ChangeListener, Changed};
use domain::name::TenantId;
use domain::news::{Bells, News};
use tokio::runtime::Handle;

use crate::epochs::Epochs;
use crate::grants::Held;
use crate::tasks;

/// The name of the task that tells.
const TELLING: &str = "tell of a change";

/// Which log of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Log {
    Events,
    Audit,
}

/// What one transaction changes.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    pub(crate) changed: Vec<Changed>,
    /// Tenants of whose principals, or of which itself, something changed.
    pub(crate) identity: Vec<TenantId>,
    pub(crate) added: Vec<(Log, TenantId)>,
    /// Intents that it adds: nobody can say whether one of them is open until it is known what becomes of the transaction.
    pub(crate) intents: Vec<Entry>,
}

/// Those who hear.
#[derive(Clone)]
pub(crate) struct Hearers {
    pub(crate) listener: Option<Arc<dyn ChangeListener>>,
    pub(crate) epochs: Epochs,
    pub(crate) held: Held,
    pub(crate) bells: Bells<(Log, TenantId)>,
}

/// What is still to be told. Where nobody waits for the transaction any more, it is told all the same: it may be stored.
pub(crate) struct Telling(Option<(Hearers, Noted)>);

impl Hearers {
    /// News of a tenant's log from now on.
    pub(crate) fn listen(&self, log: Log, tenant: &TenantId) -> News {
        self.bells.listen((log, tenant.clone()))
    }

    async fn hear(self, noted: Noted) {
        for tenant in &noted.identity {
            self.epochs.advance(tenant);
        }
        for what in &noted.changed {
            if let Changed::Grants { tenant, .. } = what {
                self.held.epochs.advance(tenant);
            }
        }
        for added in &noted.added {
            self.bells.ring(added);
        }
        if let Some(listener) = self.listener {
            for what in &noted.changed {
                listener.changed(what).await;
            }
        }
    }
}

impl Telling {
    pub(crate) fn new(hearers: &Hearers, noted: Noted) -> Self {
        Telling(Some((hearers.clone(), noted)))
    }

    /// Tells it. In a task of its own: whoever hears it may fail, and what is stored is stored.
    pub(crate) async fn now(mut self) {
        let Some((hearers, noted)) = self.0.take() else { return };
        if let Err(error) = tasks::spawn(&Handle::current(), TELLING, hearers.hear(noted)).await {
            tracing::error!(error = &error as &dyn std::error::Error, "not everybody was told of a change that is stored");
        }
    }

    /// Nothing was stored.
    pub(crate) fn never(mut self) {
        self.0 = None;
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        if let (Some((hearers, noted)), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            tasks::spawn(&runtime, TELLING, hearers.hear(noted));
        }
    }
}
