//! Schedules, and the requests about them.

use std::mem::take;

use api_proto::zona::schedule::v1 as pb;
use domain::Result;
use domain::name::{PrincipalName, ScheduleId};
use domain::revision::Etag;
use domain::schedule::{CatchUp, Fired, FiredAs, Schedule, ScheduleAsked, ScheduleDraft, SchedulePatch};

use crate::convert::mask::Mask;
use crate::convert::{Violations, WireViolations as _, count, launch, request_key, size, time};

/// Fields that UpdateSchedule may name, beside `*`.
const FIELDS: [&str; 9] =
    ["description", "cron", "time_zone", "catch_up", "version", "params_json", "secret_parameters", "timeout", "retry_if_lost"];
/// The reason where a time has passed.
const MISSED: &str = "MISSED";

/// Reads CreateSchedule.
pub(crate) fn read_create(mut body: pb::CreateScheduleRequest, caller: &PrincipalName) -> Result<(ScheduleDraft, ScheduleAsked)> {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    let request = request_key::read("CreateSchedule", caller, &id, &body, &mut violations);
    let schedule = body.schedule.unwrap_or_default();
    let draft = ScheduleDraft {
        id: violations.take(ScheduleId::parse("schedule_id", &body.schedule_id))?,
        catch_up: read_catch_up(schedule.catch_up, &mut violations),
        version: violations.version_number("schedule.version", schedule.version),
        secrets: launch::read_secrets("schedule.secret_parameters", &schedule.secret_parameters, &mut violations)?,
        timeout: time::read_duration("schedule.timeout", schedule.timeout, &mut violations),
        description: schedule.description,
        cron: schedule.cron,
        time_zone: schedule.time_zone,
        paused: schedule.paused,
        params_json: schedule.params_json,
        retry_if_lost: schedule.retry_if_lost,
    };
    Ok((draft, ScheduleAsked { etag: Etag::default(), request, violations }))
}

/// Reads UpdateSchedule.
pub(crate) fn read_update(mut body: pb::UpdateScheduleRequest, caller: &PrincipalName) -> Result<(SchedulePatch, ScheduleAsked)> {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    let request = request_key::read("UpdateSchedule", caller, &id, &body, &mut violations);
    let schedule = body.schedule.unwrap_or_default();
    let set = [
        !schedule.description.is_empty(),
        !schedule.cron.is_empty(),
        !schedule.time_zone.is_empty(),
        schedule.catch_up != 0,
        schedule.version != 0,
        !schedule.params_json.is_empty(),
        !schedule.secret_parameters.is_empty(),
        schedule.timeout.is_some(),
        schedule.retry_if_lost,
    ];
    let mask = Mask::read_fields(body.update_mask, &FIELDS, set, &mut violations);
    let catch_up = read_catch_up(schedule.catch_up, &mut violations);
    let version = violations.version_number("schedule.version", schedule.version);
    let secrets = launch::read_secrets("schedule.secret_parameters", &schedule.secret_parameters, &mut violations)?;
    let timeout = time::read_duration("schedule.timeout", schedule.timeout, &mut violations);
    let patch = SchedulePatch {
        description: mask.names("description").then_some(schedule.description),
        cron: mask.names("cron").then_some(schedule.cron),
        time_zone: mask.names("time_zone").then_some(schedule.time_zone),
        catch_up: mask.names("catch_up").then_some(catch_up),
        version: mask.names("version").then_some(version),
        params_json: mask.names("params_json").then_some(schedule.params_json),
        secrets: mask.names("secret_parameters").then_some(secrets),
        timeout: mask.names("timeout").then_some(timeout),
        retry_if_lost: mask.names("retry_if_lost").then_some(schedule.retry_if_lost),
    };
    Ok((patch, ScheduleAsked { etag: Etag::new(schedule.etag), request, violations }))
}

/// Reads what a request says beside the schedule's name: `body` is the request without its id.
pub(crate) fn read_asked(method: &'static str, caller: &PrincipalName, id: &str, body: &impl prost::Message, etag: &str) -> ScheduleAsked {
    let mut violations = Violations::default();
    let request = request_key::read(method, caller, id, body, &mut violations);
    ScheduleAsked { etag: Etag::new(etag), request, violations }
}

/// A schedule.
pub(crate) fn to_wire(schedule: &Schedule) -> pb::Schedule {
    let program = &schedule.program;
    pb::Schedule {
        name: schedule.name.to_string(),
        description: schedule.description.clone(),
        utility: program.utility.to_string(),
        owner: schedule.owner.to_string(),
        cron: schedule.cron.clone(),
        time_zone: schedule.time_zone.clone(),
        catch_up: match schedule.catch_up {
            CatchUp::Skip => pb::CatchUpPolicy::Skip,
            CatchUp::Once => pb::CatchUpPolicy::Once,
            CatchUp::All => pb::CatchUpPolicy::All,
        }
        .into(),
        paused: schedule.paused,
        version: program.version.map_or(0, count),
        params_json: program.params_json.clone(),
        secret_parameters: program.secrets.iter().map(|(parameter, secret)| (parameter.clone(), secret.to_string())).collect(),
        timeout: program.timeout.map(time::duration),
        retry_if_lost: program.retry_if_lost,
        next_time: schedule.next.map(time::timestamp),
        last_firing: schedule.last.as_ref().map(firing),
        missed_count: size(schedule.missed),
        create_time: Some(time::timestamp(schedule.created)),
        update_time: Some(time::timestamp(schedule.updated)),
        etag: schedule.etag().as_str().to_owned(),
    }
}

fn firing(fired: &Fired) -> pb::Firing {
    let (execution, reason, description) = match &fired.outcome {
        FiredAs::Started(execution) => (execution.to_string(), String::new(), String::new()),
        FiredAs::Refused { reason, description } => (String::new(), reason.clone(), description.clone()),
        FiredAs::Missed => (String::new(), MISSED.to_owned(), "no server could start it in time".to_owned()),
    };
    let (due_time, fire_time) = (Some(time::timestamp(fired.due)), Some(time::timestamp(fired.at)));
    pb::Firing { due_time, fire_time, execution, reason, description }
}

fn read_catch_up(wire: i32, violations: &mut Violations) -> CatchUp {
    match pb::CatchUpPolicy::try_from(wire) {
        Ok(pb::CatchUpPolicy::Unspecified | pb::CatchUpPolicy::Skip) => CatchUp::Skip,
        Ok(pb::CatchUpPolicy::Once) => CatchUp::Once,
        Ok(pb::CatchUpPolicy::All) => CatchUp::All,
        Err(_) => {
            violations.push("schedule.catch_up", "UNKNOWN_VALUE", format!("{wire} is none of the policies"));
            CatchUp::Skip
        }
    }
}
