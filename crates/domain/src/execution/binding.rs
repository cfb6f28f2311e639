//! Whether a caller may bind secrets to the parameters of what they launch.

use crate::access::{Action, Permit};
use crate::error::Result;
use crate::execution::Executions;
use crate::name::UtilityName;
use crate::request::RequestKey;
use crate::secret::{Bindings, References};

impl Executions {
    /// That the caller may have the secrets handed over that a launch names, or has launched it by the same request before. Asked for
    /// before the launch is an intent, so that a refusal is recorded as every other is; what else is wrong, the launch says.
    ///
    /// # Errors
    /// [`Error::Denied`] for the first that may not be had; what `request` says; others of the stores.
    pub async fn may_bind<A: Action<Target = UtilityName>>(
        &self,
        permit: &Permit<A>,
        references: &References,
        request: impl FnOnce() -> Result<Option<RequestKey>> + Send,
    ) -> Result<()> {
        if references.is_empty() {
            return Ok(());
        }
        let (ports, name) = (&self.shared.ports, permit.target());
        let utility = permit.open(ports.utilities.find(&permit.scope(), &name.utility).await?, name)?;
        let Err(refused) = Bindings::permitted(permit, &ports.secrets, &utility, references).await else { return Ok(()) };
        match self.answered(permit, request()?.as_ref()).await? {
            Some(_) => Ok(()),
            None => Err(refused),
        }
    }
}
