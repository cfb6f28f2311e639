//! The one task of an operation on the server that does it. In each round it reads how far the operation is, sees what has ended, starts
//! what there is room for, and stores that in one commit. Whatever is lost between two commits is done again and comes to the same: the
//! executions of items have names that follow from the operation, and are there or not.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::access::{Caller, TenantScope};
use crate::audit::Circumstances;
use crate::error::{Error, ErrorKind, Result};
use crate::execution::actions::StartExecution;
use crate::execution::{ItemState, State};
use crate::name::{ExecutionName, OperationName};
use crate::operation::batch::{Entry, ITEMS_OF_CHUNK, Item, ItemOutcome, Refusal, chunk_of};
use crate::operation::begin::refusal_unless_unavailable;
use crate::operation::entity::{Failure, Operation, OperationState};
use crate::operation::held::Hold;
use crate::operation::ports::{Operations, item_name};
use crate::sandbox;
use crate::time::Timestamp;

/// The pause after a round that brought something: what is quick ends meanwhile.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause after rounds that brought nothing: so late is an end noticed that nobody tells of, and a wish to stop heard.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How long a start that found no room waits, unless something has ended: each try of it is recorded.
const PAUSE_FOR_ROOM: Duration = Duration::from_secs(5);
/// An item that was asked to stop and has not ended is asked again after so long: a server may have died that was to hear of it.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// Items that are begun in one round, so that refusals, which take no place, are stored from time to time.
const BEGUN_AT_ONCE: u32 = 200;
/// What incidents call the work.
const WORK: &str = "go on with operations";
/// What records name as the method.
const METHOD: &str = "/zona.operation.v1.BatchService/StartBatch";

/// How a round went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    /// Something was stored.
    Forward,
    /// There is nothing to do yet.
    Idle,
    /// Something cannot be started for now.
    Held,
    /// There is nothing more to do here.
    Over,
}

pub(super) struct Driver {
    operations: Operations,
    name: OperationName,
    scope: TenantScope,
    hold: Option<Hold>,
    /// What is asked of the items of the chunk that is being begun.
    entries: Option<(u32, Vec<Entry>)>,
    /// What is stored of the chunks that something is open in.
    outcomes: BTreeMap<u32, Vec<ItemOutcome>>,
    /// When which items were asked to stop that have not ended.
    asked: BTreeMap<u32, Timestamp>,
    /// Before that, nothing is started unless something has ended.
    held_until: Timestamp,
}

impl Driver {
    pub(super) fn new(operations: Operations, name: OperationName, hold: Hold) -> Self {
        let scope = TenantScope::for_system(name.tenant.clone());
        Driver {
            operations,
            name,
            scope,
            hold: Some(hold),
            entries: None,
            outcomes: BTreeMap::new(),
            asked: BTreeMap::new(),
            held_until: Timestamp::default(),
        }
    }

    pub(super) async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let round = self.round().await;
            pause = match &round {
                Ok(Round::Forward) => FIRST_PAUSE,
                Ok(Round::Idle | Round::Held) | Err(_) => (pause * 2).min(LONGEST_PAUSE),
                Ok(Round::Over) => {
                    self.hold.take().into_iter().for_each(Hold::end);
                    return;
                }
            };
            if round.is_err() {
                // What was stored is not known: it is read anew.
                self.outcomes.clear();
                self.entries = None;
            }
            self.operations.executions.note_attempt(WORK, round.map(drop));
            self.operations.executions.rest(pause).await;
        }
    }

    async fn round(&mut self) -> Result<Round> {
        let Some(mut operation) = self.own().await? else { return Ok(Round::Over) };
        let mut changed = Vec::new();
        let unfollowed = self.follow(&mut operation, &mut changed).await;
        let now = self.operations.executions.ports().clock.now();
        // What has ended may have made room.
        let is_held = changed.is_empty() && now < self.held_until;
        let begun = match operation.cancel_asked || is_held {
            true => Ok(Round::Idle),
            false => self.begin(&mut operation, &mut changed).await,
        };
        if matches!(begun, Ok(Round::Held)) {
            self.held_until = now.plus(PAUSE_FOR_ROOM);
        }
        let round = match begun {
            // What it was to do stands nowhere any more that can be read.
            Err(Error::Internal { context, .. }) if operation.batch.open.is_empty() => {
                let failure = Failure { reason: "INTERNAL".to_owned(), message: format!("its items cannot be read: {context}") };
                operation.end(OperationState::Failed, Some(failure), now);
                Round::Forward
            }
            Err(error) if changed.is_empty() => return Err(error),
            Err(_) => Round::Forward,
            Ok(round) => round,
        };
        self.end_if_done(&mut operation);
        let round = match changed.is_empty() && !operation.has_ended() {
            true => round,
            false => self.store(operation, changed, round).await?,
        };
        // What could be done is done by now: operators hear of the rest.
        if round == Round::Over { Ok(round) } else { unfollowed.map(|()| round) }
    }

    /// How far it is, where it is this server's to go on with.
    async fn own(&self) -> Result<Option<Operation>> {
        let executions = &self.operations.executions;
        // Others go on with it as soon as the lease of one that stops is given up.
        if executions.is_stopping() {
            return Ok(None);
        }
        let found = self.operations.repository.find(&self.scope, &self.name.operation).await?.open_for_system();
        // It has ended, was removed with its tenant, or is another server's by now.
        Ok(found.filter(|found| !found.has_ended() && Some(&found.fence) == executions.ports().keeper.fence().as_ref()))
    }

    /// Sees what has ended; what is to stop is asked to. An item that cannot be followed keeps its place, and holds up no other.
    ///
    /// # Errors
    /// The last for which one could not be.
    async fn follow(&mut self, operation: &mut Operation, changed: &mut Vec<u32>) -> Result<()> {
        let mut followed = Ok(());
        for index in operation.batch.open.clone() {
            if let Err(error) = self.follow_one(operation, index, changed).await {
                followed = Err(error);
            }
        }
        followed
    }

    async fn follow_one(&mut self, operation: &mut Operation, index: u32, changed: &mut Vec<u32>) -> Result<()> {
        let name = item_name(&self.name, index);
        let outcome = match self.operations.executions.item_state(&name).await? {
            ItemState::Open if operation.cancel_asked => return self.ask_stop(index, &name).await,
            ItemState::Open => return Ok(()),
            ItemState::Ended(state, reason) => ItemOutcome::Ended { state, reason: reason.map(|reason| reason.as_str().to_owned()) },
            ItemState::Gone => ItemOutcome::Ended { state: State::Lost, reason: None },
        };
        self.note(index, outcome.clone(), changed).await?;
        self.asked.remove(&index);
        operation.batch.end(index, &outcome);
        Ok(())
    }

    /// Asks an item to stop, unless it was asked just now.
    async fn ask_stop(&mut self, index: u32, name: &ExecutionName) -> Result<()> {
        let now = self.operations.executions.ports().clock.now();
        if self.asked.get(&index).is_some_and(|asked| now.since(*asked) < ASK_AGAIN) {
            return Ok(());
        }
        self.operations.executions.stop_item(name).await?;
        self.asked.insert(index, now);
        Ok(())
    }

    /// Starts what there is room for.
    async fn begin(&mut self, operation: &mut Operation, changed: &mut Vec<u32>) -> Result<Round> {
        if !operation.batch.has_room() {
            return Ok(Round::Idle);
        }
        let executions = self.operations.executions.clone();
        let around = Circumstances { method: METHOD.to_owned(), request_id: self.name.operation.to_string(), ..Circumstances::default() };
        let creator = operation.creator.caller();
        let caller = match executions.ports().authenticator.as_of_now(&creator).await {
            Ok(Some(caller)) => Ok(caller),
            Ok(None) => Err(refused("UNAUTHENTICATED", "what the batch was started with was revoked")),
            Err(error) => {
                self.operations.note_refusal(&creator, &error, &around);
                Err(refusal_unless_unavailable(error)?)
            }
        };
        for _ in 0..BEGUN_AT_ONCE {
            if !operation.batch.has_room() {
                break;
            }
            let index = operation.batch.next;
            let outcome = match (self.entry(index).await?, &caller) {
                (Entry::Refused(refusal), _) => ItemOutcome::Refused(refusal),
                (Entry::Item(_), Err(refusal)) => ItemOutcome::Refused(refusal.clone()),
                (Entry::Item(item), Ok(caller)) => match self.start(index, &item, caller, &around).await {
                    Ok(outcome) => outcome,
                    Err(_) if !changed.is_empty() => return Ok(Round::Held),
                    // What this host cannot contain for now is no fault of the item.
                    Err(error) if error.kind() == ErrorKind::Exhausted || sandbox::is_refusal(&error) => return Ok(Round::Held),
                    Err(error) => return Err(error),
                },
            };
            self.note(index, outcome.clone(), changed).await?;
            operation.batch.begin(&outcome);
        }
        Ok(Round::Forward)
    }

    /// Starts one in the right that who asked has by now.
    async fn start(&self, index: u32, item: &Item, caller: &Caller, around: &Circumstances) -> Result<ItemOutcome> {
        let (executions, name) = (&self.operations.executions, item_name(&self.name, index));
        // One that was started before stays started, whoever may what by now.
        if executions.item_state(&name).await? != ItemState::Gone {
            return Ok(ItemOutcome::Started);
        }
        let started = match executions.ports().policy.require::<StartExecution>(caller, item.utility.clone()).await {
            Ok(permit) => executions.start_item(&permit, item.launch(), &name, around).await,
            Err(error) => {
                self.operations.note_refusal(caller, &error, around);
                Err(error)
            }
        };
        match started {
            Ok(()) => Ok(ItemOutcome::Started),
            Err(error) => refusal_unless_unavailable(error).map(ItemOutcome::Refused),
        }
    }

    /// What is asked of an item.
    async fn entry(&mut self, index: u32) -> Result<Entry> {
        let chunk = chunk_of(index);
        let known = match self.entries.take().filter(|(known, _)| *known == chunk) {
            Some((_, known)) => known,
            None => self.operations.repository.entries(&self.scope, &self.name.operation, chunk).await?,
        };
        let entry = known.get((index % ITEMS_OF_CHUNK) as usize).cloned();
        self.entries = Some((chunk, known));
        entry.ok_or(Error::Internal { context: "an item of a batch is missing", source: None })
    }

    /// Takes note of what became of an item.
    async fn note(&mut self, index: u32, outcome: ItemOutcome, changed: &mut Vec<u32>) -> Result<()> {
        let (chunk, place) = (chunk_of(index), (index % ITEMS_OF_CHUNK) as usize);
        if !self.outcomes.contains_key(&chunk) {
            let stored = self.operations.repository.outcomes(&self.scope, &self.name.operation, chunk).await?;
            self.outcomes.insert(chunk, stored);
        }
        let known = self.outcomes.entry(chunk).or_default();
        match known.len() {
            length if place < length => known[place] = outcome,
            length if place == length => known.push(outcome),
            _ => return Err(Error::Internal { context: "what became of items of a batch has gaps", source: None }),
        }
        if !changed.contains(&chunk) {
            changed.push(chunk);
        }
        Ok(())
    }

    fn end_if_done(&self, operation: &mut Operation) {
        if operation.has_ended() || !operation.batch.open.is_empty() {
            return;
        }
        let (now, batch) = (self.operations.executions.ports().clock.now(), &operation.batch);
        let has_begun_all = batch.next == batch.total;
        // A wish that came too late for any item stopped nothing.
        if operation.cancel_asked && (!has_begun_all || batch.counts.cancelled > 0) {
            operation.end(OperationState::Cancelled, None, now);
        } else if has_begun_all {
            operation.end(OperationState::Succeeded, None, now);
        }
    }

    async fn store(&mut self, mut operation: Operation, changed: Vec<u32>, round: Round) -> Result<Round> {
        operation.updated = self.operations.executions.ports().clock.now();
        operation.revision = operation.revision.next();
        let outcomes: Vec<_> = changed.iter().filter_map(|chunk| Some((*chunk, self.outcomes.get(chunk)?.clone()))).collect();
        let is_stored = self.operations.repository.advance(&self.scope, &operation, &outcomes).await?;
        if !is_stored || operation.has_ended() {
            // Where it is not stored, the next look says whose it is; what this one believes counts for nothing.
            self.outcomes.clear();
            return Ok(if is_stored { Round::Over } else { Round::Idle });
        }
        let batch = &operation.batch;
        let open: Vec<u32> = batch.open.iter().copied().chain([batch.next]).map(chunk_of).collect();
        self.outcomes.retain(|chunk, _| open.contains(chunk));
        Ok(if round == Round::Held { Round::Held } else { Round::Forward })
    }
}

fn refused(reason: &str, message: &str) -> Refusal {
    Refusal { reason: reason.to_owned(), message: message.to_owned() }
}
