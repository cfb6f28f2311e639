//! The platform and its services, and the requests about them.

use std::collections::BTreeMap;
use std::mem::take;

use api_proto::zona::process::v1 as pb;
use domain::name::PrincipalName;
use domain::process::{
    Asked, DeclaredLease, DeclaredParameter, DeclaredService, Failure, Group, Heard, IntegrationChange, IntegrationView, LogLine, LogQuery,
    ManifestDraft, Outcome, Override, Plan, PlatformRevision, ReplicaState, ReplicaStatus, ServiceChange, ServiceState, ServiceStatus,
    ServiceView, Standing, Told, What,
};
use domain::revision::Etag;
use pb::watch_status_response::What as Wire;
use prost::Message;

use crate::convert::{Violations, count, request_key, size, time};

/// Reads what is asked of a service; `body` is the request without its id.
pub(crate) fn read_change(method: &'static str, caller: &PrincipalName, id: &str, body: &impl Message, asked: Asked) -> ServiceChange {
    let mut violations = Violations::default();
    let request = request_key::read(method, caller, id, body, &mut violations);
    ServiceChange { asked, request, violations }
}

/// Reads ScaleService.
pub(crate) fn read_scale(mut body: pb::ScaleServiceRequest, caller: &PrincipalName) -> ServiceChange {
    let id = take(&mut body.request_id);
    let replicas = u32::try_from(body.replicas);
    let asked = Asked::Scale(body.service_name.clone(), replicas.unwrap_or_default());
    let mut change = read_change("ScaleService", caller, &id, &body, asked);
    if replicas.is_err() {
        change.violations.push("replicas", "OUT_OF_RANGE", "must not be negative");
    }
    change
}

/// Reads PlanManifest.
pub(crate) fn read_plan(body: pb::PlanManifestRequest) -> ManifestDraft {
    let environment = Some(body.environment).filter(|name| !name.is_empty());
    ManifestDraft { manifest: body.manifest, environment, ..ManifestDraft::default() }
}

/// Reads ApplyManifest.
pub(crate) fn read_apply(mut body: pb::ApplyManifestRequest, caller: &PrincipalName) -> ManifestDraft {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    let request = request_key::read("ApplyManifest", caller, &id, &body, &mut violations);
    let environment = Some(body.environment).filter(|name| !name.is_empty());
    ManifestDraft { manifest: body.manifest, environment, etag: Etag::new(body.etag), request, violations }
}

/// Reads ReadLogs.
pub(crate) fn read_logs(body: pb::ReadLogsRequest) -> (LogQuery, Violations) {
    let mut violations = Violations::default();
    let since = time::read_duration("since", body.since, &mut violations);
    let tail = u32::try_from(body.tail).unwrap_or_else(|_| {
        violations.push("tail", "OUT_OF_RANGE", "must not be negative");
        0
    });
    let query = LogQuery { services: body.service_names, follow: body.follow, since, tail: Some(tail).filter(|tail| *tail > 0) };
    (query, violations)
}

/// Reads StartIntegration.
pub(crate) fn read_start_integration(mut body: pb::StartIntegrationRequest, caller: &PrincipalName) -> IntegrationChange {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    let request = request_key::read("StartIntegration", caller, &id, &body, &mut violations);
    IntegrationChange { integration_id: body.integration_id, enabled: true, parameters: body.parameters, request, violations }
}

/// Reads StopIntegration.
pub(crate) fn read_stop_integration(mut body: pb::StopIntegrationRequest, caller: &PrincipalName) -> IntegrationChange {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    let request = request_key::read("StopIntegration", caller, &id, &body, &mut violations);
    IntegrationChange { integration_id: body.integration_id, enabled: false, parameters: BTreeMap::new(), request, violations }
}

/// An integration.
pub(crate) fn integration_to_wire(view: &IntegrationView) -> pb::Integration {
    let declared = &view.declared;
    pb::Integration {
        integration_id: declared.integration_id,
        title: declared.title.clone(),
        action: declared.action.clone(),
        service_name: declared.service_name.clone(),
        execution_dir: declared.execution_dir.clone(),
        status: view.state.as_str().to_owned(),
        executable: declared.executable.clone(),
        tenantcode: declared.tenant_code.clone(),
        detail: view.detail.clone(),
        databases: declared.databases.clone(),
    }
}

/// Why an integration is started with what it is.
pub(crate) fn explanation_to_wire(view: &IntegrationView) -> pb::IntegrationExplanation {
    let port = |lease: &DeclaredLease| pb::LeasedPort { name: lease.name.clone(), range: lease.range.clone(), port: lease.port.into() };
    pb::IntegrationExplanation {
        integration: Some(integration_to_wire(view)),
        parameters: view.declared.parameters.iter().map(parameter).collect(),
        ports: view.declared.ports.iter().map(port).collect(),
    }
}

fn parameter(parameter: &DeclaredParameter) -> pb::ExplainedParameter {
    let hidden = parameter.hidden.iter().map(|(origin, value)| pb::HiddenValue { origin: (*origin).to_owned(), value: value.clone() });
    pb::ExplainedParameter {
        name: parameter.name.clone(),
        value: parameter.value.clone(),
        origin: parameter.origin.to_owned(),
        hidden: hidden.collect(),
        conflicts: parameter.hidden.iter().any(|(_, value)| *value != parameter.value),
    }
}

/// A service.
pub(crate) fn to_wire(view: &ServiceView) -> pb::Service {
    let status = view.status.as_ref().map(status_to_wire).unwrap_or_default();
    let Some(declared) = &view.declared else { return status };
    pb::Service {
        name: declared.name.clone(),
        group: group(declared.group).into(),
        context: Some(context(declared)),
        ports: declared.ports.iter().map(port).collect(),
        replicas: if declared.enabled { count(declared.replicas) } else { 0 },
        depends_on: declared.depends_on.clone(),
        declared: true,
        ..status
    }
}

/// What was changed of a service.
pub(crate) fn change_to_wire(revision: &PlatformRevision, view: &ServiceView) -> pb::ServiceChange {
    pb::ServiceChange { revision: size(revision.desired.revision), service: Some(to_wire(view)) }
}

/// How a service is, in one word.
pub(crate) fn word(view: &ServiceView) -> String {
    let word = match view.status.as_ref().map(|status| status.state) {
        None => "unknown",
        Some(ServiceState::Stopped) => "stopped",
        Some(ServiceState::Waiting) => "waiting",
        Some(ServiceState::Starting) => "starting",
        Some(ServiceState::Running) => "running",
        Some(ServiceState::Degraded) => "degraded",
        Some(ServiceState::Updating) => "updating",
        Some(ServiceState::Stopping) => "stopping",
        Some(ServiceState::Completed) => "completed",
        Some(ServiceState::Failed) => "failed",
    };
    word.to_owned()
}

/// A revision.
pub(crate) fn revision_to_wire(revision: &PlatformRevision) -> pb::Platform {
    let desired = &revision.desired;
    let (state, failure, end_time) = match &revision.standing {
        Standing::UnderWay => (pb::PlatformState::UnderWay, None, None),
        Standing::Ended(outcome, at) => {
            let (state, failure) = outcome_to_wire(outcome);
            (state, failure, Some(time::timestamp(*at)))
        }
    };
    pb::Platform {
        revision: size(desired.revision),
        manifest: desired.manifest.to_string(),
        environment: desired.environment.clone().unwrap_or_default(),
        overrides: desired.overrides.iter().map(override_to_wire).collect(),
        change: change_words(&revision.asked),
        author: revision.author.to_string(),
        create_time: Some(time::timestamp(revision.created)),
        state: state.into(),
        end_time,
        failure,
        etag: revision.etag().as_str().to_owned(),
    }
}

/// A plan.
pub(crate) fn plan_to_wire(plan: Plan) -> pb::Plan {
    let waves = plan.waves.into_iter().map(|wave| {
        let actions = wave.actions.into_iter().map(|action| pb::PlannedAction {
            service_name: action.service,
            kind: action.kind.to_owned(),
            reasons: action.reasons,
            steps: action.steps,
        });
        pb::Wave { actions: actions.collect() }
    });
    pb::Plan { waves: waves.collect() }
}

/// What a follower hears.
pub(crate) fn heard_to_wire(heard: Heard) -> pb::WatchStatusResponse {
    let (sequence, at, what) = match heard {
        Heard::Alive(at) => (0, at, Wire::Heartbeat(pb::Heartbeat {})),
        Heard::Told(Told { sequence, time, what }) => (sequence, time, what_to_wire(what)),
    };
    pb::WatchStatusResponse { sequence: size(sequence), time: Some(time::timestamp(at)), what: Some(what) }
}

/// A line of a log.
pub(crate) fn line_to_wire(line: LogLine) -> pb::ReadLogsResponse {
    pb::ReadLogsResponse {
        service_name: line.service,
        replica: line.replica,
        time: Some(time::timestamp(line.time)),
        is_error: line.is_error,
        text: line.text,
        truncated: line.truncated,
    }
}

fn what_to_wire(what: What) -> Wire {
    match what {
        What::Snapshot(services) => Wire::Snapshot(pb::ServiceSnapshot { services: services.iter().map(status_to_wire).collect() }),
        What::Service(service) => Wire::Service(status_to_wire(&service)),
        What::Gone(name) => Wire::Gone(name),
        What::Progress { revision, wave, waves, message } => {
            Wire::Progress(pb::ApplyProgress { revision: size(revision), wave: count(wave), waves: count(waves), message })
        }
        What::Ended { revision, outcome } => {
            let (state, failure) = outcome_to_wire(&outcome);
            Wire::End(pb::ApplyEnd { revision: size(revision), state: state.into(), failure })
        }
    }
}

fn status_to_wire(status: &ServiceStatus) -> pb::Service {
    pb::Service {
        name: status.name.clone(),
        group: group(status.group).into(),
        replicas: count(status.wanted),
        state: state(status.state).into(),
        detail: status.detail.clone(),
        running_replicas: count(status.running),
        available_replicas: count(status.available),
        restarts: count(status.restarts),
        images: status.images.clone(),
        instances: status.replicas.iter().map(replica).collect(),
        drift: status.drift.clone(),
        ..pb::Service::default()
    }
}

fn outcome_to_wire(outcome: &Outcome) -> (pb::PlatformState, Option<pb::ApplyFailure>) {
    match outcome {
        Outcome::Reached => (pb::PlatformState::Reached, None),
        Outcome::RolledBack(failure) => (pb::PlatformState::RolledBack, Some(failure_to_wire(failure))),
        Outcome::Failed(failure) => (pb::PlatformState::Failed, Some(failure_to_wire(failure))),
        Outcome::Superseded => (pb::PlatformState::Superseded, None),
    }
}

fn failure_to_wire(failure: &Failure) -> pb::ApplyFailure {
    pb::ApplyFailure {
        service_name: failure.service.clone(),
        step: failure.step.clone(),
        message: failure.message.clone(),
        log: failure.log.clone(),
        left: failure.left.clone(),
    }
}

fn override_to_wire((service, over): (&String, &Override)) -> pb::ServiceOverride {
    pb::ServiceOverride {
        service_name: service.clone(),
        enabled: over.enabled,
        replicas: over.replicas.map(count),
        restarts: count(over.restarts),
    }
}

fn change_words(asked: &Asked) -> String {
    match asked {
        Asked::Apply => "apply".to_owned(),
        Asked::Start(service) => format!("start {service}"),
        Asked::Stop(service) => format!("stop {service}"),
        Asked::Restart(service) => format!("restart {service}"),
        Asked::Scale(service, replicas) => format!("scale {service}={replicas}"),
        Asked::StartIntegration(id) => format!("start integration {id}"),
        Asked::StopIntegration(id) => format!("stop integration {id}"),
    }
}

fn context(declared: &DeclaredService) -> pb::ServiceContext {
    pb::ServiceContext {
        image: declared.image.clone(),
        command: declared.command.clone(),
        environment_names: declared.environment.clone(),
        networks: declared.networks.clone(),
    }
}

fn port(port: &domain::process::DeclaredPort) -> pb::ServicePort {
    let protocol = if port.is_udp { "udp" } else { "tcp" };
    pb::ServicePort { target: port.target.into(), published: port.published.map_or(0, i32::from), protocol: protocol.to_owned() }
}

fn replica(replica: &ReplicaStatus) -> pb::ServiceReplica {
    let state = match replica.state {
        ReplicaState::Starting => pb::ReplicaState::Starting,
        ReplicaState::Healthy => pb::ReplicaState::Healthy,
        ReplicaState::Unhealthy => pb::ReplicaState::Unhealthy,
        ReplicaState::Completed => pb::ReplicaState::Completed,
        ReplicaState::Failed => pb::ReplicaState::Failed,
    };
    pb::ServiceReplica {
        id: replica.id.clone(),
        state: state.into(),
        detail: replica.detail.clone(),
        start_time: replica.started.map(time::timestamp),
        revision: replica.revision.clone(),
    }
}

fn group(group: Group) -> pb::ServiceGroup {
    match group {
        Group::System => pb::ServiceGroup::System,
        Group::Core => pb::ServiceGroup::Core,
        Group::Batch => pb::ServiceGroup::Batch,
        Group::App => pb::ServiceGroup::App,
    }
}

fn state(state: ServiceState) -> pb::ServiceState {
    match state {
        ServiceState::Stopped => pb::ServiceState::Stopped,
        ServiceState::Waiting => pb::ServiceState::Waiting,
        ServiceState::Starting => pb::ServiceState::Starting,
        ServiceState::Running => pb::ServiceState::Running,
        ServiceState::Degraded => pb::ServiceState::Degraded,
        ServiceState::Updating => pb::ServiceState::Updating,
        ServiceState::Stopping => pb::ServiceState::Stopping,
        ServiceState::Completed => pb::ServiceState::Completed,
        ServiceState::Failed => pb::ServiceState::Failed,
    }
}
