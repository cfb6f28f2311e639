//! Secrets that are bound to parameters of an execution: permitted when it is asked for, and opened at the last moment before its code is
//! handed over, if that still holds.
//!
//! The one rule: whoever may run everything of a tenant may have any of its secrets handed over; everybody else those that an
//! administrator has released to the utility that they run. The secrets are those of the tenant on whose account it runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::access::{AccessPolicy, Action, ActionSpec, Authenticator, Caller, Opened, Permit, Target, TenantScope};
use crate::audit::FieldChange;
use crate::code::{Parameter, Schema, ValueType};
use crate::error::{Error, Result};
use crate::identity::Secret;
use crate::name::{SecretName, UtilityName};
use crate::secret::{NamedSecret, SecretRepository};
use crate::time::Timestamp;
use crate::utility::Utility;
use crate::violation::Violation;

/// How refusals call what is asked for.
const USE: &str = "secret.use";
/// The field of requests.
const FIELD: &str = "secret_parameters";

/// Which secret a caller wants which parameter to get.
pub type References = BTreeMap<String, SecretName>;

/// A parameter, and the secret that it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretBinding {
    /// The parameter.
    pub parameter: String,
    /// The secret.
    pub secret: SecretName,
    /// Which of its values: the one of the moment at which it was permitted, and then the one that was handed over.
    pub version: u32,
}

/// What is bound in one execution. Holds no value.
#[derive(Debug, Clone)]
pub struct Bindings {
    scope: TenantScope,
    utility: UtilityName,
    created: Timestamp,
    asked: Asked,
    bound: Vec<SecretBinding>,
}

/// Who asked, and for what: it is asked again when the code is handed over.
#[derive(Debug, Clone)]
struct Asked {
    caller: Caller,
    action: ActionSpec,
    opened: Opened,
    /// Whether that reaches everything of the tenant, released or not.
    reaches_all: bool,
}

/// What says what a caller may do by now.
pub(crate) struct Rights<'a> {
    pub(crate) policy: &'a AccessPolicy,
    pub(crate) authenticator: &'a dyn Authenticator,
}

/// Why a secret was not opened.
#[derive(Debug)]
pub enum Unopened {
    /// It is no longer there, or may no longer be had.
    Gone(SecretName),
    /// The store, or what is stored, is at fault.
    Failed(Error),
}

impl Bindings {
    /// Binds what is permitted under `permit`, which is to run `utility`. All are looked at before one is refused.
    ///
    /// # Errors
    /// [`Error::Denied`] for the first secret that may not be had, the same whether it exists or not.
    pub(crate) async fn permitted<A: Action<Target = UtilityName>>(
        permit: &Permit<A>,
        secrets: &Arc<dyn SecretRepository>,
        utility: &Utility,
        references: &References,
    ) -> Result<Option<Self>> {
        if references.is_empty() {
            return Ok(None);
        }
        let reaches_all = permit.only_owner().is_none();
        let asked = Asked { caller: permit.caller().clone(), action: A::SPEC, opened: permit.opened(), reaches_all };
        let mut bindings =
            Bindings { scope: permit.account(), utility: utility.name.clone(), created: utility.created, asked, bound: Vec::new() };
        let mut refused = None;
        for (parameter, name) in references {
            let secret = match name.tenant == *bindings.scope.tenant() {
                true => permit.open_given(secrets.find(&bindings.scope, &name.secret).await?),
                false => None,
            };
            match secret.filter(|secret| bindings.admit(secret, reaches_all)) {
                Some(secret) => {
                    bindings.bound.push(SecretBinding { parameter: parameter.clone(), secret: secret.name, version: secret.version });
                }
                None => refused = refused.or(Some(name)),
            }
        }
        match refused {
            Some(name) => Err(Error::Denied { action: USE, resource: name.to_string() }),
            None => Ok(Some(bindings)),
        }
    }

    /// What is bound, for the records.
    pub(crate) fn bound(&self) -> &[SecretBinding] {
        &self.bound
    }

    /// The values by parameter, and which versions of them, if all may still be had: by who asked as they are now, and by what the secrets
    /// are released to now.
    pub(crate) async fn open(
        &self,
        secrets: &Arc<dyn SecretRepository>,
        rights: Rights<'_>,
    ) -> Result<(Vec<(String, Secret)>, Vec<SecretBinding>), Unopened> {
        let reaches_all = self.still_reaches_all(rights).await?;
        let (mut values, mut opened) = (Vec::new(), Vec::new());
        for binding in &self.bound {
            let id = &binding.secret.secret;
            let found = secrets.open(&self.scope, id).await.map_err(Unopened::Failed)?;
            let gone = || Unopened::Gone(binding.secret.clone());
            let (secret, value) = found.filter(|(secret, _)| self.admit(secret, reaches_all)).ok_or_else(gone)?;
            values.push((binding.parameter.clone(), value));
            opened.push(SecretBinding { version: secret.version, ..binding.clone() });
        }
        Ok((values, opened))
    }

    /// Notes that they were handed over.
    pub(crate) async fn note_uses(&self, secrets: &Arc<dyn SecretRepository>, now: Timestamp) -> Result<()> {
        let ids: Vec<_> = self.bound.iter().map(|binding| binding.secret.secret.clone()).collect();
        secrets.note_uses(&self.scope, &ids, now).await
    }

    /// Whether whoever asked reaches everything of the tenant, as they did when they asked. Who may not run the utility any more is handed
    /// nothing.
    async fn still_reaches_all(&self, rights: Rights<'_>) -> Result<bool, Unopened> {
        let gone = || self.bound.first().map_or(Ok(false), |binding| Err(Unopened::Gone(binding.secret.clone())));
        let Asked { caller, action, opened, reaches_all } = &self.asked;
        let judged = async {
            let Some(caller) = rights.authenticator.as_of_now(caller).await? else { return Ok(None) };
            rights.policy.still_reaches_all(&caller, *action, Target::Utility(&self.utility), opened).await.map(Some)
        };
        match judged.await {
            Ok(Some(all)) => Ok(all && *reaches_all),
            Ok(None) | Err(Error::Denied { .. } | Error::Closed { .. }) => gone(),
            Err(error) => Err(Unopened::Failed(error)),
        }
    }

    fn admit(&self, secret: &NamedSecret, reaches_all: bool) -> bool {
        reaches_all || secret.is_released_to(&self.utility, self.created)
    }
}

/// What a record says of what is asked for.
pub(crate) fn named<'a>(references: impl Iterator<Item = (&'a String, &'a SecretName)>) -> Vec<FieldChange> {
    let named =
        |(parameter, secret): (&String, &SecretName)| FieldChange::named(&format!("{FIELD}.{parameter}"), None, Some(&secret.to_string()));
    references.filter_map(named).collect()
}

/// What is wrong with which parameters are bound.
pub(crate) fn check_parameters(schema: Schema<'_>, references: &References) -> Vec<Violation> {
    references.keys().filter_map(|name| check_parameter(name, schema.find(name))).collect()
}

/// The refusal of a parameter that is given by value, too.
pub(crate) fn given_twice(name: &str) -> Violation {
    at(name, "CONFLICT", "is given by value, too: give one of them")
}

fn check_parameter(name: &str, parameter: Option<&Parameter>) -> Option<Violation> {
    match parameter {
        None => Some(at(name, "UNKNOWN_PARAMETER", "is no named parameter of the utility")),
        Some(parameter) if !parameter.secret => {
            Some(at(name, "NOT_SECRET", "is no secret parameter: its value would be stored and shown; mark it as secret in the schema"))
        }
        Some(parameter) if !matches!(parameter.value_type, ValueType::String | ValueType::Any) => {
            Some(at(name, "WRONG_TYPE", format!("takes no text but {}, and a secret is a text", parameter.value_type.as_str())))
        }
        Some(parameter) if !parameter.enum_json.is_empty() => {
            Some(at(name, "NOT_ALLOWED", "takes only the values that its schema lists, which anybody could read there"))
        }
        Some(_) => None,
    }
}

fn at(name: &str, reason: &'static str, description: impl Into<String>) -> Violation {
    Violation::new(format!("{FIELD}.{name}"), reason, description)
}
