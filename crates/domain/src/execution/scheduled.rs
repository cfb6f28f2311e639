//! What schedules start, checked when one is made or changed: as far as that can be said before its time.

use crate::access::{Action, Permit};
use crate::error::{Error, Result};
use crate::execution::kept::{keeps_no_secret, not_claimable};
use crate::execution::{Executions, Launch, arguments, handover};
use crate::name::UtilityName;

impl Executions {
    /// That there is the utility that is permitted to run.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn require_utility<A>(&self, permit: &Permit<A>) -> Result<()>
    where
        A: Action<Target = UtilityName>,
    {
        let found = self.shared.ports.utilities.find(&permit.scope(), &permit.target().utility).await?;
        permit.open(found, permit.target()).map(drop)
    }

    /// That the launch would be taken now, and holds no secret by value.
    ///
    /// # Errors
    /// As of [`Executions::start`], but for what depends on how much runs.
    pub async fn check<A>(&self, permit: &Permit<A>, launch: &Launch) -> Result<()>
    where
        A: Action<Target = UtilityName>,
    {
        let ports = &self.shared.ports;
        let (utility, version, _) = self.load(permit, launch.version).await?;
        let (definition, binder) = (&version.definition, ports.binder.as_ref());
        keeps_no_secret(binder, definition.schema(), &launch.params_json)?;
        let params_json = launch.params_json.clone();
        let (params_json, bindings) = handover::bind(ports, permit, (&utility, &version), params_json, &launch.secrets).await?;
        arguments(binder, definition.kind, definition.schema(), &version.code, &params_json).map_err(Error::Invalid)?;
        if launch.retry_if_lost && bindings.is_some() { Err(not_claimable()) } else { Ok(()) }
    }
}
