//! What an execution needs of its utility before it may run: the version, a runtime that may be used, code that was checked and compiled,
//! and what policies demand.

use crate::access::{Action, Permit, TenantScope};
use crate::error::{Error, Result};
use crate::execution::Executions;
use crate::name::UtilityName;
use crate::utility::{Utility, Version};

impl Executions {
    /// The version as it is executed, and whether it or a policy demands a fresh process for it.
    pub(super) async fn load<A>(&self, permit: &Permit<A>, number: Option<u32>) -> Result<(Utility, Version, bool)>
    where
        A: Action<Target = UtilityName>,
    {
        let (scope, name, utilities) = (&permit.scope(), permit.target(), &self.shared.ports.utilities);
        let (utility, current) = permit.open(utilities.find_current(scope, &name.utility).await?, name)?;
        utility.check_active()?;
        let version = match number {
            Some(number) if number != current.number => {
                let found = utilities.find_version(scope, &name.utility, number).await?;
                permit.open_part(&utility, found, &name.version(number))?
            }
            Some(_) | None => current,
        };
        let account = permit.account();
        self.require_runtime(&account, &utility, &version).await?;
        if !self.shared.ports.gate.is_compiled(&version) {
            // What a compiler accepts is stored before there is an execution.
            permit.store_intent().await?;
            self.require_compiled((scope, &account), &utility, &version).await?;
        }
        let (version, fresh) = self.under_policies((scope, &account), &utility, version).await?;
        Ok((utility, version, fresh))
    }

    /// Refuses a runtime that the tenant may not use on whose account it would run, or the one of the utility, before that is started even to
    /// compile.
    pub(super) async fn require_runtime(&self, account: &TenantScope, utility: &Utility, version: &Version) -> Result<()> {
        let (tenants, runtime) = (&self.shared.ports.tenants, &version.definition.runtime);
        let refused = |description| Error::Precondition { reason: "RUNTIME_NOT_ALLOWED", subject: utility.name.to_string(), description };
        let settings = tenants.settings(account.tenant()).await?;
        if !settings.allows(runtime) {
            return Err(refused(settings.not_allowed(runtime)));
        }
        if account.tenant() != &utility.name.tenant && !tenants.settings(&utility.name.tenant).await?.allows(runtime) {
            // What else that tenant may use is not said to another.
            return Err(refused(format!("the tenant that shares it may not use the runtime `{runtime}`")));
        }
        Ok(())
    }

    /// Has it compiled where it is not yet: code of the tenant `scope`, on the account of another, perhaps.
    pub(super) async fn require_compiled(&self, of: (&TenantScope, &TenantScope), utility: &Utility, version: &Version) -> Result<()> {
        let ports = &self.shared.ports;
        ports.gate.require_compiled(of, ports.utilities.as_ref(), &utility.name.version(version.number), version).await
    }

    /// The version as strongly isolated as policies demand, and whether it or they demand a fresh process.
    pub(super) async fn under_policies(
        &self,
        (scope, account): (&TenantScope, &TenantScope),
        utility: &Utility,
        mut version: Version,
    ) -> Result<(Version, bool)> {
        let gate = &self.shared.ports.gate;
        let policy = gate.policy(scope).await?;
        let (mut weakest, mut fresh) = (policy.minimum_isolation, version.definition.fresh_processes | policy.fresh_processes);
        // What another tenant shares passes the policy of the one that runs it, too.
        if account != scope {
            gate.require_admitted(account, &utility.name.version(version.number), &version).await?;
            let policy = gate.policy(account).await?;
            (weakest, fresh) = (weakest.max(policy.minimum_isolation), fresh | policy.fresh_processes);
        }
        version.head.definition.isolation = version.definition.isolation.max(weakest);
        Ok((version, fresh))
    }
}
