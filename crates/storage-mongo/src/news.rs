//! What a transaction changes, noted while it is done and told once it is committed: to the listener that keeps copies, to those who
//! follow a log, and to whoever judges by the epoch of a tenant.

use std::sync::Arc;

use domain::change::{ChangeListener, Changed};
use domain::name::TenantId;
use domain::news::{Bells, News};
use tokio::runtime::Handle;

use crate::epochs::Epochs;
use crate::grants::Held;
use crate::tasks;

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

    /// Tells it.
    pub(crate) async fn now(mut self) {
        if let Some((hearers, noted)) = self.0.take() {
            hearers.hear(noted).await;
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
            tasks::spawn(&runtime, "tell of a change", hearers.hear(noted));
        }
    }
}
