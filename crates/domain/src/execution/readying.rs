//! The program of an execution that has waited in the store: judged anew, by what holds when its turn comes. Its caller was permitted when
//! it was asked for, and it is the server's own work from then on; what another tenant shares is run only while that is in force.

use std::fmt;

use crate::access::{Access, Consent, TenantScope};
use crate::admission::Ticket;
use crate::error::{Error, Result};
use crate::execution::program::job;
use crate::execution::{Execution, Executions, arguments};
use crate::name::UtilityName;
use crate::sandbox::{Job, Secrets};
use crate::tenant::TenantState;
use crate::utility::{Utility, Version};

impl Executions {
    /// The program of an execution that has waited, judged by what holds now, and its place: another one where it had to be compiled first.
    ///
    /// # Errors
    /// As of a launch; with the place, where there is one.
    pub(super) async fn readied(
        &self,
        execution: &Execution,
        ticket: Ticket,
    ) -> std::result::Result<(Job, Ticket), (Error, Option<Ticket>)> {
        let account = TenantScope::for_system(execution.name.tenant.clone());
        let loaded = self.load_again(&account, execution).await;
        let (utility, version) = match loaded {
            Ok(loaded) => loaded,
            Err(error) => return Err((error, Some(ticket))),
        };
        let ticket = if self.shared.ports.gate.is_compiled(&version) {
            ticket
        } else {
            // A compiler takes a place of its own, and would wait for this one.
            drop(ticket);
            let compiled = self.require_compiled((&scope_of(&utility), &account), &utility, &version).await;
            let settings = self.shared.ports.tenants.settings(account.tenant()).await;
            let entered = settings.and_then(|settings| self.shared.ports.admission.enter(account.tenant(), settings.quota.running));
            match (compiled, entered) {
                (Ok(()), Ok(ticket)) => ticket,
                (Err(error), entered) => return Err((error, entered.ok())),
                (Ok(()), Err(error)) => return Err((error, None)),
            }
        };
        match self.job_again(&account, &utility, version, execution).await {
            Ok(job) => Ok((job, ticket)),
            Err(error) => Err((error, Some(ticket))),
        }
    }

    async fn load_again(&self, account: &TenantScope, execution: &Execution) -> Result<(Utility, Version)> {
        let (utilities, name) = (&self.shared.ports.utilities, &execution.version.utility);
        let scope = TenantScope::for_system(name.tenant.clone());
        if !self.is_within_reach(account, name).await? {
            return Err(missing(name));
        }
        let utility = utilities.find(&scope, &name.utility).await?.open_for_system().ok_or_else(|| missing(name))?;
        utility.check_active()?;
        let version = utilities.find_version(&scope, &name.utility, execution.version.number).await?;
        let version = version.open_for_system().ok_or_else(|| missing(&execution.version))?;
        self.require_runtime(account, &utility, &version).await?;
        Ok((utility, version))
    }

    /// Whether the tenant on whose account it runs has the utility: as its own, or by what another shares with it.
    async fn is_within_reach(&self, account: &TenantScope, name: &UtilityName) -> Result<bool> {
        let ports = &self.shared.ports;
        if name.tenant == *account.tenant() {
            return Ok(true);
        }
        if ports.tenants.state(&name.tenant).await? != Some(TenantState::Active) {
            return Ok(false);
        }
        let share = ports.grants.find_received(account, name).await?.open_for_system();
        let now = ports.clock.now();
        Ok(share.is_some_and(|share| {
            let is_accepted = matches!(share.consent, Consent::Given { .. });
            is_accepted && share.access >= Access::Execute && !share.is_expired(now)
        }))
    }

    async fn job_again(&self, account: &TenantScope, utility: &Utility, version: Version, execution: &Execution) -> Result<Job> {
        let (version, fresh) = self.under_policies((&scope_of(utility), account), utility, version).await?;
        let definition = &version.definition;
        self.shared.ports.sandbox.ready(definition.isolation, &definition.runtime)?;
        let params = execution.claimable.as_ref().map_or("", |claimable| &claimable.params_json);
        let binder = self.shared.ports.binder.as_ref();
        let called = arguments(binder, definition.kind, definition.schema(), &version.code, params);
        let (entry, bound) = called.map_err(Error::Invalid)?;
        let secrets = if utility.metadata.show_secrets { Secrets::default() } else { bound.secrets };
        let job = job(execution.name.clone(), &version, entry, bound.json, secrets, execution.limits);
        Ok(Job { fresh, ..job })
    }
}

fn missing(resource: &dyn fmt::Display) -> Error {
    Error::NotFound { resource: resource.to_string() }
}

fn scope_of(utility: &Utility) -> TenantScope {
    TenantScope::for_system(utility.name.tenant.clone())
}
