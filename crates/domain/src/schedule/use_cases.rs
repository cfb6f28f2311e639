//! Use cases of schedules. Each states its rule order: look for the request's first answer, check, load, change, store with
//! compare-and-set. What a schedule starts is checked as a start of it is, under the rights of whoever makes or changes the schedule.

use std::sync::Arc;
use std::time::Duration;

use crate::access::{AccessPolicy, Action, Authenticator, Caller, Found, OfTenant, Permit};
use crate::audit::FieldChange;
use crate::error::{Error, Result};
use crate::execution::{Executions, Launch};
use crate::name::{PrincipalName, ScheduleId, ScheduleName, TenantId, UtilityName};
use crate::page::{Page, PageRequest};
use crate::request::{Committed, Expected, RequestKey, key_reused, once};
use crate::revision::{Etag, Revision};
use crate::schedule::{CatchUp, Firing, Program, Schedule, ScheduleChange, ScheduleQuery, ScheduleRepository, Timetable, actions};
use crate::secret::References;
use crate::tenant::{Calendar, TenantStates};
use crate::time::{Clock, Timestamp};
use crate::violation::{Violation, Violations, longest};

/// Longest description in characters.
const MAX_DESCRIPTION: usize = 500;
/// Longest cron expression in characters: every minute of an hour and every hour of a day by its number.
const MAX_CRON: usize = 500;
/// Longest name of a time zone in characters; the database has none of half of it.
const MAX_ZONE: usize = 64;
/// Most bytes of parameters: they are written with each schedule, and read at each of its times.
const MAX_PARAMS: usize = 64 * 1024;
/// Changes that are tried where a schedule starts something at the same moment, which is one commit a minute.
const ATTEMPTS: usize = 5;
/// Where violations of what is started stand in a request.
const MESSAGE: &str = "schedule";

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Schedules {
    ports: Arc<SchedulePorts>,
}

/// What the use cases need.
pub struct SchedulePorts {
    /// Where schedules are kept.
    pub repository: Arc<dyn ScheduleRepository>,
    /// Checks what is started.
    pub executions: Executions,
    /// Says what whoever changes a schedule may start.
    pub policy: AccessPolicy,
    /// Says whom it knows while they are away.
    pub authenticator: Arc<dyn Authenticator>,
    /// Time zones of tenants.
    pub tenants: Arc<dyn TenantStates>,
    /// Time zones that there are.
    pub calendar: Arc<dyn Calendar>,
    /// Reads cron expressions.
    pub timetable: Arc<dyn Timetable>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// What every change says beside what it changes.
#[derive(Debug, Default)]
pub struct ScheduleAsked {
    /// The revision that the caller saw; empty for any.
    pub etag: Etag,
    /// The request to remember.
    pub request: Option<RequestKey>,
    /// What is wrong with the request already.
    pub violations: Violations,
}

/// A new schedule.
#[derive(Debug)]
pub struct ScheduleDraft {
    /// Its id; `None` where what was given is none, which is among the violations then.
    pub id: Option<ScheduleId>,
    /// What it is for.
    pub description: String,
    /// When.
    pub cron: String,
    /// In which time zone; empty for the tenant's.
    pub time_zone: String,
    /// What becomes of times at which nothing could be started.
    pub catch_up: CatchUp,
    /// Whether it begins paused.
    pub paused: bool,
    /// Version; `None` is the current one.
    pub version: Option<u32>,
    /// Parameters as one JSON object; empty is `{}`.
    pub params_json: String,
    /// Which secret parameters get which secrets.
    pub secrets: References,
    /// A shorter wall limit than the utility's.
    pub timeout: Option<Duration>,
    /// Whether it may be run a second time.
    pub retry_if_lost: bool,
}

/// Parts of a schedule to change; `None` leaves a part as it is.
#[derive(Debug, Default)]
#[allow(missing_docs, reason = "each field is the one of the schedule")]
pub struct SchedulePatch {
    pub description: Option<String>,
    pub cron: Option<String>,
    pub time_zone: Option<String>,
    pub catch_up: Option<CatchUp>,
    pub version: Option<Option<u32>>,
    pub params_json: Option<String>,
    pub secrets: Option<References>,
    pub timeout: Option<Option<Duration>>,
    pub retry_if_lost: Option<bool>,
}

/// What becomes of a schedule.
enum What<'a> {
    Patch(&'a SchedulePatch),
    Pause,
    Resume,
}

impl Schedules {
    /// Wires the use cases to their ports.
    pub fn new(ports: SchedulePorts) -> Self {
        Schedules { ports: Arc::new(ports) }
    }

    /// Has a utility started by a new schedule, on behalf of who asks.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every violation; [`Error::AlreadyExists`]; [`Error::Precondition`] when the tenant has too many, or the
    /// caller is nobody whom the store knows; those of a start.
    pub async fn create(&self, permit: &Permit<actions::CreateSchedule>, draft: ScheduleDraft, asked: ScheduleAsked) -> Result<Schedule> {
        let request = asked.request.clone();
        once(|| self.answered(permit, request.as_ref()), self.make(permit, draft, asked)).await
    }

    /// Reads a schedule.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(&self, permit: &Permit<actions::GetSchedule>) -> Result<Schedule> {
        self.load(permit).await
    }

    /// A page of schedules, without their parameters.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a cursor that is not one.
    pub async fn list(&self, permit: &Permit<actions::ListSchedules>, page: &PageRequest) -> Result<Page<Schedule>> {
        let query = ScheduleQuery { owner: permit.only_owner().cloned() };
        Ok(permit.open_page(self.ports.repository.list(&permit.scope(), &query, page).await?))
    }

    /// Changes parts of a schedule. Where that concerns what it starts, whoever asks needs the right to start it.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every violation; [`Error::NotFound`], [`Error::Stale`]; those of a start.
    pub async fn update(&self, permit: &Permit<actions::UpdateSchedule>, patch: SchedulePatch, asked: ScheduleAsked) -> Result<Schedule> {
        let request = asked.request.clone();
        once(|| self.answered(permit, request.as_ref()), self.change(permit, What::Patch(&patch), asked)).await
    }

    /// Has a schedule start nothing until it is resumed; changes nothing where it is paused.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`].
    pub async fn pause(&self, permit: &Permit<actions::PauseSchedule>, asked: ScheduleAsked) -> Result<Schedule> {
        let request = asked.request.clone();
        once(|| self.answered(permit, request.as_ref()), self.change(permit, What::Pause, asked)).await
    }

    /// Has a schedule start executions again, from its next time on: what has passed while it was paused is not caught up on.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`].
    pub async fn resume(&self, permit: &Permit<actions::ResumeSchedule>, asked: ScheduleAsked) -> Result<Schedule> {
        let request = asked.request.clone();
        once(|| self.answered(permit, request.as_ref()), self.change(permit, What::Resume, asked)).await
    }

    /// Deletes a schedule; answers the last that was known of it, without its parameters. What it has started goes on.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`].
    pub async fn delete(&self, permit: &Permit<actions::DeleteSchedule>, asked: ScheduleAsked) -> Result<Schedule> {
        let request = asked.request.clone();
        once(|| self.answered(permit, request.as_ref()), self.remove(permit, asked)).await
    }

    async fn make(&self, permit: &Permit<actions::CreateSchedule>, draft: ScheduleDraft, asked: ScheduleAsked) -> Result<Schedule> {
        let ScheduleAsked { request, mut violations, .. } = asked;
        // Whoever may not know of it is told nothing of what is wrong with the rest.
        self.ports.executions.require_utility(permit).await?;
        let account = permit.account();
        let schedule = self.drafted(permit, &account.tenant().clone(), draft);
        match &schedule {
            Some(schedule) => self.judge(schedule, &mut violations).await?,
            None => violations.push("schedule_id", "MALFORMED", "is none of a schedule"),
        }
        violations.unless_any(())?;
        let Some(schedule) = schedule else { return Err(Error::invalid("schedule_id", "MALFORMED", "is none of a schedule")) };
        if self.ports.authenticator.in_absence(permit.principal(), schedule.created).await?.is_none() {
            return Err(unknown_owner(permit.principal()));
        }
        self.check(permit, &schedule.program).await?;
        let schedule = if schedule.paused { schedule } else { self.timed(schedule).await? };
        permit.note_resource(&schedule.name);
        let (stored, resource) = (schedule.clone(), schedule.name.to_string());
        let change = ScheduleChange { expected: Expected::Absent, schedule, deletes: false, request };
        match self.ports.repository.commit(&account, change).await? {
            Committed::Stored => Ok(stored),
            Committed::Conflict => Err(Error::AlreadyExists { resource }),
            Committed::Answered(first) => Ok(*first),
            Committed::Removed { resource } => Err(Error::NotFound { resource }),
            Committed::KeyReused => Err(key_reused()),
        }
    }

    fn drafted(&self, permit: &Permit<actions::CreateSchedule>, tenant: &TenantId, draft: ScheduleDraft) -> Option<Schedule> {
        let now = self.ports.clock.now();
        Some(Schedule {
            name: ScheduleName { tenant: tenant.clone(), schedule: draft.id? },
            description: draft.description,
            owner: permit.principal().clone(),
            program: Program {
                utility: permit.target().clone(),
                version: draft.version,
                params_json: draft.params_json,
                secrets: draft.secrets,
                timeout: draft.timeout,
                retry_if_lost: draft.retry_if_lost,
            },
            cron: draft.cron,
            time_zone: draft.time_zone,
            catch_up: draft.catch_up,
            paused: draft.paused,
            next: None,
            last: None,
            missed: 0,
            created: now,
            updated: now,
            edition: 1,
            // One of the same name before has none of these.
            revision: Revision::from_stored(now.as_millis()),
        })
    }

    /// Loads, changes and stores, again where it has started something meanwhile.
    async fn change<A: Action<Target = ScheduleName>>(&self, permit: &Permit<A>, what: What<'_>, asked: ScheduleAsked) -> Result<Schedule> {
        let ScheduleAsked { etag, request, violations } = asked;
        for _ in 0..ATTEMPTS {
            let old = self.load(permit).await?;
            old.check_etag(&etag)?;
            let new = self.changed(permit.caller(), &old, &what, violations.clone()).await?;
            let edited = new != old;
            let new = Schedule {
                edition: old.edition + u64::from(edited),
                updated: if edited { self.ports.clock.now() } else { old.updated },
                revision: old.revision.next(),
                ..new
            };
            let (stored, changes) = (new.clone(), changes(&old, &new));
            let change =
                ScheduleChange { expected: Expected::Revision(old.revision), schedule: new, deletes: false, request: request.clone() };
            match self.ports.repository.commit(&permit.scope(), change).await? {
                Committed::Stored => {
                    permit.note_changes(changes);
                    return Ok(stored);
                }
                Committed::Conflict => {}
                Committed::Answered(first) => return Ok(*first),
                Committed::Removed { resource } => return Err(Error::NotFound { resource }),
                Committed::KeyReused => return Err(key_reused()),
            }
        }
        Err(Error::Stale { resource: permit.target().to_string() })
    }

    async fn changed(&self, caller: &Caller, old: &Schedule, what: &What<'_>, mut violations: Violations) -> Result<Schedule> {
        let new = match what {
            What::Patch(patch) => patched(old, patch),
            What::Pause => Schedule { paused: true, next: None, ..old.clone() },
            What::Resume => Schedule { paused: false, ..old.clone() },
        };
        if matches!(what, What::Patch(_)) {
            self.judge(&new, &mut violations).await?;
        }
        violations.unless_any(())?;
        if new.program != old.program {
            let permit = self.ports.policy.require::<actions::CreateSchedule>(caller, new.program.utility.clone()).await?;
            self.check(&permit, &new.program).await?;
        }
        let is_timed_anew = new.cron != old.cron || new.time_zone != old.time_zone || new.paused != old.paused;
        if is_timed_anew && !new.paused { self.timed(new).await } else { Ok(new) }
    }

    async fn remove(&self, permit: &Permit<actions::DeleteSchedule>, asked: ScheduleAsked) -> Result<Schedule> {
        let ScheduleAsked { etag, request, violations } = asked;
        violations.unless_any(())?;
        for _ in 0..ATTEMPTS {
            let old = self.load(permit).await?;
            old.check_etag(&etag)?;
            let (last, expected) = (without_params(old.clone()), Expected::Revision(old.revision));
            let change = ScheduleChange { expected, schedule: old, deletes: true, request: request.clone() };
            match self.ports.repository.commit(&permit.scope(), change).await? {
                Committed::Stored => return Ok(last),
                Committed::Conflict => {}
                Committed::Answered(first) => return Ok(*first),
                Committed::Removed { resource } => return Err(Error::NotFound { resource }),
                Committed::KeyReused => return Err(key_reused()),
            }
        }
        Err(Error::Stale { resource: permit.target().to_string() })
    }

    async fn load<A: Action<Target = ScheduleName>>(&self, permit: &Permit<A>) -> Result<Schedule> {
        let name = permit.target();
        permit.open(self.ports.repository.find(&permit.scope(), &name.schedule).await?, name)
    }

    async fn answered<A: Action<Target: OfTenant>>(&self, permit: &Permit<A>, request: Option<&RequestKey>) -> Result<Option<Schedule>> {
        let Some(request) = request else { return Ok(None) };
        match self.ports.repository.find_answer(&permit.account(), request).await? {
            Some(Committed::Answered(first)) => {
                let name = first.name.clone();
                permit.open(Found::one(*first), &name).map(Some)
            }
            Some(Committed::Removed { resource }) => Err(Error::NotFound { resource }),
            Some(Committed::KeyReused) => Err(key_reused()),
            Some(Committed::Stored | Committed::Conflict) | None => Ok(None),
        }
    }

    /// That what is started could be started now by who asks.
    async fn check<A: Action<Target = UtilityName>>(&self, permit: &Permit<A>, program: &Program) -> Result<()> {
        let checked = self.ports.executions.check(permit, &launch(program, None)).await;
        checked.map_err(|error| match error {
            Error::Invalid(found) => {
                let inside = |violation: Violation| Violation { field: format!("{MESSAGE}.{}", violation.field), ..violation };
                Error::Invalid(found.into_iter().map(inside).collect())
            }
            other => other,
        })
    }

    /// What is wrong with texts and times of a schedule is among the violations then.
    async fn judge(&self, schedule: &Schedule, violations: &mut Violations) -> Result<()> {
        let mut found = Vec::new();
        longest(&mut found, "schedule.description".to_owned(), &schedule.description, MAX_DESCRIPTION);
        longest(&mut found, "schedule.cron".to_owned(), &schedule.cron, MAX_CRON);
        longest(&mut found, "schedule.time_zone".to_owned(), &schedule.time_zone, MAX_ZONE);
        let bytes = schedule.program.params_json.len();
        if bytes > MAX_PARAMS {
            found.push(Violation::new("schedule.params_json", "TOO_LONG", format!("{bytes} bytes; the limit is {MAX_PARAMS}")));
        }
        if found.is_empty() {
            self.judge_times(schedule, &mut found).await?;
        }
        found.into_iter().for_each(|violation| violations.push(violation.field, violation.reason, violation.description));
        Ok(())
    }

    async fn judge_times(&self, schedule: &Schedule, found: &mut Vec<Violation>) -> Result<()> {
        let zone = &schedule.time_zone;
        let knows = zone.is_empty() || self.ports.calendar.knows(zone);
        if !knows {
            let text = format!("there is no time zone `{zone}` in the IANA database, such as Europe/Berlin");
            found.push(Violation::new("schedule.time_zone", "UNKNOWN_ZONE", text));
        }
        match self.ports.timetable.check(&schedule.cron) {
            Err(fault) => {
                let place = fault.place.map_or_else(String::new, |place| format!("{place}: "));
                found.push(Violation::new("schedule.cron", "NOT_CRON", format!("{place}{}", fault.description)));
            }
            Ok(()) if knows && self.next(schedule).await?.is_none() => {
                found.push(Violation::new("schedule.cron", "NEVER", "names a day that never comes"));
            }
            Ok(()) => {}
        }
        Ok(())
    }

    /// The schedule with the next of its times from now on.
    async fn timed(&self, schedule: Schedule) -> Result<Schedule> {
        let next = self.next(&schedule).await?;
        Ok(Schedule { next, ..schedule })
    }

    async fn next(&self, schedule: &Schedule) -> Result<Option<Timestamp>> {
        let zone = zone_of(schedule, self.ports.tenants.as_ref()).await?;
        Ok(self.ports.timetable.next(&schedule.cron, &zone, self.ports.clock.now()))
    }
}

/// The time zone in which a schedule is read.
pub(super) async fn zone_of(schedule: &Schedule, tenants: &dyn TenantStates) -> Result<String> {
    if !schedule.time_zone.is_empty() {
        return Ok(schedule.time_zone.clone());
    }
    Ok(tenants.settings(&schedule.name.tenant).await?.time_zone.clone())
}

/// What a schedule starts, as a launch.
pub(super) fn launch(program: &Program, firing: Option<Firing>) -> Launch {
    Launch {
        version: program.version,
        params_json: program.params_json.clone(),
        secrets: program.secrets.clone(),
        timeout: program.timeout,
        on_output_limit: None,
        retry_if_lost: program.retry_if_lost,
        request: None,
        firing,
        cancel_on_disconnect: false,
    }
}

/// The refusal of an owner of whom nobody could say later what they may do.
pub(super) fn unknown_owner(owner: &PrincipalName) -> Error {
    Error::Precondition {
        reason: "SCHEDULE_OWNER_UNKNOWN",
        subject: owner.to_string(),
        description: format!(
            "{owner} is disabled, deleted, or known to an outside issuer alone: nobody could say later what they may start"
        ),
    }
}

fn without_params(schedule: Schedule) -> Schedule {
    let program = Program { params_json: String::new(), ..schedule.program };
    Schedule { program, ..schedule }
}

fn patched(old: &Schedule, patch: &SchedulePatch) -> Schedule {
    let mut new = old.clone();
    new.description = patch.description.clone().unwrap_or(new.description);
    new.cron = patch.cron.clone().unwrap_or(new.cron);
    new.time_zone = patch.time_zone.clone().unwrap_or(new.time_zone);
    new.catch_up = patch.catch_up.unwrap_or(new.catch_up);
    let program = &mut new.program;
    program.version = patch.version.unwrap_or(program.version);
    if let Some(params_json) = &patch.params_json {
        program.params_json.clone_from(params_json);
    }
    if let Some(secrets) = &patch.secrets {
        program.secrets.clone_from(secrets);
    }
    program.timeout = patch.timeout.unwrap_or(program.timeout);
    program.retry_if_lost = patch.retry_if_lost.unwrap_or(program.retry_if_lost);
    new
}

/// What the record of a change says: which fields, and their hashes.
fn changes(old: &Schedule, new: &Schedule) -> Vec<FieldChange> {
    let version = |schedule: &Schedule| schedule.program.version.map(|number| number.to_string());
    let timeout = |schedule: &Schedule| schedule.program.timeout.map(|timeout| timeout.as_millis().to_string());
    let again = |schedule: &Schedule| schedule.program.retry_if_lost.to_string();
    let paused = |schedule: &Schedule| schedule.paused.to_string();
    let changed = [
        FieldChange::of("description", Some(&old.description), Some(&new.description)),
        FieldChange::named("cron", Some(&old.cron), Some(&new.cron)).filter(|_| old.cron != new.cron),
        FieldChange::of("time_zone", Some(&old.time_zone), Some(&new.time_zone)),
        FieldChange::named("catch_up", Some(old.catch_up.as_str()), Some(new.catch_up.as_str())).filter(|_| old.catch_up != new.catch_up),
        FieldChange::named("paused", Some(&paused(old)), Some(&paused(new))).filter(|_| old.paused != new.paused),
        FieldChange::of("version", version(old).as_deref(), version(new).as_deref()),
        FieldChange::of("params_json", Some(&old.program.params_json), Some(&new.program.params_json)),
        FieldChange::of("timeout", timeout(old).as_deref(), timeout(new).as_deref()),
        FieldChange::named("retry_if_lost", Some(&again(old)), Some(&again(new))).filter(|_| again(old) != again(new)),
        (old.program.secrets != new.program.secrets).then(|| FieldChange::secret("secret_parameters")),
    ];
    changed.into_iter().flatten().collect()
}
