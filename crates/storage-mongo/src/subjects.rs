//! The port of persons: what is kept of them, and its erasure.
//!
//! An erasure begins with one transaction, after which nothing that was sealed can be opened and nothing that was issued is accepted. What
//! is left, names in what others may still read, is replaced behind it, document by document, which a later call or another server goes on
//! with.

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::identity::{Erasure, Session, SubjectRepository, SubjectState};
use domain::name::PrincipalName;
use domain::request::{Committed, RequestKey};

use crate::error::Error;
use crate::identity::{is_judged_now, sessions, taken};
use crate::request;
use crate::store::MongoStore;
use crate::transaction::{read, transact};

mod erase;
mod names;
mod needle;

#[async_trait]
impl SubjectRepository for MongoStore {
    async fn find_subject(&self, scope: &TenantScope, user: &PrincipalName) -> domain::Result<Option<SubjectState>> {
        let vault = &self.shared.vault;
        Ok(read!(self, "looking for a person", |session| erase::find(session, vault, scope.tenant(), user).await)?)
    }

    async fn sessions(&self, scope: &TenantScope, user: &PrincipalName) -> domain::Result<Found<Vec<Session>>> {
        Ok(Found::one(read!(self, "reading sessions", |session| sessions::of(session, scope.tenant(), user).await)?))
    }

    async fn erase(&self, scope: &TenantScope, erasure: Erasure) -> domain::Result<Committed<PrincipalName>> {
        if erasure.user.tenant() != scope.tenant() {
            return Err(Error::Misused("a person of another tenant").into());
        }
        let (tenant, vault, window) = (scope.tenant(), &self.shared.vault, self.request_window());
        let committed = transact!(self, "erasing a person", tenant, |session| {
            if !is_judged_now(session, tenant, erasure.judged_at).await? {
                return Ok(Committed::Conflict);
            }
            let committed = erase::erase(session, vault, &erasure, window).await?;
            if committed == Committed::Stored {
                session.advance_identity(tenant).await?;
                session.tell(taken(&erasure.user));
            }
            Ok(committed)
        });
        // Whoever loaded keys beside the commit keeps none of them.
        vault.forget();
        Ok(committed?)
    }

    async fn find_erased(&self, scope: &TenantScope, key: &RequestKey) -> domain::Result<Option<Committed<PrincipalName>>> {
        let (tenant, (_, since)) = (scope.tenant(), self.request_window());
        let look =
            read!(self, "reading an answered request", |session| { erase::answer(request::find(session, tenant, key, since).await?) });
        Ok(look?)
    }

    async fn go_on_erasing(&self) -> domain::Result<u64> {
        Ok(names::replace_all(self).await?)
    }
}
