//! Secrets of an execution: something stands in their places until its program is handed to a sandbox, and they come in then.

use crate::access::{Action, Permit};
use crate::error::{Error, Result};
use crate::execution::Ports;
use crate::execution::live::LiveExecution;
use crate::identity::Secret;
use crate::incident::Incident;
use crate::name::UtilityName;
use crate::sandbox::{Failure, Job, MAX_SECRETS, Reason, Secrets};
use crate::secret::{Bindings, References, Unopened, check_parameters, given_twice};
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
    let Some(bindings) = Bindings::permitted(permit, &ports.secrets, utility, references).await? else {
        return Ok((params_json, None));
    };
    let mut violations = check_parameters(version.definition.schema(), references);
    for name in references.keys() {
        let (given, _) = ports.binder.take(&params_json, name).map_err(Error::Invalid)?;
        violations.extend(given.map(|_| given_twice(name)));
    }
    if !violations.is_empty() {
        return Err(Error::Invalid(violations));
    }
    let placeholders: Vec<_> = references.keys().map(|name| (name.clone(), Secret::new(""))).collect();
    let filled = ports.binder.put(&params_json, &placeholders).map_err(Error::Invalid)?;
    Ok((filled.into_string(), Some(bindings)))
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
    let (values, bound) = bindings.open(&ports.secrets, ports.clock.now()).await.map_err(|unopened| refused(ports, live, unopened))?;
    live.update(|execution| execution.secrets = bound);
    if values.iter().map(|(_, value)| value.expose().len()).sum::<usize>() > MAX_SECRETS {
        return Err(too_long());
    }
    let params_json = ports.binder.put(&job.params_json, &values).map_err(|_violations| failure("its parameters take no secrets"))?;
    let secrets = Secrets::new(values.iter().map(|(_, value)| value.expose()).chain(job.secrets.texts()).map(str::to_owned));
    secrets.check("secret_parameters").map_err(|_violation| too_long())?;
    Ok(Job { params_json, secrets, ..job })
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
