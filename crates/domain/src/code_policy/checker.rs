//! The port behind which source texts are judged under a policy, without running them. Rules and parsers are the adapter's.

use async_trait::async_trait;

use crate::Result;
use crate::code::{CodeReport, Family};
use crate::code_policy::CodePolicy;
use crate::name::RuntimeId;

/// Port: validates code without running it.
#[async_trait]
pub trait CodeChecker: Send + Sync {
    /// Reports everything there is to say of `source` under the policy, for a runtime that this server has: its Python, its
    /// packages, their interfaces. Never runs it; bounded in time for any bytes.
    ///
    /// # Errors
    /// Only when the checker itself is unavailable.
    async fn check(&self, policy: &CodePolicy, runtime: &RuntimeId, source: Vec<u8>) -> Result<CodeReport>;

    /// The family of a rule, also of those that only the server finds; `None` when there is no rule of this id.
    fn family(&self, rule: &str) -> Option<Family>;
}
