//! What this process adds to logs, for those of it who follow them: noted by the statements that add, and told behind their commit. What is
//! noted and then taken back is told as well, which costs a look.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use domain::name::TenantId;
use domain::news::{Bells, News};
use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};

use crate::error::{Result, during};

/// Which log of a tenant. Statements name them: `noted('audit', tenant)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Log {
    Events,
    Audit,
}

/// What was added. Cheap to clone: clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Added {
    noted: Arc<Mutex<BTreeSet<(String, String)>>>,
    bells: Bells<(Log, TenantId)>,
}

impl Added {
    /// Gives the connection that writes the function `noted`, which is 0.
    pub(crate) fn give(&self, connection: &Connection) -> Result<()> {
        let noted = Arc::clone(&self.noted);
        let note = move |arguments: &Context<'_>| {
            let of = (arguments.get(0)?, arguments.get(1)?);
            noted.lock().unwrap_or_else(PoisonError::into_inner).insert(of);
            Ok(0)
        };
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY;
        connection.create_scalar_function("noted", 2, flags, note).map_err(during("setting up a connection"))
    }

    /// Tells what was noted until now.
    pub(crate) fn tell(&self) {
        let noted = std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner));
        for (log, tenant) in noted {
            let log = if log == "audit" { Log::Audit } else { Log::Events };
            // A tenant whose code is none is followed by nobody.
            if let Ok(tenant) = TenantId::parse("tenant", &tenant) {
                self.bells.ring(&(log, tenant));
            }
        }
    }

    /// News of a tenant's log.
    pub(crate) fn listen(&self, log: Log, tenant: &TenantId) -> News {
        self.bells.listen((log, tenant.clone()))
    }
}
