//! What a caller asks for when something is to run, and what a Transform call answers.

use std::time::Duration;

use crate::json::JsonText;
use crate::name::ExecutionName;
use crate::request::RequestKey;
use crate::sandbox::{Failure, OnOutputLimit};

/// Largest request message in bytes.
pub const MAX_REQUEST: usize = 8 * 1024 * 1024;

/// Highest number of values in one Transform call.
pub const MAX_VALUES: usize = 10_000;

/// A launch as asked for; what is launched, the permit says.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Its version; `None` is the current one.
    pub version: Option<u32>,
    /// Parameters as one JSON object; empty is `{}`. A transformer's value is the member `value`.
    pub params_json: String,
    /// A shorter wall limit than the utility's.
    pub timeout: Option<Duration>,
    /// What happens beyond the output limit, instead of what the utility says.
    pub on_output_limit: Option<OnOutputLimit>,
    /// The request to remember.
    pub request: Option<RequestKey>,
    /// Whether it ends when whoever follows it goes away, also while it is being stored.
    pub cancel_on_disconnect: bool,
}

/// A Transform call as asked for; through what, the permit says.
#[derive(Debug, Clone)]
pub struct TransformCall {
    /// Its version; `None` is the current one.
    pub version: Option<u32>,
    /// Parameters as one JSON object; empty is `{}`.
    pub params_json: String,
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
