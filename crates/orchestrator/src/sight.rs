//! What runs and how it is, at one moment. Whoever needs to know asks for a look that is new enough; those who ask at the same time share
//! one, so that twenty actions that wait cost the engine no more than one. Questions to replicas are tasks of their own: one that hangs holds
//! up nobody who looks.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use domain::time::{Clock, Timestamp};
use process::observed::{Observed, ObservedService, Replica, State};
use process::revision::Revision;
use process::service::{Health, Probe};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::engine::{Engine, Error, Instance, Phase, Reported};
use crate::health::History;
use crate::probe;

/// Replicas that are asked at the same time, as long as they answer.
const QUESTIONS: usize = 32;
/// How long a look waits for the answers to its questions, and a question for its turn. What is well answers sooner, so that a manager that
/// begins anew sees at once how everything is; what hangs is asked once, and seen as it was known to be.
const MOMENT: Duration = Duration::from_secs(1);

type Book = Mutex<HashMap<String, Entry>>;

/// What was seen.
#[derive(Debug, Clone)]
pub struct Sight {
    taken: Instant,
    /// What was seen of each container, by name.
    pub seen: Vec<Seen>,
}

/// What was seen of one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The container.
    pub instance: Instance,
    /// How it is; none where it was never started.
    pub state: Option<State>,
    /// What is wrong with it; empty where nothing is.
    pub detail: String,
    /// Since when it is not well, where it runs and is not.
    pub unwell_since: Option<Timestamp>,
}

/// Looks at an engine, and remembers what replicas have answered.
pub struct Watch {
    engine: Arc<dyn Engine>,
    clock: Arc<dyn Clock>,
    book: Arc<Book>,
    turns: Arc<Semaphore>,
    last: tokio::sync::Mutex<Option<Arc<Sight>>>,
}

/// What is remembered of one container, as long as it runs without a break.
struct Entry {
    started: Option<Timestamp>,
    history: History,
    unwell_since: Option<Timestamp>,
    /// The last question, which ends with what is remembered.
    question: Option<AbortOnDropHandle<()>>,
}

// === impl Watch ===

impl Watch {
    /// Looks at an engine.
    pub fn new(engine: Arc<dyn Engine>, clock: Arc<dyn Clock>) -> Self {
        let turns = Arc::new(Semaphore::new(QUESTIONS));
        Watch { engine, clock, book: Arc::default(), turns, last: tokio::sync::Mutex::default() }
    }

    /// What runs now.
    ///
    /// # Errors
    /// Those of the engine.
    pub async fn now(&self) -> Result<Arc<Sight>, Error> {
        self.since(Instant::now()).await
    }

    /// What was seen later than this.
    ///
    /// # Errors
    /// Those of the engine.
    pub async fn since(&self, earliest: Instant) -> Result<Arc<Sight>, Error> {
        let mut last = self.last.lock().await;
        if let Some(sight) = last.as_ref().filter(|sight| sight.taken > earliest) {
            return Ok(sight.clone());
        }
        let sight = Arc::new(self.look().await?);
        *last = Some(sight.clone());
        Ok(sight)
    }

    async fn look(&self) -> Result<Sight, Error> {
        let taken = Instant::now();
        let instances = self.engine.list().await?;
        self.book().retain(|id, _| instances.iter().any(|instance| instance.id == *id));
        let (asked, mut answered) = mpsc::channel::<()>(1);
        for (instance, health) in instances.iter().filter_map(|instance| self.question(instance)) {
            self.ask(instance, health, asked.clone());
        }
        drop(asked);
        // Nothing is ever sent: it ends when the last question has.
        let _late = tokio::time::timeout(MOMENT, answered.recv()).await;
        let mut seen: Vec<Seen> = instances.into_iter().map(|instance| self.judge(instance)).collect();
        seen.sort_by(|a, b| a.instance.name.cmp(&b.instance.name));
        Ok(Sight { taken, seen })
    }

    /// Asks a replica. The answer is in the book when it comes; `asked` is held until then.
    fn ask(&self, instance: &Instance, health: &Health, asked: mpsc::Sender<()>) {
        let (engine, turns, book) = (self.engine.clone(), self.turns.clone(), Arc::downgrade(&self.book));
        let (replica, health) = (instance.clone(), health.clone());
        let question = tokio::spawn(async move {
            // Where those that hang have all turns, it does without.
            let turn = tokio::time::timeout(MOMENT, turns.acquire()).await;
            let answer = probe::ask(engine.as_ref(), &replica, &health).await;
            note(&book, &replica, &health, answer);
            drop((turn, asked));
        });
        match self.book().get_mut(&instance.id) {
            Some(entry) => entry.question = Some(AbortOnDropHandle::new(question)),
            None => question.abort(),
        }
    }

    /// Whether a container is to be asked now, and what. One that has not answered yet is not asked again.
    fn question<'i>(&self, instance: &'i Instance) -> Option<(&'i Instance, &'i Health)> {
        if !matches!(instance.phase, Phase::Running(_)) {
            self.book().remove(&instance.id);
            return None;
        }
        let now = Instant::now();
        let age = instance.started.map(|started| self.clock.now().since(started)).unwrap_or_default();
        let mut book = self.book();
        let fresh = || Entry {
            started: instance.started,
            history: History::new(now.checked_sub(age).unwrap_or(now), now),
            unwell_since: None,
            question: None,
        };
        let entry = book.entry(instance.id.clone()).or_insert_with(fresh);
        if entry.started != instance.started {
            *entry = fresh();
        }
        match &instance.identity.health {
            None => {
                entry.history.runs(now);
                None
            }
            Some(Health { probe: Probe::Image, .. }) => None,
            Some(health) => {
                let is_asked = entry.question.as_ref().is_some_and(|question| !question.is_finished());
                (!is_asked && entry.history.is_due(now)).then_some((instance, health))
            }
        }
    }

    fn judge(&self, instance: Instance) -> Seen {
        let mut book = self.book();
        let entry = book.get_mut(&instance.id);
        let (state, detail) = match (&instance.phase, entry.as_ref()) {
            (Phase::Created, _) => (None, String::new()),
            (Phase::Unstartable(why), _) => (Some(State::Failed), format!("it could not be started: {why}")),
            (Phase::Paused, _) => (Some(State::Unhealthy), "somebody has paused it".to_owned()),
            (Phase::Ended { code: 0, .. }, _) => (Some(State::Completed), String::new()),
            (Phase::Ended { out_of_memory: true, .. }, _) => (Some(State::Failed), "it had used up its memory".to_owned()),
            (Phase::Ended { code, .. }, _) => (Some(State::Failed), format!("it ended with {code}")),
            (Phase::Running(reported), entry) => {
                let (state, detail) = running(&instance, *reported, entry.map(|entry| &entry.history));
                (Some(state), detail)
            }
        };
        let unwell = state == Some(State::Unhealthy);
        let unwell_since = match entry {
            Some(entry) => {
                entry.unwell_since = entry.unwell_since.or_else(|| Some(self.clock.now())).filter(|_| unwell);
                entry.unwell_since
            }
            // Nothing is asked of what is paused.
            None => unwell.then(|| self.clock.now()),
        };
        Seen { instance, state, detail, unwell_since }
    }

    fn book(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes an answer, unless what gave it is forgotten or has been started anew.
fn note(book: &Weak<Book>, replica: &Instance, health: &Health, answer: Result<(), String>) {
    let Some(book) = book.upgrade() else { return };
    let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(entry) = book.get_mut(&replica.id).filter(|entry| entry.started == replica.started) {
        entry.history.note(health, Instant::now(), answer);
    }
}

fn running(instance: &Instance, reported: Option<Reported>, history: Option<&History>) -> (State, String) {
    match (instance.identity.health.as_ref().map(|health| &health.probe), reported, history) {
        (Some(Probe::Image), Some(Reported::Starting), _) => (State::Starting, String::new()),
        (Some(Probe::Image), Some(Reported::Unhealthy), _) => (State::Unhealthy, "the image's health check fails".to_owned()),
        // An image without a health check has nothing to say.
        (Some(Probe::Image), _, _) => (State::Healthy, String::new()),
        (_, _, Some(history)) => (history.state(), history.detail().to_owned()),
        (_, _, None) => (State::Starting, String::new()),
    }
}

// === impl Sight ===

impl Sight {
    /// What a test has seen.
    #[cfg(test)]
    pub(crate) fn of_seen(seen: Vec<Seen>) -> Self {
        Sight { taken: Instant::now(), seen }
    }

    /// What a plan is made from. What was never started is not there: it is taken away before anything is planned.
    pub fn observed(&self) -> Observed {
        self.observed_as(|seen| seen.replica())
    }

    /// The same, with replicas as somebody sees them.
    pub fn observed_as(&self, view: impl Fn(&Seen) -> Option<Replica>) -> Observed {
        let mut services: BTreeMap<&str, ObservedService> = BTreeMap::new();
        for seen in &self.seen {
            let Some(replica) = view(seen) else { continue };
            let identity = &seen.instance.identity;
            let service = services.entry(&identity.service).or_insert_with(|| ObservedService {
                name: identity.service.clone(),
                group: identity.group,
                depends_on: identity.depends_on.clone(),
                replicas: Vec::new(),
            });
            service.replicas.push(replica);
        }
        Observed { services: services.into_values().collect() }
    }

    /// Everything of a service that was ever started.
    pub fn of<'s>(&'s self, service: &'s str) -> impl Iterator<Item = &'s Seen> {
        self.seen.iter().filter(move |seen| seen.instance.identity.service == service && seen.state.is_some())
    }

    /// What of a service runs a revision.
    pub fn current<'s>(&'s self, service: &'s str, revision: &'s Revision) -> impl Iterator<Item = &'s Seen> {
        self.of(service).filter(move |seen| seen.instance.identity.revision == *revision)
    }

    /// What was seen of a container.
    pub fn find(&self, id: &str) -> Option<&Seen> {
        self.seen.iter().find(|seen| seen.instance.id == id)
    }
}

// === impl Seen ===

impl Seen {
    /// As a plan sees it. What gets calls as soon as it is well counts as serving until then; if nobody has let them through by then, a plan
    /// does.
    pub fn replica(&self) -> Option<Replica> {
        Some(Replica {
            id: self.instance.id.clone(),
            revision: self.instance.identity.revision.clone(),
            state: self.state?,
            serving: self.instance.serving || (self.instance.identity.is_gated && self.state == Some(State::Starting)),
            published: self.instance.published.clone(),
        })
    }

    /// Whether it is well, and calls were to reach it as soon as it is, and do not yet.
    pub fn is_held_back(&self) -> bool {
        self.instance.identity.is_gated && self.state == Some(State::Healthy) && !self.instance.serving
    }

    /// Whether it is well and calls reach it.
    pub fn is_available(&self) -> bool {
        self.state == Some(State::Healthy) && self.instance.serving
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, Some(State::Completed | State::Failed))
    }
}
