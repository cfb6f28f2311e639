//! The program of an execution: what a sandbox is handed of a version, of how it is called, and of the limits that hold.

use std::sync::Arc;

use crate::json::JsonText;
use crate::name::ExecutionName;
use crate::sandbox::{Entry, Job, Limits, Purpose, Secrets};
use crate::utility::Version;

/// The program of an execution.
pub(super) fn job(name: ExecutionName, version: &Version, entry: Entry, params_json: JsonText, secrets: Secrets, limits: Limits) -> Job {
    let definition = &version.definition;
    Job {
        tenant: name.tenant,
        purpose: Purpose::Execution(name.execution),
        isolation: definition.isolation,
        runtime: definition.runtime.clone(),
        code: Arc::clone(version.code.text()),
        entry,
        params_json,
        secrets,
        limits,
        fresh: false,
    }
}
