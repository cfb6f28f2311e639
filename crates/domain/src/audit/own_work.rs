//! What a server does by itself, recorded like a call: nobody asked for it, so the record names no actor but its instance.

use std::fmt;
use std::future::Future;

use crate::audit::auditor::{Auditor, Circumstances};
use crate::audit::notes::Notes;
use crate::audit::record::{Entry, Outcome};
use crate::error::Result;
use crate::name::TenantId;

/// What stands in the place of a method where a server did something by itself.
pub const OWN_WORK: &str = "server";

impl Auditor {
    /// The record of what this server does by itself to something of `tenant`, before it has happened.
    pub fn own_entry(&self, tenant: TenantId, action: &str, resource: &dyn fmt::Display) -> Entry {
        let around = Circumstances { method: OWN_WORK.to_owned(), ..Circumstances::default() };
        self.new_entry(tenant, None, action, resource.to_string(), None, &around)
    }

    /// Does work of this server's own between its intent and its outcome, which says what the work has noted.
    ///
    /// # Errors
    /// [`crate::Error::Unaudited`]: then nothing was done; those of the work.
    pub async fn own_work<T>(&self, entry: Entry, notes: Notes, work: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let mut intent = self.intent(entry, notes);
        intent.store().await?;
        let done = work.await;
        let (outcome, reason) = Outcome::of(&done);
        intent.close(outcome, reason).await;
        done
    }
}
