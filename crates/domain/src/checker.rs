//! The port behind which source texts are validated. Rules and parsers are the adapter's.

use async_trait::async_trait;

use crate::Result;
use crate::finding::CodeReport;
use crate::name::TenantId;

/// Port: validates code.
#[async_trait]
pub trait CodeChecker: Send + Sync {
    /// Reports everything there is to say of `source` under the tenant's policy. Never runs it; bounded in time for any bytes.
    ///
    /// # Errors
    /// Only when the checker itself is unavailable.
    async fn check(&self, tenant: &TenantId, source: Vec<u8>) -> Result<CodeReport>;
}
