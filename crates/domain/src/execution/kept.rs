//! What of parameters may be kept: secrets never are, neither with an execution that another server may run nor with a schedule or a
//! batch.

use crate::code::{ParameterBinder, Schema};
use crate::error::{Error, Result};
use crate::violation::Violation;

/// The field of requests.
const FIELD: &str = "params_json";

/// What it was given is never stored, so no other server could run it.
pub(super) fn not_claimable() -> Error {
    let text = "secret parameters are never stored, so an execution that has some cannot be run again by another server";
    Error::invalid("retry_if_lost", "CONFLICT", text)
}

/// That no secret parameter is given by value.
///
/// # Errors
/// [`Error::Invalid`].
pub(super) fn keeps_no_secret(binder: &dyn ParameterBinder, schema: Schema<'_>, params_json: &str) -> Result<()> {
    let mut violations = Vec::new();
    let mut left = params_json.to_owned();
    for parameter in schema.named() {
        let (value, rest) = binder.take(&left, &parameter.name).map_err(Error::Invalid)?;
        left = rest.into_string();
        if parameter.secret && value.is_some() {
            violations.push(by_value(&parameter.name));
        }
    }
    // What is left has names of its own.
    if schema.rest().is_some_and(|rest| rest.secret) && !matches!(left.trim(), "" | "{}") {
        violations.push(by_value("parameters that the schema does not name"));
    }
    if violations.is_empty() { Ok(()) } else { Err(Error::Invalid(violations)) }
}

fn by_value(name: &str) -> Violation {
    let text = format!(
        "{name}: no secret is stored by value with what is to start later; keep it as a named secret, and bind that by `secret_parameters`"
    );
    Violation::new(FIELD, "SECRET_BY_VALUE", text)
}
