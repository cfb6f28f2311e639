//! Starts what schedules say, on behalf of their owners, under the rights that these have at that moment. One server of a store looks at a
//! time; that a time starts one execution, the commit says in which both are stored, whoever looks.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::select;
use futures_util::{StreamExt as _, stream};

use crate::access::{AccessPolicy, Authenticator, Permit, TenantScope};
use crate::audit::{Auditor, Notes, Outcome};
use crate::error::{Error, ErrorKind, Result};
use crate::execution::{self, Executions};
use crate::incident::{Incident, Incidents};
use crate::lease::{InstanceId, JobLease, Keeper, LeaseRepository};
use crate::name::ScheduleName;
use crate::request::Expected;
use crate::sandbox;
use crate::schedule::plan::plan;
use crate::schedule::use_cases::{launch, unknown_owner, zone_of};
use crate::schedule::{Due, Fired, FiredAs, Firing, Schedule, ScheduleChange, ScheduleRepository, Timetable};
use crate::tenant::TenantStates;
use crate::time::{Clock, Timestamp};

/// How often it is looked for what is due: so late an execution may start. A look that finds nothing is one read of an index.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Under whose lease it is done.
const JOB: &str = "schedules";
/// What records call it.
const FIRE: &str = "schedule.fire";
/// What it is for, as incidents name it.
const WORK: &str = "start what schedules say";
/// Schedules that one read brings.
const STEP: u32 = 200;
/// Schedules that are dealt with at the same time: each waits for commits most of the time.
const AT_ONCE: usize = 8;
/// How long one is left alone that could not start anything for now; twice as long after each further time.
const FIRST_REST: Duration = Duration::from_secs(2);
/// The longest rest: less than lies between two times of any schedule.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// Longest text of a refusal that is kept, in characters.
const MAX_REFUSAL: usize = 300;

/// What it needs from outside.
#[derive(Clone)]
pub struct SchedulerPorts {
    /// Schedules.
    pub schedules: Arc<dyn ScheduleRepository>,
    /// Starts executions.
    pub executions: Executions,
    /// Says what an owner may start.
    pub policy: AccessPolicy,
    /// Says what an owner is by now.
    pub authenticator: Arc<dyn Authenticator>,
    /// Time zones of tenants.
    pub tenants: Arc<dyn TenantStates>,
    /// Says which server looks.
    pub leases: Arc<dyn LeaseRepository>,
    /// Reads cron expressions.
    pub timetable: Arc<dyn Timetable>,
    /// Records what is started.
    pub auditor: Auditor,
    /// Hears what operators must know.
    pub incidents: Arc<dyn Incidents>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// Starts what is due. Cheap to clone.
#[derive(Clone)]
pub struct Scheduler {
    ports: SchedulerPorts,
    instance: InstanceId,
    resting: Arc<Mutex<HashMap<ScheduleName, Rest>>>,
}

#[derive(Clone, Copy)]
struct Rest {
    length: Duration,
    until: Timestamp,
}

/// How far one server is.
#[derive(Default)]
struct Looking {
    /// Held while this server is the one that looks.
    lease: Option<JobLease>,
    is_failing: bool,
}

impl Scheduler {
    /// Wires it to its ports; `instance` is the server that looks.
    pub fn new(ports: SchedulerPorts, instance: InstanceId) -> Self {
        Scheduler { ports, instance, resting: Arc::default() }
    }

    /// Looks for what is due until `stop`, whenever no other server does.
    pub async fn go_on_until(&self, stop: impl Future<Output = ()> + Send) {
        let mut looking = Looking::default();
        {
            let (stop, work) = (pin!(stop), pin!(self.go_on(&mut looking)));
            select(stop, work).await;
        }
        if let Some(lease) = looking.lease
            && let Err(error) = lease.release().await
        {
            // It ends by itself.
            self.ports.incidents.report(&Incident::WorkFailed { work: WORK, error: &error });
        }
    }

    async fn go_on(&self, looking: &mut Looking) {
        loop {
            let looked = self.round(looking).await;
            match looked {
                Err(error) if !looking.is_failing => {
                    self.ports.incidents.report(&Incident::WorkFailed { work: WORK, error: &error });
                    looking.is_failing = true;
                }
                Ok(()) if looking.is_failing => {
                    self.ports.incidents.report(&Incident::WorkResumed { work: WORK });
                    looking.is_failing = false;
                }
                Ok(()) | Err(_) => {}
            }
            self.ports.clock.sleep(if looking.lease.is_some() { LOOK_EVERY } else { Keeper::period() }).await;
        }
    }

    async fn round(&self, looking: &mut Looking) -> Result<()> {
        if let Some(held) = &mut looking.lease
            && !held.is_kept().await?
        {
            looking.lease = None;
        }
        if looking.lease.is_none() {
            let (leases, clock) = (Arc::clone(&self.ports.leases), Arc::clone(&self.ports.clock));
            looking.lease = JobLease::acquire(JOB, leases, clock, &self.instance).await?;
        }
        if looking.lease.is_some() { self.look().await } else { Ok(()) }
    }

    /// One look: deals with whatever is due, whoever else does. What fails for one schedule keeps no other from what it starts.
    ///
    /// # Errors
    /// Of the store, or the last that kept a schedule from starting something; that is tried again.
    pub async fn look(&self) -> Result<()> {
        let (now, mut after, mut failed) = (self.ports.clock.now(), None, None);
        loop {
            let found = self.ports.schedules.due(now, after.as_ref(), STEP).await?;
            let is_last = found.len() < STEP as usize;
            after = found.last().cloned();
            let dealing: Vec<_> = found.into_iter().map(|due| self.deal_with(due)).collect();
            let dealt: Vec<Result<()>> = stream::iter(dealing).buffer_unordered(AT_ONCE).collect().await;
            failed = dealt.into_iter().filter_map(Result::err).next_back().or(failed);
            if is_last {
                return failed.map_or(Ok(()), Err);
            }
        }
    }

    /// Deals with one that is due, unless it rests. Where it is full here for now, nobody has to hear of it.
    async fn deal_with(&self, due: Due) -> Result<()> {
        if self.resting().get(&due.name).is_some_and(|rest| self.ports.clock.now() < rest.until) {
            return Ok(());
        }
        match self.fire(&due.name).await {
            Ok(()) => {
                self.resting().remove(&due.name);
                Ok(())
            }
            Err(error) => {
                self.rest(due.name);
                if error.kind() == ErrorKind::Exhausted { Ok(()) } else { Err(error) }
            }
        }
    }

    /// Starts what a schedule says, or notes why it does not, and goes on to its next time.
    async fn fire(&self, name: &ScheduleName) -> Result<()> {
        let scope = TenantScope::for_system(name.tenant.clone());
        let found = self.ports.schedules.find(&scope, &name.schedule).await?.open_for_system();
        let now = self.ports.clock.now();
        let Some(schedule) = found else { return Ok(()) };
        let Some(first) = schedule.next.filter(|next| *next <= now) else { return Ok(()) };
        let zone = zone_of(&schedule, self.ports.tenants.as_ref()).await?;
        let plan = plan(&schedule, first, &zone, now, self.ports.timetable.as_ref());
        let gone_on = Schedule {
            next: plan.next,
            last: Some(Fired { due: plan.dealt_with, at: now, outcome: FiredAs::Missed }),
            missed: schedule.missed.saturating_add(plan.missed),
            revision: schedule.revision.next(),
            ..schedule.clone()
        };
        if plan.fires.is_none() {
            return self.go_on_to(&schedule, gone_on).await;
        }
        match self.start(&schedule, gone_on.clone()).await {
            // Another server has started it, or somebody has changed it: what is due then is dealt with by the next look.
            Ok(()) | Err(Error::Stale { .. }) => Ok(()),
            Err(error) if is_final(&error) => {
                let outcome = FiredAs::Refused { reason: error.reason().to_owned(), description: said(&error) };
                let last = gone_on.last.map(|fired| Fired { outcome, ..fired });
                self.go_on_to(&schedule, Schedule { last, ..gone_on }).await
            }
            Err(error) => Err(error),
        }
    }

    /// Starts it as a call of its owner would, between the records of that.
    async fn start(&self, schedule: &Schedule, gone_on: Schedule) -> Result<()> {
        let entry = self.ports.auditor.own_entry(schedule.name.tenant.clone(), FIRE, &schedule.name);
        let permit = match self.permit(schedule).await {
            Ok(permit) => permit,
            Err(error) if is_final(&error) => {
                return self.ports.auditor.own_work(entry, Notes::default(), async { Err::<(), _>(error) }).await;
            }
            Err(error) => return Err(error),
        };
        let mut intent = self.ports.auditor.intent(entry, permit.notes());
        intent.offer();
        let firing = Firing { schedule: gone_on, expected: schedule.revision };
        let done = self.ports.executions.start(&permit, launch(&schedule.program, Some(firing))).await;
        intent.store_unless_taken().await?;
        let (outcome, reason) = Outcome::of(&done);
        intent.close_behind(outcome, reason);
        done.map(drop)
    }

    /// What the owner may do now.
    async fn permit(&self, schedule: &Schedule) -> Result<Permit<execution::actions::StartExecution>> {
        let owner = self.ports.authenticator.in_absence(&schedule.owner, schedule.created).await?;
        let owner = owner.ok_or_else(|| unknown_owner(&schedule.owner))?;
        let permit = self.ports.policy.require::<execution::actions::StartExecution>(&owner, schedule.program.utility.clone()).await?;
        // An owner whose role is another by now may start it on the account of another tenant only: not what was asked for.
        match permit.account().tenant() == &schedule.name.tenant {
            true => Ok(permit),
            false => Err(Error::Denied { action: FIRE, resource: schedule.program.utility.to_string() }),
        }
    }

    async fn go_on_to(&self, schedule: &Schedule, gone_on: Schedule) -> Result<()> {
        let scope = TenantScope::for_system(schedule.name.tenant.clone());
        let expected = Expected::Revision(schedule.revision);
        let change = ScheduleChange { expected, schedule: gone_on, deletes: false, request: None };
        // A conflict says that somebody else has gone on with it.
        self.ports.schedules.commit(&scope, change).await.map(drop)
    }

    fn rest(&self, name: ScheduleName) {
        let (mut resting, now) = (self.resting(), self.ports.clock.now());
        let length = resting.get(&name).map_or(FIRST_REST, |rest| rest.length.saturating_mul(2).min(LONGEST_REST));
        // What was not tried again for so long is dealt with elsewhere, or gone.
        resting.retain(|_, rest| now < rest.until.plus(LONGEST_REST));
        resting.insert(name, Rest { length, until: now.plus(length) });
    }

    fn resting(&self) -> MutexGuard<'_, HashMap<ScheduleName, Rest>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why something was refused, as it is kept in plain text: of parameters, only which are wrong by which rule.
fn said(error: &Error) -> String {
    let text = match error {
        Error::Invalid(found) => found.iter().map(|one| format!("{}: {}", one.field, one.reason)).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    text.chars().take(MAX_REFUSAL).collect()
}

/// Whether another attempt would be refused as well: it is for people to mend. What this host cannot contain, another may.
fn is_final(error: &Error) -> bool {
    if sandbox::is_refusal(error) {
        return false;
    }
    match error.kind() {
        ErrorKind::Invalid
        | ErrorKind::Unauthenticated
        | ErrorKind::Denied
        | ErrorKind::NotFound
        | ErrorKind::AlreadyExists
        | ErrorKind::Precondition
        | ErrorKind::OutOfRange => true,
        ErrorKind::Stale | ErrorKind::Exhausted | ErrorKind::Unavailable | ErrorKind::Internal => false,
    }
}
