//! Executions that are items of something larger: judged when that is asked for, started in the right of who asked, each once however often
//! it is tried, followed without a watch, and stopped with the whole.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::select;

use crate::access::{Action as _, Permit, Targeted as _, TenantScope};
use crate::audit::{Circumstances, Outcome};
use crate::error::{Error, Result};
use crate::execution::kept::keeps_no_secret;
use crate::execution::launch::{Waits, arguments_of};
use crate::execution::use_cases::note_execution;
use crate::execution::{Executions, Launch, Ports, State, actions, handover};
use crate::name::{ExecutionName, VersionName};
use crate::sandbox::Reason;

/// What the inputs of versions are called whose code was read for that.
pub(crate) type InputNames = HashMap<VersionName, Option<String>>;

/// Where the execution of an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ItemState {
    /// There is none, or none any more.
    Gone,
    /// It has not ended.
    Open,
    /// It has ended in this state; why it did not succeed.
    Ended(State, Option<Reason>),
}

impl Executions {
    /// The ports, for who starts items.
    pub(crate) fn ports(&self) -> &Ports {
        &self.shared.ports
    }

    /// Whether this server begins nothing more.
    pub(crate) fn is_stopping(&self) -> bool {
        self.shared.claims.is_stopping()
    }

    /// Lets time pass, or less of it where this server begins to stop.
    pub(crate) async fn rest(&self, pause: Duration) {
        let stop = self.shared.claims.listen_stop();
        if !self.is_stopping() {
            select(self.shared.ports.clock.sleep(pause), stop).await;
        }
    }

    /// Tells operators when work begins to fail, and when it succeeds again.
    pub(crate) fn note_attempt(&self, work: &'static str, outcome: Result<()>) {
        self.attempt(work, outcome);
    }

    /// Judges what an item asks for as a start is judged, and starts nothing. `names` is what was found out for items before it.
    ///
    /// # Errors
    /// As of [`Executions::start`]; and [`Error::Invalid`] for the value of a secret parameter: what is asked for is stored.
    pub(crate) async fn judge_item(&self, permit: &Permit<actions::StartExecution>, launch: Launch, names: &mut InputNames) -> Result<()> {
        let ports = &self.shared.ports;
        let (utility, version, _fresh) = self.load(permit, launch.version).await?;
        let (definition, binder) = (&version.definition, ports.binder.as_ref());
        if !launch.secrets.is_empty() {
            // Behind what is bound, one that is given by value would not be told from it.
            keeps_no_secret(binder, definition.schema(), &launch.params_json)?;
        }
        let (params_json, bindings) = handover::bind(ports, permit, (&utility, &version), launch.params_json, &launch.secrets).await?;
        let known = names.entry(utility.name.version(version.number));
        let input_name = || known.or_insert_with(|| binder.input_name(&version.code)).clone();
        let called = arguments_of(binder, definition.kind, definition.schema(), input_name, &params_json);
        let (_entry, bound) = called.map_err(Error::Invalid)?;
        let has_bound = bindings.is_some();
        // Something empty stands in the places of those that are bound.
        if (!has_bound && bound.json != bound.public_json) || bound.secrets.texts().any(|text| !text.is_empty()) {
            let text = "holds the value of a secret parameter, which is never stored: name a secret in secret_parameters instead";
            return Err(Error::invalid("params_json", "SECRET_BY_VALUE", text));
        }
        if launch.retry_if_lost && has_bound {
            return Err(Error::invalid(
                "retry_if_lost",
                "CONFLICT",
                "an execution that is handed secrets cannot be run again by another server",
            ));
        }
        Ok(())
    }

    /// Starts the execution of an item under its own name, unless it was started before; recorded as any other start, in the name of who is
    /// permitted. `whole` is what it is an item of.
    ///
    /// # Errors
    /// As of [`Executions::start`].
    pub(crate) async fn start_item(
        &self,
        permit: &Permit<actions::StartExecution>,
        launch: Launch,
        name: &ExecutionName,
        around: &Circumstances,
    ) -> Result<()> {
        if permit.account().tenant() != &name.tenant {
            return Err(Error::invalid("utility", "OTHER_TENANT", "would run on the account of another tenant"));
        }
        if self.item_state(name).await? != ItemState::Gone {
            return Ok(());
        }
        let auditor = &self.shared.ports.auditor;
        let mut entry = auditor.entry(permit.caller(), actions::StartExecution::SPEC, permit.target().target(), around);
        entry.tenant = name.tenant.clone();
        let mut intent = auditor.intent(entry, permit.notes());
        intent.offer();
        let started = self.start_new(permit, launch, name).await;
        intent.store_unless_taken().await?;
        let (outcome, reason) = Outcome::of(&started);
        intent.close_behind(outcome, reason);
        started
    }

    async fn start_new(&self, permit: &Permit<actions::StartExecution>, launch: Launch, name: &ExecutionName) -> Result<()> {
        match self.launch_new(permit, launch, Waits::AsItem(name.execution.clone())).await {
            Ok((execution, _live)) => {
                note_execution(permit, &execution);
                Ok(())
            }
            // Somebody else may have started it meanwhile, or the answer of the store was lost.
            Err(refused) => match self.item_state(name).await {
                Ok(ItemState::Open | ItemState::Ended(..)) => Ok(()),
                Ok(ItemState::Gone) | Err(_) => Err(refused),
            },
        }
    }

    /// Where the execution of an item stands.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn item_state(&self, name: &ExecutionName) -> Result<ItemState> {
        if self.shared.registry.find(&name.execution).is_some() {
            return Ok(ItemState::Open);
        }
        let scope = TenantScope::for_system(name.tenant.clone());
        let found = self.shared.ports.executions.find(&scope, &name.execution).await?.open_for_system();
        Ok(match found {
            None => ItemState::Gone,
            Some(execution) if execution.state.is_terminal() => {
                ItemState::Ended(execution.state, execution.failure.map(|failure| failure.reason))
            }
            Some(_) => ItemState::Open,
        })
    }

    /// Asks the execution of an item to stop, wherever it waits or runs.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn stop_item(&self, name: &ExecutionName) -> Result<()> {
        let ports = &self.shared.ports;
        if let Some(live) = self.shared.registry.find(&name.execution) {
            live.ask_stop(ports.clock.now());
            return Ok(());
        }
        let scope = TenantScope::for_system(name.tenant.clone());
        let Some(execution) = ports.executions.find(&scope, &name.execution).await?.open_for_system() else { return Ok(()) };
        if execution.state.is_terminal() {
            return Ok(());
        }
        if execution.is_waiting() {
            // Whoever claims it meanwhile finds the wish.
            ports.executions.ask_stop(&scope, &name.execution).await?;
            if self.end_one_that_waits(name, "its batch was cancelled before it started").await?.is_some() {
                return Ok(());
            }
        }
        self.ask_holder_to_stop(scope, execution).await.map(drop)
    }
}
