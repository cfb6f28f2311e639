//! Secrets of an execution: something stands in their places until its program is handed to a sandbox, and they come in then.

use std::sync::Arc;

use crate::access::{Action, Permit};
use crate::error::{Error, Result};
use crate::execution::Ports;
use crate::execution::live::LiveExecution;
use crate::execution::ports::Shared;
use crate::identity::Secret;
use crate::incident::Incident;
use crate::name::UtilityName;
use crate::sandbox::{Failure, Job, MAX_SECRETS, Reason, Secrets};
use crate::secret::{Bindings, References, Rights, Unopened, check_parameters, given_twice, named};
use crate::utility::{Utility, Version};

/// Permits the secrets that parameters are bound to, and puts something in their places: what is judged from here on is whole but for
/// their values.
///
/// # Errors
/// [`Error::Denied`] for the first that may not be had; [`Error::Invalid`] with every parameter that takes no secret.
pub(super) async fn bind<A: Action<Target = UtilityName>>(
    ports: &Ports,
    permit: &Permit<A>,
    (utility, version): (&Utility, &Version),
    params_json: String,
    references: &References,
) -> Result<(String, Option<Bindings>)> {
    // Before it is judged: whatever becomes of it, the record says which were asked for.
    permit.note_changes(named(references.iter()));
    let Some(bindings) = Bindings::permitted(permit, &ports.secrets, utility, references).await? else {
        return Ok((params_json, None));
    };
    let violations = check_parameters(version.definition.schema(), references);
    if !violations.is_empty() {
        return Err(Error::Invalid(violations));
    }
    // Parameters may be long: they are read once, however many are bound.
    let placeholders: Vec<_> = references.keys().map(|name| (name.clone(), Secret::new(""))).collect();
    let (filled, replaced) = ports.binder.put(&params_json, &placeholders).map_err(Error::Invalid)?;
    match replaced.is_empty() {
        true => Ok((filled.into_string(), Some(bindings))),
        false => Err(Error::Invalid(replaced.iter().map(|name| given_twice(name)).collect())),
    }
}

/// The program with the values of its secrets, which are masked in everything that it reports, whatever the utility shows otherwise. What
/// the execution says of them is which versions they are.
///
/// # Errors
/// Why it cannot be handed over: without one of them it does not run.
pub(super) async fn complete(
    ports: &Ports,
    live: &LiveExecution,
    bindings: Option<&Bindings>,
    job: Job,
) -> std::result::Result<Job, Failure> {
    let Some(bindings) = bindings else { return Ok(job) };
    let rights = Rights { policy: &ports.policy, authenticator: ports.authenticator.as_ref() };
    let (values, bound) = bindings.open(&ports.secrets, rights).await.map_err(|unopened| refused(ports, live, unopened))?;
    live.update(|execution| execution.secrets = bound);
    if values.iter().map(|(_, value)| value.expose().len()).sum::<usize>() > MAX_SECRETS {
        return Err(too_long());
    }
    let put = ports.binder.put(&job.params_json, &values);
    let (params_json, _placeholders) = put.map_err(|_violations| failure("its parameters take no secrets"))?;
    let secrets = Secrets::new(values.iter().map(|(_, value)| value.expose()).chain(job.secrets.texts()).map(str::to_owned));
    secrets.check("secret_parameters").map_err(|_violation| too_long())?;
    Ok(Job { params_json, secrets, ..job })
}

/// Notes behind the hand-over which secrets were used, in the background: that keeps no code from running, whatever becomes of it.
pub(super) fn note_uses(shared: &Arc<Shared>, live: &LiveExecution, bindings: Option<&Bindings>) {
    let Some(bindings) = bindings.cloned() else { return };
    let (noting, execution) = (Arc::clone(shared), live.snapshot().name);
    let work = async move {
        let ports = &noting.ports;
        if let Err(error) = bindings.note_uses(&ports.secrets, ports.clock.now()).await {
            ports.incidents.report(&Incident::UseNotNoted { execution: &execution, error: &error });
        }
    };
    shared.ports.spawner.spawn("uses of secrets", Box::pin(work));
}

fn refused(ports: &Ports, live: &LiveExecution, unopened: Unopened) -> Failure {
    match unopened {
        Unopened::Gone(name) => failure(format!("{name} is not there any more, or may not be used any more")),
        Unopened::Failed(error) => {
            let execution = &live.snapshot().name;
            ports.incidents.report(&Incident::SecretNotOpened { execution, error: &error });
            failure("a secret could not be read; try again later")
        }
    }
}

fn too_long() -> Failure {
    failure("its secrets are too long together to be masked in what it prints: bind fewer, or shorter ones")
}

fn failure(message: impl Into<String>) -> Failure {
    Failure::new(Reason::SecretUnavailable, message)
}
