//! Executions, as they are answered, and the request that lists them.

use api_proto::zona::execution::v1 as pb;
use domain::Result;
use domain::execution::{Execution, ExecutionQuery, State, Transformed};
use domain::json::JsonText;
use domain::name::{TenantName, UtilityId, UtilityName};
use domain::sandbox::{Failure, Usage};
use domain::secret::SecretBinding;

use crate::convert::{Violations, WireViolations as _, attestation, count, limits, size, time, utility};

/// Reads which executions ListExecutions asks for.
pub(crate) fn read_query(
    parent: &TenantName,
    filter: Option<pb::ExecutionFilter>,
    order: i32,
    violations: &mut Violations,
) -> Result<ExecutionQuery> {
    let filter = filter.unwrap_or_default();
    let oldest_first = match violations.known::<pb::ExecutionOrder>("order", order) {
        pb::ExecutionOrder::Unspecified | pb::ExecutionOrder::CreateTimeDesc => false,
        pb::ExecutionOrder::CreateTimeAsc => true,
    };
    let utility = match filter.utility.as_str() {
        "" => None,
        name => read_utility(parent, name, violations)?,
    };
    let states = filter.states.iter().enumerate().filter_map(|(index, state)| {
        let field = format!("filter.states[{index}]");
        read_state(&field, *state, violations)
    });
    Ok(ExecutionQuery {
        utility,
        states: states.collect(),
        created_from: time::read_bound("filter.created_from", filter.created_from, violations),
        created_before: time::read_bound("filter.created_before", filter.created_before, violations),
        caller: None,
        oldest_first,
    })
}

/// An execution, complete.
pub(crate) fn to_wire(execution: &Execution) -> pb::Execution {
    let values = execution.values.clone().unwrap_or_default();
    pb::Execution {
        failure: execution.failure.clone().map(failure_to_wire),
        params_json: execution.params_json.to_string(),
        secrets: execution.secrets.iter().map(binding_to_wire).collect(),
        result_json: execution.result_json.clone().map(JsonText::into_string).unwrap_or_default(),
        values_json: values.inputs_json.into_iter().map(JsonText::into_string).collect(),
        results: values.outcomes.into_iter().map(outcome_to_wire).collect(),
        attestation: execution.attestation.as_ref().map(attestation::to_wire),
        ..listed(execution)
    }
}

/// An execution in a list: without parameters, secrets, results, values, traceback and attestation.
pub(crate) fn listed(execution: &Execution) -> pb::Execution {
    let values = execution.values.as_ref();
    pb::Execution {
        name: execution.name.to_string(),
        utility: execution.version.utility.to_string(),
        version: count(execution.version.number),
        kind: utility::kind_to_wire(execution.kind).into(),
        state: state_to_wire(execution.state).into(),
        failure: execution.failure.clone().map(|failure| failure_to_wire(Failure { traceback: None, ..failure })),
        limits: Some(limits::to_wire(&execution.limits)),
        value_count: values.map_or(0, |values| count(values.count)),
        failed_value_count: values.map_or(0, |values| count(values.failed)),
        usage: execution.usage.map(usage_to_wire),
        caller: execution.caller.to_string(),
        request_id: execution.request_id.clone(),
        last_sequence: size(execution.last_sequence),
        output_truncated: execution.usage.is_some_and(|usage| usage.dropped_bytes > 0),
        create_time: Some(time::timestamp(execution.created)),
        start_time: execution.started.map(time::timestamp),
        end_time: execution.ended.map(time::timestamp),
        ..pb::Execution::default()
    }
}

fn binding_to_wire(binding: &SecretBinding) -> pb::SecretBinding {
    let SecretBinding { parameter, secret, version } = binding;
    pb::SecretBinding { parameter: parameter.clone(), secret: secret.to_string(), version: count(*version) }
}

/// The answer of Transform.
pub(crate) fn transformed_to_wire(transformed: Transformed) -> pb::TransformResponse {
    pb::TransformResponse {
        execution: transformed.execution.to_string(),
        results: transformed.outcomes.into_iter().map(outcome_to_wire).collect(),
    }
}

fn read_utility(parent: &TenantName, name: &str, violations: &mut Violations) -> Result<Option<UtilityId>> {
    let parsed = violations.take(UtilityName::parse("filter.utility", name))?;
    Ok(parsed.and_then(|parsed| {
        let same = parsed.tenant == parent.tenant;
        if !same {
            violations.push("filter.utility", "OTHER_PARENT", format!("must be a utility of {parent}"));
        }
        same.then_some(parsed.utility)
    }))
}

fn read_state(field: &str, number: i32, violations: &mut Violations) -> Option<State> {
    use pb::ExecutionState as Wire;
    match Wire::try_from(number) {
        Ok(Wire::Pending) => Some(State::Pending),
        Ok(Wire::Starting) => Some(State::Starting),
        Ok(Wire::Running) => Some(State::Running),
        Ok(Wire::Cancelling) => Some(State::Cancelling),
        Ok(Wire::Succeeded) => Some(State::Succeeded),
        Ok(Wire::Failed) => Some(State::Failed),
        Ok(Wire::TimedOut) => Some(State::TimedOut),
        Ok(Wire::Cancelled) => Some(State::Cancelled),
        Ok(Wire::Denied) => Some(State::Denied),
        Ok(Wire::Lost) => Some(State::Lost),
        Ok(Wire::Unspecified) | Err(_) => {
            violations.push(field, "UNKNOWN_VALUE", format!("{number} is no state of an execution"));
            None
        }
    }
}

/// A state.
pub(crate) fn state_to_wire(state: State) -> pb::ExecutionState {
    match state {
        State::Pending => pb::ExecutionState::Pending,
        State::Starting => pb::ExecutionState::Starting,
        State::Running => pb::ExecutionState::Running,
        State::Cancelling => pb::ExecutionState::Cancelling,
        State::Succeeded => pb::ExecutionState::Succeeded,
        State::Failed => pb::ExecutionState::Failed,
        State::TimedOut => pb::ExecutionState::TimedOut,
        State::Cancelled => pb::ExecutionState::Cancelled,
        State::Denied => pb::ExecutionState::Denied,
        State::Lost => pb::ExecutionState::Lost,
    }
}

fn failure_to_wire(failure: Failure) -> pb::Failure {
    pb::Failure {
        reason: failure.reason.as_str().to_owned(),
        message: failure.message,
        exception: failure.exception.unwrap_or_default(),
        traceback: failure.traceback.unwrap_or_default(),
        line: failure.line.map_or(0, count),
        exit_code: failure.exit_code,
        signal: failure.signal.unwrap_or_default(),
    }
}

fn outcome_to_wire(outcome: std::result::Result<JsonText, Failure>) -> pb::TransformResult {
    use pb::transform_result::Outcome;
    let outcome = match outcome {
        Ok(json) => Outcome::ResultJson(json.into_string()),
        Err(failure) => Outcome::Failure(failure_to_wire(failure)),
    };
    pb::TransformResult { outcome: Some(outcome) }
}

fn usage_to_wire(usage: Usage) -> pb::Usage {
    pb::Usage {
        wall_time: Some(time::micros(usage.wall_micros)),
        cpu_user_time: Some(time::micros(usage.user_micros)),
        cpu_system_time: Some(time::micros(usage.system_micros)),
        peak_memory_bytes: size(usage.peak_memory_bytes),
        stdout_bytes: size(usage.stdout_bytes),
        stderr_bytes: size(usage.stderr_bytes),
        dropped_output_bytes: size(usage.dropped_bytes),
    }
}
