//! The port of wrapping keys. A rotation makes a key first, and then wraps data keys anew, some at a time; what a stop or a failure leaves
//! undone, whoever comes next goes on with.

use async_trait::async_trait;
use domain::name::TenantId;
use domain::request::{Committed, RequestKey};
use domain::server::{KeyRepository, WrappingKey};

use crate::error::Result;
use crate::request::{self, Remembered};
use crate::session::Session;
use crate::store::MongoStore;
use crate::transaction::{read, transact};
use crate::vault::{RewrapPlace, Vault};

#[async_trait]
impl KeyRepository for MongoStore {
    async fn wrapping_keys(&self) -> domain::Result<Vec<WrappingKey>> {
        Ok(read!(self, "counting keys", |session| self.shared.vault.wrapping_keys(session).await)?)
    }

    async fn rotate(&self, request: Option<&RequestKey>) -> domain::Result<Committed<String>> {
        let (vault, system, (now, since)) = (&self.shared.vault, TenantId::system(), self.request_window());
        let begun = transact!(self, "beginning a rotation", &system, |session| {
            if let Some(key) = request
                && let Some(answered) = answer(request::find(session, &system, key, since).await?)
            {
                return Ok(Some(answered));
            }
            Ok(is_something_left(vault, session).await?.then_some(Committed::Conflict))
        });
        let committed = match begun? {
            Some(committed) => committed,
            None => {
                // Beside the database: a transaction that is tried again would make another one. Two servers that rotate at the same time
                // make two, of which the newest wraps.
                let id = vault.add_wrapping_key().await?;
                if let Some(key) = request {
                    let remembered = transact!(self, "remembering a rotation", &system, |session| {
                        request::remember(session, &system, key, now, &id, None).await
                    });
                    remembered?;
                }
                Committed::Answered(Box::new(id))
            }
        };
        if matches!(committed, Committed::Answered(_)) {
            self.rewrap_all().await?;
        }
        Ok(committed)
    }

    async fn find_rotation(&self, key: &RequestKey) -> domain::Result<Option<Committed<String>>> {
        let (vault, system, (_, since)) = (&self.shared.vault, TenantId::system(), self.request_window());
        let found = read!(self, "reading a rotation", |session| {
            let found = answer(request::find(session, &system, key, since).await?);
            let is_done = found == Some(Committed::KeyReused) || vault.is_rotated(session).await?;
            Ok(found.filter(|_| is_done))
        });
        Ok(found?)
    }

    async fn go_on_rotating(&self) -> domain::Result<u64> {
        if read!(self, "looking for keys to wrap anew", |session| self.shared.vault.is_rotated(session).await)? {
            return Ok(0);
        }
        Ok(self.rewrap_all().await?)
    }
}

impl MongoStore {
    /// Has the newest key wrap what others wrap still; answers how many data keys that were.
    async fn rewrap_all(&self) -> Result<u64> {
        let (system, vault) = (TenantId::system(), &self.shared.vault);
        let (mut place, mut wrapped) = (Some(RewrapPlace::default()), 0);
        while let Some(from) = place.take() {
            let (some, last) = transact!(self, "wrapping keys anew", &system, |session| vault.rewrap(session, &from).await)?;
            (place, wrapped) = (last, wrapped + some);
        }
        Ok(wrapped)
    }
}

/// Whether the newest key does not wrap yet what it could, as a rotation runs, here or on another server, or was cut off. Some of that it
/// wraps then. What does not open is not left: nobody will ever wrap it anew.
async fn is_something_left(vault: &Vault, session: &mut Session) -> Result<bool> {
    let mut place = Some(RewrapPlace::default());
    while let Some(from) = place.take() {
        let (wrapped, last) = vault.rewrap(session, &from).await?;
        if wrapped > 0 {
            return Ok(true);
        }
        place = last;
    }
    Ok(false)
}

fn answer(remembered: Option<Remembered>) -> Option<Committed<String>> {
    Some(match remembered? {
        Remembered::Reused => Committed::KeyReused,
        Remembered::Answered { resource, .. } => Committed::Answered(Box::new(resource)),
    })
}
