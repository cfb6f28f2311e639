//! Sessions in memory together with audit logs, as a session is stored together with the record of its beginning.

use std::sync::Arc;

use async_trait::async_trait;
use domain::Result;
use domain::access::{Found, TenantScope};
use domain::audit::{AuditRepository as _, Entry};
use domain::identity::{Session, SessionRepository};
use domain::name::{PrincipalName, SessionId};
use domain::time::Timestamp;

use super::executions::InMemoryExecutionRepository;
use super::identity::InMemoryIdentity;

/// The sessions of one store with the logs of another.
pub struct InMemorySessions {
    sessions: Arc<InMemoryIdentity>,
    logs: Arc<InMemoryExecutionRepository>,
}

impl InMemorySessions {
    /// Keeps sessions in `sessions` and their records in `logs`.
    pub fn new(sessions: Arc<InMemoryIdentity>, logs: Arc<InMemoryExecutionRepository>) -> Self {
        InMemorySessions { sessions, logs }
    }
}

#[async_trait]
impl SessionRepository for InMemorySessions {
    async fn find_shown(&self, id: &SessionId) -> Result<Option<Session>> {
        SessionRepository::find_shown(self.sessions.as_ref(), id).await
    }

    async fn find(&self, scope: &TenantScope, principal: &PrincipalName, id: &SessionId) -> Result<Found<Session>> {
        SessionRepository::find(self.sessions.as_ref(), scope, principal, id).await
    }

    async fn insert(&self, scope: &TenantScope, session: &Session, record: Option<&Entry>) -> Result<()> {
        // What the log refuses is not stored, and of what is not stored nothing is recorded.
        let is_free = SessionRepository::find_shown(self.sessions.as_ref(), &session.id).await?.is_none();
        let record = record.filter(|_| is_free);
        self.logs.append(record.into_iter().cloned().collect()).await?;
        self.sessions.insert(scope, session, None).await
    }

    async fn rotate(&self, scope: &TenantScope, session: &Session) -> Result<bool> {
        self.sessions.rotate(scope, session).await
    }

    async fn revoke(&self, scope: &TenantScope, id: &SessionId, at: Timestamp) -> Result<bool> {
        self.sessions.revoke(scope, id, at).await
    }
}
