//! Requests that run code. That parameters fit the schema is the domain's matter: it knows the version.

use std::collections::BTreeMap;
use std::time::Duration;

use api_proto::zona::execution::v1 as pb;
use domain::Result;
use domain::code::MAX_PARAMETERS;
use domain::execution::{Launch, MAX_VALUES, TransformCall};
use domain::name::{PrincipalName, SecretName};
use domain::secret::References;

use crate::convert::{Violations, WireViolations as _, limits, request_key, time};

/// The field of requests that names secrets.
const SECRETS: &str = "secret_parameters";

/// Reads ExecuteUtility.
pub(crate) fn read_execute(mut body: pb::ExecuteUtilityRequest, caller: &PrincipalName) -> Result<Launch> {
    let mut violations = Violations::default();
    let request_id = std::mem::take(&mut body.request_id);
    let request = request_key::read("ExecuteUtility", caller, &request_id, &body, &mut violations);
    let launch = Launch {
        version: violations.version_number("version", body.version),
        params_json: body.params_json,
        secrets: read_secrets(SECRETS, &body.secret_parameters, &mut violations)?,
        timeout: read_timeout(body.timeout, &mut violations),
        on_output_limit: limits::read_action("on_output_limit", body.on_output_limit, &mut violations),
        retry_if_lost: false,
        request,
        firing: None,
        cancel_on_disconnect: body.cancel_on_disconnect,
    };
    violations.unless_any(launch)
}

/// Reads StartExecution.
pub(crate) fn read_start(mut body: pb::StartExecutionRequest, caller: &PrincipalName) -> Result<Launch> {
    let mut violations = Violations::default();
    let request_id = std::mem::take(&mut body.request_id);
    let request = request_key::read("StartExecution", caller, &request_id, &body, &mut violations);
    let launch = Launch {
        version: violations.version_number("version", body.version),
        params_json: body.params_json,
        secrets: read_secrets(SECRETS, &body.secret_parameters, &mut violations)?,
        timeout: read_timeout(body.timeout, &mut violations),
        on_output_limit: limits::read_action("on_output_limit", body.on_output_limit, &mut violations),
        retry_if_lost: body.retry_if_lost,
        request,
        firing: None,
        cancel_on_disconnect: false,
    };
    violations.unless_any(launch)
}

/// Reads Transform.
pub(crate) fn read_transform(body: pb::TransformRequest) -> Result<TransformCall> {
    let mut violations = Violations::default();
    match body.values_json.len() {
        0 => violations.push("values_json", "MISSING", "at least one value is required"),
        1..=MAX_VALUES => {}
        length => violations.push("values_json", "TOO_MANY", format!("{length} values; the limit is {MAX_VALUES}")),
    }
    let call = TransformCall {
        version: violations.version_number("version", body.version),
        params_json: body.params_json,
        secrets: read_secrets(SECRETS, &body.secret_parameters, &mut violations)?,
        values_json: body.values_json,
        timeout: read_timeout(body.timeout, &mut violations),
    };
    violations.unless_any(call)
}

/// Reads which secrets a request names, and nothing else of it.
pub(crate) fn read_references(wire: &BTreeMap<String, String>) -> Result<References> {
    let mut violations = Violations::default();
    let references = read_secrets(SECRETS, wire, &mut violations)?;
    violations.unless_any(references)
}

/// Reads which secrets a field of a request names.
pub(crate) fn read_secrets(field: &str, wire: &BTreeMap<String, String>, violations: &mut Violations) -> Result<References> {
    if wire.len() > MAX_PARAMETERS {
        violations.push(field, "TOO_MANY", format!("{} parameters; the limit is {MAX_PARAMETERS}", wire.len()));
        return Ok(References::new());
    }
    let mut secrets = References::new();
    for (parameter, name) in wire {
        if let Some(name) = violations.take(SecretName::parse(&format!("{field}.{parameter}"), name))? {
            secrets.insert(parameter.clone(), name);
        }
    }
    Ok(secrets)
}

fn read_timeout(wire: Option<prost_types::Duration>, violations: &mut Violations) -> Option<Duration> {
    time::read_duration("timeout", wire, violations)
}
