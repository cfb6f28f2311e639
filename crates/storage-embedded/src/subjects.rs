//! The port of persons: what is kept of them, and its erasure.
//!
//! An erasure begins with one commit, after which nothing that was sealed can be opened and nothing that was issued is accepted. What is
//! left, names in what others may still read, is replaced behind it, in small commits, which a later call or the next server goes on with.

use async_trait::async_trait;
use domain::access::{Found, Grantee, TenantScope};
use domain::change::Changed;
use domain::identity::{Erasure, Session, SubjectRepository, SubjectState};
use domain::name::PrincipalName;
use domain::request::{Committed, RequestKey};

use crate::error::Error;
use crate::request;
use crate::store::EmbeddedStore;

mod erase;
mod names;
mod tables;

#[async_trait]
impl SubjectRepository for EmbeddedStore {
    async fn find_subject(&self, scope: &TenantScope, user: &PrincipalName) -> domain::Result<Option<SubjectState>> {
        let (tenant, user, vault) = (scope.tenant().clone(), user.clone(), self.vault());
        Ok(self.read(move |connection| erase::find(connection, &vault, &tenant, &user)).await?)
    }

    async fn sessions(&self, scope: &TenantScope, user: &PrincipalName) -> domain::Result<Found<Vec<Session>>> {
        let (tenant, user) = (scope.tenant().clone(), user.clone());
        Ok(Found::one(self.read(move |connection| crate::identity::sessions::of(connection, &tenant, &user)).await?))
    }

    async fn erase(&self, scope: &TenantScope, erasure: Erasure) -> domain::Result<Committed<PrincipalName>> {
        if erasure.user.tenant() != scope.tenant() {
            return Err(Error::Misused("a person of another tenant").into());
        }
        let (tenant, epochs, vault, window) = (scope.tenant().clone(), self.epochs().clone(), self.vault(), self.request_window());
        let grantee = Grantee::Principal(erasure.user.clone()).to_string();
        let taken = Changed::Grants { tenant: tenant.clone(), grantee };
        let work = move |connection: &rusqlite::Connection| {
            if erasure.judged_at.is_some_and(|judged| judged != epochs.find(&tenant)) {
                return Ok(Committed::Conflict);
            }
            let committed = erase::erase(connection, &vault, &erasure, window)?;
            if committed == Committed::Stored {
                epochs.advance(&tenant);
            }
            Ok(committed)
        };
        let committed = self.change_identity(scope.tenant(), Some(taken), work).await?;
        // Whoever loaded keys beside the commit keeps none of them.
        self.vault().forget();
        Ok(committed)
    }

    async fn find_erased(&self, scope: &TenantScope, key: &RequestKey) -> domain::Result<Option<Committed<PrincipalName>>> {
        let (tenant, key, (_, since)) = (scope.tenant().clone(), key.clone(), self.request_window());
        Ok(self.read(move |connection| erase::answer(request::find(connection, &tenant, &key, since)?)).await?)
    }

    async fn go_on_erasing(&self) -> domain::Result<u64> {
        Ok(names::replace_all(self).await?)
    }
}
