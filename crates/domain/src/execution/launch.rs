//! What a caller asks for when something is to run, and what a Transform call answers.

use std::time::Duration;

use crate::code::{Bound, Code, Kind, ParameterBinder, Schema};
use crate::json::JsonText;
use crate::name::{ExecutionId, ExecutionName};
use crate::request::RequestKey;
use crate::sandbox::{Entry, Failure, OnOutputLimit};
use crate::schedule::Firing;
use crate::secret::References;
use crate::violation::Violation;

/// Largest request message in bytes.
pub const MAX_REQUEST: usize = 8 * 1024 * 1024;

/// Highest number of values in one Transform call.
pub const MAX_VALUES: usize = 10_000;

/// A launch as asked for; what is launched, the permit says.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Its version; `None` is the current one.
    pub version: Option<u32>,
    /// Parameters as one JSON object; empty is `{}`. A transformer's value is a member of it, see [`arguments`].
    pub params_json: String,
    /// Which secret parameters get which secrets.
    pub secrets: References,
    /// A shorter wall limit than the utility's.
    pub timeout: Option<Duration>,
    /// What happens beyond the output limit, instead of what the utility says.
    pub on_output_limit: Option<OnOutputLimit>,
    /// Whether it may be run a second time where the server that ran it is lost: only what is started, and takes no secrets.
    pub retry_if_lost: bool,
    /// The request to remember.
    pub request: Option<RequestKey>,
    /// The schedule that starts it, which is stored together with it.
    pub firing: Option<Firing>,
    /// Whether it ends when whoever follows it goes away, also while it is being stored.
    pub cancel_on_disconnect: bool,
}

/// Whether what is launched may wait in the store, where any server claims it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Waits {
    /// Somebody follows it from here.
    Never,
    /// Where no place is free here.
    WhereFull,
    /// Always, as the execution of this id, unless it is given secrets: then it waits here. It is one of many, and takes no place before others.
    AsItem(ExecutionId),
}

/// A Transform call as asked for; through what, the permit says.
#[derive(Debug, Clone)]
pub struct TransformCall {
    /// Its version; `None` is the current one.
    pub version: Option<u32>,
    /// Parameters as one JSON object; empty is `{}`.
    pub params_json: String,
    /// Which secret parameters get which secrets.
    pub secrets: References,
    /// JSON texts, 1 to [`MAX_VALUES`].
    pub values_json: Vec<String>,
    /// A shorter wall limit than the utility's.
    pub timeout: Option<Duration>,
}

/// What a Transform call answers.
#[derive(Debug, Clone)]
pub struct Transformed {
    /// Its execution.
    pub execution: ExecutionName,
    /// Result or failure of each value, in order.
    pub outcomes: Vec<Result<JsonText, Failure>>,
}

/// The member that is a transformer's value, where its parameters stand in one object with it.
const VALUE: &str = "value";

/// What a launch calls, and with which parameters: whoever runs code by one object of parameters, asks here.
///
/// The value of a transformer is the member `value`. Where a parameter has that name, the value has the name of the function's own
/// first parameter, as in a call with keywords.
///
/// # Errors
/// Every violation of the schema.
pub fn arguments(
    binder: &dyn ParameterBinder,
    kind: Kind,
    schema: Schema<'_>,
    code: &Code,
    params_json: &str,
) -> Result<(Entry, Bound), Vec<Violation>> {
    arguments_of(binder, kind, schema, || binder.input_name(code), params_json)
}

/// The same, where the name of the input may be known already: to find it in the code takes reading the code.
///
/// # Errors
/// Every violation of the schema.
pub(super) fn arguments_of(
    binder: &dyn ParameterBinder,
    kind: Kind,
    schema: Schema<'_>,
    input_name: impl FnOnce() -> Option<String>,
    params_json: &str,
) -> Result<(Entry, Bound), Vec<Violation>> {
    if kind == Kind::Script {
        return Ok((Entry::Script, binder.bind(schema, params_json)?));
    }
    let own = schema.find(VALUE).and_then(|_| input_name());
    let member = own.as_deref().unwrap_or(VALUE);
    let (value, rest) = binder.take(params_json, member)?;
    let missing = || {
        let text = format!("a transformer needs the member `{member}`; see `zona transform`");
        vec![Violation::new("params_json", "MISSING", text)]
    };
    let value = value.ok_or_else(missing)?;
    Ok((Entry::Transform(vec![value]), binder.bind(schema, &rest)?))
}
