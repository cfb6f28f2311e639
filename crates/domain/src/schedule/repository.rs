//! The port to where schedules are kept.

use async_trait::async_trait;

use crate::Result;
use crate::access::{Found, TenantScope};
use crate::name::{PrincipalName, ScheduleId, ScheduleName};
use crate::page::{Page, PageRequest};
use crate::request::{Committed, Expected, RequestKey};
use crate::schedule::Schedule;
use crate::time::Timestamp;

/// One change of a schedule, stored whole or not at all.
#[derive(Debug)]
pub struct ScheduleChange {
    /// What the store must hold for the change to apply.
    pub expected: Expected,
    /// The schedule after the change; the last it was, where it is deleted.
    pub schedule: Schedule,
    /// Whether it is deleted.
    pub deletes: bool,
    /// The request to remember.
    pub request: Option<RequestKey>,
}

/// Which schedules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScheduleQuery {
    /// Only of this owner.
    pub owner: Option<PrincipalName>,
}

/// A schedule whose time has come.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// When it was due.
    pub next: Timestamp,
    /// Which.
    pub name: ScheduleName,
}

/// Port: schedules. Parameters are sealed by the tenant's key. What an execution is stored with advances them, too: see
/// [`crate::schedule::Firing`].
#[async_trait]
pub trait ScheduleRepository: Send + Sync {
    /// The schedule of this id.
    async fn find(&self, scope: &TenantScope, id: &ScheduleId) -> Result<Found<Schedule>>;
    /// A page of schedules by id, without their parameters.
    async fn list(&self, scope: &TenantScope, query: &ScheduleQuery, page: &PageRequest) -> Result<Found<Page<Schedule>>>;
    /// Stores a change, whole or not at all. Beyond [`MAX_SCHEDULES`](crate::schedule::MAX_SCHEDULES) of a tenant a new one is refused with
    /// [`too_many`](crate::schedule::too_many).
    async fn commit(&self, scope: &TenantScope, change: ScheduleChange) -> Result<Committed<Schedule>>;
    /// What a request was answered with, if it was: the schedule as it is by now, or where the request has deleted it as it was, without
    /// parameters.
    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Schedule>>>;
    /// At most `limit` schedules of any tenant that are due at `now`, those first that have been for longest, behind `after`. Those
    /// whose names cannot be read do not count, and hide no others: fewer than `limit` are all that there are.
    async fn due(&self, now: Timestamp, after: Option<&Due>, limit: u32) -> Result<Vec<Due>>;
}
