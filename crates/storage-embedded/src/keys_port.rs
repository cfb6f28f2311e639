//! The port of wrapping keys. A rotation makes a key first, and then wraps data keys anew, some at a time; what a stop leaves undone,
//! the next start does.

use async_trait::async_trait;
use domain::name::TenantId;
use domain::request::{Committed, RequestKey};
use domain::server::{KeyRepository, WrappingKey};

use crate::request::{self, Remembered};
use crate::store::EmbeddedStore;
use crate::vault::RewrapPlace;

#[async_trait]
impl KeyRepository for EmbeddedStore {
    async fn wrapping_keys(&self) -> domain::Result<Vec<WrappingKey>> {
        let vault = self.vault();
        Ok(self.read(move |connection| vault.wrapping_keys(connection)).await?)
    }

    async fn rotate(&self, request: Option<&RequestKey>) -> domain::Result<Committed<String>> {
        let (vault, request, (now, since)) = (self.vault(), request.cloned(), self.request_window());
        let begin = move |connection: &rusqlite::Connection| {
            let system = TenantId::system();
            if let Some(key) = &request
                && let Some(answered) = answer(request::find(connection, &system, key, since)?)
            {
                return Ok(answered);
            }
            let id = vault.add_wrapping_key()?;
            if let Some(key) = &request {
                request::remember(connection, &system, key, now, &id, None)?;
            }
            Ok(Committed::Answered(Box::new(id)))
        };
        let committed = self.write(begin).await?;
        let mut place = Some(RewrapPlace::default());
        while let Some(from) = place.take() {
            let vault = self.vault();
            place = self.write(move |connection| vault.rewrap(connection, from)).await?;
        }
        Ok(committed)
    }

    async fn find_rotation(&self, key: &RequestKey) -> domain::Result<Option<Committed<String>>> {
        let (key, (_, since)) = (key.clone(), self.request_window());
        Ok(self.read(move |connection| Ok(answer(request::find(connection, &TenantId::system(), &key, since)?))).await?)
    }
}

fn answer(remembered: Option<Remembered>) -> Option<Committed<String>> {
    Some(match remembered? {
        Remembered::Reused => Committed::KeyReused,
        Remembered::Answered { resource, .. } => Committed::Answered(Box::new(resource)),
    })
}
