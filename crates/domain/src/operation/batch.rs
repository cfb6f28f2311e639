//! A batch: what is to be executed, how far that is, and what became of each item.
//!
//! Items lie in chunks beside the operation: what is asked of them, and what became of those that were begun. So no document grows with
//! the number of items, and the operation itself says only where it stands.

use std::time::Duration;

use crate::execution::{Launch, State};
use crate::name::{ExecutionName, UtilityName};
use crate::request::RequestKey;
use crate::sandbox::OnOutputLimit;
use crate::secret::References;

/// Most items of a batch.
pub const MAX_ITEMS: usize = 10_000;
/// Most items of a batch that are between their start and their end: each of them is looked after in every round, and their places stand
/// in the operation's document.
pub const MAX_CONCURRENCY: u32 = 100;
/// The limit where none is asked for.
pub const DEFAULT_CONCURRENCY: u32 = 10;
/// Items of a chunk: what became of one is stored by writing that of all in its chunk, some kilobytes.
pub const ITEMS_OF_CHUNK: u32 = 100;

/// A batch as asked for.
#[derive(Debug, Clone)]
pub struct BatchAsked {
    /// 1 to [`MAX_ITEMS`].
    pub items: Vec<Item>,
    /// 1 to [`MAX_CONCURRENCY`].
    pub concurrency: u32,
    /// The request to remember.
    pub request: Option<RequestKey>,
}

/// One execution that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What is executed.
    pub utility: UtilityName,
    /// Its version; `None` is the one that is current when the item's turn comes.
    pub version: Option<u32>,
    /// Parameters as one JSON object; empty is `{}`.
    pub params_json: String,
    /// Which secret parameters get which secrets.
    pub secrets: References,
    /// A shorter wall limit than the utility's.
    pub timeout: Option<Duration>,
    /// What happens beyond the output limit, instead of what the utility says.
    pub on_output_limit: Option<OnOutputLimit>,
    /// Whether it may be run a second time where the server that ran it is lost.
    pub retry_if_lost: bool,
}

/// An item as it is stored: of what was refused when the batch was asked for, only why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// It is to be started.
    Item(Box<Item>),
    /// It never is.
    Refused(Refusal),
}

/// Why an item was never started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Stable reason, as of the error that a single start would have been answered with.
    pub reason: String,
    /// What is wrong.
    pub message: String,
}

/// What became of an item that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemOutcome {
    /// Its execution has not ended.
    Started,
    /// It has no execution.
    Refused(Refusal),
    /// Its execution has ended.
    Ended {
        /// How.
        state: State,
        /// Why it did not succeed.
        reason: Option<String>,
    },
}

/// What a report says of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// Its place in the call, from 0.
    pub index: u32,
    /// Its execution, where it was begun and not refused.
    pub execution: Option<ExecutionName>,
    /// What became of it; `None` before it is begun.
    pub outcome: Option<ItemOutcome>,
}

/// How far a batch is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// How many items it has.
    pub total: u32,
    /// How many are at most between start and end.
    pub concurrency: u32,
    /// The first item that was not begun.
    pub next: u32,
    /// Items that were begun and have not ended, at most `concurrency`.
    pub open: Vec<u32>,
    /// How many have ended how.
    pub counts: Counts,
}

/// How many items have ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "each field is named like the state of an execution")]
pub struct Counts {
    pub succeeded: u32,
    pub failed: u32,
    pub timed_out: u32,
    pub cancelled: u32,
    pub denied: u32,
    pub lost: u32,
    /// Never started: they have no execution.
    pub refused: u32,
}

/// The chunk that an item lies in.
pub const fn chunk_of(index: u32) -> u32 {
    index / ITEMS_OF_CHUNK
}

// === impls ===

impl Item {
    /// The execution that is to be started.
    pub(super) fn launch(&self) -> Launch {
        Launch {
            version: self.version,
            params_json: self.params_json.clone(),
            secrets: self.secrets.clone(),
            timeout: self.timeout,
            on_output_limit: self.on_output_limit,
            retry_if_lost: self.retry_if_lost,
            request: None,
            cancel_on_disconnect: false,
            firing: None,
        }
    }
}

impl Batch {
    /// One of which nothing has begun.
    pub(super) fn new(total: u32, concurrency: u32) -> Self {
        Batch { total, concurrency, next: 0, open: Vec::new(), counts: Counts::default() }
    }

    /// Whether another item may begin.
    pub(super) fn has_room(&self) -> bool {
        self.next < self.total && (self.open.len() as u64) < u64::from(self.concurrency)
    }

    /// Takes note of what became of the next item.
    pub(super) fn begin(&mut self, outcome: &ItemOutcome) {
        match outcome {
            ItemOutcome::Started => self.open.push(self.next),
            ended => self.counts.add(ended),
        }
        self.next += 1;
    }

    /// Takes note of how an item that was open has ended.
    pub(super) fn end(&mut self, index: u32, outcome: &ItemOutcome) {
        self.open.retain(|open| *open != index);
        self.counts.add(outcome);
    }
}

impl Counts {
    fn add(&mut self, outcome: &ItemOutcome) {
        let count = match outcome {
            ItemOutcome::Started => return,
            ItemOutcome::Refused(_) => &mut self.refused,
            ItemOutcome::Ended { state, .. } => match state {
                State::Succeeded => &mut self.succeeded,
                State::TimedOut => &mut self.timed_out,
                State::Cancelled => &mut self.cancelled,
                State::Denied => &mut self.denied,
                State::Lost => &mut self.lost,
                State::Failed | State::Pending | State::Starting | State::Running | State::Cancelling => &mut self.failed,
            },
        };
        *count += 1;
    }
}
