//! Writes the log: called around every call, and by what the server does by itself.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::access::{ActionSpec, Caller, Target};
use crate::audit::books::Books;
use crate::audit::other::Other;
use crate::audit::record::{Actor, Entry, MAX_PURPOSE, Outcome};
use crate::audit::repository::AuditRepository;
use crate::error::{Error, Result};
use crate::id::IdSource;
use crate::incident::{Incident, Incidents};
use crate::lease::InstanceId;
use crate::name::TenantId;
use crate::time::{Clock, Timestamp};
use crate::work::{Spawner, Work};

mod recovery;

/// Records that are added at once.
const BATCH: usize = 256;
/// What incidents call this work.
const WORK: &str = "write the audit log";

/// What the auditor needs from outside.
pub struct Ports {
    /// The logs.
    pub repository: Arc<dyn AuditRepository>,
    /// Runs what is recorded while nobody waits for it.
    pub spawner: Arc<dyn Spawner>,
    /// What operators hear of.
    pub incidents: Arc<dyn Incidents>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Identities.
    pub ids: Arc<dyn IdSource>,
}

/// Writes the log. Cheap to clone.
#[derive(Clone)]
pub struct Auditor {
    shared: Arc<Shared>,
}

struct Shared {
    ports: Ports,
    instance: InstanceId,
    books: Mutex<Books>,
    failing: AtomicBool,
    /// Whether something that a dead server left open could not be closed in the last round.
    stuck: AtomicBool,
}

/// What is known of a call beside who calls, and what for.
#[derive(Debug, Clone, Default)]
pub struct Circumstances {
    /// The path of the method.
    pub method: String,
    /// The id of the request.
    pub request_id: String,
    /// The id of its trace.
    pub trace_id: String,
    /// What the caller says that it is for.
    pub purpose: String,
    /// Where the connection comes from.
    pub address: Option<IpAddr>,
}

impl Auditor {
    /// An auditor of this server.
    pub fn new(ports: Ports, instance: InstanceId) -> Self {
        let (failing, stuck) = (AtomicBool::new(false), AtomicBool::new(false));
        Auditor { shared: Arc::new(Shared { ports, instance, books: Mutex::default(), failing, stuck }) }
    }

    /// The record of a call that is permitted, before it has happened.
    pub fn entry(&self, caller: &Caller, action: ActionSpec, target: Target<'_>, around: &Circumstances) -> Entry {
        let tenant = target.tenant().unwrap_or_else(|| caller.principal.tenant()).clone();
        self.new_entry(tenant, Some(caller), action.name, named(action, target), version(target), around)
    }

    /// The record of a call that was refused: it stands in the caller's own log, so that nobody writes into that of others; in the
    /// log of the installation where nobody knows who called.
    pub fn refused_entry(&self, caller: Option<&Caller>, action: ActionSpec, resource: Option<&str>, around: &Circumstances) -> Entry {
        let tenant = caller.map_or_else(TenantId::system, |caller| caller.principal.tenant().clone());
        self.new_entry(tenant, caller, action.name, resource.unwrap_or(action.resource).to_owned(), None, around)
    }

    /// Records a call that had no effect, but is to show what each showing of is to be known, in the log of another tenant, too, that
    /// it concerns. Returns once it is durable.
    ///
    /// # Errors
    /// [`Error::Unaudited`]: then nothing may be shown.
    pub async fn record(&self, entry: Entry, other: Option<&Other>) -> Result<()> {
        let entry = Entry { outcome: Outcome::Allowed, ..entry };
        let other = other.map(|other| other.told(&entry));
        self.append_now([entry].into_iter().chain(other).collect()).await
    }

    /// Records a call of whom only its work could tell who it was, once it is done. Returns once that is durable; where it cannot be, it
    /// is kept and offered again, as what was done stays done.
    ///
    /// # Errors
    /// [`Error::Unaudited`]: then nothing may be told of it.
    pub async fn done(&self, entry: Entry) -> Result<()> {
        let entry = self.allowed(entry);
        let Err(error) = self.shared.ports.repository.append(vec![entry.clone()]).await else { return Ok(()) };
        self.note(Some((vec![entry], false)), Some(&error));
        Err(Error::Unaudited { source: None })
    }

    /// The record of a call that is done.
    pub(super) fn allowed(&self, entry: Entry) -> Entry {
        Entry { time: self.now(), outcome: Outcome::Allowed, ..entry }
    }

    /// Counts a call that has no effect.
    pub fn count(&self, entry: Entry, action: ActionSpec, outcome: Outcome) {
        let early = self.books().count(Entry { outcome, ..entry }, action.resource);
        if !early.is_empty() {
            let auditor = self.clone();
            self.spawn("audit counts", Box::pin(async move { auditor.add(early).await }));
        }
    }

    /// Records a refusal, or counts it where its principal was refused too often in this minute.
    pub fn denied(&self, entry: Entry, action: ActionSpec, reason: &str) {
        let singly = self.books().denied_singly(entry.actor.principal.as_ref(), entry.time);
        if !singly {
            return self.count(entry, action, Outcome::Denied);
        }
        let entry = Entry { outcome: Outcome::Denied, reason: reason.to_owned(), ..entry };
        let auditor = self.clone();
        self.spawn("audit a refusal", Box::pin(async move { auditor.add(vec![entry]).await }));
    }

    /// Records what was counted, and offers again what the store has refused, and closes what dead servers have left open. Not to be
    /// dropped before it is done: what it has taken to record is nowhere else.
    ///
    /// # Errors
    /// Those of the store, where open intents cannot be looked for.
    pub async fn tend(&self) -> Result<u64> {
        let now = self.shared.ports.clock.now();
        self.write_down(now.as_millis()).await;
        self.recover().await
    }

    /// Records all that is counted and waits, before a stop.
    pub async fn flush(&self) {
        self.write_down(u64::MAX).await;
    }

    async fn write_down(&self, counted_before: u64) {
        let (counted, kept) = {
            let mut books = self.books();
            (books.counted_before(counted_before), books.take_kept())
        };
        for outcome in kept.outcomes {
            self.add_outcomes(vec![outcome]).await;
        }
        self.add(kept.others).await;
        self.add(counted).await;
    }

    /// Adds records that nobody waits for; what the store refuses is kept and offered again.
    async fn add(&self, entries: Vec<Entry>) {
        let mut entries = entries.into_iter();
        loop {
            let batch: Vec<Entry> = entries.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                return;
            }
            let added = self.shared.ports.repository.append(batch.clone()).await;
            self.note(added.is_err().then_some((batch, false)), added.as_ref().err());
        }
    }

    /// Adds the outcomes of a call to its intents, where those are open, in one commit.
    pub(super) async fn add_outcomes(&self, outcomes: Vec<Entry>) {
        let closed = self.shared.ports.repository.close_all(outcomes.clone()).await;
        self.note_closed(outcomes, closed);
    }

    /// As [`Auditor::add_outcomes`], where nobody waits for it.
    pub(super) async fn add_outcomes_behind(&self, outcomes: Vec<Entry>) {
        let closed = self.shared.ports.repository.close_all_behind(outcomes.clone()).await;
        self.note_closed(outcomes, closed);
    }

    fn note_closed(&self, outcomes: Vec<Entry>, closed: Result<u64>) {
        match closed {
            // Nothing was added, so that this says nothing of the store.
            Ok(0) => {}
            Ok(_) => self.note(None, None),
            Err(error) => self.note(Some((outcomes, true)), Some(&error)),
        }
    }

    /// Makes the intents of a call durable, all or none of them.
    pub(super) async fn store_intents(&self, intents: Vec<Entry>) -> Result<()> {
        self.append_now(intents).await
    }

    /// Adds records that something waits for: what the store refuses is not offered again, as nothing happens then.
    async fn append_now(&self, entries: Vec<Entry>) -> Result<()> {
        let added = self.shared.ports.repository.append(entries).await;
        self.note(None, added.as_ref().err());
        added.map_err(unaudited)
    }

    /// Runs what is recorded while nobody waits for it.
    pub(super) fn spawn(&self, name: &'static str, work: Work) {
        self.shared.ports.spawner.spawn(name, work);
    }

    pub(super) fn now(&self) -> Timestamp {
        self.shared.ports.clock.now()
    }

    /// Keeps what was refused, and tells operators when that begins and when it is over.
    fn note(&self, refused: Option<(Vec<Entry>, bool)>, error: Option<&Error>) {
        let incidents = &self.shared.ports.incidents;
        let lost = refused.map_or(0, |(entries, are_outcomes)| self.books().keep(entries, are_outcomes));
        let was_failing = self.shared.failing.swap(error.is_some(), Ordering::Relaxed);
        match error {
            Some(error) if !was_failing => incidents.report(&Incident::WorkFailed { work: WORK, error }),
            None if was_failing => incidents.report(&Incident::WorkResumed { work: WORK }),
            Some(_) | None => {}
        }
        if lost > 0 {
            let error = Error::Internal { context: "audit records were lost: too many wait for the store", source: None };
            incidents.report(&Incident::WorkFailed { work: WORK, error: &error });
        }
    }

    pub(super) fn new_entry(
        &self,
        tenant: TenantId,
        caller: Option<&Caller>,
        action: &str,
        resource: String,
        version: Option<u32>,
        around: &Circumstances,
    ) -> Entry {
        let ports = &self.shared.ports;
        Entry {
            tenant,
            time: ports.clock.now(),
            until: None,
            count: 1,
            instance: self.shared.instance.clone(),
            call: ports.ids.unique(),
            actor: actor(caller, around),
            method: around.method.clone(),
            action: action.to_owned(),
            resource,
            version,
            outcome: Outcome::Intent,
            reason: String::new(),
            changes: Vec::new(),
            purpose: fit(&around.purpose),
            request_id: around.request_id.clone(),
            trace_id: around.trace_id.clone(),
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.shared.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a caller is told where nothing was done, as it could not be recorded.
pub(crate) fn unaudited(error: Error) -> Error {
    Error::Unaudited { source: Some(Box::new(error)) }
}

fn actor(caller: Option<&Caller>, around: &Circumstances) -> Actor {
    let credential = caller.and_then(Caller::credential);
    Actor {
        principal: caller.map(|caller| caller.principal.clone()),
        role: caller.and_then(|caller| caller.role),
        session: credential.and_then(|shown| shown.session.as_ref()).map(ToString::to_string),
        key: credential.and_then(|shown| shown.key.as_ref()).map(ToString::to_string),
        address: around.address,
    }
}

/// What a record names; what belongs to the installation has no name but its kind.
fn named(action: ActionSpec, target: Target<'_>) -> String {
    match target {
        Target::Installation => action.resource.to_owned(),
        named => named.to_string(),
    }
}

fn version(target: Target<'_>) -> Option<u32> {
    if let Target::Version(name) = target { Some(name.number) } else { None }
}

/// A purpose as it is recorded: one line, and not too long.
fn fit(purpose: &str) -> String {
    purpose.chars().filter(|c| !c.is_control()).take(MAX_PURPOSE).collect()
}
