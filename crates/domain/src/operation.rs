//! Operations: long work that goes on when its call is answered, is followed and stopped by its name, and is gone on with by any server when
//! the one that did it is gone. The work that there is are batches: many executions that one call starts.

pub mod actions;
mod batch;
mod begin;
mod driver;
mod entity;
mod held;
mod ports;
mod repository;
mod tending;
mod use_cases;
mod watch;

pub use batch::{
    Batch, BatchAsked, Counts, DEFAULT_CONCURRENCY, Entry, ITEMS_OF_CHUNK, Item, ItemOutcome, MAX_CONCURRENCY, MAX_ITEMS, Refusal,
    Reported, chunk_of,
};
pub use entity::{Creator, Failure, MAX_OPEN, Operation, OperationState, too_many};
pub use ports::Operations;
pub use repository::{OperationQuery, OperationRepository};
pub use tending::{KEPT_FOR, TEND_PERIOD};
pub use watch::{OperationWatch, WatchedOperation};
