//! The port of wrapping keys. A rotation makes a key first, and then wraps data keys anew, some at a time; what a stop or a failure leaves
//! undone, whoever comes next goes on with.

use async_trait::async_trait;
use domain::name::TenantId;
use domain::request::{Committed, RequestKey};
use domain::server::{KeyRepository, WrappingKey};

use crate::error::{Error, Result};
use crate::request::{self, Remembered};
use crate::store::EmbeddedStore;
use crate::vault::{RewrapPlace, Vault};

#[async_trait]
impl KeyRepository for EmbeddedStore {
    async fn wrapping_keys(&self) -> domain::Result<Vec<WrappingKey>> {
        let vault = self.vault();
        Ok(self.read(move |connection| vault.wrapping_keys(connection)).await?)
    }

    async fn rotate(&self, request: Option<&RequestKey>) -> domain::Result<Committed<String>> {
        let (vault, request, (now, since)) = (self.vault(), request.cloned(), self.request_window());
        // Whatever protects it is asked before: the thread that writes waits for nobody. One that is not needed is dropped.
        let maker = self.vault();
        let made = tokio::task::spawn_blocking(move || maker.make_wrapping_key()).await.map_err(|_panic| Error::Panicked)??;
        let begin = move |connection: &rusqlite::Connection| {
            let system = TenantId::system();
            if let Some(key) = &request
                && let Some(answered) = answer(request::find(connection, &system, key, since)?)
            {
                return Ok(answered);
            }
            if is_something_left(&vault, connection)? {
                return Ok(Committed::Conflict);
            }
            let id = vault.add_wrapping_key(made)?;
            if let Some(key) = &request {
                request::remember(connection, &system, key, now, &id, None)?;
            }
            Ok(Committed::Answered(Box::new(id)))
        };
        let committed = self.write(begin).await?;
        if matches!(committed, Committed::Answered(_)) {
            rewrap_all(self).await?;
        }
        Ok(committed)
    }

    async fn find_rotation(&self, key: &RequestKey) -> domain::Result<Option<Committed<String>>> {
        let (vault, key, (_, since)) = (self.vault(), key.clone(), self.request_window());
        let find = move |connection: &rusqlite::Connection| {
            let found = answer(request::find(connection, &TenantId::system(), &key, since)?);
            let is_done = found == Some(Committed::KeyReused) || vault.is_rotated(connection)?;
            Ok(found.filter(|_| is_done))
        };
        Ok(self.read(find).await?)
    }

    async fn go_on_rotating(&self) -> domain::Result<u64> {
        let vault = self.vault();
        if self.read(move |connection| vault.is_rotated(connection)).await? {
            return Ok(0);
        }
        Ok(rewrap_all(self).await?)
    }
}

/// Whether the newest key does not wrap yet what it could, as a rotation runs, here or on another server, or was cut off. Some of that it
/// wraps then. What does not open is not left: nobody will ever wrap it anew.
fn is_something_left(vault: &Vault, connection: &rusqlite::Connection) -> Result<bool> {
    let mut place = Some(RewrapPlace::default());
    while let Some(from) = place.take() {
        let (wrapped, last) = vault.rewrap(connection, &from)?;
        if wrapped > 0 {
            return Ok(true);
        }
        place = last;
    }
    Ok(false)
}

/// Has the newest key wrap what others wrap still; answers how many data keys that were.
async fn rewrap_all(store: &EmbeddedStore) -> Result<u64> {
    let (mut place, mut wrapped) = (Some(RewrapPlace::default()), 0);
    while let Some(from) = place.take() {
        let vault = store.vault();
        let (some, last) = store.write(move |connection| vault.rewrap(connection, &from)).await?;
        (place, wrapped) = (last, wrapped + some);
    }
    Ok(wrapped)
}

fn answer(remembered: Option<Remembered>) -> Option<Committed<String>> {
    Some(match remembered? {
        Remembered::Reused => Committed::KeyReused,
        Remembered::Answered { resource, .. } => Committed::Answered(Box::new(resource)),
    })
}
